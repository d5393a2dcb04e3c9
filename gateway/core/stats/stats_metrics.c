/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the metrics that workers count: made from the lists of stats.h, one table for each
 * kind of object, and shown in their order; and the part of the manual that they make. */

#include <stddef.h>

#include "core/stats/stats_page.h"

#define AT(type, field) (offsetof(struct type, field) / sizeof(uint64_t))
#define TABLE(name)                                                                                \
    {                                                                                              \
        .v = name, .n = array_n(name)                                                              \
    }

/* Each table says for its lists: the struct they are fields of, what names begin with, the labels.
 */
#define COUNTER(field, help) {PREFIX #field, METRIC_COUNTER, LABELS, help, AT(STATS_STRUCT, field)},
#define GAUGE(field, name, help) {PREFIX name, METRIC_GAUGE, LABELS, help, AT(STATS_STRUCT, field)},

#define STATS_STRUCT worker_stats
#define PREFIX "weir_"
#define LABELS NULL
static const struct metric worker_rows[] = {WORKER_COUNTERS(COUNTER) WORKER_GAUGES(GAUGE)};
#undef STATS_STRUCT
#undef PREFIX
#undef LABELS

#define STATS_STRUCT listener_stats
#define PREFIX "weir_listener_"
#define LABELS "listener"
static const struct metric listener_rows[] = {LISTENER_COUNTERS(COUNTER) LISTENER_GAUGES(GAUGE)};
#undef STATS_STRUCT
#undef PREFIX
#undef LABELS

#define STATS_STRUCT endpoint_stats
#define PREFIX "weir_endpoint_"
#define LABELS "cluster, endpoint"
static const struct metric endpoint_rows[] = {ENDPOINT_COUNTERS(COUNTER) ENDPOINT_GAUGES(GAUGE)};
#undef STATS_STRUCT
#undef PREFIX
#undef LABELS

#define STATS_STRUCT traffic_stats
#define MORE_TRAFFIC(COUNTER)                                                                      \
    COUNTER(retries, "attempts after the first")                                                   \
    COUNTER(retries_refused, "retries refused by retry_budget")                                    \
    COUNTER(hedges, "attempts beside others")                                                      \
    COUNTER(hedges_won, "attempts beside others whose answer came first")                          \
    COUNTER(hedges_refused, "hedges refused by hedge_budget")
#define PREFIX "weir_route_"
#define LABELS "route"
static const struct metric route_rows[] = {TRAFFIC_COUNTERS(COUNTER) MORE_TRAFFIC(COUNTER)};
#undef PREFIX
#undef LABELS
#define PREFIX "weir_variant_"
#define LABELS "route, variant"
static const struct metric variant_rows[] = {TRAFFIC_COUNTERS(COUNTER) MORE_TRAFFIC(COUNTER)};
#undef PREFIX
#undef LABELS
#define PREFIX "weir_cluster_"
#define LABELS "cluster"
static const struct metric cluster_rows[] = {TRAFFIC_COUNTERS(COUNTER) MORE_TRAFFIC(COUNTER)};
#undef PREFIX
#undef LABELS
#undef STATS_STRUCT

const struct metrics worker_metrics = TABLE(worker_rows);
const struct metrics listener_metrics = TABLE(listener_rows);
const struct metrics endpoint_metrics = TABLE(endpoint_rows);

const struct metric outcome_metric = {
    "weir_exchange_outcomes", METRIC_COUNTER, "reason",
    "requests by how they ended; reasons are those of the access log", AT(worker_stats, whys)};
const struct metric h1_fault_metric = {"weir_h1_faults", METRIC_COUNTER, "fault",
                                       "HTTP/1 messages that were refused as malformed",
                                       AT(worker_stats, h1_faults)};
const struct metric h2_fault_metric = {"weir_h2_faults", METRIC_COUNTER, "fault",
                                       "HTTP/2 heads that were refused as malformed",
                                       AT(worker_stats, h2_faults)};
const struct metric left_out_metric = {
    "weir_metrics_endpoints_left_out", METRIC_GAUGE, NULL,
    "endpoints that have no series of their own, by metrics.endpoints", 0};
const struct metric flows_left_out_metric = {
    "weir_metrics_flows_left_out", METRIC_GAUGE, NULL,
    "pairs of a listener and a route whose requests aren't counted, by metrics.flows; 0: all are",
    0};

#define CLASS_HELP "requests by the class of the status that the client got; none: no head was sent"
#define DURATION_HELP "from the request's head to the end of the exchange"
#define GRPC_HELP "gRPC requests by their grpc-status; only codes that there were"
#define TRAFFIC(rows, prefix, classes_name, duration_name, labels)                                 \
    {                                                                                              \
        TABLE(rows),                                                                               \
            {classes_name, METRIC_COUNTER, labels ", code_class", CLASS_HELP,                      \
             AT(traffic_stats, status)},                                                           \
            {duration_name, METRIC_HISTOGRAM, labels ", le", DURATION_HELP,                        \
             AT(traffic_stats, latency)},                                                          \
            {prefix "grpc", METRIC_COUNTER, labels ", code", GRPC_HELP, AT(traffic_stats, grpc)},  \
    }

const struct traffic_metrics route_metrics =
    TRAFFIC(route_rows, "weir_route_", "weir_requests", "weir_request_duration_seconds", "route");
const struct traffic_metrics variant_metrics =
    TRAFFIC(variant_rows, "weir_variant_", "weir_variant_responses",
            "weir_variant_request_duration_seconds", "route, variant");
const struct traffic_metrics cluster_metrics =
    TRAFFIC(cluster_rows, "weir_cluster_", "weir_cluster_responses",
            "weir_cluster_request_duration_seconds", "cluster");
const struct metric endpoint_classes = {
    "weir_endpoint_responses", METRIC_COUNTER, "cluster, endpoint, code_class",
    "attempts by the class of the status that the endpoint answered", AT(endpoint_stats, status)};
const struct metric endpoint_latency = {
    "weir_endpoint_attempt_duration_seconds", METRIC_HISTOGRAM, "cluster, endpoint, le",
    "from an attempt's start to its last byte", AT(endpoint_stats, latency)};

const struct slice status_classes[6] = {
    SLICE_INIT("code_class=\"none\""), SLICE_INIT("code_class=\"1xx\""),
    SLICE_INIT("code_class=\"2xx\""),  SLICE_INIT("code_class=\"3xx\""),
    SLICE_INIT("code_class=\"4xx\""),  SLICE_INIT("code_class=\"5xx\""),
};

/* -- the manual -------------------------------------------------------------------------------- */

static void one(struct text *out, const struct metrics *m, struct metric *room, const char *title,
                const char *about, const struct metric *more, size_t more_n)
{
    memcpy(room, m->v, m->n * sizeof *room);
    for (size_t i = 0; i < more_n; i++)
        room[m->n + i] = more[i];
    metrics_table(out, title, about, room, m->n + more_n);
}

enum { ROOM = 64 };
_Static_assert(array_n(worker_rows) + 5 < ROOM && array_n(listener_rows) < ROOM &&
                   array_n(endpoint_rows) + 2 < ROOM && array_n(route_rows) + 3 < ROOM,
               "a table of the manual has room for a kind's metrics");

static void traffic(struct text *out, const struct traffic_metrics *t, struct metric *room,
                    const char *title, const char *about)
{
    const struct metric more[] = {t->classes, t->latency, t->grpc};

    one(out, &t->plain, room, title, about, more, array_n(more));
}

void stats_reference(struct text *out)
{
    const struct metric of_workers[] = {outcome_metric, h1_fault_metric, h2_fault_metric,
                                        left_out_metric, flows_left_out_metric},
                        of_endpoints[] = {endpoint_classes, endpoint_latency};
    struct metric room[ROOM];

    one(out, &worker_metrics, room, "Workers", "Added up over all workers.", of_workers,
        array_n(of_workers));
    one(out, &listener_metrics, room, "Listeners", NULL, NULL, 0);
    traffic(out, &route_metrics, room, "Routes",
            "Requests that got no route stand under `route=\"(none)\"`.");
    traffic(out, &variant_metrics, room, "Variants of routes",
            "Where a route's traffic is divided: by `canary`, by `dark_launch`.");
    traffic(out, &cluster_metrics, room, "Clusters", "Retries count for the cluster they went to.");
    one(out, &endpoint_metrics, room, "Endpoints",
        "Of clusters that have room for no more than `metrics.endpoints`: those listed, and "
        "`dns.capacity` where names are looked up.",
        of_endpoints, array_n(of_endpoints));
}
