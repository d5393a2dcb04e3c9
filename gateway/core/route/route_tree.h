/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_TREE_H
#define WEIR_CORE_ROUTE_TREE_H

/* The radix tree of the exact paths and path prefixes of one host pattern. A look-up walks the
 * path down once and compares each of its bytes once; the prefixes that match lie on the way, so
 * going back up the parents gives them from the longest to the shortest.
 *
 *     exact /a and /abc, prefixes /a and /a/b:
 *
 *     "" ── "/a"(exact, prefix) ─┬─ "/b"(prefix)
 *                                └─ "bc"(exact)
 *
 * A prefix ends on a segment boundary: "/a" is a prefix of "/a" and "/a/b", not of "/ab". The
 * prefix "/" takes everything and isn't in the tree.
 *
 * The master drafts the tree from linked nodes and then packs it: in the packed tree a node with
 * its label and the way to its children is one piece of memory, and each of its leaves lies behind
 * it, since what a look-up among 10,000 routes costs is the cache lines that it touches. */

#include "base/arena.h"

/* The routes with the same path condition under one host pattern, in the order of their rank:
 * n of router.order, from `first` on. */
struct path_routes {
    uint32_t first, n;
};

struct draft_node;

struct route_tree_draft {
    struct arena arena; /* owned */
    struct draft_node *root;
};

void route_tree_draft_init(struct route_tree_draft *d);
void route_tree_draft_fini(struct route_tree_draft *d);
/* The leaf of that exact path, or of that prefix (not "/"), to be filled in before the next call.
 * `path` must live until the draft is packed. */
struct path_routes *route_tree_draft_exact(struct route_tree_draft *d, struct slice path);
struct path_routes *route_tree_draft_prefix(struct route_tree_draft *d, struct slice path);

struct tree_node {
    uint32_t parent; /* how many bytes before this one; 0 in the root */
    uint32_t depth;  /* length of the path down to here, label included */
    struct path_routes exact, prefix;
    uint32_t label_n; /* the bytes between the parent and this */
    uint16_t children_n;
    char bytes[]; /* the label; the first byte of each child's label; at the next multiple of four,
                     how many bytes behind this one each child stands (uint32_t) */
};

struct route_tree {
    const struct tree_node *root; /* NULL: nothing in it */
};
/* Packs into `a`. */
struct route_tree route_tree_pack(const struct route_tree_draft *d, struct arena *a);

struct tree_hit {
    const struct path_routes *exact; /* NULL: none */
    const struct tree_node *prefix;  /* the longest; NULL: none */
};
struct tree_hit route_tree_find(const struct route_tree *t, struct slice path);
/* The next shorter prefix of `path` after the one at `n`, or NULL. */
const struct tree_node *route_tree_shorter(const struct tree_node *n, struct slice path);

#endif
