/* SPDX-License-Identifier: Apache-2.0 */
/* How many health checks it takes to be asked again. */
#include "outlier/passes.h"

#include <criterion/criterion.h>

static struct passes passes;

static bool enough(unsigned round, unsigned count, uint32_t run)
{
    const struct ejection_state s = {.phase = EJECTION_OUT, .round = round, .count = count};
    return passes_enough(&passes, &s, run);
}

Test(outlier_passes, from_before_the_ejection_say_nothing)
{
    cr_assert_not(enough(1, 1, 90));
    cr_assert_not(enough(1, 1, 90));
    cr_assert(enough(1, 1, 91));
}

Test(outlier_passes, take_one_more_with_each_ejection)
{
    for (uint32_t count = 1, run = 0; count < 5; count++) {
        cr_assert_not(enough(count, count, run));
        for (uint32_t i = 1; i < count; i++)
            cr_assert_not(enough(count, count, ++run));
        cr_assert(enough(count, count, ++run));
    }
}

Test(outlier_passes, begin_anew_when_a_check_fails)
{
    cr_assert_not(enough(1, 2, 50));
    cr_assert_not(enough(1, 2, 51));
    cr_assert_not(enough(1, 2, 0));
    cr_assert_not(enough(1, 2, 1));
    cr_assert(enough(1, 2, 2));
}

Test(outlier_passes, without_checks_are_never_enough)
{
    for (int i = 0; i < 5; i++)
        cr_assert_not(enough(1, 1, 0));
}
