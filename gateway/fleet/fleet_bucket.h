/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_BUCKET_H
#define WEIR_FLEET_BUCKET_H

/* The arithmetic of windows: time is cut into buckets of a tenth of the span, numbered since 1970
 * by Redis's clock, the same for all instances. What lies in the running one and the nine before it
 * is summed: 90 to 100 % of the span. */

#include <weir/fleet.h>

enum {
    FLEET_BUCKETS = 10,
    FLEET_RUN_SPANS = 10, /* a row that nothing was added to for so many spans is forgotten */
};

static inline uint64_t fleet_bucket_ms(uint64_t span_ms)
{
    return span_ms / FLEET_BUCKETS ? span_ms / FLEET_BUCKETS : 1;
}
static inline uint64_t fleet_bucket_at(uint64_t span_ms, uint64_t redis_ms)
{
    return redis_ms / fleet_bucket_ms(span_ms);
}
/* How long a bucket is kept after it was written to: until it is part of no sum. */
static inline uint64_t fleet_bucket_ttl_ms(uint64_t span_ms)
{
    return span_ms + fleet_bucket_ms(span_ms);
}

/* Counts that came after others. */
void fleet_counts_add(struct weir_fleet_counts *to, const struct weir_fleet_counts *later);
bool fleet_counts_any(const struct weir_fleet_counts *c);

/* The buckets of one instance, with what it has counted and not sent. One more than a sum has, so
 * that a clock that is corrected a little back finds the older ones still there. Zeroed: empty. */
struct fleet_ring {
    struct fleet_bucket {
        uint64_t number, sums[WEIR_FLEET_SUMS];
    } buckets[FLEET_BUCKETS + 1];
};
void fleet_ring_add(struct fleet_ring *r, uint64_t number, const struct weir_fleet_counts *counts);
/* What is in that bucket, and in none afterwards. False: nothing. */
bool fleet_ring_take(struct fleet_ring *r, uint64_t number, uint64_t sums[WEIR_FLEET_SUMS]);

#endif
