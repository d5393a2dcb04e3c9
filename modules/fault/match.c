/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/match.h"

#include "common/slice.h"

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

bool match_who_any(const struct match_who *w)
{
    return w->issuers.n || w->methods.n || w->subjects.n || w->claim.n;
}

bool match_who_believes(const struct match_who *w, const struct weir_identity *id)
{
    if (!id)
        return false;
    return (w->issuers.n == 0 || slice_among(&w->issuers, id->issuer)) &&
           (w->methods.n == 0 || slice_among(&w->methods, id->method));
}

bool match_who_subject(const struct match_who *w, struct weir_slice subject)
{
    return subject.n && slice_among(&w->subjects, subject);
}

bool match_who_claim(const struct match_who *w, struct weir_slice value)
{
    return value.p && slice_among(&w->any_of, value);
}
