/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_JWT_H
#define WEIR_AUTH_JWT_H

/* Is this token one of ours, and does it hold now? A JSON Web Token (RFC 7519) in a compact JSON
 * Web Signature (RFC 7515 7.1), as strictly as RFC 8725 asks for.
 *
 *     struct jwt_token token;
 *     enum jwt_fault f = jwt_verify(text, &keys, &rules, wall_s, &token);
 *     if (f == JWT_OK) ...
 *     jwt_token_free(&token);
 *
 * Keys come from `keys` alone: what a token's header says about keys (jwk, jku, x5c, x5u) is never
 * used, but for `kid`, which selects. A key without a `kid` verifies only tokens without one. Pure:
 * no clock, no state; any process. */

#include <jansson.h>

#include "auth/jwks.h"

enum {
    JWT_SIZE_PRESET = 8 * 1024, /* characters: what a header field may have in most servers */
    /* Keys that are tried for a token without `kid`: the current one, the next, the last, and as
     * many again. Each costs a signature's check. */
    JWT_TRIES_MAX = 6,
};

/*        name           word             text for error_description (RFC 6750 3) */
#define JWT_FAULTS(FAULT)                                                                          \
    FAULT(OK, "ok", "the token is good")                                                           \
    FAULT(TOO_LONG, "too_long", "the token is too long")                                           \
    FAULT(MALFORMED, "malformed", "the token isn't a compact JWS")                                 \
    FAULT(HEADER, "header", "the token's header is malformed")                                     \
    FAULT(ALG, "alg", "the token's algorithm isn't allowed")                                       \
    FAULT(CRIT, "crit", "the token needs an extension that isn't understood")                      \
    FAULT(TYP, "typ", "the token is of another type")                                              \
    FAULT(KEY, "key", "the token's key isn't known")                                               \
    FAULT(KID, "kid", "the token doesn't say which of many keys it is signed by")                  \
    FAULT(SIGNATURE, "signature", "the token's signature is wrong")                                \
    FAULT(PAYLOAD, "payload", "the token's claims aren't a JSON object")                           \
    FAULT(CLAIM, "claim", "a registered claim of the token has a wrong type")                      \
    FAULT(ENDLESS, "endless", "the token has no expiry")                                           \
    FAULT(EXPIRED, "expired", "the token has expired")                                             \
    FAULT(EARLY, "early", "the token isn't valid yet")                                             \
    FAULT(ISSUER, "issuer", "the token is from another issuer")                                    \
    FAULT(AUDIENCE, "audience", "the token is for another audience")                               \
    FAULT(MEMORY, "memory", "the token couldn't be checked")

enum jwt_fault {
#define FAULT(name, word, text) JWT_##name,
    JWT_FAULTS(FAULT)
#undef FAULT
        JWT_FAULTS_N
};

/* What a token has to fulfil. Borrowed texts. */
struct jwt_rules {
    unsigned algs;                      /* set of enum jwt_alg */
    struct weir_slice issuer;           /* absent: any. Else `iss`, byte for byte */
    const struct weir_slice *audiences; /* one of them in `aud`; none: any */
    size_t audiences_n;
    struct weir_slice typ; /* absent: any. Else `typ`, with or without "application/"
                              (RFC 7515 4.1.9), in any case */
    bool endless;          /* a token without `exp` is good for ever */
    uint64_t skew_s;       /* how wrong the issuer's clock may be */
    size_t size_max;       /* characters; 0: JWT_SIZE_PRESET */
};

struct jwt_token {
    json_t *claims; /* owned; an object */
    uint64_t exp_s; /* seconds since 1970, without skew; UINT64_MAX: never */
    enum jwt_alg alg;
};

/* *out is empty unless JWT_OK. `now_s`: seconds since 1970. JWT_KEY may mean that the issuer has
 * new keys. */
enum jwt_fault jwt_verify(struct weir_slice token, const struct jwks *keys,
                          const struct jwt_rules *rules, uint64_t now_s, struct jwt_token *out);
void jwt_token_free(struct jwt_token *t);

/* A word for the log; a text for the client, of characters that error_description may have. */
const char *jwt_fault_word(enum jwt_fault f);
const char *jwt_fault_text(enum jwt_fault f);

#endif
