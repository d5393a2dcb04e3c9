/* SPDX-License-Identifier: Apache-2.0 */
/* Redis's clock: a ring of samples, and which of them is the best. */
#include "fleet/fleet_clock.h"

void fleet_clock_forget(struct fleet_clock *c)
{
    *c = (struct fleet_clock){0};
}

void fleet_clock_note(struct fleet_clock *c, uint64_t sent_us, uint64_t received_us,
                      uint64_t redis_us)
{
    const uint64_t trip = received_us > sent_us ? received_us - sent_us : 0;
    c->samples[c->next] = (struct fleet_clock_sample){
        .offset_us = (int64_t)(redis_us - (sent_us + trip / 2)),
        .trip_us = trip,
    };
    c->next = (c->next + 1) % FLEET_CLOCK_SAMPLES;
    if (c->n < FLEET_CLOCK_SAMPLES)
        c->n++;
    c->best = 0;
    for (size_t i = 1; i < c->n; i++)
        if (c->samples[i].trip_us < c->samples[c->best].trip_us)
            c->best = i;
}

uint64_t fleet_clock_ms(const struct fleet_clock *c, uint64_t mono_us)
{
    return c->n ? (mono_us + (uint64_t)c->samples[c->best].offset_us) / 1000 : 0;
}

uint64_t fleet_clock_trip_us(const struct fleet_clock *c)
{
    return c->n ? c->samples[(c->next + FLEET_CLOCK_SAMPLES - 1) % FLEET_CLOCK_SAMPLES].trip_us : 0;
}
