/* SPDX-License-Identifier: Apache-2.0 */
/* Checks one signature with one key. The key comes first: an algorithm that isn't in its set is
 * never run, whoever asks for it. */
#include "auth/jwt_signature.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

typedef const EVP_MD *digest_fn(void);

static digest_fn *const digests[] = {
#define ALG(name, key, digest) digest,
    JWT_ALGS(ALG)
#undef ALG
};

static const EVP_MD *digest_of(enum jwt_alg alg)
{
    return digests[alg] ? digests[alg]() : NULL;
}

static const uint8_t *bytes_of(struct weir_slice s)
{
    return (const uint8_t *)s.p;
}

/* RFC 7518 3.5: the salt is as long as the digest; MGF1 has the same digest, as by default. */
static bool set_padding(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static bool verify(EVP_PKEY *key, enum jwt_alg alg, struct weir_slice content,
                   struct weir_slice signature)
{
    EVP_PKEY_CTX *padding = NULL; /* of ctx */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool good =
        ctx && EVP_DigestVerifyInit(ctx, &padding, digest_of(alg), NULL, key) == 1 &&
        (alg != JWT_ALG_PS256 || set_padding(padding)) &&
        EVP_DigestVerify(ctx, bytes_of(signature), signature.n, bytes_of(content), content.n) == 1;
    EVP_MD_CTX_free(ctx);
    return good;
}

/* RFC 7518 3.4: r and s in full length, one behind the other; OpenSSL wants them in DER. */
static bool verify_ecdsa(EVP_PKEY *key, enum jwt_alg alg, struct weir_slice content,
                         struct weir_slice signature)
{
    const size_t half = alg == JWT_ALG_ES256 ? 32 : 48;
    if (signature.n != 2 * half)
        return false;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes_of(signature), (int)half, NULL);
    BIGNUM *s = BN_bin2bn(bytes_of(signature) + half, (int)half, NULL);
    uint8_t *der = NULL;
    bool good = false;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* sig's now */
        const int n = i2d_ECDSA_SIG(sig, &der);
        good = n > 0 && verify(key, alg, content, (struct weir_slice){(char *)der, (size_t)n});
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    OPENSSL_free(der);
    return good;
}

static bool verify_hmac(EVP_PKEY *key, enum jwt_alg alg, struct weir_slice content,
                        struct weir_slice signature)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t n = sizeof mac;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool made = ctx && EVP_DigestSignInit(ctx, NULL, digest_of(alg), NULL, key) == 1 &&
                      EVP_DigestSign(ctx, mac, &n, bytes_of(content), content.n) == 1;
    EVP_MD_CTX_free(ctx);
    return made && signature.n == n && CRYPTO_memcmp(mac, signature.p, n) == 0;
}

bool jwt_signature_ok(const struct jwks_key *key, enum jwt_alg alg, struct weir_slice content,
                      struct weir_slice signature)
{
    if (!(key->algs & jwt_alg_bit(alg)))
        return false;
    const bool ecdsa = alg == JWT_ALG_ES256 || alg == JWT_ALG_ES384;
    const bool good = ecdsa                  ? verify_ecdsa(key->pkey, alg, content, signature)
                      : alg == JWT_ALG_HS256 ? verify_hmac(key->pkey, alg, content, signature)
                                             : verify(key->pkey, alg, content, signature);
    if (!good)
        ERR_clear_error();
    return good;
}
