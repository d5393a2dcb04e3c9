/* SPDX-License-Identifier: Apache-2.0 */
/* The control process: the slow side. It resolves names, answers on the admin socket, and is where
 * modules do what must be done once and not by every worker, with requests of their own; traffic
 * goes on without it, with the last known state. */
#include "process/admin_api.h"
#include "process/engine.h"

#include "base/event.h"
#include "control/dns/dns.h"
#include "control/health/health.h"
#include "control/dns/resolver.h"
#include "core/module/module.h"
#include "core/module/watched_file.h"
#include "fleet/fleet.h"
#include "fleet/fleet_budget.h"
#include "fleet/fleet_decided.h"
#include "fleet/fleet_health.h"
#include "io/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LAST_ANSWERS_MS = 1000, /* for admin connections when the process is told to finish */
    ROTATE_MS = 10000,      /* how often the age of the ticket keys is looked at */
    TICK_MS = 100,          /* of modules, where no fleet says another time */
    BLOCKS_MOST = 16 << 20, /* bytes in transit: calls of modules and admin connections only */
};

struct process {
    const struct birth *birth;
    struct engine engine;
    struct signals signals;
    struct lifeline lifeline;
    struct resolver *resolver; /* NULL when it could not be set up */
    struct health *health;
    struct file_watch *files;
    struct dns *dns;     /* of the fleet; NULL: none, or it could not be set up */
    struct fleet *fleet; /* NULL: none is configured */
    struct fleet_health *fleet_health;
    struct fleet_budgets *fleet_budgets;
    struct admin_api api;
    struct timer rotate; /* of the keys of session tickets */
    struct timer tick;
    struct timer last; /* until the end, when told to finish */
};

/* -- session tickets --------------------------------------------------------------------------- */

static void rotate_tickets(struct process *p)
{
    const struct generation *g = p->birth->g;
    if (!g->tickets)
        return;
    const uint64_t now_s = p->engine.loop.clock.wall_us / 1000000;
    if (tls_tickets_rotate(g->tickets, g->ticket_lifetime_s, now_s))
        event_info("tls_ticket_keys_rotated");
    timer_start(&p->engine.loop, &p->rotate, ROTATE_MS);
}

static void on_rotate(struct timer *t)
{
    rotate_tickets(container_of(t, struct process, rotate));
}

/* -- modules ----------------------------------------------------------------------------------- */

static uint64_t tick_ms(const struct process *p)
{
    return p->fleet ? p->birth->g->config->fleet.tick : TICK_MS;
}

/* What modules want to tell the fleet goes in the same turn. */
static void on_tick(struct timer *t)
{
    struct process *p = container_of(t, struct process, tick);
    modules_tick(&p->engine.worker);
    fleet_health_tick(p->fleet_health);
    fleet_budgets_tick(p->fleet_budgets);
    fleet_tick(p->fleet);
    timer_start(&p->engine.loop, t, tick_ms(p));
}

static void start_modules(struct process *p)
{
    engine_start(&p->engine);
    if (p->fleet || modules_want_ticks(&p->engine.worker))
        timer_start(&p->engine.loop, &p->tick, tick_ms(p));
}

/* -- the fleet --------------------------------------------------------------------------------- */

static void load_of(void *shm, struct stats_load *out)
{
    *out = stats_load(shm);
}

static void start_fleet(struct process *p)
{
    const struct birth *b = p->birth;
    const struct config *c = b->g->config;
    if (!c->fleet.set)
        return;
    p->dns = dns_start(&p->engine.loop, c);
    p->fleet = fleet_new(&(struct fleet_setup){
        .w = &p->engine.worker,
        .conf = &c->fleet,
        .dns = p->dns,
        .tls = b->g->fleet_tls,
        .instance = fleet_instance(&c->fleet, b->shm),
        .version = PACKAGE_VERSION,
        .config = c->digest,
        .since_s = atomic_load(&b->board->started_wall_us) / 1000000,
        .decided = fleet_decided_find(b->shm),
        .load = load_of,
        .load_ctx = b->shm,
    });
    if (!p->fleet)
        event_error("fleet_failed", KV("why", "no memory"));
    p->fleet_health = fleet_health_start(p->fleet, p->health);
    p->fleet_budgets = fleet_budgets_start(p->fleet);
}

/* -- ending ------------------------------------------------------------------------------------ */

static void on_last(struct timer *t)
{
    loop_stop(&container_of(t, struct process, last)->engine.loop);
}

/* The control process of the next generation answers from now on. */
static void finish(struct process *p)
{
    p->birth->stats->worker->draining = 1;
    timer_stop(&p->rotate);
    timer_stop(&p->tick);
    fleet_stop(p->fleet);
    health_quiesce(p->health);
    const bool idle = admin_api_finish(&p->api);
    sockets_keep_mine(p->birth->sockets, NULL, 0, p->birth->workers);
    if (idle)
        loop_stop(&p->engine.loop);
    else
        timer_start(&p->engine.loop, &p->last, LAST_ANSWERS_MS);
}

static void on_master_gone(struct lifeline *l)
{
    loop_stop(&container_of(l, struct process, lifeline)->engine.loop);
}

static void on_signal(struct signals *s, int signo)
{
    struct process *p = container_of(s, struct process, signals);
    if (signo == SIGQUIT)
        finish(p);
    else if (signo == SIGTERM)
        loop_stop(&p->engine.loop);
    else if (signo == SIGUSR1)
        child_reopen_logs(p->birth);
}

static void build(struct process *p)
{
    const uint64_t blocks = p->birth->g->config->memory.blocks;
    engine_init(&p->engine, p->birth, blocks < BLOCKS_MOST ? blocks : BLOCKS_MOST);
    timer_init(&p->last, on_last);
    timer_init(&p->rotate, on_rotate);
    timer_init(&p->tick, on_tick);
}

static void tear_down(struct process *p)
{
    timer_stop(&p->tick);
    fleet_stop(p->fleet);
    admin_api_stop(&p->api);
    file_watch_stop(p->files);
    health_quiesce(p->health);
    loop_turn(&p->engine.loop); /* checks see that nobody waits for them */
    health_close(p->health);
    engine_stop(&p->engine);
    fleet_budgets_free(p->fleet_budgets);
    fleet_health_free(p->fleet_health);
    fleet_free(p->fleet); /* modules held parts of it until now */
    if (p->dns)
        dns_stop(p->dns);
    health_free(p->health);
    resolver_stop(p->resolver);
}

_Noreturn void control_main(const struct birth *b)
{
    static struct process p;
    child_begin(b);
    p.birth = b;
    sockets_keep_admin(b->sockets, b->g->config);
    build(&p);
    signals_start(&p.signals, &p.engine.loop, on_signal);
    lifeline_start(&p.lifeline, &p.engine.loop, b->master_fd, on_master_gone);
    p.resolver = resolver_start(&p.engine.loop, b->g);
    p.files = file_watch_start(&p.engine.loop, b->g);
    p.health = health_start(&p.engine.worker);
    start_fleet(&p);
    admin_api_start(&p.api, &(struct admin_api_parts){.birth = b,
                                                      .engine = &p.engine,
                                                      .resolver = p.resolver,
                                                      .files = p.files,
                                                      .health = p.health,
                                                      .fleet = p.fleet});
    rotate_tickets(&p);
    start_modules(&p);
    child_ready(b->master_fd);
    loop_run(&p.engine.loop);
    tear_down(&p);
    exit(EXIT_SUCCESS);
}
