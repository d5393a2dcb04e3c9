/* SPDX-License-Identifier: Apache-2.0 */
#include "retry/field.h"

#include "common/slice.h"

bool field_match_make(struct field_match *m, enum field_form form, struct weir_slice text,
                      char reason[FIELD_REASON])
{
    *m = (struct field_match){.form = form, .text = text};
    if (form != FIELD_REGEX)
        return true;
    m->regex = value_regex_make(text, reason);
    return m->regex != NULL;
}

void field_match_free(struct field_match *m)
{
    value_regex_free(m->regex);
    m->regex = NULL;
}

bool field_match_has(const struct field_match *m, struct weir_slice value)
{
    if (!value.p)
        return false;
    const size_t n = m->text.n;
    switch (m->form) {
    case FIELD_PRESENT:
        return true;
    case FIELD_EXACT:
        return slice_eq(value, m->text);
    case FIELD_PREFIX:
        return slice_starts(value, m->text);
    case FIELD_SUFFIX:
        return value.n >= n && (n == 0 || memcmp(value.p + value.n - n, m->text.p, n) == 0);
    case FIELD_REGEX:
        return m->regex && value_regex_matches(m->regex, value);
    }
    return false;
}
