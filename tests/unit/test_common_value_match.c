/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on the value of a field. */
#include "common/value_match.h"

#include <criterion/criterion.h>

#define S(literal) ((struct weir_slice){"" literal, sizeof(literal) - 1})
static const struct weir_slice absent = {0};

Test(common_value_match, looks_at_the_whole_value_or_its_ends)
{
    const struct value_match exact = {.exact = S("ab")}, prefix = {.prefix = S("ab")},
                             suffix = {.suffix = S("ab")},
                             both = {.prefix = S("ab"), .suffix = S("bc")};
    static const struct {
        struct weir_slice value;
        bool exact, prefix, suffix, both;
    } cases[] = {
        {S("ab"), true, true, true, false},    {S("AB"), false, false, false, false},
        {S("abbc"), false, true, false, true}, {S("cab"), false, false, true, false},
        {S("a"), false, false, false, false},  {S(""), false, false, false, false},
        {S("abc"), false, true, false, true},  {{0}, false, false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(value_match_has(&exact, cases[i].value), cases[i].exact, "%zu", i);
        cr_assert_eq(value_match_has(&prefix, cases[i].value), cases[i].prefix, "%zu", i);
        cr_assert_eq(value_match_has(&suffix, cases[i].value), cases[i].suffix, "%zu", i);
        cr_assert_eq(value_match_has(&both, cases[i].value), cases[i].both, "%zu", i);
    }
}

Test(common_value_match, takes_an_expression_of_the_whole_value_beside_the_other_forms)
{
    char reason[VALUE_REGEX_REASON];
    struct value_match m = {.regex = S("v[12]-.*")};
    cr_assert(value_match_make(&m, reason));
    cr_assert(value_match_has(&m, S("v1-a")) && value_match_has(&m, S("v2-")));
    cr_assert(!value_match_has(&m, S("v3-a")) && !value_match_has(&m, S("xv1-a")));
    cr_assert(!value_match_has(&m, S("v1")) && !value_match_has(&m, absent));
    m.suffix = S("x");
    cr_assert(value_match_has(&m, S("v1-x")) && !value_match_has(&m, S("v1-a")));
    value_match_free(&m);
    value_match_free(&m);
}

Test(common_value_match, needs_an_expression_that_is_one)
{
    char reason[VALUE_REGEX_REASON] = "";
    struct value_match m = {.regex = S("v[")};
    cr_assert_not(value_match_make(&m, reason));
    cr_assert(strstr(reason, "it is no regular expression: "), "%s", reason);
    cr_assert_not(value_match_has(&m, S("v[")), "and is then nobody's");
    value_match_free(&m);
}

Test(common_value_match, tells_an_empty_value_from_none)
{
    const struct value_match any = {0}, empty = {.exact = S("")}, begins = {.prefix = S("")};
    cr_assert(value_match_has(&any, S("")) && value_match_has(&any, S("x")));
    cr_assert(value_match_has(&empty, S("")) && !value_match_has(&empty, S("x")));
    cr_assert(value_match_has(&begins, S("")));
    cr_assert_not(value_match_has(&any, absent) || value_match_has(&empty, absent) ||
                  value_match_has(&begins, absent));
}

Test(common_value_match, counts_the_forms_that_stand_there)
{
    const struct value_match none = {0}, two = {.exact = S(""), .regex = S("a")};
    cr_assert_eq(value_match_forms(&none), 0);
    cr_assert_eq(value_match_forms(&two), 2);
}
