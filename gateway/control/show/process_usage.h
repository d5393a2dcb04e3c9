/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_PROCESS_USAGE_H
#define WEIR_CONTROL_PROCESS_USAGE_H

/* What master, workers and control process together take of the machine, read from /proc (proc(5)),
 * and shown by the names that every Prometheus client has for it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/stats/exposition.h"

struct process_usage {
    uint64_t cpu_us; /* of all that live, and of all that the master has waited for */
    uint64_t resident, virtual;
    uint64_t threads;
    uint64_t fds, fds_limit;
    bool fds_known; /* of every process: another user's can't be counted by kernels before 6.2 */
};

/* Reads the master and those of `pids` that are children of it. `proc` is "/proc" but in tests.
 * False when the master can't be read. */
bool process_usage_read(const char *proc, uint64_t master, const uint64_t *pids, size_t n,
                        struct process_usage *out) nodiscard;
/* One process, with what it has waited for left out. False: it is gone. */
struct process_one {
    uint64_t cpu_us, resident;
};
bool process_usage_one(const char *proc, uint64_t pid, struct process_one *out) nodiscard;
void process_usage_show(const struct process_usage *u, struct exposition *e);
void process_usage_reference(struct text *out);

#endif
