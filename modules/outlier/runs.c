/* SPDX-License-Identifier: Apache-2.0 */
/* The word: failures, gateway errors and 5xx of 21 bits each, the first one lowest. */
#include "outlier/runs.h"

enum { BITS = 21 };

static void unpack(uint64_t word, uint32_t of[RUN_N])
{
    for (unsigned i = 0; i < RUN_N; i++)
        of[i] = (uint32_t)(word >> (BITS * i)) & RUN_MAX;
}

static uint64_t pack(const uint32_t of[RUN_N])
{
    uint64_t word = 0;
    for (unsigned i = 0; i < RUN_N; i++)
        word |= (uint64_t)of[i] << (BITS * i);
    return word;
}

static void lengthen(uint32_t *run)
{
    *run += *run < RUN_MAX;
}

static void step(uint32_t of[RUN_N], enum outcome o, bool split)
{
    const bool failed = o == OUTCOME_FAILURE;
    if (failed)
        lengthen(&of[RUN_FAILURES]);
    else
        of[RUN_FAILURES] = 0;
    if (failed && split)
        return;
    if (o == OUTCOME_5XX)
        of[RUN_GATEWAY] = 0;
    else
        lengthen(&of[RUN_GATEWAY]);
    lengthen(&of[RUN_5XX]);
}

void runs_add(struct runs *r, enum outcome o, bool split, uint32_t of[RUN_N])
{
    uint64_t had = atomic_load(&r->word);
    do {
        unpack(had, of);
        step(of, o, split);
    } while (!atomic_compare_exchange_weak(&r->word, &had, pack(of)));
}

void runs_clear(struct runs *r)
{
    if (!runs_empty(r))
        atomic_store(&r->word, 0);
}

void runs_read(const struct runs *r, uint32_t of[RUN_N])
{
    unpack(atomic_load(&r->word), of);
}
