/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over the cells of a generation: the columns of all slots, added up in arrays. */
#include "core/stats/stats_sums.h"

#include "base/map.h"
#include "core/generation.h"
#include "core/module/module.h"
#include "core/stats/stats_cells.h"

static void add_cell(struct stats_sums *s, const struct stats_cell *c, const struct shm *shm,
                     unsigned slots_n);
static void add_processes(struct stats_sums *s, const struct shm *shm, unsigned slots_n);

/* One more than needed: nothing is no array. */
#define ROOM(s, type, n) ARENA_ARRAY(&(s)->arena, type, (n) + 1)

void stats_sums_make(struct stats_sums *s, const struct generation *g, const struct shm *shm,
                     unsigned slots_n)
{
    const struct config *cf = g->config;
    struct stats_cell c = {0};

    *s = (struct stats_sums){.g = g};
    arena_init(&s->arena, NULL, 0);
    s->listeners = ROOM(s, struct listener_stats, cf->listeners_n);
    s->routes = ROOM(s, struct traffic_stats, cf->routes_n);
    s->clusters = ROOM(s, struct traffic_stats, cf->clusters_n);
    s->variants = ROOM(s, struct traffic_stats, g->modules ? g->modules->variants_n : 0);
    s->endpoints = ROOM(s, struct endpoint_stats **, cf->clusters_n);
    if (stats_counts_flows(cf))
        s->flows = ROOM(s, uint64_t, stats_flows_n(cf));
    while (stats_cell_next(g, &c))
        add_cell(s, &c, shm, slots_n);
    add_processes(s, shm, slots_n);
}

void stats_sums_free(struct stats_sums *s)
{
    arena_fini(&s->arena);
}

/* -- objects ----------------------------------------------------------------------------------- */

static void add_plain(void *to, const struct stats_cell *c, const void *column)
{
    stats_add_up(to, column, c->size);
}

struct counted {
    void *sum;
    const struct latency_bounds *bounds;
};

static void add_counted(void *to, const struct stats_cell *c, const void *column)
{
    const struct counted *a = to;

    stats_add_counted(a->sum, column, c->size, a->bounds);
}

struct row {
    struct endpoint_stats *sum; /* NULL: a free row */
    uint64_t owner;
};

struct rows {
    const struct row *of;
    const struct latency_bounds *bounds;
};

/* What a process counted for the one that had the row before is left out. */
static void add_rows(void *to, const struct stats_cell *c, const void *column)
{
    const struct rows *a = to;
    const struct endpoint_stats *v = column;

    for (uint32_t i = 0; i < c->rows; i++)
        if (a->of[i].sum && __atomic_load_n(&v[i].owner, __ATOMIC_RELAXED) == a->of[i].owner)
            stats_add_counted((uint64_t *)a->of[i].sum, &v[i], sizeof *v, a->bounds);
}

/* A copy of the row's name: the control process may be writing it. */
static struct endpoint_stats *sum_of_row(struct stats_sums *s, struct map *seen,
                                         const struct table_row *row, uint64_t *owner)
{
    const struct slice name =
        arena_dup(&s->arena, slice_of(row->name, strnlen(row->name, ENDPOINT_NAME_MAX)));
    struct endpoint_stats *sum = map_find(seen, name);

    *owner = cluster_owner(name);
    if (!sum) {
        sum = ARENA_NEW(&s->arena, struct endpoint_stats);
        map_set(seen, name, sum);
    }
    return sum;
}

static void add_endpoints(struct stats_sums *s, const struct stats_cell *c, const struct shm *shm,
                          unsigned slots_n)
{
    const struct cluster_table *t = s->g->tables ? s->g->tables[c->index] : NULL;
    struct row *of = ROOM(s, struct row, c->rows);
    struct rows a = {of, stats_bounds(s->g->config)};
    struct map seen;

    s->endpoints[c->index] = ROOM(s, struct endpoint_stats *, c->rows);
    map_init(&seen);
    for (uint32_t i = 0; t && i < c->rows; i++)
        if (t->rows[i].state != ROW_FREE)
            s->endpoints[c->index][i] = of[i].sum = sum_of_row(s, &seen, &t->rows[i], &of[i].owner);
    map_fini(&seen);
    stats_cell_each(c, shm, slots_n, &a, add_rows);
}

static void add_cell(struct stats_sums *s, const struct stats_cell *c, const struct shm *shm,
                     unsigned slots_n)
{
    struct counted traffic = {NULL, stats_bounds(s->g->config)};

    switch (c->kind) {
    case STATS_LISTENER:
        stats_cell_each(c, shm, slots_n, &s->listeners[c->index], add_plain);
        return;
    case STATS_FLOW:
        stats_cell_each(c, shm, slots_n, &s->flows[c->index], add_plain);
        return;
    case STATS_ENDPOINTS:
        add_endpoints(s, c, shm, slots_n);
        return;
    case STATS_ROUTE:
        traffic.sum = &s->routes[c->index];
        break;
    case STATS_UNROUTED:
        traffic.sum = &s->routes[s->g->config->routes_n];
        break;
    case STATS_CLUSTER:
        traffic.sum = &s->clusters[c->index];
        break;
    case STATS_VARIANT:
        traffic.sum = &s->variants[c->index];
        break;
    case STATS_WORKER:
    case STATS_MIRROR:
    case STATS_MODULE:
    case STATS_KIND_N:
        return;
    }
    stats_cell_each(c, shm, slots_n, &traffic, add_counted);
}

/* -- processes --------------------------------------------------------------------------------- */

static const struct worker_stats *worker_at(const struct shm *shm, unsigned slot, struct text *key)
{
    const struct stats_cell c =
        stats_cell_of(STATS_WORKER, 0, "stats/worker", SLICE(""), sizeof(struct worker_stats));
    void *cell = stats_cell_find(&c, shm, slot / STATS_GROUP, key);

    return cell ? stats_cell_column(&c, cell, slot) : NULL;
}

/* Of listeners that only an older configuration has nothing is known here. */
static uint64_t connections_of(const struct stats_sums *s, const struct shm *shm, unsigned slot,
                               struct text *key)
{
    const struct config *cf = s->g->config;
    uint64_t n = 0;

    for (uint32_t i = 0; i < cf->listeners_n; i++) {
        const struct stats_cell c =
            stats_cell_of(STATS_LISTENER, i, "stats/listener/", cf->listeners[i].name,
                          sizeof(struct listener_stats));
        void *cell = stats_cell_find(&c, shm, slot / STATS_GROUP, key);
        const struct listener_stats *v = cell ? stats_cell_column(&c, cell, slot) : NULL;
        n += v ? __atomic_load_n(&v->active, __ATOMIC_RELAXED) : 0;
    }
    return n;
}

static struct process_sums process_of_slot(const struct worker_stats *w, unsigned slot)
{
    struct worker_stats now = {0};
    stats_add_up((uint64_t *)&now, w, sizeof now);
    struct process_sums p = {
        .slot = slot,
        .pid = now.pid,
        .generation = now.generation,
        .worker = now.worker,
        .draining = now.draining,
        .active = now.exchanges_active,
    };

    for (size_t i = 0; i < WHY_N; i++)
        p.requests += now.whys[i];
    return p;
}

static void add_processes(struct stats_sums *s, const struct shm *shm, unsigned slots_n)
{
    struct text key;

    text_init(&key);
    s->processes = ROOM(s, struct process_sums, slots_n);
    for (unsigned slot = 0; slot < slots_n; slot++) {
        const struct worker_stats *w = worker_at(shm, slot, &key);
        if (!w || !__atomic_load_n(&w->pid, __ATOMIC_RELAXED))
            continue;
        struct process_sums p = process_of_slot(w, slot);
        p.connections = connections_of(s, shm, slot, &key);
        s->processes[s->processes_n++] = p;
    }
    text_fini(&key);
}
