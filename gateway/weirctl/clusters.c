/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl clusters: what clusters and their endpoints have had since ever. */
#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"
#include "weirctl/top_math.h"

#include <math.h>

static const char *const heads[] = {"CLUSTER",   "ENDPOINT", "STATE",     ">WEIGHT",
                                    ">REQUESTS", ">5XX",     ">FAILURES", ">RETRIES",
                                    ">ACTIVE",   ">MEAN",    NULL};

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    if (args->operands_n)
        json_object_set_new(content, "cluster", json_string(args->operands[0]));
    return true;
}

static void add_errors(struct text *cell, const json_t *counts)
{
    const json_t *n = json_array_get(json_object_get(counts, "status"), 5);
    if (json_is_integer(n))
        text_printf(cell, "%lld", (long long)json_integer_value(n));
    else
        text_char(cell, '-');
}

static void add_mean(struct text *cell, const json_t *counts)
{
    const json_t *latency = answer_list(counts, "latency"), *one;
    double sum = 0, n = 0;
    size_t i;
    answer_number(counts, "latency_sum_us", &sum);
    json_array_foreach(latency, i, one) n += json_number_value(one);
    top_us_text(cell, n > 0 ? sum / n : NAN);
}

/* The numbers of a cluster (`traffic`) or an endpoint: what one of them doesn't have is "-". */
static void add_numbers(struct table *t, const json_t *counts, const char *requests)
{
    static const char *const rest[] = {"failures", "retries", "active"};
    answer_add(table_cell(t), counts, requests);
    add_errors(table_cell(t), counts);
    for (size_t i = 0; i < array_n(rest); i++)
        answer_add(table_cell(t), counts, rest[i]);
    add_mean(table_cell(t), counts);
}

static void add_cluster(struct table *t, const json_t *cluster)
{
    const json_t *ep;
    size_t i;
    answer_add(table_cell(t), cluster, "name");
    for (int k = 0; k < 3; k++)
        text_char(table_cell(t), '-');
    add_numbers(t, json_object_get(cluster, "traffic"), "requests");
    json_array_foreach(answer_list(cluster, "endpoints"), i, ep)
    {
        answer_add(table_cell(t), cluster, "name");
        answer_add(table_cell(t), ep, "name");
        answer_add(table_cell(t), ep, "state");
        answer_weight(table_cell(t), ep);
        add_numbers(t, ep, "attempts");
    }
}

static void show(const json_t *answer, struct text *out)
{
    const json_t *cluster;
    struct table t;
    size_t i;
    table_init(&t, heads);
    json_array_foreach(answer_list(answer, "clusters"), i, cluster) add_cluster(&t, cluster);
    table_write(&t, out);
}

extern const struct command clusters_show;
const struct command clusters_show = {
    .name = "clusters",
    .operands = "[NAME]",
    .summary = "show clusters and endpoints, and what they have had",
    .help = "A cluster's line counts requests, those of its endpoints attempts; all since ever.\n"
            "MEAN is how long they took. \"weirctl endpoints\" tells of health and checks,\n"
            "\"weirctl top\" what happens now.\n",
    .operands_max = 1,
    .path = "/v1/overview/clusters",
    .ask = ask,
    .show = show,
};
