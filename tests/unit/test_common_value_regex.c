/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over values of header fields. */
#include "common/value_regex.h"

#include <criterion/criterion.h>
#include <string.h>

static char reason[VALUE_REGEX_REASON];

static bool matches_n(const char *expression, const char *value, size_t n)
{
    struct pcre2_real_code_8 *code =
        value_regex_make((struct weir_slice){expression, strlen(expression)}, reason);
    cr_assert(code, "%s", reason);
    const bool is = value_regex_matches(code, (struct weir_slice){value, n});
    value_regex_free(code);
    return is;
}

static bool matches(const char *expression, const char *value)
{
    return matches_n(expression, value, strlen(value));
}

Test(common_value_regex, matches_the_value_as_a_whole)
{
    cr_assert(matches("v[12]", "v1") && matches("^v[12]$", "v2") && matches("a|ab", "ab"));
    cr_assert(!matches("v[12]", "v10") && !matches("v[12]", "xv1") && !matches("v1$", "v1\n"));
    cr_assert(matches("", "") && matches_n(".*", NULL, 0) && !matches("", "x"));
}

Test(common_value_regex, sees_bytes)
{
    cr_assert(matches(".", "\xff") && !matches(".", "\xc3\xa9"));
    cr_assert(matches_n("a.b", "a\0b", 3));
}

Test(common_value_regex, never_holds_a_worker_up)
{
    char value[65];
    memset(value, 'a', 64);
    value[64] = 0;
    cr_assert(!matches("(a|a)*[bc]", value), "2^64 steps otherwise");
}

Test(common_value_regex, is_refused_with_the_place_of_the_mistake)
{
    cr_assert_null(value_regex_make((struct weir_slice){"v[", 2}, reason));
    cr_assert(strstr(reason, "it is no regular expression: "), "%s", reason);
    cr_assert(strstr(reason, "at offset 2"), "%s", reason);
    cr_assert_null(value_regex_make((struct weir_slice){"(*UTF).", 7}, reason), "values are bytes");
    value_regex_free(NULL);
}
