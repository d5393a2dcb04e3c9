/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_H
#define WEIR_CORE_ROUTE_H

/* The router: from listener, host, path and the rest of a request to one route, by the Gateway
 * API's precedence, so that the order of the file is only the last tie-break:
 *
 *   host   exact, then the longest "*.suffix" (one or more labels before it), then "*"
 *   path   exact, then the longest prefix on segment boundaries, then regexes in file order,
 *          then routes with no path condition
 *   then   method given before not given, more header conditions, more query conditions, file order
 *
 * Cookies, sources, listeners and identities filter and don't rank. A host that has some routes but none that
 * matches falls back to the next wider host pattern.
 *
 * Hosts are hashed, paths lie in a radix tree per host pattern: the cost follows the length of the
 * path and not the number of routes. Built once by the master, read-only afterwards; regexes are
 * PCRE2 with JIT, their match data are the worker's (struct route_scratch). */

#include "base/arena.h"
#include "config/config.h"
#include "http/head.h"
#include "http/target.h"

struct identity;
struct router;
struct route_scratch;

enum { ROUTE_GROUPS = 9 }; /* capture.1 to capture.9 */

struct route {
    const struct route_conf *conf;
    uint32_t index;          /* in config.routes: also of its counters */
    struct slice name;
    struct slice place;      /* "weir.conf:35", for messages */
};

/* What is matched. Borrowed for the call. */
struct route_query {
    uint32_t listener;       /* index into config.listeners */
    struct slice host;       /* lower case, no port; empty when the request had none */
    struct slice path;       /* normalised */
    struct slice query;      /* without '?' */
    enum method method_id;
    struct slice method;
    const struct fields *fields;
    const struct ip *source; /* the client, after trusted proxies */
    struct arena *arena;     /* for decoded query values */
    bool identified;         /* it is known who asks: `identity`; NULL: nobody in particular */
    const struct identity *identity;
};

/* Everything is allocated in `a`. Routes that can never match because an earlier-ranking one
 * covers them are warnings in `faults` that name both places. NULL on errors (a regex). */
struct router *router_build(const struct config *c, struct arena *a, struct faults *faults) nodiscard;
/* Frees what lies outside the arena (compiled regexes). */
void router_fini(struct router *r);
/* Per worker: match data and JIT stack. */
struct route_scratch *route_scratch_new(const struct router *r);
void route_scratch_free(struct route_scratch *s);

/* What router_match() gives when a route that would match otherwise has conditions on the identity,
 * and that isn't known yet (route_query.identified): the same is to be asked again when it is. */
extern const struct route route_needs_identity;
/* NULL: no route. */
const struct route *router_match(const struct router *r, struct route_scratch *s,
                                 const struct route_query *q);
/* After no route was found: has the host routes of its own, and all of them on other listeners? */
bool router_elsewhere(const struct router *r, const struct route_query *q);
/* The first route with a condition on the identity; NULL: none has. */
const struct route *router_wants_identity(const struct router *r);
size_t router_routes_n(const struct router *r);
const struct route *router_route(const struct router *r, size_t index);
/* How many groups the route's path_regex has; 0 without one. */
unsigned router_groups(const struct router *r, size_t index);
/* The number of its group of that name, a C string; 0: none. */
unsigned router_group_named(const struct router *r, size_t index, const char *name);
/* The groups 1, 2, ... of the path_regex of a route on a path that it has matched, as slices of the
 * path; p == NULL for those that took no part. They are found by matching once more, so a request
 * of which nobody asks for them pays nothing; that match counts with the others for regex_steps. */
void router_captures(const struct router *r, struct route_scratch *s, size_t index,
                     struct slice path, struct slice groups[static ROUTE_GROUPS]);
/* How often a regex hit its match limit (then it counts as not matching). */
uint64_t route_scratch_limit_hits(const struct route_scratch *s);

/* -- what a route says about the request that goes on, or about the answer (rewrite.c) --------- */

/* The target for the origin: path after rewrite.path / rewrite.prefix, with the query. The result
 * lies in `a`, or is the concatenation already present in `raw` when nothing changes. */
struct slice route_target(const struct route_conf *rc, const struct target *t, struct slice raw,
                          struct arena *a);
/* The Location of a redirect (RFC 9110 10.2.2). `scheme`, `host`, `port` are the request's own. */
struct slice route_location(const struct route_conf *rc, const struct target *t, struct slice scheme,
                            const struct host *host, struct arena *a);

#endif
