/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_TREE_H
#define WEIR_CORE_ROUTE_TREE_H

/* The radix tree of the exact paths and path prefixes of one host pattern. A look-up walks the
 * path down once and compares each of its bytes once; the prefixes that match lie on the way, so
 * going back up the parents gives them from the longest to the shortest.
 *
 *     exact /a, prefixes /a/b and /, exact /abc:
 *
 *     ""(prefix) ── "/a"(exact) ─┬─ "/b"(prefix)
 *                                └─ "bc"(exact)
 *
 * A prefix ends on a segment boundary: "/a" is a prefix of "/a" and "/a/b", not of "/ab". The
 * prefix "/" lies in the root and matches everything, "*" (of OPTIONS) too. */

#include "base/arena.h"

struct route_entry;

/* The routes with the same path condition under one host pattern, in the order of their rank. */
struct path_routes {
    const struct route_entry *const *v;
    uint32_t n;
};

struct tree_node {
    struct slice label;          /* the bytes between the parent and this; none in the root */
    char *first;                 /* the first byte of each child's label */
    struct tree_node **children; /* in the order of `first` */
    uint16_t children_n, children_cap;
    uint32_t depth;           /* length of the path down to here, label included */
    struct tree_node *parent; /* NULL in the root */
    struct path_routes exact, prefix;
};

struct route_tree {
    struct tree_node *root;
};

void route_tree_init(struct route_tree *t, struct arena *a);
/* The routes at that exact path, or with that prefix, to be filled in by the caller before the
 * next call. `path` must outlive the tree. */
struct path_routes *route_tree_exact(struct route_tree *t, struct slice path, struct arena *a);
struct path_routes *route_tree_prefix(struct route_tree *t, struct slice path, struct arena *a);

struct tree_hit {
    const struct path_routes *exact; /* NULL: none */
    const struct tree_node *prefix;  /* the longest; NULL: none */
};
struct tree_hit route_tree_find(const struct route_tree *t, struct slice path);
/* The next shorter prefix of `path` after the one at `n`, or NULL. */
const struct tree_node *route_tree_shorter(const struct tree_node *n, struct slice path);

#endif
