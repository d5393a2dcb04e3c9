/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_DELTA_H
#define WEIR_MIRROR_DELTA_H

/* How much later (or sooner) the mirror answers: a histogram of differences, in a shared cell that
 * any worker counts in. Its buckets grow with the distance from zero, four to a doubling, so that a
 * median is known to a fifth, whether it is a tenth of a millisecond or ten seconds.
 *
 * All zeros is an empty one. */

#include <stdatomic.h>
#include <stdint.h>

/* Up to 2^36 us, which is 19 hours. */
enum { DELTA_SIDE = 4 * 36, DELTA_BUCKETS = 2 * DELTA_SIDE + 1 };

struct delta {
    _Atomic uint64_t v[DELTA_BUCKETS]; /* the middle one: no difference */
};

/* The mirror took so much longer, in microseconds; negative: it was faster. */
void delta_add(struct delta *d, int64_t us);
/* The median in microseconds; 0 also when nothing was counted. */
int64_t delta_median(const struct delta *d);

#endif
