/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever failed and isn't excused is the endpoint's: the core knows who is to blame, and a list
 * of words here would miss the next one. */
#include "outlier/outcome.h"

#include "common/outcome.h"

enum outcome outcome_of(enum weir_failure failure, int status, bool blameless)
{
    if (blameless || (!failure && status == 0))
        return OUTCOME_NONE;
    if (failure)
        return OUTCOME_FAILURE;
    if (status >= 502 && status <= 504)
        return OUTCOME_GATEWAY;
    return status >= 500 ? OUTCOME_5XX : OUTCOME_GOOD;
}

/* https://grpc.io/docs/guides/status-codes/ */
int outcome_grpc(struct weir_slice value)
{
    static const int statuses[] = {
        [2] = 500,  /* UNKNOWN */
        [4] = 504,  /* DEADLINE_EXCEEDED */
        [12] = 501, /* UNIMPLEMENTED */
        [13] = 500, /* INTERNAL */
        [14] = 503, /* UNAVAILABLE */
        [15] = 500, /* DATA_LOSS */
    };
    const int code = grpc_code(value);
    const int n = sizeof statuses / sizeof statuses[0];
    return code >= 0 && code < n && statuses[code] ? statuses[code] : 200;
}
