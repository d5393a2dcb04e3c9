/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl events: what has changed lately, and who has changed it. */

#include <stdlib.h>
#include <string.h>

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"

enum { LIMIT_MAX = 512 };

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    uint64_t limit = 0;

    if (!args->options[0])
        return true;
    if (!slice_to_u64(slice_str(args->options[0]), &limit) || limit < 1 || limit > LIMIT_MAX) {
        text_printf(fault, "--limit is \"%s\"; allowed is a number from 1 to %d", args->options[0],
                    LIMIT_MAX);
        return false;
    }
    json_object_set_new(content, "limit", json_integer((json_int_t)limit));
    return true;
}

/* "2026-11-26 12:00:00 UTC" */
static void add_time(struct text *out, const json_t *event)
{
    const json_t *at = json_object_get(event, "at_ms");
    json_t *o = json_object();

    if (json_is_integer(at))
        json_object_set_new(o, "at", json_integer(json_integer_value(at) / 1000));
    answer_moment(out, o, "at");
    json_decref(o);
}

static void add_pair(struct text *out, const char *name, const json_t *v)
{
    char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

    if (out->n && out->p[out->n - 1] && out->p[out->n - 1] != ' ')
        text_char(out, ' ');
    answer_plain(out, name);
    text_char(out, '=');
    answer_plain(out, text ? text : json_string_value(v));
    free(text);
}

/* A module's text is for people and says all; else the fields are what there is. */
static void add_facts(struct text *out, const json_t *event)
{
    json_t *fields = json_object_get(event, "fields"), *v;
    const char *text = json_string_value(json_object_get(fields, "text")), *name;

    if (text)
        answer_plain(out, text);
    json_object_foreach(fields, name, v) if (!text) add_pair(out, name, v);
    if ((v = json_object_get(event, "who")))
        add_pair(out, "who", v);
    if ((v = json_object_get(event, "reason")))
        add_pair(out, "reason", v);
}

static void show(const json_t *answer, struct text *out)
{
    static const char *const heads[] = {">N", "TIME", "LEVEL", "PROCESS", "EVENT", "", NULL};
    const json_t *events = answer_list(answer, "events"), *event;
    struct table t;
    size_t i;

    if (json_array_size(events) == 0) {
        text_str(out, "Nothing has happened.\n");
        return;
    }
    table_init(&t, heads);
    json_array_foreach(events, i, event)
    {
        answer_add(table_cell(&t), event, "n");
        add_time(table_cell(&t), event);
        answer_add(table_cell(&t), event, "level");
        answer_add(table_cell(&t), event, "process");
        answer_add(table_cell(&t), event, "event");
        add_facts(table_cell(&t), event);
    }
    table_write(&t, out);
}

static void show_line(const json_t *event, struct text *out)
{
    add_time(out, event);
    text_char(out, ' ');
    answer_add(out, event, "level");
    text_char(out, ' ');
    answer_add(out, event, "process");
    text_char(out, ' ');
    answer_add(out, event, "event");
    text_char(out, ' ');
    add_facts(out, event);
    text_char(out, '\n');
}

extern const struct command events_list;
const struct command events_list = {
    .name = "events",
    .operands = "[-f]",
    .summary = "show what has changed lately, and who changed it; -f: until Ctrl-C",
    .help =
        "Circuits, endpoints, reloads, processes, the fleet, and changes by operators: the last "
        "100,\n"
        "or --limit, of the 512 that are kept. With -f those to come follow, looked for once a\n"
        "second, over reloads, too. The audit log (log.audit) has all of them.\n",
    .options = {{"limit", "N", "so many of the last ones, up to 512"}},
    .path = "/v1/events",
    .ask = ask,
    .show = show,
    .show_line = show_line,
    .added = "events",
};
