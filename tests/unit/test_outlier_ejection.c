/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one endpoint, with a clock of the test's, and raced by processes. */
#include "outlier/ejection.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct ejection_rules rules = {
    .base_ms = 30000,
    .max_ms = 100000,
    .forget_ms = 60000,
    .probes = 2,
    .successes = 3,
    .probe_timeout_ms = 10000,
    .ramp_ms = 9000,
};
static struct ejection e;
static struct ejection_change c;
static uint64_t now = 1000000;

static bool begin(unsigned cause)
{
    const struct ejection_order o = {.cause = cause, .held = true, .now_ms = now};
    return ejection_begin(&e, &rules, &o, &c);
}

static bool step(void)
{
    return ejection_step(&e, &rules, now, &c);
}

static enum permit ask(unsigned *round)
{
    return ejection_ask(&e, &rules, now, round);
}

static bool good(unsigned round)
{
    return ejection_probe_good(&e, &rules, round, now, &c);
}

static bool bad(unsigned round)
{
    const struct ejection_order o = {.cause = 7, .now_ms = now};
    return ejection_probe_bad(&e, &rules, round, &o, &c);
}

static enum ejection_phase phase(void)
{
    return ejection_look(&e).phase;
}

/* To half-open, by the time. */
static void wait_until_half_open(void)
{
    now = ejection_look(&e).at_ms;
    cr_assert(step());
    cr_assert_eq(phase(), EJECTION_HALF_OPEN);
}

static void succeed(unsigned times)
{
    unsigned round;
    for (unsigned i = 0; i < times; i++) {
        cr_assert_eq(ask(&round), PERMIT_PROBE);
        cr_assert_eq(good(round), i + 1 == times);
    }
}

/* -- the way out and back -------------------------------------------------------------------- */

Test(outlier_ejection, begins_in_use)
{
    unsigned round = 9;
    cr_assert_eq(phase(), EJECTION_IN);
    cr_assert_eq(ask(&round), PERMIT_FREE);
    cr_assert_eq(round, 0);
    cr_assert(!step());
}

Test(outlier_ejection, lasts_until_its_time_and_then_lets_probes_in)
{
    unsigned round;
    cr_assert(begin(3));
    cr_assert(c.from.phase == EJECTION_IN && c.to.phase == EJECTION_OUT);
    cr_assert(c.to.cause == 3 && c.to.count == 1 && c.to.at_ms == now + 30000 && c.to.held);
    cr_assert(!begin(3), "it is out");
    now += 29999;
    cr_assert(!step());
    now++;
    cr_assert(step());
    cr_assert_eq(phase(), EJECTION_HALF_OPEN);
    cr_assert(ejection_look(&e).held, "it isn't back yet");
    cr_assert(!begin(3), "only probes say how it is");
    cr_assert_eq(ask(&round), PERMIT_PROBE);
}

Test(outlier_ejection, can_be_woken_before_its_time)
{
    begin(3);
    const unsigned round = ejection_look(&e).round;
    cr_assert_not(ejection_wake(&e, round + 1, &c), "another one is meant");
    cr_assert(ejection_wake(&e, round, &c));
    cr_assert(c.from.phase == EJECTION_OUT && c.to.phase == EJECTION_HALF_OPEN && c.to.held);
    cr_assert_eq(c.to.count, 1, "it isn't forgotten");
    cr_assert_not(ejection_wake(&e, ejection_look(&e).round, &c), "it is half-open");
    succeed(3);
    cr_assert_not(ejection_wake(&e, ejection_look(&e).round, &c));
    cr_assert_eq(phase(), EJECTION_RAMP_10);
}

Test(outlier_ejection, half_open_has_so_many_probes_at_a_time_and_in_all)
{
    unsigned a, b, none;
    begin(0);
    wait_until_half_open();
    cr_assert_eq(ask(&a), PERMIT_PROBE);
    cr_assert_eq(ask(&b), PERMIT_PROBE);
    cr_assert_eq(ask(&none), PERMIT_NONE, "two are under way");
    cr_assert_eq(none, 0);
    cr_assert(!good(a));
    cr_assert_eq(ask(&a), PERMIT_PROBE);
    cr_assert(!good(a));
    cr_assert_eq(ask(&none), PERMIT_NONE, "two have succeeded, and the third is under way");
    cr_assert(good(b));
    cr_assert_eq(phase(), EJECTION_RAMP_10);
}

Test(outlier_ejection, a_probe_that_says_nothing_makes_room)
{
    unsigned a, b;
    begin(0);
    wait_until_half_open();
    cr_assert_eq(ask(&a), PERMIT_PROBE);
    cr_assert_eq(ask(&b), PERMIT_PROBE);
    ejection_probe_void(&e, a);
    cr_assert_eq(ask(&a), PERMIT_PROBE);
    cr_assert_eq(phase(), EJECTION_HALF_OPEN);
}

Test(outlier_ejection, comes_back_by_a_ramp)
{
    static const enum ejection_phase steps[] = {EJECTION_RAMP_10, EJECTION_RAMP_25,
                                                EJECTION_RAMP_50, EJECTION_IN};
    static const uint32_t shares[] = {100000, 250000, 500000, 1000000};
    begin(0);
    wait_until_half_open();
    succeed(3);
    for (int i = 0; i < 3; i++) {
        cr_assert(phase() == steps[i] && ejection_share(phase()) == shares[i]);
        cr_assert(!ejection_look(&e).held && !ejection_guarded(phase()));
        now += 2999;
        cr_assert(!step());
        now++;
        cr_assert(step());
        cr_assert(c.from.phase == steps[i] && c.to.phase == steps[i + 1]);
    }
    cr_assert_eq(ejection_share(phase()), 1000000);
}

Test(outlier_ejection, comes_back_at_once_without_a_ramp)
{
    struct ejection_rules r = rules;
    r.ramp_ms = 0;
    r.successes = 1;
    unsigned round;
    begin(0);
    wait_until_half_open();
    cr_assert_eq(ejection_ask(&e, &r, now, &round), PERMIT_PROBE);
    cr_assert(ejection_probe_good(&e, &r, round, now, &c));
    cr_assert(c.to.phase == EJECTION_IN && c.to.count == 1 && !c.to.held);
}

Test(outlier_ejection, can_begin_again_on_the_ramp)
{
    begin(0);
    wait_until_half_open();
    succeed(3);
    cr_assert(begin(2));
    cr_assert(c.from.phase == EJECTION_RAMP_10 && c.to.count == 2);
}

Test(outlier_ejection, a_probe_that_fails_begins_it_again_and_longer)
{
    unsigned a, b;
    begin(0);
    wait_until_half_open();
    ask(&a);
    ask(&b);
    cr_assert(bad(a));
    cr_assert(c.to.phase == EJECTION_OUT && c.to.held && c.to.count == 2);
    cr_assert(c.to.cause == 7 && c.to.at_ms == now + 60000);
    cr_assert(!bad(b), "the other one has decided");
    cr_assert(!good(b));
    cr_assert_eq(phase(), EJECTION_OUT);
}

Test(outlier_ejection, probes_of_a_former_round_decide_nothing)
{
    unsigned old, fresh;
    begin(0);
    wait_until_half_open();
    ask(&old);
    ask(&fresh);
    cr_assert(bad(fresh));
    wait_until_half_open();
    cr_assert_eq(ask(&fresh), PERMIT_PROBE);
    cr_assert_neq(old, fresh);
    cr_assert(!bad(old));
    cr_assert(!good(old));
    cr_assert_eq(phase(), EJECTION_HALF_OPEN);
    cr_assert(!good(fresh));
    succeed(2);
}

Test(outlier_ejection, lost_probes_make_room_after_a_while)
{
    unsigned a, b, none;
    begin(0);
    wait_until_half_open();
    now += 50000;
    cr_assert(!step(), "nobody has asked yet: nothing is lost");
    ask(&a);
    ask(&b);
    now += 9999;
    cr_assert(!step());
    cr_assert_eq(ask(&none), PERMIT_NONE);
    now++;
    cr_assert(step());
    cr_assert_eq(c.to.phase, EJECTION_HALF_OPEN);
    cr_assert(!step(), "once");
    cr_assert_eq(ask(&a), PERMIT_PROBE);
}

/* -- a cluster of one ------------------------------------------------------------------------ */

Test(outlier_ejection, without_a_place_refuses)
{
    const struct ejection_order o = {.cause = 1, .held = false, .now_ms = now};
    unsigned round;
    cr_assert(ejection_begin(&e, &rules, &o, &c));
    cr_assert(phase() == EJECTION_REFUSED && !c.to.held);
    cr_assert(ejection_share(phase()) == 1000000 && ejection_guarded(phase()));
    cr_assert_eq(ask(&round), PERMIT_NONE);
    wait_until_half_open();
    cr_assert_eq(ask(&round), PERMIT_PROBE);
    cr_assert(bad(round));
    cr_assert_eq(phase(), EJECTION_REFUSED, "there is still no place");
}

/* -- times ----------------------------------------------------------------------------------- */

Test(outlier_ejection, lasts_longer_each_time_up_to_a_bound)
{
    static const uint64_t lasts[] = {30000, 60000, 90000, 100000, 100000};
    for (size_t i = 0; i < sizeof lasts / sizeof lasts[0]; i++) {
        cr_assert(begin(0));
        cr_assert_eq(c.to.at_ms - now, lasts[i]);
        cr_assert(ejection_end(&e, &rules, now, &c));
    }
    for (int i = 0; i < 100; i++) {
        cr_assert(begin(0));
        cr_assert(ejection_end(&e, &rules, now, &c));
    }
    cr_assert_eq(ejection_look(&e).count, EJECTION_COUNT_MAX);
}

Test(outlier_ejection, takes_an_operators_time_and_jitter)
{
    struct ejection_order o = {.held = true, .now_ms = now, .for_ms = 5000};
    cr_assert(ejection_begin(&e, &rules, &o, &c));
    cr_assert_eq(c.to.at_ms, now + 5000);
    ejection_end(&e, &rules, now, &c);
    o.for_ms = 0;
    o.jitter_ms = 77;
    cr_assert(ejection_begin(&e, &rules, &o, &c));
    cr_assert_eq(c.to.at_ms, now + 60077);
}

Test(outlier_ejection, is_forgotten_one_by_one)
{
    begin(0);
    ejection_end(&e, &rules, now, &c);
    begin(0);
    ejection_end(&e, &rules, now, &c);
    cr_assert(c.to.phase == EJECTION_IN && c.to.count == 2 && c.to.at_ms == now + 60000);
    cr_assert(!ejection_end(&e, &rules, now, &c), "it is in");
    now += 60000;
    cr_assert(step());
    cr_assert(c.from.phase == EJECTION_IN && c.to.count == 1 && c.to.at_ms == now + 60000);
    now += 60000;
    cr_assert(step());
    cr_assert(c.to.count == 0 && c.to.at_ms == 0);
    now += 1000000;
    cr_assert(!step());
    begin(0);
    cr_assert_eq(c.to.at_ms, now + 30000, "as the first time");
}

Test(outlier_ejection, has_a_word_for_each_phase)
{
    for (int p = EJECTION_IN; p <= EJECTION_RAMP_50; p++)
        cr_assert(ejection_word(p)[0] != 0);
    cr_assert_str_eq(ejection_word(EJECTION_OUT), "ejected");
}

/* -- races ----------------------------------------------------------------------------------- */

enum { PROCESSES = 4, ROUNDS = 300 };

/* What all of them see of one round: each waits for the others before the next. */
struct race {
    struct ejection e;
    _Atomic int arrived;
    _Atomic int begun[ROUNDS], opened[ROUNDS], probes[ROUNDS], closed[ROUNDS], failed[ROUNDS];
};

static void meet(struct race *r, int *phase)
{
    const int full = ++*phase * PROCESSES;
    atomic_fetch_add(&r->arrived, 1);
    while (atomic_load(&r->arrived) < full)
        sched_yield();
}

static void probe(struct race *r, int i, const struct ejection_rules *rl, bool succeeds)
{
    const struct ejection_order o = {.cause = 7, .now_ms = 2000};
    struct ejection_change ch;
    unsigned round;
    if (ejection_ask(&r->e, rl, 2000, &round) != PERMIT_PROBE)
        return;
    atomic_fetch_add(&r->probes[i], 1);
    if (succeeds)
        atomic_fetch_add(&r->closed[i], ejection_probe_good(&r->e, rl, round, 2000, &ch));
    else
        atomic_fetch_add(&r->failed[i], ejection_probe_bad(&r->e, rl, round, &o, &ch));
}

static void run(struct race *r)
{
    const struct ejection_rules rl = {.base_ms = 1000, .max_ms = 1000, .probes = 2, .successes = 3};
    const struct ejection_order o = {.held = true, .now_ms = 1000};
    struct ejection_change ch;
    int phase = 0;
    for (int i = 0; i < ROUNDS; i++) {
        meet(r, &phase);
        atomic_fetch_add(&r->begun[i], ejection_begin(&r->e, &rl, &o, &ch));
        meet(r, &phase);
        atomic_fetch_add(&r->opened[i], ejection_step(&r->e, &rl, 2000, &ch));
        meet(r, &phase);
        for (int k = 0; k < 20; k++)
            probe(r, i, &rl, i % 2);
        meet(r, &phase);
        ejection_end(&r->e, &rl, 2000, &ch);
    }
}

Test(outlier_ejection, gives_each_transition_to_one_process_and_each_probe)
{
    struct race *r =
        mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[PROCESSES];
    cr_assert_neq(r, MAP_FAILED);
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            run(r);
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        cr_assert(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        cr_assert(r->begun[i] == 1 && r->opened[i] == 1, "round %d", i);
        cr_assert_eq(r->closed[i], i % 2, "round %d", i);
        cr_assert_eq(r->failed[i], 1 - i % 2, "round %d", i);
        cr_assert(i % 2 ? r->probes[i] == 3 : r->probes[i] <= 2, "round %d: %d", i, r->probes[i]);
    }
    munmap(r, sizeof *r);
}

Test(outlier_ejection, is_undone_by_a_probe_that_breaks_off_while_it_is_half_open)
{
    unsigned one, two;
    begin(1);
    wait_until_half_open();
    cr_assert_eq(ask(&one), PERMIT_PROBE);
    cr_assert_eq(ask(&two), PERMIT_PROBE);
    cr_assert(!good(one));
    cr_assert(bad(one));
    cr_assert_eq(phase(), EJECTION_OUT);
    cr_assert(!bad(two) && !good(two));
}

Test(outlier_ejection, is_over_for_a_probe_that_breaks_off_later)
{
    unsigned round;
    begin(1);
    wait_until_half_open();
    for (uint32_t i = 0; i < rules.successes; i++) {
        cr_assert_eq(ask(&round), PERMIT_PROBE);
        good(round);
    }
    const enum ejection_phase back = phase();
    cr_assert(ejection_possible(back));
    cr_assert(!bad(round));
    cr_assert_eq(phase(), back);
}
