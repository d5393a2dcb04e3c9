/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_JWT_SIGNATURE_H
#define WEIR_AUTH_JWT_SIGNATURE_H

/* Signatures as RFC 7518 3 and RFC 8037 3.1 write them. */

#include "auth/jwks.h"

enum { JWT_SIGNATURE_MAX = JWKS_RSA_BITS_MAX / 8 };

/* Did this key sign `content`? False also when the algorithm isn't one of the key's. Leaves nothing
 * in OpenSSL's queue of errors. Any process. */
bool jwt_signature_ok(const struct jwks_key *key, enum jwt_alg alg, struct weir_slice content,
                      struct weir_slice signature);

#endif
