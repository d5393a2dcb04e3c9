/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STATS_PAGE_H
#define WEIR_CORE_STATS_PAGE_H

/* Private to stats_text*.c: a page of metrics while it is made. */

#include "base/arena.h"
#include "base/text.h"
#include "core/stats/stats.h"

/* One object: its labels as they stand in the braces, and the sum over all slots. */
struct object {
    struct slice labels;
    uint64_t *sum;
};

struct group {
    const char *prefix; /* of metric names: "weir_listener_" */
    struct object *v;
    size_t n;
};

struct page {
    const struct generation *g;
    const struct shm *shm;
    unsigned slots_n;
    struct arena arena;
    struct text key, *out;
    struct group workers, listeners, routes, variants, clusters, endpoints, modules;
};

/* "# HELP" and "# TYPE" of prefix + name + suffix. */
void page_head(struct text *out, const char *prefix, const char *name, const char *suffix,
               const char *type, const char *help);
/* "name{labels,more} value"; either part of the labels may be empty. */
void page_line(struct text *out, struct slice name, struct slice labels, struct slice more,
               int64_t value);

/* Counters of modules (stats_text_module.c): modules.v[i] is of module_plan.counters[i]. */
void page_modules(struct page *p);

#endif
