/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl outlier list: which endpoints are ejected, why, and what comes next; and how many may be.
 */

#include "weirctl/outlier_list.h"

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"

static const char *const heads[] = {"CLUSTER", "ENDPOINT",  "STATE",    ">SHARE", ">COUNT", "WHY",
                                    ">NEXT",   ">FAILURES", ">GATEWAY", ">5XX",   NULL};
static const char *const cluster_heads[] = {"CLUSTER", ">EJECTED", "EJECTION", NULL};

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    if (args->operands_n)
        json_object_set_new(content, "cluster", json_string(args->operands[0]));
    return true;
}

static void add_endpoint(struct table *t, const json_t *cluster, const json_t *ep)
{
    const json_t *runs = json_object_get(ep, "consecutive");
    answer_add(table_cell(t), cluster, "cluster");
    answer_add(table_cell(t), ep, "endpoint");
    answer_add(table_cell(t), ep, "state");
    answer_share(table_cell(t), ep, "share");
    answer_add(table_cell(t), ep, "count");
    answer_add(table_cell(t), ep, "why");
    answer_left(table_cell(t), ep, "next_ms");
    answer_add(table_cell(t), runs, "failures");
    answer_add(table_cell(t), runs, "gateway_errors");
    answer_add(table_cell(t), runs, "5xx");
}

static void show_endpoints(const json_t *clusters, struct text *out)
{
    const json_t *cluster, *ep;
    struct table t;
    size_t i, k;
    table_init(&t, heads);
    json_array_foreach(clusters, i, cluster)
    {
        json_array_foreach(answer_list(cluster, "endpoints"), k, ep) add_endpoint(&t, cluster, ep);
    }
    table_write(&t, out);
}

static void show_clusters(const json_t *clusters, struct text *out)
{
    const json_t *cluster;
    struct table t;
    size_t i;
    table_init(&t, cluster_heads);
    json_array_foreach(clusters, i, cluster)
    {
        struct text *cell = table_cell(&t);
        answer_add(cell, cluster, "cluster");
        cell = table_cell(&t);
        answer_add(cell, cluster, "ejected");
        text_char(cell, '/');
        answer_add(cell, cluster, "allowed");
        cell = table_cell(&t);
        text_str(cell, json_is_false(json_object_get(cluster, "enabled")) ? "off" : "on");
    }
    table_write(&t, out);
}

void outlier_list_show(const json_t *answer, struct text *out)
{
    const json_t *clusters = answer_list(answer, "clusters");

    if (json_array_size(clusters) == 0) {
        text_str(out, "No cluster ejects endpoints.\n");
        return;
    }
    show_endpoints(clusters, out);
    text_char(out, '\n');
    show_clusters(clusters, out);
}

extern const struct command outlier_list;
const struct command outlier_list = {
    .name = "outlier list",
    .operands = "[CLUSTER]",
    .summary = "show which endpoints are ejected, and why",
    .help =
        "STATE is in, ejected, refused (the only endpoint), half_open (probes go there) or "
        "ramp_10,\n"
        "_25, _50; COUNT is how many ejections aren't forgotten, WHY the reason of the last, "
        "NEXT\n"
        "when the state changes or one is forgotten. FAILURES, GATEWAY and 5XX are runs of such\n"
        "attempts. EJECTED shows how many are out and how many may be.\n",
    .operands_max = 1,
    .path = "/v1/modules/outlier/list",
    .ask = ask,
    .show = outlier_list_show,
};
