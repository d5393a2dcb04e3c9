/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_SETTINGS_H
#define WEIR_TRACING_SETTINGS_H

/* What stands under `modules.tracing` and under `tracing` on a route, and what load makes of it. */

#include <jansson.h>

#include "tracing/queue.h"
#include "tracing/sampling.h"

enum tracing_count {
    COUNT_EXPORTED,
    COUNT_BATCHES,
    COUNT_FAILURES,
    COUNT_INVALID,
    COUNT_STATES_LEFT,
};

/* Why spans are lost; the label of weir_tracing_dropped_total. */
enum tracing_drop {
    DROP_QUEUE,       /* it was full */
    DROP_LOST,        /* a process died while it wrote, or its record was spoiled */
    DROP_UNREACHABLE, /* the collector took nothing for export.keep */
    DROP_REFUSED,     /* it said that it never will */
    DROP_REJECTED,    /* it took the others of the batch */
    DROP_RECORD,      /* of one request: more than a record holds */
    DROP_MEMORY,      /* of the control process */
    DROP_N,
};

enum tracing_trust { TRUST_PROXIES, TRUST_ALWAYS, TRUST_NEVER };
enum tracing_b3 { B3_READ, B3_PASS, B3_OFF };

struct tracing_pair {
    struct weir_place place;
    struct weir_slice name, value;
};

struct tracing_export {
    int64_t spans;
    uint64_t delay_ms, timeout_ms, keep_ms;
};

struct tracing {
    /* as written */
    struct weir_url url;
    weir_cluster cluster;
    struct weir_groups headers, resource; /* struct tracing_pair */
    struct weir_slice service;
    int trust, b3;
    uint64_t tracestate_max;
    bool unrouted;
    int64_t slots;
    struct sampling sampling;
    struct tracing_export export;
    /* made at load */
    struct weir_name traceparent, tracestate, b3_name, user_agent;
    struct weir_slice *cluster_names; /* by weir_cluster */
    size_t clusters_n;
    struct weir_counters *counts, *drops[DROP_N];
    struct queue *queue; /* shared by all processes; NULL: there is no collector */
};

struct tracing_route {
    bool enabled;
    struct sampling sampling;
};

extern const struct weir_counter tracing_counters[]; /* for the manual */
extern const struct weir_setting tracing_rows[];
extern const struct weir_setting tracing_route_rows[];

/* explain.c [control] */
void tracing_explain(struct weir_explain *e, const struct weir_use *u);
void tracing_load(struct weir_load *l, void *global);
void tracing_load_route(struct weir_load *l, void *conf, void *global);

#endif
