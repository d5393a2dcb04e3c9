/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets of retries: counting is one compare-and-swap on the bucket of the second, asking adds up
 * as many buckets as the window has seconds. A retry is counted before it is judged, so that those
 * who ask at the same time see each other, and taken back when it is refused. */
#include "core/budget.h"

enum { WHOLE = 1000000 }; /* millionths */

static uint32_t second_of(uint64_t us)
{
    return (uint32_t)(us / 1000000);
}

static uint32_t count_in(const _Atomic uint64_t *word, uint32_t second)
{
    const uint64_t v = atomic_load_explicit(word, memory_order_relaxed);
    return v >> 32 == second ? (uint32_t)v : 0;
}

/* A worker whose turn began before the bucket was begun anew counts nothing. Gives the new count.
 */
static uint32_t count(_Atomic uint64_t *word, uint32_t second, uint32_t n)
{
    uint64_t v = atomic_load_explicit(word, memory_order_relaxed), next;
    do {
        if (v >> 32 > second)
            return 0;
        next = v >> 32 == second ? v + n : (uint64_t)second << 32 | n;
    } while (!atomic_compare_exchange_weak_explicit(word, &v, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return (uint32_t)next;
}

static void take_back(_Atomic uint64_t *word, uint32_t second)
{
    uint64_t v = atomic_load_explicit(word, memory_order_relaxed);
    while (v >> 32 == second && (uint32_t)v > 0)
        if (atomic_compare_exchange_weak_explicit(word, &v, v - 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return;
}

void budget_flush(struct budget *b, struct budget_tally *t)
{
    if (t->n)
        count(&b->buckets[t->second % BUDGET_BUCKETS].firsts, t->second, t->n);
    t->n = 0;
}

void budget_first(struct budget *b, struct budget_tally *t, uint64_t now_us)
{
    enum { TALLY_MAX = 16 };
    const uint32_t second = second_of(now_us);
    if (t->second != second || t->n == TALLY_MAX)
        budget_flush(b, t);
    t->second = second;
    t->n++;
}

bool budget_take(struct budget *b, enum budget_kind kind, const struct budget_conf *conf,
                 uint64_t now_us)
{
    const uint32_t now = second_of(now_us);
    const uint32_t window = (uint32_t)(conf->window / 1000);
    _Atomic uint64_t *const word = &b->buckets[now % BUDGET_BUCKETS].extra[kind];
    uint64_t firsts = 0, extra = 0;

    if (count(word, now, 1) <= (uint64_t)conf->min_per_second)
        return true;
    for (uint32_t back = 0; back < window && back <= now; back++) {
        const struct budget_bucket *one = &b->buckets[(now - back) % BUDGET_BUCKETS];
        firsts += count_in(&one->firsts, now - back);
        extra += count_in(&one->extra[kind], now - back);
    }
    if (extra * WHOLE <= firsts * conf->percent)
        return true;
    take_back(word, now);
    return false;
}
