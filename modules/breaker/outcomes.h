/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_OUTCOMES_H
#define WEIR_BREAKER_OUTCOMES_H

/* Which outcomes of an attempt count as failures: `open_on.outcomes`, read. Pure; any process. */

#include "common/outcome.h"

struct outcomes {
    struct statuses statuses;
    uint32_t failures; /* of enum weir_failure */
    uint32_t grpc;     /* a bit for each status of gRPC */
};

/* "5xx", "404", a kind: "connect", "refused", "reset", "timeout", "bad_response"; or a status of
 * gRPC: "grpc_unavailable". False: it is none of them. */
bool outcomes_add(struct outcomes *o, struct weir_slice word);
/* All kinds, and 5xx. */
void outcomes_preset(struct outcomes *o);
extern const char outcomes_form[]; /* what is allowed */

bool outcomes_has_status(const struct outcomes *o, int status);
bool outcomes_has_failure(const struct outcomes *o, enum weir_failure failure);
/* The value of grpc-status; absent: no. */
bool outcomes_has_grpc(const struct outcomes *o, struct weir_slice status);

#endif
