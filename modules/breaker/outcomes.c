/* SPDX-License-Identifier: Apache-2.0 */
/* Which words of the gateway each kind of failure stands for. What the gateway itself is to blame for
 * has no kind. */
#include "breaker/outcomes.h"

static const struct outcome_kind kinds[] = {
    {"connect", {"connect", "timeout_connect", "tls"}},
    {"refused", {"refused"}},
    {"reset", {"reset", "closed", "truncated"}},
    {"timeout",
     {"timeout_connect", "timeout_response_head", "timeout_response_body", "timeout_request",
      "timeout_try"}},
    {"bad_response", {"bad_response"}},
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
        o->kinds |= 1u << kind;
    else if (code < GRPC_CODES && grpc_failures >> code & 1)
        o->grpc |= 1u << code;
    else
        return statuses_add_word(&o->statuses, word);
    return true;
}

void outcomes_preset(struct outcomes *o)
{
    statuses_add(&o->statuses, 500, 599);
    o->kinds = (1u << KINDS) - 1;
}

bool outcomes_has_status(const struct outcomes *o, int status)
{
    return statuses_has(&o->statuses, status);
}

bool outcomes_has_why(const struct outcomes *o, const char *why)
{
    return kinds_have(kinds, KINDS, o->kinds, why);
}

bool outcomes_has_grpc(const struct outcomes *o, struct weir_slice status)
{
    const int code = o->grpc ? grpc_code(status) : -1;
    return code >= 0 && code < GRPC_CODES && o->grpc >> code & 1;
}
