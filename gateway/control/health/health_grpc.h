/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_HEALTH_GRPC_H
#define WEIR_CONTROL_HEALTH_GRPC_H

/* The gRPC health checking protocol (doc/health-checking.md of grpc): one unary call
 *
 *     POST /grpc.health.v1.Health/Check      HealthCheckRequest  { string service = 1; }
 *                                            HealthCheckResponse { ServingStatus status = 1; }
 *
 * whose two messages are small enough to be written and read by hand. Pure. */

#include "base/slice.h"
#include "base/text.h"

#define HEALTH_GRPC_PATH "/grpc.health.v1.Health/Check"

/* In the numbers of the protocol; REPEATED and beyond are this one's. */
enum health_serving {
    HEALTH_GRPC_UNKNOWN = 0, /* also what an empty message says */
    HEALTH_GRPC_SERVING = 1,
    HEALTH_GRPC_NOT_SERVING = 2,
    HEALTH_GRPC_SERVICE_UNKNOWN = 3,
    HEALTH_GRPC_MALFORMED, /* no message, or one that can't be read */
};

/* The content of the request: one message that isn't compressed. */
void health_grpc_request(struct text *out, struct slice service);
/* What the content of the response says. */
enum health_serving health_grpc_response(struct slice content);

#endif
