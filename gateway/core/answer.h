/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ANSWER_H
#define WEIR_CORE_ANSWER_H

/* What the gateway says itself: a redirect or fixed response of a route, the answer to OPTIONS *,
 * and the short body that goes with a reason. Fills x->reply and x->own.
 *
 * To a gRPC request a reason and a fixed response are told as gRPC's "Trailers-Only": 200,
 * Content-Type application/grpc, grpc-status and grpc-message, no content (core/grpc.h). */

#include "core/why.h"
#include "http/fields.h"

struct exchange;
struct module;

/* What a module says to the client: gathered while a hook runs, and taken when it has answered
 * ANSWERED. In the exchange's arena. */
struct module_answer {
    enum why why;            /* of a refusal */
    const char *detail;      /* static; NULL */
    uint16_t status;         /* of an answer of its own; 0 with why NONE: nothing was said yet */
    struct slice type, body; /* borrowed until the exchange ends */
    struct fields fields;    /* to be added */
};

/* The one of x, made when there is none. */
struct module_answer *answer_of_module(struct exchange *x);
/* The hook that ran has answered: x->answer counts, and says x->why if it is a refusal. A module
 * that has said nothing refuses with WHY_MODULE_UNAVAILABLE. */
void answer_take(struct exchange *x);
/* Is this answer the one that a request without a route gets, whoever makes it? Then nothing may
 * tell it from that. */
bool answer_is_hidden(const struct exchange *x);

/* From x->answer (an answer of its own). */
void answer_module(struct exchange *x);
/* From x->why (not NONE): status, Content-Type as the client accepts it (text, HTML, JSON), a body
 * with the reason's word, its text and the request id. Adds Retry-After to 503, Allow to 405,
 * Connection handling is the client's. */
void answer_why(struct exchange *x);
/* From x->route's redirect or respond. */
void answer_route(struct exchange *x);
/* To the same URL on https, as the listener's redirect_to_https says; there must be a host. */
void answer_https(struct exchange *x);
/* 200 to OPTIONS * with Allow. */
void answer_options(struct exchange *x);

#endif
