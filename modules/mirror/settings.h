/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_SETTINGS_H
#define WEIR_MIRROR_SETTINGS_H

/* What stands under `mirror` on a route, one struct for each entry of the list, and what load makes
 * of it. */

#include <weir/module.h>

#include "mirror/compare.h"
#include "mirror/delta.h"
#include "mirror/ring.h"
#include "mirror/seats.h"

/* What is counted, for each mirror. A copy that was drawn is either sent or dropped; one that was
 * sent is answered, or failed, aborted or dropped. */
enum mirror_count {
    COUNT_DRAWN,
    COUNT_SENT,
    COUNT_ANSWERED,
    COUNT_FAILED,
    COUNT_ABORTED,
    COUNT_DROPPED_CONCURRENCY,
    COUNT_DROPPED_BODY,
    COUNT_DROPPED_MEMORY,
    COUNT_COMPARED,
    COUNT_MISMATCHED,
    COUNT_MISMATCHED_STATUS,
    COUNT_MISMATCHED_HEADERS,
    COUNT_MISMATCHED_CONTENT,
    COUNT_SKIPPED,
    COUNT_UNREAD,
    COUNT_SAMPLES_LOST,
};

struct mirror;

/* Under `modules`, and the list of all mirrors. */
struct mirrors {
    bool show_values;
    struct mirror *first;
    unsigned n;
};

struct mirror_compare {
    bool present;
    bool status, json, content, latency;
    weir_cluster against;
    struct weir_texts headers, ignore;
    uint64_t body_limit;
    int64_t samples;
};

struct mirror {
    /* as written */
    weir_cluster cluster;
    uint32_t percent; /* millionths */
    uint64_t timeout_ms, body_limit;
    int64_t concurrency;
    struct weir_slice marker, host;
    struct weir_texts methods, remove;
    struct mirror_compare compare;
    /* made at load */
    struct mirror *next;
    unsigned number;
    unsigned nth; /* of the route's mirrors to this cluster, from 1 */
    struct weir_slice route, cluster_name;
    struct weir_claim *fields; /* that a copy gets, or loses */
    size_t fields_n;
    weir_cluster baseline; /* whose answers are compared */
    struct weir_name content_type, content_encoding;
    struct compare_rules rules;
    struct weir_counters *counters;
    /* shared by all processes */
    _Atomic uint64_t *position; /* of the schedule: requests so far */
    struct seats *seats;
    struct delta *delta;
    struct ring *ring;
};

extern const struct weir_counter mirror_counters[]; /* by enum mirror_count */
extern const struct weir_setting mirrors_rows[];    /* of struct mirrors */
extern const struct weir_setting mirror_rows[];

/* explain.c [control] */
void mirror_explain(struct weir_explain *e, const struct weir_use *u);
void mirror_load(struct weir_load *l, void *conf, void *global);

#endif
