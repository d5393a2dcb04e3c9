/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_AUTH_CASE_H
#define WEIR_TESTS_AUTH_CASE_H

/* The other side of the module auth: keys that sign, as an issuer has them, their JSON Web Keys,
 * and tokens of any content. Everything lies in one arena; auth_begin() and auth_end() frame a
 * test. It uses none of the module's code for keys and signatures. */

#include "auth/jwt.h"
#include "base/arena.h"
#include "base/check.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static struct arena arena;

static inline void auth_begin(void)
{
    arena_init(&arena, NULL, 0);
}

static inline void auth_end(void)
{
    arena_fini(&arena);
}

static inline struct weir_slice text(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

#define printed(...) arena_printf(&arena, __VA_ARGS__)

static inline const char *base64url(const void *p, size_t n)
{
    char *to = arena_alloc(&arena, n / 3 * 4 + 5);
    int len = EVP_EncodeBlock((uint8_t *)to, p, (int)n);
    while (len && to[len - 1] == '=')
        len--;
    to[len] = '\0';
    for (char *c = to; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return to;
}

static inline const char *base64url_text(const char *s)
{
    return base64url(s, strlen(s));
}

/* -- keys -------------------------------------------------------------------------------------- */

static inline void free_pkey(void *key)
{
    EVP_PKEY_free(key);
}

static inline EVP_PKEY *kept(EVP_PKEY *key)
{
    cr_assert(key);
    arena_on_end(&arena, free_pkey, key);
    return key;
}

/* Of EVP_PKEY_RSA (so many bits), EVP_PKEY_EC (that curve) or EVP_PKEY_ED25519 (0). */
static inline EVP_PKEY *new_key(int type, int detail)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
    cr_assert(ctx && EVP_PKEY_keygen_init(ctx) > 0);
    if (type == EVP_PKEY_RSA)
        cr_assert(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, detail) > 0);
    if (type == EVP_PKEY_EC)
        cr_assert(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, detail) > 0);
    cr_assert(EVP_PKEY_keygen(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    return kept(key);
}

static inline EVP_PKEY *new_secret(const void *p, size_t n)
{
    return kept(EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, p, n));
}

/* RSA 2048, the same in each test: making one takes up to a second. */
static inline EVP_PKEY *rsa_key(void)
{
    static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDBzPIeK+z/ns2U\n"
                              "TKBRtFJ9rPIpF2AqhclIbhv7Wn/xKx5DCUE5lz4N/m1z2T+6V/pQHsl7sWVHxO8C\n"
                              "4EW0k5cXokg8yIc20VCu9aKGBFLoM124ATfVBrkbjuGhdGmPFqcAPyOaYT2bObIN\n"
                              "fMjiLRKwGdFsFDkukn0h9ATsxKWJcYasXFKMIEPIOhavb3PkPPkJVF6/tJ2TDbr5\n"
                              "Wn0n86OXUJljbyWUjYiAT+v0kWr16L/V+fZ0Vu51lJ9nxQGRSgHbF4zyU+7q49y6\n"
                              "0lml6YpOMAUYIBwI99hSO+8Aqt5AkWC6v0uTqv2+92QUW9T63HeucSezOpyWL8vc\n"
                              "LrOfLSmPAgMBAAECggEABzR74eRHLN+2C+fnY/I8yOBXpnBwilQr/g3d63PbYtd0\n"
                              "ChD7hE0bqQCHCDIQ/PgNXdIvMnKPbeIj8qrs3IBKMz48ykm4QTD5+281ah8aB/j0\n"
                              "6ITfEwPreNtQhyShUgkJD2jJhZFM7YrxFDBJ9aKwWay0DP0ZfSJEFbGRR04uS1RE\n"
                              "99ZIK9vbmc178esjj3YOoFFa30R03/sn5n8NtxjQAm2yaVxv0ueG+vqbIiqVU25g\n"
                              "TF3PBSEszjQnuFtse5yXgmYmqclZyUPSFPdtju/DKccoRAOmBX0oKzU49BmtsOpy\n"
                              "Cvn6K7RzKZmqWXCJurtTFCDM72ZpP0EiLdvKst4F/QKBgQD86yw0eGS8N5slgCDm\n"
                              "DQUR5Y7ho82ft/01diNf44kjLmbcXkrFsHZJsha1xqRrLQ7nzzSsHCDtKctwQwDl\n"
                              "IDyBvlbXfXjJMEe10koTJRMRVWqc5J2mbM2PcacD6f0PtD0d43JLHTeu7umVk8l+\n"
                              "3bUKDg8HVGOHz2OgV/kZIJZiqwKBgQDEKWPPeIr99eXxTNKFytxGFR3Hbql1e6is\n"
                              "bK7RZE0tHhUYlNbrYuym7ZPSVeG0gFUQvPLZgdmoDYlqWTuXUNdgl7gIuuIFkNV7\n"
                              "qyvP8op/Uv3TCcD4uKwvhHKmISwELQR3Odpoq/hkMF4Vn2vPmPjMMX72DyljFoE1\n"
                              "3dYJloV0rQKBgAmsyV0ceeYFTocJtrh2KQp9OJEDHhuNAz+nTEUfxCA3ZzHo3X1g\n"
                              "ebXp/RppBeMfryFI+N/Yl53a6nBZ78/UAtyHtnS51QQFN8kJyVGgKnGQTerAiBNU\n"
                              "uCxTkasBqW+PWoMpLzcWYAnuE7toEt4qhwFidkq2fLQ2R75bfyjp6TbPAoGBALiK\n"
                              "D6HgzzF3oajOEsdXPr6Xovo5eyZQ/S+o1xWZ/JjTUhlb/IxY9jVcD9KyhLFggaZL\n"
                              "e1NwOylEAuCPreX+YYA3eySLW5LM3GmJcKAilnSNyMg+xtG2OhZBzfHIBzaueyMG\n"
                              "xBfwoK7wabKB1dTpHjZK4hvty4uyYkAgv/kpJ8fJAoGBALLIroL1ugNTTdOJwwHX\n"
                              "P7QDDcsqDL1vGgxWchOfvhzMoJcoQ1hVbhIHCWm5tXKNyKpnA1ZSkVgxn3HWTT4e\n"
                              "aiVLSrUtJF7gwGG2x+ceEkHDG3rPW6f7/tnP+6bUFqC8vSvofHvjAqq6B0ysslH4\n"
                              "Q8wi1746ns1dzWz+4IGMrO73\n"
                              "-----END PRIVATE KEY-----\n";
    BIO *bio = BIO_new_mem_buf(pem, sizeof pem - 1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return kept(key);
}

/* RSA: always the same; a new one otherwise. */
static inline EVP_PKEY *key_for(enum jwt_alg alg)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef";
    switch (alg) {
    case JWT_ALG_ES256:
        return new_key(EVP_PKEY_EC, NID_X9_62_prime256v1);
    case JWT_ALG_ES384:
        return new_key(EVP_PKEY_EC, NID_secp384r1);
    case JWT_ALG_EdDSA:
        return new_key(EVP_PKEY_ED25519, 0);
    case JWT_ALG_HS256:
        return new_secret(secret, sizeof secret - 1);
    default:
        return rsa_key();
    }
}

/* The last bytes of a SubjectPublicKeyInfo are the key itself: the point, or (exponent 65537, as
 * OpenSSL makes them) the modulus and five bytes more. */
static inline struct weir_slice info_tail(EVP_PKEY *key, size_t n)
{
    uint8_t *der = NULL;
    const int all = i2d_PUBKEY(key, &der);
    cr_assert_gt(all, (int)n);
    struct slice tail = arena_dup(&arena, slice_of((char *)der + (size_t)all - n, n));
    OPENSSL_free(der);
    return (struct weir_slice){tail.p, tail.n};
}

/* The members of a key that say what it is: "\"kty\":...". */
static inline const char *jwk_members(EVP_PKEY *key)
{
    uint8_t raw[128];
    size_t n = sizeof raw;
    size_t bytes; /* OpenSSL 3.5 takes it for an error to ask for those of an HMAC's key */
    switch (EVP_PKEY_base_id(key)) {
    case EVP_PKEY_RSA:
        bytes = ((size_t)EVP_PKEY_bits(key) + 7) / 8;
        return printed("\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"%s\"",
                       base64url(info_tail(key, bytes + 5).p, bytes));
    case EVP_PKEY_EC: {
        bytes = ((size_t)EVP_PKEY_bits(key) + 7) / 8;
        const char *point = info_tail(key, 2 * bytes).p;
        return printed("\"kty\":\"EC\",\"crv\":\"P-%zu\",\"x\":\"%s\",\"y\":\"%s\"", bytes * 8,
                       base64url(point, bytes), base64url(point + bytes, bytes));
    }
    case EVP_PKEY_ED25519:
        cr_assert(EVP_PKEY_get_raw_public_key(key, raw, &n));
        return printed("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"", base64url(raw, n));
    default:
        cr_assert(EVP_PKEY_get_raw_private_key(key, raw, &n));
        return printed("\"kty\":\"oct\",\"k\":\"%s\"", base64url(raw, n));
    }
}

/* A set of these keys; each is the inside of an object. NULL ends them. */
static inline const char *jwks_text(const char *first, const char *second)
{
    return second ? printed("{\"keys\":[{%s},{%s}]}", first, second)
                  : printed("{\"keys\":[{%s}]}", first);
}

static inline void free_set(void *set)
{
    jwks_free(set);
}

/* Of one key or two, as from a file; it has to be good. */
static inline struct jwks *set_of(const char *first, const char *second)
{
    struct auth_fault fault;
    struct jwks *set = ARENA_NEW(&arena, struct jwks);
    cr_assert(jwks_parse(text(jwks_text(first, second)), JWKS_FILE, set, &fault), "%s", fault.text);
    arena_on_end(&arena, free_set, set);
    return set;
}

/* -- tokens ------------------------------------------------------------------------------------ */

static inline const EVP_MD *digest_for(enum jwt_alg alg)
{
    return alg == JWT_ALG_EdDSA                           ? NULL
           : alg == JWT_ALG_RS384 || alg == JWT_ALG_ES384 ? EVP_sha384()
           : alg == JWT_ALG_RS512                         ? EVP_sha512()
                                                          : EVP_sha256();
}

/* r and s, each in full length. */
static inline const char *raw_ecdsa(const uint8_t *der, size_t n, int half)
{
    uint8_t raw[96];
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    cr_assert(sig);
    cr_assert(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half) == half);
    cr_assert(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half) == half);
    ECDSA_SIG_free(sig);
    return base64url(raw, 2 * (size_t)half);
}

/* base64url of the signature; `salt` is PS256's. */
static inline const char *signature_with(EVP_PKEY *key, enum jwt_alg alg, const char *content,
                                         int salt)
{
    uint8_t sig[1024];
    size_t n = sizeof sig;
    EVP_PKEY_CTX *pss = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    cr_assert(EVP_DigestSignInit(ctx, &pss, digest_for(alg), NULL, key) == 1);
    if (alg == JWT_ALG_PS256)
        cr_assert(EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING) > 0 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(pss, salt) > 0);
    cr_assert(EVP_DigestSign(ctx, sig, &n, (const uint8_t *)content, strlen(content)) == 1);
    EVP_MD_CTX_free(ctx);
    if (alg == JWT_ALG_ES256 || alg == JWT_ALG_ES384)
        return raw_ecdsa(sig, n, alg == JWT_ALG_ES256 ? 32 : 48);
    return base64url(sig, n);
}

static inline const char *content_of(const char *header, const char *payload)
{
    return printed("%s.%s", base64url_text(header), base64url_text(payload));
}

static inline const char *token_with(EVP_PKEY *key, enum jwt_alg alg, const char *header,
                                     const char *payload)
{
    const char *content = content_of(header, payload);
    return printed("%s.%s", content, signature_with(key, alg, content, 32));
}

static inline const char *token_of(EVP_PKEY *key, enum jwt_alg alg, const char *payload)
{
    return token_with(key, alg, printed("{\"alg\":\"%s\"}", jwt_alg_name(alg)), payload);
}

#endif
