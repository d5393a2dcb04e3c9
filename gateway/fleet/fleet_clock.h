/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_CLOCK_H
#define WEIR_FLEET_CLOCK_H

/* Redis's clock, as an offset from this machine's monotonic one: instances' own clocks may be wrong
 * by seconds, and never count. Each answer to TIME is a sample; it is right to half of its round
 * trip, so of the last few the one with the shortest is believed (as in NTP, RFC 5905 10).
 *
 *     fleet_clock_note(&c, sent_us, received_us, redis_us);
 *     if (c.n) ... fleet_clock_ms(&c, now_us)
 */

#include <stddef.h>
#include <stdint.h>

enum { FLEET_CLOCK_SAMPLES = 10 };

struct fleet_clock {
    struct fleet_clock_sample {
        int64_t offset_us; /* Redis's time minus ours */
        uint64_t trip_us;
    } samples[FLEET_CLOCK_SAMPLES];
    size_t n, next, best;
};

/* Of another server: what the last one said doesn't count. */
void fleet_clock_forget(struct fleet_clock *c);
void fleet_clock_note(struct fleet_clock *c, uint64_t sent_us, uint64_t received_us,
                      uint64_t redis_us);
/* Milliseconds since 1970, by Redis's clock; 0 without a sample. */
uint64_t fleet_clock_ms(const struct fleet_clock *c, uint64_t mono_us);
/* The round trip of the last sample; 0 without one. */
uint64_t fleet_clock_trip_us(const struct fleet_clock *c);

#endif
