/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and what can be told from it: which one is meant, and how each is called.
 * A new command is a file with its constant, and a line in the list. */

#include "weirctl/command.h"

#include <ctype.h>
#include <string.h>

#include "base/fault.h"

/* In the order of the help. */
#define COMMANDS(C)                                                                                \
    C(status_show)                                                                                 \
    C(top)                                                                                         \
    C(routes_show)                                                                                 \
    C(clusters_show)                                                                               \
    C(workers_show)                                                                                \
    C(breaker_list)                                                                                \
    C(breaker_open)                                                                                \
    C(breaker_close)                                                                               \
    C(breaker_auto)                                                                                \
    C(breaker_disable)                                                                             \
    C(breaker_enable)                                                                              \
    C(canary_get)                                                                                  \
    C(canary_set)                                                                                  \
    C(dark_grant)                                                                                  \
    C(dark_list)                                                                                   \
    C(dark_revoke)                                                                                 \
    C(endpoint_list)                                                                               \
    C(endpoint_drain)                                                                              \
    C(endpoint_enable)                                                                             \
    C(endpoint_weight)                                                                             \
    C(config_show)                                                                                 \
    C(config_compare)                                                                              \
    C(config_text)                                                                                 \
    C(explain)                                                                                     \
    C(fault_list)                                                                                  \
    C(fault_on)                                                                                    \
    C(fault_off)                                                                                   \
    C(fault_set)                                                                                   \
    C(fault_stop_all)                                                                              \
    C(fault_resume)                                                                                \
    C(fleet_show)                                                                                  \
    C(fleet_decisions)                                                                             \
    C(fleet_forget)                                                                                \
    C(mirror_diffs)                                                                                \
    C(outlier_list)                                                                                \
    C(outlier_eject)                                                                               \
    C(outlier_return)                                                                              \
    C(overrides_list)                                                                              \
    C(overrides_drop)                                                                              \
    C(overrides_fragment)                                                                          \
    C(process_reload)                                                                              \
    C(process_upgrade)                                                                             \
    C(process_drain)                                                                               \
    C(process_rollback)                                                                            \
    C(process_reopen)                                                                              \
    C(logs_follow)                                                                                 \
    C(log_level)                                                                                   \
    C(events_list)                                                                                 \
    C(completion)

#define COMMAND(name) extern const struct command name;
COMMANDS(COMMAND)
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &name,
    COMMANDS(COMMAND)
#undef COMMAND
        NULL,
};

enum { COMMANDS_N = array_n(commands) - 1 };

/* Other words for a command: understood, and told of in its help, but not listed. */
static const struct {
    const char *said;
    const struct command *meant;
} aliases[] = {
    {"endpoints", &endpoint_list},
    {"breakers", &breaker_list},
    {"endpoint undrain", &endpoint_enable},
};

/* How many arguments the words of a name are, when these are the first ones; 0: they are not. */
static size_t match(const char *name, char *const *argv, size_t argc)
{
    size_t words = 0;

    for (struct slice rest = slice_str(name); rest.p; words++)
        if (words == argc || !slice_eq(slice_cut(&rest, ' '), slice_str(argv[words])))
            return 0;
    return words;
}

const struct command *command_find(char *const *argv, size_t argc, size_t *words)
{
    const struct command *found = NULL;

    *words = 0;
    for (size_t i = 0; i < COMMANDS_N; i++) {
        const size_t n = match(commands[i]->name, argv, argc);
        if (n > *words) {
            *words = n;
            found = commands[i];
        }
    }
    for (size_t i = 0; i < array_n(aliases); i++) {
        const size_t n = match(aliases[i].said, argv, argc);
        if (n > *words) {
            *words = n;
            found = aliases[i].meant;
        }
    }
    return found;
}

static bool in_group(const struct command *c, const char *group)
{
    struct slice rest = slice_str(c->name);

    return !group || slice_eq(slice_cut(&rest, ' '), slice_str(group));
}

void command_guess(char *const *argv, size_t argc, struct text *out)
{
    const char *names[COMMANDS_N + 1] = {NULL};
    struct text said;

    for (size_t i = 0; i < COMMANDS_N; i++)
        names[i] = commands[i]->name;
    text_init(&said);
    text_str(&said, argv[0]);
    if (argc > 1)
        text_printf(&said, " %s", argv[1]);
    const char *near = nearest_name(text_slice(&said), names);
    if (near)
        text_str(out, near);
    text_fini(&said);
}

static size_t width_of(const struct command *c)
{
    return strlen(c->name) + (*c->operands ? 1 + strlen(c->operands) : 0);
}

bool command_list(const char *group, struct text *out)
{
    size_t widest = 0;
    bool any = false;

    for (size_t i = 0; i < COMMANDS_N; i++)
        if (width_of(commands[i]) > widest)
            widest = width_of(commands[i]);
    for (size_t i = 0; i < COMMANDS_N; i++) {
        const struct command *c = commands[i];
        if (!in_group(c, group))
            continue;
        any = true;
        text_printf(out, "  %s%s%s%*s  %s\n", c->name, *c->operands ? " " : "", c->operands,
                    (int)(widest - width_of(c)), "", c->summary);
    }
    return any;
}

void command_beside(const struct command *c, struct command_beside to[COMMAND_BESIDE + 1])
{
    size_t n = 0;

    if (c->changes || c->overrides || c->decides)
        to[n++] = (struct command_beside){"reason", "TEXT",
                                          "why; for the log, and the list of what is overridden",
                                          BESIDE_REASON};
    if ((c->overrides || c->decides) && !c->returns)
        to[n++] = (struct command_beside){
            "expires", "TIME",
            "how long it lasts, such as 30m or 2h; then the file's value is back", BESIDE_EXPIRES};
    if (c->decides)
        to[n++] = (struct command_beside){"fleet", NULL,
                                          "on all instances, also those that join later (weirctl "
                                          "fleet decisions)",
                                          BESIDE_FLEET};
    to[n] = (struct command_beside){0};
}

void command_usage(const struct command *c, struct text *out)
{
    text_printf(out, "weirctl %s", c->name);
    for (size_t i = 0; i < COMMAND_OPTIONS && c->options[i].name; i++)
        text_printf(out, " [--%s%s%s]", c->options[i].name, c->options[i].value ? " " : "",
                    c->options[i].value ? c->options[i].value : "");
    struct command_beside beside[COMMAND_BESIDE + 1];
    command_beside(c, beside);
    for (const struct command_beside *b = beside; b->name; b++)
        text_printf(out, b->value ? " [--%s %s]" : " [--%s]", b->name, b->value);
    text_printf(out, "%s%s\n", *c->operands ? " " : "", c->operands);
}

void command_help(const struct command *c, struct text *out)
{
    text_str(out, "Usage: ");
    command_usage(c, out);
    text_printf(out, "\n%c%s.\n", toupper((unsigned char)c->summary[0]), c->summary + 1);
    if (*c->help)
        text_printf(out, "\n%s", c->help);
    for (size_t i = 0; i < array_n(aliases); i++)
        if (aliases[i].meant == c)
            text_printf(out, "\n\"weirctl %s\" is the same.\n", aliases[i].said);
    struct command_beside beside[COMMAND_BESIDE + 1];
    command_beside(c, beside);
    if (c->options[0].name || beside[0].name)
        text_str(out, "\n");
    for (size_t i = 0; i < COMMAND_OPTIONS && c->options[i].name; i++)
        text_printf(out, "  --%s%s%s  %s\n", c->options[i].name, c->options[i].value ? " " : "",
                    c->options[i].value ? c->options[i].value : "", c->options[i].help);
    for (const struct command_beside *b = beside; b->name; b++)
        text_printf(out, "  --%s%s%s  %s\n", b->name, b->value ? " " : "", b->value ? b->value : "",
                    b->help);
}
