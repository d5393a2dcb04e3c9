/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

/* Time, read once per loop turn. Everybody else looks at the copy, so a turn costs one clock
 * read and everything in a turn happens at the same moment. Tests set it: clock_set() stops
 * clock_update() from reading the machine's clock. */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct clock {
    uint64_t mono_us; /* CLOCK_MONOTONIC */
    uint64_t wall_us; /* CLOCK_REALTIME, since 1970 */
    bool frozen;      /* set by clock_set */
    /* Formatted once per second, on demand: */
    uint64_t date_s, stamp_s;
    char date[30];  /* IMF-fixdate (RFC 9110 5.6.7), 29 characters */
    char stamp[28]; /* 2026-11-24T10:00:00.123456Z */
};

void clock_init(struct clock *c);
void clock_update(struct clock *c);
void clock_set(struct clock *c, uint64_t mono_us, uint64_t wall_us);

static inline uint64_t clock_ms(const struct clock *c)
{
    return c->mono_us / 1000;
}

/* Valid until the next call in another second. */
struct slice clock_date(struct clock *c);
/* RFC 3339 with microseconds, UTC; valid until the next call. */
struct slice clock_stamp(struct clock *c);

#endif
