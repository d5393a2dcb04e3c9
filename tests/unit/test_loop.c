/* SPDX-License-Identifier: Apache-2.0 */
/* The turn: order of its parts, queues that grow while they run, real descriptors, real time. */

#include "io/loop.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop lp;
static char trail[64];

static void note(char c)
{
    size_t n = strlen(trail);
    cr_assert_lt(n, sizeof trail - 1);
    trail[n] = c;
}

static void set_up(void)
{
    loop_init(&lp, 4);
    clock_set(&lp.clock, 1000000000, 0);
}

static void tear_down(void)
{
    loop_fini(&lp);
}

TestSuite(loop, .init = set_up, .fini = tear_down);

static struct later later_a, later_b;
static struct dirty dirty_a;
static struct grave grave_a;

static void on_later_b(struct later *l)
{
    (void)l;
    note('b');
}

static void on_grave(struct grave *g)
{
    (void)g;
    note('g');
}

static void on_dirty(struct dirty *d)
{
    (void)d;
    note('d');
    loop_later(&lp, &later_b);
}

static void on_later_a(struct later *l)
{
    (void)l;
    note('a');
    loop_bury(&lp, &grave_a, on_grave);
    loop_dirty(&lp, &dirty_a);
}

static void on_later_plain(struct later *l)
{
    (void)l;
    note('p');
}

Test(loop, runs_later_then_flush_then_later_again_then_graves)
{
    later_init(&later_a, on_later_a);
    later_init(&later_b, on_later_b);
    dirty_init(&dirty_a, on_dirty);
    loop_later(&lp, &later_a);
    loop_later(&lp, &later_a);
    cr_assert_str_eq(trail, "", "nothing is called from inside");
    loop_turn(&lp);
    cr_assert_str_eq(trail, "adbg");
    loop_turn(&lp);
    cr_assert_str_eq(trail, "adbg", "once");
}

Test(loop, cancelled_things_do_not_run)
{
    later_init(&later_a, on_later_plain);
    dirty_init(&dirty_a, on_dirty);
    loop_later(&lp, &later_a);
    later_cancel(&later_a);
    later_cancel(&later_a);
    loop_dirty(&lp, &dirty_a);
    dirty_cancel(&dirty_a);
    dirty_cancel(&dirty_a);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "");
}

static void on_later_chain(struct later *l)
{
    static unsigned left = 10;
    note('c');
    if (--left > 0)
        loop_later(&lp, l);
}

Test(loop, what_is_queued_while_the_queue_runs_runs_in_the_same_turn)
{
    later_init(&later_a, on_later_chain);
    loop_later(&lp, &later_a);
    uint64_t turns = lp.turns;
    loop_turn(&lp);
    cr_assert_str_eq(trail, "cccccccccc");
    cr_assert_eq(lp.turns, turns + 1);
}

static struct timer timer_a;
static struct ev_io io_a;
static int pair[2];

static void on_timer(struct timer *t)
{
    (void)t;
    note('t');
    loop_later(&lp, &later_b);
}

static void on_readable(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev, (void)revents;
    char c;
    cr_assert_eq(read(w->fd, &c, 1), 1);
    note('r');
    if (c == 's')
        loop_stop(&lp);
    if (c == 'l')
        loop_later(&lp, &later_b);
}

static void open_pair(void)
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    ev_io_init(&io_a, on_readable, pair[0], EV_READ);
    ev_io_start(lp.ev, &io_a);
}

static void close_pair(void)
{
    ev_io_stop(lp.ev, &io_a);
    close(pair[0]);
    close(pair[1]);
}

static void on_readable_late(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)revents;
    note('j');
    clock_set(&lp.clock, lp.clock.mono_us + 1000 * 1000, 0); /* as if it had woken late */
    ev_io_stop(ev, w);
}

Test(loop, what_is_read_comes_before_the_timers_of_its_turn)
{
    struct ev_io late;
    later_init(&later_b, on_later_b);
    timer_init(&timer_a, on_timer);
    timer_start(&lp, &timer_a, 10);
    open_pair();
    ev_io_init(&late, on_readable_late, pair[0], EV_READ);
    ev_io_start(lp.ev, &late);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    loop_turn(&lp);
    cr_assert(strcmp(trail, "jrtb") == 0 || strcmp(trail, "rjtb") == 0);
    close_pair();
}

Test(loop, a_timer_fires_in_the_turn_after_its_time_was_set)
{
    later_init(&later_b, on_later_b);
    timer_init(&timer_a, on_timer);
    timer_start(&lp, &timer_a, 30000);
    loop_turn(&lp);
    clock_set(&lp.clock, lp.clock.mono_us + 29999 * 1000, 0);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "");
    clock_set(&lp.clock, lp.clock.mono_us + (1 + WHEEL_SLOT_MS) * 1000, 0);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "tb");
}

static void on_timer_stop(struct timer *t)
{
    (void)t;
    loop_stop(&lp);
    loop_later(&lp, &later_b);
}

Test(loop, wakes_for_timers_in_real_time)
{
    lp.clock.frozen = false;
    clock_update(&lp.clock);
    uint64_t start_us = lp.clock.mono_us;
    uint64_t turns = lp.turns;
    later_init(&later_b, on_later_b);
    timer_init(&timer_a, on_timer_stop);
    timer_start(&lp, &timer_a, 50);
    loop_run(&lp);
    cr_assert_str_eq(trail, "b", "what was queued with the stop still ran");
    cr_assert_geq(lp.clock.mono_us, start_us + 50000);
    cr_assert_leq(lp.turns, turns + 3, "it slept, and woke once");
}

Test(loop, a_stop_in_an_event_still_ends_the_turn)
{
    later_init(&later_b, on_later_b);
    open_pair();
    cr_assert_eq(write(pair[1], "ls", 2), 2);
    loop_run(&lp);
    cr_assert_str_eq(trail, "rbr");
    cr_assert_eq(write(pair[1], "s", 1), 1);
    loop_run(&lp);
    cr_assert_str_eq(trail, "rbrr", "and it may run again");
    close_pair();
}

static void on_always_ready(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev, (void)w, (void)revents;
}

Test(loop, a_turn_ends_even_when_something_is_ready_for_ever)
{
    open_pair();
    ev_set_cb(&io_a, on_always_ready);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    uint64_t turns = lp.turns;
    loop_turn(&lp);
    cr_assert_eq(lp.turns, turns + LOOP_ROUNDS);
    close_pair();
}

Test(loop, the_starved_run_when_a_block_comes_back_as_many_as_there_are)
{
    struct block *held[4];
    for (unsigned i = 0; i < 4; i++)
        held[i] = block_get(&lp.stock.blocks);
    cr_assert_null(block_get(&lp.stock.blocks));
    later_init(&later_a, on_later_plain);
    later_init(&later_b, on_later_b);
    loop_starve(&lp, &later_a);
    loop_starve(&lp, &later_b);
    loop_starve(&lp, &later_b);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "");
    block_unref(held[0]);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "p", "one block, and the first to come");
    for (unsigned i = 1; i < 4; i++)
        block_unref(held[i]);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "pb");
}

Test(loop, the_starved_run_after_a_while_in_any_case)
{
    struct block *held[4];
    for (unsigned i = 0; i < 4; i++)
        held[i] = block_get(&lp.stock.blocks);
    later_init(&later_a, on_later_plain);
    later_init(&later_b, on_later_b);
    loop_starve(&lp, &later_a);
    loop_starve(&lp, &later_b);
    later_cancel(&later_b);
    clock_set(&lp.clock, lp.clock.mono_us + 3 * WHEEL_SLOT_MS * 1000, 0);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "p");
    for (unsigned i = 0; i < 4; i++)
        block_unref(held[i]);
}

Test(loop, a_child_abandons_the_loop_and_the_parent_goes_on)
{
    open_pair();
    loop_turn(&lp);
    pid_t child = fork();
    if (child == 0) {
        struct loop own;
        loop_abandon(&lp);
        loop_init(&own, 0);
        loop_turn(&own);
        loop_fini(&own);
        _exit(7);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    cr_assert_eq(write(pair[1], "x", 1), 1);
    loop_turn(&lp);
    cr_assert_str_eq(trail, "r");
    close_pair();
}

Test(loop, ignores_the_backend_that_the_environment_asks_for)
{
    struct loop own;
    setenv("LIBEV_FLAGS", "1", 1); /* select */
    loop_init(&own, 0);
    cr_assert_eq(ev_backend(own.ev), EVBACKEND_EPOLL);
    loop_fini(&own);
}

static struct rlimit files;

static void give_back_files(void)
{
    setrlimit(RLIMIT_NOFILE, &files); /* the leak check at exit needs some */
}

Test(loop_init, dies_with_a_line_in_the_log_when_there_is_no_epoll, .exit_code = EXIT_FAILURE)
{
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    atexit(give_back_files);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = files.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    loop_init(&lp, 0);
}
