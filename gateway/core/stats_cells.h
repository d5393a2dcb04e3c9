/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STATS_CELLS_H
#define WEIR_CORE_STATS_CELLS_H

/* Private to stats.c and stats_text.c: which cells of counters a generation has, and their keys.
 *
 *     struct stats_cell c = {0};
 *     while (stats_cell_next(g, &c))
 *         p = stats_cell_find(&c, shm, slot, &key);
 */

#include "core/stats.h"

enum stats_kind {
    STATS_WORKER,
    STATS_UNROUTED,
    STATS_LISTENER,
    STATS_MIRROR, /* only where the listener limits connections per source */
    STATS_ROUTE,
    STATS_CLUSTER,
    STATS_ENDPOINTS,
    STATS_KIND_N
};

struct stats_cell {
    enum stats_kind kind;
    uint32_t index;      /* of the listener, route or cluster */
    uint32_t next;       /* private */
    struct slice prefix; /* of the key: "stats/route/" */
    struct slice name;
    uint32_t rows; /* ENDPOINTS: capacity of the table, else 0 */
    size_t size;
};

/* The next one, beginning with a zeroed *c; false at the end. */
bool stats_cell_next(const struct generation *g, struct stats_cell *c) nodiscard;
/* The key of this cell in one slot; the text is written anew. */
struct slice stats_cell_key(const struct stats_cell *c, unsigned slot, struct text *key);
/* NULL when there is none, or one of another size (of another version of the gateway). */
void *stats_cell_find(const struct stats_cell *c, const struct shm *shm, unsigned slot,
                      struct text *key) nodiscard;

#endif
