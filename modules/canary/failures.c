/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of failure stands for. */
#include "canary/failures.h"

static const struct outcome_kind kinds[] = {
    {"connect", WEIR_FAILURE_CONNECT | WEIR_FAILURE_TIMEOUT_CONNECT},
    {"reset", WEIR_FAILURE_RESET | WEIR_FAILURE_TRUNCATED | WEIR_FAILURE_REFUSED},
    {"timeout", WEIR_FAILURE_TIMEOUT_CONNECT | WEIR_FAILURE_TIMEOUT_HEAD |
                    WEIR_FAILURE_TIMEOUT_BODY | WEIR_FAILURE_TIMEOUT_REQUEST},
    {"bad_response", WEIR_FAILURE_BAD_RESPONSE},
    {"unavailable", WEIR_FAILURE_NO_ENDPOINT},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const char failures_form[] = "\"5xx\" or another class, a status such as \"502\", \"connect\", "
                             "\"reset\", \"timeout\", \"bad_response\", \"unavailable\"";

bool failures_add(struct failures *f, struct weir_slice word)
{
    const unsigned kind = kind_named(kinds, KINDS, word);
    if (kind == KINDS)
        return statuses_add_word(&f->statuses, word);
    f->failures |= kinds[kind].failures;
    return true;
}

void failures_preset(struct failures *f)
{
    statuses_add(&f->statuses, 500, 599);
    for (unsigned i = 0; i < KINDS; i++)
        f->failures |= kinds[i].failures;
}

bool failures_has_status(const struct failures *f, int status)
{
    return statuses_has(&f->statuses, status);
}

bool failures_has_failure(const struct failures *f, enum weir_failure failure)
{
    return f->failures & failure;
}
