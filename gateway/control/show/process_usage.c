/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of processes out of /proc. The master is read before its children: one that ends in
 * between is then missing for a moment, and whoever shows the sum keeps it from going back; the
 * other way round it would count twice, and what never was could not be taken back. */

#include "control/show/process_usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 256, FILE_SIZE = 4096 };

enum { CPU, RESIDENT, VIRTUAL, THREADS, FDS, FDS_LIMIT };
static const struct metric metrics[] = {
    [CPU] = {"process_cpu_seconds", METRIC_COUNTER, NULL,
             "processor time of all processes, also of those that have ended"},
    [RESIDENT] = {"process_resident_memory_bytes", METRIC_GAUGE, NULL,
                  "memory in use; what processes share counts for each of them"},
    [VIRTUAL] = {"process_virtual_memory_bytes", METRIC_GAUGE, NULL,
                 "address space; memory.shared counts for each process"},
    [THREADS] = {"process_threads", METRIC_GAUGE, NULL, "threads of all processes"},
    [FDS] = {"process_open_fds", METRIC_GAUGE, NULL,
             "open descriptors of all processes; absent where the kernel doesn't tell"},
    [FDS_LIMIT] = {"process_max_fds", METRIC_GAUGE, NULL,
                   "descriptors that all processes together may have; see memory.descriptors"},
};

/* One process, as stat(5) of its folder has it. */
struct one {
    uint64_t parent, cpu_ticks, children_ticks, threads, virtual, resident_pages;
};

static bool read_file(const char *proc, uint64_t pid, const char *name, char (*out)[FILE_SIZE])
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%llu/%s", proc, (unsigned long long)pid, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    const size_t n = fread(*out, 1, sizeof *out - 1, f);
    fclose(f);
    (*out)[n] = '\0';
    return n > 0;
}

/* The name stands in parentheses and may hold any byte: what counts begins behind the last one. */
static bool read_one(const char *proc, uint64_t pid, struct one *out)
{
    char text[FILE_SIZE];
    unsigned long long parent, user, kernel, threads, virtual, resident;
    long long dead_user, dead_kernel;
    if (!read_file(proc, pid, "stat", &text))
        return false;
    const char *at = strrchr(text, ')');
    if (!at || sscanf(at + 1,
                      " %*c %llu %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d "
                      "%llu %*d %*u %llu %llu",
                      &parent, &user, &kernel, &dead_user, &dead_kernel, &threads, &virtual,
                      &resident) != 8)
        return false;
    *out = (struct one){parent,  user + kernel, (uint64_t)(dead_user + dead_kernel),
                        threads, virtual,       resident};
    return true;
}

/* Linux 6.2 has the number as the folder's size, for everybody to see; before that it is counted,
 * and only who may look into the process can. */
static bool count_fds(const char *proc, uint64_t pid, uint64_t *n)
{
    char path[PATH_SIZE];
    struct stat st;
    snprintf(path, sizeof path, "%s/%llu/fd", proc, (unsigned long long)pid);
    if (stat(path, &st) == 0 && st.st_size > 0) {
        *n += (uint64_t)st.st_size;
        return true;
    }
    DIR *d = opendir(path);
    if (!d)
        return false;
    for (const struct dirent *e; (e = readdir(d));)
        *n += e->d_name[0] != '.';
    closedir(d);
    return true;
}

static uint64_t fd_limit(const char *proc, uint64_t pid)
{
    char text[FILE_SIZE];
    if (!read_file(proc, pid, "limits", &text))
        return 0;
    const char *at = strstr(text, "Max open files");
    return at ? strtoull(at + strlen("Max open files"), NULL, 10) : 0;
}

static void add(const char *proc, uint64_t pid, const struct one *p, struct process_usage *out)
{
    out->cpu_us += p->cpu_ticks;
    out->resident += p->resident_pages;
    out->virtual += p->virtual;
    out->threads += p->threads;
    out->fds_known = count_fds(proc, pid, &out->fds) && out->fds_known;
    out->fds_limit += fd_limit(proc, pid);
}

static uint64_t us_of_ticks(uint64_t ticks)
{
    return ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

bool process_usage_one(const char *proc, uint64_t pid, struct process_one *out)
{
    struct one p;
    if (!read_one(proc, pid, &p))
        return false;
    *out = (struct process_one){.cpu_us = us_of_ticks(p.cpu_ticks),
                                .resident = p.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE)};
    return true;
}

bool process_usage_read(const char *proc, uint64_t master, const uint64_t *pids, size_t n,
                        struct process_usage *out)
{
    struct one p;
    *out = (struct process_usage){.fds_known = true};
    if (!read_one(proc, master, &p))
        return false;
    out->cpu_us = p.children_ticks;
    add(proc, master, &p, out);
    for (size_t i = 0; i < n; i++)
        if (read_one(proc, pids[i], &p) && p.parent == master)
            add(proc, pids[i], &p, out);
    out->cpu_us = us_of_ticks(out->cpu_us);
    out->resident *= (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

void process_usage_show(const struct process_usage *u, struct exposition *e)
{
    expose_head(e, &metrics[CPU]);
    expose_us(e, &metrics[CPU], (struct slice){0}, u->cpu_us);
    expose_value(e, &metrics[RESIDENT], u->resident);
    expose_value(e, &metrics[VIRTUAL], u->virtual);
    expose_value(e, &metrics[THREADS], u->threads);
    if (u->fds_known)
        expose_value(e, &metrics[FDS], u->fds);
    expose_value(e, &metrics[FDS_LIMIT], u->fds_limit);
}

void process_usage_reference(struct text *out)
{
    metrics_table(out, "Processes", "Of master, workers and control process together.", metrics,
                  array_n(metrics));
}
