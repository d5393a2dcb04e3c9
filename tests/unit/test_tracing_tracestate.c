/* SPDX-License-Identifier: Apache-2.0 */
/* The list that others hand on: its grammar and its limits. */
#include "tracing/tracestate.h"

#include "common/slice.h"

#include <criterion/criterion.h>
#include <stdio.h>

static unsigned members;

static bool is_good(const char *line)
{
    members = 0;
    return tracestate_count(slice_str(line), &members);
}

Test(tracing_tracestate, takes_lists_of_members)
{
    cr_assert(is_good("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
    cr_assert_eq(members, 2);
    cr_assert(is_good("a=1 \t, \tb=2"), "white space is no part of them");
    cr_assert(is_good("a=1,,b=2,"), "empty ones may be there");
    cr_assert(is_good(""));
    cr_assert(is_good("fw529a3039@dt=FfAAAA"));
    cr_assert(is_good("0a_-*/=~ !x"), "a key may begin with a digit, a value has spaces");
}

Test(tracing_tracestate, refuses_what_is_no_member)
{
    static const char *const wrong[] = {
        "a",    "=1",    "a=",     "a =1",       "A=1",       "a=1=2",  "_a=1",
        "@a=1", "a.b=1", "a=\x7f", "a=\xc3\xa4", "a=1;b=2,c", "a=1\tb",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert(!is_good(wrong[i]), "it took \"%s\"", wrong[i]);
}

Test(tracing_tracestate, has_limits_for_keys_and_values)
{
    char line[600];
    snprintf(line, sizeof line, "%0256d=1", 0);
    cr_assert(is_good(line));
    snprintf(line, sizeof line, "%0257d=1", 0);
    cr_assert(!is_good(line));
    snprintf(line, sizeof line, "a=%0256d", 0);
    cr_assert(is_good(line));
    snprintf(line, sizeof line, "a=%0257d", 0);
    cr_assert(!is_good(line));
}

Test(tracing_tracestate, has_thirty_two_members_over_all_lines)
{
    members = 0;
    for (int i = 0; i < 16; i++)
        cr_assert(tracestate_count(WEIR_SLICE("a=1,b=2"), &members));
    cr_assert_eq(members, TRACESTATE_MEMBERS);
    cr_assert(!tracestate_count(WEIR_SLICE("c=3"), &members));
}
