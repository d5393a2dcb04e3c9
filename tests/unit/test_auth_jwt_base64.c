/* SPDX-License-Identifier: Apache-2.0 */
/* One spelling for each value, in both alphabets. */
#include "auth/jwt_base64.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static void expect(enum jwt_base64 alphabet, const char *text, const char *want)
{
    uint8_t to[64];
    size_t n;
    cr_assert(jwt_base64_decode((struct weir_slice){text, strlen(text)}, alphabet, to, &n), "%s",
              text);
    cr_assert_eq(n, strlen(want), "%s", text);
    cr_assert(memcmp(to, want, n) == 0, "%s", text);
}

static void refuse(enum jwt_base64 alphabet, const char *text, size_t text_n)
{
    uint8_t to[64];
    size_t n;
    cr_assert_not(jwt_base64_decode((struct weir_slice){text, text_n}, alphabet, to, &n), "%s",
                  text);
}

Test(auth_jwt_base64, decodes_what_rfc_4648_shows)
{
    static const char *const cases[][3] = {{"", "", ""},
                                           {"Zg", "Zg==", "f"},
                                           {"Zm8", "Zm8=", "fo"},
                                           {"Zm9v", "Zm9v", "foo"},
                                           {"Zm9vYg", "Zm9vYg==", "foob"},
                                           {"Zm9vYmE", "Zm9vYmE=", "fooba"},
                                           {"Zm9vYmFy", "Zm9vYmFy", "foobar"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(JWT_BASE64_URL, cases[i][0], cases[i][2]);
        expect(JWT_BASE64_PADDED, cases[i][1], cases[i][2]);
    }
    expect(JWT_BASE64_URL, "-_-_", "\xfb\xff\xbf");
    expect(JWT_BASE64_PADDED, "+/+/", "\xfb\xff\xbf");
}

Test(auth_jwt_base64, decodes_what_openssl_encodes)
{
    uint8_t bytes[48], text[80], back[JWT_BASE64_ROOM(80)];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (int n = 0; n <= (int)sizeof bytes; n++) {
        size_t back_n;
        const struct weir_slice all = {(char *)text, (size_t)EVP_EncodeBlock(text, bytes, n)};
        cr_assert(jwt_base64_decode(all, JWT_BASE64_PADDED, back, &back_n));
        cr_assert_eq(back_n, n);
        cr_assert(memcmp(back, bytes, back_n) == 0);
        cr_assert_leq(back_n, JWT_BASE64_ROOM(all.n));
    }
}

Test(auth_jwt_base64, refuses_every_other_spelling)
{
    static const char *const url[] = {
        "Zg==", "Zg=", "Z",      "Zm9vY", "Zm9v=", "Zm9v Zm9v",  "Zm9v\n",
        "+/+/", "Zh",  "Zm9vYh", "Zm9",   "Zm8.",  "\xc3\xa4Zm9"};
    static const char *const padded[] = {"Zg",    "Zg=",  "Zg===", "Zm8",   "Zm9v=", "=",
                                         "====",  "Z===", "Zh==",  "Zm9=",  "-_-_",  "Zg==Zg==",
                                         "Zm\n8", "=Zm8", "Zm8= ", "Zm9v\n"};
    for (size_t i = 0; i < sizeof url / sizeof url[0]; i++)
        refuse(JWT_BASE64_URL, url[i], strlen(url[i]));
    for (size_t i = 0; i < sizeof padded / sizeof padded[0]; i++)
        refuse(JWT_BASE64_PADDED, padded[i], strlen(padded[i]));
    refuse(JWT_BASE64_URL, "Zm9v\0", 5);
    refuse(JWT_BASE64_URL, "\0\0\0\0", 4);
}

Test(auth_jwt_base64, takes_only_its_alphabet)
{
    uint8_t to[JWT_BASE64_ROOM(4)];
    size_t n;
    int taken[2] = {0};
    for (int c = 0; c < 256; c++) {
        const char text[4] = {(char)c, 'A', 'A', 'A'};
        for (int a = 0; a < 2; a++)
            taken[a] += jwt_base64_decode((struct weir_slice){text, 4}, (enum jwt_base64)a, to, &n);
    }
    cr_assert_eq(taken[JWT_BASE64_URL], 64);
    cr_assert_eq(taken[JWT_BASE64_PADDED], 64);
}
