/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_CREW_H
#define WEIR_PROCESS_CREW_H

/* The processes of one generation: its workers and its control process. The master starts a crew,
 * learns when all of it is ready, and later tells it to drain; a member that dies meanwhile is
 * replaced, with a pause that grows when it keeps dying.
 *
 *     starting ──all ready──► serving ──crew_drain──► draining ──last one gone──► over
 *        └──one died──► failed (crew_abandon, then over)
 */

#include "core/log/access_log.h"
#include "io/loop.h"
#include "process/child.h"
#include "process/slots.h"

struct crew;
struct post;
struct reports;

enum crew_state { CREW_STARTING, CREW_SERVING, CREW_DRAINING, CREW_FAILED };

/* What all crews share: the master's. */
struct crew_base {
    struct loop *loop;
    struct shm *shm;
    struct board *board;
    struct reports *reports;
    struct event_shared *events;
    struct slots *slots;
    struct sockets *sockets;
    /* Called from the loop when a crew's state has changed, or its last process is gone. */
    void (*on_change)(struct crew_base *base, struct crew *crew);
    /* In a child, right after the fork: lets go of what is only the master's. */
    void (*on_child)(struct crew_base *base);
    /* A serving control process passes on what an operator asks for. */
    void (*on_ask)(struct crew_base *base, enum ask ask);
    /* Nothing is forked and nothing made in the shared region: an upgrade is under way. Who died is
     * replaced afterwards. */
    bool frozen;
    struct conf_texts *previous; /* borrowed: of the next crew, what a rollback would bring */
};

struct crew {
    struct list node;            /* of the master's list */
    struct crew_base *base;
    struct generation *g;        /* owned */
    struct conf_texts *previous; /* held; NULL: none */
    struct access_log *access_log; /* owned; NULL: off */
    struct identity identity;
    enum crew_state state;
    unsigned workers;
    struct post *posts;          /* owned: workers, then control */
    unsigned posts_n, alive, ready;
};

/* Takes over `g`. Forks everything. NULL with faults when a process could not even be started;
 * g is freed then. */
struct crew *crew_start(struct crew_base *base, struct generation *g, struct faults *faults) nodiscard;
/* Tells all to finish what they have; no replacement from now on. */
void crew_drain(struct crew *crew);
/* Tells all to end at once; no replacement from now on. */
void crew_stop(struct crew *crew);
/* A crew that never came to serve: who is ready finishes what it has accepted, the others end. */
void crew_abandon(struct crew *crew);
/* Sends a signal to all that live. */
void crew_signal(struct crew *crew, int signo);
/* A child of somebody has ended: true when it was one of this crew. */
bool crew_reap(struct crew *crew, pid_t pid, int status);
/* No process may be alive. */
void crew_free(struct crew *crew);

/* In a child: closes our ends of the socket pairs of this crew. */
void crew_forget_fds(struct crew *crew);

/* How many workers this configuration asks for. */
unsigned crew_workers(const struct config *c);

#endif
