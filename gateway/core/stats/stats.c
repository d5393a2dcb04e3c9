/* SPDX-License-Identifier: Apache-2.0 */
/* Where the counters lie. A generation has a fixed set of cells (one for the workers, one for each
 * listener, route, pair of both and cluster, one per cluster for all rows of its endpoint table, and
 * what modules asked for) for every eight slots; stats_cell_next() walks them in one order, and
 * binding, keeping, giving back and showing are each a walk. So a kind of cell that is added here is
 * bound, kept and cleaned up without another line.
 *
 * Invariant: a process stores only into the columns of its own slot. What others hold on its
 * behalf (the listeners' gauges, the tables of sources) is mirrored in its columns before it is
 * taken, so that the master can give it back when the process is gone. */

#include "core/stats/stats.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/text.h"
#include "core/cluster/endpoint_cell.h"
#include "core/generation.h"
#include "core/module/module.h"
#include "core/stats/stats_cells.h"
#include "core/stats/stats_module.h"
#include "io/shm.h"

enum { LINE = 64 }; /* columns of two processes never share a cache line */

static void **place_of(struct stats *s, const struct config *cf, const struct stats_cell *c);
static void drop_listener(const struct generation *g, uint32_t index, struct listener_stats *ls);
static void drop_connections(const struct generation *g, uint32_t index,
                             const struct endpoint_stats *rows, uint32_t n);

/* -- counting ---------------------------------------------------------------------------------- */

/* The first bound that is not below `us`, found by five compares and no jump: a binary search over
 * 31 places. `us` is above a bound when us - 1 is above bound - 1, and written that way the zeros
 * behind the last bound are bounds that nothing is above. The layout is stored last, so that who
 * adds up meanwhile sees either the old one, which doesn't count, or zeros. */
void histogram_add(struct histogram *h, const struct latency_bounds *b, uint64_t us)
{
    _Static_assert(LATENCY_BUCKETS == 31, "the search has five steps");
    const uint64_t v = us - (us != 0);
    size_t i = 0;

    if (unlikely(h->layout != b->layout)) {
        *h = (struct histogram){0};
        __atomic_store_n(&h->layout, b->layout, __ATOMIC_RELEASE);
    }
    for (size_t step = 16; step; step /= 2)
        i += v > b->us[i + step - 1] - 1 ? step : 0;
    h->bucket[i]++;
    h->sum_us += us;
}

const struct latency_bounds *stats_bounds(const struct config *c)
{
    return c->metrics.buckets.n ? &c->metrics.buckets : &latency_bounds_default;
}

/* -- the cells of a generation ----------------------------------------------------------------- */

size_t stats_flows_n(const struct config *c)
{
    return c->listeners_n * (c->routes_n + 1);
}

bool stats_counts_flows(const struct config *c)
{
    return stats_flows_n(c) <= (uint64_t)c->metrics.flows;
}

/* How many cells of this kind there are at most. */
static size_t count_of(const struct generation *g, enum stats_kind kind)
{
    switch (kind) {
    case STATS_WORKER:
    case STATS_UNROUTED:
        return 1;
    case STATS_LISTENER:
    case STATS_MIRROR:
        return g->config->listeners_n;
    case STATS_FLOW:
        return stats_counts_flows(g->config) ? stats_flows_n(g->config) : 0;
    case STATS_ROUTE:
        return g->config->routes_n;
    case STATS_CLUSTER:
    case STATS_ENDPOINTS:
        return g->config->clusters_n;
    case STATS_VARIANT:
        return g->modules ? g->modules->variants_n : 0;
    case STATS_MODULE:
        return g->modules ? g->modules->counters_n : 0;
    case STATS_KIND_N:
        break;
    }
    return 0;
}

/* Rows are counted by their index in the table, so the table's own capacity is part of the key:
 * where the table is another one, so are the counters. */
static uint32_t rows_of(const struct generation *g, uint32_t cluster)
{
    if (g->tables && g->tables[cluster])
        return g->tables[cluster]->capacity;
    return cluster_table_capacity(&g->config->clusters[cluster]);
}

struct stats_cell stats_cell_of(enum stats_kind kind, uint32_t index, const char *prefix,
                                struct slice name, size_t size)
{
    return (struct stats_cell){
        .kind = kind,
        .index = index,
        .next = index + 1,
        .prefix = slice_str(prefix),
        .name = name,
        .size = size,
        .stride = (size + LINE - 1) / LINE * LINE,
    };
}

/* Parentheses: no route can be called that. */
static struct stats_cell flow_cell(const struct config *c, uint32_t i)
{
    const size_t route = i % (c->routes_n + 1);
    const struct slice name = route < c->routes_n ? c->routes[route].name : SLICE("(none)");
    struct stats_cell cell = stats_cell_of(STATS_FLOW, i, "stats/flow/", name, sizeof(uint64_t));

    cell.of = c->listeners[i / (c->routes_n + 1)].name;
    return cell;
}

/* False: there is no such cell here. */
static bool describe(const struct generation *g, enum stats_kind kind, uint32_t i,
                     struct stats_cell *c)
{
    const struct config *cf = g->config;
    const size_t traffic = sizeof(struct traffic_stats), row = sizeof(struct endpoint_stats);
    const bool sources = kind == STATS_MIRROR && g->sources && g->sources[i];
    const uint32_t rows = kind == STATS_ENDPOINTS ? rows_of(g, i) : 0;

#define CELL(prefix, name, size) *c = stats_cell_of(kind, i, prefix, name, size)
    switch (kind) {
    case STATS_WORKER:
        CELL("stats/worker", SLICE(""), sizeof(struct worker_stats));
        break;
    case STATS_UNROUTED:
        CELL("stats/unrouted", SLICE(""), traffic);
        break;
    case STATS_LISTENER:
        CELL("stats/listener/", cf->listeners[i].name, sizeof(struct listener_stats));
        break;
    case STATS_MIRROR:
        CELL("stats/sources/", cf->listeners[i].name, sources ? sizeof(struct source_mirror) : 0);
        break;
    case STATS_FLOW:
        *c = flow_cell(cf, i);
        break;
    case STATS_ROUTE:
        CELL("stats/route/", cf->routes[i].name, traffic);
        break;
    case STATS_CLUSTER:
        CELL("stats/cluster/", cf->clusters[i].place.name, traffic);
        break;
    case STATS_ENDPOINTS:
        CELL("stats/endpoints/", cf->clusters[i].place.name, row * rows);
        c->rows = rows;
        break;
    case STATS_VARIANT:
        *c = variant_cell(g->modules->variants[i]);
        break;
    case STATS_MODULE:
        *c = counters_cell(g->modules->counters[i]);
        break;
    case STATS_KIND_N:
        return false;
    }
#undef CELL
    return c->size != 0;
}

bool stats_cell_next(const struct generation *g, struct stats_cell *c)
{
    enum stats_kind kind = c->kind;
    uint32_t i = c->next;

    for (; kind < STATS_KIND_N; kind++, i = 0)
        for (; i < count_of(g, kind); i++)
            if (describe(g, kind, i, c))
                return true;
    return false;
}

struct slice stats_cell_key(const struct stats_cell *c, unsigned group, struct text *key)
{
    key->n = 0;
    text_add(key, c->prefix);
    if (c->of.n) {
        text_add(key, c->of);
        text_char(key, '/');
    }
    text_add(key, c->name);
    if (c->rows) {
        text_char(key, '/');
        text_uint(key, c->rows);
    }
    text_char(key, '/');
    text_uint(key, group);
    return text_slice(key);
}

void *stats_cell_find(const struct stats_cell *c, const struct shm *shm, unsigned group,
                      struct text *key)
{
    size_t size;
    void *p = shm_find(shm, stats_cell_key(c, group, key), &size);

    return p && size == c->stride * STATS_GROUP ? p : NULL;
}

void stats_add_up(uint64_t *to, const void *from, size_t size)
{
    const uint64_t *v = from;

    for (size_t i = 0; i < size / sizeof *v; i++)
        to[i] += __atomic_load_n(&v[i], __ATOMIC_RELAXED);
}

void stats_add_counted(uint64_t *to, const void *from, size_t size, const struct latency_bounds *b)
{
    const size_t plain = size - sizeof(struct histogram);
    const struct histogram *h = (const void *)((const char *)from + plain);

    stats_add_up(to, from, plain);
    if (__atomic_load_n(&h->layout, __ATOMIC_ACQUIRE) == b->layout)
        stats_add_up(to + plain / sizeof *to, h, sizeof *h);
}

void stats_cell_each(const struct stats_cell *c, const struct shm *shm, unsigned slots_n, void *to,
                     void (*add)(void *to, const struct stats_cell *c, const void *column))
{
    struct text key;

    text_init(&key);
    for (unsigned slot = 0; slot < slots_n;) {
        const unsigned group = slot / STATS_GROUP;
        void *cell = stats_cell_find(c, shm, group, &key);
        for (; slot < slots_n && slot / STATS_GROUP == group; slot++)
            if (cell)
                add(to, c, stats_cell_column(c, cell, slot));
    }
    text_fini(&key);
}

static void add_requests(void *to, const struct stats_cell *c, const void *column)
{
    const struct traffic_stats *ts = column;

    (void)c;
    *(uint64_t *)to += __atomic_load_n(&ts->requests, __ATOMIC_RELAXED);
}

uint64_t stats_requests(const struct generation *g, const struct shm *shm, uint32_t cluster)
{
    const struct stats_cell c =
        stats_cell_of(STATS_CLUSTER, cluster, "stats/cluster/",
                      g->config->clusters[cluster].place.name, sizeof(struct traffic_stats));
    uint64_t sum = 0;

    stats_cell_each(&c, shm, STATS_SLOTS_MAX, &sum, add_requests);
    return sum;
}

static void add_load(void *to, const struct stats_cell *c, const void *column)
{
    const struct worker_stats *ws = column;
    struct stats_load *load = to;

    (void)c;
    for (size_t i = 0; i < WHY_N; i++)
        load->requests += __atomic_load_n(&ws->whys[i], __ATOMIC_RELAXED);
    load->active += __atomic_load_n(&ws->exchanges_active, __ATOMIC_RELAXED);
}

struct stats_load stats_load(const struct shm *shm)
{
    const struct stats_cell c =
        stats_cell_of(STATS_WORKER, 0, "stats/worker", SLICE(""), sizeof(struct worker_stats));
    struct stats_load load = {0};

    stats_cell_each(&c, shm, STATS_SLOTS_MAX, &load, add_load);
    return load;
}

struct pids {
    uint64_t *v;
    size_t n, room;
};

static void add_pid(void *to, const struct stats_cell *c, const void *column)
{
    struct pids *p = to;
    const struct worker_stats *ws = column;
    const uint64_t pid = __atomic_load_n(&ws->pid, __ATOMIC_RELAXED);

    (void)c;
    if (pid && p->n < p->room)
        p->v[p->n++] = pid;
}

size_t stats_pids(const struct shm *shm, unsigned slots_n, uint64_t *pids, size_t room)
{
    const struct stats_cell c =
        stats_cell_of(STATS_WORKER, 0, "stats/worker", SLICE(""), sizeof(struct worker_stats));
    struct pids p = {.v = pids, .room = room};

    stats_cell_each(&c, shm, slots_n, &p, add_pid);
    return p.n;
}

struct epochs {
    uint64_t want;
    bool all;
};

static void look_at_epoch(void *to, const struct stats_cell *c, const void *column)
{
    struct epochs *e = to;
    const struct worker_stats *ws = column;

    (void)c;
    if (__atomic_load_n(&ws->pid, __ATOMIC_RELAXED) &&
        __atomic_load_n(&ws->logs_epoch, __ATOMIC_RELAXED) < e->want)
        e->all = false;
}

bool stats_logs_reopened(const struct shm *shm, unsigned slots_n, uint64_t epoch)
{
    const struct stats_cell c =
        stats_cell_of(STATS_WORKER, 0, "stats/worker", SLICE(""), sizeof(struct worker_stats));
    struct epochs e = {.want = epoch, .all = true};

    stats_cell_each(&c, shm, slots_n, &e, look_at_epoch);
    return e.all;
}

/* -- the columns of one process ---------------------------------------------------------------- */

static struct stats *make(const struct generation *g, unsigned slot)
{
    const struct config *cf = g->config;
    struct stats *s = calloc(1, sizeof *s);

    must(s);
    s->slot = slot;
    /* One more than needed: calloc may give NULL for nothing. */
    s->listeners = calloc(cf->listeners_n + 1, sizeof *s->listeners);
    s->mirrors = calloc(cf->listeners_n + 1, sizeof *s->mirrors);
    s->routes = calloc(cf->routes_n + 1, sizeof *s->routes);
    s->clusters = calloc(cf->clusters_n + 1, sizeof *s->clusters);
    s->endpoints = calloc(cf->clusters_n + 1, sizeof *s->endpoints);
    s->variants = calloc(count_of(g, STATS_VARIANT) + 1, sizeof *s->variants);
    s->counters = calloc(count_of(g, STATS_MODULE) + 1, sizeof *s->counters);
    s->flows = calloc(cf->listeners_n + 1, sizeof *s->flows);
    s->flow_cells = calloc(cf->listeners_n * (cf->routes_n + 2) + 1, sizeof *s->flow_cells);
    must(s->listeners && s->mirrors && s->routes && s->clusters && s->endpoints && s->variants &&
         s->counters && s->flows && s->flow_cells);
    return s;
}

/* When the cells have their places. */
static void join_flows(struct stats *s, const struct config *c)
{
    for (size_t i = 0; i < c->listeners_n; i++) {
        uint64_t **flows = s->flows[i] = &s->flow_cells[i * (c->routes_n + 2)];
        flows[FLOW_ALL] = &s->listeners[i]->requests;
        for (size_t k = 0; k <= c->routes_n; k++)
            if (!flows[FLOW_ROUTES + k])
                flows[FLOW_ROUTES + k] = &s->nowhere;
    }
    s->routes[c->routes_n] = s->unrouted;
}

struct stats *stats_bind(const struct generation *g, struct shm *shm, unsigned slot,
                         struct faults *faults)
{
    struct stats *s = make(g, slot);
    struct stats_cell c = {0};
    struct text key;
    bool ok = true;

    must(slot < STATS_SLOTS_MAX);
    s->shm = shm;
    s->bounds = stats_bounds(g->config);
    text_init(&key);
    while (ok && stats_cell_next(g, &c)) {
        struct slice name = stats_cell_key(&c, slot / STATS_GROUP, &key);
        void *cell = shm_cell(shm, name, c.stride * STATS_GROUP);
        if (cell)
            *place_of(s, g->config, &c) = stats_cell_column(&c, cell, slot);
        else
            ok = false;
    }
    if (!ok) {
        faults_add(faults, NULL, 0,
                   "no room for the counters %.*s in shared memory: raise memory.shared, which is "
                   "read when the gateway starts",
                   SLICE_ARG(text_slice(&key)));
        stats_free(s);
        s = NULL;
    } else {
        join_flows(s, g->config);
    }
    text_fini(&key);
    return s;
}

static void **place_of(struct stats *s, const struct config *cf, const struct stats_cell *c)
{
    const size_t pairs = cf->routes_n + 1; /* of a listener */

    switch (c->kind) {
    case STATS_WORKER:
        return (void **)&s->worker;
    case STATS_UNROUTED:
        return (void **)&s->unrouted;
    case STATS_LISTENER:
        return (void **)&s->listeners[c->index];
    case STATS_MIRROR:
        return (void **)&s->mirrors[c->index];
    case STATS_FLOW:
        return (void **)&s->flow_cells[c->index / pairs * (pairs + 1) + FLOW_ROUTES +
                                       c->index % pairs];
    case STATS_ROUTE:
        return (void **)&s->routes[c->index];
    case STATS_CLUSTER:
        return (void **)&s->clusters[c->index];
    case STATS_ENDPOINTS:
        return (void **)&s->endpoints[c->index];
    case STATS_VARIANT:
        return (void **)&s->variants[c->index];
    case STATS_MODULE:
        return (void **)&s->counters[c->index];
    case STATS_KIND_N:
        break;
    }
    must(!"a kind of cell without a place");
}

void stats_free(struct stats *s)
{
    if (!s)
        return;
    free(s->listeners);
    free(s->mirrors);
    free(s->routes);
    free(s->clusters);
    free(s->endpoints);
    free(s->variants);
    free(s->counters);
    free(s->flows);
    free(s->flow_cells);
    free(s);
}

void stats_claim(struct endpoint_stats *es, uint64_t owner)
{
    if (es->owner == owner)
        return;
    struct endpoint_stats next = {.owner = owner};
#define GAUGE(field, name, help) next.field = es->field;
    ENDPOINT_GAUGES(GAUGE)
#undef GAUGE
    *es = next;
}

/* -- over processes ---------------------------------------------------------------------------- */

void stats_keep(const struct generation *g, struct shm *shm, unsigned slots_n)
{
    struct stats_cell c = {0};
    struct text key;

    text_init(&key);
    while (stats_cell_next(g, &c))
        for (unsigned group = 0; group * STATS_GROUP < slots_n; group++)
            if (stats_cell_find(&c, shm, group, &key))
                must(shm_cell(shm, text_slice(&key), c.stride * STATS_GROUP));
    text_fini(&key);
}

void stats_slot_dead(const struct generation *g, struct shm *shm, unsigned slot)
{
    struct stats_cell c = {0};
    struct text key;

    text_init(&key);
    while (stats_cell_next(g, &c)) {
        void *cell = stats_cell_find(&c, shm, slot / STATS_GROUP, &key);
        if (!cell)
            continue;
        void *p = stats_cell_column(&c, cell, slot);
        if (c.kind == STATS_ENDPOINTS)
            drop_connections(g, c.index, p, c.rows);
#define GAUGE(field, name, help) v->field = 0;
        if (c.kind == STATS_WORKER) {
            struct worker_stats *v = p;
            WORKER_GAUGES(GAUGE)
            v->pid = 0;
        } else if (c.kind == STATS_LISTENER) {
            drop_listener(g, c.index, p);
        } else if (c.kind == STATS_MIRROR) {
            source_dead(g->sources[c.index], p);
        } else if (c.kind == STATS_ENDPOINTS) {
            struct endpoint_stats *v = p;
            for (uint32_t row = 0; row < c.rows; row++, v++) {
                ENDPOINT_GAUGES(GAUGE)
            }
        }
    }
    text_fini(&key);
}

/* A gauge never goes below zero: one that died between two stores may have noted more than it had
 * taken, and a limit that is one too generous harms less than one that shuts everybody out. */
static void give_back(_Atomic uint64_t *total, uint64_t held)
{
    uint64_t now = atomic_load(total);
    while (!atomic_compare_exchange_weak(total, &now, now > held ? now - held : 0))
        ;
}

static void drop_connections(const struct generation *g, uint32_t index,
                             const struct endpoint_stats *rows, uint32_t n)
{
    uint64_t held = 0;

    for (uint32_t row = 0; row < n; row++)
        held += rows[row].open;
    if (held && g->shared && g->shared[index])
        give_back(&g->shared[index]->connections, held);
}

static void drop_listener(const struct generation *g, uint32_t index, struct listener_stats *v)
{
    uint64_t held = v->active;

    LISTENER_GAUGES(GAUGE)
#undef GAUGE
    if (held && g->gauges && g->gauges[index])
        give_back(&g->gauges[index]->connections, held);
}
