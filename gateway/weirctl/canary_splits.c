/* SPDX-License-Identifier: Apache-2.0 */
/* Splits as tables: one per route, a line per variant. */

#include "weirctl/canary_splits.h"

#include <string.h>

#include "weirctl/answer.h"
#include "weirctl/duration.h"
#include "weirctl/table.h"

/* TARGET is what the weights owe a variant at this position of the schedule, ASSIGNED what the
 * schedule gave it, SENT what arrived there, PLACED what of that went by user and not by the
 * schedule; the shares behind them are of what was sent, and of the users and the buckets that
 * stick to it. */
static const char *const heads[] = {
    "VARIANT",      ">WEIGHT",  ">SHARE",     ">TARGET", ">ASSIGNED",   ">SENT",
    ">PLACED",      ">ERRORS",  ">FELL-BACK", ">HIDDEN", ">SENT-SHARE", ">USERS",
    ">USERS-SHARE", ">BUCKETS", ">P50-MS",    ">P99-MS", NULL};

/* A variant usually has its cluster's name. */
static void add_name(struct text *cell, const json_t *v)
{
    const char *name = json_string_value(json_object_get(v, "name"));
    const char *cluster = json_string_value(json_object_get(v, "cluster"));

    answer_add(cell, v, "name");
    if (!name || !cluster || !strcmp(name, cluster))
        return;
    text_str(cell, " (");
    answer_plain(cell, cluster);
    text_char(cell, ')');
}

static void add_variant(struct table *t, const json_t *v)
{
    add_name(table_cell(t), v);
    answer_add(table_cell(t), v, "weight");
    answer_share(table_cell(t), v, "share");
    answer_tenths(table_cell(t), v, "target");
    answer_add(table_cell(t), v, "assigned");
    answer_add(table_cell(t), v, "sent");
    answer_add(table_cell(t), v, "placed");
    answer_add(table_cell(t), v, "errors");
    answer_add(table_cell(t), v, "fell_back");
    answer_add(table_cell(t), v, "hidden");
    answer_share(table_cell(t), v, "requests_share");
    answer_add(table_cell(t), v, "users");
    answer_share(table_cell(t), v, "users_share");
    answer_share(table_cell(t), v, "buckets_share");
    answer_tenths(table_cell(t), v, "p50_ms");
    answer_tenths(table_cell(t), v, "p99_ms");
}

static void show_split(const json_t *split, struct text *out)
{
    const json_t *v, *fleet = json_object_get(split, "fleet");
    struct table t;
    double age;
    size_t i;

    text_str(out, "route ");
    answer_add(out, split, "route");
    text_str(out, json_is_true(json_object_get(split, "override"))
                      ? ": weights set by an operator, since "
                      : ": weights of the configuration, since ");
    answer_moment(out, split, "since");
    if (answer_number(split, "age_s", &age)) {
        text_str(out, " (");
        duration_text(out, age);
        text_str(out, " ago)");
    }
    text_str(out, ", position ");
    answer_add(out, split, "position");
    if (json_is_object(fleet)) {
        text_str(out, ", ");
        answer_add(out, fleet, "leased");
        text_str(out, " of it leased from the fleet");
    }
    text_char(out, '\n');
    table_init(&t, heads);
    json_array_foreach(answer_list(split, "variants"), i, v) add_variant(&t, v);
    table_write(&t, out);
}

void canary_splits_show(const json_t *answer, struct text *out)
{
    const json_t *splits = answer_list(answer, "splits"), *split;
    size_t i;

    if (json_array_size(splits) == 0)
        text_str(out, "No route has a split.\n");
    json_array_foreach(splits, i, split)
    {
        if (i)
            text_char(out, '\n');
        show_split(split, out);
    }
}
