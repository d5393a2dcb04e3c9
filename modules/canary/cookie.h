/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_COOKIE_H
#define WEIR_CANARY_COOKIE_H

/* Cookies that the gateway sets: an id that keeps a user where it is, and the variant's name for
 * others to read. An id is 128 random bits; signed, it is followed by a point and a signature, so
 * that nobody can look for an id that lies in the variant of their choice. Pure but for the random
 * bits; any process. */

#include <stddef.h>
#include <stdint.h>

#include <weir/module.h>

enum {
    COOKIE_ID = 22, /* 128 bits in base64url (RFC 4648 5), without padding */
    COOKIE_SIGNED = 2 * COOKIE_ID + 1,
    COOKIE_KEY_MIN = 32, /* bytes of a key */
    COOKIE_REASON = 200,
};

enum same_site { SAME_SITE_LAX, SAME_SITE_STRICT, SAME_SITE_NONE };

struct cookie_attributes {
    struct weir_slice path, domain; /* domain empty: only the host itself */
    uint64_t max_age_s;             /* 0: until the browser ends */
    bool secure, http_only;
    enum same_site same_site;
};

/* Can a cookie have this name, and these attributes? False: what is wrong, and what to do. */
bool cookie_ok(struct weir_slice name, const struct cookie_attributes *a,
               char reason[COOKIE_REASON]);
/* Can this stand as a value? RFC 6265 4.1.1. */
bool cookie_value_ok(struct weir_slice value);

/* False: OpenSSL has no random bits. */
bool cookie_new_id(char id[COOKIE_ID]) __attribute__((warn_unused_result));
/* The id with its signature: HMAC-SHA-256 over the cookie's name and the id, truncated to 128 bits.
 * False: OpenSSL refuses. */
bool cookie_sign(struct weir_slice key, struct weir_slice name, const char id[COOKIE_ID],
                 char out[COOKIE_SIGNED]) __attribute__((warn_unused_result));
/* The id of a value whose signature is right; takes the same time wherever it is wrong. */
bool cookie_verify(struct weir_slice key, struct weir_slice name, struct weir_slice value,
                   struct weir_slice *id) __attribute__((warn_unused_result));

/* The value of Set-Cookie; *n gets its length. False: it is longer than `size`. Over https it is
 * Secure in any case. */
bool cookie_text(char *to, size_t size, size_t *n, struct weir_slice name, struct weir_slice value,
                 const struct cookie_attributes *a, bool https);

#endif
