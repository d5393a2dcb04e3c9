/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_PLAN_H
#define WEIR_CORE_PLAN_H

/* What an exchange intends: where to, with which head, until when. Made once, in STEP_PLAN, from
 * the route; attempts read it. */

#include "http/head.h"

struct cluster;

struct plan {
    struct cluster *cluster;      /* borrowed from the worker; NULL: no attempt is intended */
    struct slice variant;         /* the version that was chosen among several; empty: none */
    uint64_t timeout_ms;          /* whole request; 0: none */
    uint64_t body_size;           /* limit of the request's content; 0: none */
    bool grpc_timeout;            /* ... and it is the client's own grpc-timeout */
    bool fresh;                   /* a kept connection has failed us: only a new one will do */
    /* the request as it goes inward */
    struct slice method, target;
    struct fields fields;         /* end-to-end, with what the gateway adds; Host among them */
    enum body_kind body;
    uint64_t content_length;
    struct slice upgrade;         /* the protocol that is asked for; empty: none */
    bool expect_continue;         /* Expect is passed on */
    bool te_trailers;
};

#endif
