/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_EXPLAIN_H
#define WEIR_CORE_ROUTE_EXPLAIN_H

/* Why a request goes to one route and not to another, for people: each route is looked at by
 * itself, and the first condition that doesn't hold is named; of routes that would all match, it is
 * said by what one ranks before another. The rule is the router's (route.h), written down a second
 * time and without its tables: tests hold that both say the same of any request. For one request of
 * an operator, not for traffic. */

#include "core/route/route.h"

/* A condition that doesn't hold. Slices are of the configuration, the request or its arena. */
struct route_miss {
    const char *what;  /* "listener", "host", "path", "method", "source", "header", "query",
                          "cookie",  "identity"; NULL: all hold */
    struct slice name; /* of the header, parameter, cookie or claim */
    const char *form;  /* "exact", "prefix", ...; NULL: one of a list */
    struct slice wanted;
    bool present; /* the request has such a thing; false: `found` is nothing */
    struct slice found;
};

struct route_look {
    const struct route *route;
    struct slice host; /* the narrowest of its host patterns that fits; "*" when it has none */
    struct route_miss miss;
};

/* q->identified must be set: what isn't known doesn't hold. */
void route_look(const struct router *r, struct route_scratch *s, const struct route_query *q,
                size_t index, struct route_look *out);
/* When not all of a request is known: header fields that q->fields doesn't have, cookies when it has
 * no Cookie, and who asks when q->identity is NULL may be anything. True: everything that is known
 * holds, and `open` is the first condition on something that isn't; open->what NULL: there is
 * none. */
bool route_may(const struct router *r, struct route_scratch *s, const struct route_query *q,
               size_t index, struct route_look *out, struct route_miss *open);
/* Has the route conditions that may be on something unknown? Cheap. */
bool route_may_be_open(const struct router *r, size_t index);
/* Both match. By what `a` ranks before `b`, as the end of a sentence that begins "it has"; NULL: it
 * doesn't. */
const char *route_outranks(const struct router *r, const struct route_look *a,
                           const struct route_look *b);

#endif
