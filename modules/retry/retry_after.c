/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are cut where they would no longer fit: whatever is that large is over every bound that
 * can be set. Dates are read by strptime(), which knows the names of days and months of the C
 * locale; no process of the gateway sets another one. */
#include "retry/retry_after.h"

#include <time.h>

#include "common/slice.h"

#define SECONDS_MAX UINT64_C(1000000000000) /* in ms it fits, with room */

enum { DATE_MAX = 48, EPOCH_FROM = 1000000000 };

/* Seconds, as ms; *left is what stands behind the digits. */
static bool read_number(struct weir_slice s, uint64_t *ms, struct weir_slice *left)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < s.n && is_digit(s.p[i]); i++)
        n = n < SECONDS_MAX ? n * 10 + (uint64_t)(s.p[i] - '0') : SECONDS_MAX;
    *ms = (n < SECONDS_MAX ? n : SECONDS_MAX) * 1000;
    *left = (struct weir_slice){s.p + i, s.n - i};
    return i > 0;
}

/* ".25": what follows the third decimal doesn't matter. */
static bool read_fraction(struct weir_slice *s, uint64_t *ms)
{
    uint64_t unit = 100;
    size_t i = 1;
    if (s->n == 0 || s->p[0] != '.')
        return true;
    for (; i < s->n && is_digit(s->p[i]); i++, unit /= 10)
        *ms += (uint64_t)(s->p[i] - '0') * unit;
    *s = (struct weir_slice){s->p + i, s->n - i};
    return i > 1;
}

static bool read_date(struct weir_slice s, uint64_t *ms)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    char text[DATE_MAX];
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm t = {0};
        const char *end = strptime(text, forms[i], &t);
        const time_t at = end && *end == 0 ? timegm(&t) : -1;
        if (at >= 0) {
            *ms = (uint64_t)at * 1000;
            return true;
        }
    }
    return false;
}

static uint64_t until(uint64_t then_ms, uint64_t now_ms)
{
    return then_ms > now_ms ? then_ms - now_ms : 0;
}

bool retry_after_ms(struct weir_slice value, struct weir_slice date, uint64_t wall_us, uint64_t *ms)
{
    const struct weir_slice s = slice_trim(value);
    struct weir_slice left;
    uint64_t then, now;
    if (read_number(s, ms, &left))
        return left.n == 0;
    if (!read_date(s, &then))
        return false;
    if (!read_date(slice_trim(date), &now))
        now = wall_us / 1000;
    *ms = until(then, now);
    return true;
}

bool retry_reset_ms(struct weir_slice value, enum reset_format format, uint64_t wall_us,
                    uint64_t *ms)
{
    const struct weir_slice s = slice_trim(value);
    const uint64_t now = wall_us / 1000;
    struct weir_slice left;
    if (format == RESET_AUTO && read_date(s, ms)) {
        *ms = until(*ms, now);
        return true;
    }
    if (!read_number(s, ms, &left) || !read_fraction(&left, ms))
        return false;
    left = slice_trim(left);
    if (left.n && left.p[0] != ';')
        return false;
    const bool epoch = *ms >= EPOCH_FROM * UINT64_C(1000);
    if (format == RESET_UNIX || (format == RESET_AUTO && epoch))
        *ms = until(*ms, now);
    return true;
}
