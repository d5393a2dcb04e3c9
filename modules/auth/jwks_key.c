/* SPDX-License-Identifier: Apache-2.0 */
/* From the members of a JSON Web Key to a key of OpenSSL's.
 *
 * OpenSSL 1.1.1 and 3.x have no common way to put a key together from its numbers, but both read a
 * SubjectPublicKeyInfo. So that is what is made here, by OpenSSL's own writers of ASN.1, and there
 * is one path for all versions. Reading it also checks that a point lies on its curve. */
#include "auth/jwks_key.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <stdlib.h>
#include <string.h>

#include "auth/jwks.h"
#include "auth/jwt_base64.h"

/* A decoded member. */
struct octets {
    uint8_t *p; /* owned */
    size_t n;
};

static bool decode(const json_t *jwk, const char *name, struct octets *out)
{
    const json_t *v = json_object_get(jwk, name);
    const struct weir_slice text = {json_string_value(v), json_string_length(v)};
    *out = (struct octets){0};
    if (!text.n)
        return false;
    out->p = malloc(JWT_BASE64_ROOM(text.n));
    return out->p && jwt_base64_decode(text, JWT_BASE64_URL, out->p, &out->n) && out->n;
}

static void wipe(struct octets *o)
{
    OPENSSL_cleanse(o->p, o->n);
    free(o->p);
    *o = (struct octets){0};
}

/* -- SubjectPublicKeyInfo (RFC 5280 4.1) ------------------------------------------------------- */

/* What stands in it: an algorithm, its parameter, and `bits`, which it takes over. */
struct info {
    int algorithm;
    int parameter_type;
    void *parameter;
    struct octets bits; /* from OPENSSL_malloc() */
};

static EVP_PKEY *key_of(const struct info *i)
{
    X509_PUBKEY *info = X509_PUBKEY_new();
    uint8_t *der = NULL;
    if (!info || X509_PUBKEY_set0_param(info, OBJ_nid2obj(i->algorithm), i->parameter_type,
                                        i->parameter, i->bits.p, (int)i->bits.n) != 1) {
        OPENSSL_free(i->bits.p);
        X509_PUBKEY_free(info);
        return NULL;
    }
    const int n = i2d_X509_PUBKEY(info, &der);
    const uint8_t *at = der;
    EVP_PKEY *key = n > 0 ? d2i_PUBKEY(NULL, &at, n) : NULL;
    OPENSSL_free(der);
    X509_PUBKEY_free(info);
    return key;
}

/* -- RSA (RFC 7518 6.3.1) ---------------------------------------------------------------------- */

/* SEQUENCE { n, e } (RFC 8017 A.1.1). */
static struct octets rsa_bits(const BIGNUM *n, const BIGNUM *e)
{
    struct octets out = {0};
    ASN1_INTEGER *n_text = BN_to_ASN1_INTEGER(n, NULL), *e_text = BN_to_ASN1_INTEGER(e, NULL);
    const int content = i2d_ASN1_INTEGER(n_text, NULL) + i2d_ASN1_INTEGER(e_text, NULL);
    const int all = ASN1_object_size(1, content, V_ASN1_SEQUENCE);
    if (n_text && e_text && all > 0 && (out.p = OPENSSL_malloc((size_t)all))) {
        uint8_t *at = out.p;
        ASN1_put_object(&at, 1, content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
        i2d_ASN1_INTEGER(n_text, &at);
        i2d_ASN1_INTEGER(e_text, &at);
        out.n = (size_t)all;
    }
    ASN1_INTEGER_free(n_text);
    ASN1_INTEGER_free(e_text);
    return out;
}

static bool rsa_fits(const BIGNUM *n, const BIGNUM *e, const char **why)
{
    const int bits = BN_num_bits(n);
    *why = "RSA of less than 2048 bits";
    if (bits < JWKS_RSA_BITS_MIN)
        return false;
    *why = "RSA of more than 8192 bits";
    if (bits > JWKS_RSA_BITS_MAX)
        return false;
    *why = "its modulus or its exponent is no number of RSA's";
    return BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= 64;
}

static EVP_PKEY *rsa_new(const json_t *jwk, const char **why)
{
    struct octets n_bytes, e_bytes = {0};
    EVP_PKEY *key = NULL;
    BIGNUM *n = NULL, *e = NULL;
    *why = "its \"n\" or \"e\" is missing or isn't base64url";
    if (!decode(jwk, "n", &n_bytes) || !decode(jwk, "e", &e_bytes))
        goto out;
    *why = "no memory";
    n = BN_bin2bn(n_bytes.p, (int)n_bytes.n, NULL);
    e = BN_bin2bn(e_bytes.p, (int)e_bytes.n, NULL);
    if (n && e && rsa_fits(n, e, why))
        key = key_of(&(struct info){NID_rsaEncryption, V_ASN1_NULL, NULL, rsa_bits(n, e)});
out:
    BN_free(n);
    BN_free(e);
    wipe(&n_bytes);
    wipe(&e_bytes);
    return key;
}

/* -- the others -------------------------------------------------------------------------------- */

/* RFC 7518 6.2.1: both coordinates in full length. */
static EVP_PKEY *ec_new(const json_t *jwk, enum jwt_key_type type, const char **why)
{
    const size_t n = type == JWT_KEY_P256 ? 32 : 48;
    const int curve = type == JWT_KEY_P256 ? NID_X9_62_prime256v1 : NID_secp384r1;
    struct octets x, y = {0}, point = {0};
    EVP_PKEY *key = NULL;
    *why = "its \"x\" or \"y\" is missing, isn't base64url or has another length than its curve";
    if (!decode(jwk, "x", &x) || !decode(jwk, "y", &y) || x.n != n || y.n != n)
        goto out;
    *why = "its point isn't on its curve";
    point = (struct octets){OPENSSL_malloc(1 + 2 * n), 1 + 2 * n};
    if (!point.p)
        goto out;
    point.p[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point.p + 1, x.p, n);
    memcpy(point.p + 1 + n, y.p, n);
    key =
        key_of(&(struct info){NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, OBJ_nid2obj(curve), point});
out:
    wipe(&x);
    wipe(&y);
    return key;
}

/* RFC 8037 2, with RFC 8032 5.1.5. */
static EVP_PKEY *ed25519_new(const json_t *jwk, const char **why)
{
    struct octets x;
    EVP_PKEY *key = NULL;
    *why = "its \"x\" is missing, or isn't base64url of 32 bytes";
    if (decode(jwk, "x", &x) && x.n == 32)
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.p, x.n);
    wipe(&x);
    return key;
}

/* RFC 7518 6.4. */
static EVP_PKEY *oct_new(const json_t *jwk, const char **why)
{
    struct octets k;
    EVP_PKEY *key = NULL;
    *why = "its \"k\" is missing or isn't base64url";
    if (decode(jwk, "k", &k)) {
        *why = "a secret of less than 32 bytes";
        if (k.n >= JWKS_SECRET_BYTES_MIN)
            key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, k.p, k.n);
    }
    wipe(&k);
    return key;
}

EVP_PKEY *jwks_key_new(const json_t *jwk, enum jwt_key_type type, const char **why)
{
    EVP_PKEY *key = type == JWT_KEY_RSA       ? rsa_new(jwk, why)
                    : type == JWT_KEY_ED25519 ? ed25519_new(jwk, why)
                    : type == JWT_KEY_OCT     ? oct_new(jwk, why)
                                              : ec_new(jwk, type, why);
    if (!key)
        ERR_clear_error();
    return key;
}
