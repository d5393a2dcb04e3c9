/* SPDX-License-Identifier: Apache-2.0 */
/* Gauges over processes, of which some are killed. */

#include "breaker/limits.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct limits *l;

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(p, MAP_FAILED);
    return p;
}

static void set_up(void)
{
    l = shared(limits_size());
    cr_assert(limits_init(l));
}
TestSuite(breaker_limits, .init = set_up);

static bool take(int column, uint32_t limit)
{
    return limits_take(l, column, 0, LIMITS_REQUESTS, limit);
}

Test(breaker_limits, let_in_as_many_as_they_say)
{
    const int a = limits_sit(l), b = limits_sit(l);
    cr_assert(a == 0 && b == 1);
    cr_assert(take(a, 3) && take(b, 3) && take(b, 3));
    cr_assert(!take(a, 3) && !take(b, 3));
    cr_assert_eq(limits_sum(l, 0, LIMITS_REQUESTS), 3);
    limits_give(l, a, 0, LIMITS_REQUESTS);
    cr_assert(take(b, 3) && !take(b, 3));
}

Test(breaker_limits, are_apart_by_gauge_and_class)
{
    const int a = limits_sit(l);
    cr_assert(limits_take(l, a, 0, LIMITS_REQUESTS, 1));
    cr_assert(limits_take(l, a, 1, LIMITS_REQUESTS, 1));
    cr_assert(limits_take(l, a, 0, LIMITS_RETRIES, 1));
    cr_assert_not(limits_take(l, a, 1, LIMITS_REQUESTS, 1));
    cr_assert_not(limits_take(l, a, 0, LIMITS_PENDING, 0));
    cr_assert_eq(limits_sum(l, 0, LIMITS_PENDING), 0);
}

Test(breaker_limits, stay_as_they_are_when_they_are_made_again)
{
    const int a = limits_sit(l);
    cr_assert(take(a, 1));
    cr_assert(limits_init(l));
    cr_assert_not(take(a, 1));
}

Test(breaker_limits, forget_who_leaves)
{
    const int a = limits_sit(l), b = limits_sit(l);
    cr_assert(take(a, 1));
    limits_leave(l, a);
    cr_assert(take(b, 1));
    limits_leave(l, LIMITS_NONE);
    cr_assert_eq(limits_sit(l), a);
}

Test(breaker_limits, dont_count_who_has_no_column)
{
    cr_assert(take(LIMITS_NONE, 0));
    limits_give(l, LIMITS_NONE, 0, LIMITS_REQUESTS);
    cr_assert_eq(limits_sum(l, 0, LIMITS_REQUESTS), 0);
    for (int i = 0; i < LIMITS_COLUMNS; i++)
        cr_assert_eq(limits_sit(l), i);
    cr_assert_eq(limits_sit(l), LIMITS_NONE);
}

/* A child that takes n, says so, and waits to be killed. */
static pid_t holder(unsigned n)
{
    _Atomic int *ready = shared(sizeof *ready);
    const pid_t pid = fork();
    if (pid == 0) {
        const int column = limits_sit(l);
        for (unsigned i = 0; i < n; i++)
            (void)!take(column, 1000);
        *ready = 1;
        for (;;)
            pause();
    }
    while (!*ready)
        sched_yield();
    return pid;
}

static void kill_it(pid_t pid)
{
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(breaker_limits, lose_nothing_to_a_process_that_is_killed)
{
    const pid_t first = holder(5), second = holder(7);
    cr_assert_eq(limits_sum(l, 0, LIMITS_REQUESTS), 12);
    cr_assert_eq(limits_mend(l), 0, "both live");
    cr_assert_eq(limits_sum(l, 0, LIMITS_REQUESTS), 12);
    kill_it(first);
    cr_assert_eq(limits_mend(l), 1);
    cr_assert_eq(limits_sum(l, 0, LIMITS_REQUESTS), 7);
    kill_it(second);
    cr_assert_eq(limits_sit(l), 0);
    cr_assert_eq(limits_sit(l), 1, "who comes next takes it over, emptied");
    cr_assert_eq(limits_sum(l, 0, LIMITS_REQUESTS), 0);
    cr_assert_eq(limits_mend(l), 0);
}

/* -- a race ------------------------------------------------------------------------------------ */

enum { RACERS = 4, ROUNDS = 20000, LIMIT = 3 };

static void race(_Atomic int *inside, _Atomic int *most)
{
    const int column = limits_sit(l);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (!take(column, LIMIT))
            continue;
        const int now = ++*inside;
        for (int was = *most; now > was && !atomic_compare_exchange_weak(most, &was, now);)
            ;
        if (i % 16 == 0)
            sched_yield();
        --*inside;
        limits_give(l, column, 0, LIMITS_REQUESTS);
    }
    _exit(0);
}

Test(breaker_limits, hold_when_four_processes_take_at_once)
{
    _Atomic int *shared_ints = shared(2 * sizeof *shared_ints);
    pid_t racers[RACERS];
    for (unsigned i = 0; i < RACERS; i++)
        if ((racers[i] = fork()) == 0)
            race(&shared_ints[0], &shared_ints[1]);
    for (unsigned i = 0; i < RACERS; i++) {
        int status;
        cr_assert_eq(waitpid(racers[i], &status, 0), racers[i]);
        cr_assert_eq(status, 0);
    }
    cr_assert(shared_ints[1] >= 1 && shared_ints[1] <= LIMIT, "%d", shared_ints[1]);
    cr_assert_eq(limits_sum(l, 0, LIMITS_REQUESTS), 0);
}
