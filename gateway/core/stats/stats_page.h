/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STATS_PAGE_H
#define WEIR_CORE_STATS_PAGE_H

/* Private to stats_text*.c and stats_metrics.c: a page of metrics while it is made. */

#include "base/arena.h"
#include "base/text.h"
#include "core/stats/exposition.h"
#include "core/stats/stats.h"

/* One object: its labels as they stand in the braces, and the sum over all slots. */
struct object {
    struct slice labels;
    uint64_t *sum;
};

struct group {
    struct object *v;
    size_t n;
};

struct page {
    const struct generation *g;
    const struct shm *shm;
    unsigned slots_n;
    struct arena arena;
    struct exposition *e;
    const struct latency_bounds *bounds;
    struct exposed_bounds les;
    uint64_t left_out; /* endpoints without series of their own */
    struct group workers, listeners, routes, variants, clusters, endpoints, modules;
};

/* Tables (stats_metrics.c). metric.at is an index into an object's sum as an array. */
struct metrics {
    const struct metric *v;
    size_t n;
};
extern const struct metrics worker_metrics, listener_metrics, endpoint_metrics;
extern const struct metric outcome_metric, h1_fault_metric, h2_fault_metric, left_out_metric,
    flows_left_out_metric;
extern const struct metric endpoint_classes, endpoint_latency;
/* What routes, their variants and clusters have alike. */
struct traffic_metrics {
    struct metrics plain;
    const struct metric classes, latency, grpc;
};
extern const struct traffic_metrics route_metrics, variant_metrics, cluster_metrics;

/* The class, for the label code_class, and the code of gRPC, as labels stand in the braces. */
extern const struct slice status_classes[6];

/* Counters of modules (stats_text_module.c): modules.v[i] is of module_plan.counters[i]. */
void page_modules(struct page *p);

#endif
