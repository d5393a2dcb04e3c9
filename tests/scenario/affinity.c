/* SPDX-License-Identifier: Apache-2.0 */
/* Workers and processors: `affinity` ties worker i to the i-th processor that the gateway was
 * allowed to run on, whatever its number is, and the next generation goes by its own setting. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
}

TestSuite(affinity, .init = begin, .fini = rig_end, .timeout = 120);

/* "0-1,4\n" */
static const char *processors_of(pid_t pid)
{
    static const char key[] = "Cpus_allowed_list:";
    static char line[512];
    char path[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f))
        found = !strncmp(line, key, sizeof key - 1);
    if (f)
        fclose(f);
    return found ? line + sizeof key : "";
}

/* The number of the nth processor that this test, and what it starts, may use; -1. */
static int nth_processor(int n)
{
    cpu_set_t allowed;
    cr_assert_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && n-- == 0)
            return cpu;
    return -1;
}

static bool is_tied(unsigned worker, int cpu)
{
    char want[32];
    snprintf(want, sizeof want, "%d\n", cpu);
    return !strcmp(processors_of(rig_worker(worker)), want);
}

Test(affinity, ties_each_worker_to_a_processor_of_its_own)
{
    char all[512];
    const int first = nth_processor(0), second = nth_processor(1);
    if (second < 0)
        RIG_SKIP("one processor alone");
    snprintf(all, sizeof all, "%s", processors_of(getpid()));
    rig_start(.workers = 2, .top = "affinity = true;");
    AWAIT(is_tied(0, first));
    AWAIT(is_tied(1, second));
    cr_assert_str_eq(processors_of(rig_master()), all, "only workers are tied");
    cr_assert_eq(get("/")->status, 200);
    cr_assert(rig_reload(.workers = 2, .top = "affinity = false;"));
    AWAIT(rig_count("worker/") == 2);
    cr_assert_str_eq(processors_of(rig_worker(0)), all);
    cr_assert_str_eq(processors_of(rig_worker(1)), all);
}

Test(affinity, goes_by_the_processors_that_are_allowed)
{
    cpu_set_t one;
    const int second = nth_processor(1);
    if (second < 0)
        RIG_SKIP("one processor alone");
    CPU_ZERO(&one);
    CPU_SET(second, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    rig_start(.workers = 2, .top = "affinity = true;");
    AWAIT(is_tied(0, second));
    AWAIT(is_tied(1, second));
    cr_assert(!rig_logged("affinity_failed"));
}
