/* SPDX-License-Identifier: Apache-2.0 */
/* The counters as a page of metrics.
 *
 * The formats want all lines of one metric together, but a cell holds many metrics of one object.
 * So the page is made in two passes: a walk over all cells adds the slots up, one sum per object;
 * then each metric is written for all objects of its kind, by the tables of stats_metrics.c.
 *
 * An object that has seen nothing yet shows its counters but neither its status classes nor its
 * latencies: ten thousand routes of which a hundred are used make a page of the hundred. What there
 * are no objects of at all has no head either. */

#include "core/stats/stats.h"

#include <stdlib.h>

#include "base/map.h"
#include "core/generation.h"
#include "core/module/module.h"
#include "core/stats/stats_cells.h"
#include "core/stats/stats_module.h"
#include "core/stats/stats_page.h"

static void collect(struct page *p);
static struct group *group_of(struct page *p, const struct stats_cell *c, struct slice *labels);
static struct slice variant_labels(struct page *p, const struct weir_variant *v);
static void show_workers(struct page *p);
static void show_traffic(struct page *p, const struct group *gr, const struct traffic_metrics *m);
static void show_endpoints(struct page *p);
static void show_plain(struct page *p, const struct group *gr, const struct metrics *m);

void stats_show(const struct generation *g, const struct shm *shm, unsigned slots_n,
                struct exposition *e)
{
    struct page p = {
        .g = g, .shm = shm, .slots_n = slots_n, .e = e, .bounds = stats_bounds(g->config)};

    arena_init(&p.arena, NULL, 0);
    exposed_bounds_init(&p.les, p.bounds);
    collect(&p);
    show_workers(&p);
    show_plain(&p, &p.listeners, &listener_metrics);
    show_traffic(&p, &p.routes, &route_metrics);
    show_traffic(&p, &p.variants, &variant_metrics);
    show_traffic(&p, &p.clusters, &cluster_metrics);
    show_endpoints(&p);
    page_modules(&p);
    arena_fini(&p.arena);
}

/* -- adding up --------------------------------------------------------------------------------- */

static struct slice label(struct page *p, const char *name, struct slice value)
{
    struct text t;

    text_init(&t);
    label_add(&t, name, value);
    const struct slice out = arena_dup(&p->arena, text_slice(&t));
    text_fini(&t);
    return out;
}

static struct slice labels_join(struct page *p, struct slice a, struct slice b)
{
    return slice_str(arena_printf(&p->arena, "%.*s,%.*s", SLICE_ARG(a), SLICE_ARG(b)));
}

static void group_init(struct page *p, struct group *gr, size_t room)
{
    gr->v = ARENA_ARRAY(&p->arena, struct object, room);
}

static struct object *group_add(struct page *p, struct group *gr, struct slice labels, size_t size)
{
    struct object *o = &gr->v[gr->n++];

    o->labels = labels;
    o->sum = arena_zalloc(&p->arena, size);
    return o;
}

struct adding {
    const struct page *page;
    struct object *object;
};

static void add_object(void *to, const struct stats_cell *c, const void *column)
{
    const struct adding *a = to;

    stats_add_up(a->object->sum, column, c->size);
}

/* Of what ends with a histogram. */
static void add_traffic(void *to, const struct stats_cell *c, const void *column)
{
    const struct adding *a = to;

    stats_add_counted(a->object->sum, column, c->size, a->page->bounds);
}

static void add_cell(struct page *p, const struct stats_cell *c, struct object *o)
{
    const bool traffic = c->kind == STATS_ROUTE || c->kind == STATS_UNROUTED ||
                         c->kind == STATS_VARIANT || c->kind == STATS_CLUSTER;
    struct adding a = {p, o};

    stats_cell_each(c, p->shm, p->slots_n, &a, traffic ? add_traffic : add_object);
}

/* The endpoint of a row, whose sum may be that of several rows. */
struct row_object {
    struct object *object; /* NULL: a free row */
    uint64_t owner;
};

struct adding_rows {
    const struct page *page;
    const struct row_object *of_row;
};

/* A process that has not noticed yet that the row was taken for another address still has the old
 * one's numbers in its column: those are left out. */
static void add_rows(void *to, const struct stats_cell *c, const void *column)
{
    const struct adding_rows *a = to;
    const struct endpoint_stats *v = column;

    for (uint32_t row = 0; row < c->rows; row++) {
        const struct row_object *r = &a->of_row[row];
        const uint64_t owner = __atomic_load_n(&v[row].owner, __ATOMIC_RELAXED);
        if (r->object && (!owner || owner == r->owner))
            stats_add_counted(r->object->sum, &v[row], sizeof *v, a->page->bounds);
    }
}

bool stats_shows_endpoints(const struct generation *g, uint32_t cluster)
{
    const struct config *c = g->config;

    return c->metrics.endpoints &&
           cluster_endpoints_max(&c->clusters[cluster]) <= (uint64_t)c->metrics.endpoints;
}

/* The object that counts for an endpoint of this name: made when it is met first. */
static struct object *endpoint_object(struct page *p, struct map *seen, struct slice cluster,
                                      struct slice name)
{
    struct object *o = map_find(seen, name);

    if (o)
        return o;
    o = group_add(p, &p->endpoints, labels_join(p, cluster, label(p, "endpoint", name)),
                  sizeof(struct endpoint_stats));
    map_set(seen, name, o);
    return o;
}

static uint64_t rows_used(const struct cluster_table *t)
{
    uint64_t n = 0;

    for (uint32_t row = 0; row < t->capacity; row++)
        n += t->rows[row].state != ROW_FREE;
    return n;
}

/* Rows that carry the same name (an address that is listed twice, or that has left and come back)
 * are one endpoint. Where there are too many, none is shown, rather than their sum: whenever an
 * endpoint left it would go back. */
static void collect_rows(struct page *p, const struct stats_cell *c)
{
    const struct cluster_table *t = p->g->tables ? p->g->tables[c->index] : NULL;

    if (!t || !stats_shows_endpoints(p->g, c->index)) {
        p->left_out += t ? rows_used(t) : 0;
        return;
    }
    struct row_object *of_row = ARENA_ARRAY(&p->arena, struct row_object, c->rows);
    const struct slice cluster = label(p, "cluster", c->name);
    struct map seen;
    map_init(&seen);
    for (uint32_t row = 0; row < c->rows; row++) {
        if (t->rows[row].state == ROW_FREE)
            continue;
        /* A copy: the control process may be writing the row. */
        struct slice name =
            slice_of(t->rows[row].name, strnlen(t->rows[row].name, ENDPOINT_NAME_MAX));
        name = arena_dup(&p->arena, name);
        of_row[row].owner = cluster_owner(name);
        of_row[row].object = endpoint_object(p, &seen, cluster, name);
    }
    map_fini(&seen);
    struct adding_rows a = {p, of_row};
    stats_cell_each(c, p->shm, p->slots_n, &a, add_rows);
}

static size_t rows_n(const struct generation *g)
{
    size_t n = 0;

    for (size_t i = 0; g->tables && i < g->config->clusters_n; i++)
        n += g->tables[i] ? g->tables[i]->capacity : 0;
    return n;
}

static void collect(struct page *p)
{
    const struct config *cf = p->g->config;
    struct stats_cell c = {0};
    const struct module_plan *mp = p->g->modules;

    group_init(p, &p->workers, 1);
    group_init(p, &p->listeners, cf->listeners_n);
    group_init(p, &p->routes, cf->routes_n + 1);
    group_init(p, &p->variants, mp ? mp->variants_n : 0);
    group_init(p, &p->clusters, cf->clusters_n);
    group_init(p, &p->endpoints, rows_n(p->g));
    group_init(p, &p->modules, mp ? mp->counters_n : 0);
    while (stats_cell_next(p->g, &c)) {
        struct slice labels = {0};
        if (c.kind == STATS_ENDPOINTS)
            collect_rows(p, &c);
        struct group *gr = group_of(p, &c, &labels);
        if (gr)
            add_cell(p, &c, group_add(p, gr, labels, c.size));
    }
}

/* Where an object of this kind is shown, and by what labels. NULL: elsewhere, or not at all. */
static struct group *group_of(struct page *p, const struct stats_cell *c, struct slice *labels)
{
    switch (c->kind) {
    case STATS_WORKER:
        return &p->workers;
    case STATS_UNROUTED: /* parentheses: no route can be called that */
        *labels = label(p, "route", SLICE("(none)"));
        return &p->routes;
    case STATS_LISTENER:
        *labels = label(p, "listener", c->name);
        return &p->listeners;
    case STATS_ROUTE:
        *labels = label(p, "route", c->name);
        return &p->routes;
    case STATS_CLUSTER:
        *labels = label(p, "cluster", c->name);
        return &p->clusters;
    case STATS_VARIANT:
        *labels = variant_labels(p, p->g->modules->variants[c->index]);
        return &p->variants;
    case STATS_MODULE:
        *labels = p->g->modules->counters[c->index]->labels;
        return &p->modules;
    case STATS_ENDPOINTS:
    case STATS_FLOW:
    case STATS_MIRROR:
    case STATS_KIND_N:
        break;
    }
    return NULL;
}

static struct slice variant_labels(struct page *p, const struct weir_variant *v)
{
    const struct slice route = label(p, "route", v->route), name = label(p, "variant", v->name);

    return labels_join(p, route, name);
}

/* -- writing ----------------------------------------------------------------------------------- */

static void show_plain(struct page *p, const struct group *gr, const struct metrics *m)
{
    for (size_t i = 0; gr->n && i < m->n; i++) {
        expose_head(p->e, &m->v[i]);
        for (size_t k = 0; k < gr->n; k++)
            expose_sample(p->e, &m->v[i], gr->v[k].labels, (struct slice){0},
                          (int64_t)gr->v[k].sum[m->v[i].at]);
    }
}

static bool used(const uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i])
            return true;
    return false;
}

static void show_classes(struct page *p, const struct group *gr, const struct metric *m)
{
    expose_head(p->e, m);
    for (size_t k = 0; k < gr->n; k++) {
        const uint64_t *v = gr->v[k].sum + m->at;
        for (size_t i = 0; i < array_n(status_classes) && used(v, array_n(status_classes)); i++)
            expose_sample(p->e, m, gr->v[k].labels, status_classes[i], (int64_t)v[i]);
    }
}

static void grpc_label(char (*buffer)[32], size_t code, struct text *t)
{
    text_init_fixed(t, *buffer, sizeof *buffer);
    if (code == GRPC_MISSING)
        text_str(t, "code=\"missing\"");
    else
        text_printf(t, "code=\"%zu\"", code);
}

/* gRPC requests by code; only codes that there were, and nothing where there is no gRPC. */
static void show_grpc(struct page *p, const struct group *gr, const struct metric *m)
{
    bool headed = false;

    for (size_t k = 0; k < gr->n; k++)
        for (size_t i = 0; i < GRPC_COLUMNS; i++) {
            char buffer[32];
            struct text code;
            const uint64_t n = gr->v[k].sum[m->at + i];
            if (!n)
                continue;
            if (!headed)
                expose_head(p->e, m);
            headed = true;
            grpc_label(&buffer, i, &code);
            expose_sample(p->e, m, gr->v[k].labels, text_slice(&code), (int64_t)n);
        }
}

static void show_latencies(struct page *p, const struct group *gr, const struct metric *m)
{
    expose_head(p->e, m);
    for (size_t k = 0; k < gr->n; k++) {
        const struct histogram *h = (const void *)(gr->v[k].sum + m->at);
        if (used(h->bucket, LATENCY_BUCKETS))
            expose_histogram(p->e, m, gr->v[k].labels, &p->les, h->bucket, h->sum_us);
    }
}

/* -- what each kind shows ---------------------------------------------------------------------- */

static void show_words(struct page *p, const struct metric *m, const char *label_name, size_t n,
                       const char *(*word)(size_t i))
{
    expose_head(p->e, m);
    for (size_t i = 0; i < n; i++)
        if (word(i))
            expose_sample(p->e, m, (struct slice){0}, label(p, label_name, slice_str(word(i))),
                          (int64_t)p->workers.v[0].sum[m->at + i]);
}

static const char *word_of_why(size_t i)
{
    return i == WHY_NONE ? "ok" : why_facts((enum why)i)->word;
}

static const char *word_of_fault(size_t i)
{
    return i == H1_NONE ? NULL : h1_fault_name((enum h1_fault)i);
}

static const char *word_of_h2_fault(size_t i)
{
    return i == H2_FAULT_NONE ? NULL : h2_fault_name((enum h2_fault)i);
}

static void show_workers(struct page *p)
{
    show_plain(p, &p->workers, &worker_metrics);
    show_words(p, &outcome_metric, "reason", WHY_N, word_of_why);
    show_words(p, &h1_fault_metric, "fault", H1_FAULT_N, word_of_fault);
    show_words(p, &h2_fault_metric, "fault", H2_FAULT_N, word_of_h2_fault);
    expose_value(p->e, &left_out_metric, p->left_out);
    expose_value(p->e, &flows_left_out_metric,
                 stats_counts_flows(p->g->config) ? 0 : stats_flows_n(p->g->config));
}

static void show_traffic(struct page *p, const struct group *gr, const struct traffic_metrics *m)
{
    if (!gr->n)
        return;
    show_plain(p, gr, &m->plain);
    show_classes(p, gr, &m->classes);
    show_latencies(p, gr, &m->latency);
    show_grpc(p, gr, &m->grpc);
}

static void show_endpoints(struct page *p)
{
    if (!p->endpoints.n)
        return;
    show_plain(p, &p->endpoints, &endpoint_metrics);
    show_classes(p, &p->endpoints, &endpoint_classes);
    show_latencies(p, &p->endpoints, &endpoint_latency);
}
