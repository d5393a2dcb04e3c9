/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64. The decoders of OpenSSL skip white space and take bits that are left over, so
 * this one is ours. */
#include "auth/jwt_base64.h"

/* The value of one character, or -1. */
static int sextet(char c, enum jwt_base64 alphabet)
{
    const char last[2] = {alphabet == JWT_BASE64_URL ? '-' : '+',
                          alphabet == JWT_BASE64_URL ? '_' : '/'};
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == last[0] ? 62 : c == last[1] ? 63 : -1;
}

/* Takes the padding off; false when it isn't what the length calls for. */
static bool unpad(struct weir_slice *text)
{
    if (text->n % 4)
        return false;
    for (int i = 0; i < 2 && text->n && text->p[text->n - 1] == '='; i++)
        text->n--;
    return true;
}

bool jwt_base64_decode(struct weir_slice text, enum jwt_base64 alphabet, uint8_t *to, size_t *n)
{
    uint32_t bits = 0;
    unsigned have = 0;
    *n = 0;
    if (alphabet == JWT_BASE64_PADDED && !unpad(&text))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        const int value = sextet(text.p[i], alphabet);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xfff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[(*n)++] = (uint8_t)(bits >> have);
        }
    }
    /* Six bits are a character that says nothing; what is left of others has to be zero. */
    return have < 6 && (bits & ((1u << have) - 1)) == 0;
}
