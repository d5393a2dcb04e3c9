/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_JWKS_H
#define WEIR_AUTH_JWKS_H

/* A set of keys that tokens are verified with: JSON Web Key Set (RFC 7517 5; keys of RFC 7518 6 and
 * RFC 8037 2). RSA of 2048 to 8192 bits, EC on P-256 and P-384, Ed25519, and secrets of 32 bytes or
 * more.
 *
 *     struct jwks set;
 *     struct auth_fault fault;
 *     if (!jwks_parse(text, JWKS_FETCHED, &set, &fault)) ...
 *     jwks_free(&set);
 *
 * A key says by its own members what it may be used for, the token never does: its type gives the
 * algorithms, `alg` leaves one of them, `use` and `key_ops` may take all away. Members that only a
 * private key has are not looked at. A set is immutable; any process may make its own. */

#include <openssl/evp.h>

#include "auth/fault.h"
#include "auth/jwt_alg.h"

enum {
    JWKS_KEYS_MAX = 64,           /* an issuer in the middle of a rotation has three or four */
    JWKS_TEXT_PRESET = 64 * 1024, /* bytes: 64 keys of RSA 4096 fit, without certificates */
    JWKS_RSA_BITS_MIN = 2048,     /* RFC 7518 3.3 */
    JWKS_RSA_BITS_MAX = 8192,     /* what is longer makes verifying expensive for nothing */
    JWKS_SECRET_BYTES_MIN = 32,   /* RFC 7518 3.2: as long as HS256's digest */
};

struct jwks_key {
    char *kid; /* owned; NULL: it has none */
    enum jwt_key_type type;
    unsigned algs;  /* what it may verify, never empty */
    EVP_PKEY *pkey; /* owned */
};

struct jwks {
    struct jwks_key *keys; /* owned */
    size_t n;
    unsigned skipped;        /* keys that were not understood, or aren't for signatures */
    const char *skipped_why; /* of the first one: static text; NULL: none */
};

/* Where a set comes from. Secrets are taken only from the operator's own file: what is published
 * at a URL is no secret. */
enum jwks_source { JWKS_FETCHED, JWKS_FILE };

/* A key that can't be used is skipped, as RFC 7517 5 wants it; a set without any other is false
 * with a fault, and so is one with too many. *out is empty then. How long the text may be is the
 * caller's affair. */
bool jwks_parse(struct weir_slice text, enum jwks_source from, struct jwks *out,
                struct auth_fault *fault);
void jwks_free(struct jwks *set);

#endif
