/* SPDX-License-Identifier: Apache-2.0 */
/* How many positions are leased at once. */
#include "canary/demand.h"

#include <criterion/criterion.h>

Test(canary_demand, asks_for_a_few_when_nothing_happens)
{
    struct demand d = {0};
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(demand_note(&d, 0, 100), 10);
    cr_assert_eq(demand_note(&d, 0, 1), 1, "never for none");
    cr_assert_eq(demand_note(&d, 0, 0), 0);
}

Test(canary_demand, asks_for_what_lasts_some_ticks)
{
    struct demand d = {0};
    cr_assert_eq(demand_note(&d, 20, 1000), 100, "a tenth of the most");
    cr_assert_eq(demand_note(&d, 80, 1000), 60 * DEMAND_TICKS);
    cr_assert_eq(demand_note(&d, 150, 1000), 70 * DEMAND_TICKS);
}

Test(canary_demand, asks_for_no_more_than_the_most)
{
    struct demand d = {0};
    cr_assert_eq(demand_note(&d, 1000000, 100), 100);
    cr_assert_eq(demand_note(&d, UINT64_MAX, 100), 100);
}

Test(canary_demand, forgets_a_peak_slowly)
{
    struct demand d = {0};
    uint64_t last = demand_note(&d, 200, 1000), ticks = 0;
    cr_assert_eq(last, 800);
    while (last > 100) {
        const uint64_t now = demand_note(&d, 200, 1000);
        cr_assert(now <= last && now >= last - last / 8);
        last = now;
        ticks++;
    }
    cr_assert(ticks > DEMAND_FADES && ticks < 5 * DEMAND_FADES);
}

Test(canary_demand, goes_on_when_requests_are_counted_anew)
{
    struct demand d = {0};
    (void)demand_note(&d, 500, 1000);
    cr_assert_eq(demand_note(&d, 5, 1000), 1000);
    cr_assert_eq(d.seen, 5);
}
