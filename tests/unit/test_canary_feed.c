/* SPDX-License-Identifier: Apache-2.0 */
/* Several instances that go through one sequence together, over a real Redis. */
#include "fleet_case.h"

#include <math.h>
#include <stdlib.h>

#include "canary/feed.h"

enum { EDGES = 3, V = 2, BLOCK = 40 };

static const struct weir_slice names[V] = {WEIR_SLICE("v1"), WEIR_SLICE("v2")};

static struct edge {
    struct split_cell *cell;
    struct split_lease *lease;
    struct split_feed *feed;
    uint64_t unleased;
} edges[EDGES];
static uint64_t got[V], all;

static void *zeroed(size_t n)
{
    const size_t whole = (n + 63) / 64 * 64;
    void *p = aligned_alloc(64, whole);
    cr_assert(p);
    return memset(p, 0, whole);
}

static struct split_feed *feed_of(unsigned i)
{
    const struct split_feed_conf feed = {.name = W("all"),
                                         .names = names,
                                         .n = V,
                                         .cell = edges[i].cell,
                                         .lease = edges[i].lease,
                                         .block = BLOCK};
    return split_feed_open(sides[i].p, &feed);
}

static void begin(void)
{
    const struct split_weights to = {names, (uint32_t[]){9, 1}, V};
    char reason[SCHEDULE_REASON];
    sides_begin(EDGES, NULL);
    for (unsigned i = 0; i < EDGES; i++) {
        struct edge *e = &edges[i];
        e->cell = zeroed(split_cell_size(V));
        e->lease = zeroed(split_lease_size(V));
        cr_assert(split_cell_init(e->cell, &to, 1, reason));
        cr_assert(split_lease_init(e->lease, V));
        e->feed = feed_of(i);
        cr_assert(e->feed);
    }
    TICK_UNTIL(all_joined());
}

static void end(void)
{
    for (unsigned i = 0; i < EDGES; i++) {
        split_feed_close(edges[i].feed);
        free(edges[i].cell);
        free(edges[i].lease);
    }
    sides_end();
}

TestSuite(canary_feed, .init = begin, .fini = end);

/* Modules tick before the fleet does. */
static void tick_feeds(void)
{
    for (unsigned i = 0; i < EDGES; i++)
        split_feed_tick(edges[i].feed);
    tick_once();
}

/* As choose.c does it. */
static void requests(unsigned i, unsigned n)
{
    struct edge *e = &edges[i];
    for (unsigned k = 0; k < n; k++) {
        struct split_ref ref;
        if (!split_lease_take(e->lease, e->cell, &ref)) {
            cr_assert(split_cell_take(e->cell, &ref));
            e->unleased++;
        }
        got[ref.variant]++;
        all++;
    }
}

static uint64_t held(unsigned i)
{
    struct split_lease_look look;
    split_lease_look(edges[i].lease, edges[i].cell, &look);
    cr_assert_leq(look.blocks, 2);
    return look.held;
}

static uint64_t unleased(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < EDGES; i++)
        sum += edges[i].unleased;
    return sum;
}

/* That somebody has taken from. */
static uint64_t sequences(void)
{
    return strtoull(
        redis_server_say(server, "EVAL %s 0", "return #redis.call('KEYS', 'weir:n:test:all:*')"),
        NULL, 10);
}

static void weights(unsigned i, uint32_t v1, uint32_t v2)
{
    const struct split_weights to = {names, (uint32_t[]){v1, v2}, V};
    char reason[SCHEDULE_REASON];
    cr_assert(split_cell_change(edges[i].cell, &to, 1, NULL, reason));
}

static double off(double share)
{
    return fabs((double)got[1] - share * (double)all);
}

Test(canary_feed, divides_one_sequence_among_all)
{
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    for (unsigned round = 0; round < 60; round++) {
        tick_feeds();
        for (unsigned i = 0; i < EDGES; i++)
            requests(i, 1 + i);
        /* Half of a request for the whole, and one for each block that somebody holds. */
        cr_assert_leq(off(0.1), 0.5 + 2 * EDGES, "round %u", round);
    }
    cr_assert_eq(unleased(), 0);
    uint64_t sum = 0;
    for (unsigned i = 0; i < EDGES; i++)
        sum += held(i);
    const char *taken = redis_server_say(server, "EVAL %s 0",
                                         "return redis.call('GET', redis.call('KEYS', "
                                         "'weir:n:test:all:*')[1])");
    cr_assert_eq(strtoull(taken, NULL, 10), all + sum, "no position was lost: %s", taken);
}

Test(canary_feed, holds_two_blocks_at_most_and_fewer_when_it_is_quiet)
{
    for (unsigned round = 0; round < 5; round++)
        tick_feeds();
    cr_assert_eq(held(0), 2 * BLOCK / 10);
    for (unsigned round = 0; round < 20; round++) {
        requests(0, 30);
        tick_feeds();
        cr_assert_leq(held(0), 2 * BLOCK);
    }
    cr_assert_gt(held(0), BLOCK);
    cr_assert_eq(held(1), 2 * BLOCK / 10);
}

/* A burst above all that is leased; then it catches up. */
Test(canary_feed, goes_on_alone_when_it_is_too_slow)
{
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    requests(0, 1000);
    cr_assert_eq(unleased(), 1000 - 2 * BLOCK / 10);
    cr_assert_leq(off(0.1), 0.5 + 2 * EDGES + 0.5);
    for (unsigned round = 0; round < 10; round++) {
        tick_feeds();
        requests(0, BLOCK / 2);
    }
    cr_assert_eq(unleased(), 1000 - 2 * BLOCK / 10);
}

Test(canary_feed, goes_on_alone_without_redis_and_together_with_it_again)
{
    for (unsigned round = 0; round < 20; round++) {
        tick_feeds();
        for (unsigned i = 0; i < EDGES; i++)
            requests(i, 3);
    }
    redis_server_kill(server);
    TICK_UNTIL(!all_joined());
    for (unsigned round = 0; round < 20; round++) {
        tick_feeds();
        for (unsigned i = 0; i < EDGES; i++)
            requests(i, 7);
    }
    const uint64_t alone = unleased();
    cr_assert_gt(alone, 0);
    cr_assert_leq(off(0.1), 0.5 + EDGES * 0.5, "nothing is held");
    redis_server_again(server);
    TICK_UNTIL(all_joined());
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    for (unsigned round = 0; round < 20; round++) {
        tick_feeds();
        for (unsigned i = 0; i < EDGES; i++)
            requests(i, 3);
    }
    cr_assert_eq(unleased(), alone);
    cr_assert_leq(off(0.1), 1 + EDGES * 0.5 + 2 * EDGES);
}

Test(canary_feed, keeps_weights_of_one_instance_out_of_the_others_sequence)
{
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    weights(0, 1, 1);
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    for (unsigned round = 0; round < 40; round++) {
        tick_feeds();
        requests(1, 3);
        requests(2, 2);
    }
    cr_assert_leq(off(0.1), 0.5 + 2 * EDGES, "two of them, beside what the third held");
    got[0] = got[1] = all = 0;
    for (unsigned round = 0; round < 40; round++) {
        tick_feeds();
        requests(0, 3);
    }
    cr_assert_leq(off(0.5), 0.5, "alone in a sequence of its own");
    cr_assert_eq(unleased(), 0);
    cr_assert_eq(sequences(), 2);
}

Test(canary_feed, goes_on_where_the_others_are_when_weights_are_the_same_again)
{
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    weights(0, 1, 1);
    tick_feeds();
    weights(0, 90, 10);
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    for (unsigned round = 0; round < 40; round++) {
        tick_feeds();
        for (unsigned i = 0; i < EDGES; i++)
            requests(i, 2);
    }
    cr_assert_eq(unleased(), 0);
    cr_assert_leq(off(0.1), 0.5 + 2 * EDGES + 2, "and what it held before is lost");
    cr_assert_eq(sequences(), 2);
}

/* Anybody may have written it. */
Test(canary_feed, bears_any_number_under_its_key)
{
    for (unsigned round = 0; round < 3; round++)
        tick_feeds();
    redis_server_say(server, "EVAL %s 0",
                     "return redis.call('SET', redis.call('KEYS', 'weir:n:test:all:*')[1], "
                     "'9223372036854775700')");
    for (unsigned round = 0; round < 40; round++) {
        tick_feeds();
        for (unsigned i = 0; i < EDGES; i++)
            requests(i, 6);
        cr_assert(round > 3 || unleased() == 0, "positions far away are as good");
    }
    cr_assert_eq(all, 40 * EDGES * 6);
    cr_assert_gt(unleased(), 0, "Redis refuses to count further");
    cr_assert_leq(off(0.1), 1 + EDGES * 0.5 + 2 * EDGES);
}

Test(canary_feed, is_opened_once_for_a_name)
{
    cr_assert_null(feed_of(0));
    split_feed_close(NULL);
}
