/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/delta.h"

#include <criterion/criterion.h>

static struct delta d;

/* A bucket is a fourth of its lower bound wide, and the answer is its middle. */
static void is_about(int64_t want)
{
    const double off = (double)delta_median(&d) / (double)want;
    cr_assert(off > 0.85 && off < 1.15, "%ld for %ld", (long)delta_median(&d), (long)want);
}

Test(mirror_delta, knows_a_median_of_any_size_and_sign)
{
    for (int64_t us = 10; us < INT64_C(40000000000); us = us * 7 / 3) {
        d = (struct delta){0};
        delta_add(&d, us);
        is_about(us);
        d = (struct delta){0};
        delta_add(&d, -us);
        is_about(-us);
    }
}

Test(mirror_delta, has_half_of_all_on_either_side)
{
    for (int i = 0; i < 49; i++)
        delta_add(&d, -1000);
    for (int i = 0; i < 51; i++)
        delta_add(&d, 5000);
    is_about(5000);
    for (int i = 0; i < 4; i++)
        delta_add(&d, -1000000);
    is_about(-1000);
}

Test(mirror_delta, is_zero_for_nothing_and_for_none)
{
    cr_assert_eq(delta_median(&d), 0);
    delta_add(&d, 0);
    delta_add(&d, -70);
    delta_add(&d, 70);
    cr_assert_eq(delta_median(&d), 0);
}

Test(mirror_delta, counts_what_is_beyond_its_ends_in_the_last_bucket)
{
    delta_add(&d, INT64_MAX);
    cr_assert_gt(delta_median(&d), INT64_C(50000000000));
    d = (struct delta){0};
    delta_add(&d, INT64_MIN);
    cr_assert_lt(delta_median(&d), INT64_C(-50000000000));
}

Test(mirror_delta, tells_a_microsecond_from_none)
{
    delta_add(&d, 1);
    cr_assert_eq(delta_median(&d), 1);
}
