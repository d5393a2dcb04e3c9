/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/match.h"

#include <criterion/criterion.h>

#define S(literal) ((struct weir_slice){"" literal, sizeof(literal) - 1})
static const struct weir_slice absent = {0};

Test(fault_match, looks_at_the_whole_value_or_its_ends)
{
    const struct match_header exact = {.present = true, .exact = S("ab")},
                              prefix = {.present = true, .prefix = S("ab")},
                              suffix = {.present = true, .suffix = S("ab")},
                              both = {.present = true, .prefix = S("ab"), .suffix = S("bc")};
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
        cr_assert_eq(match_value(&exact, cases[i].value), cases[i].exact, "%zu", i);
        cr_assert_eq(match_value(&prefix, cases[i].value), cases[i].prefix, "%zu", i);
        cr_assert_eq(match_value(&suffix, cases[i].value), cases[i].suffix, "%zu", i);
        cr_assert_eq(match_value(&both, cases[i].value), cases[i].both, "%zu", i);
    }
}

Test(fault_match, takes_an_expression_of_the_whole_value_beside_the_other_forms)
{
    char reason[VALUE_REGEX_REASON];
    struct match_header h = {.present = true, .code = value_regex_make(S("v[12]-.*"), reason)};
    cr_assert(match_value(&h, S("v1-a")) && match_value(&h, S("v2-")));
    cr_assert(!match_value(&h, S("v3-a")) && !match_value(&h, S("xv1-a")));
    cr_assert(!match_value(&h, S("v1")) && !match_value(&h, absent));
    h.suffix = S("x");
    cr_assert(match_value(&h, S("v1-x")) && !match_value(&h, S("v1-a")));
    value_regex_free(h.code);
}

Test(fault_match, tells_an_empty_value_from_none)
{
    const struct match_header there = {.present = true}, empty = {.present = true, .exact = S("")},
                              gone = {.present = false};
    cr_assert(match_value(&there, S("")) && match_value(&there, S("x")));
    cr_assert(!match_value(&there, absent));
    cr_assert(match_value(&empty, S("")) && !match_value(&empty, S("x")));
    cr_assert(!match_value(&empty, absent));
    cr_assert(match_value(&gone, absent) && !match_value(&gone, S("")));
}

Test(fault_match, knows_whether_anybody_is_named)
{
    struct weir_slice one[] = {S("ann")};
    const struct who nobody = {0}, subject = {.subjects = {one, 1}}, issuer = {.issuers = {one, 1}},
                     method = {.methods = {one, 1}}, claim = {.claim = S("groups")};
    cr_assert(!match_who_any(&nobody));
    cr_assert(match_who_any(&subject) && match_who_any(&issuer));
    cr_assert(match_who_any(&method) && match_who_any(&claim));
}
