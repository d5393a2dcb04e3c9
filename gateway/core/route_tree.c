/* SPDX-License-Identifier: Apache-2.0 */
/* The radix tree: insertion by splitting labels, look-up by one walk down.
 *
 * Nodes without routes exist only where two paths part. Children are found by the first byte of
 * their label, which no two children of a node share, so that memchr() over those bytes is all
 * the searching there is.
 *
 * Invariant: a node that isn't the root has a label, and depth is its parent's and its label's. */

#include "core/route_tree.h"

void route_tree_init(struct route_tree *t, struct arena *a)
{
    t->root = ARENA_NEW(a, struct tree_node);
}

/* -- insertion --------------------------------------------------------------------------------- */

static struct tree_node **find_child(const struct tree_node *n, char first)
{
    if (n->children_n == 0)
        return NULL;
    const char *at = memchr(n->first, first, n->children_n);
    return at ? &n->children[at - n->first] : NULL;
}

static size_t common_length(struct slice a, struct slice b)
{
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return n;
}

/* The parent's arrays double, so that the arena holds at most as much again in outgrown ones. */
static void grow_children(struct tree_node *n, struct arena *a)
{
    const uint16_t cap = n->children_cap ? n->children_cap * 2 : 1;
    char *first = arena_alloc(a, cap);
    struct tree_node **children = ARENA_ARRAY(a, struct tree_node *, cap);
    if (n->children_n) {
        memcpy(first, n->first, n->children_n);
        memcpy(children, n->children, n->children_n * sizeof *children);
    }
    n->first = first;
    n->children = children;
    n->children_cap = cap;
}

static void attach(struct tree_node *parent, struct tree_node *n, struct arena *a)
{
    if (parent->children_n == parent->children_cap)
        grow_children(parent, a);
    parent->first[parent->children_n] = n->label.p[0];
    parent->children[parent->children_n++] = n;
    n->parent = parent;
    n->depth = parent->depth + (uint32_t)n->label.n;
}

static struct tree_node *add_child(struct tree_node *parent, struct slice label, struct arena *a)
{
    struct tree_node *n = ARENA_NEW(a, struct tree_node);
    n->label = label;
    attach(parent, n, a);
    return n;
}

/* Puts a node between that of *edge and its parent, `at` bytes into the label. */
static struct tree_node *split(struct tree_node **edge, size_t at, struct arena *a)
{
    struct tree_node *lower = *edge, *upper = ARENA_NEW(a, struct tree_node);
    upper->label = slice_of(lower->label.p, at);
    upper->parent = lower->parent;
    upper->depth = upper->parent->depth + (uint32_t)at;
    *edge = upper;
    lower->label = slice_from(lower->label, at);
    attach(upper, lower, a);
    return upper;
}

/* The node of `path`, made when there is none. */
static struct tree_node *node_at(struct route_tree *t, struct slice path, struct arena *a)
{
    struct tree_node *n = t->root;
    while (path.n > 0) {
        struct tree_node **edge = find_child(n, path.p[0]);
        if (!edge)
            return add_child(n, path, a);
        const size_t common = common_length((*edge)->label, path);
        n = common < (*edge)->label.n ? split(edge, common, a) : *edge;
        path = slice_from(path, common);
    }
    return n;
}

struct path_routes *route_tree_exact(struct route_tree *t, struct slice path, struct arena *a)
{
    return &node_at(t, path, a)->exact;
}

struct path_routes *route_tree_prefix(struct route_tree *t, struct slice path, struct arena *a)
{
    return &node_at(t, slice_eq(path, SLICE("/")) ? SLICE("") : path, a)->prefix;
}

/* -- look-up ----------------------------------------------------------------------------------- */

/* Does the path of this node, which `path` begins with, end on a segment boundary of it? */
static bool is_prefix(const struct tree_node *n, struct slice path)
{
    if (n->prefix.n == 0)
        return false;
    return n->depth == path.n || n->depth == 0 || path.p[n->depth] == '/';
}

struct tree_hit route_tree_find(const struct route_tree *t, struct slice path)
{
    const struct tree_node *n = t->root;
    struct tree_hit hit = {.prefix = is_prefix(n, path) ? n : NULL};

    while (n->depth < path.n) {
        struct tree_node *const *edge = find_child(n, path.p[n->depth]);
        if (!edge)
            return hit;
        const struct slice rest = slice_from(path, n->depth);
        n = *edge;
        if (!slice_starts(rest, n->label))
            return hit;
        if (is_prefix(n, path))
            hit.prefix = n;
    }
    if (n->exact.n)
        hit.exact = &n->exact;
    return hit;
}

const struct tree_node *route_tree_shorter(const struct tree_node *n, struct slice path)
{
    do
        n = n->parent;
    while (n && !is_prefix(n, path));
    return n;
}
