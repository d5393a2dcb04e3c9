/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_FIELD_H
#define WEIR_RETRY_FIELD_H

/* Conditions on fields of a response's head: a field is there, or its value is, begins with, ends
 * with a text or matches an expression as a whole. Made in the master, asked in workers. */

#include <stdbool.h>

#include "common/value_regex.h"

enum { FIELD_REASON = VALUE_REGEX_REASON };

enum field_form { FIELD_PRESENT, FIELD_EXACT, FIELD_PREFIX, FIELD_SUFFIX, FIELD_REGEX };

struct field_match {
    enum field_form form;
    struct weir_slice text;          /* borrowed; not for PRESENT */
    struct pcre2_real_code_8 *regex; /* owned; of REGEX */
};

/* False, with the reason: the text is no regular expression. */
bool field_match_make(struct field_match *m, enum field_form form, struct weir_slice text,
                      char reason[FIELD_REASON]);
/* Harmless when nothing was made. */
void field_match_free(struct field_match *m);
/* Of the field's value; absent: there is no such field. */
bool field_match_has(const struct field_match *m, struct weir_slice value);

#endif
