/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STATS_MODULE_H
#define WEIR_CORE_STATS_MODULE_H

/* What modules count: variants of routes, which count what a route counts, and counters of a
 * module's own. Both are registered while a generation is loaded, lie in its arena and have an
 * index, by which a process finds its column (core/stats/stats.h). The cells:
 *
 *     stats/variant/ROUTE/NAME/GROUP                      struct traffic_stats
 *     stats/module/MODULE/SCOPE/OWNER/LABELS/NAMES/GROUP  one uint64_t for each of the names
 *
 * SCOPE is "route", "cluster" or "module"; OWNER the route's or the cluster's name; NAMES a digest
 * of the counters' names in their order, so that a module that counts other things finds other
 * cells. Who registers what is registered already (a second use on the same route) gets the same
 * object, so that a series never shows twice.
 *
 * Master, while it loads; what is registered is read-only afterwards. */

#include "base/slice.h"
#include "core/module/module.h"
#include "core/stats/stats.h"
#include "core/stats/stats_cells.h"

struct weir_variant {
    uint32_t index; /* in module_plan.variants and stats.variants */
    struct slice route, name;
    struct slice key; /* what follows "stats/variant/" */
};

struct weir_counters {
    uint32_t index;                  /* in module_plan.counters and stats.counters */
    uint32_t n;                      /* of rows */
    const struct weir_counter *rows; /* the module's */
    const struct weir_module *module;
    struct slice labels; /* as they stand in the braces of the metrics page */
    struct slice key;    /* what follows "stats/module/" */
};

/* What a module reads out itself whenever a page is made: nothing is counted in a column. */
struct module_gauge {
    struct module_gauge *next; /* from module_plan.gauges on, in the order of registering */
    struct weir_gauge gauge;
    const struct weir_module *module;
    struct slice labels;
};

enum { VARIANT_NAME_MAX = 128 };

/* NULL with a fault when the name can't be one, or the use isn't on a route. */
struct weir_variant *variant_add(struct weir_load *l, struct slice name) nodiscard;
/* NULL with a fault when a name can't stand in a metric. */
struct weir_counters *counters_add(struct weir_load *l, const struct weir_counter *rows,
                                   const struct weir_label *labels, size_t labels_n) nodiscard;

/* Nothing is registered, with a fault, when a name can't stand in a metric; nor when the use has such
 * a gauge already. */
void gauge_add(struct weir_load *l, const struct weir_gauge *gauge, const struct weir_label *labels,
               size_t labels_n);

/* Their cells, of all slots. */
struct stats_cell variant_cell(const struct weir_variant *v);
struct stats_cell counters_cell(const struct weir_counters *c);

/* Over all slots there may be, whoever has them or had them. Slow: looks up a cell for every eight
 * slots. */
void variant_sum(const struct weir_variant *v, const struct stats *s, struct traffic_stats *out);
uint64_t counters_sum(const struct weir_counters *c, const struct shm *shm, unsigned row);

/* The upper bound of the bucket in which this share (0.99) of the durations, counted from the
 * shortest, ends; 0: there were none. Above the highest bound it is that bound. */
uint64_t histogram_share_us(const struct histogram *h, const struct latency_bounds *b,
                            double share);

#endif
