/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_TABLE_H
#define WEIR_CORE_ROUTE_TABLE_H

/* What route_build.c makes and route.c reads; nobody else includes it but route_cover.c.
 *
 *     router ─┬─ exact host "a.example.com" ─┐
 *             ├─ wild  host "*.example.com" ─┼─ host_routes ─┬─ tree: exact paths and prefixes
 *             └─ any   host "*" ─────────────┘               ├─ regexes, in file order
 *                                                            └─ any path
 *
 * Each leaf is a path_routes: the routes with one path condition under one host pattern, ordered
 * by what comes after host and path. A route with several hosts stands in several leaves. */

#include "core/route_match.h"
#include "core/route_tree.h"

struct route_entry {
    struct route route; /* first: router_match() gives it out */
    struct conditions conditions;
    const struct regex *path; /* PATH_REGEX only */
};

struct path_regex {
    const struct regex *regex;
    uint32_t first; /* index of the first route that has it: their order */
    struct path_routes routes;
};

struct host_routes {
    uint32_t index; /* in the order in which they were made */
    struct route_tree tree;
    struct path_regex *regexes;
    uint32_t regexes_n, regexes_cap;
    struct path_routes any;
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
    size_t entries_n;
    size_t listeners_n;
    struct lookup_table lookups;
    struct regex_set regexes;
};

static inline size_t host_length_class(struct slice name)
{
    return name.n < 255 ? name.n : 255;
}

#endif
