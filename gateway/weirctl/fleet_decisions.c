/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl fleet decisions and fleet forget: what operators have decided for all instances. */

#include <stdlib.h>
#include <string.h>

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"

static const char *const heads[] = {"KEY", "SINCE", "BY", "HERE", "SAYS", NULL};

/* The last word of the path, and what was said there: that it was for the fleet is known. */
static void add_says(struct text *cell, const json_t *decision)
{
    const char *path = json_string_value(json_object_get(decision, "path"));
    const char *slash = path ? strrchr(path, '/') : NULL;
    json_t *said = json_deep_copy(json_object_get(decision, "json"));
    json_object_del(said, "fleet");
    char *text = json_dumps(said, JSON_REAL_PRECISION(15));
    answer_plain(cell, slash ? slash + 1 : "-");
    text_char(cell, ' ');
    answer_plain(cell, text ? text : "-");
    free(text);
    json_decref(said);
}

static void show_reasons(const json_t *decisions, struct text *out)
{
    const json_t *decision;
    size_t i;
    json_array_foreach(decisions, i, decision)
    {
        if (!json_object_get(decision, "why"))
            continue;
        text_char(out, '\n');
        answer_add(out, decision, "key");
        text_str(out, " could not be followed here: ");
        answer_add(out, decision, "why");
    }
}

static void show(const json_t *answer, struct text *out)
{
    const json_t *decisions = answer_list(answer, "decisions"), *decision;
    struct table t;
    size_t i;
    if (json_array_size(decisions) == 0) {
        text_str(out, "Nothing is decided for all instances.\n");
        return;
    }
    table_init(&t, heads);
    json_array_foreach(decisions, i, decision)
    {
        answer_add(table_cell(&t), decision, "key");
        answer_moment(table_cell(&t), decision, "since");
        answer_add(table_cell(&t), decision, "by");
        answer_add(table_cell(&t), decision, "here");
        add_says(table_cell(&t), decision);
    }
    table_write(&t, out);
    const size_t n = out->n;
    show_reasons(decisions, out);
    if (out->n > n)
        text_char(out, '\n');
}

extern const struct command fleet_decisions, fleet_forget;
const struct command fleet_decisions = {
    .name = "fleet decisions",
    .operands = "",
    .summary = "list what was decided for all instances",
    .help = "What was said with --fleet on any of them, as this instance knows it. HERE: it is "
            "done, due,\n"
            "has failed (the reason stands below; it is tried again), or waits for Redis, so that\n"
            "nobody else has heard of it yet.\n",
    .path = "/v1/fleet/decisions",
    .show = show,
};

static bool ask_forget(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    json_object_set_new(content, "key", json_string(args->operands[0]));
    return true;
}

static void show_forgotten(const json_t *answer, struct text *out)
{
    answer_add(out, answer, "forgotten");
    text_str(out,
             " is forgotten: what it has set stays as it is, and who joins won't hear of it.\n");
}

const struct command fleet_forget = {
    .name = "fleet forget",
    .operands = "KEY",
    .summary = "forget what was decided for all instances",
    .help = "Nothing is undone; instances that join later follow their configuration.\n"
            "\n"
            "    weirctl fleet forget canary/weights/reviews\n",
    .operands_min = 1,
    .operands_max = 1,
    .path = "/v1/fleet/forget",
    .changes = true,
    .ask = ask_forget,
    .show = show_forgotten,
};
