/* SPDX-License-Identifier: Apache-2.0 */
/* The control process: the slow side. It resolves names and answers on the admin socket; traffic
 * goes on without it, with the last known state. */
#include "process/child.h"

#include "base/log.h"
#include "control/resolver.h"
#include "io/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct process {
    const struct birth *birth;
    struct loop loop;
    struct signals signals;
    struct lifeline lifeline;
    struct resolver *resolver; /* NULL when it could not be set up */
};

static void on_master_gone(struct lifeline *l)
{
    struct process *p = container_of(l, struct process, lifeline);
    loop_stop(&p->loop);
}

static void on_signal(struct signals *s, int signo)
{
    struct process *p = container_of(s, struct process, signals);
    if (signo == SIGQUIT || signo == SIGTERM)
        loop_stop(&p->loop);
    else if (signo == SIGUSR1 && !log_reopen())
        log_error("log_reopen_failed", KV_ERRNO(errno));
}

_Noreturn void control_main(const struct birth *b)
{
    static struct process p;
    child_begin(b);
    sockets_keep_mine(b->sockets, -1, b->workers);
    p.birth = b;
    loop_init(&p.loop, 0);
    signals_start(&p.signals, &p.loop, on_signal);
    lifeline_start(&p.lifeline, &p.loop, b->master_fd, on_master_gone);
    p.resolver = resolver_start(&p.loop, b->g);
    child_ready(b->master_fd);
    loop_run(&p.loop);
    resolver_stop(p.resolver);
    exit(EXIT_SUCCESS);
}
