/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_SETTINGS_H
#define WEIR_FAULT_SETTINGS_H

/* What stands under `fault` on a route, one struct for each entry of the list, and what load makes
 * of it. */

#include <weir/module.h>

#include "fault/cell.h"
#include "fault/delay.h"
#include "fault/match.h"
#include "fault/wish.h"

enum fault_counter {
    COUNT_INJECTED,
    COUNT_DELAYED,
    COUNT_ABORTED,
    COUNT_TRUNCATED,
    COUNT_SLOWED,
    COUNT_DROPPED,
    COUNT_BAD_WISHES,
    COUNT_TRIPPED,
    COUNT_N
};
extern const struct weir_counter fault_counters[COUNT_N + 1];

enum fault_at { AT_UPSTREAM, AT_EDGE };
enum fault_each { EACH_ATTEMPT, EACH_REQUEST };

struct fault;

/* Under `modules`, and the list of all faults. */
struct faults {
    bool enabled;
    struct fault *first, *last;
    unsigned n;
    struct fault_switch *all;
};

struct fault {
    /* as written */
    struct weir_slice name, owner, ends_text, mark, wish_field;
    uint32_t percent; /* millionths */
    bool enabled;
    int at, each;
    int64_t max_active;
    uint64_t max_delay_ms, bytes_per_second;
    struct fault_delay {
        uint64_t fixed_ms, min_ms, max_ms, mean_ms;
        int shape;
    } delay;
    struct fault_abort {
        int64_t status, grpc_status;
        bool reset;
        uint64_t truncate_after;
    } abort;
    struct fault_match {
        struct weir_groups headers; /* of struct match_header */
        struct weir_texts methods, endpoints;
        weir_cluster cluster;
        struct who who;
    } match;
    struct fault_stop {
        uint32_t error_rate; /* millionths; 0: it doesn't stop by itself */
        uint64_t window_ms;
        int64_t min_requests;
    } stop;
    /* made at load */
    struct fault *next;
    unsigned number;
    struct weir_slice route;
    uint64_t ends_s;
    struct delay how_long;
    struct weir_attempt_fault what; /* without the delay */
    struct weir_name wish_name, mark_name, content_type;
    struct wish_limits wish_limits;
    struct weir_counters *counters;
    /* shared by all processes */
    struct fault_cell *cell;
};

static inline const struct match_header *fault_headers(const struct fault *f)
{
    return f->match.headers.v;
}

extern const struct weir_setting faults_rows[]; /* of struct faults */
extern const struct weir_setting fault_rows[];

void fault_load(struct weir_load *l, void *global);
void fault_load_route(struct weir_load *l, void *conf, void *global);
void fault_unload_use(void *conf);

#endif
