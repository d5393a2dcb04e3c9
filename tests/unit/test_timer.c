/* SPDX-License-Identifier: Apache-2.0 */
/* The wheel, with the clock stopped: exactness, pushing out, long and short times, jumps. */

#include "io/timer.h"

#include <criterion/criterion.h>

#include "io/loop.h"

struct probe {
    struct timer timer;
    unsigned fired;
    uint64_t fired_ms;
    struct timer *stops; /* what its fn stops, pushes or starts */
    struct timer *starts;
    uint64_t after_ms;
};

static struct loop lp;
static uint64_t now_ms;

static void set_now(uint64_t ms)
{
    now_ms = ms;
    clock_set(&lp.clock, ms * 1000, 0);
}

static void advance(uint64_t ms)
{
    set_now(now_ms + ms);
    wheel_run(&lp.wheel, now_ms);
}

static void on_probe(struct timer *t)
{
    struct probe *p = container_of(t, struct probe, timer);
    cr_assert(!timer_running(t));
    p->fired++;
    p->fired_ms = now_ms;
    if (p->stops)
        timer_stop(p->stops);
    if (p->starts)
        timer_start(&lp, p->starts, p->after_ms);
}

static void set_up(void)
{
    loop_init(&lp, 0);
    set_now(1000000);
    wheel_init(&lp.wheel, now_ms);
}

static void tear_down(void)
{
    loop_fini(&lp);
}

static void probe_start(struct probe *p, uint64_t after_ms)
{
    *p = (struct probe){0};
    timer_init(&p->timer, on_probe);
    timer_start(&lp, &p->timer, after_ms);
}

TestSuite(timer, .init = set_up, .fini = tear_down);

Test(timer, never_fires_early_and_at_most_a_slot_late)
{
    static const uint64_t afters[] = {0,     1,     15,    16,    17,    1000,  16000,  16367,
                                      16368, 16383, 16384, 16385, 20000, 60000, 3600000};
    for (unsigned i = 0; i < array_n(afters); i++) {
        for (unsigned phase = 0; phase < WHEEL_SLOT_MS; phase += 5) {
            struct probe p;
            advance(WHEEL_SLOT_MS + 1);
            uint64_t started = now_ms;
            probe_start(&p, afters[i]);
            while (!p.fired)
                advance(1 + (afters[i] > 100000 ? 100 : 0));
            cr_assert(p.fired_ms >= started + afters[i], "%lu early", afters[i]);
            cr_assert(p.fired_ms <=
                          started + afters[i] + WHEEL_SLOT_MS + 100 * (afters[i] > 100000),
                      "%lu late", afters[i]);
            cr_assert_eq(p.fired, 1);
        }
    }
}

Test(timer, pushing_out_keeps_the_old_slot_and_fires_at_the_new_time)
{
    struct probe p;
    probe_start(&p, 100);
    uint64_t slot = p.timer.slot_ms;
    for (unsigned i = 0; i < 50; i++) {
        advance(50);
        timer_start(&lp, &p.timer, 100);
    }
    cr_assert_eq(p.fired, 0);
    cr_assert_gt(p.timer.slot_ms, slot, "moved on when the old slot came round");
    slot = p.timer.slot_ms;
    timer_start(&lp, &p.timer, 10000);
    cr_assert_eq(p.timer.slot_ms, slot, "only noted");
    advance(9999);
    cr_assert_eq(p.fired, 0);
    advance(1 + WHEEL_SLOT_MS);
    cr_assert_eq(p.fired, 1);
}

Test(timer, pulling_in_moves_it_at_once)
{
    struct probe p;
    probe_start(&p, 60000);
    timer_start(&lp, &p.timer, 20);
    advance(20 + WHEEL_SLOT_MS);
    cr_assert_eq(p.fired, 1);
    advance(120000);
    cr_assert_eq(p.fired, 1, "not again at the first time");
}

Test(timer, stopping_is_harmless_when_it_does_not_run)
{
    struct probe p;
    probe_start(&p, 10);
    timer_stop(&p.timer);
    timer_stop(&p.timer);
    cr_assert(!timer_running(&p.timer));
    advance(1000);
    cr_assert_eq(p.fired, 0);
    timer_start(&lp, &p.timer, 10);
    advance(10 + WHEEL_SLOT_MS);
    cr_assert_eq(p.fired, 1);
    timer_stop(&p.timer);
}

Test(timer, a_fn_may_stop_and_start_others_of_its_slot)
{
    struct probe first, second, third;
    probe_start(&first, 10);
    probe_start(&second, 10);
    probe_start(&third, 10);
    first.stops = &second.timer;
    first.starts = &third.timer; /* pushed out while it waits in the same slot */
    first.after_ms = 500;
    advance(32);
    cr_assert_eq(first.fired, 1);
    cr_assert_eq(second.fired, 0);
    cr_assert_eq(third.fired, 0);
    advance(500 + WHEEL_SLOT_MS);
    cr_assert_eq(third.fired, 1);
}

Test(timer, a_fn_may_start_itself_again)
{
    struct probe p;
    probe_start(&p, 0);
    p.starts = &p.timer;
    for (unsigned i = 0; i < 10; i++)
        advance(WHEEL_SLOT_MS);
    cr_assert_eq(p.fired, 10, "once per slot, not for ever within one");
    timer_stop(&p.timer);
}

Test(timer, a_jump_of_time_fires_everything_due_and_nothing_else)
{
    enum { N = 3000 };
    static struct probe probes[N];
    struct probe later;
    for (unsigned i = 0; i < N; i++)
        probe_start(&probes[i], i * 100); /* up to 300 s: many times round the wheel */
    probe_start(&later, N * 100 + 100000);
    advance(N * 100 + WHEEL_SLOT_MS);
    for (unsigned i = 0; i < N; i++)
        cr_assert_eq(probes[i].fired, 1);
    cr_assert_eq(later.fired, 0);
    advance(100000);
    cr_assert_eq(later.fired, 1);
}

Test(timer, what_a_fn_starts_during_a_jump_waits_for_its_own_time)
{
    struct probe p, q;
    probe_start(&p, 10);
    q = (struct probe){0};
    timer_init(&q.timer, on_probe);
    p.starts = &q.timer;
    p.after_ms = 3000;
    advance(1000000); /* all lists of the wheel are visited, q's too */
    cr_assert_eq(p.fired, 1);
    cr_assert_eq(q.fired, 0);
    cr_assert_eq(wheel_next_ms(&lp.wheel), q.timer.slot_ms);
    advance(3000 + WHEEL_SLOT_MS);
    cr_assert_eq(q.fired, 1);
}

Test(timer, says_when_the_next_slot_comes_round)
{
    cr_assert_eq(wheel_next_ms(&lp.wheel), UINT64_MAX);
    struct probe p, q;
    probe_start(&p, 5000);
    cr_assert_geq(wheel_next_ms(&lp.wheel), now_ms + 5000);
    cr_assert_lt(wheel_next_ms(&lp.wheel), now_ms + 5000 + WHEEL_SLOT_MS);
    probe_start(&q, 50);
    cr_assert_eq(wheel_next_ms(&lp.wheel), q.timer.slot_ms);
    timer_stop(&q.timer);
    advance(100);
    cr_assert_eq(wheel_next_ms(&lp.wheel), p.timer.slot_ms, "the empty slot is forgotten");
    timer_stop(&p.timer);
    advance(6000);
    cr_assert_eq(wheel_next_ms(&lp.wheel), UINT64_MAX);
}

Test(timer, works_from_a_clock_that_stands_at_zero_and_was_turned_back)
{
    struct probe p, q;
    probe_start(&p, 1000);
    set_now(0);
    wheel_run(&lp.wheel, now_ms);
    probe_start(&q, 0);
    cr_assert(timer_running(&q.timer));
    advance(WHEEL_SLOT_MS);
    cr_assert_eq(q.fired, 1);
    cr_assert_eq(p.fired, 0, "its time is far ahead now");
    set_now(1001000);
    advance(WHEEL_SLOT_MS);
    cr_assert_eq(p.fired, 1);
}

Test(timer, takes_the_longest_time_without_overflow)
{
    struct probe p;
    probe_start(&p, UINT64_MAX);
    cr_assert(timer_running(&p.timer));
    advance(1000ull * 3600 * 24 * 365);
    cr_assert_eq(p.fired, 0);
    timer_stop(&p.timer);
}

/* The wheel against the plain definition, with thousands of random steps. */
Test(timer, agrees_with_a_simple_model)
{
    enum { N = 64 };
    static struct probe probes[N];
    uint64_t due[N] = {0}, x = 42;
    for (unsigned i = 0; i < N; i++)
        timer_init(&probes[i].timer, on_probe);
    for (unsigned step = 0; step < 20000; step++) {
        x = x * 6364136223846793005 + 1442695040888963407;
        unsigned i = x >> 58, what = x >> 40 & 7;
        if (what < 4) {
            uint64_t after = (x >> 20 & 0xfffff) >> (x >> 50 & 15);
            timer_start(&lp, &probes[i].timer, after);
            due[i] = now_ms + after;
        } else if (what == 4) {
            timer_stop(&probes[i].timer);
            due[i] = 0;
        } else {
            advance((x >> 20 & 0x7fff) >> (x >> 50 & 15));
        }
        for (unsigned k = 0; k < N; k++) {
            if (probes[k].fired) {
                cr_assert(due[k] && due[k] <= now_ms);
                probes[k].fired = 0;
                due[k] = 0;
            }
            cr_assert(!due[k] || due[k] + WHEEL_SLOT_MS > now_ms, "timer %u is late", k);
        }
    }
    for (unsigned i = 0; i < N; i++)
        timer_stop(&probes[i].timer);
}
