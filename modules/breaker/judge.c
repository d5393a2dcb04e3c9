/* SPDX-License-Identifier: Apache-2.0 */
/* What an attempt says about who was asked. A response that its client, or a limit of the
 * gateway's, cut short says what its head has said; one that broke off has failed. */
#include "breaker/breaker.h"

typedef struct weir_slice value_of(const struct weir_attempt *at, const struct weir_name *name);

static bool grpc_failed(const struct breaker *b, value_of *get, const struct weir_attempt *at)
{
    const struct outcomes *o = &b->circuit.outcomes;
    return o->grpc && outcomes_has_grpc(o, get(at, &b->grpc_status));
}

static enum judgement judge_failure(const struct breaker *b, const struct weir_attempt *at)
{
    if (weir_attempt_blameless(at) && !weir_attempt_injected(at))
        return SAYS_NOTHING;
    return outcomes_has_failure(&b->circuit.outcomes, weir_attempt_failure(at)) ? HAS_FAILED
                                                                                : SAYS_NOTHING;
}

enum judgement breaker_judge_head(const struct breaker *b, const struct weir_attempt *at)
{
    const struct outcomes *o = &b->circuit.outcomes;
    if (weir_attempt_failure(at) || (weir_attempt_blameless(at) && !weir_attempt_injected(at)))
        return judge_failure(b, at);
    const bool failed =
        outcomes_has_status(o, weir_attempt_status(at)) || grpc_failed(b, weir_attempt_field, at);
    return failed ? HAS_FAILED : WENT_WELL;
}

enum judgement breaker_judge_end(const struct breaker *b, const struct weir_attempt *at)
{
    if (weir_attempt_failure(at))
        return judge_failure(b, at);
    return grpc_failed(b, weir_attempt_trailer, at) ? HAS_FAILED : WENT_WELL;
}
