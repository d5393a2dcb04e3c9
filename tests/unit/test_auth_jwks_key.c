/* SPDX-License-Identifier: Apache-2.0 */
/* Keys out of their members: the same key as OpenSSL has, and nothing that is none. */
#include "auth/jwks_key.h"
#include "tests/unit/auth_case.h"

#include <openssl/err.h>

TestSuite(auth_jwks_key, .init = auth_begin, .fini = auth_end);

static EVP_PKEY *read_members(const char *members, enum jwt_key_type type, const char **why)
{
    json_t *jwk = json_loads(printed("{%s}", members), 0, NULL);
    cr_assert(jwk, "%s", members);
    EVP_PKEY *key = jwks_key_new(jwk, type, why);
    json_decref(jwk);
    cr_assert_eq(ERR_peek_error(), 0, "OpenSSL's queue of errors isn't empty");
    return key;
}

static void refuse(const char *members, enum jwt_key_type type, const char *part)
{
    const char *why = "";
    cr_assert_null(read_members(members, type, &why), "%s", members);
    cr_assert(strstr(why, part), "%s: %s", members, why);
}

static void expect_same_key(enum jwt_alg alg, enum jwt_key_type type)
{
    const char *why = NULL;
    EVP_PKEY *ours = key_for(alg), *made = read_members(jwk_members(ours), type, &why);
    cr_assert(made, "%s", why);
    uint8_t *a = NULL, *b = NULL;
    const int a_n = i2d_PUBKEY(ours, &a), b_n = i2d_PUBKEY(made, &b);
    cr_assert(a_n > 0 && a_n == b_n && memcmp(a, b, (size_t)a_n) == 0);
    OPENSSL_free(a);
    OPENSSL_free(b);
    EVP_PKEY_free(made);
}

Test(auth_jwks_key, makes_the_key_that_openssl_has)
{
    expect_same_key(JWT_ALG_RS256, JWT_KEY_RSA);
    expect_same_key(JWT_ALG_ES256, JWT_KEY_P256);
    expect_same_key(JWT_ALG_ES384, JWT_KEY_P384);
    expect_same_key(JWT_ALG_EdDSA, JWT_KEY_ED25519);
}

Test(auth_jwks_key, wants_rsa_of_2048_to_8192_bits)
{
    refuse(jwk_members(new_key(EVP_PKEY_RSA, 1024)), JWT_KEY_RSA, "less than 2048");
    uint8_t n[JWKS_RSA_BITS_MAX / 8 + 1];
    memset(n, 0xff, sizeof n);
    refuse(printed("\"n\":\"%s\",\"e\":\"AQAB\"", base64url(n, sizeof n)), JWT_KEY_RSA,
           "more than 8192");
    /* 2047 bits, in 256 bytes. */
    n[0] = 0x7f;
    refuse(printed("\"n\":\"%s\",\"e\":\"AQAB\"", base64url(n, 256)), JWT_KEY_RSA,
           "less than 2048");
}

Test(auth_jwks_key, wants_numbers_that_rsa_can_have)
{
    const char *why;
    uint8_t n[256];
    memset(n, 0xff, sizeof n);
    const char *odd = base64url(n, sizeof n);
    n[255] = 0xfe;
    const char *even = base64url(n, sizeof n);
    refuse(printed("\"n\":\"%s\",\"e\":\"AQAB\"", even), JWT_KEY_RSA, "modulus");
    refuse(printed("\"n\":\"%s\",\"e\":\"AQ\"", odd), JWT_KEY_RSA, "exponent");
    refuse(printed("\"n\":\"%s\",\"e\":\"Ag\"", odd), JWT_KEY_RSA, "exponent");
    refuse(printed("\"n\":\"%s\",\"e\":\"AA\"", odd), JWT_KEY_RSA, "exponent");
    refuse(printed("\"n\":\"%s\",\"e\":\"%s\"", odd, odd), JWT_KEY_RSA, "exponent");
    EVP_PKEY *key = read_members(printed("\"n\":\"%s\",\"e\":\"Aw\"", odd), JWT_KEY_RSA, &why);
    cr_assert(key, "an exponent of 3 is one: %s", why);
    EVP_PKEY_free(key);
}

Test(auth_jwks_key, wants_members_that_are_base64url)
{
    refuse("\"n\":\"AQAB\"", JWT_KEY_RSA, "missing");
    refuse("\"e\":\"AQAB\"", JWT_KEY_RSA, "missing");
    refuse("\"n\":\"\",\"e\":\"AQAB\"", JWT_KEY_RSA, "missing");
    refuse("\"n\":\"a+b=\",\"e\":\"AQAB\"", JWT_KEY_RSA, "base64url");
    refuse("\"n\":17,\"e\":65537", JWT_KEY_RSA, "base64url");
    refuse("\"x\":\"AQAB\"", JWT_KEY_P256, "missing");
    refuse("\"x\":\"AQAB\"", JWT_KEY_ED25519, "32 bytes");
    refuse("\"k\":null", JWT_KEY_OCT, "missing");
}

Test(auth_jwks_key, wants_points_of_full_length_on_their_curve)
{
    uint8_t x[33] = {1}, y[33] = {2};
    const char *point = "\"x\":\"%s\",\"y\":\"%s\"";
    refuse(printed(point, base64url(x, 32), base64url(y, 32)), JWT_KEY_P256, "curve");
    refuse(printed(point, base64url(x, 31), base64url(y, 32)), JWT_KEY_P256, "length");
    refuse(printed(point, base64url(x, 32), base64url(y, 33)), JWT_KEY_P256, "length");
    refuse(jwk_members(key_for(JWT_ALG_ES256)), JWT_KEY_P384, "length");
}

Test(auth_jwks_key, wants_secrets_of_32_bytes)
{
    const char *why, *secret = "0123456789abcdef0123456789abcdef";
    refuse(printed("\"k\":\"%s\"", base64url(secret, 31)), JWT_KEY_OCT, "less than 32");
    EVP_PKEY *key = read_members(printed("\"k\":\"%s\"", base64url(secret, 32)), JWT_KEY_OCT, &why);
    cr_assert(key);
    EVP_PKEY_free(key);
}
