/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_REQUEST_H
#define WEIR_CONTROL_HEALTH_REQUEST_H

/* Checks that are requests, over HTTP/1.1 and HTTP/2, and the gRPC ones among them: what is asked,
 * and what the answer says. They are shadows (core/call.h), so they go the way of requests, with
 * the cluster's TLS and its limits, but to one endpoint and past balancer and modules. */

#include "control/health/health_match.h"
#include "core/call.h"
#include "core/cluster/endpoint_cell.h"

struct health_outcome {
    enum health_result result;
    int status; /* of the response; 0: none came */
    bool says;  /* there is a word of the endpoint about itself */
    enum endpoint_word word;
};

/* NULL: no memory was to be had, and `done` won't come. `ep` is held by the caller. */
struct shadow *health_request(struct worker *w, struct endpoint *ep,
                              void (*done)(void *ctx, const struct weir_result *r),
                              void *ctx) nodiscard;
/* Inside of `done`. */
struct health_outcome health_judge(const struct health_conf *conf, struct health_matcher *m,
                                   const struct weir_result *r);

#endif
