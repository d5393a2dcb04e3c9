/* SPDX-License-Identifier: Apache-2.0 */
/* Values out of queries and cookies. */
#include "http/query.h"

#include "base/check.h"

#include <criterion/criterion.h>

static void expect_query(const char *query, const char *name, const char *want)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    struct slice value;
    bool found = query_find(slice_str(query), slice_str(name), &a, &value);
    cr_assert_eq(found, want != NULL, "%s in %s", name, query);
    if (want) {
        cr_assert(slice_eq(value, slice_str(want)), "%s in %s is %.*s", name, query,
                  SLICE_ARG(value));
        cr_assert_not_null(value.p);
    }
    arena_fini(&a);
}

Test(query, finds_the_first_pair_of_that_name)
{
    expect_query("a=1&b=2&a=3", "a", "1");
    expect_query("a=1&b=2&a=3", "b", "2");
    expect_query("a=1&b=2", "c", NULL);
    expect_query("aa=1&a=2", "a", "2");
    expect_query("a=1", "aa", NULL);
    expect_query("A=1", "a", NULL);
    expect_query("a=b=c", "a", "b=c");
}

Test(query, takes_a_pair_without_equals_for_an_empty_value)
{
    expect_query("debug", "debug", "");
    expect_query("x&debug&y", "debug", "");
    expect_query("debug=", "debug", "");
    expect_query("", "debug", NULL);
    expect_query("&&", "", NULL);
    expect_query("=v", "", "v");
}

Test(query, decodes_before_comparing)
{
    expect_query("%61%62=x", "ab", "x");
    expect_query("a+b=c+d%20e", "a b", "c d e");
    expect_query("a%26b=1&b=2", "a&b", "1");
    expect_query("k=%C3%a9", "k", "\xc3\xa9");
}

Test(query, leaves_malformed_escapes_as_they_are)
{
    expect_query("off=50%", "off", "50%");
    expect_query("off=%5", "off", "%5");
    expect_query("off=%zz%41", "off", "%zzA");
    expect_query("%=1", "%", "1");
    expect_query("%%41=1", "%A", "1");
}

Test(query, takes_memory_only_for_values_that_are_encoded)
{
    struct slice value, query = SLICE("%61=plain&b=x%2f");
    cr_assert(query_find(query, SLICE("a"), NULL, &value));
    cr_assert_eq(value.p, query.p + 4);
    struct arena a;
    arena_init(&a, NULL, 0);
    cr_assert(query_find(query, SLICE("b"), &a, &value));
    cr_assert(slice_eq(value, SLICE("x/")));
    arena_fini(&a);
    cr_assert_not(query_find((struct slice){0}, SLICE("a"), NULL, &value));
}

static struct slice cookie(const char *first, const char *second, const char *name)
{
    struct field lines[] = {
        {SLICE("Cookie"), slice_str(first), TOKEN_COOKIE},
        {SLICE("Accept"), SLICE("s=no"), TOKEN_ACCEPT},
        {SLICE("cookie"), slice_str(second), TOKEN_COOKIE},
    };
    struct fields f = {.v = lines, .n = second ? 3 : 2, .cap = 3};
    struct slice value = {0};
    bool found = cookie_find(&f, slice_str(name), &value);
    cr_assert_eq(found, value.p != NULL);
    return value;
}

Test(cookie, finds_the_first_of_that_name_over_all_lines)
{
    cr_assert(slice_eq(cookie("a=1; s=2", NULL, "s"), SLICE("2")));
    cr_assert(slice_eq(cookie("a=1", "s=2; s=3", "s"), SLICE("2")));
    cr_assert(slice_eq(cookie("s=1", "s=2", "s"), SLICE("1")));
    cr_assert(slice_eq(cookie("ss=1;s=2", NULL, "s"), SLICE("2")));
    cr_assert_null(cookie("S=1; ss=2", "as=3", "s").p);
}

Test(cookie, takes_quotes_and_white_space_off)
{
    cr_assert(slice_eq(cookie("s=\"a b\"", NULL, "s"), SLICE("a b")));
    cr_assert(slice_eq(cookie(" s = x ;", NULL, "s"), SLICE("x")));
    cr_assert(slice_eq(cookie("s=\"", NULL, "s"), SLICE("\"")));
    cr_assert(slice_eq(cookie("s=\"\"", NULL, "s"), SLICE("")));
    cr_assert(slice_eq(cookie("s=\"x", NULL, "s"), SLICE("\"x")));
}

Test(cookie, keeps_values_as_they_are_otherwise)
{
    cr_assert(slice_eq(cookie("s=a=b%20c+d", NULL, "s"), SLICE("a=b%20c+d")));
    cr_assert(slice_eq(cookie("s=", NULL, "s"), SLICE("")));
    cr_assert_null(cookie("s; x", ";;", "s").p);
    cr_assert_null(cookie("", "", "s").p);
}
