/* SPDX-License-Identifier: Apache-2.0 */
#include "process/admin_api.h"

#include "process/engine.h"

#include "control/health/health.h"
#include "control/logs/log_stream.h"
#include "control/show/overview_stream.h"
#include "control/dns/resolver.h"
#include "core/module/watched_file.h"
#include "fleet/fleet.h"
#include "process/rollback.h"

#include <unistd.h>

enum { BOTH = ADMIN_GET | ADMIN_POST };

/* -- what the processes are -------------------------------------------------------------------- */

static void show_process(void *ctx, struct process_facts *out)
{
    const struct board *b = ((struct admin_api *)ctx)->of.birth->board;
    const struct event_shared *e = ((struct admin_api *)ctx)->of.birth->events;
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
        .audit_dropped = atomic_load(&e->audit.lost),
        .events = atomic_load(&e->ring.given),
        .slots_n = (unsigned)atomic_load(&b->slots),
        .master = (uint64_t)getppid(),
    };
}

static void show_config(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct birth *b = ctx;
    (void)rq;
    out->type = SLICE("application/json");
    text_add(&out->body, b->g->config->effective);
    text_char(&out->body, '\n');
}

/* -- the paths --------------------------------------------------------------------------------- */

static void add(struct admin_api *a, struct admin_row row)
{
    must(a->rows_n < ADMIN_API_ROWS);
    a->rows[a->rows_n++] = row;
}

#define ADD(api, path, answer, ctx, ...)                                                           \
    add(api, (struct admin_row){path, answer, ctx, ##__VA_ARGS__})

static void serve_metrics(struct admin_api *a, struct admin_counts *counts)
{
    const struct birth *b = a->of.birth;
    metrics_init(&a->metrics, b->g, b->shm, PACKAGE_VERSION, show_process, a);
    metrics_add(&a->metrics, metrics_of_resolver, a->of.resolver);
    metrics_add(&a->metrics, metrics_of_files, a->of.files);
    metrics_add(&a->metrics, metrics_of_health, a->of.health);
    metrics_add(&a->metrics, metrics_of_fleet, a->of.fleet);
    metrics_add(&a->metrics, metrics_of_admin, counts);
    metrics_add(&a->metrics, metrics_of_overrides, &a->overrides);
    ADD(a, "/healthz", admin_healthz, NULL, .open = true);
    ADD(a, "/metrics", metrics_answer, &a->metrics, .open = true);
}

/* What of that is in force. */
static void serve_overrides(struct admin_api *a)
{
    const struct birth *b = a->of.birth;
    struct overrides *o = &a->overrides;
    *o = (struct overrides){
        .loop = &a->of.engine->loop,
        .cell = override_cell_find(b->shm, b->g->config->admin.overrides),
        .effective = b->g->config->effective,
        .generation = b->g->number,
        .in_force = &b->board->generation,
        .rows = a->rows,
        .decider = fleet_decider(a->of.fleet),
    };
    ADD(a, "/v1/overrides", overrides_answer, o, .methods = BOTH);
    ADD(a, "/v1/overrides/drop", overrides_drop_answer, o, .methods = ADMIN_POST);
    ADD(a, "/v1/overrides/fragment", overrides_fragment_answer, o, .methods = BOTH);
}

static void follow_file(void *ctx)
{
    endpoints_follow_file(ctx);
}

/* What operators decide about traffic; other instances of the fleet may have decided it. */
static void serve_decisions(struct admin_api *a)
{
    struct fleet *fleet = a->of.fleet;
    struct worker *w = &a->of.engine->worker;
    commands_init(&a->commands, a->of.birth->g, w);
    endpoints_init(&a->endpoints, w, a->of.health);
    a->commands.decider = a->endpoints.decider = fleet_decider(fleet);
    a->commands.overrides = a->endpoints.overrides = &a->overrides;
    a->overrides.in_charge = follow_file;
    a->overrides.in_charge_ctx = &a->endpoints;
    ADD(a, "/v1/modules", commands_list, &a->commands);
    a->decides[0] = (struct admin_row){"/v1/modules/", commands_answer, &a->commands,
                                       .methods = ADMIN_POST, .prefix = true};
    add(a, a->decides[0]);
    ADD(a, "/v1/clusters", endpoints_all, &a->endpoints);
    ADD(a, "/v1/clusters/", endpoints_of_cluster, &a->endpoints, .methods = BOTH, .prefix = true);
    a->decides[1] = (struct admin_row){"/v1/endpoints/", endpoints_command, &a->endpoints,
                                       .methods = ADMIN_POST, .prefix = true};
    add(a, a->decides[1]);
    fleet_decisions_run_by(fleet, a->decides, array_n(a->decides));
    ADD(a, "/v1/fleet", fleet_answer, fleet, .methods = BOTH);
    ADD(a, "/v1/fleet/decisions", fleet_decisions_answer, fleet, .methods = BOTH);
    ADD(a, "/v1/fleet/forget", fleet_forget_answer, fleet, .methods = ADMIN_POST);
}

/* What the master is asked to do. */
static void serve_asks(struct admin_api *a)
{
    const struct birth *b = a->of.birth;
    asks_init(&a->asks, &a->of.engine->loop, b->master_fd, b->reports, a->overrides.cell);
    ADD(a, "/v1/reload", asks_reload, &a->asks, .methods = ADMIN_POST);
    ADD(a, "/v1/rollback", asks_rollback, &a->asks, .methods = ADMIN_POST);
    ADD(a, "/v1/config/text", rollback_texts_answer, (void *)b, .methods = ADMIN_POST);
    ADD(a, "/v1/upgrade", asks_upgrade, &a->asks, .methods = ADMIN_POST);
    ADD(a, "/v1/drain", asks_drain, &a->asks, .methods = ADMIN_POST);
    ADD(a, "/v1/logs/reopen", asks_reopen_logs, &a->asks, .methods = ADMIN_POST);
}

static void serve_state(struct admin_api *a)
{
    const struct birth *b = a->of.birth;
    struct worker *w = &a->of.engine->worker;
    a->status = (struct status){.w = w, .metrics = &a->metrics, .overrides = &a->overrides};
    explain_init(&a->explain, w, &a->endpoints);
    a->explain.shm = b->shm;
    a->explain.slots = &b->board->slots;
    ADD(a, "/v1", admin_index, NULL);
    ADD(a, "/v1/status", status_answer, &a->status, .methods = BOTH);
    ADD(a, "/v1/routes", status_routes, &a->status, .methods = BOTH);
    ADD(a, "/v1/config", show_config, (void *)b, .methods = BOTH);
    ADD(a, "/v1/explain", explain_answer, &a->explain, .methods = ADMIN_POST);
}

/* What the overview shows beside the counters: answers of other paths, as its members. */
static void add_parts(struct admin_api *a)
{
    struct overview *o = &a->overview;
    const struct admin_row modules = a->decides[0];
    const struct admin_row nobody = {0};
    const struct admin_row fleet = {"/v1/fleet", fleet_answer, a->of.fleet};
    const struct admin_row overrides = {"/v1/overrides", overrides_answer, &a->overrides};
    const struct admin_row events = {"/v1/events", events_answer, &a->events};
    overview_add(o, &(struct overview_part){"breakers", "breakers", modules, "breaker/get", "[]"});
    overview_add(o, &(struct overview_part){"splits", "splits", modules, "canary/get", "[]"});
    overview_add(o, &(struct overview_part){"faults", "faults", modules, "fault/list", "[]"});
    overview_add(o, &(struct overview_part){"outliers", "clusters", modules, "outlier/list", "[]"});
    overview_add(o,
                 &(struct overview_part){"fleet", NULL, a->of.fleet ? fleet : nobody, "", "null"});
    overview_add(o, &(struct overview_part){"overrides", "overrides", overrides, "", "[]"});
    overview_add(o, &(struct overview_part){"events_next", "next", events, "", "0",
                                            .asked = "{\"limit\":1}"});
}

static void serve_overview(struct admin_api *a)
{
    const struct birth *b = a->of.birth;
    overview_init(&a->overview, &a->of.engine->worker, &a->metrics,
                  b->g->config->fleet.set ? fleet_instance(&b->g->config->fleet, b->shm)
                                          : SLICE(""));
    add_parts(a);
    a->overview_stream = overview_stream_new(&a->of.engine->loop, overview_make, &a->overview);
    ADD(a, "/v1/overview", overview_answer, &a->overview, .methods = BOTH);
    ADD(a, "/v1/overview/workers", overview_workers, &a->overview, .methods = BOTH);
    ADD(a, "/v1/overview/clusters", overview_clusters, &a->overview, .methods = BOTH);
    ADD(a, "/v1/overview/stream", overview_stream_answer, a->overview_stream, .methods = BOTH);
}

static void serve_dashboard(struct admin_api *a)
{
    dashboard_init(&a->dashboard);
    ADD(a, "/", dashboard_page, &a->dashboard, .blank = true);
    ADD(a, "/ui/", dashboard_file, &a->dashboard, .prefix = true, .blank = true);
}

static void serve_logs(struct admin_api *a)
{
    const struct birth *b = a->of.birth;
    a->levels = (struct log_levels){b->board, b->g->config->log.level, &a->overrides};
    a->log_stream =
        log_stream_new(&a->of.engine->loop, b->shm, &b->board->live_until_ms, &b->board->slots);
    ADD(a, "/v1/logs/level", log_level_answer, &a->levels, .methods = BOTH);
    ADD(a, "/v1/logs/stream", log_stream_answer, a->log_stream, .methods = BOTH);
    a->events = (struct events){&b->events->ring, &a->of.engine->loop};
    ADD(a, "/v1/events", events_answer, &a->events, .methods = BOTH);
}

/* -- its life ---------------------------------------------------------------------------------- */

static void listen_on_all(struct admin_api *a, struct admin_counts *counts)
{
    const struct birth *b = a->of.birth;
    const struct admin_conf *c = &b->g->config->admin;
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct socket_group *group = sockets_group(b->sockets, &c->listeners[i]->bind);
        admin_listen(a->admin, &(struct admin_socket){.fd = group->fds[0],
                                                      .conf = c->listeners[i],
                                                      .tls = b->g->admin_tls[i],
                                                      .counts = counts});
    }
}

void admin_api_start(struct admin_api *a, const struct admin_api_parts *of)
{
    struct admin_counts *counts = admin_counts_find(of->birth->shm);
    *a = (struct admin_api){.of = *of};
    serve_metrics(a, counts);
    serve_overrides(a);
    serve_decisions(a);
    serve_asks(a);
    serve_state(a);
    serve_overview(a);
    serve_logs(a);
    serve_dashboard(a);
    a->overrides.rows_n = a->rows_n;
    overrides_start(&a->overrides);
    a->admin = admin_new(&of->engine->loop, a->rows, a->rows_n);
    listen_on_all(a, counts);
}

bool admin_api_finish(struct admin_api *a)
{
    admin_stop(a->admin);
    log_stream_quiesce(a->log_stream);
    overview_stream_quiesce(a->overview_stream);
    return admin_connections(a->admin) == 0;
}

void admin_api_stop(struct admin_api *a)
{
    overrides_stop(&a->overrides);
    asks_fini(&a->asks);
    loop_turn(&a->of.engine->loop); /* what they are told goes out */
    log_stream_quiesce(a->log_stream);
    overview_stream_quiesce(a->overview_stream);
    admin_free(a->admin);
    log_stream_free(a->log_stream);
    overview_stream_free(a->overview_stream);
}
