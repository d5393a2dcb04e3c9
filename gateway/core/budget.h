/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_BUDGET_H
#define WEIR_CORE_BUDGET_H

/* How many retries a cluster gets: so that a cluster that fails isn't given several times its usual
 * load by those who want to help. Retries may be `percent` of the first attempts within the last
 * `window`; and min_per_second of them are always allowed, so that a cluster with few requests can
 * be retried at all.
 *
 * All workers of an instance share one budget, in the cell "cluster/NAME/budget": buckets of one
 * second, on the monotonic clock, which is the same for all processes of a machine. Each word of a
 * bucket carries the second that it counts, so whoever comes first in a new second begins it anew
 * with one compare-and-swap, and nobody has to clean up. */

#include <stdatomic.h>
#include <stdint.h>

#include "config/config.h"

enum { BUDGET_BUCKETS = 64 }; /* more than the longest window has seconds */

struct budget {
    struct budget_bucket {
        _Atomic uint64_t firsts, retries; /* second in the upper half, count in the lower */
    } buckets[BUDGET_BUCKETS];
};

/* A first attempt begins. */
void budget_first(struct budget *b, uint64_t now_us);
/* May a retry begin? It is counted then. Two that ask at the same time may both be refused where
 * one had its place, never the other way round. */
bool budget_take(struct budget *b, const struct retry_budget_conf *conf, uint64_t now_us) nodiscard;

#endif
