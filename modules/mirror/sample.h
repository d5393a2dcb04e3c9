/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_SAMPLE_H
#define WEIR_MIRROR_SAMPLE_H

/* Which requests are copied: an exact schedule instead of a dice. Request number n of a route, from
 * 0, is taken when floor((n + 1) p) > floor(n p), so that of the first n requests floor(n p) were
 * taken, whatever n is, and of any n in a row within one of n p. */

#include <stdbool.h>
#include <stdint.h>

enum { SAMPLE_WHOLE = 1000000 }; /* shares are counted in millionths */

/* `share` of SAMPLE_WHOLE, at most that. */
static inline bool sample_takes(uint64_t n, uint32_t share)
{
    const uint64_t at =
        n % SAMPLE_WHOLE; /* the schedule begins again after as many: n p is whole there */
    return (at + 1) * share / SAMPLE_WHOLE > at * share / SAMPLE_WHOLE;
}

#endif
