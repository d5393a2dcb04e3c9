/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_OUTCOME_H
#define WEIR_OUTLIER_OUTCOME_H

/* What an attempt says about its endpoint. Pure; any process. */

#include <stdbool.h>

#include <weir/module.h>

enum outcome {
    OUTCOME_NONE,    /* nothing: it ended by the gateway's, the client's or an experiment's doing */
    OUTCOME_GOOD,    /* a response that is no server error */
    OUTCOME_FAILURE, /* no whole response: the connection failed, was reset or closed, a time ran
                        out */
    OUTCOME_GATEWAY, /* 502, 503, 504 */
    OUTCOME_5XX,     /* another server error */
};

/* failure: NONE, it didn't fail. status: of the head, 0: there was none. blameless: the origin
 * isn't to blame (weir_attempt_blameless). */
enum outcome outcome_of(enum weir_failure failure, int status, bool blameless);

/* The HTTP status that a gRPC status (the value of grpc-status) stands for, as the
 * protocol's mapping of codes has it the other way round; 200 for what is the client's, or isn't a
 * status. */
int outcome_grpc(struct weir_slice value);

static inline bool outcome_is_bad(enum outcome o)
{
    return o >= OUTCOME_FAILURE;
}

#endif
