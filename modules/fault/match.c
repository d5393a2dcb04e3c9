/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/match.h"

bool match_value(const struct match_header *h, struct weir_slice value)
{
    return h->present ? value_match_has(&h->value, value) : !value.p;
}

bool match_who_any(const struct who *w)
{
    return w->issuers.n || w->methods.n || w->subjects.n || w->claim.n;
}
