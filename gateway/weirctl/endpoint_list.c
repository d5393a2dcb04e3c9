/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl endpoint list: the endpoints of clusters, and what is known about each. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/duration.h"
#include "weirctl/table.h"

#include <string.h>

static const char *const heads[] = {"CLUSTER", "ENDPOINT", ">WEIGHT",    "HEALTH",
                                    "STATE",   ">SHARE",   "LAST CHECK", NULL};

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    if (args->operands_n)
        json_object_set_new(content, "cluster", json_string(args->operands[0]));
    return true;
}

/* Who keeps requests away from it: an operator before its own word. */
static void add_state(struct text *cell, const json_t *ep)
{
    const char *says = json_string_value(json_object_get(ep, "says"));
    if (json_is_true(json_object_get(ep, "drained")))
        text_str(cell, "drained");
    else if (says && strcmp(says, "ok") != 0)
        answer_add(cell, ep, "says");
    else
        text_char(cell, '-');
}

static void add_share(struct text *cell, const json_t *ep)
{
    double millionths;
    if (answer_number(ep, "share_millionths", &millionths))
        text_printf(cell, "%g%%", millionths / 1e4);
    else
        text_char(cell, '-');
}

static void add_check(struct text *cell, const json_t *ep)
{
    const json_t *check = json_object_get(ep, "check");
    double ago_ms, status;
    answer_add(cell, check, "result");
    if (answer_number(check, "status", &status) && status > 0)
        text_printf(cell, " (%.0f)", status);
    if (answer_number(check, "ago_ms", &ago_ms)) {
        text_str(cell, ", ");
        duration_text(cell, ago_ms / 1000);
        text_str(cell, " ago");
    }
}

static void add_cluster(struct table *t, const json_t *cluster)
{
    const json_t *endpoints = answer_list(cluster, "endpoints"), *ep;
    size_t i;
    json_array_foreach(endpoints, i, ep)
    {
        answer_add(table_cell(t), cluster, "name");
        answer_add(table_cell(t), ep, "name");
        answer_weight(table_cell(t), ep);
        answer_add(table_cell(t), ep, "health");
        add_state(table_cell(t), ep);
        add_share(table_cell(t), ep);
        add_check(table_cell(t), ep);
    }
}

static void show(const json_t *answer, struct text *out)
{
    const json_t *clusters = answer_list(answer, "clusters"), *cluster;
    struct table t;
    size_t i;
    table_init(&t, heads);
    json_array_foreach(clusters, i, cluster) add_cluster(&t, cluster);
    table_write(&t, out);
}

extern const struct command endpoint_list;
const struct command endpoint_list = {
    .name = "endpoint list",
    .operands = "[CLUSTER]",
    .summary = "show endpoints, their health and who keeps requests away",
    .help = "HEALTH is what health checks say; \"unknown\" is not checked, or not yet;\n"
            "\"pending\" gets requests once it has passed a check.\n"
            "SHARE is what modules leave of its weight.\n",
    .operands_max = 1,
    .path = "/v1/endpoints/list",
    .ask = ask,
    .show = show,
};
