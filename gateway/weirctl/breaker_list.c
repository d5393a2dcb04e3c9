/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl breaker list: circuits and limits of clusters and routes. A table for each of the two,
 * since a cluster may have many circuits, and a route has no limits. */

#include "weirctl/breaker_list.h"

#include "weirctl/answer.h"
#include "weirctl/table.h"

static const char *const circuit_heads[] = {"OWNER",     "ENDPOINT", "STATE",   "MODE",
                                            "FLEET",     ">CALLS",   ">FAILED", ">SLOW",
                                            ">OPENINGS", ">LEFT",    NULL};
static const char *const limit_heads[] = {"CLUSTER",  "PRIORITY", "MODE",         ">REQUESTS",
                                          ">PENDING", ">RETRIES", ">CONNECTIONS", NULL};

/* -- circuits ---------------------------------------------------------------------------------- */

static bool is_disabled(const json_t *breaker)
{
    return json_is_false(json_object_get(breaker, "enabled"));
}

static void add_owner(struct text *cell, const json_t *breaker)
{
    const char *kind = json_object_get(breaker, "route") ? "route" : "cluster";
    text_printf(cell, "%s ", kind);
    answer_add(cell, breaker, kind);
}

static void add_shared(struct text *cell, const json_t *circuit)
{
    const json_t *shared = json_object_get(circuit, "shared");
    if (!shared)
        text_char(cell, '-');
    else if (json_is_true(json_object_get(shared, "holding")))
        text_str(cell, "holds");
    else
        text_str(cell, json_is_true(json_object_get(shared, "led")) ? "led" : "apart");
}

static void add_circuit(struct table *t, const json_t *breaker, const json_t *circuit)
{
    add_owner(table_cell(t), breaker);
    answer_add(table_cell(t), circuit, "endpoint");
    answer_add(table_cell(t), circuit, "state");
    if (is_disabled(breaker))
        text_str(table_cell(t), "disabled");
    else
        answer_add(table_cell(t), circuit, "mode");
    add_shared(table_cell(t), circuit);
    answer_add(table_cell(t), circuit, "calls");
    answer_add(table_cell(t), circuit, "failed");
    answer_add(table_cell(t), circuit, "slow");
    answer_add(table_cell(t), circuit, "openings");
    answer_left(table_cell(t), circuit, "left_ms");
}

static size_t count_circuits(const json_t *breakers)
{
    const json_t *breaker;
    size_t i, n = 0;
    json_array_foreach(breakers, i, breaker) n += json_array_size(answer_list(breaker, "circuits"));
    return n;
}

static void show_circuits(const json_t *breakers, struct text *out)
{
    const json_t *breaker, *circuit;
    struct table t;
    size_t i, k;
    table_init(&t, circuit_heads);
    json_array_foreach(breakers, i, breaker)
    {
        json_array_foreach(answer_list(breaker, "circuits"), k, circuit)
            add_circuit(&t, breaker, circuit);
    }
    table_write(&t, out);
}

/* -- limits ------------------------------------------------------------------------------------ */

/* Rows of one cluster: one for each class of requests; one when only its connections are limited.
 */
static size_t limits_of(const json_t *breaker)
{
    const size_t n = json_array_size(answer_list(breaker, "limits"));
    return n ? n : json_object_get(breaker, "max_connections") != NULL;
}

/* "12/200"; "12/-" where `none` says that 0 is no limit. */
static void add_used(struct text *cell, const json_t *o, const char *used, const char *max,
                     bool none)
{
    double limit;
    answer_add(cell, o, used);
    if (!answer_number(o, max, &limit))
        return;
    text_char(cell, '/');
    if (none && limit == 0)
        text_char(cell, '-');
    else
        answer_add(cell, o, max);
}

static void add_limit(struct table *t, const json_t *breaker, size_t row)
{
    const json_t *limit = json_array_get(answer_list(breaker, "limits"), row);
    answer_add(table_cell(t), breaker, "cluster");
    answer_add(table_cell(t), limit, "priority");
    text_str(table_cell(t), is_disabled(breaker) ? "disabled" : "on");
    add_used(table_cell(t), limit, "requests", "max_requests", true);
    add_used(table_cell(t), limit, "pending", "max_pending", false);
    add_used(table_cell(t), limit, "retries", "max_retries", true);
    add_used(table_cell(t), row == 0 ? breaker : NULL, "connections", "max_connections", true);
}

static size_t count_limits(const json_t *breakers)
{
    const json_t *breaker;
    size_t i, n = 0;
    json_array_foreach(breakers, i, breaker) n += limits_of(breaker);
    return n;
}

static void show_limits(const json_t *breakers, struct text *out)
{
    const json_t *breaker;
    struct table t;
    size_t i;
    table_init(&t, limit_heads);
    json_array_foreach(breakers, i, breaker)
    {
        for (size_t row = 0; row < limits_of(breaker); row++)
            add_limit(&t, breaker, row);
    }
    table_write(&t, out);
}

/* -- both -------------------------------------------------------------------------------------- */

void breaker_list_show(const json_t *answer, struct text *out)
{
    const json_t *breakers = answer_list(answer, "breakers");
    const size_t circuits = count_circuits(breakers), limits = count_limits(breakers);

    if (circuits)
        show_circuits(breakers, out);
    if (circuits && limits)
        text_char(out, '\n');
    if (limits)
        show_limits(breakers, out);
    if (!circuits && !limits)
        text_str(out, "There is neither a circuit nor a limit.\n");
}

bool breaker_owner(const struct command_args *args, json_t *content, struct text *fault)
{
    const char *route = args->options[0];

    if (!route == !args->operands_n) {
        text_str(fault, "either a CLUSTER or --route is needed, not both; "
                        "\"weirctl breaker list\" shows them");
        return false;
    }
    json_object_set_new(content, route ? "route" : "cluster",
                        json_string(route ? route : args->operands[0]));
    return true;
}

/* Without a name all of them. */
static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    return (!args->options[0] && !args->operands_n) || breaker_owner(args, content, fault);
}

extern const struct command breaker_list;
const struct command breaker_list = {
    .name = "breaker list",
    .operands = "[CLUSTER]",
    .summary = "show circuits, and what limits are used",
    .help =
        "STATE is closed, open, half_open (probes go through) or ramp_10, _25, _50 (it closes\n"
        "slowly); MODE is auto, forced_open, forced_closed, or disabled. FLEET is led (it is one\n"
        "circuit for all instances), apart (this one decides alone) or holds (alone, until it has\n"
        "closed); - where it isn't shared. CALLS, FAILED and SLOW are those of the window, here,\n"
        "OPENINGS those in a row, LEFT is the time of the state.\n"
        "\n"
        "Of limits it shows what is used of how much; \"-\" is no limit.\n",
    .options = {{BREAKER_ROUTE}},
    .operands_max = 1,
    .path = "/v1/modules/breaker/get",
    .ask = ask,
    .show = breaker_list_show,
};
