/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STATS_SUMS_H
#define WEIR_CORE_STATS_SUMS_H

/* What all slots together have counted, object by object, for whoever shows it in another form than
 * the metrics page does. A picture of the moment: the memory is its own.
 *
 *     struct stats_sums s;
 *     stats_sums_make(&s, g, shm, slots_n);
 *     s.routes[3].requests ...
 *     stats_sums_free(&s);
 */

#include "base/arena.h"
#include "core/stats/stats.h"

/* A slot that a process has now. */
struct process_sums {
    unsigned slot;
    uint64_t pid, generation;
    uint64_t worker; /* its number plus 1; 0: the control process */
    bool draining;
    uint64_t requests; /* that have ended since ever in this slot, by whichever process had it */
    uint64_t active, connections;
};

struct stats_sums {
    const struct generation *g;       /* borrowed */
    struct listener_stats *listeners; /* by index in config.listeners */
    struct traffic_stats *routes;     /* by index in config.routes, and behind the last: unrouted */
    struct traffic_stats *clusters;   /* by index in config.clusters */
    struct traffic_stats *variants;   /* by index in module_plan.variants */
    struct endpoint_stats ***endpoints; /* by cluster, then row of its table; rows that carry the
                                           same name share one; NULL: a free row */
    uint64_t *flows; /* [listener * (routes + 1) + route]; NULL: aren't counted */
    struct process_sums *processes;
    size_t processes_n;
    struct arena arena; /* private */
};

/* Over the slots [0, slots_n). Any process. */
void stats_sums_make(struct stats_sums *s, const struct generation *g, const struct shm *shm,
                     unsigned slots_n);
void stats_sums_free(struct stats_sums *s);

#endif
