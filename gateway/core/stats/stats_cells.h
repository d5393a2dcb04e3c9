/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STATS_CELLS_H
#define WEIR_CORE_STATS_CELLS_H

/* Private to stats*.c: which cells of counters a generation has, and their keys.
 *
 * A cell holds the columns of one object for STATS_GROUP neighbouring slots, so that ten thousand
 * routes are not ten thousand look-ups per slot:
 *
 *     stats/route/shop/0     | slot 0 ... | slot 1 ... | ... | slot 7 ... |   each on its own lines
 *
 *     struct stats_cell c = {0};
 *     while (stats_cell_next(g, &c))
 *         if ((cell = stats_cell_find(&c, shm, slot / STATS_GROUP, &key)))
 *             column = stats_cell_column(&c, cell, slot);
 */

#include "base/text.h"
#include "core/stats/stats.h"

enum stats_kind {
    STATS_WORKER,
    STATS_UNROUTED,
    STATS_LISTENER,
    STATS_FLOW,   /* only where metrics.flows allows them; index: listener * (routes + 1) + route */
    STATS_MIRROR, /* only where the listener limits connections per source */
    STATS_ROUTE,
    STATS_CLUSTER,
    STATS_ENDPOINTS,
    STATS_VARIANT,
    STATS_MODULE,
    STATS_KIND_N
};

enum { STATS_GROUP = 8 };

struct stats_cell {
    enum stats_kind kind;
    uint32_t index;      /* of the listener, route, cluster, variant or counters */
    uint32_t next;       /* private */
    struct slice prefix; /* of the key: "stats/route/" */
    struct slice of;     /* FLOW: the listener, in front of the route's name; else empty */
    struct slice name;
    uint32_t rows; /* ENDPOINTS: capacity of the table, else 0 */
    size_t size;   /* of one column */
    size_t stride; /* from one column to the next: whole cache lines */
};

/* The next one, beginning with a zeroed *c; false at the end. */
bool stats_cell_next(const struct generation *g, struct stats_cell *c) nodiscard;
/* The key of this cell of one group; the text is written anew. */
struct slice stats_cell_key(const struct stats_cell *c, unsigned group, struct text *key);
/* NULL when there is none, or one of another size (of another version of the gateway). */
void *stats_cell_find(const struct stats_cell *c, const struct shm *shm, unsigned group,
                      struct text *key) nodiscard;
/* Of one object whose prefix, name and size are known, without a walk. */
struct stats_cell stats_cell_of(enum stats_kind kind, uint32_t index, const char *prefix,
                                struct slice name, size_t size);
/* Calls `add` with each column of the cell that there is, of slots [0, slots_n). */
void stats_cell_each(const struct stats_cell *c, const struct shm *shm, unsigned slots_n, void *to,
                     void (*add)(void *to, const struct stats_cell *c, const void *column));
/* Other processes store while this one reads: each value is whole, but they are not of one moment. */
void stats_add_up(uint64_t *to, const void *from, size_t size);
/* The same of what ends with a histogram, which counts only where it has these bounds. */
void stats_add_counted(uint64_t *to, const void *from, size_t size,
                       const struct latency_bounds *b);
static inline void *stats_cell_column(const struct stats_cell *c, void *cell, unsigned slot)
{
    return (char *)cell + slot % STATS_GROUP * c->stride;
}

#endif
