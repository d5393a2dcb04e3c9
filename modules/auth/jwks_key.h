/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_JWKS_KEY_H
#define WEIR_AUTH_JWKS_KEY_H

/* One key, out of the members of a JSON Web Key. */

#include <jansson.h>
#include <openssl/evp.h>

#include "auth/jwt_alg.h"

/* NULL, with a static text, when the members are missing, malformed, too short or no key; for
 * EVP_PKEY_free(). Leaves nothing in OpenSSL's queue of errors. */
EVP_PKEY *jwks_key_new(const json_t *jwk, enum jwt_key_type type, const char **why);

#endif
