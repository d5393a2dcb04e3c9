/* SPDX-License-Identifier: Apache-2.0 */
/* Windows: <weir/fleet.h>. What is counted waits here and leaves at most once per tick, so Redis
 * doesn't notice how many requests there are:
 *
 *   good news      once per bucket: HINCRBY of each sum, and the bucket's time to live
 *   urgent         the same with the next tick, then the buckets of the span and the run are read
 *
 * Keys: NAME:EPOCH:BUCKET, a hash s0..s3, and "r" NAME:EPOCH, the run. */
#include "fleet/fleet_parts.h"

#include "fleet/fleet_bucket.h"

#include <stdlib.h>

enum { RUN_SPANS = 10, SPAN_LEAST_MS = 100 };

struct weir_fleet_window {
    struct fleet_thing thing;
    const struct weir_fleet_window_ops *ops;
    void *ctx;
    uint64_t span_ms;
    /* not sent yet */
    struct weir_fleet_counts counts;
    uint64_t epoch;
    bool urgent;
    uint64_t bucket; /* in which good news was sent last */
    /* being read */
    struct weir_fleet_counts all;
    uint64_t all_epoch;
    bool failed;
};

static const struct slice sum_names[WEIR_FLEET_SUMS] = {SLICE_INIT("s0"), SLICE_INIT("s1"),
                                                        SLICE_INIT("s2"), SLICE_INIT("s3")};

static struct weir_fleet_window *window_of(struct fleet_thing *t)
{
    return container_of(t, struct weir_fleet_window, thing);
}

static struct weir_fleet_window *window_at(struct list *node)
{
    return container_of(node, struct weir_fleet_window, thing.node);
}

struct weir_fleet_window *weir_fleet_window_open(struct weir_process *p, struct weir_slice name,
                                                 uint64_t span_ms,
                                                 const struct weir_fleet_window_ops *ops, void *ctx)
{
    struct fleet *f = fleet_of(p);
    struct weir_fleet_window *w =
        f ? fleet_thing_new(f, sizeof *w, 'w', slice_in(name), &f->windows) : NULL;
    if (!w)
        return NULL;
    w->ops = ops;
    w->ctx = ctx;
    w->span_ms = span_ms < SPAN_LEAST_MS ? SPAN_LEAST_MS : span_ms;
    return w;
}

void weir_fleet_window_close(struct weir_fleet_window *w)
{
    if (w)
        fleet_thing_close(&w->thing);
}

void weir_fleet_window_add(struct weir_fleet_window *w, uint64_t epoch,
                           const struct weir_fleet_counts *counts, bool urgent)
{
    if (w->thing.fleet->state != FLEET_JOINED)
        return;
    if (epoch != w->epoch) {
        w->counts = (struct weir_fleet_counts){0};
        w->urgent = false;
        w->bucket = 0;
    }
    w->epoch = epoch;
    w->urgent |= urgent;
    fleet_counts_add(&w->counts, counts);
}

/* -- counts ------------------------------------------------------------------------------------ */

void fleet_counts_add(struct weir_fleet_counts *to, const struct weir_fleet_counts *later)
{
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++)
        to->sums[i] += later->sums[i];
    to->run = later->broken ? later->run : to->run + later->run;
    to->broken |= later->broken;
}

bool fleet_counts_any(const struct weir_fleet_counts *c)
{
    uint64_t any = c->run | c->broken;
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++)
        any |= c->sums[i];
    return any != 0;
}

/* -- writing ----------------------------------------------------------------------------------- */

struct number {
    char text[24];
};

static struct slice digits(struct number *n, uint64_t v)
{
    return slice_of(n->text,
                    (size_t)snprintf(n->text, sizeof n->text, "%llu", (unsigned long long)v));
}

static void bucket_key(struct text *key, const struct weir_fleet_window *w, uint64_t bucket)
{
    key->n = 0;
    text_printf(key, "%.*s:%llu:%llu", SLICE_ARG(w->thing.key), (unsigned long long)w->epoch,
                (unsigned long long)bucket);
}

/* The same name with another letter behind the prefix. */
static void run_key(struct text *key, const struct weir_fleet_window *w)
{
    const size_t prefix_n = w->thing.fleet->conf->prefix.n;
    key->n = 0;
    text_printf(key, "%.*s:%llu", SLICE_ARG(w->thing.key), (unsigned long long)w->epoch);
    key->p[prefix_n] = 'r';
}

static void write_sums(struct weir_fleet_window *w, struct slice key)
{
    struct number n;
    bool any = false;
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++) {
        if (!w->counts.sums[i])
            continue;
        any = true;
        FLEET_ASK(&w->thing, NULL, SLICE("HINCRBY"), key, sum_names[i],
                  digits(&n, w->counts.sums[i]));
    }
    if (any)
        FLEET_ASK(&w->thing, NULL, SLICE("PEXPIRE"), key,
                  digits(&n, fleet_bucket_ttl_ms(w->span_ms)));
}

static void write_run(struct weir_fleet_window *w, struct slice key)
{
    struct number n, ttl;
    digits(&ttl, RUN_SPANS * w->span_ms);
    if (w->counts.broken) {
        FLEET_ASK(&w->thing, NULL, SLICE("SET"), key, digits(&n, w->counts.run), SLICE("PX"),
                  slice_str(ttl.text));
    } else if (w->counts.run) {
        FLEET_ASK(&w->thing, NULL, SLICE("INCRBY"), key, digits(&n, w->counts.run));
        FLEET_ASK(&w->thing, NULL, SLICE("PEXPIRE"), key, slice_str(ttl.text));
    }
}

/* -- reading ----------------------------------------------------------------------------------- */

static void on_bucket(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_window *w = window_of(t);
    if (!fleet_is(t, r, REDIS_LIST)) {
        w->failed = true;
        return;
    }
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++) {
        uint64_t v = 0;
        const struct redis_reply sum = redis_item(r, i);
        if (sum.kind != REDIS_NIL && !slice_to_u64(sum.text, &v))
            w->failed = true;
        w->all.sums[i] += v;
    }
}

/* The last answer. */
static void on_run(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_window *w = window_of(t);
    const bool none = r->kind == REDIS_NIL;
    if (w->failed ||
        (!none && (!fleet_is(t, r, REDIS_TEXT) || !slice_to_u64(r->text, &w->all.run))))
        return;
    const struct weir_fleet_counts all = w->all;
    const struct module *before = fleet_enter(t);
    w->ops->summed(w->ctx, w->all_epoch, &all);
    fleet_leave(t, before);
}

static void read_all(struct weir_fleet_window *w, uint64_t bucket, struct text *key)
{
    w->all = (struct weir_fleet_counts){0};
    w->all_epoch = w->epoch;
    w->failed = false;
    for (uint64_t i = 0; i < FLEET_BUCKETS; i++) {
        bucket_key(key, w, bucket - i);
        FLEET_ASK(&w->thing, on_bucket, SLICE("HMGET"), text_slice(key), sum_names[0], sum_names[1],
                  sum_names[2], sum_names[3]);
    }
    run_key(key, w);
    FLEET_ASK(&w->thing, on_run, SLICE("GET"), text_slice(key));
}

/* -- ticks ------------------------------------------------------------------------------------- */

static void leave(struct weir_fleet_window *w, uint64_t bucket)
{
    struct text key;
    text_init(&key);
    bucket_key(&key, w, bucket);
    write_sums(w, text_slice(&key));
    run_key(&key, w);
    write_run(w, text_slice(&key));
    if (w->urgent)
        read_all(w, bucket, &key);
    text_fini(&key);
    w->bucket = bucket;
    w->urgent = false;
    w->counts = (struct weir_fleet_counts){0};
}

void fleet_windows_tick(struct fleet *f)
{
    if (f->state != FLEET_JOINED)
        return;
    list_each_safe (pos, &f->windows) {
        struct weir_fleet_window *w = window_at(pos);
        const uint64_t bucket = fleet_bucket_at(w->span_ms, fleet_redis_ms(f));
        const bool due = bucket != w->bucket && fleet_counts_any(&w->counts);
        if (w->thing.closed || (!w->urgent && !due))
            continue;
        if (fleet_pipe_full(f))
            return;
        leave(w, bucket);
        list_remove(pos); /* so that each has its turn when not all find a place */
        list_push(&f->windows, pos);
    }
}

void fleet_windows_apart(struct fleet *f)
{
    list_each (pos, &f->windows) {
        struct weir_fleet_window *w = window_at(pos);
        w->counts = (struct weir_fleet_counts){0};
        w->urgent = false;
    }
}
