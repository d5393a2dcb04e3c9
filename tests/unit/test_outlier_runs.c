/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of bad outcomes, by several processes. */
#include "outlier/runs.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct runs runs;

static void expect(uint32_t failures, uint32_t gateway, uint32_t all)
{
    uint32_t of[RUN_N];
    runs_read(&runs, of);
    cr_assert(of[RUN_FAILURES] == failures && of[RUN_GATEWAY] == gateway && of[RUN_5XX] == all,
              "%u %u %u", of[RUN_FAILURES], of[RUN_GATEWAY], of[RUN_5XX]);
}

static void add(enum outcome o, bool split, unsigned times)
{
    uint32_t of[RUN_N];
    for (unsigned i = 0; i < times; i++)
        runs_add(&runs, o, split, of);
}

Test(outlier_runs, count_a_failure_as_every_kind)
{
    add(OUTCOME_FAILURE, false, 3);
    expect(3, 3, 3);
}

Test(outlier_runs, break_the_runs_that_an_outcome_is_not_of)
{
    add(OUTCOME_FAILURE, false, 2);
    add(OUTCOME_GATEWAY, false, 1);
    expect(0, 3, 3);
    add(OUTCOME_5XX, false, 1);
    expect(0, 0, 4);
    add(OUTCOME_FAILURE, false, 1);
    expect(1, 1, 5);
}

Test(outlier_runs, keep_what_the_gateway_sees_apart_when_split)
{
    add(OUTCOME_GATEWAY, true, 2);
    add(OUTCOME_FAILURE, true, 3);
    expect(3, 2, 2);
    add(OUTCOME_5XX, true, 1);
    expect(0, 0, 3);
}

Test(outlier_runs, begin_anew_after_a_good_outcome)
{
    add(OUTCOME_FAILURE, false, 4);
    cr_assert(!runs_empty(&runs));
    runs_clear(&runs);
    expect(0, 0, 0);
    cr_assert(runs_empty(&runs));
    runs_clear(&runs);
    add(OUTCOME_5XX, false, 1);
    expect(0, 0, 1);
}

Test(outlier_runs, stay_at_their_largest_number)
{
    add(OUTCOME_FAILURE, false, RUN_MAX + 10);
    expect(RUN_MAX, RUN_MAX, RUN_MAX);
}

enum { PROCESSES = 4, EACH = 20000 };

/* Each number is told to exactly one of them. */
static void count_up(struct runs *r, _Atomic uint32_t *told)
{
    uint32_t of[RUN_N];
    for (int i = 0; i < EACH; i++) {
        runs_add(r, OUTCOME_FAILURE, false, of);
        atomic_fetch_add(&told[of[RUN_FAILURES]], 1);
    }
}

Test(outlier_runs, lose_nothing_between_processes)
{
    struct shared {
        struct runs c;
        _Atomic uint32_t told[PROCESSES * EACH + 1];
    } *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(s, MAP_FAILED);
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            count_up(&s->c, s->told);
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        cr_assert(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
    for (int i = 1; i <= PROCESSES * EACH; i++)
        cr_assert_eq(s->told[i], 1);
    munmap(s, sizeof *s);
}
