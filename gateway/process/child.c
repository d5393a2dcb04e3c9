/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker and the control process have in common: how they begin and how they notice that
 * the master is gone. */
#include "process/child.h"

#include "base/audit.h"
#include "base/event.h"
#include "core/stats/stats.h"
#include "process/crash.h"
#include "process/title.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void child_begin(const struct birth *b)
{
    char name[48], title[96];
    if (b->role == ROLE_WORKER)
        snprintf(name, sizeof name, "worker/%u", b->index);
    else
        snprintf(name, sizeof name, "control");
    snprintf(title, sizeof title, "%s (generation %llu)", name,
             (unsigned long long)b->g->number);
    title_set(title);
    log_set_process(name);
    b->stats->worker->logs_epoch = atomic_load(&b->board->logs_epoch);
    b->stats->worker->generation = b->g->number;
    b->stats->worker->worker = b->role == ROLE_WORKER ? b->index + 1 : 0;
    b->stats->worker->draining = 0;
    b->stats->worker->pid = (uint64_t)getpid();
    crash_install(name);
    if (!identity_take(&b->identity)) {
        event_error("privileges_kept", KV("user", b->identity.user), KV_ERRNO(errno));
        _exit(EXIT_FAILURE);
    }
}

void child_reopen_logs(const struct birth *b)
{
    const uint64_t epoch = atomic_load(&b->board->logs_epoch);
    if (!log_reopen())
        event_error("log_reopen_failed", KV_ERRNO(errno));
    if (!audit_reopen())
        event_error("audit_log_reopen_failed", KV_ERRNO(errno));
    if (b->role == ROLE_WORKER && b->access_log && !access_log_reopen(b->access_log))
        event_error("access_log_reopen_failed", KV_ERRNO(errno));
    b->stats->worker->logs_epoch = epoch;
}

void child_ready(int master_fd)
{
    const char ready = SAY_READY;
    if (write(master_fd, &ready, 1) != 1)
        log_warn("master_unreachable", KV_ERRNO(errno));
}

static void on_lifeline(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)revents;
    struct lifeline *l = container_of(w, struct lifeline, watcher);
    char c;
    if (read(w->fd, &c, 1) != 0)
        return;
    ev_io_stop(ev, w);
    l->on_gone(l);
}

void lifeline_start(struct lifeline *l, struct loop *lp, int master_fd,
                    void (*on_gone)(struct lifeline *l))
{
    l->on_gone = on_gone;
    ev_io_init(&l->watcher, on_lifeline, master_fd, EV_READ);
    ev_io_start(lp->ev, &l->watcher);
}
