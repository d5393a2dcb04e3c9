/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_COVER_H
#define WEIR_CORE_ROUTE_COVER_H

/* Finds the routes that can never match, because for every host pattern of theirs a route that
 * ranks before takes all that they would. While the router is built, it is shown the routes of
 * each leaf in the order in which matching looks at the leaves:
 *
 *     cover_init(&cv, router);
 *     cover_host(&cv);  cover_leaf(&cv, form, path, leaf); ...      per host pattern
 *     cover_report(&cv, faults);
 *     cover_fini(&cv);
 *
 * A covers B when the path of A takes every path that B's does and each condition of A follows
 * from one of B. A shorter prefix never covers a longer one, as it ranks behind; so A stands in
 * the same leaf, or has the prefix "/" or the expression ".*" where B has an expression or no path.
 *
 * What is reported is true; not all that is true is reported: whether one expression takes all
 * that another one does isn't looked into, and the work per route is bounded. */

#include "core/route/route_table.h"

/* Earlier routes that one is compared with. The index leaves few to compare in most leaves; where
 * it can't (10,000 different prefixes of one header), the build takes 0.06 s longer. */
enum { COVER_LOOKS_MAX = 256 };

/* The routes of a leaf that are not covered, by one of their conditions each. */
struct cover_index {
    struct map by_condition;   /* owned; of struct cover_bucket */
    struct cover_bucket *bare; /* routes without a condition on a value */
};

struct cover_tally {
    uint32_t leaves, covered;
    const struct route_entry *by; /* the first that covers it */
};

struct cover {
    const struct router *router;
    struct arena arena;        /* owned: while the router is built */
    struct cover_tally *tally; /* by route index */
    struct cover_index wide;   /* routes of the host pattern that take any path */
};

void cover_init(struct cover *cv, const struct router *r);
void cover_fini(struct cover *cv);
void cover_host(struct cover *cv);
void cover_leaf(struct cover *cv, enum path_form form, struct slice path,
                const struct path_routes *leaf);
void cover_report(const struct cover *cv, struct faults *faults);

#endif
