/* SPDX-License-Identifier: Apache-2.0 */
/* What Redis can do to a fleet, and what the fleet makes of it: it decides by itself and comes
 * back. */
#include "fleet_case.h"

#include <stdlib.h>

TestSuite(fleet_trouble, .fini = sides_end);

static void begin(size_t n, const char *lines)
{
    sides_begin(n, lines);
    cells_open("cb");
    TICK_UNTIL(all_joined());
}

static unsigned times_logged(const char *what)
{
    unsigned n = 0;
    for (const char *p = logged; (p = strstr(p, what)); p++)
        n++;
    return n;
}

Test(fleet_trouble, a_lost_connection_is_made_again_and_all_is_read_anew)
{
    begin(2, NULL);
    const uint64_t v = change(&sides[0], "open");
    const unsigned before = sides[1].heard.records;
    redis_server_say(server, "CLIENT KILL TYPE normal SKIPME yes");
    TICK_UNTIL(!joined(&sides[0]) && !joined(&sides[1]));
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0);
    cr_assert(!offer(&sides[0], "closed"));
    TICK_UNTIL(all_joined());
    cr_assert_eq(sides[1].heard.records, before + 1, "once, though nothing has changed");
    cr_assert_eq(sides[1].heard.version, v);
    cr_assert_eq(times_logged("fleet_apart"), 2);
}

Test(fleet_trouble, an_offer_under_way_is_left_to_the_next_record)
{
    begin(1, NULL);
    redis_server_hang(server);
    cr_assert(offer(&sides[0], "open"));
    tick_all();
    redis_server_kill(server);
    TICK_UNTIL(sides[0].heard.dropped == 1);
    cr_assert_eq(sides[0].heard.taken, 0);
    redis_server_again(server);
    TICK_UNTIL(all_joined());
    cr_assert(offer(&sides[0], "open"));
    TICK_UNTIL(sides[0].heard.taken == 1);
}

Test(fleet_trouble, a_script_that_was_flushed_is_loaded_again)
{
    begin(2, NULL);
    redis_server_say(server, "SCRIPT FLUSH");
    cr_assert(offer(&sides[0], "open"));
    TICK_UNTIL(agreed_after(0));
    cr_assert_eq(sides[0].heard.taken, 1);
    cr_assert_eq(sides[0].fleet->errors[FLEET_ERROR_NOSCRIPT], 1);
    cr_assert_eq(times_logged("fleet_error"), 0, "that is usual");
    cr_assert(all_joined());
}

Test(fleet_trouble, a_key_of_another_type_leaves_its_cell_apart_alone)
{
    sides_begin(1, NULL);
    redis_server_say(server, "SET weir:c:test:bad x");
    cells_open("cb");
    struct heard bad_heard = {0};
    struct side bad = {.w = {.acting = &test_module}, .heard = bad_heard};
    bad.cell = weir_fleet_cell_open(sides[0].p, W("bad"), &cell_ops, &bad);
    TICK_UNTIL(all_joined());
    cr_assert_eq(bad.heard.records, 0);
    cr_assert_eq(weir_fleet_until_ms(bad.cell), 0);
    cr_assert(!offer(&bad, "open"));
    cr_assert_gt(weir_fleet_until_ms(sides[0].cell), 0);
    tick_on();
    cr_assert_eq(times_logged("fleet_cell_unusable"), 1);
    redis_server_say(server, "DEL weir:c:test:bad");
    look_again();
    TICK_UNTIL(bad.heard.records == 1);
    cr_assert(offer(&bad, "open"));
    TICK_UNTIL(bad.heard.taken == 1);
    redis_server_say(server, "SET weir:c:test:bad x");
    cr_assert(offer(&bad, "closed"));
    TICK_UNTIL(bad.heard.dropped == 1);
    cr_assert_eq(weir_fleet_until_ms(bad.cell), 0);
}

Test(fleet_trouble, a_record_of_a_newer_format_is_left_alone)
{
    begin(1, NULL);
    redis_server_say(server, "HSET weir:c:test:cb f 2 n 1 by newer at 1");
    cr_assert(offer(&sides[0], "open"));
    TICK_UNTIL(sides[0].heard.dropped == 1);
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0);
    cr_assert(strstr(logged, "its format is of another version of Weir"));
    cr_assert_str_eq(redis_server_say(server, "HGET weir:c:test:cb n"), "1");
}

Test(fleet_trouble, without_memory_nothing_is_written_and_what_there_is_holds)
{
    begin(2, NULL);
    const uint64_t v = change(&sides[0], "open");
    redis_server_say(server, "CONFIG SET maxmemory 1");
    cr_assert(offer(&sides[0], "closed"));
    TICK_UNTIL(sides[0].heard.dropped == 1);
    cr_assert_gt(sides[0].fleet->errors[FLEET_ERROR_OOM], 0);
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0, "this cell is apart");
    cr_assert_gt(weir_fleet_until_ms(sides[1].cell), 0);
    cr_assert_eq(sides[1].heard.version, v);
    tick_on();
    cr_assert_leq(times_logged("kind=oom"), 2, "once each");
    redis_server_say(server, "CONFIG SET maxmemory 0");
    look_again();
    TICK_UNTIL(weir_fleet_until_ms(sides[0].cell) > 0);
    cr_assert_eq(change(&sides[0], "closed"), v + 1);
}

Test(fleet_trouble, a_replica_is_given_up)
{
    begin(1, NULL);
    redis_server_say(server, "REPLICAOF 127.0.0.1 1");
    cr_assert(offer(&sides[0], "open"));
    TICK_UNTIL(!all_joined());
    cr_assert_gt(sides[0].fleet->errors[FLEET_ERROR_READONLY] +
                     sides[0].fleet->errors[FLEET_ERROR_MASTERDOWN],
                 0);
    cr_assert(strstr(sides[0].fleet->why, "replica"));
    redis_server_say(server, "REPLICAOF NO ONE");
    TICK_UNTIL(all_joined());
}

Test(fleet_trouble, a_hung_server_is_apart_after_hold)
{
    begin(1, NULL);
    conf.hold = 50;
    TICK_UNTIL(weir_fleet_until_ms(sides[0].cell) <= clock_ms(&lp.clock) + 50);
    redis_server_hang(server);
    const uint64_t hung_ms = now_ms(), until_ms = weir_fleet_until_ms(sides[0].cell);
    TICK_UNTIL(!all_joined());
    cr_assert_geq(clock_ms(&lp.clock), until_ms);
    cr_assert_lt(now_ms() - hung_ms, 450, "before the connection is given up");
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0);
    const unsigned before = sides[0].heard.records;
    redis_server_go_on(server);
    TICK_UNTIL(all_joined());
    cr_assert_eq(sides[0].heard.records, before + 1);
}

Test(fleet_trouble, a_user_who_may_not_reads_that_in_the_log)
{
    begin(1, NULL);
    redis_server_say(server, "ACL SETUSER default -evalsha");
    cr_assert(offer(&sides[0], "open"));
    TICK_UNTIL(sides[0].heard.dropped == 1);
    cr_assert_gt(sides[0].fleet->errors[FLEET_ERROR_NOPERM], 0);
    cr_assert(strstr(logged, "kind=noperm"));
    cr_assert(all_joined());
}

/* Who it is has to be known, or what it has lost wouldn't be. */
Test(fleet_trouble, a_server_that_does_not_say_who_it_is_is_not_joined)
{
    sides_begin(1, NULL);
    redis_server_say(server, "ACL SETUSER default -info");
    cells_open("cb");
    TICK_UNTIL(strstr(sides[0].fleet->why, "INFO server"));
    tick_on();
    cr_assert(!all_joined());
    cr_assert_eq(sides[0].heard.records, 0);
    redis_server_say(server, "ACL SETUSER default +info");
    TICK_UNTIL(all_joined());
}

Test(fleet_trouble, a_busy_server_is_apart_and_comes_back)
{
    begin(1, "lua-time-limit 5\n");
    conf.hold = 100;
    TICK_UNTIL(weir_fleet_until_ms(sides[0].cell) <= clock_ms(&lp.clock) + 100);
    const char *talk =
        redis_server_folder(server); /* a client of its own, whose answer never comes */
    char command[256];
    snprintf(command, sizeof command,
             "redis-cli -h 127.0.0.1 -p %u eval 'while true do end' 0 >%s/busy 2>&1 &",
             redis_server_port(server), talk);
    cr_assert_eq(system(command), 0);
    TICK_UNTIL(sides[0].fleet->errors[FLEET_ERROR_BUSY] > 0 && !all_joined());
    redis_server_say(server, "SCRIPT KILL");
    TICK_UNTIL(all_joined());
}
