/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_MATCH_H
#define WEIR_FAULT_MATCH_H

/* Which requests a fault is for: conditions of the settings, of which all have to hold. Texts are
 * compared as a whole and byte by byte. Pure; any process. */

#include "common/value_regex.h"

/* Of one header field, by its first line. Several forms may stand together. */
struct match_header {
    struct weir_place place;
    struct weir_slice text;                  /* the name */
    struct weir_slice exact, prefix, suffix, regex; /* absent: any value */
    bool present;                                   /* false: it isn't there */
    /* made at load */
    struct weir_name name;
    struct pcre2_real_code_8 *code; /* owned; of regex */
};

/* The value; absent: there is no such field. */
bool match_value(const struct match_header *h, struct weir_slice value);

/* Who it comes from, by what others have verified. */
struct match_who {
    struct weir_texts issuers, methods; /* whose word counts, and by what; empty: any */
    struct weir_texts subjects;
    struct weir_slice claim;
    struct weir_texts any_of; /* its values */
};

/* Is there any condition on the identity? */
bool match_who_any(const struct match_who *w);
/* Does this identity (NULL: none) count here at all? */
bool match_who_believes(const struct match_who *w, const struct weir_identity *id);
/* Once it does: is its subject listed, or the value of its claim? */
bool match_who_subject(const struct match_who *w, struct weir_slice subject);
bool match_who_claim(const struct match_who *w, struct weir_slice value);

#endif
