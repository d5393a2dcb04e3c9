/* SPDX-License-Identifier: Apache-2.0 */
/* Which words of the gateway each kind of failure stands for. */
#include "canary/failures.h"

static const struct outcome_kind kinds[] = {
    {"connect", {"connect", "timeout_connect", "tls"}},
    {"reset", {"reset", "closed", "truncated", "refused"}},
    {"timeout",
     {"timeout_connect", "timeout_response_head", "timeout_response_body", "timeout_try",
      "timeout_request"}},
    {"bad_response", {"bad_response"}},
    {"unavailable", {"no_endpoint"}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const char failures_form[] = "\"5xx\" or another class, a status such as \"502\", \"connect\", "
                             "\"reset\", \"timeout\", \"bad_response\", \"unavailable\"";

bool failures_add(struct failures *f, struct weir_slice word)
{
    const unsigned kind = kind_named(kinds, KINDS, word);
    if (kind == KINDS)
        return statuses_add_word(&f->statuses, word);
    f->kinds |= 1u << kind;
    return true;
}

void failures_preset(struct failures *f)
{
    statuses_add(&f->statuses, 500, 599);
    f->kinds = (1u << KINDS) - 1;
}

bool failures_has_status(const struct failures *f, int status)
{
    return statuses_has(&f->statuses, status);
}

bool failures_has_why(const struct failures *f, const char *why)
{
    return kinds_have(kinds, KINDS, f->kinds, why);
}
