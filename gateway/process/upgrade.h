/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_UPGRADE_H
#define WEIR_PROCESS_UPGRADE_H

/* An upgrade, as the master that is to be replaced sees it. It starts the binary that now lies
 * where its own was started from, as a child that inherits the sockets and the shared region
 * (handover.h). The two talk over one stream socket:
 *
 *     new ── a text, then its end ──► old      it can't take over, and why; the old one goes on
 *     new ── NUL byte ──────────────► old      its processes are ready and serve
 *     new ◄────────────── NUL byte ── old      it is yours: the old one drains
 *     new ◄── another, and the end ── old      all of its processes are gone
 *
 * Until the first byte of the old master that one counts: it may call the upgrade off at any
 * moment, by SIGQUIT, and the new one must end without a trace. */

#include "base/text.h"
#include "io/loop.h"
#include "process/handover.h"

enum { UPGRADE_WHY_MAX = 4096 }; /* bytes of the text */

enum upgrade_state {
    UPGRADE_NONE,
    UPGRADE_STARTING,
    UPGRADE_ENDING, /* it has failed or was called off, and the new master is to end */
    UPGRADE_DONE,   /* the new master is in charge */
};

struct upgrade {
    struct loop *loop;
    enum upgrade_state state;
    pid_t pid; /* of the new master */
    int fd;    /* our end; -1 */
    struct ev_io watcher;
    struct timer deadline;
    struct text why;
    /* From the loop: the new master is in charge; or it isn't, and won't be. */
    void (*on_ready)(struct upgrade *u);
    void (*on_failed)(struct upgrade *u, const char *why);
    /* ... and now it has ended, so that another one may be started. */
    void (*on_over)(struct upgrade *u);
};

void upgrade_init(struct upgrade *u, struct loop *lp);
/* Starts `argv` with what `h` says (its channel is filled in). False, and why: nothing has
 * happened. */
bool upgrade_begin(struct upgrade *u, struct handover *h, char *const *argv,
                   const char **why) nodiscard;
/* Tells the new master to end; on_failed() isn't called. Harmless when none is being started. */
void upgrade_call_off(struct upgrade *u);
/* All of our processes are gone: tells the new master. */
void upgrade_leave(struct upgrade *u);
/* A child has ended: true when it was the new master. */
bool upgrade_reap(struct upgrade *u, pid_t pid);

/* Remembers how this process was started, before its title is written over that. */
void upgrade_remember(int argc, char **argv);
/* What upgrade_begin() is to start: the arguments of this process, with the path of its binary. */
char *const *upgrade_argv(void);

#endif
