/* SPDX-License-Identifier: Apache-2.0 */
/* Counters over a real Redis: each number once. */
#include "fleet_case.h"

enum { NUMBERS = 4096 };

static struct weir_fleet_counter *counters[SIDES];
static unsigned given[NUMBERS], took_n, lost_n;
static uint64_t last_epoch;

static void on_given(void *ctx, uint64_t epoch, uint64_t first, uint64_t n)
{
    const struct side *s = ctx;
    cr_assert_eq(s->w.acting, &test_module);
    cr_assert_leq(first + n, NUMBERS);
    for (uint64_t i = first; i < first + n; i++)
        given[i]++;
    last_epoch = epoch;
    took_n++;
}

static void on_lost(void *ctx, uint64_t epoch)
{
    (void)ctx;
    last_epoch = epoch;
    lost_n++;
}

static const struct weir_fleet_counter_ops ops = {.took = on_given, .lost = on_lost};

static void open_all(void)
{
    for (size_t i = 0; i < sides_n; i++)
        counters[i] = weir_fleet_counter_open(sides[i].p, W("probes"), &ops, &sides[i]);
}

TestSuite(fleet_counter, .fini = sides_end);

Test(fleet_counter, gives_each_number_to_one)
{
    sides_begin(5, NULL);
    open_all();
    TICK_UNTIL(all_joined());
    for (unsigned round = 1; round <= 20; round++) {
        for (size_t i = 0; i < 5; i++)
            cr_assert(weir_fleet_counter_take(counters[i], 1, 1 + i));
        TICK_UNTIL(took_n == 5 * round);
    }
    for (unsigned i = 0; i < 20 * 15; i++)
        cr_assert_eq(given[i], 1);
    cr_assert_eq(lost_n, 0);
}

Test(fleet_counter, counts_anew_in_each_epoch)
{
    sides_begin(1, NULL);
    open_all();
    TICK_UNTIL(all_joined());
    cr_assert(weir_fleet_counter_take(counters[0], 1, 2));
    TICK_UNTIL(took_n == 1);
    cr_assert(weir_fleet_counter_take(counters[0], 2, 1));
    TICK_UNTIL(took_n == 2);
    cr_assert_eq(last_epoch, 2);
    cr_assert_eq(given[0], 2);
    cr_assert_eq(given[1], 1);
}

Test(fleet_counter, takes_one_time_at_a_time)
{
    sides_begin(1, NULL);
    open_all();
    cr_assert(!weir_fleet_counter_take(counters[0], 1, 1), "apart");
    TICK_UNTIL(all_joined());
    cr_assert(!weir_fleet_counter_take(counters[0], 1, 0));
    cr_assert(!weir_fleet_counter_take(counters[0], 1, UINT64_MAX));
    cr_assert(weir_fleet_counter_take(counters[0], 1, 1));
    cr_assert(!weir_fleet_counter_take(counters[0], 1, 1), "one is under way");
    TICK_UNTIL(took_n == 1);
    cr_assert(weir_fleet_counter_take(counters[0], 1, 1));
    weir_fleet_counter_close(counters[0]);
    weir_fleet_counter_close(NULL);
    tick_on();
    cr_assert_eq(took_n, 1);
}

/* Connections are cut while numbers are under way, again and again. */
Test(fleet_counter, gives_no_number_twice_over_reconnects)
{
    sides_begin(3, NULL);
    open_all();
    TICK_UNTIL(all_joined());
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned k = 0; k < 5; k++) {
            for (size_t i = 0; i < 3; i++)
                cr_assert(weir_fleet_counter_take(counters[i], 1, 3));
            tick_once();
        }
        for (size_t i = 0; i < 3; i++)
            cr_assert(weir_fleet_counter_take(counters[i], 1, 3));
        tick_all();
        redis_server_say(server, "CLIENT KILL TYPE normal SKIPME yes");
        TICK_UNTIL(!all_joined());
        TICK_UNTIL(all_joined());
    }
    cr_assert_geq(took_n, 8 * 5 * 3);
    cr_assert_gt(took_n + lost_n, 8 * 5 * 3, "those under way were lost, or answered just in time");
    for (unsigned i = 0; i < NUMBERS; i++)
        cr_assert_leq(given[i], 1);
}

Test(fleet_counter, says_when_nobody_can_tell)
{
    sides_begin(1, NULL);
    open_all();
    TICK_UNTIL(all_joined());
    cr_assert(weir_fleet_counter_take(counters[0], 1, 1));
    redis_server_kill(server);
    TICK_UNTIL(lost_n == 1);
    redis_server_again(server);
    TICK_UNTIL(all_joined());
    redis_server_say(server, "HSET weir:n:test:probes:7 a b");
    cr_assert(weir_fleet_counter_take(counters[0], 7, 1));
    TICK_UNTIL(lost_n == 2);
    cr_assert_eq(last_epoch, 7);
    redis_server_say(server, "SET weir:n:test:probes:8 %lld", -50LL);
    cr_assert(weir_fleet_counter_take(counters[0], 8, 1));
    TICK_UNTIL(lost_n == 3);
    cr_assert(weir_fleet_counter_take(counters[0], 9, 1));
    TICK_UNTIL(took_n == 1);
}
