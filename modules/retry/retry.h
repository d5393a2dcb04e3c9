/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_RETRY_H
#define WEIR_RETRY_RETRY_H

/* What the files of the module share: its settings, as settings.c reads them and retry_load_route()
 * completes them; wait.c says how long to wait, retry.c has the hooks. */

#include "common/value_match.h"
#include "retry/backoff.h"
#include "retry/conditions.h"
#include "retry/hedge.h"
#include "retry/percentile.h"
#include "retry/retry_after.h"

/* Of each route. */
enum retry_counter {
    COUNT_REPEATED,
    COUNT_RECOVERED,
    COUNT_EXHAUSTED,
    COUNT_REFUSED,
    COUNT_BUDGET,
    COUNT_ASKED,
    COUNT_TOO_LONG,
    COUNT_FELL_BACK,
    COUNT_HEDGES,
    COUNT_HEDGES_WON,
    COUNT_HEDGES_WASTED,
    COUNT_N
};
extern const struct weir_counter retry_counters[COUNT_N + 1];

enum retry_log { LOG_ON, LOG_STOPPED, LOG_FELL_BACK, LOG_HEDGE };

/* One of `on_headers`. */
struct field_conf {
    struct weir_place place;
    struct weir_slice name;
    struct value_match value;
    bool present;           /* any value */
    struct weir_name field; /* made at load */
};

/* One of `retry_after.reset_fields`. */
struct reset_conf {
    struct weir_place place;
    struct weir_slice name;
    int format; /* enum reset_format */
    /* made at load */
    struct weir_name field;
};

struct retry_after_conf {
    bool honour;
    uint64_t max_ms;
    struct weir_groups reset_fields; /* of struct reset_conf */
};

struct hedge_conf {
    struct weir_slice delay_text; /* empty: no hedges */
    uint64_t min_ms, max_ms, window_ms;
    int64_t min_samples;
    /* made at load */
    struct hedge_delay delay;
    struct percentile percentile;
    struct latency *latency; /* cell; NULL: the delay is fixed */
};

struct then_conf {
    weir_cluster cluster;
    struct weir_chain *chain;
    struct weir_slice cluster_name; /* made at load */
};

/* A route's. */
struct retry {
    bool enabled;
    int64_t attempts;
    struct weir_texts on_texts, methods;
    struct weir_groups on_headers; /* of struct field_conf */
    uint64_t per_try_timeout_ms, per_try_idle_timeout_ms;
    struct backoff backoff;
    struct retry_after_conf after;
    struct hedge_conf hedge;
    struct then_conf then;
    struct weir_slice attempt_header_text;
    /* made at load */
    struct conditions on;
    struct weir_name attempt_header; /* absent text: none */
    const struct reset_conf *resets;
    size_t resets_n;
    struct weir_counters *counters;
};

struct retry_global {
    bool enabled;
    /* made at load */
    struct weir_name retry_after, date, grpc_status;
};

extern const struct weir_setting retry_global_rows[], retry_rows[];
void retry_load(struct weir_load *l, void *global);
void retry_load_route(struct weir_load *l, void *conf, void *global);
void retry_unload_use(void *conf);

/* [control] */
void retry_explain(struct weir_explain *e, const struct weir_use *u);

/* How long the next attempt waits, which is the nth retry, from 1. */
struct retry_wait {
    uint64_t ms;
    bool asked;    /* the origin has said how long */
    bool too_long; /* and that is more than the route waits: no retry */
};
struct retry_wait retry_wait_for(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_attempt *at, unsigned retry);

#endif
