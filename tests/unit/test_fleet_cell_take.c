/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of a cell's version: each once, and none of a version that isn't there any more. */
#include "fleet_case.h"

enum { NUMBERS = 1024 };

static unsigned given[NUMBERS];
static uint64_t given_of;

static void on_given(void *ctx, uint64_t version, uint64_t first, uint64_t n)
{
    const struct side *s = ctx;
    cr_assert_eq(s->w.acting, &test_module, "it is the module's code that runs");
    on_took(ctx, version, first, n);
    for (uint64_t i = first; i < first + n && version == given_of; i++) {
        cr_assert_lt(i, NUMBERS);
        given[i]++;
    }
}

static const struct weir_fleet_cell_ops ops = {
    .record = on_record, .offered = on_offered, .took = on_given};

TestSuite(fleet_cell_take, .fini = sides_end);

static uint64_t begin(size_t n)
{
    sides_begin(n, NULL);
    for (size_t i = 0; i < n; i++)
        sides[i].cell = weir_fleet_cell_open(sides[i].p, W("cb"), &ops, &sides[i]);
    TICK_UNTIL(all_joined());
    given_of = change(&sides[0], "half-open");
    return given_of;
}

static unsigned all_takes(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < sides_n; i++)
        n += sides[i].heard.takes;
    return n;
}

Test(fleet_cell_take, gives_each_number_to_one)
{
    const uint64_t v = begin(3);
    for (unsigned round = 1; round <= 20; round++) {
        for (size_t i = 0; i < 3; i++)
            cr_assert(weir_fleet_cell_take(sides[i].cell, v, 1 + i));
        TICK_UNTIL(all_takes() == 3 * round);
    }
    for (unsigned i = 0; i < NUMBERS; i++)
        cr_assert_eq(given[i], i < 20 * 6);
}

Test(fleet_cell_take, counts_anew_in_each_version)
{
    const uint64_t v = begin(1);
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 5));
    TICK_UNTIL(sides[0].heard.takes == 1);
    const uint64_t next = change(&sides[0], "half-open");
    cr_assert(!weir_fleet_cell_take(sides[0].cell, v, 5), "another version");
    cr_assert(weir_fleet_cell_take(sides[0].cell, next, 2));
    TICK_UNTIL(sides[0].heard.takes == 2);
    cr_assert_eq(sides[0].heard.first, 0);
    cr_assert_eq(sides[0].heard.n, 2);
    cr_assert_eq(sides[0].heard.took_of, next);
}

Test(fleet_cell_take, refuses_what_can_not_be_meant)
{
    const uint64_t v = begin(1);
    struct weir_fleet_cell *none = weir_fleet_cell_open(sides[0].p, W("none"), &ops, &sides[0]);
    struct weir_fleet_cell *deaf =
        weir_fleet_cell_open(sides[0].p, W("deaf"), &(struct weir_fleet_cell_ops){NULL}, &sides[0]);
    cr_assert(!weir_fleet_cell_take(none, 1, 1), "it is apart");
    TICK_UNTIL(weir_fleet_until_ms(none) && weir_fleet_until_ms(deaf));
    cr_assert(!weir_fleet_cell_take(none, 0, 1), "there is no version");
    cr_assert(!weir_fleet_cell_take(sides[0].cell, v, 0));
    cr_assert(!weir_fleet_cell_take(sides[0].cell, v, UINT64_MAX));
    cr_assert(!weir_fleet_cell_take(sides[0].cell, v + 1, 1));
    redis_server_say(server, "HSET weir:c:test:deaf f 1 n 4 since 4 by x at 1 run x");
    look_again();
    tick_on();
    cr_assert(!weir_fleet_cell_take(deaf, 4, 1), "nobody would hear of them");
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 1));
    cr_assert(!weir_fleet_cell_take(sides[0].cell, v, 1), "one is under way");
    TICK_UNTIL(sides[0].heard.takes == 1);
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 1));
    weir_fleet_cell_close(sides[0].cell);
    tick_on();
    cr_assert_eq(sides[0].heard.takes, 1, "it is closed");
}

Test(fleet_cell_take, gives_none_once_another_version_has_come)
{
    const uint64_t v = begin(1);
    write_by_hand(v + 1, "open"); /* and nobody is told */
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 1));
    TICK_UNTIL(sides[0].heard.takes == 1);
    cr_assert_eq(sides[0].heard.n, 0);
    cr_assert_eq(sides[0].heard.took_of, v);
    TICK_UNTIL(sides[0].heard.version == v + 1);
}

Test(fleet_cell_take, gives_none_when_an_offer_comes_first)
{
    const uint64_t v = begin(2);
    TURN_UNTIL(!any_busy());
    cr_assert(offer(&sides[0], "open"));
    fleet_tick(sides[0].fleet);
    TURN_UNTIL(sides[0].heard.taken == 2 && heard_of(v + 1) == 2);
    cr_assert(!weir_fleet_cell_take(sides[1].cell, v, 1));
    cr_assert(offer(&sides[0], "half-open"));
    cr_assert(weir_fleet_cell_take(sides[1].cell, v + 1, 1)); /* it leaves behind the offer */
    fleet_tick(sides[0].fleet);
    TURN_UNTIL(sides[0].heard.taken == 3 && heard_of(v + 2) == 2);
    TICK_UNTIL(sides[1].heard.takes == 1);
    cr_assert_eq(sides[1].heard.n, 0);
    cr_assert_eq(sides[1].heard.took_of, v + 1);
}

Test(fleet_cell_take, gives_none_of_what_redis_has_lost)
{
    const uint64_t v = begin(2);
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 3));
    TICK_UNTIL(sides[0].heard.takes == 1);
    cr_assert_eq(sides[0].heard.n, 3);
    redis_server_say(server, "FLUSHALL");
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 3));
    TICK_UNTIL(sides[0].heard.takes == 2);
    cr_assert_eq(sides[0].heard.n, 0);
    TICK_UNTIL(agreed_after(v)); /* which the take has found out */
    cr_assert_str_eq(sides[1].heard.fields, "state=half-open ");
    cr_assert(!weir_fleet_cell_take(sides[0].cell, v, 3));
    cr_assert(weir_fleet_cell_take(sides[0].cell, sides[0].heard.version, 3));
    TICK_UNTIL(sides[0].heard.takes == 3);
    cr_assert_eq(sides[0].heard.first, 0);
    cr_assert_eq(sides[0].heard.n, 3);
}

Test(fleet_cell_take, gives_none_when_the_count_makes_no_sense)
{
    const uint64_t v = begin(1);
    redis_server_say(server, "HSET weir:c:test:cb taken x");
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 1));
    TICK_UNTIL(sides[0].heard.takes == 1);
    cr_assert_eq(sides[0].heard.n, 0);
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0, "it decides by itself");
    redis_server_say(server, "HSET weir:c:test:cb taken 9007199254740992");
    look_again();
    TICK_UNTIL(weir_fleet_until_ms(sides[0].cell) > 0);
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 1));
    TICK_UNTIL(sides[0].heard.takes == 2);
    cr_assert_eq(sides[0].heard.n, 0);
    cr_assert(strstr(logged, "its numbers (taken) make no sense"));
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0);
}

Test(fleet_cell_take, says_when_nobody_can_tell)
{
    const uint64_t v = begin(1);
    redis_server_say(server, "SCRIPT FLUSH");
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 1));
    TICK_UNTIL(sides[0].heard.takes == 1);
    cr_assert_eq(sides[0].heard.n, 1, "the script is loaded again");
    cr_assert(weir_fleet_cell_take(sides[0].cell, v, 1));
    redis_server_kill(server);
    TICK_UNTIL(sides[0].heard.takes == 2);
    cr_assert_eq(sides[0].heard.n, 0);
    cr_assert(!weir_fleet_cell_take(sides[0].cell, v, 1));
}

/* Connections are cut while numbers are under way, again and again. */
Test(fleet_cell_take, gives_no_number_twice_over_reconnects)
{
    const uint64_t v = begin(3);
    for (unsigned round = 0; round < 6; round++) {
        for (size_t i = 0; i < 3; i++)
            cr_assert(weir_fleet_cell_take(sides[i].cell, v, 3));
        tick_once();
        for (size_t i = 0; i < 3; i++)
            cr_assert(weir_fleet_cell_take(sides[i].cell, v, 3));
        tick_all();
        redis_server_say(server, "CLIENT KILL TYPE normal SKIPME yes");
        TICK_UNTIL(!all_joined());
        TICK_UNTIL(all_joined());
        cr_assert_eq(heard_of(v), 3);
    }
    cr_assert_eq(all_takes(), 6 * 6);
    for (unsigned i = 0; i < NUMBERS; i++)
        cr_assert_leq(given[i], 1);
}
