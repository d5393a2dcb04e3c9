/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ANSWER_H
#define WEIR_CORE_ANSWER_H

/* What the gateway says itself: a redirect or fixed response of a route, the answer to OPTIONS *,
 * and the short body that goes with a reason. Fills x->reply and x->own.
 *
 * To a gRPC request a reason and a fixed response are told as gRPC's "Trailers-Only": 200,
 * Content-Type application/grpc, grpc-status and grpc-message, no content (core/grpc.h). */

struct exchange;

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
