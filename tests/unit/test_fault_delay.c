/* SPDX-License-Identifier: Apache-2.0 */
/* Delays keep their bounds and have the shape that they say, compared with theory. */
#include "fault/delay.h"

#include <criterion/criterion.h>
#include <math.h>

enum { DRAWS = 100000 };

/* Evenly spread "random" numbers, so that what is compared is exact. */
static uint64_t spread(uint64_t i)
{
    return (uint64_t)((double)i / DRAWS * 0x1p53) << 11;
}

static double mean_of(const struct delay *d, uint64_t below, double *share_below)
{
    double sum = 0, under = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        const uint64_t ms = delay_draw(d, spread(i));
        cr_assert(ms >= d->min_ms && ms <= d->max_ms, "%lu", (unsigned long)ms);
        sum += (double)ms;
        under += ms < below;
    }
    *share_below = under / DRAWS;
    return sum / DRAWS;
}

Test(fault_delay, is_always_the_same_when_fixed)
{
    const struct delay d = {.min_ms = 250, .max_ms = 250};
    cr_assert_eq(delay_draw(&d, 0), 250);
    cr_assert_eq(delay_draw(&d, UINT64_MAX), 250);
}

Test(fault_delay, spreads_evenly_over_both_bounds)
{
    const struct delay d = {.min_ms = 100, .max_ms = 300, .shape = DELAY_UNIFORM};
    double below;
    cr_assert_float_eq(mean_of(&d, 150, &below), 200, 0.5);
    cr_assert_float_eq(below, 50.0 / 201, 0.001);
    cr_assert_eq(delay_draw(&d, 0), 100);
    cr_assert_eq(delay_draw(&d, UINT64_MAX), 300);
}

/* The truncated exponential: mean m - R / (e^(R/m) - 1), share below t (1 - e^(-t/m)) over the same
 * of R. */
Test(fault_delay, falls_off_exponentially_between_its_bounds)
{
    const double m = 100, range = 400;
    const struct delay d = {
        .min_ms = 50, .max_ms = 450, .shape = DELAY_EXPONENTIAL, .mean_ms = 100};
    double below;
    cr_assert_float_eq(mean_of(&d, 150, &below), 50 + m - range / expm1(range / m), 0.6);
    cr_assert_float_eq(below, expm1(-1) / expm1(-4), 0.005);
    cr_assert_eq(delay_draw(&d, 0), 50);
    cr_assert_leq(delay_draw(&d, UINT64_MAX), 450);
}

Test(fault_delay, stays_bounded_with_a_mean_far_beyond_them)
{
    const struct delay d = {
        .min_ms = 10, .max_ms = 20, .shape = DELAY_EXPONENTIAL, .mean_ms = 3600000};
    double below;
    cr_assert_float_eq(mean_of(&d, 15, &below), 15, 0.1);
}
