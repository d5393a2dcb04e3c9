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

Test(fault_match, believes_only_whom_it_is_told_to)
{
    struct weir_slice issuers[] = {S("https://id.example")}, methods[] = {S("jwt")};
    const struct match_who any = {0}, some = {.issuers = {issuers, 1}, .methods = {methods, 1}};
    const struct weir_identity good = {S("ann"), S("https://id.example"), S("jwt")},
                               other = {S("ann"), S("https://evil.example"), S("jwt")},
                               basic = {S("ann"), S("https://id.example"), S("basic")};
    cr_assert(!match_who_any(&any) && match_who_any(&some));
    cr_assert(match_who_believes(&any, &good) && match_who_believes(&some, &good));
    cr_assert(!match_who_believes(&some, &other) && !match_who_believes(&some, &basic));
    cr_assert(!match_who_believes(&any, NULL) && !match_who_believes(&some, NULL));
}

Test(fault_match, knows_subjects_and_values_of_a_claim)
{
    struct weir_slice subjects[] = {S("ann"), S("bob")}, values[] = {S("testers")};
    const struct match_who w = {
        .subjects = {subjects, 2}, .claim = S("groups"), .any_of = {values, 1}};
    cr_assert(match_who_subject(&w, S("bob")));
    cr_assert(!match_who_subject(&w, S("Bob")) && !match_who_subject(&w, S("")));
    cr_assert(!match_who_subject(&w, absent));
    cr_assert(match_who_claim(&w, S("testers")));
    cr_assert(!match_who_claim(&w, S("tester")) && !match_who_claim(&w, absent));
}
