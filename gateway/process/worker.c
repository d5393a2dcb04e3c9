/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process: where clients are plugged to the core and origins (process/engine.h). Born by
 * fork with its configuration, sockets and counters in memory; it makes its loop, says that it is
 * ready, and serves until it is told to drain or to stop.
 *
 * Drain: the listening sockets are closed (the master and the workers of the next generation have
 * theirs), idle connections end after a grace, the others with their next response, modules' own
 * requests by their timeouts; at the drain timeout what is left is cut. */
#include "process/engine.h"

#include "base/event.h"
#include "core/log/live_log.h"
#include "core/log/recent.h"
#include "core/shadow.h"
#include "edge/listener.h"
#include "io/signals.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { DRAIN_LOOK_MS = 20 }; /* how often a draining worker looks whether it is done */

struct process {
    const struct birth *birth;
    struct engine engine;
    struct listener *listeners;
    size_t listeners_n;
    struct signals signals;
    struct lifeline lifeline;
    struct timer drain_look;
    struct recent recent;
    uint64_t drain_until_ms;
};

static void pin(const struct birth *b)
{
    cpu_set_t allowed, one;
    if (!b->g->config->affinity || sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    unsigned left = b->index % (unsigned)CPU_COUNT(&allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || left-- != 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0)
            log_warn("affinity_failed", KV_INT("cpu", cpu), KV_ERRNO(errno));
        return;
    }
}

/* -- draining ---------------------------------------------------------------------------------- */

static uint64_t longest_drain(const struct config *c)
{
    uint64_t ms = 0;
    for (size_t i = 0; i < c->listeners_n; i++)
        if (c->listeners[i].timeouts.drain > ms)
            ms = c->listeners[i].timeouts.drain;
    return ms;
}

static size_t clients_left(const struct process *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->listeners_n; i++)
        n += p->listeners[i].clients_n;
    return n;
}

static void on_drain_look(struct timer *t)
{
    struct process *p = container_of(t, struct process, drain_look);
    const size_t left = clients_left(p);
    const bool late = clock_ms(&p->engine.loop.clock) >= p->drain_until_ms;
    if (late)
        shadow_cancel_all(&p->engine.worker);
    if (left && late) {
        event_warn("drain_timeout", KV_INT("connections", left));
        for (size_t i = 0; i < p->listeners_n; i++)
            listener_close_all(&p->listeners[i]);
    }
    if (clients_left(p) == 0 && list_empty(&p->engine.worker.active))
        loop_stop(&p->engine.loop);
    else
        timer_start(&p->engine.loop, t, DRAIN_LOOK_MS);
}

static void drain(struct process *p)
{
    if (p->engine.worker.draining)
        return;
    p->engine.worker.draining = true;
    p->birth->stats->worker->draining = 1;
    p->drain_until_ms = clock_ms(&p->engine.loop.clock) + longest_drain(p->birth->g->config);
    for (size_t i = 0; i < p->listeners_n; i++)
        listener_drain(&p->listeners[i]);
    sockets_keep_mine(p->birth->sockets, NULL, 0, p->birth->workers);
    timer_start(&p->engine.loop, &p->drain_look, DRAIN_LOOK_MS);
}

static void on_master_gone(struct lifeline *l)
{
    event_error("master_gone");
    drain(container_of(l, struct process, lifeline));
}

/* -- signals and time -------------------------------------------------------------------------- */

static void on_signal(struct signals *s, int signo)
{
    struct process *p = container_of(s, struct process, signals);
    switch (signo) {
    case SIGQUIT:
        drain(p);
        break;
    case SIGTERM:
        loop_stop(&p->engine.loop);
        break;
    case SIGUSR1:
        child_reopen_logs(p->birth);
        break;
    default: /* HUP and INT are the master's: a terminal sends them to all of us */
        break;
    }
}

/* -- life -------------------------------------------------------------------------------------- */

static void build(struct process *p)
{
    const struct birth *b = p->birth;
    const struct config *c = b->g->config;
    engine_init(&p->engine, b, c->memory.blocks);
    p->engine.worker.access_log = b->access_log;
    if (b->access_log)
        access_log_start(b->access_log, &p->engine.loop);
    p->engine.worker.live = live_log_new(b->live, &b->board->live_until_ms);
    if (b->recent) {
        recent_begin(&p->recent, b->recent, &p->engine.worker);
        p->engine.worker.recent = &p->recent;
    }
    p->listeners_n = c->listeners_n;
    p->listeners = calloc(c->listeners_n, sizeof *p->listeners);
    must(p->listeners);
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct socket_group *sg = sockets_group(b->sockets, &c->listeners[i].bind);
        listener_init(&p->listeners[i], &p->engine.worker, (uint32_t)i, b->mirrors[i], sg->fds,
                      sg->n);
    }
    timer_init(&p->drain_look, on_drain_look);
}

static void tear_down(struct process *p)
{
    for (size_t i = 0; i < p->listeners_n; i++) {
        listener_stop(&p->listeners[i]);
        listener_close_all(&p->listeners[i]);
    }
    loop_turn(&p->engine.loop); /* lets exchanges finish: they see that their clients are gone */
    timer_stop(&p->drain_look);
    engine_stop(&p->engine);
    if (p->engine.worker.access_log)
        access_log_close(p->engine.worker.access_log);
    live_log_free(p->engine.worker.live);
}

_Noreturn void worker_main(const struct birth *b)
{
    static struct process p;
    child_begin(b);
    sockets_keep_mine(b->sockets, b->g->config, b->index, b->workers);
    pin(b);
    p.birth = b;
    build(&p);
    signals_start(&p.signals, &p.engine.loop, on_signal);
    lifeline_start(&p.lifeline, &p.engine.loop, b->master_fd, on_master_gone);
    engine_start(&p.engine);
    for (size_t i = 0; i < p.listeners_n; i++)
        listener_start(&p.listeners[i]);
    child_ready(b->master_fd);
    loop_run(&p.engine.loop);
    tear_down(&p);
    exit(EXIT_SUCCESS);
}
