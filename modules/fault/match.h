/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_MATCH_H
#define WEIR_FAULT_MATCH_H

/* Which requests a fault is for: conditions of the settings, of which all have to hold. Texts are
 * compared as a whole and byte by byte. Pure; any process. */

#include "common/value_match.h"
#include "common/who.h"

/* Of one header field, by its first line. Several forms may stand together. */
struct match_header {
    struct weir_place place;
    struct weir_slice text; /* the name */
    struct value_match value;
    bool present;          /* false: it isn't there */
    struct weir_name name; /* made at load */
};

/* The value; absent: there is no such field. */
bool match_value(const struct match_header *h, struct weir_slice value);

/* Is there any condition on the identity? */
bool match_who_any(const struct who *w);

#endif
