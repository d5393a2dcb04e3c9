/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on the value of a response's field. */
#include "retry/field.h"

#include <criterion/criterion.h>
#include <string.h>

static bool has(enum field_form form, const char *text, const char *value)
{
    struct field_match m;
    char reason[FIELD_REASON];
    cr_assert(field_match_make(&m, form, (struct weir_slice){text, strlen(text)}, reason));
    const struct weir_slice v = {value, value ? strlen(value) : 0};
    const bool is = field_match_has(&m, v);
    field_match_free(&m);
    field_match_free(&m);
    return is;
}

Test(retry_field, is_there_or_is_not)
{
    cr_assert(has(FIELD_PRESENT, "", "x"));
    cr_assert(has(FIELD_PRESENT, "", ""));
    cr_assert(!has(FIELD_PRESENT, "", NULL));
}

Test(retry_field, is_compared_as_a_whole_or_at_its_ends)
{
    cr_assert(has(FIELD_EXACT, "yes", "yes") && !has(FIELD_EXACT, "yes", "yes, please"));
    cr_assert(has(FIELD_PREFIX, "yes", "yes, please") && !has(FIELD_PREFIX, "yes", "ye"));
    cr_assert(has(FIELD_SUFFIX, "ase", "please") && !has(FIELD_SUFFIX, "ase", "se"));
    cr_assert(!has(FIELD_EXACT, "", NULL) && !has(FIELD_PREFIX, "", NULL));
}

Test(retry_field, matches_an_expression_as_a_whole)
{
    cr_assert(has(FIELD_REGEX, "v[12]", "v1") && has(FIELD_REGEX, "^v[12]$", "v2"));
    cr_assert(!has(FIELD_REGEX, "v[12]", "v10") && !has(FIELD_REGEX, "v[12]", "xv1"));
    cr_assert(!has(FIELD_REGEX, ".*", NULL));
}

Test(retry_field, needs_an_expression_that_is_one)
{
    struct field_match m;
    char reason[FIELD_REASON] = "";
    cr_assert(!field_match_make(&m, FIELD_REGEX, (struct weir_slice){"v[", 2}, reason));
    cr_assert(strstr(reason, "it is no regular expression: "), "%s", reason);
    cr_assert(strstr(reason, "at offset 2"), "%s", reason);
    field_match_free(&m);
}
