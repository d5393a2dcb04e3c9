/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_H
#define WEIR_CONTROL_HEALTH_H

/* Health checks: the control process asks the endpoints of clusters that have `health` configured
 * whether they serve, and writes what it finds into their slots in shared memory
 * (core/cluster/endpoint_cell.h), where the workers find it with their next pick.
 *
 *     struct health *h = health_start(&worker);
 *     ...                                       on its loop; nothing blocks
 *     health_quiesce(h);                        no further check begins; those under way end untold
 *     loop_turn(&loop); health_close(h);        their connections go
 *     health_free(h);                           once nothing is open any more
 *
 * What was found lasts: a control process that starts again goes on from the last state, and so
 * does one of a new configuration, for the endpoints that are still there. */

#include "control/health/health_match.h"
#include "core/cluster/endpoint_cell.h"
#include "core/worker.h"

struct health;

/* Control process, with everything of the worker plugged in. What stands in slots of clusters that
 * are not checked any more is taken back. */
struct health *health_start(struct worker *w) nodiscard;
/* NULL is harmless to all of these. */
void health_quiesce(struct health *h);
void health_close(struct health *h);
void health_free(struct health *h);

/* What is known of the checks of one endpoint. Times are on the loop's clock. */
struct health_facts {
    bool checked; /* false: it isn't, and nothing else is set */
    bool any;     /* there has been a check; else `result` and `status` say nothing */
    enum health_result result;
    int status;                 /* of the last response; 0: none, or none of HTTP */
    uint64_t ended_ms, next_ms; /* 0: never; under way */
    uint32_t passed, failed;    /* in a row */
    bool followed;              /* others in the fleet check it: `result` and `status` are older */
};
struct health_facts health_facts(const struct health *h, uint32_t cluster, struct slice endpoint);

/* -- for health_metrics.c ---------------------------------------------------------------------- */

struct health_totals {
    struct slice cluster;
    uint64_t results[HEALTH_RESULTS_N];
    uint64_t went_up, went_down;
    uint64_t path_faults;
    size_t endpoints, followed; /* followed: others in the fleet check them */
    size_t unsaid; /* endpoints that found no room in what the fleet is told */
    bool shared; /* some instances check for all: health.fleet_checkers */
};
size_t health_clusters_n(const struct health *h);
struct health_totals health_totals(const struct health *h, size_t i);
/* The endpoint `at` of cluster `i`; its state. False: there are no more. */
bool health_endpoint(const struct health *h, size_t i, size_t at, struct slice *name,
                     enum endpoint_health *health);
/* Checks under way, and how often one had to wait for health.concurrency. */
size_t health_running(const struct health *h);
uint64_t health_delayed(const struct health *h);

/* A part of the metrics page. */
struct exposition;
void metrics_of_health(void *health, struct exposition *e);

#endif
