/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures: those of the standards, those that OpenSSL makes, and what is near them. */
#include "auth/jwt_signature.h"
#include "auth/jwt_base64.h"
#include "tests/unit/auth_case.h"

#include <openssl/err.h>

TestSuite(auth_jwt_signature, .init = auth_begin, .fini = auth_end);

static struct weir_slice decoded(const char *base64)
{
    size_t n;
    uint8_t *to = arena_alloc(&arena, JWT_BASE64_ROOM(strlen(base64)));
    cr_assert(jwt_base64_decode(text(base64), JWT_BASE64_URL, to, &n));
    return (struct weir_slice){(char *)to, n};
}

static bool check(const struct jwks *set, enum jwt_alg alg, const char *content,
                  struct weir_slice signature)
{
    const bool good = jwt_signature_ok(&set->keys[0], alg, text(content), signature);
    cr_assert_eq(ERR_peek_error(), 0, "OpenSSL's queue of errors isn't empty");
    return good;
}

Test(auth_jwt_signature, takes_what_openssl_signs)
{
    for (int i = 0; i < JWT_ALGS_N; i++) {
        const enum jwt_alg alg = (enum jwt_alg)i;
        EVP_PKEY *key = key_for(alg);
        const struct jwks *set = set_of(jwk_members(key), NULL);
        const struct weir_slice sig = decoded(signature_with(key, alg, "content", 32));
        cr_assert(check(set, alg, "content", sig), "%s", jwt_alg_name(alg));
        cr_assert_not(check(set, alg, "Content", sig), "%s", jwt_alg_name(alg));
        cr_assert_not(check(set, alg, "content", (struct weir_slice){sig.p, sig.n - 1}));
        cr_assert_not(check(set, alg, "content", (struct weir_slice){sig.p, 0}));
        ((char *)sig.p)[sig.n / 2] ^= 1;
        cr_assert_not(check(set, alg, "content", sig), "%s", jwt_alg_name(alg));
    }
}

Test(auth_jwt_signature, runs_no_algorithm_that_the_key_does_not_have)
{
    EVP_PKEY *key = key_for(JWT_ALG_RS256);
    const char *members = jwk_members(key);
    const struct jwks *bound = set_of(printed("%s,\"alg\":\"PS256\"", members), NULL);
    const struct weir_slice sig = decoded(signature_with(key, JWT_ALG_RS256, "content", 0));
    cr_assert(check(set_of(members, NULL), JWT_ALG_RS256, "content", sig));
    cr_assert_not(check(bound, JWT_ALG_RS256, "content", sig));
    for (int i = 0; i < JWT_ALGS_N; i++)
        cr_assert_eq(check(set_of(members, NULL), (enum jwt_alg)i, "content", sig),
                     i == JWT_ALG_RS256);
}

Test(auth_jwt_signature, wants_a_salt_as_long_as_the_digest)
{
    EVP_PKEY *key = key_for(JWT_ALG_PS256);
    const struct jwks *set = set_of(jwk_members(key), NULL);
    for (int salt = 20; salt <= 44; salt += 12) {
        const struct weir_slice sig = decoded(signature_with(key, JWT_ALG_PS256, "content", salt));
        cr_assert_eq(check(set, JWT_ALG_PS256, "content", sig), salt == 32, "salt %d", salt);
    }
}

Test(auth_jwt_signature, wants_r_and_s_in_exact_length)
{
    EVP_PKEY *key = key_for(JWT_ALG_ES256);
    const struct jwks *set = set_of(jwk_members(key), NULL);
    const struct weir_slice sig = decoded(signature_with(key, JWT_ALG_ES256, "content", 0));
    char longer[66] = {0};
    memcpy(longer + 1, sig.p, 32);
    memcpy(longer + 34, sig.p + 32, 32);
    cr_assert_eq(sig.n, 64);
    cr_assert(check(set, JWT_ALG_ES256, "content", sig));
    cr_assert_not(check(set, JWT_ALG_ES256, "content", (struct weir_slice){longer, 66}));
    memcpy(longer, sig.p, 64);
    cr_assert_not(check(set, JWT_ALG_ES256, "content", (struct weir_slice){longer, 65}));
    cr_assert_not(check(set, JWT_ALG_ES256, "content", (struct weir_slice){longer, 63}));
}

Test(auth_jwt_signature, takes_no_der_and_no_zeros_of_ecdsa)
{
    EVP_PKEY *key = key_for(JWT_ALG_ES384);
    const struct jwks *set = set_of(jwk_members(key), NULL);
    uint8_t der[256];
    size_t n = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    cr_assert(EVP_DigestSignInit(ctx, NULL, EVP_sha384(), NULL, key) == 1 &&
              EVP_DigestSign(ctx, der, &n, (const uint8_t *)"content", 7) == 1);
    EVP_MD_CTX_free(ctx);
    cr_assert_not(check(set, JWT_ALG_ES384, "content", (struct weir_slice){(char *)der, n}));
    memset(der, 0, sizeof der);
    cr_assert_not(check(set, JWT_ALG_ES384, "content", (struct weir_slice){(char *)der, 96}));
}
