/* SPDX-License-Identifier: Apache-2.0 */
#include "io/secret.h"

#include <criterion/criterion.h>
#include <string.h>

/* FIPS 180-2 B.1. */
Test(secret, is_kept_as_its_sha_256)
{
    static const uint8_t expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                       0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                       0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                       0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    struct secret s;
    cr_assert(secret_digest(SLICE("abc"), &s));
    cr_assert_eq(sizeof s.digest, sizeof expected);
    cr_assert_eq(memcmp(s.digest, expected, sizeof expected), 0);
}

Test(secret, equals_itself_and_no_other_length_or_case)
{
    static const char *const others[] = {"", "abcdefghijklmno", "abcdefghijklmnopq",
                                         "Abcdefghijklmnop", "abcdefghijklmnoq"};
    struct secret s, other;
    cr_assert(secret_digest(SLICE("abcdefghijklmnop"), &s));
    cr_assert(secret_digest(SLICE("abcdefghijklmnop"), &other));
    cr_assert(secret_eq(&s, &other));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_assert(secret_digest(slice_str(others[i]), &other));
        cr_assert(!secret_eq(&s, &other), "%s", others[i]);
    }
    cr_assert(secret_digest(slice_of(NULL, 0), &other));
}
