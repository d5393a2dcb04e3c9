/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_JWT_BASE64_H
#define WEIR_AUTH_JWT_BASE64_H

/* Base64 that has one spelling for each value (RFC 4648 3.5, 3.3): no white space, no stray
 * characters, no bits left over. Two texts of one token would be two entries in a cache, two lines
 * in somebody's list of revoked tokens. */

#include <stdint.h>

#include <weir/module.h>

enum jwt_base64 {
    JWT_BASE64_URL,    /* '-' and '_', no padding: tokens and keys (RFC 7515 2) */
    JWT_BASE64_PADDED, /* '+' and '/', padded: Basic (RFC 7617) */
};

/* How many bytes n characters decode to, at most. */
#define JWT_BASE64_ROOM(n) ((n) / 4 * 3 + 3)

/* Writes up to JWT_BASE64_ROOM(text.n) bytes and gives their number. False on anything else than
 * the one right spelling; an empty text is right. */
bool jwt_base64_decode(struct weir_slice text, enum jwt_base64 alphabet, uint8_t *to, size_t *n);

#endif
