/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_DEMAND_H
#define WEIR_CANARY_DEMAND_H

/* How many positions to lease at once: what lasts for some ticks of the busiest time of late, so
 * that a quiet instance holds few. Pure; [control]. */

#include <stdint.h>

enum {
    DEMAND_TICKS = 4,  /* a block lasts so long, if it may be so large */
    DEMAND_LEAST = 10, /* but it is never smaller than this part of the largest */
    DEMAND_FADES = 16, /* after so many quiet ticks a third of what was is left */
};

/* Zeroed to begin with. */
struct demand {
    uint64_t seen, peak; /* requests so far; the most in a tick, fading */
};

/* Once in each tick, with the number of requests so far; one that is smaller than the last begins
 * anew. Gives 1 to `most`. */
uint64_t demand_note(struct demand *d, uint64_t requests, uint64_t most);

#endif
