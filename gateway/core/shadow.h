/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_SHADOW_H
#define WEIR_CORE_SHADOW_H

/* Requests that no client waits for: detached exchanges whose client is a sink. They begin at
 * STEP_PICK with a finished plan and run through the same steps as any other; they are in
 * worker.active and count in their cluster's traffic, but have no route, no line in the access log
 * and no answer of the gateway's own: what fails just ends.
 *
 *     copy of an exchange   shadow_copy()   head of its plan, content by reference as it comes; goes
 *                                           its own way, whatever becomes of the exchange
 *     a module's call       call_start()    (core/call.h) head and content of its own
 *
 * A shadow lies in the arena of its own exchange and goes with it, right after `done` was called:
 * once, from the loop's later queue, whatever happened. What is given out as struct weir_call is a
 * struct shadow. */

#include <weir/module.h>

#include "base/bytes.h"
#include "base/list.h"
#include "core/exchange.h"

struct module;

struct shadow {
    /* identity */
    struct exchange *x;               /* the detached one, in whose arena this lies */
    struct list node;                 /* in `followers` of the exchange that it depends on, if any */
    const struct module *module;      /* whose it is; NULL: not known */
    struct client_facts facts;        /* of x: what the copied exchange's client told, or nothing */
    /* state */
    bool fed;                         /* content still comes from the exchange it depends on */
    bool dropped;                     /* not all content of the response was kept */
    bool ended;                       /* the response is complete */
    /* data */
    size_t request_limit, response_limit;
    const struct response_head *head; /* as the origin sent it, in x's arena; NULL: none came */
    uint64_t head_us;                 /* from the begin until it was there */
    struct bytes content;             /* of the response, up to response_limit */
    void (*done)(void *ctx, const struct weir_result *r); /* NULL: nobody is interested */
    void *ctx;
};

/* The copy of an exchange whose plan is finished and which has sent nothing yet, for `caller`.
 * Borrowed texts of `o` are copied. NULL, and counted: no memory, something that can't be sent
 * (call_fields.h), a tunnel is asked for, or the cluster is another module's. */
struct shadow *shadow_copy(struct exchange *x, const struct weir_call_options *o,
                           const struct module *caller) nodiscard;
/* It ends soon; `done` isn't called any more. Not after `done`. */
void shadow_cancel(struct shadow *sh);
/* All of this worker end soon, with WHY_DRAIN. */
void shadow_cancel_all(struct worker *w);

/* -- for call.c -------------------------------------------------------------------------------- */

/* A detached exchange as `o` wants it, for the caller to fill x->plan.method, target, fields, body
 * and content_length. NULL as above; o->fields have been checked. */
struct shadow *shadow_new(struct worker *w, const struct weir_call_options *o,
                          const struct module *caller, const struct client_facts *facts) nodiscard;
/* The same to one endpoint, of the gateway's own: past the balancer, modules and the counters of the
 * cluster; o->cluster doesn't count. Who asks holds the endpoint (endpoint_acquire) until `done`. */
struct shadow *shadow_new_check(struct worker *w, struct endpoint *ep,
                                const struct weir_call_options *o,
                                const struct client_facts *facts) nodiscard;
/* The head is complete: the rest of the request is derived from it, and time begins to run. */
void shadow_begin(struct shadow *sh);

/* -- for exchange.c: x has followers ----------------------------------------------------------- */

/* Content of x has come: goes to its copies. */
void shadow_feed(struct exchange *x, struct block *b, struct slice s);
void shadow_feed_end(struct exchange *x, const struct fields *trailers);
/* x ends: a copy whose content is not complete ends, too, and so do calls on its behalf. */
void shadow_leave(struct exchange *x);

#endif
