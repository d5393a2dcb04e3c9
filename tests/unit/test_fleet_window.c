/* SPDX-License-Identifier: Apache-2.0 */
/* Windows over a real Redis: sums over three instances, rows, epochs, time, and what it costs. */
#include "fleet_case.h"

enum { SPAN_MS = 10000 };

static struct weir_fleet_window *windows[SIDES];
static struct {
    unsigned n;
    uint64_t epoch;
    struct weir_fleet_counts all;
} sums[SIDES];

static void on_summed(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all)
{
    const size_t i = (size_t)((struct side *)ctx - sides);
    cr_assert_eq(sides[i].w.acting, &test_module);
    sums[i].n++;
    sums[i].epoch = epoch;
    sums[i].all = *all;
}

static const struct weir_fleet_window_ops ops = {.summed = on_summed};

static void begin(size_t n, uint64_t span_ms)
{
    sides_begin(n, NULL);
    for (size_t i = 0; i < n; i++)
        windows[i] = weir_fleet_window_open(sides[i].p, W("cb"), span_ms, &ops, &sides[i]);
    TICK_UNTIL(all_joined());
}

TestSuite(fleet_window, .fini = sides_end);

static void add(size_t i, uint64_t epoch, struct weir_fleet_counts counts, bool urgent)
{
    weir_fleet_window_add(windows[i], epoch, &counts, urgent);
}
#define COUNTS(...) ((struct weir_fleet_counts){__VA_ARGS__})

Test(fleet_window, sums_what_three_have_counted)
{
    begin(3, SPAN_MS);
    add(0, 1, COUNTS(.sums = {10, 3}), false);
    add(1, 1, COUNTS(.sums = {20, 3, 0, 1}), false);
    tick_on();
    cr_assert_eq(sums[0].n, 0, "good news is not asked about");
    add(2, 1, COUNTS(.sums = {1, 1}), true);
    TICK_UNTIL(sums[2].n == 1);
    cr_assert_eq(sums[2].epoch, 1);
    cr_assert_eq(sums[2].all.sums[0], 31);
    cr_assert_eq(sums[2].all.sums[1], 7);
    cr_assert_eq(sums[2].all.sums[2], 0);
    cr_assert_eq(sums[2].all.sums[3], 1);
    tick_on();
    cr_assert_eq(sums[2].n, 1, "once for each");
}

Test(fleet_window, sums_nothing_of_another_epoch)
{
    begin(2, SPAN_MS);
    add(0, 1, COUNTS(.sums = {5}, .run = 5), true);
    TICK_UNTIL(sums[0].n == 1);
    add(1, 2, COUNTS(.sums = {1}), true);
    TICK_UNTIL(sums[1].n == 1);
    cr_assert_eq(sums[1].all.sums[0], 1);
    cr_assert_eq(sums[1].all.run, 0);
    add(0, 1, COUNTS(.sums = {7}), false);
    add(0, 2, COUNTS(.sums = {2}), true); /* what was not sent belongs to an epoch that has ended */
    TICK_UNTIL(sums[0].n == 2);
    cr_assert_eq(sums[0].all.sums[0], 3);
}

Test(fleet_window, counts_a_row_over_instances)
{
    begin(2, SPAN_MS);
    add(0, 1, COUNTS(.sums = {3}, .run = 3), true);
    TICK_UNTIL(sums[0].n == 1);
    add(1, 1, COUNTS(.sums = {2}, .run = 2), true);
    TICK_UNTIL(sums[1].n == 1);
    cr_assert_eq(sums[1].all.run, 5);
    add(0, 1, COUNTS(.sums = {1}, .run = 1, .broken = true), true);
    TICK_UNTIL(sums[0].n == 2);
    cr_assert_eq(sums[0].all.run, 1, "something else came before this one");
    cr_assert_eq(sums[0].all.sums[0], 6);
    add(1, 1, COUNTS(.broken = true), true);
    TICK_UNTIL(sums[1].n == 2);
    cr_assert_eq(sums[1].all.run, 0);
}

Test(fleet_window, forgets_what_is_older_than_the_span)
{
    begin(1, 200);
    add(0, 1, COUNTS(.sums = {5}), true);
    TICK_UNTIL(sums[0].n == 1);
    const uint64_t end_ms = now_ms() + 230;
    TICK_UNTIL(now_ms() > end_ms);
    add(0, 1, COUNTS(.sums = {1}), true);
    TICK_UNTIL(sums[0].n == 2);
    cr_assert_eq(sums[0].all.sums[0], 1);
}

Test(fleet_window, costs_the_same_however_much_is_counted)
{
    begin(1, 60000); /* the bucket of six seconds doesn't end during the test, or once */
    tick_on();
    const uint64_t before = redis_facts(sides[0].fleet->redis).commands;
    add(0, 1, COUNTS(.sums = {1}), false);
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 1000; k++)
            add(0, 1, COUNTS(.sums = {1, 1}), false);
        tick_once();
    }
    const uint64_t good = redis_facts(sides[0].fleet->redis).commands - before;
    cr_assert_leq(good, 5 + 4, "a TIME for each tick, and the members' board: %llu",
                  (unsigned long long)good);
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 1000; k++)
            add(0, 1, COUNTS(.sums = {1, 1}), true);
        tick_once();
    }
    const uint64_t bad = redis_facts(sides[0].fleet->redis).commands - before - good;
    cr_assert_leq(bad, 5 * (1 + 2 + 1 + 11) + 3 + 2 + 4, "with each tick the same: %llu",
                  (unsigned long long)bad);
    cr_assert_eq(sums[0].n, 5);
    cr_assert_eq(sums[0].all.sums[0], 10001);
}

Test(fleet_window, says_nothing_while_it_is_apart)
{
    sides_begin(1, NULL);
    windows[0] = weir_fleet_window_open(sides[0].p, W("cb"), SPAN_MS, &ops, &sides[0]);
    add(0, 1, COUNTS(.sums = {5}), true);
    TICK_UNTIL(all_joined());
    tick_on();
    cr_assert_eq(sums[0].n, 0);
    add(0, 1, COUNTS(.sums = {1}), true);
    TICK_UNTIL(sums[0].n == 1);
    cr_assert_eq(sums[0].all.sums[0], 1);
    weir_fleet_window_close(windows[0]);
    weir_fleet_window_close(NULL);
}

Test(fleet_window, gives_no_sum_when_a_part_of_it_can_not_be_read)
{
    begin(1, 60000);
    const uint64_t bucket = fleet_redis_ms(sides[0].fleet) / 6000;
    redis_server_say(server, "SET weir:w:test:cb:1:%llu x", (unsigned long long)bucket - 2);
    add(0, 1, COUNTS(.sums = {1}), true);
    TICK_UNTIL(sides[0].fleet->errors[FLEET_ERROR_WRONGTYPE] > 0);
    tick_on();
    cr_assert_eq(sums[0].n, 0);
    redis_server_say(server, "SET weir:r:test:cb:2 many");
    add(0, 2, COUNTS(.sums = {1}), true);
    tick_on();
    cr_assert_eq(sums[0].n, 0);
    add(0, 3, COUNTS(.sums = {1}), true);
    TICK_UNTIL(sums[0].n == 1);
}
