/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_LATENCY_BOUNDS_H
#define WEIR_CONFIG_LATENCY_BOUNDS_H

/* The bounds of the buckets in which latencies are counted (metrics.buckets). Two histograms may be
 * added up only where the bounds are the same: `layout` tells. */

#include <stddef.h>
#include <stdint.h>

enum { LATENCY_BUCKETS = 31, LATENCY_BOUNDS_MAX = LATENCY_BUCKETS - 1 };

struct latency_bounds {
    uint64_t us[LATENCY_BUCKETS]; /* ascending upper bounds, microseconds; zeros behind the last */
    size_t n;
    uint64_t layout; /* a digest of the bounds, never 0 */
};

extern const struct latency_bounds latency_bounds_default;

/* Fills in what follows from us[0 .. n). */
void latency_bounds_seal(struct latency_bounds *b);

#endif
