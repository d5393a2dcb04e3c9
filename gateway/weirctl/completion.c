/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl completion: scripts for shells that complete commands and options, made from the table of
 * commands. They ask no gateway, so that a key pressed in a shell never waits for one.
 *
 * All three work alike: what stands before the cursor, without options and their values, is the
 * beginning of a command's name, and the next word of every name that begins like that is offered.
 * What an option is worth is not completed, but for the path of the socket. */

#include "weirctl/command.h"

#include <ctype.h>
#include <string.h>

/* -- what there is to complete ----------------------------------------------------------------- */

/* "bash|zsh|fish" are words to be typed; "ROUTE" and "[ID]" stand for something. */
static bool is_choice(const char *operands)
{
    if (!strchr(operands, '|'))
        return false;
    for (const char *p = operands; *p; p++)
        if (!islower((unsigned char)*p) && *p != '|')
            return false;
    return true;
}

/* Calls `each` with every sequence of words that may be typed, and what it is for. */
static void each_line(void (*each)(struct text *out, const char *words, const char *summary),
                      struct text *out)
{
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        if (!is_choice(c->operands)) {
            each(out, c->name, c->summary);
            continue;
        }
        for (struct slice rest = slice_str(c->operands); rest.p;) {
            const struct slice word = slice_cut(&rest, '|');
            struct text line;
            text_init(&line);
            text_printf(&line, "%s %.*s%c", c->name, (int)word.n, word.p, '\0');
            each(out, line.p, c->summary);
            text_fini(&line);
        }
    }
    each(out, "help", "tell more of a command");
}

static bool same_option_before(size_t command, const char *name)
{
    for (size_t i = 0; i < command; i++)
        for (size_t j = 0; j < COMMAND_OPTIONS && commands[i]->options[j].name; j++)
            if (!strcmp(commands[i]->options[j].name, name))
                return true;
    return false;
}

/* " | --for | --other": all options that take a value, each once, as patterns of a shell's case. */
static void add_valued_options(struct text *out)
{
    for (size_t i = 0; commands[i]; i++)
        for (size_t j = 0; j < COMMAND_OPTIONS && commands[i]->options[j].name; j++)
            if (commands[i]->options[j].value &&
                !same_option_before(i, commands[i]->options[j].name))
                text_printf(out, " | --%s", commands[i]->options[j].name);
    text_str(out, " | --reason | --expires");
}

static bool has_options(const struct command *c)
{
    return c->options[0].name || c->decides || c->overrides || c->changes;
}

/* The arms of a case: the options of each command that has some. */
static void add_option_arms(struct text *out)
{
    struct command_beside beside[COMMAND_BESIDE + 1];
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        if (!has_options(c))
            continue;
        text_printf(out, "    \"%s \"*) options=\"$options", c->name);
        for (size_t j = 0; j < COMMAND_OPTIONS && c->options[j].name; j++)
            text_printf(out, " --%s", c->options[j].name);
        command_beside(c, beside);
        for (const struct command_beside *b = beside; b->name; b++)
            text_printf(out, " --%s", b->name);
        text_str(out, "\" ;;\n");
    }
}

/* Inside of single quotes; `quote` is how one is written there. */
static void add_quoted(struct text *out, const char *s, const char *quote)
{
    for (; *s; s++)
        if (*s == '\'')
            text_str(out, quote);
        else
            text_char(out, *s);
}

/* -- bash -------------------------------------------------------------------------------------- */

/* COMP_WORDS has "--for=2h" as three words. */
static const char bash_head[] =
    "# Completion of weirctl for bash, made by \"weirctl completion bash\".\n"
    "_weirctl() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} said= value= options='--socket --json --help'\n"
    "    local n line rest words=\n"
    "    COMPREPLY=()\n"
    "    for ((n = 1; n < COMP_CWORD; n++)); do\n"
    "        case ${COMP_WORDS[n]} in\n"
    "        -s | --socket";
static const char bash_middle[] = ")\n"
                                  "            value=${COMP_WORDS[n]}\n"
                                  "            [ \"${COMP_WORDS[n + 1]}\" != = ] || n=$((n + 1))\n"
                                  "            n=$((n + 1)) ;;\n"
                                  "        -* | =) value= ;;\n"
                                  "        *) said=\"$said${COMP_WORDS[n]} \" value= ;;\n"
                                  "        esac\n"
                                  "    done\n"
                                  "    if [ $n -gt $COMP_CWORD ]; then\n"
                                  "        [ \"$cur\" != = ] || cur=\n"
                                  "        case $value in\n"
                                  "        -s | --socket) compopt -o filenames && mapfile -t "
                                  "COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
                                  "        esac\n"
                                  "        return\n"
                                  "    fi\n"
                                  "    said=${said#help }\n"
                                  "    case $said in\n"
                                  "    '') options=\"$options --version\" ;;\n";
static const char bash_options[] =
    "    esac\n"
    "    while read -r line; do\n"
    "        case \"$line\" in\n"
    "        \"$said\"?*) rest=${line#\"$said\"} words=\"$words ${rest%% *}\" ;;\n"
    "        esac\n"
    "    done <<'COMMANDS'\n";
static const char bash_tail[] = "COMMANDS\n"
                                "    case $cur in\n"
                                "    -*) words=$options ;;\n"
                                "    esac\n"
                                "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\" | "
                                "sort -u)\n"
                                "}\n"
                                "complete -F _weirctl weirctl\n";

static void bash_line(struct text *out, const char *words, const char *summary)
{
    (void)summary;
    text_printf(out, "%s\n", words);
}

static void write_bash(struct text *out)
{
    text_str(out, bash_head);
    add_valued_options(out);
    text_str(out, bash_middle);
    add_option_arms(out);
    text_str(out, bash_options);
    each_line(bash_line, out);
    text_str(out, bash_tail);
}

/* -- zsh --------------------------------------------------------------------------------------- */

static const char zsh_head[] =
    "#compdef weirctl\n"
    "# Completion of weirctl for zsh, made by \"weirctl completion zsh\".\n"
    "_weirctl() {\n"
    "    local said= options='--socket --json --help' line rest\n"
    "    local -i n\n"
    "    local -a found\n"
    "    for ((n = 2; n < CURRENT; n++)); do\n"
    "        case ${words[n]} in\n"
    "        -s | --socket";
static const char zsh_middle[] = ") n+=1 ;;\n"
                                 "        -*) ;;\n"
                                 "        *) said=\"$said${words[n]} \" ;;\n"
                                 "        esac\n"
                                 "    done\n"
                                 "    if ((n > CURRENT)); then\n"
                                 "        case ${words[CURRENT - 1]} in\n"
                                 "        -s | --socket) _files ;;\n"
                                 "        esac\n"
                                 "        return\n"
                                 "    fi\n"
                                 "    said=${said#help }\n"
                                 "    case $said in\n"
                                 "    '') options=\"$options --version\" ;;\n";
static const char zsh_options[] = "    esac\n"
                                  "    if [[ ${words[CURRENT]} == -* ]]; then\n"
                                  "        compadd -- ${=options}\n"
                                  "        return\n"
                                  "    fi\n"
                                  "    for line in \\\n";
static const char zsh_tail[] = "    ; do\n"
                               "        [[ $line == \"$said\"* ]] || continue\n"
                               "        rest=${line#\"$said\"}\n"
                               "        [[ ${rest%%:*} != *' '* ]] || rest=${rest%% *}\n"
                               "        ((${found[(I)${rest%%:*}(|:*)]})) || found+=(\"$rest\")\n"
                               "    done\n"
                               "    ((! $#found)) || _describe command found\n"
                               "}\n"
                               "if [[ ${funcstack[1]} == _weirctl ]]; then _weirctl \"$@\"; else "
                               "compdef _weirctl weirctl; fi\n";

static void zsh_line(struct text *out, const char *words, const char *summary)
{
    text_printf(out, "        '%s:", words);
    add_quoted(out, summary, "'\\''");
    text_str(out, "' \\\n");
}

static void write_zsh(struct text *out)
{
    text_str(out, zsh_head);
    add_valued_options(out);
    text_str(out, zsh_middle);
    add_option_arms(out);
    text_str(out, zsh_options);
    each_line(zsh_line, out);
    text_str(out, zsh_tail);
}

/* -- fish -------------------------------------------------------------------------------------- */

static const char fish_head[] =
    "# Completion of weirctl for fish, made by \"weirctl completion fish\".\n"
    "function __weirctl_said\n"
    "    set -l said\n"
    "    set -l skip 0\n"
    "    for word in (commandline -opc)[2..-1]\n"
    "        if test $skip = 1\n"
    "            set skip 0\n"
    "            continue\n"
    "        end\n"
    "        switch $word\n"
    "            case -s --socket";
static const char fish_middle[] =
    "\n"
    "                set skip 1\n"
    "            case '-*'\n"
    "            case '*'\n"
    "                set -a said $word\n"
    "        end\n"
    "    end\n"
    "    test \"$said[1]\" = help; and set -e said[1]\n"
    "    string join ' ' -- $said\n"
    "end\n"
    "function __weirctl_at\n"
    "    test (__weirctl_said | string collect -a) = \"$argv\"\n"
    "end\n"
    "function __weirctl_in\n"
    "    string match -q -- \"$argv *\" (__weirctl_said | string collect -a)' '\n"
    "end\n"
    "complete -c weirctl -f\n"
    "complete -c weirctl -s s -l socket -r -F -d 'a path, or HOST:PORT'\n"
    "complete -c weirctl -l json -d 'print the JSON as it came'\n"
    "complete -c weirctl -s h -l help -d 'print help'\n"
    "complete -c weirctl -n \"__weirctl_at ''\" -s v -l version -d 'print the version'\n";

/* A line for each word of it: where the words before it have been said, this one may follow. */
static void fish_line(struct text *out, const char *words, const char *summary)
{
    const char *end = words;

    for (const char *word = words; *end; word = end + 1) {
        end = word + strcspn(word, " ");
        const int before = word > words ? (int)(word - words) - 1 : 0;
        text_printf(out, "complete -c weirctl -n \"__weirctl_at '%.*s'\" -a %.*s", before, words,
                    (int)(end - word), word);
        if (!*end) {
            text_str(out, " -d '");
            add_quoted(out, summary, "\\'");
            text_char(out, '\'');
        }
        text_char(out, '\n');
    }
}

static void fish_option(struct text *out, const char *words, const char *name, bool valued,
                        const char *help)
{
    text_printf(out, "complete -c weirctl -n \"__weirctl_in '%s'\" -l %s%s -d '", words, name,
                valued ? " -x" : "");
    add_quoted(out, help, "\\'");
    text_str(out, "'\n");
}

static void fish_options(struct text *out, const struct command *c)
{
    struct command_beside beside[COMMAND_BESIDE + 1];
    for (size_t j = 0; j < COMMAND_OPTIONS && c->options[j].name; j++)
        fish_option(out, c->name, c->options[j].name, c->options[j].value, c->options[j].help);
    command_beside(c, beside);
    for (const struct command_beside *b = beside; b->name; b++)
        fish_option(out, c->name, b->name, b->value, b->help);
}

static void write_fish(struct text *out)
{
    struct text valued;

    text_init(&valued);
    add_valued_options(&valued);
    text_str(out, fish_head);
    for (size_t i = 0; i < valued.n; i++)
        if (valued.p[i] != '|')
            text_char(out, valued.p[i]);
    text_str(out, fish_middle);
    each_line(fish_line, out);
    for (size_t i = 0; commands[i]; i++)
        fish_options(out, commands[i]);
    text_fini(&valued);
}

/* -- the command ------------------------------------------------------------------------------- */

static bool print(const struct command_args *args, struct text *out, struct text *fault)
{
    static const struct {
        const char *name;
        void (*write)(struct text *out);
    } shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};

    for (size_t i = 0; i < array_n(shells); i++)
        if (!strcmp(args->operands[0], shells[i].name)) {
            shells[i].write(out);
            return true;
        }
    text_printf(fault, "\"%s\" is no shell that has completion here: bash, zsh or fish",
                args->operands[0]);
    return false;
}

extern const struct command completion;
const struct command completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .summary = "print a script with which a shell completes commands",
    .help = "It needs no gateway. For this shell, and for good:\n"
            "\n"
            "    source <(weirctl completion bash)\n"
            "    weirctl completion bash >/etc/bash_completion.d/weirctl\n"
            "    weirctl completion zsh >\"${fpath[1]}/_weirctl\"\n"
            "    weirctl completion fish >~/.config/fish/completions/weirctl.fish\n",
    .operands_min = 1,
    .operands_max = 1,
    .print = print,
};
