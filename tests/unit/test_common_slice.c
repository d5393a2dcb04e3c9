/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "common/slice.h"

static bool is(struct weir_slice s, const char *text)
{
    return slice_eq(s, slice_str(text));
}

Test(common_slice, compares_with_and_without_case)
{
    cr_assert(is((struct weir_slice){NULL, 0}, ""), "nothing is nothing, absent or empty");
    cr_assert_not(is(slice_str("ab"), "aB"));
    cr_assert(slice_ieq(slice_str("ab"), slice_str("aB")));
    cr_assert_not(slice_ieq(slice_str("ab"), slice_str("abc")));
}

Test(common_slice, orders_the_shorter_first_among_equals)
{
    cr_assert_lt(slice_cmp(slice_str("a"), slice_str("ab")), 0);
    cr_assert_gt(slice_cmp(slice_str("b"), slice_str("ab")), 0);
    cr_assert_eq(slice_cmp(slice_str(""), (struct weir_slice){NULL, 0}), 0);
}

Test(common_slice, knows_what_a_text_begins_with_and_is_among)
{
    struct weir_slice v[] = {slice_str("x"), slice_str("y")};
    const struct weir_texts texts = {v, 2};
    cr_assert(slice_starts(slice_str("v1.x"), slice_str("v1.")));
    cr_assert_not(slice_starts(slice_str("v1"), slice_str("v1.")));
    cr_assert(slice_ends(slice_str("v1.x"), slice_str(".x")) &&
              slice_ends(slice_str("x"), slice_str("")));
    cr_assert_not(slice_ends(slice_str("x"), slice_str(".x")) ||
                  slice_ends(slice_str("v1.x"), slice_str("v1")));
    cr_assert(slice_ends((struct weir_slice){NULL, 0}, slice_str("")));
    cr_assert(slice_starts((struct weir_slice){NULL, 0}, slice_str("")));
    cr_assert(slice_among(&texts, slice_str("y")));
    cr_assert_not(slice_among(&texts, slice_str("Y")));
}

Test(common_slice, counts_and_finds_bytes)
{
    cr_assert_eq(slice_count(slice_str("a,b,,"), ','), 3);
    cr_assert(slice_has_control(slice_str("a\tb")));
    cr_assert(slice_has_control(slice_str("\x7f")));
    cr_assert_not(slice_has_control(slice_str("a \xc3\xa9")));
}

Test(common_slice, takes_for_a_token_what_is_one)
{
    cr_assert(slice_is_token(slice_str("X-a_1!~")));
    cr_assert_not(slice_is_token(slice_str("")));
    cr_assert_not(slice_is_token(slice_str("a b")));
    cr_assert_not(slice_is_token(slice_str("a:b")));
    cr_assert_not(slice_is_token((struct weir_slice)WEIR_SLICE("a\0b")));
}

Test(common_slice, cuts_until_nothing_is_left)
{
    struct weir_slice rest = slice_str("a,,b");
    cr_assert(is(slice_cut(&rest, ','), "a"));
    cr_assert(is(slice_cut(&rest, ','), ""));
    cr_assert(rest.p, "there is more");
    cr_assert(is(slice_cut(&rest, ','), "b"));
    cr_assert_null(rest.p);
    rest = slice_str("a,");
    (void)slice_cut(&rest, ',');
    cr_assert(rest.p && rest.n == 0, "what is behind the last one is empty, and there");
}

Test(common_slice, trims_a_carriage_return_off_lines_alone)
{
    cr_assert(is(slice_trim(slice_str(" \ta b\t ")), "a b"));
    cr_assert(is(slice_trim(slice_str("a\r")), "a\r"));
    cr_assert(is(slice_trim_line(slice_str(" a \r")), "a"));
    cr_assert(is(slice_trim(slice_str(" \t")), ""));
    cr_assert_eq(slice_trim((struct weir_slice)WEIR_SLICE("\0 ")).n, 1, "a NUL is no white space");
}
