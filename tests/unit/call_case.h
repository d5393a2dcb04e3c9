/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_CALL_CASE_H
#define WEIR_TESTS_UNIT_CALL_CASE_H

/* What tests of calls and shadows share: a stack with two clusters, and what `done` was told. */

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/call.h"
#include "core/module/module.h"
#include "core/stats/stats.h"
#include "tests/lib/stack.h"

enum { CLUSTER_ONE, CLUSTER_TWO };

#define CALL_CONF(two)                                                                             \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; };\n"                                   \
    "             two = { endpoints = [ \"10.0.0.2:8080\" ]; " two " }; };\n"                      \
    "forwarding = { style = \"none\"; via = false; request_id = false; };\n"                       \
    "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );\n"

/* What became of a call; content is copied. */
struct outcome {
    unsigned times;
    int status;
    char why[32]; /* "" when it did not fail */
    char body[64];
    size_t body_n;
    bool whole;
    char field[64]; /* X-Field of the response */
    uint64_t took_us, head_us;
    bool inside; /* set by the test while it is inside of what must not call */
};

static inline void outcome_done(void *ctx, const struct weir_result *r)
{
    struct outcome *o = ctx;
    cr_assert(!o->inside, "done is never called from inside");
    const struct slice field = call_field((const struct shadow *)r->call, SLICE("X-Field"));
    o->times++;
    o->status = r->status;
    cr_assert_eq(r->failure == WEIR_FAILURE_NONE, r->why == NULL);
    snprintf(o->why, sizeof o->why, "%s", r->why ? r->why : "");
    snprintf(o->body, sizeof o->body, "%.*s", (int)(r->body.n < 60 ? r->body.n : 60),
             r->body.n ? r->body.p : "");
    o->body_n = r->body.n;
    o->whole = r->whole;
    o->took_us = r->took_us;
    o->head_us = r->head_us;
    snprintf(o->field, sizeof o->field, "%.*s", SLICE_ARG(field));
}

static inline struct traffic_stats *traffic_of(struct stack *s, int cluster)
{
    return stack_worker(s)->stats->clusters[cluster];
}

static inline size_t blocks_used(struct stack *s)
{
    return stack_worker(s)->loop->stock.blocks.slab.used;
}

/* A plan in which cluster two is reserved for `owner`; lasts as long as the test's process. */
static inline void reserve_two(struct stack *s, struct module *owner)
{
    static struct module *reserved[2];
    static struct module_plan plan = {.reserved = reserved};
    reserved[CLUSTER_TWO] = owner;
    ((struct generation *)stack_worker(s)->g)->modules = &plan;
}

#endif
