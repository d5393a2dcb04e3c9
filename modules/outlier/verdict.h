/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_VERDICT_H
#define WEIR_OUTLIER_VERDICT_H

/* Who is to be ejected, given figures of one interval; and how many may be. Pure; any process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one endpoint in one interval. */
struct figures {
    uint64_t total, failed;
};

/* What a judge found, for whoever explains it. Shares are in millionths. */
struct verdict {
    size_t hosts;             /* endpoints with enough requests to be judged */
    uint32_t mean, threshold; /* of success (rate), of failure (percentage: mean is unused) */
    size_t out_n; /* of them are out[0..out_n): the worst first, by index in the figures */
};

/* By deviation: a share of success that is more than stdev_factor/1000 standard deviations (of the
 * population) and more than `margin` below the mean of all that had enough requests. The farthest
 * that one of n can be from the mean is sqrt(n-1) deviations: with fewer than so many hosts a
 * factor can't be reached (verdict_hosts_needed). */
struct rate_rules {
    uint32_t min_hosts;
    uint64_t min_requests;
    uint32_t stdev_factor; /* thousandths */
    uint32_t margin;       /* millionths */
};
void verdict_success_rate(const struct figures *f, size_t n, const struct rate_rules *r,
                          size_t *out, struct verdict *v);
/* The fewest hosts among which one can be so far off. */
uint32_t verdict_hosts_needed(uint32_t stdev_factor);

/* By the share of failures alone. */
struct percentage_rules {
    uint32_t min_hosts;
    uint64_t min_requests;
    uint32_t threshold; /* millionths */
};
void verdict_failure_percentage(const struct figures *f, size_t n, const struct percentage_rules *r,
                                size_t *out, struct verdict *v);

/* In millionths; 0 of nothing. */
uint32_t verdict_share(uint64_t part, uint64_t whole);

/* How many endpoints of a pool may be ejected at a time: `share` (millionths) of all, but one in
 * any case; and never so many that fewer than `min_left` of the usable ones, ejected or not, are
 * left. */
struct pool {
    size_t n;      /* endpoints with a weight */
    size_t usable; /* ... that are neither draining nor unhealthy */
};
size_t verdict_cap(const struct pool *p, uint32_t share, size_t min_left);

#endif
