/* SPDX-License-Identifier: Apache-2.0 */
/* Windows: what Redis is told and asked.
 *
 * Keys: NAME:EPOCH:BUCKET, a hash s0..s3, and "r" NAME:EPOCH, the run. */
#include "fleet/fleet_window.h"

static const struct slice sum_names[WEIR_FLEET_SUMS] = {SLICE_INIT("s0"), SLICE_INIT("s1"),
                                                        SLICE_INIT("s2"), SLICE_INIT("s3")};

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

void fleet_window_send_bucket(struct weir_fleet_window *w, uint64_t bucket)
{
    uint64_t sums[WEIR_FLEET_SUMS];
    struct number n;
    struct text key;
    if (!fleet_ring_take(&w->ring, bucket, sums))
        return;
    text_init(&key);
    bucket_key(&key, w, bucket);
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++)
        if (sums[i])
            FLEET_ASK(&w->thing, NULL, SLICE("HINCRBY"), text_slice(&key), sum_names[i],
                      digits(&n, sums[i]));
    FLEET_ASK(&w->thing, NULL, SLICE("PEXPIRE"), text_slice(&key),
              digits(&n, fleet_bucket_ttl_ms(w->span_ms)));
    text_fini(&key);
}

static void write_row(struct weir_fleet_window *w, struct slice key)
{
    struct number n, ttl;
    const struct slice ttl_ms = digits(&ttl, FLEET_RUN_SPANS * w->span_ms);
    const struct slice run = digits(&n, w->row.run);
    if (w->row.broken) {
        FLEET_ASK(&w->thing, NULL, SLICE("SET"), key, run, SLICE("PX"), ttl_ms);
    } else {
        FLEET_ASK(&w->thing, NULL, SLICE("INCRBY"), key, run);
        FLEET_ASK(&w->thing, NULL, SLICE("PEXPIRE"), key, ttl_ms);
    }
}

void fleet_window_send_row(struct weir_fleet_window *w)
{
    struct text key;
    if (!fleet_counts_any(&w->row))
        return;
    text_init(&key);
    run_key(&key, w);
    write_row(w, text_slice(&key));
    text_fini(&key);
    w->row = (struct weir_fleet_counts){0};
}

/* -- reading ----------------------------------------------------------------------------------- */

static void on_bucket(struct fleet_thing *t, const struct redis_reply *r)
{
    struct weir_fleet_window *w = fleet_window_of(t);
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
    struct weir_fleet_window *w = fleet_window_of(t);
    const bool none = r->kind == REDIS_NIL;
    if (w->failed ||
        (!none && (!fleet_is(t, r, REDIS_TEXT) || !slice_to_u64(r->text, &w->all.run))))
        return;
    const struct weir_fleet_counts all = w->all;
    const struct module *before = fleet_enter(t);
    w->ops->summed(w->ctx, w->all_epoch, &all);
    fleet_leave(t, before);
}

void fleet_window_read(struct weir_fleet_window *w, uint64_t bucket)
{
    struct text key;
    text_init(&key);
    w->all = (struct weir_fleet_counts){0};
    w->all_epoch = w->epoch;
    w->failed = false;
    for (uint64_t i = 0; i < FLEET_BUCKETS; i++) {
        bucket_key(&key, w, bucket - i);
        FLEET_ASK(&w->thing, on_bucket, SLICE("HMGET"), text_slice(&key), sum_names[0],
                  sum_names[1], sum_names[2], sum_names[3]);
    }
    run_key(&key, w);
    FLEET_ASK(&w->thing, on_run, SLICE("GET"), text_slice(&key));
    text_fini(&key);
}
