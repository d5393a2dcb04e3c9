/* SPDX-License-Identifier: Apache-2.0 */
/* Four processes on one circuit: each state change is made by exactly one of them, and exactly
 * `probes` requests go out while it is half-open. */

#include "breaker/circuit.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RACERS = 4, ROUNDS = 300, PROBES = 3, CALLS = 40 };

/* In shared memory. */
struct race {
    struct machine machine;
    _Atomic unsigned made[MACHINE_STATES]; /* transitions to it */
    _Atomic unsigned probes, arrived;
    _Atomic unsigned go;
    _Alignas(64) unsigned char window[1024];
};
static struct race *r;

static const struct circuit_conf conf = {
    .machine = {.open_for_ms = 1000,
                .max_open_ms = 1000,
                .factor = 1,
                .probes = PROBES,
                .successes = PROBES,
                .step_ms = 100,
                .probe_ms = 1000000,
                .calm_ms = 1},
    .window = {.span_ms = 1000},
    .error_rate = 500000,
    .min_requests = 20,
};

static void set_up(void)
{
    r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(r, MAP_FAILED);
    cr_assert(window_size(conf.window) <= sizeof r->window);
}
TestSuite(breaker_race, .init = set_up);

static struct circuit circuit(void)
{
    return (struct circuit){&r->machine, (struct window *)r->window, &conf};
}

static void note(const struct circuit_event *e)
{
    if (e->change.changed)
        r->made[e->change.to]++;
}

/* All meet here, and go on together. */
static void meet(unsigned *phase)
{
    ++*phase;
    if (++r->arrived == RACERS * *phase)
        r->go = *phase;
    while (r->go < *phase)
        sched_yield();
}

static void call(uint64_t ms, bool failed)
{
    const struct machine_clock clock = {.now_ms = ms};
    struct machine_ticket ticket;
    struct circuit_event e;
    const enum machine_says says = circuit_ask(circuit(), clock, &ticket, &e);
    note(&e);
    r->probes += says == MACHINE_PROBE;
    if (!machine_lets(says))
        return;
    circuit_result(circuit(), clock, ticket, (struct circuit_call){.failed = failed}, &e);
    note(&e);
}

/* Of each round: it opens, and closes again. */
static void run_rounds(void)
{
    unsigned phase = 0;
    uint64_t now = 1000;
    for (unsigned i = 0; i < ROUNDS; i++) {
        meet(&phase);
        for (unsigned k = 0; k < CALLS; k++)
            call(now, true);
        meet(&phase);
        now += 1000;
        for (unsigned k = 0; k < 3; k++)
            call(now, false);
        now += 1000;
    }
    _exit(0);
}

static void run(void (*fn)(void))
{
    pid_t pids[RACERS];
    for (unsigned i = 0; i < RACERS; i++)
        if ((pids[i] = fork()) == 0)
            fn();
    for (unsigned i = 0; i < RACERS; i++) {
        int status;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_assert_eq(status, 0);
    }
}

Test(breaker_race, makes_each_transition_once_and_sends_exactly_its_probes)
{
    run(run_rounds);
    cr_assert_eq(r->made[MACHINE_OPEN], ROUNDS, "%u", r->made[MACHINE_OPEN]);
    cr_assert_eq(r->made[MACHINE_HALF_OPEN], ROUNDS, "%u", r->made[MACHINE_HALF_OPEN]);
    cr_assert_eq(r->made[MACHINE_CLOSED], ROUNDS, "%u", r->made[MACHINE_CLOSED]);
    cr_assert_eq(r->probes, ROUNDS * PROBES, "%u", r->probes);
    cr_assert_eq(machine_look(&r->machine).state, MACHINE_CLOSED);
}

/* The clock's part: whoever is first. */
static void run_ticks(void)
{
    unsigned phase = 0;
    uint64_t now = 1000;
    struct circuit_event e;
    for (unsigned k = 0; k < CALLS; k++)
        call(now, true);
    for (unsigned i = 0; i < ROUNDS; i++) {
        meet(&phase);
        now += 1000;
        circuit_tick(circuit(), (struct machine_clock){.now_ms = now}, &e);
        note(&e);
        call(now, true);
    }
    _exit(0);
}

Test(breaker_race, makes_what_is_due_once_whether_by_the_clock_or_by_who_asks)
{
    run(run_ticks);
    cr_assert_eq(r->made[MACHINE_HALF_OPEN], ROUNDS, "%u", r->made[MACHINE_HALF_OPEN]);
    cr_assert_eq(r->made[MACHINE_OPEN], ROUNDS + 1, "%u", r->made[MACHINE_OPEN]);
    cr_assert(r->probes >= ROUNDS && r->probes <= ROUNDS * PROBES, "%u", r->probes);
}

/* Probes that fail: one opens it again, the others are of no account. */
static void run_failing(void)
{
    unsigned phase = 0;
    uint64_t now = 1000;
    for (unsigned k = 0; k < CALLS; k++)
        call(now, true);
    for (unsigned i = 0; i < ROUNDS; i++) {
        meet(&phase);
        now += 1000;
        for (unsigned k = 0; k < 3; k++)
            call(now, true);
    }
    _exit(0);
}

Test(breaker_race, opens_again_once_for_all_the_probes_that_fail)
{
    run(run_failing);
    cr_assert_eq(r->made[MACHINE_OPEN], ROUNDS + 1, "%u", r->made[MACHINE_OPEN]);
    cr_assert_eq(r->made[MACHINE_HALF_OPEN], ROUNDS, "%u", r->made[MACHINE_HALF_OPEN]);
    cr_assert_eq(r->made[MACHINE_CLOSED], 0);
    cr_assert(r->probes >= ROUNDS && r->probes <= ROUNDS * PROBES, "%u", r->probes);
}
