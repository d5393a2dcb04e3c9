/* SPDX-License-Identifier: Apache-2.0 */
/* Variables about time: when the request came and how long the parts of the exchange took. Every
 * request is logged with a date as a rule, so dates are written without the C library. */

#include "core/log/variables_parts.h"

/* -- dates ------------------------------------------------------------------------------------- */

static inline char *put2(char *at, uint64_t v)
{
    at[0] = (char)('0' + v / 10 % 10);
    at[1] = (char)('0' + v % 10);
    return at + 2;
}

static inline char *put4(char *at, uint64_t v)
{
    return put2(put2(at, v / 100), v % 100);
}

struct date {
    uint64_t year, month, day;
};

/* The Gregorian date of a day since 1970, in a few divisions: years are taken to begin in March,
 * so that the leap day is the last of its year. 400 years have 146,097 days; 719,468 days lie
 * between 1 March of the year 0 and 1970. */
static struct date date_of(uint64_t day)
{
    const uint64_t n = day + 719468;
    const uint64_t era = n / 146097, of_era = n % 146097;
    const uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    const uint64_t month = (5 * of_year + 2) / 153; /* 0: March */

    return (struct date){
        .year = year + era * 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
    };
}

static char *put_clock(char *at, uint64_t second)
{
    at = put2(at, second / 3600 % 24);
    *at++ = ':';
    at = put2(at, second / 60 % 60);
    *at++ = ':';
    return put2(at, second % 60);
}

VARIABLE(time)
{
    UNUSED;
    const uint64_t second = x->created_wall_us / 1000000, us = x->created_wall_us % 1000000;
    const struct date d = date_of(second / 86400);
    char *at = put4(v->memory, d.year);

    *at++ = '-';
    at = put2(at, d.month);
    *at++ = '-';
    at = put2(at, d.day);
    *at++ = 'T';
    at = put_clock(at, second);
    *at++ = '.';
    at = put4(put2(at, us / 10000), us % 10000);
    *at++ = 'Z';
    return give_text(v, slice_between(v->memory, at));
}

VARIABLE(time_common)
{
    UNUSED;
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const uint64_t second = x->created_wall_us / 1000000;
    const struct date d = date_of(second / 86400);
    char *at = put2(v->memory, d.day);

    *at++ = '/';
    memcpy(at, months + 3 * (d.month - 1), 3);
    at += 3;
    *at++ = '/';
    at = put4(at, d.year);
    *at++ = ':';
    at = put_clock(at, second);
    memcpy(at, " +0000", 6);
    return give_text(v, slice_between(v->memory, at + 6));
}

/* -- how long it took -------------------------------------------------------------------------- */

/* From one moment to another; false when one of them was not reached. */
static inline bool give_span(struct variable_value *v, uint64_t from_us, uint64_t to_us)
{
    v->number = to_us - from_us;
    return from_us && to_us >= from_us;
}

static inline uint64_t now_us(const struct exchange *x)
{
    return x->w->loop->clock.mono_us;
}

VARIABLE(duration_us)
{
    UNUSED;
    return give_span(v, x->created_us, now_us(x));
}

VARIABLE(route_us)
{
    UNUSED;
    return give_span(v, x->created_us, x->routed_us);
}

VARIABLE(connect_us)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_span(v, at->started_us, at->opened_us);
}

VARIABLE(response_head_us)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_span(v, at->opened_us, at->headed_us);
}

VARIABLE(response_body_us)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_span(v, at->headed_us, at->ended_us);
}

VARIABLE(send_us)
{
    UNUSED;
    return give_span(v, x->head_sent_us, now_us(x));
}
