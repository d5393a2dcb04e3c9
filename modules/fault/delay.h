/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_DELAY_H
#define WEIR_FAULT_DELAY_H

/* How long a delay is: always the same, or between two bounds, evenly or exponentially. Pure; any
 * process. */

#include <stdint.h>

enum delay_shape { DELAY_UNIFORM, DELAY_EXPONENTIAL };

struct delay {
    uint64_t min_ms, max_ms; /* the same: a fixed one */
    enum delay_shape shape;
    uint64_t mean_ms; /* EXPONENTIAL, above 0: the scale; what lies beyond max_ms is not cut
                         off there but drawn anew, so the true mean is a little smaller */
};

/* One delay, for 64 random bits. */
uint64_t delay_draw(const struct delay *d, uint64_t random);

#endif
