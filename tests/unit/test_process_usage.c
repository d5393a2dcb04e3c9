/* SPDX-License-Identifier: Apache-2.0 */
/* What processes use, read from files that look like those of /proc. */

#include "control/show/process_usage.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char proc[] = "/tmp/weir-usage-XXXXXX";

static void begin(void)
{
    cr_assert(mkdtemp(proc));
}

static void end(void)
{
    char command[sizeof proc + 16];
    snprintf(command, sizeof command, "rm -rf %s", proc);
    cr_assert_eq(system(command), 0);
}

TestSuite(process_usage, .init = begin, .fini = end);

static void put(unsigned pid, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%u", proc, pid);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%u/%s", proc, pid, name);
    FILE *f = fopen(path, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

/* Times in ticks, resident in pages; three descriptors. */
static void process(unsigned pid, const char *name, unsigned parent, unsigned ticks,
                    unsigned children, unsigned pages)
{
    char text[512], path[128];
    snprintf(text, sizeof text,
             "%u (%s) S %u 1 1 0 -1 4194560 100 0 0 0 %u 1 %u 2 20 0 3 0 12345 65536 %u 999 1 1\n",
             pid, name, parent, ticks, children, pages);
    put(pid, "stat", text);
    put(pid, "limits",
        "Limit     Soft Limit   Hard Limit   Units\n"
        "Max open files            1024                 4096                 files\n");
    snprintf(path, sizeof path, "%s/%u/fd", proc, pid);
    mkdir(path, 0755);
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "fd/%d", i);
        put(pid, text, "");
    }
}

Test(process_usage, adds_up_the_master_and_its_children)
{
    const uint64_t pids[] = {11, 12, 13, 14}, tick = (uint64_t)sysconf(_SC_CLK_TCK);
    struct process_usage u;

    process(10, "weir: master", 1, 99, 198, 1);
    process(11, "weir) 7 7 (", 10, 299, 0, 2);
    process(12, "weir: other", 9, 1000, 0, 1000); /* another master's */
    put(13, "stat", "13 (weir) S 10 broken");     /* 14 has ended */
    cr_assert(process_usage_read(proc, 10, pids, 4, &u));
    cr_assert_eq(u.cpu_us, (100 + 200 + 300 + 0) * 1000000 / tick);
    cr_assert_eq(u.resident, 3 * (uint64_t)sysconf(_SC_PAGESIZE));
    cr_assert_eq(u.virtual, 2 * 65536);
    cr_assert_eq(u.threads, 6);
    cr_assert_eq(u.fds_limit, 2048);
    cr_assert(u.fds_known && u.fds >= 6);
}

Test(process_usage, tells_of_one_process_without_its_children)
{
    struct process_one u;

    process(10, "weir: master", 1, 99, 198, 2);
    cr_assert(process_usage_one(proc, 10, &u));
    cr_assert_eq(u.cpu_us, 100 * UINT64_C(1000000) / (uint64_t)sysconf(_SC_CLK_TCK));
    cr_assert_eq(u.resident, 2 * (uint64_t)sysconf(_SC_PAGESIZE));
    cr_assert(!process_usage_one(proc, 11, &u));
}

Test(process_usage, says_when_descriptors_cannot_be_counted)
{
    const uint64_t pids[] = {11};
    char command[sizeof proc + 32];
    struct process_usage u;
    struct exposition e = {.out = &(struct text){0}};

    process(10, "weir", 1, 1, 1, 1);
    process(11, "weir", 10, 1, 1, 1);
    snprintf(command, sizeof command, "rm -rf %s/11/fd", proc);
    cr_assert_eq(system(command), 0);
    cr_assert(process_usage_read(proc, 10, pids, 1, &u));
    cr_assert(!u.fds_known);
    text_init(e.out);
    process_usage_show(&u, &e);
    text_char(e.out, '\0');
    cr_assert(!strstr(e.out->p, "process_open_fds"));
    cr_assert(strstr(e.out->p, "\nprocess_max_fds 2048\n"));
    text_fini(e.out);
}

Test(process_usage, reads_nothing_without_a_master)
{
    struct process_usage u;

    cr_assert(!process_usage_read(proc, 10, NULL, 0, &u));
}
