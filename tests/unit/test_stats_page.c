/* SPDX-License-Identifier: Apache-2.0 */
/* The page of metrics: it shows every counter there is, and nothing that was never used. */
#include "stats_case.h"

TestSuite(stats_page, .init = begin, .fini = end);

/* Every counter of every list gets a value of its own in two slots; the page must show each sum. */
Test(stats_page, shows_every_counter_and_gauge_of_the_lists)
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

Test(stats_page, shows_every_reason_and_every_fault)
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

Test(stats_page, shows_status_classes_retries_and_cumulative_latencies)
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

Test(stats_page, shows_grpc_codes_that_there_were)
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

Test(stats_page, has_a_class_for_every_status_that_three_digits_make)
{
    for (unsigned status = 0; status < 1000; status++)
        cr_assert(status_class((uint16_t)status) == (status < 600 ? status / 100 : 5));
}

Test(stats_page, leaves_out_classes_and_latencies_of_what_was_never_used)
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

Test(stats_page, adds_up_rows_of_the_same_name_and_skips_free_ones)
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

Test(stats_page, leaves_out_endpoints_of_tables_larger_than_the_limit)
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

Test(stats_page, leaves_out_columns_of_a_rows_former_endpoint)
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

Test(stats_page, begins_again_where_the_endpoint_table_is_another_one)
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
Test(stats_page, writes_help_and_type_once_before_the_lines_of_a_metric)
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
