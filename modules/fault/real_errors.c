/* SPDX-License-Identifier: Apache-2.0 */
/* A counter says itself which part of time it belongs to, so that one word is all there is to
 * change: whoever finds an older part's counter there begins a new one. */
#include "fault/real_errors.h"

enum { COUNT_BITS = 40, WHOLE = 1000000 };
static const uint64_t COUNT_MASK = ((uint64_t)1 << COUNT_BITS) - 1,
                      PART_MASK = ((uint64_t)1 << (64 - COUNT_BITS)) - 1;

/* Numbers of parts begin at 1: zero is an unused counter. */
static uint64_t part_at(uint64_t length_us, uint64_t now_us)
{
    const uint64_t part_us = length_us / WINDOW_PARTS;
    return now_us / (part_us ? part_us : 1) + 1;
}

static void count(_Atomic uint64_t *word, uint64_t part)
{
    const uint64_t tag = (part & PART_MASK) << COUNT_BITS;
    uint64_t had = atomic_load(word), next;
    do
        next = (had & ~COUNT_MASK) == tag ? had + 1 : tag + 1;
    while (!atomic_compare_exchange_weak(word, &had, next));
}

static uint64_t count_of(const _Atomic uint64_t *word, uint64_t part)
{
    const uint64_t v = atomic_load(word);
    return v >> COUNT_BITS == (part & PART_MASK) ? v & COUNT_MASK : 0;
}

void real_errors_add(struct real_errors *w, uint64_t length_us, uint64_t now_us, bool error)
{
    const uint64_t part = part_at(length_us, now_us);
    struct real_errors_part *p = &w->parts[part % WINDOW_PARTS];
    count(&p->requests, part);
    if (error)
        count(&p->errors, part);
}

struct real_errors_sum real_errors_sum(const struct real_errors *w, uint64_t length_us, uint64_t now_us)
{
    struct real_errors_sum s = {0};
    const uint64_t last = part_at(length_us, now_us);
    for (uint64_t part = last; part > 0 && part + WINDOW_PARTS > last; part--) {
        const struct real_errors_part *p = &w->parts[part % WINDOW_PARTS];
        s.requests += count_of(&p->requests, part);
        s.errors += count_of(&p->errors, part);
    }
    return s;
}

void real_errors_clear(struct real_errors *w)
{
    for (unsigned i = 0; i < WINDOW_PARTS; i++) {
        atomic_store(&w->parts[i].requests, 0);
        atomic_store(&w->parts[i].errors, 0);
    }
}

bool real_errors_is_over(struct real_errors_sum s, uint32_t rate, uint64_t min_requests)
{
    return s.requests >= min_requests && s.errors * WHOLE > (uint64_t)rate * s.requests;
}
