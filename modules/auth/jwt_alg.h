/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_JWT_ALG_H
#define WEIR_AUTH_JWT_ALG_H

/* The signatures that tokens may have (RFC 7518 3.1, RFC 8037 3.1), each with the one type of key
 * that it is made by. There is no entry for "none", so no setting can allow it; and a key never
 * serves another type's algorithm, so a public key is never taken for a secret (RFC 8725 2.1). */

#include <weir/module.h>

/*      name   key      digest */
#define JWT_ALGS(ALG)                                                                              \
    ALG(RS256, RSA, EVP_sha256)                                                                    \
    ALG(RS384, RSA, EVP_sha384)                                                                    \
    ALG(RS512, RSA, EVP_sha512)                                                                    \
    ALG(PS256, RSA, EVP_sha256)                                                                    \
    ALG(ES256, P256, EVP_sha256)                                                                   \
    ALG(ES384, P384, EVP_sha384)                                                                   \
    ALG(EdDSA, ED25519, NULL)                                                                      \
    ALG(HS256, OCT, EVP_sha256)

enum jwt_alg {
#define ALG(name, key, digest) JWT_ALG_##name,
    JWT_ALGS(ALG)
#undef ALG
        JWT_ALGS_N
};

enum jwt_key_type { JWT_KEY_RSA, JWT_KEY_P256, JWT_KEY_P384, JWT_KEY_ED25519, JWT_KEY_OCT };

/* Sets of algorithms are bits. */
enum {
    JWT_ALGS_ALL = (1 << JWT_ALGS_N) - 1,
    JWT_ALGS_PUBLIC = JWT_ALGS_ALL & ~(1 << JWT_ALG_HS256),
};

static inline unsigned jwt_alg_bit(enum jwt_alg a)
{
    return 1u << a;
}

/* By its exact name: "rs256" is none, as "None" is none. */
bool jwt_alg_find(struct weir_slice name, enum jwt_alg *out);
const char *jwt_alg_name(enum jwt_alg a);
/* The set of those that this type of key makes. */
unsigned jwt_alg_set(enum jwt_key_type t);

#endif
