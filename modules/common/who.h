/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMON_WHO_H
#define WEIR_COMMON_WHO_H

/* Whom settings name, by what others have verified: subjects, or values of a claim, and whose word
 * counts for that. Texts are compared as a whole and byte by byte. Who is let in somewhere hangs on
 * it: so it is the same for all modules. Any process. */

#include "common/slice.h"

struct who {
    struct weir_texts issuers, methods; /* whose word counts, and by what; empty: any */
    struct weir_texts subjects;
    struct weir_slice claim;
    struct weir_texts any_of; /* its values */
};

/* Is this identity (NULL: none) one whose subject and claims count here at all? */
static inline bool who_counts(const struct who *w, const struct weir_identity *id)
{
    return id && (w->issuers.n == 0 || slice_among(&w->issuers, id->issuer)) &&
           (w->methods.n == 0 || slice_among(&w->methods, id->method));
}

/* Of one that counts: is its subject listed, or this value of its claim? */
static inline bool who_has_subject(const struct who *w, struct weir_slice subject)
{
    return subject.n && slice_among(&w->subjects, subject);
}

static inline bool who_has_value(const struct who *w, struct weir_slice value)
{
    return value.p && slice_among(&w->any_of, value);
}

/* Any value of the claim that the exchange's identity has. [hook] */
static inline bool who_has_claim(const struct who *w, const struct weir_exchange *x)
{
    struct weir_slice value;
    for (size_t i = 0; w->claim.n && (value = weir_claim(x, w->claim, i)).p; i++)
        if (who_has_value(w, value))
            return true;
    return false;
}

#endif
