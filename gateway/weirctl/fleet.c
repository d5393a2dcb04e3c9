/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl fleet: which instances share their state, as this one sees them. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/duration.h"
#include "weirctl/table.h"

static const char *const heads[] = {"INSTANCE", "VERSION", "CONFIG", ">REQ/S",
                                    ">ACTIVE",  "UP FOR",  "HEARD",  NULL};

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)args;
    (void)content;
    (void)fault;
    return true;
}

static void add_ago(struct text *cell, const json_t *o, const char *key, double unit_s)
{
    double v;
    if (!answer_number(o, key, &v)) {
        text_char(cell, '-');
        return;
    }
    duration_text(cell, v * unit_s);
    text_str(cell, " ago");
}

static void add_age(struct text *cell, const json_t *answer, const json_t *member)
{
    double now_s, since_s;
    if (answer_number(answer, "now", &now_s) && answer_number(member, "since", &since_s) &&
        since_s > 0)
        duration_text(cell, now_s - since_s);
    else
        text_char(cell, '-');
}

/* It is at the head of its own list. */
static void add_heard(struct text *cell, const json_t *member)
{
    if (json_is_true(json_object_get(member, "self")))
        text_str(cell, "this one");
    else
        add_ago(cell, member, "heard_ms", 1e-3);
}

static void show_members(const json_t *answer, struct text *out)
{
    const json_t *member;
    struct table t;
    size_t i;
    table_init(&t, heads);
    json_array_foreach(answer_list(answer, "members"), i, member)
    {
        answer_add(table_cell(&t), member, "instance");
        answer_add(table_cell(&t), member, "version");
        answer_add(table_cell(&t), member, "config");
        answer_add(table_cell(&t), member, "rps");
        answer_add(table_cell(&t), member, "active");
        add_age(table_cell(&t), answer, member);
        add_heard(table_cell(&t), member);
    }
    table_write(&t, out);
}

static void show_state(const json_t *answer, struct text *out)
{
    double lag_us;
    answer_add(out, answer, "state");
    if (!json_is_true(json_object_get(answer, "joined"))) {
        text_str(out, ": ");
        answer_add(out, answer, "why");
        text_str(out, "; this instance decides by itself");
    }
    text_str(out, "\nserver ");
    answer_add(out, answer, "server");
    if (answer_number(answer, "lag_us", &lag_us))
        text_printf(out, ", answers in %.1f ms", lag_us / 1e3);
    text_str(out, ", ");
    answer_add(out, answer, "cells");
    text_str(out, " shared records\n\n");
}

static void show(const json_t *answer, struct text *out)
{
    if (!json_is_true(json_object_get(answer, "configured"))) {
        text_str(out, "No fleet is configured: this instance is on its own.\n");
        return;
    }
    show_state(answer, out);
    show_members(answer, out);
}

extern const struct command fleet_show;
const struct command fleet_show = {
    .name = "fleet",
    .operands = "",
    .summary = "show the instances that share state through Redis",
    .help = "What this instance knows: HEARD is when each of the others last said something. "
            "CONFIG is\n"
            "a digest of the configuration's text; where it is the same, so is the text.\n"
            "\"weirctl fleet decisions\" lists what operators have decided for all of them.\n",
    .path = "/v1/fleet",
    .ask = ask,
    .show = show,
};
