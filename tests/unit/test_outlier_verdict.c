/* SPDX-License-Identifier: Apache-2.0 */
/* Who is to be ejected, given figures. */
#include "outlier/verdict.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MOST = 64 };
static size_t out[MOST];
static struct verdict v;

/* -- by deviation ---------------------------------------------------------------------------- */

static const struct rate_rules rate = {
    .min_hosts = 5, .min_requests = 100, .stdev_factor = 1900, .margin = 50000};

static void by_rate(const struct figures *f, size_t n, const struct rate_rules *r)
{
    memset(out, 0, sizeof out);
    verdict_success_rate(f, n, r, out, &v);
}

Test(outlier_verdict, ejects_who_is_far_below_the_mean)
{
    const struct figures f[] = {{100, 0}, {100, 0}, {100, 40}, {100, 0}, {100, 0}};
    by_rate(f, 5, &rate);
    /* By hand: mean 0.92, deviation 0.16, so the threshold is 0.92 - 1.9 * 0.16 = 0.616. */
    cr_assert_eq(v.mean, 920000);
    cr_assert_eq(v.threshold, 616000);
    cr_assert(v.hosts == 5 && v.out_n == 1 && out[0] == 2);
}

Test(outlier_verdict, leaves_a_pool_alone_that_fails_as_a_whole)
{
    const struct figures f[] = {{100, 60}, {100, 62}, {100, 58}, {100, 61}, {100, 59}};
    by_rate(f, 5, &rate);
    cr_assert(v.hosts == 5 && v.out_n == 0);
}

Test(outlier_verdict, overlooks_differences_below_the_margin)
{
    const struct figures f[] = {{1000, 0}, {1000, 0}, {1000, 30}, {1000, 0}, {1000, 0}};
    struct rate_rules bare = rate;
    by_rate(f, 5, &rate);
    cr_assert_eq(v.out_n, 0, "97.0 %% beside 100 %%");
    bare.margin = 0;
    by_rate(f, 5, &bare);
    cr_assert(v.out_n == 1 && out[0] == 2);
}

Test(outlier_verdict, judges_only_who_had_enough_requests)
{
    struct figures f[] = {{100, 0}, {100, 0}, {99, 99}, {100, 0}, {100, 0}};
    by_rate(f, 5, &rate);
    cr_assert(v.hosts == 4 && v.out_n == 0, "too few hosts");
    f[2] = (struct figures){100, 100};
    by_rate(f, 5, &rate);
    cr_assert(v.hosts == 5 && v.out_n == 1);
    by_rate(f, 4, &rate);
    cr_assert_eq(v.out_n, 0);
    by_rate(f, 0, &rate);
    cr_assert(v.hosts == 0 && v.out_n == 0);
}

Test(outlier_verdict, names_the_worst_first)
{
    struct figures f[MOST];
    struct rate_rules r = rate;
    for (size_t i = 0; i < MOST; i++)
        f[i] = (struct figures){100, 0};
    f[7].failed = 60, f[30].failed = 90, f[50].failed = 75;
    r.stdev_factor = 1000;
    by_rate(f, MOST, &r);
    cr_assert(v.out_n == 3 && out[0] == 30 && out[1] == 50 && out[2] == 7);
}

/* One host among n that fails wholly is sqrt(n-1) deviations away, and none can be farther. */
Test(outlier_verdict, knows_how_many_hosts_a_factor_needs)
{
    for (uint32_t factor = 500; factor <= 5000; factor += 100) {
        const uint32_t needed = verdict_hosts_needed(factor);
        struct rate_rules r = {.min_hosts = 1, .min_requests = 1, .stdev_factor = factor};
        cr_assert(sqrt(needed - 1.0) * 1000 > factor && sqrt(needed - 2.0) * 1000 <= factor);
        struct figures f[MOST];
        for (size_t i = 0; i < MOST; i++)
            f[i] = (struct figures){10, 0};
        f[0].failed = 10;
        by_rate(f, needed, &r);
        cr_assert_eq(v.out_n, 1, "factor %u, %u hosts", factor, needed);
        by_rate(f, needed - 1, &r);
        cr_assert_eq(v.out_n, 0, "factor %u, %u hosts", factor, needed - 1);
    }
}

/* -- by percentage --------------------------------------------------------------------------- */

static void by_percentage(const struct figures *f, size_t n, const struct percentage_rules *r)
{
    memset(out, 0, sizeof out);
    verdict_failure_percentage(f, n, r, out, &v);
}

Test(outlier_verdict, ejects_who_fails_as_often_as_the_percentage_says)
{
    const struct percentage_rules r = {.min_hosts = 1, .min_requests = 50, .threshold = 850000};
    const struct figures f[] = {{100, 84}, {100, 85}, {49, 49}, {50, 50}, {0, 0}};
    by_percentage(f, 5, &r);
    cr_assert(v.hosts == 3 && v.out_n == 2 && out[0] == 3 && out[1] == 1);
    by_percentage(f, 1, &r);
    cr_assert_eq(v.out_n, 0);
}

Test(outlier_verdict, by_percentage_wants_its_hosts_and_a_failure)
{
    const struct percentage_rules r = {.min_hosts = 2, .min_requests = 1, .threshold = 0};
    const struct figures f[] = {{10, 10}, {10, 0}, {0, 0}};
    by_percentage(f, 1, &r);
    cr_assert_eq(v.out_n, 0, "one host");
    by_percentage(f, 3, &r);
    cr_assert(v.out_n == 1 && out[0] == 0, "who never failed stays, whatever the threshold");
}

Test(outlier_verdict, shares_are_millionths)
{
    cr_assert_eq(verdict_share(0, 0), 0);
    cr_assert_eq(verdict_share(1, 3), 333333);
    cr_assert_eq(verdict_share(2, 2), 1000000);
}

/* -- how many -------------------------------------------------------------------------------- */

Test(outlier_verdict, caps_ejections_by_share_but_allows_one)
{
    static const struct {
        size_t n, usable;
        uint32_t share;
        size_t min_left, cap;
    } rows[] = {
        {10, 10, 100000, 1, 1}, {10, 10, 500000, 1, 5}, {10, 10, 1000000, 1, 9},
        {3, 3, 100000, 1, 1},   {3, 3, 500000, 1, 1},   {3, 3, 700000, 1, 2},
        {2, 2, 500000, 1, 1},   {2, 2, 0, 1, 1},        {1, 1, 500000, 1, 0},
        {1, 1, 1000000, 0, 1},  {2, 2, 1000000, 0, 2},  {2, 2, 1000000, 2, 0},
        {4, 2, 500000, 1, 1},   {4, 1, 500000, 1, 0},   {5, 5, 500000, 3, 2},
        {0, 0, 500000, 1, 0},   {4, 0, 500000, 0, 0},   {3, 3, 500000, 7, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pool p = {rows[i].n, rows[i].usable};
        cr_assert_eq(verdict_cap(&p, rows[i].share, rows[i].min_left), rows[i].cap, "row %zu", i);
    }
}
