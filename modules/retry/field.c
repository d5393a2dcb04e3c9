/* SPDX-License-Identifier: Apache-2.0 */
/* Values come from origins, so an expression has a limit of steps: one that reaches it doesn't
 * match, and nothing is worse than that. Matching allocates; it happens on heads of routes that
 * have such a condition, and of failed attempts in the main. */
#include "retry/field.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/slice.h"

enum { STEPS = 100000, HEAP_KIB = 1024, ERROR_TEXT = 128 };

static PCRE2_SPTR bytes_of(struct weir_slice s)
{
    return (PCRE2_SPTR)(s.p ? s.p : "");
}

bool field_match_make(struct field_match *m, enum field_form form, struct weir_slice text,
                      char reason[FIELD_REASON])
{
    int error;
    size_t offset;
    *m = (struct field_match){.form = form, .text = text};
    if (form != FIELD_REGEX)
        return true;
    m->regex = pcre2_compile(bytes_of(text), text.n,
                             PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY |
                                 PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C,
                             &error, &offset, NULL);
    if (!m->regex) {
        char why[ERROR_TEXT];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
        snprintf(reason, FIELD_REASON, "it is no regular expression: %s, at offset %zu", why,
                 offset);
    }
    return m->regex != NULL;
}

void field_match_free(struct field_match *m)
{
    pcre2_code_free(m->regex);
    m->regex = NULL;
}

static bool regex_has(const struct field_match *m, struct weir_slice value)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    int rc = PCRE2_ERROR_NOMEMORY;
    if (data && limits) {
        pcre2_set_match_limit(limits, STEPS);
        pcre2_set_heap_limit(limits, HEAP_KIB);
        rc = pcre2_match(m->regex, bytes_of(value), value.n, 0, 0, data, limits);
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    return rc >= 0;
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
        return m->regex && regex_has(m, value);
    }
    return false;
}
