/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/shared.h>, "endpoints in shared memory". */
#include "core/module/module_api.h"

#include "core/cluster/endpoint_cell.h"
#include "core/generation.h"
#include "core/worker.h"

/* -- at load ----------------------------------------------------------------------------------- */

weir_cluster weir_load_cluster_of(const struct weir_load *l)
{
    return l->cluster ? (weir_cluster)l->cluster->place.index : WEIR_NO_CLUSTER;
}

/* A check has no shared memory, but whoever loads gets the same. */
static struct endpoint_cell *cell_for(struct weir_load *l, weir_cluster cluster)
{
    if (l->g->cells)
        return l->g->cells[cluster];
    const uint32_t rows = cluster_table_capacity(&l->g->config->clusters[cluster]);
    const uint32_t capacity = endpoint_cell_capacity(rows);
    struct endpoint_cell *cell = arena_zalloc(
        l->arena, endpoint_cell_size(capacity) + _Alignof(struct endpoint_cell) - 1);
    const uintptr_t mask = _Alignof(struct endpoint_cell) - 1;
    cell = (struct endpoint_cell *)(((uintptr_t)cell + mask) & ~mask);
    endpoint_cell_init(cell, capacity);
    return cell;
}

struct weir_endpoint_cells *weir_endpoint_cells(struct weir_load *l, weir_cluster cluster,
                                                const char *name, size_t size)
{
    const struct config *c = l->g->config;
    if (cluster >= c->clusters_n)
        return NULL;
    struct weir_endpoint_cells *a = ARENA_NEW(l->arena, struct weir_endpoint_cells);
    struct endpoint_cell *cell = cell_for(l, cluster);
    if (!cell) /* which is a fault already */
        return NULL;
    const struct slice key = module_cell_key(
        l, arena_printf(l->arena, "endpoints/%.*s/%s", SLICE_ARG(c->clusters[cluster].place.name),
                        name));
    if (!l->shm) {
        endpoint_array_local(a, l->arena, cell, size);
    } else if (!endpoint_array_prepare(a, l->shm, key, cell, l->g->shared[cluster], size)) {
        weir_fault(l, weir_load_place(l),
                   "no room in the shared region for what the module %s keeps per endpoint (%s, "
                   "%zu bytes); raise memory.shared and restart",
                   l->module->desc->name, name, size);
        return NULL;
    }
    a->next = l->g->arrays[cluster];
    l->g->arrays[cluster] = a;
    return a;
}

void weir_load_connections(struct weir_load *l, weir_cluster cluster, uint64_t max)
{
    uint64_t *limits = l->g->connections_max;
    if (cluster < l->g->config->clusters_n && max && (!limits[cluster] || max < limits[cluster]))
        limits[cluster] = max;
}

/* -- at run time ------------------------------------------------------------------------------- */

void *weir_endpoint_cell(const struct weir_endpoint_cells *cells, weir_slot slot)
{
    return endpoint_array_at(cells, slot);
}

void weir_endpoint_share_set(const struct weir_endpoint_cells *cells, weir_slot slot,
                             uint32_t millionths)
{
    endpoint_share_set(cells, slot, millionths);
}

void weir_endpoint_guard_set(const struct weir_endpoint_cells *cells, weir_slot slot, bool on)
{
    endpoint_guard_set(cells, slot, on);
}

weir_slot weir_endpoint_slot(const struct weir_endpoint *ep)
{
    return ((const struct endpoint *)ep)->slot;
}

weir_slot weir_attempt_slot(const struct weir_attempt *at)
{
    return ((const struct attempt *)at)->slot;
}

static struct cluster *cluster_at(struct weir_process *p, weir_cluster cluster)
{
    struct worker *w = worker_of(p);
    return cluster < w->g->config->clusters_n ? &w->clusters[cluster] : NULL;
}

bool weir_endpoint_each(struct weir_process *p, weir_cluster cluster, size_t *at,
                        struct weir_endpoint_info *out)
{
    struct cluster *cl = cluster_at(p, cluster);
    if (cl && *at == 0)
        cluster_follow(cl);
    if (!cl || *at >= cl->n)
        return false;
    const struct endpoint *ep = cl->endpoints[(*at)++];
    *out = (struct weir_endpoint_info){
        .slot = ep->slot,
        .name = slice_of_word(ep->name),
        .weight = ep->configured,
        .healthy = endpoint_health(cl->cell, ep->slot) != HEALTH_DOWN && !endpoint_awaits_check(ep),
        .draining = endpoint_draining(cl->cell, ep->slot, *cl->now_us),
        .share = endpoint_share(cl->arrays, ep->slot),
        .passed = endpoint_passed(cl->cell, ep->slot),
    };
    return true;
}

static struct cluster_shared *shared_of(const struct weir_process *p, weir_cluster cluster)
{
    const struct generation *g = ((const struct worker *)p)->g;
    return g->shared && cluster < g->config->clusters_n ? g->shared[cluster] : NULL;
}

uint64_t weir_connections(const struct weir_process *p, weir_cluster cluster)
{
    const struct cluster_shared *s = shared_of(p, cluster);
    return s ? atomic_load(&s->connections) : 0;
}

void weir_cluster_trouble_set(struct weir_process *p, weir_cluster cluster, bool on)
{
    struct cluster_shared *s = shared_of(p, cluster);
    if (s)
        atomic_store(&s->trouble, on);
}

bool weir_cluster_trouble(const struct weir_process *p, weir_cluster cluster)
{
    const struct cluster_shared *s = shared_of(p, cluster);
    return s && atomic_load(&s->trouble);
}
