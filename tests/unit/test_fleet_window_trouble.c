/* SPDX-License-Identifier: Apache-2.0 */
/* Windows over a real Redis: nothing is said of good news, and all is said once one of them has bad
 * news. */
#include "fleet/fleet_window.h"
#include "fleet_case.h"

#include <stdlib.h>

enum { SPAN_MS = 20000 };

static struct weir_fleet_window *windows[SIDES];
static struct {
    unsigned n;
    struct weir_fleet_counts first, last;
} sums[SIDES];

static void on_summed(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all)
{
    const size_t i = (size_t)((struct side *)ctx - sides);
    (void)epoch;
    if (!sums[i].n++)
        sums[i].first = *all;
    sums[i].last = *all;
}

static const struct weir_fleet_window_ops ops = {.summed = on_summed};

static bool all_know_all(void)
{
    for (size_t i = 0; i < sides_n; i++)
        if (weir_fleet_members(sides[i].p) != sides_n)
            return false;
    return true;
}

/* Ticks of 40 ms: sums are complete 100 ms after trouble has begun. */
static void begin(size_t n, uint64_t span_ms)
{
    sides_begin(n, NULL);
    conf.tick = 40;
    for (size_t i = 0; i < n; i++)
        windows[i] = weir_fleet_window_open(sides[i].p, W("cb"), span_ms, &ops, &sides[i]);
    TICK_UNTIL(all_joined() && all_know_all());
}

TestSuite(fleet_window_trouble, .fini = sides_end);

static void good(size_t i, uint64_t epoch, uint64_t calls)
{
    weir_fleet_window_add(windows[i], epoch,
                          &(struct weir_fleet_counts){.sums = {calls}, .broken = true}, false);
}

static void bad(size_t i, uint64_t epoch, uint64_t calls)
{
    weir_fleet_window_add(windows[i], epoch,
                          &(struct weir_fleet_counts){.sums = {calls, calls}, .run = calls}, true);
}

/* How often Redis was asked this by anybody. */
static unsigned long asked(const char *command)
{
    char name[64];
    snprintf(name, sizeof name, "cmdstat_%s:calls=", command);
    const char *at = strstr(redis_server_say(server, "INFO commandstats"), name);
    return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

/* What only windows ask. */
static unsigned long asked_for_windows(void)
{
    return asked("hincrby") + asked("hmget") + asked("set") + asked("incrby") + asked("get");
}

/* Bad news of one, and all others have heard of it and not ticked since. */
static void bad_and_heard(size_t i, uint64_t epoch, uint64_t calls)
{
    bad(i, epoch, calls);
    TURN_UNTIL(!any_busy());
    fleet_tick(sides[i].fleet);
    for (size_t k = 0; k < sides_n; k++)
        TURN_UNTIL(windows[k]->trouble.epoch == epoch);
    TURN_UNTIL(!any_busy());
}

static void tick_for(uint64_t ms)
{
    const uint64_t end_ms = now_ms() + ms;
    TICK_UNTIL(now_ms() >= end_ms);
}

Test(fleet_window_trouble, good_news_of_all_costs_nothing)
{
    begin(3, 100); /* buckets of 10 ms, so that many end */
    for (int k = 0; k < 30; k++) {
        for (size_t i = 0; i < 3; i++)
            good(i, 1, 1000);
        tick_once();
        sleep_ms(2);
    }
    cr_assert_eq(asked_for_windows(), 0);
    cr_assert_eq(sums[0].n, 0);
    bad(0, 1, 1);
    TICK_UNTIL(sums[0].n == 1);
    cr_assert_gt(asked_for_windows(), 0);
}

Test(fleet_window_trouble, the_sums_of_one_that_fails_have_all_good_calls_of_the_nine_others)
{
    begin(10, 2000);
    for (int k = 0; k < 4; k++) { /* over several buckets of 200 ms */
        for (size_t i = 1; i < 10; i++)
            good(i, 1, 25);
        tick_for(100);
    }
    for (int k = 0; k < 100 && !sums[0].n; k++) {
        bad(0, 1, 1);
        tick_once();
        sleep_ms(5);
    }
    cr_assert_eq(sums[0].first.sums[0] - sums[0].first.sums[1], 9 * 4 * 25);
    cr_assert_gt(sums[0].first.sums[1], 1);
}

Test(fleet_window_trouble, the_first_sums_wait_for_the_others_and_later_ones_do_not)
{
    begin(2, SPAN_MS);
    const uint64_t began_ms = clock_ms(&lp.clock);
    bad_and_heard(0, 1, 1);
    TICK_UNTIL(sums[0].n == 1);
    cr_assert_geq(clock_ms(&lp.clock), began_ms + 100);
    TICK_UNTIL(clock_ms(&lp.clock) >= windows[1]->trouble.complete_ms);
    tick_once();
    bad(0, 1, 1);
    tick_once();
    cr_assert_eq(sums[0].n, 2);
    cr_assert_eq(sums[0].last.sums[1], 2);
    bad(1, 1, 1);
    tick_once();
    cr_assert_eq(sums[1].n, 1);
    cr_assert_eq(sums[1].first.sums[1], 3);
}

Test(fleet_window_trouble, who_has_just_heard_waits_as_well)
{
    begin(3, SPAN_MS);
    good(2, 1, 10);
    bad_and_heard(0, 1, 1);
    const uint64_t heard_ms = windows[1]->trouble.last_ms;
    bad(1, 1, 1);
    TURN_UNTIL(!any_busy());
    fleet_tick(sides[1].fleet);
    TURN_UNTIL(!any_busy());
    cr_assert_eq(sums[1].n, 0);
    TICK_UNTIL(sums[1].n == 1);
    cr_assert_geq(clock_ms(&lp.clock), heard_ms + 100);
    cr_assert_eq(sums[1].first.sums[0], 12);
}

Test(fleet_window_trouble, one_instance_has_nobody_to_wait_for)
{
    begin(1, SPAN_MS);
    good(0, 1, 7);
    bad(0, 1, 1);
    tick_once();
    cr_assert_eq(sums[0].n, 1);
    cr_assert_eq(sums[0].first.sums[0], 8);
}

Test(fleet_window_trouble, is_told_once_in_a_bucket_by_whoever_is_first)
{
    begin(3, 60000);
    while (fleet_redis_ms(sides[0].fleet) % 6000 > 5000)
        tick_for(100);
    const unsigned long before = asked("publish");
    bad_and_heard(0, 1, 1);
    const uint64_t heard_ms = windows[1]->trouble.last_ms;
    for (int k = 0; k < 5; k++) {
        for (size_t i = 0; i < 3; i++)
            bad(i, 1, 1);
        tick_once();
    }
    cr_assert_eq(asked("publish"), before + 1);
    cr_assert_eq(windows[1]->trouble.last_ms, heard_ms, "it ends for all at the same time");
}

Test(fleet_window_trouble, goes_on_being_told_while_it_lasts)
{
    begin(2, 100);
    const unsigned long before = asked("publish");
    const uint64_t end_ms = now_ms() + DEADLINE_MS;
    while (asked("publish") < before + 4) { /* so who has missed one hears the next */
        cr_assert(now_ms() < end_ms);
        bad(0, 1, 1);
        tick_once();
        sleep_ms(1);
    }
}

Test(fleet_window_trouble, good_calls_are_sent_when_a_bucket_has_ended_while_it_lasts)
{
    begin(2, 1000);
    good(1, 1, 1);
    bad_and_heard(0, 1, 1);
    tick_once();
    const unsigned long before = asked("hincrby");
    const uint64_t began_ms = now_ms(), end_ms = began_ms + DEADLINE_MS;
    while (asked("hincrby") < before + 3) {
        cr_assert(now_ms() < end_ms);
        good(1, 1, 1);
        tick_once();
        sleep_ms(1);
    }
    cr_assert_geq(now_ms() - began_ms, 190, "between three ends there are two buckets of 100 ms");
}

Test(fleet_window_trouble, ends_and_comes_again_with_what_was_counted_in_between)
{
    begin(2, 800);
    bad_and_heard(0, 1, 1);
    tick_for(900); /* a span and a bucket are 880 ms */
    good(1, 1, 1); /* breaks the row that there may be */
    tick_once();
    const unsigned long before = asked_for_windows();
    good(1, 1, 10);
    tick_for(40);
    good(1, 1, 10);
    tick_for(40);
    cr_assert_eq(asked_for_windows(), before);
    cr_assert(!fleet_window_troubled(windows[0]) && !fleet_window_troubled(windows[1]));
    const unsigned n = sums[0].n;
    bad(0, 1, 1);
    TICK_UNTIL(sums[0].n == n + 1);
    cr_assert_eq(sums[0].last.sums[0], 22);
    cr_assert_eq(sums[0].last.sums[1], 1);
}

/* -- rows -------------------------------------------------------------------------------------- */

static const char *row(void)
{
    return redis_server_say(server, "GET weir:r:test:cb:1");
}

Test(fleet_window_trouble, what_was_counted_before_breaks_no_row_and_what_comes_later_does)
{
    begin(2, 2000); /* buckets of 200 ms */
    good(1, 1, 10);
    bad_and_heard(0, 1, 3);
    good(1, 1, 10); /* in the same tick: nobody knows which came first */
    tick_once();
    cr_assert_str_eq(row(), "3");
    bad(0, 1, 2);
    TICK_UNTIL(sums[0].n == 1);
    cr_assert_eq(sums[0].first.run, 5);
    cr_assert_eq(sums[0].first.sums[0], 25);
    good(1, 1, 10);
    TICK_UNTIL(strcmp(row(), "0") == 0);
    bad(0, 1, 2);
    TICK_UNTIL(sums[0].n == 2);
    cr_assert_eq(sums[0].last.run, 2);
}

Test(fleet_window_trouble, failures_behind_good_calls_of_before_continue_the_row_of_others)
{
    begin(2, SPAN_MS);
    bad_and_heard(0, 1, 3);
    const struct weir_fleet_counts mixed = {.sums = {10, 3}, .run = 3, .broken = true};
    weir_fleet_window_add(windows[1], 1, &mixed, true);
    tick_once();
    cr_assert_str_eq(row(), "6");
}

Test(fleet_window_trouble, the_first_good_call_after_it_breaks_the_row_for_the_next_time)
{
    begin(2, 300);
    bad_and_heard(0, 1, 4);
    tick_for(400);
    cr_assert(!fleet_window_troubled(windows[1]));
    cr_assert_str_eq(row(), "4", "there was no call since");
    const unsigned long before = asked("set");
    for (int k = 0; k < 10; k++) {
        good(1, 1, 1);
        tick_once();
    }
    cr_assert_eq(asked("set"), before + 1);
    bad(0, 1, 1);
    TICK_UNTIL(sums[0].n == 2);
    cr_assert_eq(sums[0].last.run, 1);
}

/* -- epochs and messages ----------------------------------------------------------------------- */

Test(fleet_window_trouble, of_an_epoch_that_is_to_come_is_remembered)
{
    begin(2, SPAN_MS);
    good(1, 1, 10);
    bad_and_heard(0, 2, 1);
    tick_once();
    cr_assert(!fleet_window_troubled(windows[1]));
    cr_assert_str_eq(redis_server_say(server, "KEYS weir:w:test:cb:1:*"), "");
    good(1, 2, 10);
    cr_assert(fleet_window_troubled(windows[1]));
    TICK_UNTIL(sums[0].n == 1);
    cr_assert_eq(sums[0].first.sums[0], 11);
}

Test(fleet_window_trouble, of_an_epoch_that_has_ended_is_ignored)
{
    begin(2, SPAN_MS);
    good(1, 2, 10);
    bad(0, 1, 1);
    tick_on();
    cr_assert_eq(windows[1]->trouble.last_ms, 0);
    bad_and_heard(0, 2, 1);
    bad(1, 1, 1); /* as a straggler's */
    tick_on();
    cr_assert_eq(windows[0]->trouble.epoch, 2);
}

Test(fleet_window_trouble, is_not_believed_when_the_message_makes_no_sense)
{
    begin(1, SPAN_MS);
    good(0, 1, 1);
    redis_server_say(server, "PUBLISH weir:events %s", "{\"w\":\"weir:w:test:cb\"}");
    redis_server_say(server, "PUBLISH weir:events %s", "{\"w\":\"weir:w:test:cb\",\"e\":\"1\"}");
    redis_server_say(server, "PUBLISH weir:events %s", "{\"w\":\"weir:w:test:cb\",\"e\":-1}");
    TICK_UNTIL(sides[0].fleet->errors[FLEET_ERROR_MESSAGE] == 3);
    redis_server_say(server, "PUBLISH weir:events %s", "{\"w\":\"weir:w:test:other\",\"e\":1}");
    redis_server_say(server, "PUBLISH weir:events %s", "{\"w\":\"weir:events\",\"e\":1}");
    tick_on();
    cr_assert_eq(windows[0]->trouble.last_ms, 0);
    redis_server_say(server, "PUBLISH weir:events %s", "{\"w\":\"weir:w:test:cb\",\"e\":1}");
    TICK_UNTIL(fleet_window_troubled(windows[0]));
}

Test(fleet_window_trouble, of_a_time_apart_is_forgotten_and_what_was_counted_is_not)
{
    begin(2, SPAN_MS);
    bad_and_heard(0, 1, 1);
    good(1, 1, 10);
    redis_server_say(server, "CLIENT KILL TYPE normal SKIPME yes");
    TURN_UNTIL(!joined(&sides[0]) && !joined(&sides[1]));
    good(1, 1, 100); /* for itself */
    TICK_UNTIL(all_joined() && all_know_all());
    cr_assert(!fleet_window_troubled(windows[0]) && !fleet_window_troubled(windows[1]));
    bad(0, 1, 1);
    TICK_UNTIL(sums[0].n == 1);
    cr_assert_eq(sums[0].first.sums[0], 12);
    cr_assert_eq(sums[0].first.sums[1], 2);
}
