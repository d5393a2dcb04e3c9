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

/* -- other instances --------------------------------------------------------------------------- */

struct budget_counts budget_counted(const struct budget *b, enum budget_kind kind, uint32_t second)
{
    const struct budget_bucket *one = &b->buckets[second % BUDGET_BUCKETS];
    return (struct budget_counts){count_in(&one->firsts, second),
                                  count_in(&one->extra[kind], second)};
}

static uint64_t half(uint64_t n)
{
    return n < UINT32_MAX ? n : UINT32_MAX;
}

void budget_hear(struct budget_elsewhere *e, const struct budget_counts *all, uint32_t others,
                 uint32_t spent_then, uint64_t now_us)
{
    enum { HOLDS = 2 /* seconds; the running one is over soon */ };
    atomic_store(&e->spent_then, spent_then);
    atomic_store(&e->counts, half(all->firsts) << 32 | half(all->extra));
    atomic_store(&e->others, (uint64_t)(second_of(now_us) + HOLDS) << 32 | others);
}

void budget_forget(struct budget_elsewhere *e)
{
    atomic_store(&e->others, 0);
    atomic_store(&e->counts, 0);
}

/* `before` is what this instance had spent before the retry that is being judged. That is less than
 * what it had spent then when one was counted just then and has been refused since. */
static void add_others(struct budget_counts *sum, const struct budget_elsewhere *e, uint32_t before,
                       uint32_t now)
{
    const uint64_t others = atomic_load(&e->others), counts = atomic_load(&e->counts);
    const int32_t since = (int32_t)(before - atomic_load(&e->spent_then));
    if (others >> 32 < now)
        return;
    sum->firsts += counts >> 32;
    sum->extra += (uint32_t)counts;
    if (since > 0)
        sum->extra += (uint64_t)(uint32_t)others * (uint32_t)since;
}

/* -- asking ------------------------------------------------------------------------------------ */

static struct budget_counts sum_of(const struct budget *b, enum budget_kind kind, uint32_t now,
                                   uint32_t window)
{
    struct budget_counts sum = {0};
    for (uint32_t back = 0; back < window && back <= now; back++) {
        const struct budget_counts one = budget_counted(b, kind, now - back);
        sum.firsts += one.firsts;
        sum.extra += one.extra;
    }
    return sum;
}

bool budget_take(struct budget *b, enum budget_kind kind, const struct budget_conf *conf,
                 struct budget_elsewhere *e, uint64_t now_us)
{
    const uint32_t now = second_of(now_us);
    _Atomic uint64_t *const word = &b->buckets[now % BUDGET_BUCKETS].extra[kind];
    const uint32_t before = e ? atomic_fetch_add(&e->spent, 1) : 0;

    if (count(word, now, 1) <= (uint64_t)conf->min_per_second)
        return true;
    struct budget_counts sum = sum_of(b, kind, now, (uint32_t)(conf->window / 1000));
    if (e)
        add_others(&sum, e, before, now);
    if (sum.extra * WHOLE <= sum.firsts * conf->percent)
        return true;
    take_back(word, now);
    if (e)
        atomic_fetch_sub(&e->spent, 1);
    return false;
}

void budget_give_back(struct budget *b, enum budget_kind kind, uint64_t now_us)
{
    const uint32_t now = second_of(now_us);
    take_back(&b->buckets[now % BUDGET_BUCKETS].extra[kind], now);
}
