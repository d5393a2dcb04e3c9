/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets: below 16 us one for each value, from there on 16 to each power of two, up to 2^30 us.
 *
 * A window's place is its number's lowest bit. Who comes first in a new window takes the place with
 * one compare-and-swap on its number, and empties it. */
#include "retry/percentile.h"

#include <stddef.h>

enum { FINE_BITS = 4, TOP_BIT = 29, RECENT_US = 100000, WHOLE = 1000000 };

static unsigned bucket_of(uint64_t us)
{
    if (us < LATENCY_FINE)
        return (unsigned)us;
    const unsigned top = 63 - (unsigned)__builtin_clzll(us);
    if (top > TOP_BIT)
        return LATENCY_BUCKETS - 1;
    const unsigned shift = top - FINE_BITS;
    return (shift + 1) * LATENCY_FINE + (unsigned)(us >> shift) - LATENCY_FINE;
}

/* The largest value of a bucket. */
static uint64_t bound_of(unsigned bucket)
{
    if (bucket < LATENCY_FINE)
        return bucket;
    const unsigned shift = bucket / LATENCY_FINE - 1;
    const uint64_t fine = bucket % LATENCY_FINE + LATENCY_FINE;
    return ((fine + 1) << shift) - 1;
}

static uint64_t number_of(const struct percentile *p, uint64_t now_us)
{
    return now_us / p->window_us + 1;
}

/* NULL: this worker's clock is behind that of one which has begun a later window here. */
static struct latency_window *window_at(struct latency *l, uint64_t number)
{
    struct latency_window *w = &l->windows[number & 1];
    uint64_t is = atomic_load_explicit(&w->number, memory_order_relaxed);
    if (is == number)
        return w;
    if (is > number)
        return NULL;
    if (atomic_compare_exchange_strong(&w->number, &is, number))
        for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
            atomic_store_explicit(&w->counts[i], 0, memory_order_relaxed);
    return w;
}

void latency_add(struct latency *l, const struct percentile *p, uint64_t now_us, uint64_t took_us)
{
    struct latency_window *w = window_at(l, number_of(p, now_us));
    if (w)
        atomic_fetch_add_explicit(&w->counts[bucket_of(took_us)], 1, memory_order_relaxed);
}

/* Which windows count: the one of now, and the one before. */
static bool is_recent(const struct latency_window *w, uint64_t number)
{
    const uint64_t is = atomic_load_explicit(&w->number, memory_order_relaxed);
    return is == number || (is && is + 1 == number);
}

static uint64_t count_at(const struct latency *l, uint64_t number, unsigned bucket)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 2; i++)
        if (is_recent(&l->windows[i], number))
            n += atomic_load_explicit(&l->windows[i].counts[bucket], memory_order_relaxed);
    return n;
}

uint64_t latency_samples(const struct latency *l, const struct percentile *p, uint64_t now_us)
{
    const uint64_t number = number_of(p, now_us);
    uint64_t n = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
        n += count_at(l, number, i);
    return n;
}

uint64_t latency_percentile(const struct latency *l, const struct percentile *p, uint64_t now_us)
{
    const uint64_t number = number_of(p, now_us), all = latency_samples(l, p, now_us);
    const uint64_t rank = (all * p->part + WHOLE - 1) / WHOLE; /* from 1 */
    uint64_t n = 0;
    if (all == 0 || all < p->min_samples)
        return 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        n += count_at(l, number, i);
        if (n >= rank)
            return bound_of(i) ? bound_of(i) : 1;
    }
    return bound_of(LATENCY_BUCKETS - 1); /* others began a window meanwhile */
}

uint64_t latency_recent(struct latency *l, const struct percentile *p, uint64_t now_us)
{
    uint64_t next = atomic_load_explicit(&l->next_us, memory_order_relaxed);
    if (now_us >= next && atomic_compare_exchange_strong(&l->next_us, &next, now_us + RECENT_US))
        atomic_store_explicit(&l->value_us, latency_percentile(l, p, now_us), memory_order_relaxed);
    return atomic_load_explicit(&l->value_us, memory_order_relaxed);
}
