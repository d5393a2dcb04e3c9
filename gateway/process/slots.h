/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_SLOTS_H
#define WEIR_PROCESS_SLOTS_H

/* Slots of counters: each worker, and the control process, has one of its own while it lives
 * (core/stats/stats.h). The master gives them out and takes them back. */

#include <stdbool.h>

#include "core/generation.h"
#include "core/stats/stats.h"
#include "process/board.h"

struct slots {
    bool taken[STATS_SLOTS_MAX];
    struct board *board; /* learns the highest slot ever used */
};

/* The lowest free slot; -1: all are taken. */
int slots_take(struct slots *s);
void slots_give(struct slots *s, int slot);
/* Of a master that was replaced: its slots are taken as long as its processes live; at their end
 * they are given back, and what may have been left in them is put in order. */
void slots_inherit(struct slots *s, const bool *taken);
void slots_inherited_end(struct slots *s, const bool *taken, const struct generation *g,
                         struct shm *shm);
/* Slots that aren't ours may have been used by processes of a master that is gone again. */
void slots_bury_strangers(const struct slots *s, const struct generation *g, struct shm *shm);

/* What a worker of `g` in this slot needs in shared memory. Free them with slot_unbind. */
struct slot_cells {
    struct stats *stats;
    struct source_mirror **mirrors; /* of stats: by listener; NULL where there is no such limit */
    struct live_ring *live;
    struct recent_ring *recent; /* NULL: log.recent is 0, or there was no room */
};
bool slot_bind(struct slot_cells *sc, const struct generation *g, struct shm *shm, int slot,
               struct faults *faults) nodiscard;
/* Finds or makes the ring of the last requests, as long as half of the region stays free: others need
 * it more. */
void slot_remember(struct slot_cells *sc, const struct generation *g, struct shm *shm, int slot);
void slot_unbind(struct slot_cells *sc);
/* The process is gone: gives back the connections that it held in the limits, zeroes its gauges. */
void slot_bury(const struct generation *g, struct shm *shm, int slot);

#endif
