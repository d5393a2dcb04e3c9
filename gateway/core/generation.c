/* SPDX-License-Identifier: Apache-2.0 */
/* From a checked configuration to everything that is built from it. What can fail without leaving
 * a trace (the router) comes first, shared cells after it: a cell that was made for a generation
 * that then fails is found again by the next one, or forgotten.
 *
 * Errors are collected: a full region is reported for each thing that found no room. */

#include "core/generation.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "core/budget.h"
#include "core/cluster/endpoint_cell.h"
#include "core/log/recent.h"
#include "core/module/module.h"
#include "io/shm.h"

static void bind_clusters(struct generation *g, struct shm *shm, struct faults *faults);
static void bind_listeners(struct generation *g, struct shm *shm, struct faults *faults);
static void *listener_cell(struct generation *g, struct shm *shm, const struct listener_conf *lc,
                           const char *what, size_t size, struct faults *faults);

struct generation *generation_build(struct config *c, struct shm *shm, uint64_t number,
                                    struct faults *faults)
{
    size_t errors = faults->errors;
    struct generation *g = calloc(1, sizeof *g);
    must(g);
    g->number = number;
    g->config = c;
    arena_init(&g->arena, NULL, 0);
    g->arrays = ARENA_ARRAY(&g->arena, struct weir_endpoint_cells *, c->clusters_n);
    g->connections_max = ARENA_ARRAY(&g->arena, uint64_t, c->clusters_n);
    g->names = recent_names_make(c, &g->arena);
    g->router = router_build(c, &g->arena, faults);
    if (g->router && shm) {
        shm_generation(shm, number);
        bind_clusters(g, shm, faults);
        bind_listeners(g, shm, faults);
    }
    generation_build_tls(g, g->router ? shm : NULL, faults);
    module_plan_build(g, g->router ? shm : NULL, faults);
    if (g->router && faults->errors == errors)
        return g;
    generation_free(g);
    return NULL;
}

void generation_free(struct generation *g)
{
    if (!g)
        return;
    module_plan_free(g);
    if (g->router)
        router_fini(g->router);
    generation_free_tls(g);
    arena_fini(&g->arena);
    config_free(g->config);
    free(g);
}

/* Of what modules are told to look at: a default for nobody may be meant, so this is no error. */
static void warn_of_uses(const struct chain *c, const struct route *route, struct faults *faults)
{
    for (size_t i = 0; c && i < c->uses_n; i++) {
        const struct module_conf *conf = c->uses[i].conf;
        if (conf && conf->wants_identity)
            faults_warn(faults, conf->place.file, conf->place.line,
                        "%s of route \"%.*s\" looks at who asks, and no module establishes "
                        "identities: to it everybody is nobody; configure one, such as modules.auth",
                        c->uses[i].module->desc->name, SLICE_ARG(route->name));
    }
}

/* The configuration alone doesn't know what a module establishes. */
void generation_check_identity(const struct generation *g, struct faults *faults)
{
    const struct route *route = router_wants_identity(g->router);
    if (g->modules->identify)
        return;
    for (size_t i = 0; i < g->config->clusters_n; i++) {
        const struct cluster_conf *cl = &g->config->clusters[i];
        if (cl->hash.by == HASH_BY_IDENTITY)
            faults_add(faults, cl->place.file, cl->place.line,
                       "cluster \"%.*s\" has hash.identity, and no module establishes identities: "
                       "no request would have a key; configure one, such as modules.auth",
                       SLICE_ARG(cl->place.name));
    }
    for (size_t i = 0; g->modules->n && i < g->config->routes_n; i++)
        warn_of_uses(g->modules->routes[i], router_route(g->router, i), faults);
    if (!route)
        return;
    const struct place *at = &route->conf->match.identity.v[0].place;
    faults_add(faults, at->file, at->line,
               "route \"%.*s\" has match.identity, and no module establishes identities: it could "
               "never match; configure one, such as modules.auth",
               SLICE_ARG(route->name));
}

static void *cluster_cell(struct generation *g, struct shm *shm, const struct cluster_conf *cl,
                          const char *what, size_t size, struct faults *faults)
{
    char *key = arena_printf(&g->arena, "cluster/%.*s/%s", SLICE_ARG(cl->place.name), what);
    void *cell = shm_cell(shm, slice_str(key), size);
    if (!cell)
        faults_add(faults, cl->place.file, cl->place.line,
                   "no room in the shared region for the %s of cluster %.*s; raise memory.shared "
                   "and restart",
                   what, SLICE_ARG(cl->place.name));
    return cell;
}

/* A breaker that isn't closed says so again in the new generation. */
static void bind_endpoints(struct generation *g, struct shm *shm, size_t i, struct faults *faults)
{
    const struct cluster_conf *cl = &g->config->clusters[i];
    struct cluster_table *table = g->tables[i] = cluster_table_prepare(shm, cl, faults);
    struct cluster_shared *shared = g->shared[i] =
        cluster_cell(g, shm, cl, "shared", sizeof *shared, faults);
    struct clock now;
    clock_init(&now);
    if (!table || !shared)
        return;
    atomic_store(&shared->trouble, 0);
    g->cells[i] = endpoint_cell_prepare(shm, cl, table->capacity, shared, faults);
    if (g->cells[i])
        endpoint_cell_follow(g->cells[i], cl, table, NULL, now.mono_us);
}

static void bind_clusters(struct generation *g, struct shm *shm, struct faults *faults)
{
    const struct config *c = g->config;
    const size_t n = c->clusters_n;
    g->tables = ARENA_ARRAY(&g->arena, struct cluster_table *, n);
    g->cells = ARENA_ARRAY(&g->arena, struct endpoint_cell *, n);
    g->shared = ARENA_ARRAY(&g->arena, struct cluster_shared *, n);
    g->budgets = ARENA_ARRAY(&g->arena, struct budget *, n);
    g->elsewheres = ARENA_ARRAY(&g->arena, struct budget_elsewhere *, n);
    for (size_t i = 0; i < n; i++) {
        bind_endpoints(g, shm, i, faults);
        g->budgets[i] = cluster_cell(g, shm, &c->clusters[i], "budgets", sizeof(struct budget), faults);
        if (c->fleet.set && c->clusters[i].retry_budget.shared)
            g->elsewheres[i] = cluster_cell(g, shm, &c->clusters[i], "elsewhere",
                                            sizeof(struct budget_elsewhere), faults);
    }
}

static void bind_listeners(struct generation *g, struct shm *shm, struct faults *faults)
{
    const struct config *c = g->config;
    g->gauges = ARENA_ARRAY(&g->arena, struct listener_gauge *, c->listeners_n);
    g->sources = ARENA_ARRAY(&g->arena, struct source_table *, c->listeners_n);
    for (size_t i = 0; i < c->listeners_n; i++) {
        const struct listener_conf *lc = &c->listeners[i];
        g->gauges[i] =
            listener_cell(g, shm, lc, "connections", sizeof(struct listener_gauge), faults);
        if (lc->limits.connections_per_source)
            g->sources[i] =
                listener_cell(g, shm, lc, "sources", sizeof(struct source_table), faults);
    }
}

static void *listener_cell(struct generation *g, struct shm *shm, const struct listener_conf *lc,
                           const char *what, size_t size, struct faults *faults)
{
    char *key = arena_printf(&g->arena, "listener/%.*s/%s", SLICE_ARG(lc->name), what);
    void *cell = shm_cell(shm, slice_str(key), size);
    if (!cell)
        faults_add(faults, lc->place.file, lc->place.line,
                   "no room in the shared region for the %s of listener %.*s; raise "
                   "memory.shared and restart",
                   what, SLICE_ARG(lc->name));
    return cell;
}
