/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_TABLE_H
#define WEIR_CORE_ROUTE_TABLE_H

/* What route_build.c makes and route.c reads; nobody else includes it but route_cover.c.
 *
 *     router ─┬─ exact host "a.example.com" ─┐               ┌─ tree: exact paths and prefixes
 *             ├─ wild  host "*.example.com" ─┼─ host_routes ─┼─ root: the prefix "/"
 *             └─ any   host "*" ─────────────┘               ├─ regexes, in file order
 *                                                            └─ any path
 *
 * Each leaf is a path_routes, a run of `order`: the routes with one path condition under one host
 * pattern, ordered by what comes after host and path. A route with several hosts stands in several
 * leaves.
 *
 * What one match reads is laid together, so that it costs few cache lines of a large table. */

#include "core/route/route_match.h"
#include "core/route/route_tree.h"

/* Two cache lines, and the second is only read when there are conditions. */
struct route_entry {
    _Alignas(64) struct route route; /* first: router_match() gives it out */
    struct conditions conditions;
    const struct regex *path; /* PATH_REGEX only */
};

struct path_regex {
    const struct regex *regex;
    uint32_t rank; /* index of the first route that has it: their order */
    struct path_routes routes;
};

struct host_routes {
    struct route_tree tree;
    struct path_routes root, any;
    struct path_regex *regexes;
    uint32_t regexes_n;
    uint32_t index; /* in the order in which they were made */
    uint64_t *listeners; /* a bit per listener that some route is on; NULL: one is on all */
    char name[];    /* the key in the table: "example.com" for "*.example.com" */
};

/* Host names of one kind. What has another length than every name in it needs no hashing. */
struct host_table {
    struct map by_name; /* owned; of struct host_routes */
    bool lengths[256];  /* the last one also stands for what is longer */
};

struct router {
    struct host_table exact, wild;
    struct host_routes *any_host; /* NULL: no route for "*" */
    struct route_entry *entries;  /* by index */
    uint32_t *order;              /* indices of entries: the leaves, one behind the other */
    struct lookup_table lookups;
    size_t entries_n, listeners_n;
    uint32_t regex_steps;
    struct regex_set regexes;
};

static inline const struct route_entry *leaf_entry(const struct router *r,
                                                   const struct path_routes *leaf, uint32_t i)
{
    return &r->entries[r->order[leaf->first + i]];
}

static inline size_t host_length_class(struct slice name)
{
    return name.n < 255 ? name.n : 255;
}

#endif
