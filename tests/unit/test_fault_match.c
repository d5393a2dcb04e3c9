/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/match.h"

#include <criterion/criterion.h>

#define S(literal) ((struct weir_slice){"" literal, sizeof(literal) - 1})
static const struct weir_slice absent = {0};

Test(fault_match, tells_an_empty_value_from_none)
{
    const struct match_header there = {.present = true},
                              empty = {.present = true, .value.exact = S("")},
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
