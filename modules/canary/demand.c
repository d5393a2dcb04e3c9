/* SPDX-License-Identifier: Apache-2.0 */
/* The peak rises at once and fades slowly: a pause of a second doesn't make blocks small. */
#include "canary/demand.h"

uint64_t demand_note(struct demand *d, uint64_t requests, uint64_t most)
{
    const uint64_t used = requests >= d->seen ? requests - d->seen : requests;
    const uint64_t least = (most + DEMAND_LEAST - 1) / DEMAND_LEAST;
    d->seen = requests;
    d->peak -= (d->peak + DEMAND_FADES - 1) / DEMAND_FADES;
    if (d->peak < used)
        d->peak = used;
    if (d->peak >= most / DEMAND_TICKS)
        return most;
    return d->peak * DEMAND_TICKS > least ? d->peak * DEMAND_TICKS : least;
}
