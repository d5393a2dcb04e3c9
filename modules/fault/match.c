/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/match.h"

static bool ends(struct weir_slice s, struct weir_slice with)
{
    return s.n >= with.n && slice_eq(slice_from(s, s.n - with.n), with);
}

bool match_value(const struct match_header *h, struct weir_slice value)
{
    if (!value.p || !h->present)
        return !value.p == !h->present;
    return (!h->exact.p || slice_eq(value, h->exact)) &&
           (!h->prefix.p || slice_starts(value, h->prefix)) &&
           (!h->suffix.p || ends(value, h->suffix)) &&
           (!h->code || value_regex_matches(h->code, value));
}

bool match_who_any(const struct who *w)
{
    return w->issuers.n || w->methods.n || w->subjects.n || w->claim.n;
}
