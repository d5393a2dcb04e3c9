/* SPDX-License-Identifier: Apache-2.0 */
/* Matching: from a request to a route, over what route_build.c made.
 *
 * The order of the candidates is the order in which this file looks at them: host patterns from
 * the narrowest to the widest; within one, the exact path, prefixes from the longest to the
 * shortest, regexes, routes without a path; within one path, the order in which the build has
 * sorted them. The first whose conditions hold is the answer. Nothing is compared or counted here
 * to find the best one.
 *
 * A worker calls router_match() for every request: no allocation but for header values that come
 * in several lines and encoded query values, which lie in the request's arena. */

#include "core/route/route.h"

#include <stdlib.h>

#include "core/route/route_table.h"

static const struct route *match_host(const struct router *r, const struct host_routes *h,
                                      struct route_scratch *s, const struct route_query *q);

const struct route route_needs_identity;

void router_fini(struct router *r)
{
    map_fini(&r->exact.by_name);
    map_fini(&r->wild.by_name);
    regex_set_fini(&r->regexes);
}

size_t router_routes_n(const struct router *r)
{
    return r->entries_n;
}

const struct route *router_route(const struct router *r, size_t index)
{
    must(index < r->entries_n);
    return &r->entries[index].route;
}

_Static_assert((int)ROUTE_GROUPS == (int)REGEX_GROUPS, "a regex gives what a route promises");

static const struct regex *regex_of(const struct router *r, size_t index)
{
    must(index < r->entries_n);
    return r->entries[index].path;
}

unsigned router_groups(const struct router *r, size_t index)
{
    const struct regex *re = regex_of(r, index);
    return re ? regex_groups(re) : 0;
}

unsigned router_group_named(const struct router *r, size_t index, const char *name)
{
    const struct regex *re = regex_of(r, index);
    return re ? regex_group_named(re, name) : 0;
}

void router_captures(const struct router *r, struct route_scratch *s, size_t index,
                     struct slice path, struct slice groups[static ROUTE_GROUPS])
{
    const struct regex *re = regex_of(r, index);
    if (!re || !regex_captures(re, &s->regex, path, groups))
        memset(groups, 0, ROUTE_GROUPS * sizeof groups[0]);
}

const struct route *router_wants_identity(const struct router *r)
{
    for (size_t i = 0; i < r->entries_n; i++)
        if (r->entries[i].conditions.claims_n)
            return &r->entries[i].route;
    return NULL;
}

struct route_scratch *route_scratch_new(const struct router *r)
{
    struct route_scratch *s = calloc(1, sizeof *s + r->lookups.n * sizeof s->found[0]);
    must(s);
    regex_scratch_init(&s->regex, r->regex_steps);
    return s;
}

void route_scratch_free(struct route_scratch *s)
{
    if (!s)
        return;
    regex_scratch_fini(&s->regex);
    free(s);
}

uint64_t route_scratch_limit_hits(const struct route_scratch *s)
{
    return s->regex.limit_hits;
}

/* -- hosts ------------------------------------------------------------------------------------- */

static const struct host_routes *find_host(const struct host_table *t, struct slice name)
{
    return t->lengths[host_length_class(name)] ? map_find(&t->by_name, name) : NULL;
}

/* The patterns "*.suffix" that the host has, the longest first: a suffix begins behind each dot
 * but one that the host itself begins with. */
static const struct route *match_wild(const struct router *r, struct route_scratch *s,
                                      const struct route_query *q)
{
    for (size_t i = 1; i < q->host.n; i++) {
        if (q->host.p[i] != '.')
            continue;
        const struct host_routes *h = find_host(&r->wild, slice_from(q->host, i + 1));
        const struct route *route = h ? match_host(r, h, s, q) : NULL;
        if (route)
            return route;
    }
    return NULL;
}

const struct route *router_match(const struct router *r, struct route_scratch *s,
                                 const struct route_query *q)
{
    const struct route *route = NULL;

    s->turn++;
    const struct host_routes *h = find_host(&r->exact, q->host);
    if (h)
        route = match_host(r, h, s, q);
    if (!route && r->wild.by_name.n)
        route = match_wild(r, s, q);
    if (!route && r->any_host)
        route = match_host(r, r->any_host, s, q);
    return route;
}

/* Takes a pattern into account; false when it is served on this listener. */
static bool is_elsewhere(const struct host_routes *h, const struct route_query *q, bool *known)
{
    if (!h)
        return true;
    *known = true;
    return h->listeners && !(h->listeners[q->listener / 64] >> q->listener % 64 & 1);
}

/* "*" names no host, so it neither takes one away nor claims it. */
bool router_elsewhere(const struct router *r, const struct route_query *q)
{
    bool known = false;
    if (!is_elsewhere(find_host(&r->exact, q->host), q, &known))
        return false;
    for (size_t i = 1; i < q->host.n; i++)
        if (q->host.p[i] == '.' &&
            !is_elsewhere(find_host(&r->wild, slice_from(q->host, i + 1)), q, &known))
            return false;
    return known;
}

/* -- paths ------------------------------------------------------------------------------------- */

/* The route whose other conditions hold, and it too if those on the identity do; NULL: they don't.
 */
static const struct route *__attribute__((noinline))
ask_identity(const struct route_entry *e, const struct router *r, struct route_scratch *s,
             const struct route_query *q)
{
    if (!q->identified)
        return &route_needs_identity;
    return claims_hold(&e->conditions, &r->lookups, s, q->identity) ? &e->route : NULL;
}

/* The first of the routes whose conditions hold, or NULL. */
static const struct route *first_of(const struct path_routes *routes, const struct router *r,
                                    struct route_scratch *s, const struct route_query *q)
{
    for (uint32_t i = 0; i < routes->n; i++) {
        const struct route_entry *e = leaf_entry(r, routes, i);
        if (!e->conditions.none && !conditions_hold(&e->conditions, &r->lookups, s, q))
            continue;
        if (likely(!e->conditions.claims_n))
            return &e->route;
        const struct route *route = ask_identity(e, r, s, q);
        if (route)
            return route;
    }
    return NULL;
}

/* The expression is asked last, and only when some route would take the request. */
static const struct route *match_regexes(const struct router *r, const struct host_routes *h,
                                         struct route_scratch *s, const struct route_query *q)
{
    for (uint32_t i = 0; i < h->regexes_n; i++) {
        const struct route *route = first_of(&h->regexes[i].routes, r, s, q);
        if (route && regex_match(h->regexes[i].regex, &s->regex, q->path))
            return route;
    }
    return NULL;
}

static const struct route *match_host(const struct router *r, const struct host_routes *h,
                                      struct route_scratch *s, const struct route_query *q)
{
    const struct tree_hit hit = route_tree_find(&h->tree, q->path);
    const struct route *route = hit.exact ? first_of(hit.exact, r, s, q) : NULL;

    for (const struct tree_node *n = hit.prefix; !route && n; n = route_tree_shorter(n, q->path))
        route = first_of(&n->prefix, r, s, q);
    if (!route)
        route = first_of(&h->root, r, s, q);
    if (!route && h->regexes_n)
        route = match_regexes(r, h, s, q);
    return route ? route : first_of(&h->any, r, s, q);
}
