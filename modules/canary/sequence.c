/* SPDX-License-Identifier: Apache-2.0 */
/* Names are hashed with their lengths, so that none runs into the next. Numbers go in byte by byte:
 * instances may be machines of different kinds. */
#include "canary/sequence.h"

#include <openssl/evp.h>
#include <string.h>

#include "canary/schedule.h"

static bool add_number(EVP_MD_CTX *md, uint64_t v)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(v >> 8 * i);
    return EVP_DigestUpdate(md, bytes, sizeof bytes) == 1;
}

/* Weights without what they have in common: 95 and 5 are 19 and 1. */
static bool add_all(EVP_MD_CTX *md, const struct weir_slice *names, const uint32_t *weights,
                    size_t n, uint64_t common)
{
    bool good = true;
    for (size_t i = 0; good && i < n; i++)
        good = add_number(md, names[i].n) && EVP_DigestUpdate(md, names[i].p, names[i].n) == 1 &&
               add_number(md, weights[i] / common);
    return good;
}

bool sequence_of(const struct weir_slice *names, const uint32_t *weights, size_t n,
                 struct sequence *out)
{
    char reason[SCHEDULE_REASON];
    unsigned char digest[EVP_MAX_MD_SIZE];
    uint64_t sum = 0;
    if (!schedule_check(weights, n, &out->length, reason))
        return false;
    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const bool good = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
                      add_all(md, names, weights, n, sum / out->length) &&
                      EVP_DigestFinal_ex(md, digest, NULL) == 1;
    EVP_MD_CTX_free(md);
    out->digest = 0;
    for (unsigned i = 0; good && i < 8; i++)
        out->digest = out->digest << 8 | digest[i];
    return good;
}
