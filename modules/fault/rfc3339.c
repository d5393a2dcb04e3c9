/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/rfc3339.h"

#include <string.h>
#include <time.h>

/* What is left of the text. */
struct reader {
    const char *p, *end;
};

static bool number(struct reader *r, int digits, int min, int max, int *to)
{
    *to = 0;
    if (r->end - r->p < digits)
        return false;
    for (; digits > 0; digits--, r->p++) {
        if (*r->p < '0' || *r->p > '9')
            return false;
        *to = *to * 10 + (*r->p - '0');
    }
    return *to >= min && *to <= max;
}

static bool one_of(struct reader *r, const char *chars)
{
    return r->p < r->end && *r->p && strchr(chars, *r->p++) != NULL;
}

static bool fraction(struct reader *r)
{
    if (r->p == r->end || *r->p != '.')
        return true;
    const char *first = ++r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return r->p > first;
}

/* How far the clocks there are ahead, in seconds. */
static bool offset(struct reader *r, int *ahead)
{
    int hours = 0, minutes = 0, sign = 0;
    *ahead = 0;
    if (r->p < r->end && (*r->p == 'Z' || *r->p == 'z')) {
        r->p++;
        return true;
    }
    if (r->p < r->end)
        sign = *r->p == '-' ? -1 : 1;
    if (!one_of(r, "+-") || !number(r, 2, 0, 23, &hours) || !one_of(r, ":") ||
        !number(r, 2, 0, 59, &minutes))
        return false;
    *ahead = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool day_exists(const struct tm *t)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int year = t->tm_year + 1900;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return t->tm_mday <= days[t->tm_mon] + (leap && t->tm_mon == 1);
}

static bool date(struct reader *r, struct tm *t)
{
    int year, month;
    if (!number(r, 4, 1970, 9999, &year) || !one_of(r, "-") || !number(r, 2, 1, 12, &month) ||
        !one_of(r, "-") || !number(r, 2, 1, 31, &t->tm_mday))
        return false;
    t->tm_year = year - 1900;
    t->tm_mon = month - 1;
    return day_exists(t);
}

/* A leap second counts as the second that follows. */
static bool time_of_day(struct reader *r, struct tm *t)
{
    return number(r, 2, 0, 23, &t->tm_hour) && one_of(r, ":") && number(r, 2, 0, 59, &t->tm_min) &&
           one_of(r, ":") && number(r, 2, 0, 60, &t->tm_sec);
}

bool rfc3339_parse(struct weir_slice text, uint64_t *seconds)
{
    struct reader r = {text.p, text.p + text.n};
    struct tm t = {0};
    int ahead;
    if (!text.n || !date(&r, &t) || !one_of(&r, "Tt ") || !time_of_day(&r, &t) || !fraction(&r) ||
        !offset(&r, &ahead) || r.p != r.end)
        return false;
    const time_t there = timegm(&t);
    if (there < ahead)
        return false;
    *seconds = (uint64_t)(there - ahead);
    return true;
}

void rfc3339_text(uint64_t seconds, char to[RFC3339_SIZE])
{
    const time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(to, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
        to[0] = '\0';
}
