/* SPDX-License-Identifier: Apache-2.0 */
/* Cells over a real Redis: one is taken, all hear the same, and nothing goes back. */
#include "fleet_case.h"

#include <time.h>

TestSuite(fleet_cell, .fini = sides_end);

static void begin(size_t n)
{
    sides_begin(n, NULL);
    cells_open("cb");
    TICK_UNTIL(all_joined());
}

Test(fleet_cell, is_version_0_as_long_as_nobody_has_made_one)
{
    begin(2);
    cr_assert_eq(sides[0].heard.records, 1);
    cr_assert_eq(sides[0].heard.version, 0);
    cr_assert_gt(weir_fleet_until_ms(sides[0].cell), clock_ms(&lp.clock));
}

Test(fleet_cell, takes_one_of_ten_who_offer_at_the_same_time)
{
    begin(10);
    TURN_UNTIL(!any_busy()); /* so that all of them leave with the same tick */
    for (size_t i = 0; i < 10; i++)
        cr_assert(offer(&sides[i], sides[i].name));
    TICK_UNTIL(agreed_after(0));
    tick_on();
    unsigned taken = 0;
    for (size_t i = 0; i < 10; i++) {
        taken += sides[i].heard.taken;
        cr_assert_eq(sides[i].heard.offers, 1);
        cr_assert_eq(sides[i].heard.records, 1, "what became of the offer has said the rest");
        cr_assert_str_eq(sides[i].heard.by, sides[0].heard.by);
        cr_assert_str_eq(sides[i].heard.fields, sides[0].heard.fields);
    }
    cr_assert_eq(taken, 1);
}

Test(fleet_cell, begins_a_lineage_by_the_clock_and_goes_on_in_it)
{
    begin(2);
    const uint64_t first = change(&sides[0], "open");
    cr_assert_gt(first, 1000000 * (uint64_t)time(NULL) - 60000000);
    cr_assert_eq(sides[1].heard.lineage, first);
    for (uint64_t v = first + 1; v < first + 4; v++) {
        cr_assert_eq(change(&sides[v % 2], "closed"), v);
        cr_assert_eq(sides[0].heard.lineage, first);
        cr_assert_eq(sides[1].heard.lineage, first);
    }
}

Test(fleet_cell, is_heard_by_others_at_once)
{
    begin(3);
    cr_assert(offer(&sides[1], "open"));
    TICK_UNTIL(sides[1].heard.taken == 1);
    TURN_UNTIL(agreed_after(0)); /* without another tick */
    cr_assert_eq(sides[1].heard.records, 1, "its own it doesn't hear twice");
    cr_assert_eq(sides[2].heard.records, 2);
    cr_assert_str_eq(sides[2].heard.by, "edge-1");
    cr_assert_str_eq(sides[2].heard.fields, "state=open ");
    cr_assert_lt(sides[2].heard.age_ms, 1000);
}

Test(fleet_cell, tells_a_latecomer_what_there_is_and_how_old)
{
    begin(1);
    const uint64_t v = change(&sides[0], "open");
    sleep_ms(30);
    sides_start(2);
    sides[1].cell = weir_fleet_cell_open(sides[1].p, W("cb"), &cell_ops, &sides[1]);
    TICK_UNTIL(all_joined());
    cr_assert_eq(sides[1].heard.version, v);
    cr_assert_geq(sides[1].heard.age_ms, 25);
    cr_assert_lt(sides[1].heard.age_ms, 5000);
}

Test(fleet_cell, refuses_offers_that_can_not_be_meant)
{
    begin(1);
    struct weir_claim many[WEIR_FLEET_FIELDS + 1];
    static char large[WEIR_FLEET_FIELD_MAX + 1];
    memset(large, 'x', sizeof large);
    for (size_t i = 0; i < array_n(many); i++)
        many[i] = (struct weir_claim){W("a"), W("b")};
    cr_assert(!weir_fleet_offer(sides[0].cell, many, array_n(many)));
    many[0].value = (struct weir_slice){large, sizeof large};
    cr_assert(!weir_fleet_offer(sides[0].cell, many, 1));
    cr_assert(strstr(logged, "fleet_offer_refused"));
    many[0].value.n--;
    cr_assert(weir_fleet_offer(sides[0].cell, many, WEIR_FLEET_FIELDS));
    cr_assert(!offer(&sides[0], "open"), "one is under way");
    TICK_UNTIL(sides[0].heard.taken == 1);
}

Test(fleet_cell, keeps_fields_that_this_version_does_not_know)
{
    begin(2);
    write_by_hand(4, "open");
    redis_server_say(server, "HSET weir:c:test:cb .later yes lease 7");
    cr_assert(offer(&sides[0], "closed"));
    TICK_UNTIL(sides[0].heard.offers == 1);
    cr_assert_eq(sides[0].heard.taken, 0, "version 4 was there first");
    cr_assert_str_eq(sides[0].heard.fields, "state=open later=yes ");
    cr_assert(offer(&sides[0], "half-open"));
    TICK_UNTIL(heard_of(5) == 2);
    cr_assert_str_eq(sides[0].heard.fields, "state=half-open later=yes ");
    cr_assert(strstr(sides[1].heard.fields, "state=half-open "));
    cr_assert(strstr(sides[1].heard.fields, "later=yes "), "told, in whatever order");
    cr_assert_str_eq(redis_server_say(server, "HGET weir:c:test:cb lease"), "7");
}

Test(fleet_cell, has_no_version_after_the_last)
{
    begin(1);
    write_by_hand(FLEET_RECORD_VERSION_MAX, "open");
    look_again();
    TICK_UNTIL(heard_of(FLEET_RECORD_VERSION_MAX) == 1);
    cr_assert(offer(&sides[0], "closed"));
    TICK_UNTIL(sides[0].heard.dropped == 1);
    cr_assert_eq(weir_fleet_until_ms(sides[0].cell), 0);
    cr_assert(strstr(logged, "its version has no successor"));
}

static struct weir_fleet_cell *second;

static void close_both(void *ctx, const struct weir_fleet_record *r)
{
    struct side *s = ctx;
    (void)r;
    s->heard.records++;
    weir_fleet_cell_close(s->cell);
    weir_fleet_cell_close(second);
    s->cell = second = NULL;
}

Test(fleet_cell, may_be_closed_with_others_from_within_a_call)
{
    static const struct weir_fleet_cell_ops ops = {.record = close_both};
    sides_begin(1, NULL);
    sides[0].cell = weir_fleet_cell_open(sides[0].p, W("a"), &ops, &sides[0]);
    second = weir_fleet_cell_open(sides[0].p, W("b"), &ops, &sides[0]);
    TICK_UNTIL(all_joined());
    cr_assert_eq(sides[0].heard.records, 1);
    cr_assert_eq(sides[0].fleet->cells_n, 0);
    weir_fleet_cell_close(NULL);
    cr_assert(weir_fleet_cell_open(sides[0].p, W("a"), &cell_ops, &sides[0]), "the name is free");
}

static void offer_more(void *ctx, bool taken, const struct weir_fleet_record *r)
{
    struct side *s = ctx;
    s->heard.taken += taken;
    /* What it was given is still whole after the next offer. */
    if (s->heard.taken < 4)
        cr_assert(weir_fleet_offer(s->cell, r->fields, r->fields_n));
    write_down(&s->heard, r);
}

Test(fleet_cell, takes_the_next_offer_from_within_the_answer)
{
    static const struct weir_fleet_cell_ops ops = {.offered = offer_more};
    sides_begin(1, NULL);
    sides[0].cell = weir_fleet_cell_open(sides[0].p, W("a"), &ops, &sides[0]);
    TICK_UNTIL(all_joined());
    cr_assert(offer(&sides[0], "open"));
    TICK_UNTIL(sides[0].heard.taken == 4);
    cr_assert_eq(sides[0].heard.version, sides[0].heard.lineage + 3);
    cr_assert_str_eq(sides[0].heard.fields, "state=open ");
}

Test(fleet_cell, has_a_name_of_its_own_within_the_module)
{
    begin(1);
    static char longest[201];
    memset(longest, 'n', sizeof longest);
    cr_assert(!weir_fleet_cell_open(sides[0].p, W("cb"), &cell_ops, &sides[0]));
    cr_assert(strstr(logged, "it is open already"));
    cr_assert(!weir_fleet_cell_open(sides[0].p, W(""), &cell_ops, &sides[0]));
    cr_assert(
        !weir_fleet_cell_open(sides[0].p, (struct weir_slice){longest, 201}, &cell_ops, NULL));
    cr_assert(
        weir_fleet_cell_open(sides[0].p, (struct weir_slice){longest, 200}, &cell_ops, &sides[0]));
    static const struct weir_module other_desc = {.name = "other"};
    static const struct module other = {.desc = &other_desc};
    sides[0].w.acting = &other;
    cr_assert(weir_fleet_cell_open(sides[0].p, W("cb"), &cell_ops, &sides[0]));
}

Test(fleet_cell, opened_while_joined_is_apart_until_it_was_read)
{
    begin(1);
    struct weir_fleet_cell *c = weir_fleet_cell_open(sides[0].p, W("later"), &cell_ops, &sides[0]);
    cr_assert_eq(weir_fleet_until_ms(c), 0);
    cr_assert(!weir_fleet_offer(c, NULL, 0));
    TICK_UNTIL(weir_fleet_until_ms(c) > 0);
    cr_assert(joined(&sides[0]));
}

Test(fleet_cell, hears_in_its_turn_what_no_message_has_told)
{
    begin(1);
    const uint64_t v = change(&sides[0], "open");
    write_by_hand(v + 1, "closed");
    tick_on();
    cr_assert_eq(sides[0].heard.version, v, "not before its turn");
    struct weir_fleet_cell *c = sides[0].cell;
    const size_t commands = redis_facts(sides[0].fleet->redis).commands;
    look_again();
    TICK_UNTIL(sides[0].heard.version == v + 1);
    cr_assert_str_eq(sides[0].heard.by, "other");
    cr_assert_str_eq(sides[0].heard.fields, "state=closed ");
    cr_assert_gt(redis_facts(sides[0].fleet->redis).commands, commands);
    cr_assert_gt(weir_fleet_until_ms(c), 0);
}

Test(fleet_cell, does_not_believe_messages_that_make_no_sense)
{
    begin(1);
    TURN_UNTIL(!any_busy());
    static const char *const wrong[] = {
        "x",
        "[]",
        "{}",
        "{\"k\":7}",
        "{\"k\":\"weir:c:test:cb\"}",
        "{\"k\":\"weir:c:test:cb\",\"d\":7}",
        "{\"k\":\"weir:c:test:cb\",\"d\":{\"n\":\"9\"}}",
        "{\"k\":\"weir:b::members\",\"d\":{\"f\":\"1\",\"n\":\"9\",\"by\":\"x\",\"at\":\"1\"}}",
        "{\"b\":\"weir:c:test:cb\",\"i\":\"x\",\"t\":\"y\"}",
        "{\"b\":\"weir:b::members\",\"i\":\"\",\"t\":\"y\"}",
        "{\"b\":\"weir:b::members\",\"i\":\"x\"}",
    };
    for (size_t i = 0; i < array_n(wrong); i++)
        redis_server_say(server, "PUBLISH weir:events %s", wrong[i]);
    redis_server_say(server, "PUBLISH weir:events %s",
                     "{\"k\":\"weir:c:test:cb\",\"d\":{\"f\":\"1\",\"n\":\"9\",\"by\":\"x\","
                     "\"since\":\"9\",\"run\":\"x\",\"at\":\"1\",\".state\":\"half-open\"}}");
    TURN_UNTIL(sides[0].heard.version == 9);
    cr_assert_eq(sides[0].heard.records, 2);
    cr_assert_eq(sides[0].fleet->errors[FLEET_ERROR_MESSAGE], 7);
}

/* What it tells is read from Redis. */
Test(fleet_cell, does_not_take_messages_that_are_too_long)
{
    static char spaces[FLEET_MESSAGE_MAX + 1];
    begin(1);
    TURN_UNTIL(!any_busy());
    write_by_hand(9, "open");
    memset(spaces, ' ', sizeof spaces - 1);
    redis_server_say(server, "PUBLISH weir:events %s{\"k\":\"weir:c:test:cb\"}", spaces);
    TICK_UNTIL(sides[0].heard.version == 9);
    cr_assert_eq(sides[0].fleet->errors[FLEET_ERROR_LIMIT], 1);
    cr_assert_eq(sides[0].fleet->errors[FLEET_ERROR_MESSAGE], 0);
}
