/* SPDX-License-Identifier: Apache-2.0 */
/* Redis's clock out of samples, the best of which counts. */
#include "fleet/fleet_clock.h"

#include <criterion/criterion.h>

static struct fleet_clock c;

/* A sample that was sent at `sent_us`, came back `trip_us` later, and is wrong by `off_us`. */
static void sample(uint64_t sent_us, uint64_t trip_us, int64_t off_us)
{
    const uint64_t middle_us = sent_us + trip_us / 2;
    fleet_clock_note(&c, sent_us, sent_us + trip_us,
                     (uint64_t)((int64_t)middle_us + 1700000000000000 + off_us));
}

Test(fleet_clock, knows_nothing_before_the_first_sample)
{
    cr_assert_eq(fleet_clock_ms(&c, 5000000), 0);
    cr_assert_eq(fleet_clock_trip_us(&c), 0);
}

Test(fleet_clock, goes_on_from_the_middle_of_a_sample)
{
    sample(1000000, 2000, 0);
    cr_assert_eq(fleet_clock_ms(&c, 1001000), 1700000001001);
    cr_assert_eq(fleet_clock_ms(&c, 9001000), 1700000009001);
}

Test(fleet_clock, believes_the_shortest_of_the_last_ten)
{
    sample(1000000, 200, 0);
    for (int i = 0; i < FLEET_CLOCK_SAMPLES - 1; i++)
        sample(2000000, 90000, 40000);
    cr_assert_eq(fleet_clock_ms(&c, 3000000), 1700000003000);
    cr_assert_eq(fleet_clock_trip_us(&c), 90000);
    sample(2000000, 90000, 40000);
    cr_assert_eq(fleet_clock_ms(&c, 3000000), 1700000003040, "the first one has left");
}

Test(fleet_clock, takes_a_clock_behind_this_machines)
{
    fleet_clock_note(&c, 9000000, 9000000, 5000000);
    cr_assert_eq(fleet_clock_ms(&c, 10000000), 6000);
}

Test(fleet_clock, begins_anew_with_another_server)
{
    sample(1000000, 200, 0);
    fleet_clock_forget(&c);
    sample(2000000, 5000, 7000000);
    cr_assert_eq(fleet_clock_ms(&c, 2000000), 1700000009000);
}
