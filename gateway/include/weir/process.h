/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_H
#define WEIR_PROCESS_H

/* A part of <weir/module.h>: the process that a module runs in: its clocks, timers and helper
 * threads. */

#include <weir/value.h>

#pragma GCC visibility push(default)

struct weir_process *weir_process_of(struct weir_exchange *x); /* [hook] */
bool weir_is_control(const struct weir_process *p);            /* [process] */
/* Number of this worker, from 0, and how many there are. [process] */
unsigned weir_worker(const struct weir_process *p);
unsigned weir_workers(const struct weir_process *p);
/* The loop's clocks, read once per turn: monotonic, and since 1970. [process] */
uint64_t weir_now_us(const struct weir_process *p);
uint64_t weir_wall_us(const struct weir_process *p);
/* Not for cryptography. [process] */
uint64_t weir_random(struct weir_process *p);

/* Zeroed to begin with; fn is called once, `ms` after the last start, never from inside it. Stop
 * and start at will; it must be stopped before its memory goes, and at the latest in stop().
 * [process] */
struct weir_timer {
    void (*fn)(struct weir_timer *t);
    void *opaque[8];
};
void weir_timer_start(struct weir_process *p, struct weir_timer *t, uint64_t ms);
void weir_timer_stop(struct weir_timer *t);

/* Work that takes long (a password's hash) on a helper thread: `work` runs there and may touch
 * nothing but `job`; `done` runs in this process afterwards, or soon with job->refused set when
 * too many jobs wait already (offload.queue). The job is the module's, and must live until `done`:
 * not in an exchange's memory, which goes when the client does. [process] */
struct weir_job {
    void (*work)(struct weir_job *j);
    void (*done)(struct weir_job *j);
    bool refused;
    void *opaque[6];
};
void weir_job_start(struct weir_process *p, struct weir_job *j);

#pragma GCC visibility pop

#endif
