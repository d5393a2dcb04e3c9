/* SPDX-License-Identifier: Apache-2.0 */
/* Slices: comparison, parts, numbers, lists, hash. Where a function reads several bytes at a time
 * the bytes lie at the very end of a malloc, so that AddressSanitizer sees a read too far. */

#include "base/slice.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static bool is(struct slice s, const char *text)
{
    return slice_eq(s, slice_str(text));
}

Test(slice, basics)
{
    cr_assert_eq(SLICE("abc").n, 3);
    cr_assert_eq(slice_str(NULL).n, 0);
    const char *s = "hello";
    cr_assert(is(slice_between(s + 1, s + 3), "el"));
    cr_assert(is(slice_from(SLICE("abc"), 1), "bc"));
    cr_assert(is(slice_from(SLICE("abc"), 3), ""));
    cr_assert(is(slice_from(SLICE("abc"), 9), ""));
    cr_assert_null(slice_from(slice_of(NULL, 0), 5).p);
}

Test(slice, equality_and_affixes)
{
    cr_assert(slice_eq(SLICE("a"), SLICE("a")));
    cr_assert(!slice_eq(SLICE("a"), SLICE("A")));
    cr_assert(!slice_eq(SLICE("a"), SLICE("ab")));
    cr_assert(slice_eq(slice_of(NULL, 0), SLICE("")));
    cr_assert(slice_starts(SLICE("abc"), SLICE("ab")));
    cr_assert(slice_starts(SLICE("abc"), SLICE("")));
    cr_assert(!slice_starts(SLICE("ab"), SLICE("abc")));
    cr_assert(slice_ends(SLICE("abc"), SLICE("bc")));
    cr_assert(slice_ends(SLICE("abc"), SLICE("")));
    cr_assert(!slice_ends(SLICE("bc"), SLICE("abc")));
}

/* Every pair of bytes, at every place of lengths that take each path through slice_ieq. */
Test(slice, ieq_agrees_with_ascii_lower_for_all_bytes_at_all_places)
{
    for (size_t n = 1; n <= 19; n++) {
        char *a = malloc(n), *b = malloc(n);
        memset(a, 'x', n);
        memset(b, 'X', n);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++)
                for (int d = 0; d < 256; d++) {
                    a[at] = (char)c;
                    b[at] = (char)d;
                    const bool same = ascii_lower((char)c) == ascii_lower((char)d);
                    if (slice_ieq(slice_of(a, n), slice_of(b, n)) != same)
                        cr_assert_fail("n %zu at %zu: %02x %02x", n, at, c, d);
                }
            a[at] = 'x';
            b[at] = 'X';
        }
        free(a);
        free(b);
    }
}

Test(slice, ieq_looks_at_the_length)
{
    cr_assert(slice_ieq(slice_of(NULL, 0), SLICE("")));
    cr_assert(!slice_ieq(SLICE("host"), SLICE("hos")));
    cr_assert(slice_ieq(SLICE("Content-Length"), SLICE("content-lENGTH")));
    cr_assert(!slice_ieq(SLICE("Content-Length"), SLICE("content_length")));
}

Test(slice, cmp_orders_by_bytes_then_length)
{
    cr_assert_lt(slice_cmp(SLICE("a"), SLICE("b")), 0);
    cr_assert_lt(slice_cmp(SLICE("a"), SLICE("aa")), 0);
    cr_assert_gt(slice_cmp(SLICE("b"), SLICE("aa")), 0);
    cr_assert_gt(slice_cmp(SLICE("\xff"), SLICE("a")), 0);
    cr_assert_eq(slice_cmp(SLICE("ab"), SLICE("ab")), 0);
    cr_assert_eq(slice_cmp(slice_of(NULL, 0), SLICE("")), 0);
    cr_assert_lt(slice_cmp(slice_of(NULL, 0), SLICE("a")), 0);
}

Test(slice, find_gives_the_place_or_the_length)
{
    cr_assert_eq(slice_find(SLICE("a:b:c"), ':'), 1);
    cr_assert_eq(slice_find(SLICE("abc"), ':'), 3);
    cr_assert_eq(slice_find(slice_of(NULL, 0), ':'), 0);
}

Test(slice, trim_takes_blanks_and_tabs_only)
{
    cr_assert(is(slice_trim(SLICE(" \t a b\t ")), "a b"));
    cr_assert(is(slice_trim(SLICE("\r\na\n")), "\r\na\n"));
    cr_assert(is(slice_trim(SLICE("   ")), ""));
    cr_assert(is(slice_trim(slice_of(NULL, 0)), ""));
}

Test(slice, cut_walks_the_parts)
{
    static const char *const parts[] = {"a", "", "bc", ""};
    size_t n = 0;

    for (struct slice rest = SLICE("a,,bc,"); rest.p; n++) {
        cr_assert_lt(n, 4);
        cr_assert(is(slice_cut(&rest, ','), parts[n]));
    }
    cr_assert_eq(n, 4);
    struct slice one = SLICE("whole");
    cr_assert(is(slice_cut(&one, ','), "whole"));
    cr_assert_null(one.p);
}

Test(slice, numbers)
{
    uint64_t v = 7;
    cr_assert(slice_to_u64(SLICE("0"), &v) && v == 0);
    cr_assert(slice_to_u64(SLICE("007"), &v) && v == 7);
    cr_assert(slice_to_u64(SLICE("18446744073709551615"), &v) && v == UINT64_MAX);
    static const char *const bad[] = {"",   "-1",   "+1",  " 1",
                                      "1 ", "0x10", "1_0", "18446744073709551616",
                                      "1a", "/",    ":",   "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert(!slice_to_u64(slice_str(bad[i]), &v), "%s", bad[i]);
    cr_assert_eq(v, UINT64_MAX, "untouched on failure");
    cr_assert(!slice_to_u64(slice_of("1\0", 2), &v));
}

Test(slice, list_members)
{
    cr_assert(slice_list_has(SLICE("keep-alive, Upgrade"), SLICE("upgrade")));
    cr_assert(slice_list_has(SLICE(",, close ,"), SLICE("close")));
    cr_assert(slice_list_has(SLICE("close"), SLICE("CLOSE")));
    cr_assert(!slice_list_has(SLICE("closed, x-close"), SLICE("close")));
    cr_assert(!slice_list_has(SLICE("close x"), SLICE("close")));
    cr_assert(!slice_list_has(SLICE(", ,"), SLICE("")));
    cr_assert(!slice_list_has(slice_of(NULL, 0), SLICE("close")));
}

/* Values of another implementation of SipHash-1-3: CPython 3.11's hash() of bytes with
 * PYTHONHASHSEED=0, whose key is all zero. */
Test(slice, hash_is_siphash_1_3)
{
    cr_assert_eq(slice_hash(SLICE("a")), 0x407448d2b89b1813);
    cr_assert_eq(slice_hash(SLICE("abcdefg")), 0x6db12aae9070f506);
    cr_assert_eq(slice_hash(SLICE("abcdefgh")), 0x3f7b849c0b8e35ea);
    cr_assert_eq(slice_hash(SLICE("hello world, how are you")), 0xab89a25ac76bf7c1);
    cr_assert_eq(slice_hash(SLICE("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7")), 0x042c57b0ed26b687);
}

Test(slice, hash_depends_on_seed_length_and_every_byte)
{
    char bytes[40] = {0};
    const uint64_t unseeded = slice_hash(SLICE("key"));
    slice_hash_seed(1, 2);
    cr_assert_neq(slice_hash(SLICE("key")), unseeded);
    slice_hash_seed(2, 1);
    const uint64_t other = slice_hash(SLICE("key"));
    slice_hash_seed(1, 2);
    cr_assert_neq(slice_hash(SLICE("key")), other);
    for (size_t n = 0; n < sizeof bytes; n++) {
        const uint64_t plain = slice_hash(slice_of(bytes, n));
        cr_assert_neq(plain, slice_hash(slice_of(bytes, n + 1)));
        for (size_t i = 0; i < n; i++) {
            bytes[i] = 1;
            cr_assert_neq(slice_hash(slice_of(bytes, n)), plain);
            bytes[i] = 0;
        }
    }
}
