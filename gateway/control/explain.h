/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_EXPLAIN_H
#define WEIR_CONTROL_EXPLAIN_H

/* POST /v1/explain: what would become of a request? Walks the router and the modules of the
 * configuration in force, sends nothing and counts nothing.
 *
 *     {"url": "https://api.example.com/reviews/1?x=2", "method": "GET",
 *      "headers": ["X-Version: 2"], "source": "10.1.2.3", "listener": "public",
 *      "identity": {"sub": "ann", "groups": ["testers"]}}
 *
 * Only "url" must be there. The answer has the listener, the normalised path, each route with why
 * it matches or doesn't, what the modules of the route that is taken say, and the clusters that may
 * get it with their odds and endpoints. */

#include "control/admin.h"
#include "control/endpoints.h"
#include "core/route/route_explain.h"

enum { EXPLAIN_ROUTES = 200 }; /* that are shown; those on other hosts are only counted beyond 20 */

struct explain {
    struct worker *w;                  /* borrowed: the control process's */
    const struct endpoints *endpoints; /* borrowed */
};

/* A request as it was described; all lies in the arena. */
struct explain_request {
    struct arena arena; /* owned */
    struct slice scheme, authority;
    struct host host;
    struct target target;
    struct fields fields;
    struct slice method;
    struct ip source;
    uint32_t listener;
    const struct identity *identity; /* NULL: nobody in particular */
};

void explain_init(struct explain *e, struct worker *w, const struct endpoints *endpoints);
/* For the table of the admin server; ctx is the struct explain. */
void explain_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

/* -- explain_request.c -- */
/* False with a refusal. */
bool explain_request_read(struct explain_request *r, const struct config *c, struct slice json,
                          struct admin_answer *out) nodiscard;
void explain_request_fini(struct explain_request *r);

#endif
