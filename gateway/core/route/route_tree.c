/* SPDX-License-Identifier: Apache-2.0 */
/* The radix tree: drafted by splitting labels, packed in preorder, looked up by one walk down.
 *
 * Nodes without routes exist only where two paths part. Children are found by the first byte of
 * their label, which no two children of a node share, so that memchr() over those bytes is all
 * the searching there is.
 *
 * Invariant: a node that isn't the root has a label, and depth is its parent's and its label's. */

#include "core/route/route_tree.h"

struct draft_node {
    struct slice label;
    struct draft_node *parent, *child, *next; /* first child, next sibling */
    struct path_routes exact, prefix;
    uint32_t depth;
    uint32_t at; /* where it stands when packed */
    uint16_t children_n;
};

/* -- drafting ---------------------------------------------------------------------------------- */

void route_tree_draft_init(struct route_tree_draft *d)
{
    arena_init(&d->arena, NULL, 0);
    d->root = NULL;
}

void route_tree_draft_fini(struct route_tree_draft *d)
{
    arena_fini(&d->arena);
}

/* Where the pointer to the child with that first byte stands; it holds NULL when there is none. */
static struct draft_node **find_draft(struct draft_node *n, char first)
{
    struct draft_node **edge = &n->child;
    while (*edge && (*edge)->label.p[0] != first)
        edge = &(*edge)->next;
    return edge;
}

static size_t common_length(struct slice a, struct slice b)
{
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return n;
}

/* A node in the place of *edge, which becomes its child, if there is one there. */
static struct draft_node *insert(struct arena *a, struct draft_node *parent,
                                 struct draft_node **edge, struct slice label)
{
    struct draft_node *n = ARENA_NEW(a, struct draft_node), *lower = *edge;
    n->label = label;
    n->parent = parent;
    n->depth = parent->depth + (uint32_t)label.n;
    *edge = n;
    if (!lower) {
        parent->children_n++;
        return n;
    }
    n->next = lower->next;
    n->child = lower;
    n->children_n = 1;
    lower->next = NULL;
    lower->parent = n;
    lower->label = slice_from(lower->label, label.n);
    return n;
}

/* The node of `path`, made when there is none. */
static struct draft_node *draft_at(struct route_tree_draft *d, struct slice path)
{
    if (!d->root)
        d->root = ARENA_NEW(&d->arena, struct draft_node);
    struct draft_node *n = d->root;
    while (path.n > 0) {
        struct draft_node **edge = find_draft(n, path.p[0]);
        const size_t common = *edge ? common_length((*edge)->label, path) : path.n;
        if (*edge && common == (*edge)->label.n)
            n = *edge;
        else
            n = insert(&d->arena, n, edge, slice_of(path.p, common));
        path = slice_from(path, common);
    }
    return n;
}

struct path_routes *route_tree_draft_exact(struct route_tree_draft *d, struct slice path)
{
    return &draft_at(d, path)->exact;
}

struct path_routes *route_tree_draft_prefix(struct route_tree_draft *d, struct slice path)
{
    return &draft_at(d, path)->prefix;
}

/* -- packing ----------------------------------------------------------------------------------- */

static struct draft_node *next_in_preorder(struct draft_node *n)
{
    if (n->child)
        return n->child;
    while (n && !n->next)
        n = n->parent;
    return n ? n->next : NULL;
}

/* Where, within a node, the distances of its children stand. */
static size_t distances_at(size_t label_n, size_t children_n)
{
    return (offsetof(struct tree_node, bytes) + label_n + children_n + 3) & ~(size_t)3;
}

static void pack_node(const struct draft_node *n, char *base)
{
    struct tree_node *out = (struct tree_node *)(base + n->at);
    *out = (struct tree_node){
        .parent = n->parent ? n->at - n->parent->at : 0,
        .depth = n->depth,
        .exact = n->exact,
        .prefix = n->prefix,
        .label_n = (uint32_t)n->label.n,
        .children_n = n->children_n,
    };
    char *bytes = out->bytes;
    uint32_t *distance = (uint32_t *)((char *)out + distances_at(n->label.n, n->children_n));
    if (n->label.n)
        bytes = mempcpy(bytes, n->label.p, n->label.n);
    for (const struct draft_node *c = n->child; c; c = c->next) {
        *bytes++ = c->label.p[0];
        *distance++ = c->at - n->at;
    }
}

struct route_tree route_tree_pack(const struct route_tree_draft *d, struct arena *a)
{
    size_t size = 0;
    if (!d->root)
        return (struct route_tree){0};
    for (struct draft_node *n = d->root; n; n = next_in_preorder(n)) {
        n->at = (uint32_t)size;
        size += distances_at(n->label.n, n->children_n) + n->children_n * sizeof(uint32_t);
    }
    must(size <= UINT32_MAX);
    char *base = arena_zalloc(a, size);
    for (struct draft_node *n = d->root; n; n = next_in_preorder(n))
        pack_node(n, base);
    return (struct route_tree){.root = (const struct tree_node *)base};
}

/* -- look-up ----------------------------------------------------------------------------------- */

static const struct tree_node *find_child(const struct tree_node *n, char first)
{
    const char *firsts = n->bytes + n->label_n;
    const char *at = n->children_n ? memchr(firsts, first, n->children_n) : NULL;
    if (!at)
        return NULL;
    const char *self = (const char *)n;
    const uint32_t *distances = (const uint32_t *)(self + distances_at(n->label_n, n->children_n));
    return (const struct tree_node *)(self + distances[at - firsts]);
}

/* Does the path of this node, which `path` begins with, end on a segment boundary of it? */
static bool is_prefix(const struct tree_node *n, struct slice path)
{
    return n->prefix.n > 0 && (n->depth == path.n || path.p[n->depth] == '/');
}

struct tree_hit route_tree_find(const struct route_tree *t, struct slice path)
{
    const struct tree_node *n = t->root;
    struct tree_hit hit = {0};

    if (!n)
        return hit;
    while (n->depth < path.n) {
        const struct slice rest = slice_from(path, n->depth);
        n = find_child(n, rest.p[0]);
        if (!n || !slice_starts(rest, slice_of(n->bytes, n->label_n)))
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
    do {
        if (n->parent == 0)
            return NULL;
        n = (const struct tree_node *)((const char *)n - n->parent);
    } while (!is_prefix(n, path));
    return n;
}
