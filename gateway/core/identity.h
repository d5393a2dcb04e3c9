/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_IDENTITY_H
#define WEIR_CORE_IDENTITY_H

/* Who a request comes from, once something has verified it: a token, a certificate. x->identity is
 * NULL while nobody has; what is said here has been checked. Names and values lie in the exchange's
 * arena or live as long. */

#include "base/arena.h"

/* A claim with several values stands there several times. */
struct claim {
    struct slice name, value;
};

struct identity {
    struct slice subject; /* who it is, in the issuer's words */
    struct slice issuer;  /* who says so */
    struct slice method;  /* how that was verified: "jwt", "certificate" */
    const struct claim *claims;
    size_t claims_n;
};

/* The nth value of a claim, from 0; "sub" and "iss" are subject and issuer (RFC 7519 4.1), whatever
 * the claims say. The empty slice with p == NULL when there are not so many, or id is NULL; a value
 * that is there and empty has a p. */
struct slice identity_claim(const struct identity *id, struct slice name, size_t nth);
/* All its values, joined by ","; one alone is given as it lies, several are copied to `a`. */
struct slice identity_claim_all(const struct identity *id, struct slice name, struct arena *a);

#endif
