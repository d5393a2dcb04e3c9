/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_CHILD_H
#define WEIR_PROCESS_CHILD_H

/* A process that the master has forked, from both sides.
 *
 * Between master and child runs a socket pair. The child writes a byte when it is ready, and the
 * control process one for each wish of an operator; a child reads the end of it as "the master is
 * gone" and drains. What else the master wants it says by signal: QUIT drain, TERM stop at once,
 * USR1 reopen logs. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/event.h"
#include "base/list.h"
#include "core/log/access_log.h"
#include "core/generation.h"
#include "io/loop.h"
#include "process/board.h"
#include "process/privilege.h"
#include "process/sockets.h"

struct reports;

enum role { ROLE_WORKER, ROLE_CONTROL };

/* What a child says to the master; all but the first only the control process. */
enum ask {
    SAY_READY = 'R',
    ASK_RELOAD = 'H', /* as by SIGHUP */
    ASK_ROLLBACK = 'B',
    ASK_UPGRADE = 'U',
    ASK_DRAIN = 'Q',
    ASK_REOPEN = 'L',
};

/* What a child finds in its memory after the fork. */
struct birth {
    enum role role;
    unsigned index;               /* of a worker */
    unsigned workers;             /* how many there are */
    const struct generation *g;
    struct stats *stats;          /* its own columns */
    struct source_mirror **mirrors; /* by listener; NULL entries */
    struct sockets *sockets;
    struct access_log *access_log; /* NULL: off */
    struct live_ring *live;        /* a worker's; else NULL */
    struct recent_ring *recent;    /* likewise; NULL also where none is kept */
    struct identity identity;
    struct shm *shm;
    struct board *board;          /* log_level and live_until_ms are the control process's */
    const struct reports *reports;
    const struct event_shared *events;
    const struct conf_texts *previous; /* what a rollback would bring; NULL: nothing */
    int master_fd;                /* its end of the socket pair */
};

/* Take over the process; never return. */
_Noreturn void worker_main(const struct birth *b);
_Noreturn void control_main(const struct birth *b);

/* -- for both mains (child.c) ---------------------------------------------------------------- */

/* Name in log and ps, privileges. Exits with a log line when the user can't be taken. */
void child_begin(const struct birth *b);
/* SIGUSR1. */
void child_reopen_logs(const struct birth *b);
/* Tells the master. */
void child_ready(int master_fd);

/* Watches the master's end: on_gone when it has closed. */
struct lifeline {
    struct ev_io watcher;
    void (*on_gone)(struct lifeline *l);
};
void lifeline_start(struct lifeline *l, struct loop *lp, int master_fd,
                    void (*on_gone)(struct lifeline *l));

#endif
