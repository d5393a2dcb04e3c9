/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, one after the other, and the ring that they wait in. */
#include "fleet/fleet_bucket.h"

#include <string.h>

/* -- counts ------------------------------------------------------------------------------------ */

static bool any_sum(const uint64_t sums[WEIR_FLEET_SUMS])
{
    uint64_t any = 0;
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++)
        any |= sums[i];
    return any != 0;
}

void fleet_counts_add(struct weir_fleet_counts *to, const struct weir_fleet_counts *later)
{
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++)
        to->sums[i] += later->sums[i];
    to->run = later->broken ? later->run : to->run + later->run;
    to->broken |= later->broken;
}

bool fleet_counts_any(const struct weir_fleet_counts *c)
{
    return c->run || c->broken || any_sum(c->sums);
}

/* -- the ring ---------------------------------------------------------------------------------- */

static struct fleet_bucket *bucket_of(struct fleet_ring *r, uint64_t number)
{
    return &r->buckets[number % (FLEET_BUCKETS + 1)];
}

void fleet_ring_add(struct fleet_ring *r, uint64_t number, const struct weir_fleet_counts *counts)
{
    struct fleet_bucket *b = bucket_of(r, number);
    if (b->number != number)
        *b = (struct fleet_bucket){.number = number};
    for (size_t i = 0; i < WEIR_FLEET_SUMS; i++)
        b->sums[i] += counts->sums[i];
}

bool fleet_ring_take(struct fleet_ring *r, uint64_t number, uint64_t sums[WEIR_FLEET_SUMS])
{
    struct fleet_bucket *b = bucket_of(r, number);
    if (b->number != number || !any_sum(b->sums))
        return false;
    memcpy(sums, b->sums, sizeof b->sums);
    memset(b->sums, 0, sizeof b->sums);
    return true;
}
