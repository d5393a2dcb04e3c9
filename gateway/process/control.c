/* SPDX-License-Identifier: Apache-2.0 */
/* The control process: the slow side. It resolves names, answers on the admin socket, and is where
 * modules do what must be done once and not by every worker, with requests of their own; traffic
 * goes on without it, with the last known state. */
#include "process/asks.h"
#include "process/engine.h"
#include "process/log_level.h"

#include "base/log.h"
#include "control/admin.h"
#include "control/commands.h"
#include "control/dns.h"
#include "control/endpoints.h"
#include "control/explain.h"
#include "control/health.h"
#include "control/log_stream.h"
#include "control/metrics.h"
#include "control/resolver.h"
#include "control/status.h"
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
    struct metrics metrics;
    struct commands commands;
    struct endpoints endpoints;
    struct asks asks;
    struct explain explain;
    struct status status;
    struct log_levels levels;
    struct log_stream *log_stream;
    struct admin_row rows[21];
    struct admin_row decides[2]; /* those of them that do what other instances have decided */
    struct admin *admin;
    struct timer rotate; /* of the keys of session tickets */
    struct timer tick;
    struct timer last; /* until the end, when told to finish */
};

/* -- what the admin socket shows --------------------------------------------------------------- */

static void show_process(void *ctx, struct process_facts *out)
{
    const struct board *b = ((struct process *)ctx)->birth->board;
    *out = (struct process_facts){
        .generation = atomic_load(&b->generation),
        .started_s = atomic_load(&b->started_wall_us) / 1000000,
        .loaded_s = atomic_load(&b->loaded_wall_us) / 1000000,
        .reloads = atomic_load(&b->reloads),
        .reloads_failed = atomic_load(&b->reloads_failed),
        .upgrades = atomic_load(&b->upgrades),
        .upgrades_failed = atomic_load(&b->upgrades_failed),
        .workers = atomic_load(&b->workers),
        .workers_alive = atomic_load(&b->workers_alive),
        .workers_draining = atomic_load(&b->workers_draining),
        .restarts = atomic_load(&b->restarts),
        .log_rotations = atomic_load(&b->log_rotations),
        .log_rotations_failed = atomic_load(&b->log_rotations_failed),
        .slots_n = (unsigned)atomic_load(&b->slots),
        .master = (uint64_t)getppid(),
    };
}

static void show_config(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct process *p = ctx;
    (void)rq;
    out->type = SLICE("application/json");
    text_add(&out->body, p->birth->g->config->effective);
    text_char(&out->body, '\n');
}

static void open_admin(struct process *p, struct admin_counts *counts)
{
    const struct generation *g = p->birth->g;
    const struct admin_conf *c = &g->config->admin;
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct socket_group *group =
            sockets_group(p->birth->sockets, &c->listeners[i]->bind);
        admin_listen(p->admin, &(struct admin_socket){.fd = group->fds[0],
                                                      .conf = c->listeners[i],
                                                      .tls = g->admin_tls[i],
                                                      .counts = counts});
    }
}

static void build_admin(struct process *p)
{
    const struct birth *b = p->birth;
    struct admin_counts *counts = admin_counts_find(b->shm);
    commands_init(&p->commands, b->g, &p->engine.worker);
    endpoints_init(&p->endpoints, &p->engine.worker, p->health);
    metrics_init(&p->metrics, b->g, b->shm, PACKAGE_VERSION, show_process, p);
    metrics_add(&p->metrics, metrics_of_resolver, p->resolver);
    metrics_add(&p->metrics, metrics_of_files, p->files);
    metrics_add(&p->metrics, metrics_of_health, p->health);
    metrics_add(&p->metrics, metrics_of_fleet, p->fleet);
    metrics_add(&p->metrics, metrics_of_admin, counts);
    p->rows[0] = (struct admin_row){"/healthz", admin_healthz, NULL, .open = true};
    p->rows[1] = (struct admin_row){"/metrics", metrics_answer, &p->metrics, .open = true};
    p->rows[2] = (struct admin_row){"/v1/modules", commands_list, &p->commands};
    p->rows[3] = (struct admin_row){"/v1/modules/", commands_answer, &p->commands,
                                    .methods = ADMIN_POST, .prefix = true};
    p->rows[4] = (struct admin_row){"/v1/clusters", endpoints_all, &p->endpoints};
    p->rows[5] = (struct admin_row){"/v1/clusters/", endpoints_of_cluster, &p->endpoints,
                                    .methods = ADMIN_GET | ADMIN_POST, .prefix = true};
    p->rows[6] = (struct admin_row){"/v1/endpoints/", endpoints_command, &p->endpoints,
                                    .methods = ADMIN_POST, .prefix = true};
    p->rows[7] =
        (struct admin_row){"/v1/fleet", fleet_answer, p->fleet, .methods = ADMIN_GET | ADMIN_POST};
    p->rows[8] = (struct admin_row){"/v1/fleet/decisions", fleet_decisions_answer, p->fleet,
                                    .methods = ADMIN_GET | ADMIN_POST};
    p->rows[9] = (struct admin_row){"/v1/fleet/forget", fleet_forget_answer, p->fleet,
                                    .methods = ADMIN_POST};
    asks_init(&p->asks, &p->engine.loop, b->master_fd, b->reports);
    p->rows[10] =
        (struct admin_row){"/v1/reload", asks_reload, &p->asks, .methods = ADMIN_POST};
    p->rows[11] =
        (struct admin_row){"/v1/upgrade", asks_upgrade, &p->asks, .methods = ADMIN_POST};
    p->rows[12] = (struct admin_row){"/v1/drain", asks_drain, &p->asks, .methods = ADMIN_POST};
    p->rows[13] = (struct admin_row){"/v1/logs/reopen", asks_reopen_logs, &p->asks,
                                     .methods = ADMIN_POST};
    explain_init(&p->explain, &p->engine.worker, &p->endpoints);
    p->rows[14] =
        (struct admin_row){"/v1/explain", explain_answer, &p->explain, .methods = ADMIN_POST};
    p->rows[15] = (struct admin_row){"/v1/config", show_config, p,
                                     .methods = ADMIN_GET | ADMIN_POST};
    p->status = (struct status){.w = &p->engine.worker, .metrics = &p->metrics};
    p->rows[16] = (struct admin_row){"/v1/status", status_answer, &p->status,
                                     .methods = ADMIN_GET | ADMIN_POST};
    p->rows[17] = (struct admin_row){"/v1/routes", status_routes, &p->status,
                                     .methods = ADMIN_GET | ADMIN_POST};
    p->levels = (struct log_levels){b->board, b->g->config->log.level};
    p->rows[18] = (struct admin_row){"/v1/logs/level", log_level_answer, &p->levels,
                                     .methods = ADMIN_GET | ADMIN_POST};
    p->log_stream = log_stream_new(&p->engine.loop, b->shm, &b->board->live_until_ms,
                                   &b->board->slots);
    p->rows[19] = (struct admin_row){"/v1/logs/stream", log_stream_answer, p->log_stream,
                                     .methods = ADMIN_GET | ADMIN_POST};
    p->commands.decider = p->endpoints.decider = fleet_decider(p->fleet);
    p->decides[0] = p->rows[3];
    p->decides[1] = p->rows[6];
    fleet_decisions_run_by(p->fleet, p->decides, array_n(p->decides));
    p->rows[20] = (struct admin_row){"/v1", admin_index, NULL};
    p->admin = admin_new(&p->engine.loop, p->rows, array_n(p->rows));
    open_admin(p, counts);
}

/* -- session tickets --------------------------------------------------------------------------- */

static void rotate_tickets(struct process *p)
{
    const struct generation *g = p->birth->g;
    if (!g->tickets)
        return;
    const uint64_t now_s = p->engine.loop.clock.wall_us / 1000000;
    if (tls_tickets_rotate(g->tickets, g->ticket_lifetime_s, now_s))
        log_info("tls_ticket_keys_rotated");
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
        log_error("fleet_failed", KV("why", "no memory"));
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
    timer_stop(&p->rotate);
    timer_stop(&p->tick);
    fleet_stop(p->fleet);
    health_quiesce(p->health);
    admin_stop(p->admin);
    log_stream_quiesce(p->log_stream);
    sockets_keep_mine(p->birth->sockets, NULL, 0, p->birth->workers);
    if (admin_connections(p->admin) == 0)
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
    asks_fini(&p->asks);
    log_stream_quiesce(p->log_stream);
    admin_free(p->admin); /* commands need the modules, which end with the engine */
    log_stream_free(p->log_stream);
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
    build_admin(&p);
    rotate_tickets(&p);
    start_modules(&p);
    child_ready(b->master_fd);
    loop_run(&p.engine.loop);
    tear_down(&p);
    exit(EXIT_SUCCESS);
}
