/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever failed and isn't excused is the endpoint's: the core knows who is to blame, and a list
 * of words here would miss the next one. */
#include "outlier/outcome.h"

enum outcome outcome_of(const char *why, int status, bool blameless)
{
    if (blameless || (why == NULL && status == 0))
        return OUTCOME_NONE;
    if (why != NULL)
        return OUTCOME_FAILURE;
    if (status >= 502 && status <= 504)
        return OUTCOME_GATEWAY;
    return status >= 500 ? OUTCOME_5XX : OUTCOME_GOOD;
}

/* https://grpc.io/docs/guides/status-codes/ */
int outcome_grpc(const char *text, size_t n)
{
    static const int statuses[] = {
        [2] = 500,  /* UNKNOWN */
        [4] = 504,  /* DEADLINE_EXCEEDED */
        [12] = 501, /* UNIMPLEMENTED */
        [13] = 500, /* INTERNAL */
        [14] = 503, /* UNAVAILABLE */
        [15] = 500, /* DATA_LOSS */
    };
    unsigned code = 0;
    if (n == 0 || n > 2)
        return 200;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 200;
        code = code * 10 + (unsigned)(text[i] - '0');
    }
    return code < sizeof statuses / sizeof statuses[0] && statuses[code] ? statuses[code] : 200;
}
