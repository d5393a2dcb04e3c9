/* SPDX-License-Identifier: Apache-2.0 */
#include "io/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

bool secret_digest(struct slice text, struct secret *out)
{
    unsigned n = 0;

    *out = (struct secret){{0}};
    return EVP_Digest(text.p ? text.p : "", text.n, out->digest, &n, EVP_sha256(), NULL) == 1 &&
           n == sizeof out->digest;
}

bool secret_eq(const struct secret *a, const struct secret *b)
{
    return CRYPTO_memcmp(a->digest, b->digest, sizeof a->digest) == 0;
}
