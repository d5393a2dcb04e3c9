/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_FORWARD_H
#define WEIR_CORE_FORWARD_H

/* What changes in a head on its way through a gateway (RFC 9110 7.6): fields of one hop go, the
 * forwarding fields, Via and the request id are brought up to date. */

#include <stdbool.h>

struct attempt;
struct exchange;

/* Who the client is and what the request is called: x->source and x->request_id. */
void forward_identify(struct exchange *x);
/* Is the connection's other end one of the listener's forwarding.trusted_proxies? */
bool forward_peer_trusted(const struct exchange *x);
/* The request's head as it goes inward: fills x->plan. */
void forward_request(struct exchange *x);
/* The response's head as it goes outward: fills x->reply. */
void forward_response(struct exchange *x, const struct attempt *at);

#endif
