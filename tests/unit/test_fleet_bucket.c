/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of windows: buckets of time, counts one after the other, and the ring. */
#include "fleet/fleet_bucket.h"

#include <criterion/criterion.h>

Test(fleet_bucket, is_a_tenth_of_the_span)
{
    cr_assert_eq(fleet_bucket_ms(10000), 1000);
    cr_assert_eq(fleet_bucket_ms(100), 10);
    cr_assert_eq(fleet_bucket_ms(5), 1);
    cr_assert_eq(fleet_bucket_at(10000, 5999), 5);
    cr_assert_eq(fleet_bucket_at(10000, 6000), 6);
}

Test(fleet_bucket, is_kept_as_long_as_it_is_part_of_a_sum)
{
    /* Written at the very start of bucket 6, it is in sums until bucket 15 ends at 16000. */
    cr_assert_geq(6000 + fleet_bucket_ttl_ms(10000), 16000);
}

Test(fleet_bucket, adds_sums_and_goes_on_with_a_row)
{
    struct weir_fleet_counts all = {.sums = {1, 2, 0, 0}, .run = 3};
    fleet_counts_add(&all, &(struct weir_fleet_counts){.sums = {4, 0, 0, 1}, .run = 2});
    cr_assert_eq(all.sums[0], 5);
    cr_assert_eq(all.sums[1], 2);
    cr_assert_eq(all.sums[3], 1);
    cr_assert_eq(all.run, 5);
    cr_assert(!all.broken);
}

Test(fleet_bucket, begins_a_row_anew_after_a_break)
{
    struct weir_fleet_counts all = {.run = 3};
    fleet_counts_add(&all, &(struct weir_fleet_counts){.run = 1, .broken = true});
    cr_assert_eq(all.run, 1);
    cr_assert(all.broken);
    fleet_counts_add(&all, &(struct weir_fleet_counts){.run = 2});
    cr_assert_eq(all.run, 3);
    cr_assert(all.broken, "what was before these counts still doesn't go with it");
}

Test(fleet_bucket, knows_when_there_is_nothing_to_say)
{
    cr_assert(!fleet_counts_any(&(struct weir_fleet_counts){0}));
    cr_assert(fleet_counts_any(&(struct weir_fleet_counts){.broken = true}));
    cr_assert(fleet_counts_any(&(struct weir_fleet_counts){.run = 1}));
    cr_assert(fleet_counts_any(&(struct weir_fleet_counts){.sums = {0, 0, 0, 1}}));
}

static uint64_t taken(struct fleet_ring *r, uint64_t number)
{
    uint64_t sums[WEIR_FLEET_SUMS] = {0};
    return fleet_ring_take(r, number, sums) ? sums[0] : 0;
}

static void put(struct fleet_ring *r, uint64_t number, uint64_t n)
{
    fleet_ring_add(r, number, &(struct weir_fleet_counts){.sums = {n}, .broken = true});
}

Test(fleet_bucket, gives_what_a_bucket_of_the_ring_has_once)
{
    struct fleet_ring r = {0};
    cr_assert_eq(taken(&r, 0), 0);
    put(&r, 1000, 2);
    put(&r, 1000, 3);
    put(&r, 1001, 7);
    cr_assert_eq(taken(&r, 1000), 5);
    cr_assert_eq(taken(&r, 1000), 0);
    put(&r, 1000, 1);
    cr_assert_eq(taken(&r, 1000), 1);
    cr_assert_eq(taken(&r, 1001), 7);
}

Test(fleet_bucket, keeps_one_bucket_more_than_a_sum_has)
{
    struct fleet_ring r = {0};
    for (uint64_t i = 0; i <= FLEET_BUCKETS; i++)
        put(&r, 1000 + i, i + 1);
    put(&r, 1000 + FLEET_BUCKETS + 1, 50);
    cr_assert_eq(taken(&r, 1000), 0, "its place is another's");
    for (uint64_t i = 1; i <= FLEET_BUCKETS; i++)
        cr_assert_eq(taken(&r, 1000 + i), i + 1);
    cr_assert_eq(taken(&r, 1000 + FLEET_BUCKETS + 1), 50);
}
