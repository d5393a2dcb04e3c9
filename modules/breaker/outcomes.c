/* SPDX-License-Identifier: Apache-2.0 */
/* Which failures each kind stands for. What the gateway itself is to blame for has no kind. */
#include "breaker/outcomes.h"

static const struct outcome_kind kinds[] = {
    {"connect", WEIR_FAILURE_CONNECT | WEIR_FAILURE_TIMEOUT_CONNECT},
    {"refused", WEIR_FAILURE_REFUSED},
    {"reset", WEIR_FAILURE_RESET | WEIR_FAILURE_TRUNCATED},
    {"timeout", WEIR_FAILURE_TIMEOUT_CONNECT | WEIR_FAILURE_TIMEOUT_HEAD |
                    WEIR_FAILURE_TIMEOUT_BODY | WEIR_FAILURE_TIMEOUT_REQUEST},
    {"bad_response", WEIR_FAILURE_BAD_RESPONSE},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Those by which a server says that it can't: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED,
 * RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
static const uint32_t grpc_failures =
    1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 10 | 1u << 13 | 1u << 14 | 1u << 15;

const char outcomes_form[] =
    "\"5xx\" or another class, a status such as \"502\", \"connect\", \"refused\", \"reset\", "
    "\"timeout\", \"bad_response\", \"grpc_unavailable\" and other failures of gRPC";

bool outcomes_add(struct outcomes *o, struct weir_slice word)
{
    const unsigned kind = kind_named(kinds, KINDS, word), code = grpc_named(word);
    if (kind < KINDS)
        o->failures |= kinds[kind].failures;
    else if (code < GRPC_CODES && grpc_failures >> code & 1)
        o->grpc |= 1u << code;
    else
        return statuses_add_word(&o->statuses, word);
    return true;
}

void outcomes_preset(struct outcomes *o)
{
    statuses_add(&o->statuses, 500, 599);
    for (unsigned i = 0; i < KINDS; i++)
        o->failures |= kinds[i].failures;
}

bool outcomes_has_status(const struct outcomes *o, int status)
{
    return statuses_has(&o->statuses, status);
}

bool outcomes_has_failure(const struct outcomes *o, enum weir_failure failure)
{
    return o->failures & failure;
}

bool outcomes_has_grpc(const struct outcomes *o, struct weir_slice status)
{
    const int code = o->grpc ? grpc_code(status) : -1;
    return code >= 0 && code < GRPC_CODES && o->grpc >> code & 1;
}
