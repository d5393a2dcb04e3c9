/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_APIKEYS_H
#define WEIR_AUTH_APIKEYS_H

/* API keys, of which the file holds the SHA-256 only:
 *
 *     # NAME SHA256HEX [claim=value ...]
 *     shop  9f86d0...  tier=gold groups=partner groups=eu
 *
 * `printf %s KEY | sha256sum` makes one. A name may have several keys, so that they can be changed
 * without a gap. SHA-256 without salt is right for keys of a generator's making, not for words that
 * somebody thought up; so short ones are refused whatever the file says. */

#include <stdint.h>

#include "auth/fault.h"

enum {
    APIKEYS_HASH = 32, /* bytes */
    APIKEYS_TEXT_PRESET =
        2 * 1024 * 1024,        /* bytes of a file: 10000 keys with 100 bytes of claims */
    APIKEYS_CLAIMS_MAX = 64,    /* of one key */
    APIKEYS_NAME_MAX = 128,     /* bytes */
    APIKEYS_PRESENTED_MIN = 16, /* characters */
};

struct apikeys_key {
    struct weir_slice name;          /* of the text */
    const struct weir_claim *claims; /* of the set */
    size_t claims_n;
    uint8_t hash[APIKEYS_HASH];  /* SHA-256 of the key */
    uint8_t order[APIKEYS_HASH]; /* HMAC of that */
    int line;
};

/* Immutable once it is parsed. */
struct apikeys {
    char *text;                /* owned */
    struct apikeys_key *keys;  /* owned; in the order of `order` */
    struct weir_claim *claims; /* owned; of all keys */
    size_t n, claims_n;
    uint8_t secret[APIKEYS_HASH]; /* of the HMAC; random */
};

/* A file without keys is right (the last one may be taken away). False with a fault, and *out
 * empty, on any malformed line, a hash that stands there twice, and over the limits. How long the
 * text may be is the caller's affair; it bounds the number of keys. */
bool apikeys_parse(struct weir_slice text, struct apikeys *out, struct auth_fault *fault);
void apikeys_free(struct apikeys *k);

/* NULL: there is no such key, or what was presented is shorter than APIKEYS_PRESENTED_MIN.
 * Borrowed. */
const struct apikeys_key *apikeys_find(const struct apikeys *k, struct weir_slice presented);

#endif
