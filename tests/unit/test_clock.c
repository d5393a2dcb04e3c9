/* SPDX-License-Identifier: Apache-2.0 */
/* The clock: runs, can be stopped, and prints dates as the RFCs have them. */

#include "base/clock.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000)

static bool date_is(uint64_t wall_s, const char *date)
{
    struct clock c;

    clock_init(&c);
    clock_set(&c, 0, wall_s * SECOND);
    return slice_eq(clock_date(&c), slice_str(date));
}

Test(clock, runs_forwards)
{
    struct clock c;

    clock_init(&c);
    const uint64_t start = c.mono_us;
    cr_assert_gt(c.wall_us, 1700000000 * SECOND);
    for (int i = 0; i < 1000 * 1000 && c.mono_us == start; i++)
        clock_update(&c);
    cr_assert_gt(c.mono_us, start);
    cr_assert_eq(clock_ms(&c), c.mono_us / 1000);
}

Test(clock, stands_still_once_set)
{
    struct clock c;

    clock_init(&c);
    clock_set(&c, 5000, 7 * SECOND);
    clock_update(&c);
    cr_assert_eq(c.mono_us, 5000);
    cr_assert_eq(c.wall_us, 7 * SECOND);
    cr_assert_eq(clock_ms(&c), 5);
}

Test(clock, dates_are_imf_fixdates)
{
    cr_assert(date_is(784111777, "Sun, 06 Nov 1994 08:49:37 GMT")); /* RFC 9110's example */
    cr_assert(date_is(0, "Thu, 01 Jan 1970 00:00:00 GMT"));
    cr_assert(date_is(951782400, "Tue, 29 Feb 2000 00:00:00 GMT"));
    cr_assert(date_is(4102444799, "Thu, 31 Dec 2099 23:59:59 GMT"));
}

Test(clock, every_day_and_month_has_its_name)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct clock c;

    clock_init(&c);
    for (uint64_t day = 0; day < 365; day++) {
        clock_set(&c, 0, day * 86400 * SECOND);
        const struct slice date = clock_date(&c);
        cr_assert_eq(date.n, 29);
        cr_assert_eq(memcmp(date.p, days[day % 7], 3), 0);
        if (day % 31 == 15 && day / 31 < 12) /* the middle of a month, within two weeks */
            cr_assert_eq(memcmp(date.p + 8, months[day / 31], 3), 0, "%s", date.p);
    }
}

Test(clock, a_date_changes_with_its_second)
{
    struct clock c;

    clock_init(&c);
    clock_set(&c, 0, 10 * SECOND);
    cr_assert(slice_ends(clock_date(&c), SLICE("00:00:10 GMT")));
    clock_set(&c, 0, 11 * SECOND - 1);
    cr_assert(slice_ends(clock_date(&c), SLICE("00:00:10 GMT")));
    clock_set(&c, 0, 11 * SECOND);
    cr_assert(slice_ends(clock_date(&c), SLICE("00:00:11 GMT")));
    clock_set(&c, 0, 10 * SECOND); /* somebody set the machine's clock back */
    cr_assert(slice_ends(clock_date(&c), SLICE("00:00:10 GMT")));
}

Test(clock, stamps_have_microseconds)
{
    struct clock c;

    clock_init(&c);
    clock_set(&c, 0, 784111777 * SECOND + 123456);
    cr_assert(slice_eq(clock_stamp(&c), SLICE("1994-11-06T08:49:37.123456Z")));
    clock_set(&c, 0, 784111777 * SECOND + 7);
    cr_assert(slice_eq(clock_stamp(&c), SLICE("1994-11-06T08:49:37.000007Z")));
    clock_set(&c, 0, 784111778 * SECOND);
    cr_assert(slice_eq(clock_stamp(&c), SLICE("1994-11-06T08:49:38.000000Z")));
    cr_assert_eq(c.stamp[27], '\0');
}
