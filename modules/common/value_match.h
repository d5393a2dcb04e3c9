/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMON_VALUE_MATCH_H
#define WEIR_COMMON_VALUE_MATCH_H

/* A condition on the value of a header field: what it is, how it begins, how it ends, an expression
 * that it matches. Of the forms that stand there all have to hold; where none does, any value is
 * good. Texts are compared byte by byte. Made in the master, asked in workers. */

#include "common/slice.h"
#include "common/value_regex.h"

struct value_match {
    struct weir_slice exact, prefix, suffix, regex; /* absent: not asked for */
    struct pcre2_real_code_8 *code;                 /* owned; of regex, by value_match_make() */
};

/* The rows of a group of settings, of struct `type`, that has it in `member`. */
#define VALUE_MATCH_ROWS(type, member)                                                             \
    WEIR_ROW_TEXT("exact", type, member.exact, NULL, "the whole value"),                           \
        WEIR_ROW_TEXT("prefix", type, member.prefix, NULL, "how the value begins"),                \
        WEIR_ROW_TEXT("suffix", type, member.suffix, NULL, "how the value ends"),                  \
        WEIR_ROW_TEXT("regex", type, member.regex, NULL,                                           \
                      "an expression that matches the whole value (PCRE2)")

/* How many forms it has. */
static inline unsigned value_match_forms(const struct value_match *m)
{
    return (m->exact.p != NULL) + (m->prefix.p != NULL) + (m->suffix.p != NULL) +
           (m->regex.p != NULL);
}

/* From the texts. False, with the reason: `regex` is no regular expression. */
static inline bool value_match_make(struct value_match *m, char reason[VALUE_REGEX_REASON])
{
    m->code = m->regex.p ? value_regex_make(m->regex, reason) : NULL;
    return m->code || !m->regex.p;
}

/* Harmless when nothing was made. */
static inline void value_match_free(struct value_match *m)
{
    value_regex_free(m->code);
    m->code = NULL;
}

/* The value; absent: there is no such field, so it has none that could be good. */
static inline bool value_match_has(const struct value_match *m, struct weir_slice value)
{
    return value.p && (!m->exact.p || slice_eq(value, m->exact)) &&
           (!m->prefix.p || slice_starts(value, m->prefix)) &&
           (!m->suffix.p || slice_ends(value, m->suffix)) &&
           (!m->regex.p || (m->code && value_regex_matches(m->code, value)));
}

#endif
