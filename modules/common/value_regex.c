/* SPDX-License-Identifier: Apache-2.0 */
/* Values come from clients and origins, so an expression has a limit of steps: one that reaches it
 * doesn't match, and nothing is worse than that. Matching allocates; it happens on routes alone
 * that have such a condition. */
#include "common/value_regex.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* As many steps as regex_steps has by default for the expressions of routes. */
enum { STEPS = 100000, HEAP_KIB = 1024, ERROR_TEXT = 128 };

static PCRE2_SPTR bytes_of(struct weir_slice s)
{
    return (PCRE2_SPTR)(s.p ? s.p : "");
}

struct pcre2_real_code_8 *value_regex_make(struct weir_slice text, char reason[VALUE_REGEX_REASON])
{
    int error;
    size_t offset;
    pcre2_code *code =
        pcre2_compile(bytes_of(text), text.n,
                      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF |
                          PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C,
                      &error, &offset, NULL);
    if (!code) {
        char why[ERROR_TEXT];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
        snprintf(reason, VALUE_REGEX_REASON, "it is no regular expression: %s, at offset %zu", why,
                 offset);
    }
    return code;
}

void value_regex_free(struct pcre2_real_code_8 *code)
{
    pcre2_code_free(code);
}

bool value_regex_matches(const struct pcre2_real_code_8 *code, struct weir_slice value)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    int rc = PCRE2_ERROR_NOMEMORY;
    if (data && limits) {
        pcre2_set_match_limit(limits, STEPS);
        pcre2_set_heap_limit(limits, HEAP_KIB);
        rc = pcre2_match(code, bytes_of(value), value.n, 0, 0, data, limits);
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    return rc >= 0;
}
