/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_OFFLOAD_H
#define WEIR_IO_OFFLOAD_H

/* Work that would hold up a loop, given to a few helper threads. A job is a member of what it is
 * about:
 *
 *     offload_start(&o, &j) ──► waiting ──► work(j), on a thread ──► finished ──► done(j), on the loop
 *                                  └── too many wait, no thread: refused ───────┘
 *
 * Whatever becomes of a job, `done` is called exactly once, from the loop's later queue, never from
 * inside offload_start(). Threads are made when the first job comes, so after the fork; they take no
 * signals but those of a crash.
 *
 * Everything but `work` runs on the loop's thread. */

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

#include "io/loop.h"

enum { OFFLOAD_THREADS_MAX = 64 };

struct offload_job {
    struct offload_job *next;                /* private */
    void (*work)(struct offload_job *j);     /* on a helper thread: touches the job, nothing else */
    void (*done)(struct offload_job *j);
    bool refused;                            /* `work` was not called */
};

/* Oldest first. */
struct offload_queue {
    struct offload_job *first, **last;
    unsigned n;
};

struct offload {
    struct loop *loop;                       /* borrowed */
    unsigned threads_wanted, queue_max;
    bool started;                            /* the watcher runs, threads were made */
    unsigned threads_n;
    pthread_t threads[OFFLOAD_THREADS_MAX];
    struct ev_async watcher;
    struct later finish;
    /* shared with the threads: */
    pthread_mutex_t lock;
    pthread_cond_t work_came;
    bool stopping;
    unsigned busy;                           /* threads at work */
    struct offload_queue waiting, finished;
};

/* Costs nothing until the first job comes. At most OFFLOAD_THREADS_MAX threads; `queue` is how many
 * jobs may wait for one. */
void offload_init(struct offload *o, struct loop *lp, unsigned threads, unsigned queue);
/* The end: who waits is refused, who is at work is waited for, and every `done` that is due is called
 * before this returns. Jobs that are started from now on are refused, and told here, too. Harmless
 * when it is called again. */
void offload_fini(struct offload *o);
/* False when the job is refused; `done` is called all the same, later. */
bool offload_start(struct offload *o, struct offload_job *j);

#endif
