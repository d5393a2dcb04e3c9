/* SPDX-License-Identifier: Apache-2.0 */
/* The counters: where they lie, and that nothing is lost over generations and dead processes. */
#include "stats_case.h"

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
