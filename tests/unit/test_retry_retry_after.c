/* SPDX-License-Identifier: Apache-2.0 */
/* How long origins ask to be left alone. */
#include "retry/retry_after.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110. */
static const uint64_t then_us = UINT64_C(784111777) * 1000000;

static struct weir_slice of(const char *s)
{
    return (struct weir_slice){s, s ? strlen(s) : 0};
}

static int64_t after(const char *value, const char *date, uint64_t wall_us)
{
    uint64_t ms;
    return retry_after_ms(of(value), of(date), wall_us, &ms) ? (int64_t)ms : -1;
}

static int64_t reset(const char *value, enum reset_format format, uint64_t wall_us)
{
    uint64_t ms;
    return retry_reset_ms(of(value), format, wall_us, &ms) ? (int64_t)ms : -1;
}

Test(retry_retry_after, is_a_number_of_seconds)
{
    cr_assert_eq(after("120", NULL, 0), 120000);
    cr_assert_eq(after(" 0\t", NULL, 0), 0);
    cr_assert_gt(after("99999999999999999999999999999999999999", NULL, 0), INT64_C(1) << 40,
                 "over every bound, and no overflow");
}

Test(retry_retry_after, is_a_date_in_each_of_three_forms)
{
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(after(forms[i], NULL, then_us - 3000000), 3000, "%s", forms[i]);
        cr_assert_eq(after(forms[i], NULL, then_us + 3000000), 0, "what has passed");
    }
}

Test(retry_retry_after, goes_by_the_origins_own_clock_where_it_shows_it)
{
    const char *at = "Sun, 06 Nov 1994 08:49:37 GMT";
    cr_assert_eq(after(at, "Sun, 06 Nov 1994 08:49:32 GMT", UINT64_C(1700000000) * 1000000), 5000);
    cr_assert_eq(after(at, "yesterday", then_us - 1000000), 1000);
}

Test(retry_retry_after, is_nothing_else)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "1.5",
                                      "1s",
                                      "soon",
                                      "1 2",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 99 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT and more",
                                      "Sun, 06 Nov 1994 08:49:37 GMT                             "
                                      "                                                        x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_eq(after(bad[i], NULL, then_us), -1, "%s", bad[i]);
    cr_assert_eq(after(NULL, NULL, then_us), -1);
}

Test(retry_retry_after, of_rate_limiters_is_read_as_it_says_or_as_it_looks)
{
    cr_assert_eq(reset("2", RESET_AUTO, then_us), 2000);
    cr_assert_eq(reset("784111779", RESET_UNIX, then_us), 2000);
    cr_assert_eq(reset("784111700", RESET_UNIX, then_us), 0);
    cr_assert_eq(reset("1000000005", RESET_AUTO, UINT64_C(1000000000) * 1000000), 5000);
    cr_assert_eq(reset("999999999", RESET_AUTO, 0), INT64_C(999999999000));
    cr_assert_eq(reset("1000000005", RESET_SECONDS, 0), INT64_C(1000000005000));
    cr_assert_eq(reset("Sun, 06 Nov 1994 08:49:37 GMT", RESET_AUTO, then_us - 1000000), 1000);
    cr_assert_eq(reset("0.25", RESET_AUTO, then_us), 250);
    cr_assert_eq(reset("1.0000009", RESET_SECONDS, then_us), 1000);
    cr_assert_eq(reset("30;w=60", RESET_AUTO, then_us), 30000);
    cr_assert_eq(reset("30 ; w=60", RESET_AUTO, then_us), 30000);
}

Test(retry_retry_after, of_rate_limiters_is_nothing_else)
{
    static const char *const bad[] = {"", "x", "1.", ".5", "1,2", "-3", "1 2", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int f = RESET_AUTO; f <= RESET_UNIX; f++)
            cr_assert_eq(reset(bad[i], (enum reset_format)f, then_us), -1, "%s", bad[i]);
}
