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
 * get it with their odds and endpoints.
 *
 *     {"requests": [{"url": ..., "partial": true}, ...]}
 *
 * asks for several in short: route, end, and the clusters that requests of that route may get.
 * "partial": what isn't given of headers and identity is not known, and the answer says when the
 * route depends on it.
 *
 *     {"request": "9f86d081884c7d659a2feaa0c55ad015"}
 *
 * asks what has become of one of the last requests, by its id or its trace's (core/log/recent.h),
 * and in short what would become of it now.
 *
 * `weir --explain` answers the first two from a file that isn't in force (process/explain_file.c).
 */

#include <jansson.h>

#include "control/admin/admin.h"
#include "control/endpoints.h"
#include "core/route/route_explain.h"

enum {
    EXPLAIN_ROUTES = 200,   /* that are shown; those on other hosts are only counted beyond 20 */
    EXPLAIN_REQUESTS = 200, /* in one go */
};

struct explain {
    struct worker *w;                  /* borrowed: the control process's */
    const struct endpoints *endpoints; /* borrowed */
    const struct shm *shm;             /* borrowed; NULL: nothing lives: a file is looked at */
    const _Atomic uint64_t *slots;     /* borrowed: how many rings there may be */
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
    bool partial;                    /* more may be true of it than is known */
    const struct identity *identity; /* NULL: nobody in particular */
};

void explain_init(struct explain *e, struct worker *w, const struct endpoints *endpoints);
/* For the table of the admin server; ctx is the struct explain. */
void explain_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

/* -- for the parts of it -- */

/* What the router is asked; lives as long as the two others. */
struct route_query explain_query(const struct explain_request *r, struct arena *scratch);

/* -- explain_request.c -- */

/* False with a refusal. */
bool explain_request_read(struct explain_request *r, const struct config *c, const json_t *o,
                          struct admin_answer *out) nodiscard;
void explain_request_fini(struct explain_request *r);

/* -- explain_brief.c -- */

/* Writes an object. */
void explain_brief(struct explain *e, const struct explain_request *r, struct text *t);
/* What was refused has its refusal in its place: an object with "error". */
void explain_refusal(const struct admin_answer *refusal, struct text *t);
/* "requests" */
void explain_requests(struct explain *e, const json_t *list, struct admin_answer *out);

/* -- explain_recent.c -- */

/* "request" */
void explain_recent(struct explain *e, const json_t *id, struct admin_answer *out);

#endif
