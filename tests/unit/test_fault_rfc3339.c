/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/rfc3339.h"

#include <criterion/criterion.h>
#include <string.h>

static struct weir_slice text(const char *t)
{
    return (struct weir_slice){t, strlen(t)};
}

Test(fault_rfc3339, reads_times)
{
    static const struct {
        const char *text;
        uint64_t seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-26T02:15:19Z", 1795659319},
        {"2026-11-26t02:15:19z", 1795659319},
        {"2026-11-26 03:15:19+01:00", 1795659319},
        {"2026-11-25T21:45:19.987-04:30", 1795659319},
        {"2028-02-29T23:59:60Z", 1835481600},
        {"1970-01-01T01:00:00+01:00", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t s = 1;
        cr_assert(rfc3339_parse(text(cases[i].text), &s), "%s", cases[i].text);
        cr_assert_eq(s, cases[i].seconds, "%s: %lu", cases[i].text, (unsigned long)s);
    }
}

Test(fault_rfc3339, refuses_what_is_no_time)
{
    static const char *const wrong[] = {
        "",
        "tomorrow",
        "2026-11-26",
        "2026-11-26T02:15Z",
        "2026-11-26T02:15:19",
        "2026-11-26T02:15:19ZZ",
        "2026-11-26T02:15:19.Z",
        "2026-11-26T24:15:19Z",
        "2026-11-26T02:60:19Z",
        "2026-11-26T02:15:61Z",
        "2026-13-26T02:15:19Z",
        "2026-02-29T02:15:19Z",
        "2100-02-29T02:15:19Z",
        "2026-04-31T02:15:19Z",
        "2026-00-10T02:15:19Z",
        "2026-01-00T02:15:19Z",
        "26-01-10T02:15:19Z",
        "2026-11-26T02:15:19+1:00",
        "2026-11-26T02:15:19+24:00",
        "2026-11-26T02:15:19+0100",
        "1970-01-01T00:00:00+00:01",
        "2026-11-26T02:15:1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t s;
        cr_assert(!rfc3339_parse(text(wrong[i]), &s), "%s", wrong[i]);
    }
    uint64_t s;
    cr_assert(!rfc3339_parse((struct weir_slice){0}, &s));
    cr_assert(!rfc3339_parse((struct weir_slice){"2026-11-26T02:15:19\0", 20}, &s));
}

Test(fault_rfc3339, reads_what_it_writes)
{
    char t[RFC3339_SIZE];
    uint64_t s;
    rfc3339_text(1795659319, t);
    cr_assert_str_eq(t, "2026-11-26T02:15:19Z");
    cr_assert(rfc3339_parse(text(t), &s) && s == 1795659319);
}
