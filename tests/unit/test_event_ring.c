/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of notable events: numbers, laps, and writers that are slow, killed or many. */

#include "base/event_ring.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)

static struct event_ring *ring;

static void setup(void)
{
    ring = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(ring, MAP_FAILED);
}

TestSuite(event_ring, .init = setup);

static uint64_t put(const char *name, uint64_t mono_us)
{
    struct event e = {.mono_us = mono_us};

    snprintf(e.name, sizeof e.name, "%s", name);
    return event_ring_put(ring, &e);
}

static void put_many(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put("some", 0);
}

/* A writer that got as far as its number and its place. */
static uint64_t begin(void)
{
    const uint64_t number = atomic_fetch_add(&ring->given, 1) + 1;

    atomic_store(&ring->places[number % EVENT_RING_SIZE].state, 2 * number + 1);
    return number;
}

Test(event_ring, gives_back_in_order_what_was_put)
{
    struct event_cursor c = {0};
    struct event e;

    cr_assert(!event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(put("first", 1), 1);
    cr_assert_eq(put("second", 2), 2);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_str_eq(e.name, "first");
    cr_assert_eq(e.number, 1);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_str_eq(e.name, "second");
    cr_assert(!event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(c.after, 2);
    cr_assert_eq(c.lost, 0);
}

Test(event_ring, has_the_last_ones_and_counts_what_is_gone)
{
    struct event_cursor c = {.after = 3};
    struct event e;
    unsigned n = 0;

    put_many(EVENT_RING_SIZE + 10);
    while (event_ring_next(ring, &c, 0, &e))
        cr_assert_eq(e.number, 11 + n++);
    cr_assert_eq(n, EVENT_RING_SIZE);
    cr_assert_eq(c.lost, 7);
}

Test(event_ring, shows_the_newest_to_who_has_read_nothing)
{
    struct event_cursor c;
    struct event e;

    put_many(5);
    c = event_ring_newest(ring, 2);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(e.number, 4);
    c = event_ring_newest(ring, 100);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(e.number, 1);
    put_many(EVENT_RING_SIZE);
    c = event_ring_newest(ring, UINT64_MAX);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(e.number, 6);
    cr_assert_eq(c.lost, 0);
}

Test(event_ring, a_cursor_of_another_ring_begins_anew)
{
    struct event_cursor c = {.after = 1000, .lost = 4};
    struct event e;

    put_many(2);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(e.number, 1);
    cr_assert_eq(c.lost, 0);
}

Test(event_ring, waits_for_a_writer_that_is_at_it_only_while_it_may_come)
{
    struct event_cursor c = {0};
    struct event e;

    cr_assert_eq(begin(), 1);
    put("later", 10 * SECOND);
    cr_assert(!event_ring_next(ring, &c, 10 * SECOND, &e));
    cr_assert(!event_ring_next(ring, &c, 11 * SECOND - 1, &e));
    cr_assert_eq(c.after, 0);
    cr_assert(event_ring_next(ring, &c, 11 * SECOND, &e));
    cr_assert_str_eq(e.name, "later");
    cr_assert_eq(c.lost, 1);
}

Test(event_ring, the_last_one_that_is_never_finished_blocks_nobody)
{
    struct event_cursor c = {0};
    struct event e;

    put("whole", 0);
    begin();
    cr_assert(event_ring_next(ring, &c, 100 * SECOND, &e));
    cr_assert(!event_ring_next(ring, &c, 100 * SECOND, &e));
    put("next", 100 * SECOND);
    cr_assert(event_ring_next(ring, &c, 102 * SECOND, &e));
    cr_assert_str_eq(e.name, "next");
}

Test(event_ring, takes_the_place_of_a_writer_that_is_a_lap_behind)
{
    const uint64_t stuck = begin();
    struct event_cursor c = {.after = EVENT_RING_SIZE};
    struct event e;

    put_many(EVENT_RING_SIZE);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(e.number, stuck + EVENT_RING_SIZE);
}

Test(event_ring, what_a_slow_writer_spoils_is_left_out)
{
    struct event_cursor c = {.after = EVENT_RING_SIZE};
    struct event e;

    put_many(EVENT_RING_SIZE + 2);
    atomic_store(&ring->places[1].words[20], 0x6d6d6d6d6d6d6d6d);
    cr_assert(event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(e.number, EVENT_RING_SIZE + 2);
    cr_assert_eq(c.lost, 1);
}

Test(event_ring, a_writer_that_was_overtaken_writes_nothing)
{
    struct event_cursor c = {0};
    struct event e = {.mono_us = 5};

    atomic_store(&ring->places[1].state, 2 * (1 + EVENT_RING_SIZE));
    cr_assert_eq(event_ring_put(ring, &e), 1);
    cr_assert_eq(atomic_load(&ring->places[1].state), 2 * (1 + EVENT_RING_SIZE));
    cr_assert(!event_ring_next(ring, &c, 0, &e));
    cr_assert_eq(c.lost, 1);
}

/* -- several at once --------------------------------------------------------------------------- */

enum { WRITERS = 4, EACH = 5000 };

/* Every word of the text is the same, so that a mixture shows. */
static void write_on(unsigned who, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct event e = {.level = (uint16_t)who, .wall_us = i, .text_n = EVENT_TEXT_MAX};
        memset(e.text, (int)('a' + i % 26), sizeof e.text);
        event_ring_put(ring, &e);
    }
}

static void check_whole(const struct event *e)
{
    for (unsigned i = 0; i < EVENT_TEXT_MAX; i++)
        cr_assert_eq(e->text[i], (char)('a' + e->wall_us % 26));
}

static pid_t start(unsigned who, unsigned n)
{
    const pid_t pid = fork();

    if (pid == 0) {
        write_on(who, n);
        _exit(0);
    }
    cr_assert_gt(pid, 0);
    return pid;
}

Test(event_ring, many_writers_leave_whole_events_each_in_its_order)
{
    struct event_cursor c = {0};
    struct event e;
    int64_t last[WRITERS];
    uint64_t got = 0;

    memset(last, -1, sizeof last);
    for (unsigned i = 0; i < WRITERS; i++)
        start(i, EACH);
    for (unsigned left = WRITERS; left;) {
        while (event_ring_next(ring, &c, 0, &e)) {
            check_whole(&e);
            cr_assert_gt((int64_t)e.wall_us, last[e.level]);
            last[e.level] = (int64_t)e.wall_us;
            got++;
        }
        left -= waitpid(-1, NULL, WNOHANG) > 0;
    }
    while (event_ring_next(ring, &c, 0, &e))
        got++;
    cr_assert_eq(c.after, (uint64_t)WRITERS * EACH);
    cr_assert_eq(got + c.lost, (uint64_t)WRITERS * EACH);
    cr_assert_geq(got, EVENT_RING_SIZE);
}

Test(event_ring, killed_writers_neither_block_nor_spoil)
{
    struct event_cursor c = {0};
    struct event e;

    for (unsigned i = 0; i < 20; i++) {
        const pid_t pid = start(0, UINT32_MAX);
        const uint64_t before = atomic_load(&ring->given);
        while (atomic_load(&ring->given) < before + 100)
            ;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    write_on(1, 3);
    while (event_ring_next(ring, &c, 2 * SECOND, &e))
        check_whole(&e);
    cr_assert_eq(e.level, 1);
    cr_assert_eq(c.after, atomic_load(&ring->given));
}
