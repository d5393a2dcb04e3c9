/* SPDX-License-Identifier: Apache-2.0 */
/* The counters as a page in the Prometheus text format 0.0.4.
 *
 * The format wants all lines of one metric together, but a cell holds many metrics of one object.
 * So the page is made in two passes: a walk over all cells adds the slots up, one sum per object;
 * then each metric is written for all objects of its kind. What a metric is called and where it
 * lies in a sum stands in tables made from the lists of stats.h.
 *
 * An object that has seen nothing yet shows its counters but neither its status classes nor its
 * latencies: ten thousand routes of which a hundred are used make a page of the hundred. */

#include "core/stats/stats.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/map.h"
#include "core/generation.h"
#include "core/module/module.h"
#include "core/stats/stats_cells.h"
#include "core/stats/stats_module.h"
#include "core/stats/stats_page.h"

/* One metric of a kind of objects: where its value lies in their sums. */
struct metric {
    const char *name, *help;
    size_t at; /* index into the sum as an array */
};

static void collect(struct page *p);
static struct group *group_of(struct page *p, const struct stats_cell *c, struct slice *labels);
static struct slice variant_labels(struct page *p, const struct weir_variant *v);
static const char *word_of_h2_fault(size_t i)
{
    return i == H2_FAULT_NONE ? NULL : h2_fault_name((enum h2_fault)i);
}

static void show_workers(struct page *p);
static void show_traffic(struct page *p);
static void show_endpoints(struct page *p);
static void show_counters(struct text *out, const struct group *gr, const struct metric *m,
                          size_t n);
static void show_gauges(struct text *out, const struct group *gr, const struct metric *m, size_t n);

#define AT(type, field) (offsetof(struct type, field) / sizeof(uint64_t))
#define STATS_STRUCT worker_stats
#define COUNTER(field, help) {#field, help, AT(STATS_STRUCT, field)},
#define GAUGE(field, name, help) {name, help, AT(STATS_STRUCT, field)},
static const struct metric worker_counters[] = {WORKER_COUNTERS(COUNTER)};
static const struct metric worker_gauges[] = {WORKER_GAUGES(GAUGE)};
#undef STATS_STRUCT
#define STATS_STRUCT listener_stats
static const struct metric listener_counters[] = {LISTENER_COUNTERS(COUNTER)};
static const struct metric listener_gauges[] = {LISTENER_GAUGES(GAUGE)};
#undef STATS_STRUCT
#define STATS_STRUCT traffic_stats
static const struct metric traffic_counters[] = {
    TRAFFIC_COUNTERS(COUNTER) COUNTER(retries, "attempts after the first")
        COUNTER(retries_refused, "retries refused by retry_budget")
            COUNTER(hedges, "attempts beside others")
                COUNTER(hedges_won, "... whose answer came first")
                    COUNTER(hedges_refused, "hedges refused by hedge_budget")};
#undef STATS_STRUCT
#define STATS_STRUCT endpoint_stats
static const struct metric endpoint_counters[] = {ENDPOINT_COUNTERS(COUNTER)};
static const struct metric endpoint_gauges[] = {ENDPOINT_GAUGES(GAUGE)};
#undef STATS_STRUCT
#undef COUNTER
#undef GAUGE

void stats_text(const struct generation *g, const struct shm *shm, unsigned slots_n,
                struct text *out)
{
    struct page p = {.g = g, .shm = shm, .slots_n = slots_n, .out = out};

    arena_init(&p.arena, NULL, 0);
    text_init(&p.key);
    collect(&p);
    show_workers(&p);
    show_counters(out, &p.listeners, listener_counters, array_n(listener_counters));
    show_gauges(out, &p.listeners, listener_gauges, array_n(listener_gauges));
    show_traffic(&p);
    show_endpoints(&p);
    page_modules(&p);
    text_fini(&p.key);
    arena_fini(&p.arena);
}

/* -- adding up --------------------------------------------------------------------------------- */

static struct slice label(struct page *p, const char *name, struct slice value)
{
    p->key.n = 0;
    text_str(&p->key, name);
    text_str(&p->key, "=\"");
    text_label_escaped(&p->key, value);
    text_char(&p->key, '"');
    return arena_dup(&p->arena, text_slice(&p->key));
}

static void group_init(struct page *p, struct group *gr, const char *prefix, size_t room)
{
    gr->prefix = prefix;
    gr->v = ARENA_ARRAY(&p->arena, struct object, room);
}

static struct object *group_add(struct page *p, struct group *gr, struct slice labels, size_t size)
{
    struct object *o = &gr->v[gr->n++];

    o->labels = labels;
    o->sum = arena_zalloc(&p->arena, size);
    return o;
}

static void add_object(void *to, const struct stats_cell *c, const void *column)
{
    stats_add_up(((struct object *)to)->sum, column, c->size);
}

/* The endpoint of a row, whose sum may be that of several rows. */
struct row_object {
    struct object *object; /* NULL: a free row */
    uint64_t owner;
};

/* A process that has not noticed yet that the row was taken for another address still has the old
 * one's numbers in its column: those are left out. */
static void add_rows(void *to, const struct stats_cell *c, const void *column)
{
    const struct row_object *of_row = to;
    const struct endpoint_stats *v = column;

    for (uint32_t row = 0; row < c->rows; row++) {
        const uint64_t owner = __atomic_load_n(&v[row].owner, __ATOMIC_RELAXED);
        if (of_row[row].object && (!owner || owner == of_row[row].owner))
            stats_add_up(of_row[row].object->sum, &v[row], sizeof *v);
    }
}

/* Rows that carry the same name (an address that is listed twice, or that has left and come back)
 * are one endpoint. */
static void collect_rows(struct page *p, const struct stats_cell *c)
{
    const struct cluster_table *t = p->g->tables ? p->g->tables[c->index] : NULL;
    struct group *gr = &p->endpoints;

    if (!t)
        return;
    struct row_object *of_row = ARENA_ARRAY(&p->arena, struct row_object, c->rows);
    struct slice cluster = label(p, "cluster", c->name);
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
        of_row[row].object = map_find(&seen, name);
        if (of_row[row].object)
            continue;
        struct slice ep = label(p, "endpoint", name);
        ep = slice_str(arena_printf(&p->arena, "%.*s,%.*s", SLICE_ARG(cluster), SLICE_ARG(ep)));
        of_row[row].object = group_add(p, gr, ep, sizeof(struct endpoint_stats));
        map_set(&seen, name, of_row[row].object);
    }
    map_fini(&seen);
    stats_cell_each(c, p->shm, p->slots_n, of_row, add_rows);
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

    group_init(p, &p->workers, "weir_", 1);
    group_init(p, &p->listeners, "weir_listener_", cf->listeners_n);
    group_init(p, &p->routes, "weir_route_", cf->routes_n + 1);
    group_init(p, &p->variants, "weir_variant_", mp ? mp->variants_n : 0);
    group_init(p, &p->clusters, "weir_cluster_", cf->clusters_n);
    group_init(p, &p->endpoints, "weir_endpoint_", rows_n(p->g));
    group_init(p, &p->modules, "weir_", mp ? mp->counters_n : 0);
    while (stats_cell_next(p->g, &c)) {
        struct slice labels = {0};
        if (c.kind == STATS_ENDPOINTS)
            collect_rows(p, &c);
        struct group *gr = group_of(p, &c, &labels);
        if (gr)
            stats_cell_each(&c, p->shm, p->slots_n, group_add(p, gr, labels, c.size), add_object);
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
    case STATS_MIRROR:
    case STATS_KIND_N:
        break;
    }
    return NULL;
}

static struct slice variant_labels(struct page *p, const struct weir_variant *v)
{
    const struct slice route = label(p, "route", v->route), name = label(p, "variant", v->name);

    return slice_str(arena_printf(&p->arena, "%.*s,%.*s", SLICE_ARG(route), SLICE_ARG(name)));
}

/* -- writing ----------------------------------------------------------------------------------- */

void page_head(struct text *out, const char *prefix, const char *name, const char *suffix,
               const char *type, const char *help)
{
    const char *parts[] = {"# HELP ", prefix, name,   suffix, " ",  help, "\n# TYPE ",
                           prefix,    name,   suffix, " ",    type, "\n"};

    for (size_t i = 0; i < array_n(parts); i++)
        text_str(out, parts[i]);
}

void page_line(struct text *out, struct slice name, struct slice labels, struct slice more,
               int64_t value)
{
    text_add(out, name);
    if (labels.n || more.n) {
        text_char(out, '{');
        text_add(out, labels);
        if (labels.n && more.n)
            text_char(out, ',');
        text_add(out, more);
        text_char(out, '}');
    }
    text_char(out, ' ');
    text_int(out, value);
    text_char(out, '\n');
}

static struct slice join(char (*buffer)[128], const char *prefix, const char *name,
                         const char *suffix)
{
    struct text t;

    text_init_fixed(&t, *buffer, sizeof *buffer);
    text_str(&t, prefix);
    text_str(&t, name);
    text_str(&t, suffix);
    return text_slice(&t);
}

static void show(struct text *out, const struct group *gr, const struct metric *m, size_t n,
                 const char *suffix, const char *type)
{
    char buffer[128];

    for (size_t i = 0; gr->n && i < n; i++) {
        struct slice name = join(&buffer, gr->prefix, m[i].name, suffix);
        page_head(out, gr->prefix, m[i].name, suffix, type, m[i].help);
        for (size_t k = 0; k < gr->n; k++)
            page_line(out, name, gr->v[k].labels, slice_of(NULL, 0),
                      (int64_t)gr->v[k].sum[m[i].at]);
    }
}

static void show_counters(struct text *out, const struct group *gr, const struct metric *m,
                          size_t n)
{
    show(out, gr, m, n, "_total", "counter");
}

static void show_gauges(struct text *out, const struct group *gr, const struct metric *m, size_t n)
{
    show(out, gr, m, n, "", "gauge");
}

static bool used(const uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i])
            return true;
    return false;
}

static void show_classes(struct text *out, const struct group *gr, const char *name, size_t at,
                         const char *help)
{
    static const struct slice classes[6] = {
        SLICE_INIT("code_class=\"none\""), SLICE_INIT("code_class=\"1xx\""),
        SLICE_INIT("code_class=\"2xx\""),  SLICE_INIT("code_class=\"3xx\""),
        SLICE_INIT("code_class=\"4xx\""),  SLICE_INIT("code_class=\"5xx\""),
    };

    page_head(out, "", name, "", "counter", help);
    for (size_t k = 0; k < gr->n; k++)
        for (size_t i = 0; i < array_n(classes) && used(gr->v[k].sum + at, 6); i++)
            page_line(out, slice_str(name), gr->v[k].labels, classes[i],
                      (int64_t)gr->v[k].sum[at + i]);
}

/* gRPC requests by code; only codes that there were, and nothing where there is no gRPC. */
static void show_grpc(struct text *out, const struct group *gr, const char *name)
{
    const size_t at = AT(traffic_stats, grpc);
    char buffer[32];
    bool headed = false;

    for (size_t k = 0; k < gr->n; k++)
        for (size_t i = 0; i < GRPC_COLUMNS; i++) {
            if (!gr->v[k].sum[at + i])
                continue;
            if (!headed)
                page_head(out, "", name, "", "counter", "gRPC requests by their grpc-status");
            headed = true;
            struct text code;
            text_init_fixed(&code, buffer, sizeof buffer);
            if (i == GRPC_MISSING)
                text_str(&code, "code=\"missing\"");
            else
                text_printf(&code, "code=\"%zu\"", i);
            page_line(out, slice_str(name), gr->v[k].labels, text_slice(&code),
                      (int64_t)gr->v[k].sum[at + i]);
        }
}

/* Microseconds as seconds, without trailing zeros. */
static void add_seconds(struct text *out, uint64_t us)
{
    char digits[7] = ".000000";
    uint64_t rest = us % 1000000;
    size_t n = sizeof digits;

    for (size_t i = 6; i > 0; i--, rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    text_uint(out, us / 1000000);
    if (n > 1)
        text_add(out, slice_of(digits, n));
}

static void show_latency(struct text *out, const struct object *o, const char *name,
                         const struct histogram *h, const struct slice *les)
{
    char buffer[128];
    uint64_t count = 0;

    struct slice bucket = join(&buffer, name, "_bucket", "");
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        count += h->bucket[i];
        page_line(out, bucket, o->labels, les[i], (int64_t)count);
    }
    text_add(out, join(&buffer, name, "_sum", "{"));
    text_add(out, o->labels);
    text_str(out, "} ");
    add_seconds(out, h->sum_us);
    text_char(out, '\n');
    page_line(out, join(&buffer, name, "_count", ""), o->labels, slice_of(NULL, 0), (int64_t)count);
}

static void show_latencies(struct text *out, const struct group *gr, const char *name, size_t at,
                           const char *help)
{
    static const uint64_t bounds[] = LATENCY_BOUNDS;
    char buffers[LATENCY_BUCKETS][32];
    struct slice les[LATENCY_BUCKETS];

    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        struct text t;
        text_init_fixed(&t, buffers[i], sizeof buffers[i]);
        text_str(&t, "le=\"");
        if (i < array_n(bounds))
            add_seconds(&t, bounds[i]);
        else
            text_str(&t, "+Inf");
        text_char(&t, '"');
        les[i] = text_slice(&t);
    }
    page_head(out, "", name, "", "histogram", help);
    for (size_t k = 0; k < gr->n; k++) {
        const struct histogram *h = (const void *)(gr->v[k].sum + at);
        if (used(h->bucket, LATENCY_BUCKETS))
            show_latency(out, &gr->v[k], name, h, les);
    }
}

/* -- what each kind shows ---------------------------------------------------------------------- */

static void show_words(struct page *p, const char *name, const char *help, const char *label_name,
                       size_t at, size_t n, const char *(*word)(size_t i))
{
    page_head(p->out, "", name, "", "counter", help);
    for (size_t i = 0; i < n; i++)
        if (word(i))
            page_line(p->out, slice_str(name), (struct slice){0},
                      label(p, label_name, slice_str(word(i))),
                      (int64_t)p->workers.v[0].sum[at + i]);
}

static const char *word_of_why(size_t i)
{
    return i == WHY_NONE ? "ok" : why_facts((enum why)i)->word;
}

static const char *word_of_fault(size_t i)
{
    return i == H1_NONE ? NULL : h1_fault_name((enum h1_fault)i);
}

static void show_workers(struct page *p)
{
    show_counters(p->out, &p->workers, worker_counters, array_n(worker_counters));
    show_gauges(p->out, &p->workers, worker_gauges, array_n(worker_gauges));
    show_words(p, "weir_exchange_outcomes_total", "exchanges by how they ended", "reason",
               AT(worker_stats, whys), WHY_N, word_of_why);
    show_words(p, "weir_h1_faults_total", "HTTP/1 messages that were refused as malformed", "fault",
               AT(worker_stats, h1_faults), H1_FAULT_N, word_of_fault);
    show_words(p, "weir_h2_faults_total", "HTTP/2 heads that were refused as malformed", "fault",
               AT(worker_stats, h2_faults), H2_FAULT_N, word_of_h2_fault);
}

/* What traffic is divided among: where there is none, no name of it is shown either. */
struct traffic_names {
    const char *grpc, *responses, *responses_help, *duration;
};
static const struct traffic_names variant_names = {
    "weir_variant_grpc_total",
    "weir_variant_responses_total",
    "requests of the variant by the class of the status that the client got",
    "weir_variant_request_duration_seconds",
};
static const struct traffic_names cluster_names = {
    "weir_cluster_grpc_total",
    "weir_cluster_responses_total",
    "requests of the cluster by the class of the status that the client got",
    "weir_cluster_request_duration_seconds",
};

static void show_divided(struct page *p, const struct group *gr, const struct traffic_names *names)
{
    if (!gr->n)
        return;
    show_grpc(p->out, gr, names->grpc);
    show_counters(p->out, gr, traffic_counters, array_n(traffic_counters));
    show_classes(p->out, gr, names->responses, AT(traffic_stats, status), names->responses_help);
    show_latencies(p->out, gr, names->duration, AT(traffic_stats, latency),
                   "from the request's head to the end of the exchange");
}

static void show_traffic(struct page *p)
{
    show_counters(p->out, &p->routes, traffic_counters, array_n(traffic_counters));
    show_classes(p->out, &p->routes, "weir_requests_total", AT(traffic_stats, status),
                 "requests by the class of the status that the client got");
    show_latencies(p->out, &p->routes, "weir_request_duration_seconds", AT(traffic_stats, latency),
                   "from the request's head to the end of the exchange");
    show_grpc(p->out, &p->routes, "weir_route_grpc_total");
    show_divided(p, &p->variants, &variant_names);
    show_divided(p, &p->clusters, &cluster_names);
}

static void show_endpoints(struct page *p)
{
    if (!p->endpoints.n)
        return;
    show_counters(p->out, &p->endpoints, endpoint_counters, array_n(endpoint_counters));
    show_gauges(p->out, &p->endpoints, endpoint_gauges, array_n(endpoint_gauges));
    show_classes(p->out, &p->endpoints, "weir_endpoint_responses_total", AT(endpoint_stats, status),
                 "attempts by the class of the status that the endpoint answered");
    show_latencies(p->out, &p->endpoints, "weir_endpoint_attempt_duration_seconds",
                   AT(endpoint_stats, latency), "from an attempt's start to its last byte");
}
