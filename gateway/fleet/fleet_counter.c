/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: <weir/fleet.h>. INCRBY gives each number out once; those whose answer never came are
 * nobody's. They count anew in each epoch, and when Redis has lost everything: so what hangs on
 * them has an epoch of its own, as a version of a cell is one. */
#include "fleet/fleet_parts.h"

#include <stdlib.h>

struct weir_fleet_counter {
    struct fleet_thing thing;
    const struct weir_fleet_counter_ops *ops;
    void *ctx;
    uint64_t epoch, n;
    bool taking; /* wanted, or asked for */
};

static struct weir_fleet_counter *counter_of(struct fleet_thing *t)
{
    return container_of(t, struct weir_fleet_counter, thing);
}

static struct weir_fleet_counter *counter_at(struct list *node)
{
    return container_of(node, struct weir_fleet_counter, thing.node);
}

struct weir_fleet_counter *weir_fleet_counter_open(struct weir_process *p, struct weir_slice name,
                                                   const struct weir_fleet_counter_ops *ops,
                                                   void *ctx)
{
    struct fleet *f = fleet_of(p);
    struct weir_fleet_counter *c =
        f ? fleet_thing_new(f, sizeof *c, 'n', slice_in(name), &f->counters) : NULL;
    if (!c)
        return NULL;
    c->ops = ops;
    c->ctx = ctx;
    return c;
}

void weir_fleet_counter_close(struct weir_fleet_counter *c)
{
    if (c)
        fleet_thing_close(&c->thing);
}

bool weir_fleet_counter_take(struct weir_fleet_counter *c, uint64_t epoch, uint64_t n)
{
    if (c->taking || c->thing.fleet->state != FLEET_JOINED || n == 0 || n > INT64_MAX)
        return false;
    c->taking = true;
    c->epoch = epoch;
    c->n = n;
    return true;
}

/* What was wanted has ended before the call, so that the module may take more in it. */
static void lost(struct weir_fleet_counter *c)
{
    c->taking = false;
    if (c->thing.closed)
        return;
    const struct module *before = fleet_enter(&c->thing);
    c->ops->lost(c->ctx, c->epoch);
    fleet_leave(&c->thing, before);
}

static void on_taken(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_counter *c = counter_of(t);
    if (!fleet_is(t, r, REDIS_INTEGER) || r->integer < (int64_t)c->n) {
        lost(c);
        return;
    }
    c->taking = false;
    const struct module *before = fleet_enter(t);
    c->ops->took(c->ctx, c->epoch, (uint64_t)r->integer - c->n, c->n);
    fleet_leave(t, before);
}

static void leave(struct weir_fleet_counter *c)
{
    char n[24], ttl[24];
    struct text key;
    text_init(&key);
    text_printf(&key, "%.*s:%llu", SLICE_ARG(c->thing.key), (unsigned long long)c->epoch);
    snprintf(n, sizeof n, "%llu", (unsigned long long)c->n);
    snprintf(ttl, sizeof ttl, "%d", FLEET_COUNTER_TTL);
    FLEET_ASK(&c->thing, on_taken, SLICE("INCRBY"), text_slice(&key), slice_str(n));
    FLEET_ASK(&c->thing, NULL, SLICE("PEXPIRE"), text_slice(&key), slice_str(ttl));
    text_fini(&key);
}

void fleet_counters_tick(struct fleet *f)
{
    list_each (pos, &f->counters) {
        struct weir_fleet_counter *c = counter_at(pos);
        if (c->taking && !c->thing.closed && !fleet_pipe_full(f))
            leave(c);
    }
}

void fleet_counters_apart(struct fleet *f)
{
    list_each (pos, &f->counters) {
        struct weir_fleet_counter *c = counter_at(pos);
        if (c->taking)
            lost(c);
    }
}
