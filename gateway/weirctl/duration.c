/* SPDX-License-Identifier: Apache-2.0 */
/* Spans and moments of time. What is read follows the configuration's grammar, and its parser. */

#include "weirctl/duration.h"

#include <inttypes.h>
#include <time.h>

#include "config/option.h"

bool duration_parse(const char *s, uint64_t *seconds)
{
    uint64_t ms;

    if (!option_parse_ms(slice_str(s), &ms) || ms == 0 || ms % 1000)
        return false;
    *seconds = ms / 1000;
    return true;
}

void duration_text(struct text *out, double seconds)
{
    static const struct {
        uint64_t length;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
    enum { CENTURY_S = INT64_C(3155760000) };
    uint64_t left = seconds <= 0          ? 0
                    : seconds > CENTURY_S ? (uint64_t)CENTURY_S
                                          : (uint64_t)seconds;
    size_t i = 0;

    while (i + 1 < array_n(units) && left < units[i].length)
        i++;
    text_printf(out, "%" PRIu64 "%s", left / units[i].length, units[i].unit);
    left %= units[i].length;
    if (i + 1 < array_n(units) && left >= units[i + 1].length)
        text_printf(out, "%" PRIu64 "%s", left / units[i + 1].length, units[i + 1].unit);
}

void moment_text(struct text *out, double wall_s)
{
    enum { YEAR_9999_S = INT64_C(253402300799) };
    struct tm tm;
    char s[32];

    if (!(wall_s >= 0 && wall_s <= YEAR_9999_S)) {
        text_char(out, '-');
        return;
    }
    const time_t t = (time_t)wall_s;
    gmtime_r(&t, &tm);
    strftime(s, sizeof s, "%Y-%m-%d %H:%M:%S UTC", &tm);
    text_str(out, s);
}
