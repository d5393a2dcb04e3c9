/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of one loop: read once per turn, formatted at most once per second.
 *
 * Dates are written by hand, not with strftime: they must not depend on the locale. Only the
 * microseconds of a stamp change within a second. */

#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/check.h"

void clock_init(struct clock *c)
{
    *c = (struct clock){.date_s = UINT64_MAX, .stamp_s = UINT64_MAX};
    clock_update(c);
}

static uint64_t read_us(clockid_t id)
{
    struct timespec t;

    must(clock_gettime(id, &t) == 0);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void clock_update(struct clock *c)
{
    if (c->frozen)
        return;
    c->mono_us = read_us(CLOCK_MONOTONIC);
    c->wall_us = read_us(CLOCK_REALTIME);
}

void clock_set(struct clock *c, uint64_t mono_us, uint64_t wall_us)
{
    c->frozen = true;
    c->mono_us = mono_us;
    c->wall_us = wall_us;
}

/* Fixed-width decimal. */
static void put(char *at, int width, unsigned v)
{
    while (width--) {
        at[width] = (char)('0' + v % 10);
        v /= 10;
    }
}

static struct tm civil(uint64_t seconds)
{
    const time_t t = (time_t)seconds;
    struct tm tm;

    must(gmtime_r(&t, &tm));
    return tm;
}

struct slice clock_date(struct clock *c)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint64_t now_s = c->wall_us / 1000000;

    if (now_s != c->date_s) {
        const struct tm tm = civil(now_s);
        memcpy(c->date, "Sun, 06 Nov 1994 08:49:37 GMT", sizeof c->date);
        memcpy(c->date, days + 3 * tm.tm_wday, 3);
        put(c->date + 5, 2, (unsigned)tm.tm_mday);
        memcpy(c->date + 8, months + 3 * tm.tm_mon, 3);
        put(c->date + 12, 4, (unsigned)tm.tm_year + 1900);
        put(c->date + 17, 2, (unsigned)tm.tm_hour);
        put(c->date + 20, 2, (unsigned)tm.tm_min);
        put(c->date + 23, 2, (unsigned)tm.tm_sec);
        c->date_s = now_s;
    }
    return slice_of(c->date, sizeof c->date - 1);
}

struct slice clock_stamp(struct clock *c)
{
    const uint64_t now_s = c->wall_us / 1000000;

    if (now_s != c->stamp_s) {
        const struct tm tm = civil(now_s);
        memcpy(c->stamp, "1994-11-06T08:49:37.000000Z", sizeof c->stamp);
        put(c->stamp, 4, (unsigned)tm.tm_year + 1900);
        put(c->stamp + 5, 2, (unsigned)tm.tm_mon + 1);
        put(c->stamp + 8, 2, (unsigned)tm.tm_mday);
        put(c->stamp + 11, 2, (unsigned)tm.tm_hour);
        put(c->stamp + 14, 2, (unsigned)tm.tm_min);
        put(c->stamp + 17, 2, (unsigned)tm.tm_sec);
        c->stamp_s = now_s;
    }
    put(c->stamp + 20, 6, (unsigned)(c->wall_us % 1000000));
    return slice_of(c->stamp, sizeof c->stamp - 1);
}
