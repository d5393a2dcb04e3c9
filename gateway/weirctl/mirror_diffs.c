/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl mirror diffs: how mirrored responses differ from those that clients got. */

#include "weirctl/answer.h"
#include "weirctl/command.h"
#include "weirctl/table.h"

static const char *const heads[] = {"ROUTE",       "MIRROR",   ">SENT",         ">COMPARED",
                                    ">MISMATCHED", ">DROPPED", ">P50-DELTA-MS", NULL};
static const char *const difference_heads[] = {"  DIFFERENCE", "CLIENT GOT", "MIRROR GAVE", NULL};

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    (void)fault;
    if (args->operands_n)
        json_object_set_new(content, "route", json_string(args->operands[0]));
    return true;
}

/* The second one of a route to the same cluster is "lab (2)". */
static void add_mirror(struct text *out, const json_t *mirror)
{
    answer_add(out, mirror, "cluster");
    if (json_integer_value(json_object_get(mirror, "nth")) > 1) {
        text_str(out, " (");
        answer_add(out, mirror, "nth");
        text_char(out, ')');
    }
}

static void show_sample(const json_t *mirror, const json_t *sample, struct text *out)
{
    const json_t *difference;
    struct table t;
    size_t i;

    text_char(out, '\n');
    answer_moment(out, sample, "time");
    text_str(out, "  ");
    answer_add(out, mirror, "route");
    text_str(out, " -> ");
    add_mirror(out, mirror);
    text_str(out, "  ");
    answer_add(out, sample, "method");
    text_char(out, ' ');
    answer_add(out, sample, "path");
    text_str(out, "  request ");
    answer_add(out, sample, "request_id");
    text_char(out, '\n');
    table_init(&t, difference_heads);
    json_array_foreach(answer_list(sample, "differences"), i, difference)
    {
        struct text *cell = table_cell(&t);
        text_str(cell, "  ");
        answer_add(cell, difference, "what");
        answer_add(table_cell(&t), difference, "primary");
        answer_add(table_cell(&t), difference, "mirror");
    }
    table_write(&t, out);
}

static void show(const json_t *answer, struct text *out)
{
    const json_t *mirrors = answer_list(answer, "mirrors"), *mirror, *sample;
    struct table t;
    size_t i, j;

    if (json_array_size(mirrors) == 0) {
        text_str(out, "No route has a mirror.\n");
        return;
    }
    table_init(&t, heads);
    json_array_foreach(mirrors, i, mirror)
    {
        answer_add(table_cell(&t), mirror, "route");
        add_mirror(table_cell(&t), mirror);
        answer_add(table_cell(&t), mirror, "sent");
        answer_add(table_cell(&t), mirror, "compared");
        answer_add(table_cell(&t), mirror, "mismatched");
        answer_add(table_cell(&t), mirror, "dropped");
        answer_tenths(table_cell(&t), mirror, "latency_delta_ms_p50");
    }
    table_write(&t, out);
    json_array_foreach(mirrors, i, mirror)
        json_array_foreach(answer_list(mirror, "samples"), j, sample)
            show_sample(mirror, sample, out);
}

extern const struct command mirror_diffs;
const struct command mirror_diffs = {
    .name = "mirror diffs",
    .operands = "[ROUTE]",
    .summary = "show how mirrors answer differently",
    .help =
        "Counts of every mirror, then the latest requests whose responses differed. Values are\n"
        "redacted unless the configuration lets them show. P50-DELTA-MS is how much longer the\n"
        "mirror took.\n",
    .operands_max = 1,
    .path = "/v1/modules/mirror/diffs",
    .ask = ask,
    .show = show,
};
