/* SPDX-License-Identifier: Apache-2.0 */
/* When keys are fetched again. */
#include "auth/refresh.h"
#include "tests/unit/auth_case.h"

static const struct refresh_rules rules = {300000, 10000};

static void expect_age(const char *value, uint64_t want)
{
    uint64_t s;
    cr_assert(refresh_max_age(text(value), &s), "%s", value);
    cr_assert_eq(s, want, "%s: %llu", value, (unsigned long long)s);
}

static uint64_t after(uint64_t max_age_s, uint64_t random)
{
    return refresh_after_ms(&rules, &max_age_s, random);
}

Test(auth_refresh, reads_max_age_among_others)
{
    expect_age("max-age=60", 60);
    expect_age("public, Max-Age=\"60\" , must-revalidate", 60);
    expect_age("max-age=60, max-age=30, max-age=90", 30);
    expect_age("max-age=99999999999999999999999999", 10ull * 366 * 86400);
}

Test(auth_refresh, has_no_max_age_that_is_no_number)
{
    uint64_t s;
    static const char *const values[] = {
        "",           "no-store",   "max-age",    "max-age=",     "max-age=-1", "max-age=1.5",
        "s-maxage=5", "xmax-age=5", "max-age=\"", "max-age=\"\"", "max-age= 5"};
    for (size_t i = 0; i < array_n(values); i++)
        cr_assert_not(refresh_max_age(text(values[i]), &s), "%s", values[i]);
    cr_assert_not(refresh_max_age((struct weir_slice){0}, &s));
}

Test(auth_refresh, comes_earlier_by_max_age_and_never_later)
{
    cr_assert_eq(refresh_after_ms(&rules, NULL, 0), 300000);
    cr_assert_eq(after(60, 0), 60000);
    cr_assert_eq(after(301, 0), 300000);
    cr_assert_eq(after(86400 * 365 * 10, 0), 300000);
    cr_assert_eq(after(9, 0), 10000);
    cr_assert_eq(after(0, 0), 10000);
    const struct refresh_rules often = {1000, 10000};
    cr_assert_eq(refresh_after_ms(&often, NULL, 0), 1000);
}

Test(auth_refresh, takes_up_to_a_tenth_away)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t random = 0; random < 100000; random++) {
        const uint64_t ms = after(60, random);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    cr_assert(least == 54000 && most == 60000);
    cr_assert_leq(after(60, UINT64_MAX), 60000);
}

Test(auth_refresh, doubles_after_failures_up_to_a_minute)
{
    static const uint64_t want[] = {500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (unsigned i = 0; i < array_n(want); i++)
        cr_assert_eq(refresh_again_ms(&rules, i + 1, 0), want[i]);
    cr_assert_eq(refresh_again_ms(&rules, UINT32_MAX, 0), 60000);
    cr_assert_eq(refresh_again_ms(&rules, 3, 1000), 1000);
    const struct refresh_rules quick = {1000, 100};
    cr_assert_eq(refresh_again_ms(&quick, 9, 0), 1000);
}
