/* SPDX-License-Identifier: Apache-2.0 */
/* What a Redis loses that is restarted, emptied or failed over, and that it has it again: under a
 * version above all others, once, and without a storm. */
#include "fleet_case.h"

#include <stdlib.h>

TestSuite(fleet_cell_lost, .fini = sides_end);

static void begin(size_t n)
{
    sides_begin(n, NULL);
    cells_open("cb");
    TICK_UNTIL(all_joined());
}

static uint64_t put_back(void)
{
    uint64_t n = 0;
    for (size_t i = 0; i < sides_n; i++)
        n += sides[i].fleet->put_back;
    return n;
}

static unsigned long script_calls(void)
{
    const char *text =
        strstr(redis_server_say(server, "INFO commandstats"), "cmdstat_evalsha:calls=");
    return text ? strtoul(strchr(text, '=') + 1, NULL, 10) : 0;
}

/* All have this state, as the first version of a lineage after v. */
static void is_back(uint64_t v, const char *fields)
{
    TICK_UNTIL(agreed_after(v) && all_joined());
    for (size_t i = 0; i < sides_n; i++) {
        cr_assert_str_eq(sides[i].heard.fields, fields);
        cr_assert_eq(sides[i].heard.lineage, sides[i].heard.version);
        cr_assert_gt(weir_fleet_until_ms(sides[i].cell), 0);
    }
    cr_assert_eq(put_back(), 1);
}

Test(fleet_cell_lost, is_put_back_when_redis_is_restarted_empty)
{
    begin(3);
    change(&sides[0], "closed");
    const uint64_t v = change(&sides[1], "open");
    sleep_ms(30);
    redis_server_again(server);
    TICK_UNTIL(!all_joined());
    is_back(v, "state=open ");
    tick_on();
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(sides[i].heard.offers, i < 2, "modules have no part in it");
        cr_assert_str_eq(sides[i].heard.by, "edge-1", "it is the same record");
        cr_assert_geq(sides[i].heard.age_ms, 25, "as old as it was");
        cr_assert_lt(sides[i].heard.age_ms, 5000);
    }
    cr_assert_leq(script_calls(), 3);
    cr_assert(strstr(logged, "fleet_cell_lost"));
    const uint64_t back = sides[0].heard.version;
    cr_assert_eq(change(&sides[2], "half-open"), back + 1);
    cr_assert_eq(sides[0].heard.lineage, back);
}

Test(fleet_cell_lost, is_put_back_when_redis_is_restarted_with_old_data)
{
    begin(2);
    change(&sides[0], "closed");
    redis_server_say(server, "SAVE");
    const uint64_t v = change(&sides[0], "open");
    redis_server_again(server);
    cr_assert_str_eq(redis_server_say(server, "HGET weir:c:test:cb .state"), "closed");
    TICK_UNTIL(!all_joined());
    is_back(v, "state=open ");
}

/* Nobody is left who knows what came last. */
Test(fleet_cell_lost, begins_a_lineage_with_what_another_server_had)
{
    begin(1);
    const uint64_t v = change(&sides[0], "open");
    redis_server_say(server, "SAVE");
    side_stop(&sides[0]);
    loop_turn(&lp);
    redis_server_again(server);
    side_start(&sides[0], 0);
    cells_open("cb");
    sides[0].heard = (struct heard){0};
    is_back(v, "state=open ");
    cr_assert_eq(sides[0].heard.records, 1, "not before it is a version of this server");
}

/* One that joins first and never knew the last version; then one that did. */
Test(fleet_cell_lost, is_not_put_back_where_somebody_has_done_it)
{
    begin(2);
    side_stop(&sides[1]);
    sides_n = 1;
    change(&sides[0], "open");
    redis_server_say(server, "SAVE");
    const uint64_t v = change(&sides[0], "closed");
    redis_server_again(server);
    TURN_UNTIL(!redis_is_up(sides[0].fleet->redis));
    sides[1].heard = (struct heard){0};
    side_start(&sides[1], 1);
    sides[1].cell = weir_fleet_cell_open(sides[1].p, W("cb"), &cell_ops, &sides[1]);
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (!joined(&sides[1]) && now_ms() < end) {
        fleet_tick(sides[1].fleet); /* and the other one says nothing yet */
        loop_turn(&lp);
    }
    sides_n = 2;
    is_back(v, "state=open ");
    cr_assert_eq(sides[0].fleet->lost, 0);
    cr_assert_eq(script_calls(), 1);
}

Test(fleet_cell_lost, is_put_back_when_keys_vanish_and_connections_stay)
{
    begin(3);
    const uint64_t v = change(&sides[0], "open");
    redis_server_say(server, "FLUSHALL");
    tick_on();
    cr_assert_eq(heard_of(v), 3, "not before its turn");
    look_again();
    is_back(v, "state=open ");
    cr_assert_eq(sides[0].fleet->joins, 1, "nobody was apart meanwhile");
}

Test(fleet_cell_lost, is_put_back_on_a_replica_that_is_behind)
{
    begin(2);
    change(&sides[0], "closed");
    struct redis_server *replica = redis_replica_start(server);
    redis_server_say(replica, "REPLICAOF NO ONE");
    const uint64_t v = change(&sides[0], "open");
    redis_server_kill(server);
    server = replica;
    conf.redis.address = slice_str(redis_server_address(replica));
    TICK_UNTIL(!all_joined());
    is_back(v, "state=open ");
    char run[80];
    snprintf(run, sizeof run, "%s", sides[0].fleet->server.run);
    cr_assert_str_eq(redis_server_say(replica, "HGET weir:c:test:cb run"), run);
}

Test(fleet_cell_lost, stays_as_it_is_when_only_connections_are_lost)
{
    begin(2);
    const uint64_t v = change(&sides[0], "open");
    redis_server_say(server, "CLIENT KILL TYPE normal SKIPME yes");
    TICK_UNTIL(!all_joined());
    TICK_UNTIL(all_joined());
    tick_on();
    cr_assert_eq(heard_of(v), 2);
    cr_assert_eq(sides[0].fleet->lost + sides[1].fleet->lost, 0);
    cr_assert_eq(script_calls(), 1);
}

Test(fleet_cell_lost, is_what_an_offer_finds_out)
{
    begin(1);
    const uint64_t v = change(&sides[0], "open");
    redis_server_say(server, "DEL weir:c:test:cb");
    cr_assert(offer(&sides[0], "closed"));
    TICK_UNTIL(sides[0].heard.dropped == 1);
    cr_assert(!offer(&sides[0], "closed"), "it isn't back yet");
    is_back(v, "state=open ");
    cr_assert_gt(change(&sides[0], "closed"), v);
}

/* As when a clock was set back, and a version was made anew. */
Test(fleet_cell_lost, is_put_back_when_its_version_is_something_else)
{
    begin(2);
    const uint64_t v = change(&sides[0], "open");
    write_by_hand(v, "closed");
    look_again();
    is_back(v, "state=open ");
}

Test(fleet_cell_lost, keeps_its_version_above_what_was_known_when_clocks_go_back)
{
    begin(1);
    const uint64_t v = FLEET_RECORD_VERSION_MAX - 7; /* of the year 2255 */
    write_by_hand(v, "open");
    look_again();
    TICK_UNTIL(heard_of(v) == 1);
    redis_server_say(server, "FLUSHALL");
    look_again();
    is_back(v, "state=open ");
    cr_assert_eq(sides[0].heard.version, v + 1);
}

Test(fleet_cell_lost, is_apart_alone_while_it_can_not_be_put_back)
{
    begin(1);
    const uint64_t v = change(&sides[0], "open");
    redis_server_say(server, "CONFIG SET maxmemory 1");
    redis_server_say(server, "DEL weir:c:test:cb");
    look_again();
    TICK_UNTIL(weir_fleet_until_ms(sides[0].cell) == 0);
    cr_assert(all_joined());
    tick_on();
    cr_assert_eq(sides[0].fleet->lost, 1, "not with each tick");
    redis_server_say(server, "CONFIG SET maxmemory 0");
    look_again();
    is_back(v, "state=open ");
}

/* -- many at once ------------------------------------------------------------------------------ */

enum { CELLS = 60 };

static unsigned bad;

static void on_many(void *ctx, const struct weir_fleet_record *r)
{
    struct heard *h = ctx;
    h->records++;
    bad += r->version < h->version;
    h->version = r->version;
}

static struct heard many[SIDES][CELLS];
static struct weir_fleet_cell *cells[SIDES][CELLS];

static void open_many(void)
{
    static const struct weir_fleet_cell_ops ops = {.record = on_many};
    char name[32];
    for (size_t i = 0; i < sides_n; i++)
        for (int k = 0; k < CELLS; k++) {
            const int n = snprintf(name, sizeof name, "cell-%d", k);
            cells[i][k] = weir_fleet_cell_open(sides[i].p, (struct weir_slice){name, (size_t)n},
                                               &ops, &many[i][k]);
        }
}

static bool agreed(const uint64_t *after)
{
    for (size_t i = 0; i < sides_n; i++)
        for (int k = 0; k < CELLS; k++)
            if (many[i][k].version != many[0][k].version || many[i][k].version <= after[k])
                return false;
    return all_joined();
}

/* All instances at the same moment, which is the worst. */
Test(fleet_cell_lost, is_offered_once_by_an_instance_and_taken_once)
{
    static uint64_t before[CELLS];
    sides_begin(SIDES, NULL);
    open_many();
    TICK_UNTIL(all_joined());
    for (int k = 0; k < CELLS; k++)
        cr_assert(weir_fleet_offer(cells[0][k], NULL, 0));
    TICK_UNTIL(sides[0].fleet->offers_taken == CELLS);
    tick_on();
    for (int k = 0; k < CELLS; k++)
        before[k] = many[1][k].version;
    memset(many, 0, sizeof many);
    redis_server_again(server);
    TICK_UNTIL(!all_joined());
    TICK_UNTIL(agreed(before));
    tick_on();
    cr_assert_eq(put_back(), CELLS);
    cr_assert_eq(bad, 0);
    printf("fleet: %d records, %d instances: put back by %lu offers\n", CELLS, SIDES,
           script_calls());
    cr_assert_leq(script_calls(), (unsigned long)SIDES * CELLS);
    for (size_t i = 0; i < sides_n; i++)
        for (int k = 0; k < CELLS; k++)
            cr_assert_eq(many[i][k].records, 1, "and heard of once");
}
