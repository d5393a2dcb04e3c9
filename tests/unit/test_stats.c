/* SPDX-License-Identifier: Apache-2.0 */
/* The counters: where they lie, that nothing is lost over generations and dead processes, and that
 * the page shows every one of them. A small generation is made by hand; the region is a real one.
 */

#include "core/cluster/endpoint_cell.h"
#include "core/stats/exposition.h"
#include "core/stats/stats.h"
#include "core/stats/stats_sums.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/text.h"
#include "core/generation.h"
#include "io/shm.h"

enum { ROWS = 4, SLOTS = 20 };

static struct listener_conf listeners[2];
static struct route_conf routes[2];
static struct cluster_conf clusters[1];
static struct endpoint_conf backends[ROWS];
static struct config config;
static struct cluster_table *tables[1];
static struct listener_gauge gauges[2];
static struct source_table *sources[2];
static struct generation g;
static struct shm *shm;
static struct faults faults;
static struct text page;

static void set_row(uint32_t row, const char *name, enum row_state state)
{
    memset(tables[0]->rows[row].name, 0, ENDPOINT_NAME_MAX);
    memcpy(tables[0]->rows[row].name, name, strlen(name));
    tables[0]->rows[row].state = state;
}

static void begin(void)
{
    listeners[0].name = SLICE("public");
    listeners[1].name = SLICE("inner");
    routes[0].name = SLICE("shop");
    routes[1].name = SLICE("help");
    clusters[0].place.name = SLICE("cart");
    config.listeners = listeners;
    config.listeners_n = 2;
    config.routes = routes;
    config.routes_n = 2;
    for (int i = 0; i < ROWS; i++)
        backends[i].addr.len = 1;
    config.clusters = clusters;
    config.clusters_n = 1;
    config.metrics.endpoints = ROWS;
    config.metrics.flows = 6;
    clusters[0].endpoints = backends;
    clusters[0].endpoints_n = ROWS;
    tables[0] = calloc(1, sizeof(struct cluster_table) + ROWS * sizeof(struct table_row));
    tables[0]->capacity = ROWS;
    set_row(0, "10.0.0.1:80", ROW_UP);
    sources[0] = aligned_alloc(64, sizeof(struct source_table));
    memset(sources[0], 0, sizeof(struct source_table));
    g.number = 1;
    g.config = &config;
    g.tables = tables;
    static struct listener_gauge *gauge_list[2] = {&gauges[0], &gauges[1]};
    g.gauges = gauge_list;
    g.sources = sources;
    shm = shm_create(64 << 20);
    cr_assert(shm);
    shm_generation(shm, 1);
    faults_init(&faults);
    text_init(&page);
}

static void end(void)
{
    text_fini(&page);
    faults_fini(&faults);
    shm_detach(shm);
    free(tables[0]);
    free(sources[0]);
}

static struct stats *bind_slot(unsigned slot)
{
    struct stats *s = stats_bind(&g, shm, slot, &faults);
    cr_assert(s);
    return s;
}

/* The value of the line that begins with `series` and a space; -1 when there is none. */
static double shown(const char *series)
{
    page.n = 0;
    stats_show(&g, shm, SLOTS, &(struct exposition){.out = &page});
    text_char(&page, '\0');
    const size_t n = strlen(series);
    for (const char *at = page.p; (at = strstr(at, series)); at += n)
        if ((at == page.p || at[-1] == '\n') && at[n] == ' ')
            return strtod(at + n, NULL);
    return -1;
}

TestSuite(stats, .init = begin, .fini = end);

/* -- histograms -------------------------------------------------------------------------------- */

static void expect_bucket(const struct latency_bounds *b, uint64_t us)
{
    struct histogram h = {0};
    size_t want = 0;

    while (want < b->n && us > b->us[want])
        want++;
    histogram_add(&h, b, us);
    cr_assert(h.bucket[want] == 1, "%llu", (unsigned long long)us);
    cr_assert(h.sum_us == us && h.layout == b->layout);
}

Test(stats, puts_each_duration_into_the_bucket_of_the_first_bound_not_below_it)
{
    const uint64_t edges[] = {0, 1, UINT64_MAX, UINT64_MAX - 1};
    struct latency_bounds full = {.n = LATENCY_BOUNDS_MAX}, one = {.us = {7}, .n = 1};

    for (size_t i = 0; i < full.n; i++)
        full.us[i] = 3 + i * i * 1000;
    const struct latency_bounds *const all[] = {&latency_bounds_default, &full, &one};
    for (size_t k = 0; k < array_n(all); k++)
        for (size_t i = 0; i < all[k]->n * 3 + array_n(edges); i++)
            expect_bucket(all[k], i < array_n(edges) ? edges[i]
                                                     : all[k]->us[(i - array_n(edges)) / 3] +
                                                           (i - array_n(edges)) % 3 - 1);
}

/* What was counted by other bounds is never added to what is counted by these. */
Test(stats, begins_a_histogram_anew_where_its_bounds_are_others)
{
    struct latency_bounds other = {.us = {1000}, .n = 1};
    struct stats *old = bind_slot(0);

    old->routes[0]->requests = old->routes[0]->status[2] = 2;
    histogram_add(&old->routes[0]->latency, old->bounds, 400);
    histogram_add(&old->endpoints[0][0].latency, old->bounds, 400);
    latency_bounds_seal(&other);
    config.metrics.buckets = other;
    cr_assert(shown("weir_request_duration_seconds_count{route=\"shop\"}") == -1);
    cr_assert(shown("weir_route_requests_total{route=\"shop\"}") == 2);
    struct stats *s = bind_slot(1), *again = bind_slot(0);
    histogram_add(&s->routes[0]->latency, s->bounds, 400);
    histogram_add(&s->routes[0]->latency, s->bounds, 1001);
    histogram_add(&old->routes[0]->latency, old->bounds, 1); /* it still drains */
    cr_assert(shown("weir_request_duration_seconds_bucket{route=\"shop\",le=\"0.001\"}") == 1);
    cr_assert(shown("weir_request_duration_seconds_bucket{route=\"shop\",le=\"+Inf\"}") == 2);
    cr_assert(shown("weir_request_duration_seconds_count{route=\"shop\"}") == 2);
    histogram_add(&again->routes[0]->latency, again->bounds, 2000);
    cr_assert(shown("weir_request_duration_seconds_count{route=\"shop\"}") == 3);
    cr_assert(shown("weir_route_requests_total{route=\"shop\"}") == 2);
    stats_free(old), stats_free(s), stats_free(again);
}

/* -- columns ----------------------------------------------------------------------------------- */

Test(stats, knows_which_processes_have_a_slot)
{
    struct stats *a = bind_slot(0), *b = bind_slot(9);
    uint64_t pids[3] = {0};

    a->worker->pid = 11;
    b->worker->pid = 12;
    cr_assert(stats_pids(shm, SLOTS, pids, 3) == 2 && pids[0] == 11 && pids[1] == 12);
    cr_assert(stats_pids(shm, SLOTS, pids, 1) == 1);
    stats_slot_dead(&g, shm, 0);
    cr_assert(stats_pids(shm, SLOTS, pids, 3) == 1 && pids[0] == 12);
    stats_free(a), stats_free(b);
}

Test(stats, knows_whether_all_processes_have_opened_the_logs_again)
{
    struct stats *a = bind_slot(0), *b = bind_slot(1);

    cr_assert(stats_logs_reopened(shm, SLOTS, 3), "there is no process");
    a->worker->pid = 11;
    b->worker->pid = 12;
    a->worker->logs_epoch = 3;
    cr_assert(!stats_logs_reopened(shm, SLOTS, 3));
    b->worker->logs_epoch = 4;
    cr_assert(stats_logs_reopened(shm, SLOTS, 3));
    stats_free(a), stats_free(b);
}

Test(stats, gives_each_slot_columns_of_its_own_and_the_same_slot_the_same_ones)
{
    struct stats *a = bind_slot(0), *b = bind_slot(1), *again = bind_slot(0);

    cr_assert(a->worker != b->worker && a->routes[0] != b->routes[0]);
    cr_assert(a->routes[0] != a->routes[1] && a->unrouted != a->routes[0]);
    cr_assert(a->worker == again->worker && a->routes[1] == again->routes[1]);
    cr_assert(a->endpoints[0] == again->endpoints[0]);
    cr_assert(a->mirrors[0] && !a->mirrors[1]);
    cr_assert((uintptr_t)a->worker % 64 == 0 && (uintptr_t)a->routes[0] % 64 == 0);
    a->endpoints[0][ROWS - 1].attempts = 1; /* the last row is there */
    stats_free(a);
    stats_free(b);
    stats_free(again);
}

Test(stats, binds_a_configuration_without_routes_and_clusters)
{
    config.listeners_n = config.routes_n = config.clusters_n = 0;
    struct stats *s = bind_slot(3);
    cr_assert(s->worker && s->unrouted);
    stats_free(s);
    stats_free(NULL);
    cr_assert(shown("weir_route_requests_total{route=\"(none)\"}") == 0);
}

Test(stats, says_that_the_region_is_full)
{
    struct shm *small = shm_create(2 << 20); /* a mirror of eight slots takes 512 KiB */
    cr_assert(small);
    unsigned slot = 0;
    struct stats *s;
    while (slot < STATS_SLOTS_MAX && (s = stats_bind(&g, small, slot, &faults))) {
        stats_free(s);
        slot += 8;
    }
    cr_assert(slot > 0 && slot < STATS_SLOTS_MAX);
    cr_assert(faults.errors == 1);
    cr_assert(strstr(faults.first->text, "memory.shared"));
    shm_detach(small);
}

Test(stats, leaves_out_slots_beyond_those_that_are_asked_for)
{
    struct stats *in = bind_slot(SLOTS - 1), *out = bind_slot(SLOTS);
    in->routes[0]->requests = 1;
    out->routes[0]->requests = 2;
    cr_assert(shown("weir_route_requests_total{route=\"shop\"}") == 1);
    stats_free(in);
    stats_free(out);
}

Test(stats, adds_up_all_slots_also_of_processes_that_are_gone)
{
    for (unsigned slot = 0; slot < 3; slot++) {
        struct stats *s = bind_slot(slot);
        s->routes[0]->requests += slot + 1;
        stats_free(s);
    }
    stats_slot_dead(&g, shm, 1);
    cr_assert(shown("weir_route_requests_total{route=\"shop\"}") == 6);
    struct stats *next = bind_slot(1); /* goes on from where the dead one stood */
    next->routes[0]->requests++;
    stats_free(next);
    cr_assert(shown("weir_route_requests_total{route=\"shop\"}") == 7);
}

Test(stats, keeps_the_counts_of_unused_slots_over_generations)
{
    struct stats *s = bind_slot(SLOTS - 1);
    s->routes[0]->requests = 40;
    s->routes[1]->requests = 1;
    stats_free(s);
    shm_generation(shm, 2);
    config.routes_n = 1; /* the second route has left */
    s = bind_slot(0);    /* a slot in another cell */
    s->routes[0]->requests = 2;
    stats_keep(&g, shm, SLOTS);
    shm_forget(shm, 2);
    cr_assert(shown("weir_route_requests_total{route=\"shop\"}") == 42);
    config.routes_n = 2;
    cr_assert(shown("weir_route_requests_total{route=\"help\"}") == 0);
    stats_free(s);
}

/* Neighbours in a cell: what one stores must not be on a cache line of the other. */
Test(stats, keeps_the_columns_of_two_slots_on_different_cache_lines)
{
    struct stats *a = bind_slot(0), *b = bind_slot(1);
    const char *end = (const char *)(a->worker + 1) - 1, *next = (const char *)b->worker;
    cr_assert((uintptr_t)next / 64 > (uintptr_t)end / 64);
    end = (const char *)(a->endpoints[0] + ROWS) - 1;
    next = (const char *)b->endpoints[0];
    cr_assert((uintptr_t)next / 64 > (uintptr_t)end / 64);
    stats_free(a);
    stats_free(b);
}

Test(stats, zeroes_the_gauges_of_a_dead_process_and_gives_back_what_it_held)
{
    struct stats *dead = bind_slot(0), *alive = bind_slot(1);
    const struct ip ip = {{[15] = 7}};
    int32_t entry;

    dead->worker->exchanges_active = 3;
    dead->worker->connections_accepted = 9;
    dead->listeners[0]->active = 4;
    dead->endpoints[0][0].active = 1;
    dead->endpoints[0][ROWS - 1].open = 1;
    alive->listeners[0]->active = 2;
    alive->worker->exchanges_active = 1;
    atomic_store(&gauges[0].connections, 6);
    atomic_store(&gauges[1].connections, 1);
    dead->listeners[1]->active = 5; /* died between two stores: more than the gauge has */
    cr_assert(source_enter(sources[0], dead->mirrors[0], &ip, 1, &entry) == SOURCE_OK);
    cr_assert(source_enter(sources[0], alive->mirrors[0], &ip, 1, &entry) == SOURCE_LIMIT);

    stats_slot_dead(&g, shm, 0);
    stats_slot_dead(&g, shm, 0); /* again is harmless */
    cr_assert(atomic_load(&gauges[0].connections) == 2);
    cr_assert(atomic_load(&gauges[1].connections) == 0);
    cr_assert(dead->listeners[0]->active == 0 && alive->listeners[0]->active == 2);
    cr_assert(dead->worker->connections_accepted == 9);
    cr_assert(dead->endpoints[0][0].active == 0 && dead->endpoints[0][ROWS - 1].open == 0);
    cr_assert(shown("weir_exchanges_active") == 1);
    dead->worker->whys[WHY_NONE] = 40;
    alive->worker->whys[WHY_TIMEOUT_HEAD] = 2;
    cr_assert(stats_load(shm).requests == 42 && stats_load(shm).active == 1);
    cr_assert(source_enter(sources[0], alive->mirrors[0], &ip, 1, &entry) == SOURCE_OK);
    stats_free(dead);
    stats_free(alive);
}

Test(stats, gives_back_the_connections_to_backends_of_a_process_that_is_gone)
{
    struct cluster_shared shared = {.connections = 7};
    struct cluster_shared *list[1] = {&shared};
    struct stats *dead = bind_slot(0);
    g.shared = list;
    dead->endpoints[0][0].open = 2;
    dead->endpoints[0][ROWS - 1].open = 3;
    stats_slot_dead(&g, shm, 0);
    cr_assert(atomic_load(&shared.connections) == 2);
    stats_slot_dead(&g, shm, 0);
    cr_assert(atomic_load(&shared.connections) == 2);
    g.shared = NULL;
    stats_free(dead);
}

/* -- the page ---------------------------------------------------------------------------------- */

/* Every counter of every list gets a value of its own in two slots; the page must show each sum. */
Test(stats, shows_every_counter_and_gauge_of_the_lists)
{
    struct stats *s[2] = {bind_slot(1), bind_slot(SLOTS - 1)};
    uint64_t next = 1;

    for (int i = 0; i < 2; i++) {
        next = 1;
#define SET(field, ...) v->field = next++;
        {
            struct worker_stats *v = s[i]->worker;
            WORKER_COUNTERS(SET) WORKER_GAUGES(SET)
        }
        {
            struct listener_stats *v = s[i]->listeners[1];
            LISTENER_COUNTERS(SET) LISTENER_GAUGES(SET)
        }
        {
            struct traffic_stats *v = s[i]->routes[1];
            TRAFFIC_COUNTERS(SET)
        }
        {
            struct traffic_stats *v = s[i]->clusters[0];
            TRAFFIC_COUNTERS(SET)
        }
        {
            struct endpoint_stats *v = &s[i]->endpoints[0][0];
            ENDPOINT_COUNTERS(SET) ENDPOINT_GAUGES(SET)
        }
    }
    next = 1;
#define EXPECT(name, labels)                                                                       \
    cr_assert(shown(name labels) == (double)(2 * next++), "%s", name labels)
#define COUNTER(field, help) EXPECT("weir_" #field "_total", "");
#define GAUGE(field, name, help) EXPECT("weir_" name, "");
    WORKER_COUNTERS(COUNTER)
    WORKER_GAUGES(GAUGE)
#undef COUNTER
#undef GAUGE
#define COUNTER(field, help) EXPECT("weir_listener_" #field "_total", "{listener=\"inner\"}");
#define GAUGE(field, name, help) EXPECT("weir_listener_" name, "{listener=\"inner\"}");
    LISTENER_COUNTERS(COUNTER)
    LISTENER_GAUGES(GAUGE)
#undef COUNTER
#undef GAUGE
#define COUNTER(field, help) EXPECT("weir_route_" #field "_total", "{route=\"help\"}");
    TRAFFIC_COUNTERS(COUNTER)
#undef COUNTER
#define COUNTER(field, help) EXPECT("weir_cluster_" #field "_total", "{cluster=\"cart\"}");
    TRAFFIC_COUNTERS(COUNTER)
#undef COUNTER
#define EP "{cluster=\"cart\",endpoint=\"10.0.0.1:80\"}"
#define COUNTER(field, help) EXPECT("weir_endpoint_" #field "_total", EP);
#define GAUGE(field, name, help) EXPECT("weir_endpoint_" name, EP);
    ENDPOINT_COUNTERS(COUNTER) ENDPOINT_GAUGES(GAUGE) stats_free(s[0]);
    stats_free(s[1]);
}

Test(stats, shows_every_reason_and_every_fault)
{
    struct stats *s = bind_slot(0);
    char series[128];

    for (int i = 0; i < WHY_N; i++)
        s->worker->whys[i] = (uint64_t)i + 1;
    for (int i = 0; i < H1_FAULT_N; i++)
        s->worker->h1_faults[i] = (uint64_t)i + 1;
    for (int i = 0; i < H2_FAULT_N; i++)
        s->worker->h2_faults[i] = (uint64_t)i + 1;
    for (int i = 1; i < H2_FAULT_N; i++) {
        snprintf(series, sizeof series, "weir_h2_faults_total{fault=\"%s\"}",
                 h2_fault_name((enum h2_fault)i));
        cr_assert(shown(series) == i + 1, "%s", series);
    }
    for (int i = 0; i < WHY_N; i++) {
        snprintf(series, sizeof series, "weir_exchange_outcomes_total{reason=\"%s\"}",
                 i == WHY_NONE ? "ok" : why_facts((enum why)i)->word);
        cr_assert(shown(series) == i + 1, "%s", series);
    }
    for (int i = 1; i < H1_FAULT_N; i++) {
        snprintf(series, sizeof series, "weir_h1_faults_total{fault=\"%s\"}",
                 h1_fault_name((enum h1_fault)i));
        cr_assert(shown(series) == i + 1, "%s", series);
    }
    stats_free(s);
}

Test(stats, shows_status_classes_retries_and_cumulative_latencies)
{
    struct stats *s = bind_slot(0);
    struct traffic_stats *t = s->routes[0];

    t->status[0] = 1;
    t->status[2] = 5;
    t->status[5] = 2;
    t->retries = 3;
    histogram_add(&t->latency, s->bounds, 400);
    histogram_add(&t->latency, s->bounds, 2500);
    histogram_add(&t->latency, s->bounds, 2501);
    histogram_add(&t->latency, s->bounds, 99000000);
#define LE(le) shown("weir_request_duration_seconds_bucket{route=\"shop\",le=\"" le "\"}")
    cr_assert(shown("weir_requests_total{route=\"shop\",code_class=\"2xx\"}") == 5);
    cr_assert(shown("weir_requests_total{route=\"shop\",code_class=\"5xx\"}") == 2);
    cr_assert(shown("weir_requests_total{route=\"shop\",code_class=\"none\"}") == 1);
    cr_assert(shown("weir_requests_total{route=\"shop\",code_class=\"3xx\"}") == 0);
    cr_assert(shown("weir_route_retries_total{route=\"shop\"}") == 3);
    cr_assert(LE("0.0005") == 1 && LE("0.001") == 1 && LE("0.0025") == 2 && LE("0.005") == 3);
    cr_assert(LE("1.0") == 3 && LE("2.5") == 3 && LE("10.0") == 3 && LE("+Inf") == 4);
    cr_assert(shown("weir_request_duration_seconds_count{route=\"shop\"}") == 4);
    cr_assert(strstr(page.p, "\nweir_request_duration_seconds_sum{route=\"shop\"} 99.005401\n"));
    stats_free(s);
}

Test(stats, shows_grpc_codes_that_there_were)
{
    struct stats *s = bind_slot(0);
    cr_assert(shown("weir_route_grpc_total{route=\"shop\",code=\"0\"}") == -1);
    cr_assert(!strstr(page.p, "grpc"), "nothing where there is no gRPC");
    s->routes[0]->grpc[GRPC_OK] = 4;
    s->routes[0]->grpc[GRPC_MISSING] = 2;
    s->clusters[0]->grpc[GRPC_UNAVAILABLE] = 1;
    cr_assert(shown("weir_route_grpc_total{route=\"shop\",code=\"0\"}") == 4);
    cr_assert(shown("weir_route_grpc_total{route=\"shop\",code=\"missing\"}") == 2);
    cr_assert(shown("weir_route_grpc_total{route=\"shop\",code=\"1\"}") == -1);
    cr_assert(strstr(page.p, "\n# TYPE weir_cluster_grpc_total counter\nweir_cluster_grpc_total{"));
    cr_assert(strstr(page.p, ",code=\"14\"} 1\n"));
    stats_free(s);
}

Test(stats, has_a_class_for_every_status_that_three_digits_make)
{
    for (unsigned status = 0; status < 1000; status++)
        cr_assert(status_class((uint16_t)status) == (status < 600 ? status / 100 : 5));
}

Test(stats, leaves_out_classes_and_latencies_of_what_was_never_used)
{
    struct stats *s = bind_slot(0);
    s->routes[0]->status[2] = 1;
    histogram_add(&s->routes[0]->latency, s->bounds, 1);
    cr_assert(shown("weir_route_requests_total{route=\"help\"}") == 0);
    cr_assert(shown("weir_requests_total{route=\"help\",code_class=\"2xx\"}") == -1);
    cr_assert(shown("weir_request_duration_seconds_count{route=\"help\"}") == -1);
    cr_assert(shown("weir_request_duration_seconds_count{route=\"shop\"}") == 1);
    stats_free(s);
}

Test(stats, adds_up_rows_of_the_same_name_and_skips_free_ones)
{
    struct stats *s = bind_slot(0);

    set_row(1, "a\"b\\c", ROW_GONE);
    set_row(3, "10.0.0.1:80", ROW_GONE);
    for (int row = 0; row < ROWS; row++)
        s->endpoints[0][row].attempts = (uint64_t)1 << row;
    cr_assert(shown("weir_endpoint_attempts_total{cluster=\"cart\",endpoint=\"10.0.0.1:80\"}") ==
              9);
    cr_assert(shown("weir_endpoint_attempts_total{cluster=\"cart\",endpoint=\"a\\\"b\\\\c\"}") ==
              2);
    cr_assert(!strstr(page.p, "endpoint=\"\""));
    stats_free(s);
}

Test(stats, leaves_out_endpoints_of_tables_larger_than_the_limit)
{
    struct stats *s = bind_slot(0);

    s->endpoints[0][0].attempts = 1;
    set_row(1, "10.0.0.2:80", ROW_UP);
    cr_assert(shown("weir_endpoint_attempts_total{cluster=\"cart\",endpoint=\"10.0.0.1:80\"}") ==
              1);
    cr_assert(shown("weir_metrics_endpoints_left_out") == 0);
    config.metrics.endpoints = ROWS - 1;
    cr_assert(shown("weir_metrics_endpoints_left_out") == 2);
    cr_assert(!strstr(page.p, "weir_endpoint_"));
    stats_free(s);
}

Test(stats, leaves_out_columns_of_a_rows_former_endpoint)
{
    static const char series[] =
        "weir_endpoint_attempts_total{cluster=\"cart\",endpoint=\"10.0.0.2:80\"}";
    struct stats *late = bind_slot(0), *quick = bind_slot(1);
    const struct slice old = SLICE("10.0.0.1:80"), now = SLICE("10.0.0.2:80");

    stats_claim(&late->endpoints[0][0], cluster_owner(old));
    stats_claim(&quick->endpoints[0][0], cluster_owner(old));
    late->endpoints[0][0].attempts = quick->endpoints[0][0].attempts = 5;
    set_row(0, "10.0.0.2:80", ROW_UP);
    cr_assert(shown(series) == 0);
    stats_claim(&quick->endpoints[0][0], cluster_owner(now));
    quick->endpoints[0][0].attempts++;
    cr_assert(shown(series) == 1);
    stats_free(late);
    stats_free(quick);
}

Test(stats, begins_again_where_the_endpoint_table_is_another_one)
{
    struct stats *s = bind_slot(0);
    s->endpoints[0][0].attempts = 3;
    stats_free(s);
    tables[0]->capacity = 2;
    s = bind_slot(0);
    cr_assert(s->endpoints[0][0].attempts == 0);
    stats_free(s);
}

/* Each metric must have its HELP and TYPE directly before its lines, and all lines in one place;
 * counters end in _total. */
Test(stats, writes_help_and_type_once_before_the_lines_of_a_metric)
{
    struct stats *s = bind_slot(0);
    char family[128] = "", type[32] = "";
    size_t families = 0;

    s->routes[0]->status[2] = 1;
    histogram_add(&s->routes[0]->latency, s->bounds, 1);
    stats_show(&g, shm, 1, &(struct exposition){.out = &page});
    cr_assert(page.n > 0 && page.p[page.n - 1] == '\n');
    for (struct slice rest = text_slice(&page); rest.n;) {
        struct slice line = slice_cut(&rest, '\n');
        if (slice_starts(line, SLICE("# HELP "))) {
            struct slice after = slice_from(line, 7);
            struct slice name = slice_cut(&after, ' ');
            char seek[160];
            snprintf(seek, sizeof seek, "# TYPE %.*s ", SLICE_ARG(name));
            cr_assert(after.n > 0);
            cr_assert(slice_starts(rest, slice_str(seek)), "%s", seek);
            snprintf(family, sizeof family, "%.*s", SLICE_ARG(name));
            struct slice kind = slice_from(slice_cut(&rest, '\n'), strlen(seek));
            snprintf(type, sizeof type, "%.*s", SLICE_ARG(kind));
            cr_assert((strcmp(type, "counter") == 0) == slice_ends(name, SLICE("_total")));
            families++;
        } else {
            cr_assert(slice_starts(line, slice_str(family)), "%.*s", SLICE_ARG(line));
            struct slice tail = slice_from(line, strlen(family));
            cr_assert(tail.p[0] == ' ' || tail.p[0] == '{' || strcmp(type, "histogram") == 0,
                      "%.*s", SLICE_ARG(line));
        }
    }
    cr_assert(families > 30);
    stats_free(s);
}

/* -- sums -------------------------------------------------------------------------------------- */

Test(stats, adds_up_what_all_slots_have_counted)
{
    struct stats *a = bind_slot(0), *b = bind_slot(9);
    struct stats_sums sums;

    a->listeners[1]->requests = 3, b->listeners[1]->requests = 4;
    a->routes[1]->requests = 1, b->routes[1]->requests = 2;
    a->routes[2]->requests = 5; /* behind the last: no route */
    b->clusters[0]->retries = 6;
    histogram_add(&a->routes[1]->latency, a->bounds, 400);
    stats_sums_make(&sums, &g, shm, SLOTS);
    cr_assert(sums.listeners[0].requests == 0 && sums.listeners[1].requests == 7);
    cr_assert(sums.routes[0].requests == 0 && sums.routes[1].requests == 3);
    cr_assert(a->unrouted->requests == 5 && sums.routes[2].requests == 5);
    cr_assert(sums.clusters[0].retries == 6);
    cr_assert(sums.routes[1].latency.bucket[0] == 1 && sums.routes[1].latency.sum_us == 400);
    stats_sums_free(&sums);
    stats_sums_make(&sums, &g, shm, 9);
    cr_assert(sums.listeners[1].requests == 3, "slots that were never used aren't looked at");
    stats_sums_free(&sums);
    stats_free(a), stats_free(b);
}

Test(stats, adds_up_rows_of_one_name_and_leaves_out_whom_the_row_belonged_to)
{
    struct stats *a = bind_slot(0), *b = bind_slot(1);
    struct stats_sums sums;

    set_row(1, "10.0.0.2:80", ROW_UP);
    set_row(2, "10.0.0.1:80", ROW_GONE);
    for (uint32_t row = 0; row < 3; row++)
        stats_claim(&a->endpoints[0][row], cluster_owner(slice_str(tables[0]->rows[row].name)));
    a->endpoints[0][0].attempts = 1, a->endpoints[0][1].attempts = 10,
    a->endpoints[0][2].attempts = 100;
    stats_claim(&b->endpoints[0][1], cluster_owner(SLICE("10.0.0.9:80")));
    b->endpoints[0][1].attempts = 1000;
    stats_sums_make(&sums, &g, shm, SLOTS);
    cr_assert(sums.endpoints[0][0]->attempts == 101);
    cr_assert(sums.endpoints[0][1]->attempts == 10);
    cr_assert(sums.endpoints[0][2] == sums.endpoints[0][0] && !sums.endpoints[0][3]);
    stats_sums_free(&sums);
    stats_free(a), stats_free(b);
}

Test(stats, tells_what_each_process_has)
{
    struct stats *a = bind_slot(0), *b = bind_slot(9), *c = bind_slot(10);
    struct stats_sums sums;

    a->worker->pid = 11, a->worker->worker = 1, a->worker->generation = 7;
    a->worker->whys[0] = 2, a->worker->whys[1] = 3, a->worker->exchanges_active = 4;
    a->listeners[0]->active = 5, a->listeners[1]->active = 6;
    b->worker->pid = 12, b->worker->draining = 1;
    c->worker->whys[0] = 1; /* its process is gone */
    stats_sums_make(&sums, &g, shm, SLOTS);
    cr_assert_eq(sums.processes_n, 2);
    const struct process_sums *p = sums.processes;
    cr_assert(p[0].slot == 0 && p[0].pid == 11 && p[0].worker == 1 && p[0].generation == 7);
    cr_assert(p[0].requests == 5 && p[0].active == 4 && p[0].connections == 11 && !p[0].draining);
    cr_assert(p[1].slot == 9 && p[1].pid == 12 && p[1].worker == 0 && p[1].draining);
    stats_sums_free(&sums);
    stats_free(a), stats_free(b), stats_free(c);
}

/* -- flows ------------------------------------------------------------------------------------- */

static void count_flow(struct stats *s, size_t listener, size_t route)
{
    (*s->flows[listener][FLOW_ALL])++;
    (*s->flows[listener][FLOW_ROUTES + route])++;
}

Test(stats, counts_requests_of_each_listener_by_route)
{
    struct stats *a = bind_slot(0), *b = bind_slot(9);
    struct stats_sums sums;

    count_flow(a, 0, 1), count_flow(b, 0, 1), count_flow(b, 1, 0), count_flow(a, 1, 2);
    stats_sums_make(&sums, &g, shm, SLOTS);
    const uint64_t want[6] = {0, 2, 0, 1, 0, 1};
    cr_assert(sums.flows && memcmp(sums.flows, want, sizeof want) == 0);
    cr_assert(sums.listeners[0].requests == 2 && sums.listeners[1].requests == 2);
    cr_assert(shown("weir_metrics_flows_left_out") == 0);
    stats_sums_free(&sums);
    stats_free(a), stats_free(b);
}

Test(stats, keeps_flows_by_name_where_listeners_and_routes_change_places)
{
    struct stats *a = bind_slot(0);
    struct stats_sums sums;

    count_flow(a, 0, 0), count_flow(a, 0, 0), count_flow(a, 1, 1);
    listeners[0].name = SLICE("inner"), listeners[1].name = SLICE("public");
    routes[0].name = SLICE("help"), routes[1].name = SLICE("shop");
    stats_sums_make(&sums, &g, shm, SLOTS);
    const uint64_t want[6] = {1, 0, 0, 0, 2, 0};
    cr_assert(memcmp(sums.flows, want, sizeof want) == 0);
    stats_sums_free(&sums);
    stats_free(a);
}

Test(stats, counts_no_flows_where_there_are_more_than_metrics_flows)
{
    config.metrics.flows = 5;
    struct stats *a = bind_slot(0);
    struct stats_sums sums;

    count_flow(a, 0, 1), count_flow(a, 1, 2);
    stats_sums_make(&sums, &g, shm, SLOTS);
    cr_assert(!sums.flows && sums.listeners[0].requests == 1);
    cr_assert(shown("weir_metrics_flows_left_out") == 6);
    cr_assert(!shm_find(shm, SLICE("stats/flow/public/shop/0"), NULL));
    stats_sums_free(&sums);
    stats_free(a);
}
