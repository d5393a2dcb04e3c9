/* SPDX-License-Identifier: Apache-2.0 */
/* Both shapes are drawn by inverting their distribution function, with one random number. The
 * exponential one is bounded by drawing only from the part of that number's range that leads to
 * values below the bound, which is the same as drawing again until one is. */
#include "fault/delay.h"

#include <math.h>

/* [0, 1), by the 53 bits that a double holds. */
static double unit(uint64_t random)
{
    return (double)(random >> 11) * 0x1p-53;
}

uint64_t delay_draw(const struct delay *d, uint64_t random)
{
    if (d->max_ms <= d->min_ms)
        return d->min_ms;
    const double range = (double)(d->max_ms - d->min_ms), u = unit(random);
    if (d->shape == DELAY_UNIFORM)
        return d->min_ms + (uint64_t)(u * (range + 1));
    const double mean = (double)d->mean_ms, below = -expm1(-range / mean);
    const double x = -mean * log1p(-u * below) + 0.5;
    return d->min_ms + (uint64_t)(x < range ? x : range);
}
