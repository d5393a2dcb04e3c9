/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl logs: requests as they end, and weirctl log level. */

#include <stdlib.h>
#include <string.h>

#include "weirctl/answer.h"
#include "weirctl/command.h"

/* -- logs -------------------------------------------------------------------------------------- */

enum { LINES_MAX = 1000000000 };

/* The operands are the terms of one filter; one with blanks in it was quoted for the shell, and is
 * quoted again for the gateway where its value has them. */
static void add_term(struct text *out, const char *term)
{
    const char *value = strpbrk(term, "=<>~");

    if (out->n)
        text_char(out, ' ');
    if (!strpbrk(term, " \t\"") || !value) {
        text_str(out, term);
        return;
    }
    value += value[1] == '=' && *value != '~' ? 2 : 1;
    text_add(out, slice_between(term, value));
    text_char(out, '"');
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            text_char(out, '\\');
        text_char(out, *value);
    }
    text_char(out, '"');
}

static bool ask_logs(const struct command_args *args, json_t *content, struct text *fault)
{
    struct text filter;
    uint64_t lines = 0;

    if (args->options[0] &&
        (!slice_to_u64(slice_str(args->options[0]), &lines) || lines < 1 || lines > LINES_MAX)) {
        text_printf(fault, "--lines is \"%s\"; allowed is a number from 1", args->options[0]);
        return false;
    }
    text_init(&filter);
    for (size_t i = 0; i < args->operands_n; i++)
        add_term(&filter, args->operands[i]);
    json_object_set_new(content, "filter", json_stringn(filter.n ? filter.p : "", filter.n));
    if (lines)
        json_object_set_new(content, "lines", json_integer((json_int_t)lines));
    text_fini(&filter);
    return true;
}

static const char *word(const json_t *line, const char *name)
{
    const char *s = json_string_value(json_object_get(line, name));

    return s ? s : "";
}

/* "2026-11-24T10:00:00.123456Z" without day and microseconds. */
static void add_time(struct text *out, const json_t *line)
{
    const char *t = strchr(word(line, "time"), 'T');

    if (t && strlen(t) > strlen("T10:00:00.123"))
        text_add(out, slice_of(t + 1, strlen("10:00:00.123")));
    else
        text_char(out, '-');
}

static void add_duration(struct text *out, const json_t *line)
{
    const double us = json_number_value(json_object_get(line, "duration_us"));

    if (us < 1e6)
        text_printf(out, " %7.1fms", us / 1e3);
    else
        text_printf(out, " %7.2fs ", us / 1e6);
}

static void add_word(struct text *out, const char *before, const char *s)
{
    if (!*s)
        return;
    text_str(out, before);
    answer_plain(out, s);
}

static void show_request(const json_t *line, struct text *out)
{
    const json_t *lost = json_object_get(line, "lost");

    if (lost) {
        text_printf(out, "... %lld lines are missing: too many for whoever reads\n",
                    (long long)json_integer_value(lost));
        return;
    }
    add_time(out, line);
    text_printf(out, " %3lld", (long long)json_integer_value(json_object_get(line, "status")));
    add_duration(out, line);
    add_word(out, " ", word(line, "method"));
    add_word(out, " ", word(line, "host"));
    add_word(out, "", word(line, "path"));
    add_word(out, "?", word(line, "query"));
    add_word(out, " route=", word(line, "route"));
    add_word(out, " variant=", word(line, "variant"));
    add_word(out, " endpoint=", word(line, "endpoint"));
    if (strcmp(word(line, "outcome"), "ok") != 0)
        add_word(out, " outcome=", word(line, "outcome"));
    add_word(out, " tries=", word(line, "tries"));
    text_char(out, '\n');
}

extern const struct command logs_follow;
const struct command logs_follow = {
    .name = "logs",
    .operands = "[-f] [FILTER...]",
    .summary = "show requests as they end; -f: until Ctrl-C",
    .help = "Those that end from now on, on all workers, whatever log.access says; with --json as "
            "whole\n"
            "lines of the JSON format. A filter is FIELD, one of = != < <= > >= ~ !~, and VALUE; "
            "several\n"
            "must all be true. Fields are those of docs/access-log.md; ~ is a regular expression, "
            "and\n"
            "duration (as the others that end in _us) takes a unit. It ends after the next ten,\n"
            "or after --lines; with -f it goes on, over reloads, too.\n"
            "\n"
            "    weirctl logs route=reviews 'status>=500'\n"
            "    weirctl logs 'duration>100ms' 'path~^/api/' 'outcome!=ok'\n"
            "    weirctl --json logs --lines 10 canary.variant=v2\n",
    .options = {{"lines", "N", "end after so many"}},
    .operands_max = 16,
    .path = "/v1/logs/stream",
    .ask = ask_logs,
    .show_line = show_request,
};

/* -- the level --------------------------------------------------------------------------------- */

static bool ask_level(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    if (args->operands_n)
        json_object_set_new(content, "level", json_string(args->operands[0]));
    return true;
}

static void show_level(const json_t *answer, struct text *out)
{
    text_str(out, "The error log is written up to level ");
    answer_add(out, answer, "level");
    if (!strcmp(word(answer, "level"), word(answer, "configured"))) {
        text_str(out, ".\n");
        return;
    }
    text_str(out, "; the configuration says ");
    answer_add(out, answer, "configured");
    text_str(out, ".\n");
}

extern const struct command log_level;
const struct command log_level = {
    .name = "log level",
    .operands = "[error|warn|info|trace]",
    .summary = "show or set how much the error log says",
    .help = "In all processes at once, also over reloads, until log.level changes in the file or "
            "the\nlevel that it says is set (weirctl overrides).\n",
    .operands_max = 1,
    .path = "/v1/logs/level",
    .overrides = true,
    .ask = ask_level,
    .show = show_level,
};
