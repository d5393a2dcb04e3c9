/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a grant: its id, and what its tester shows. There is one spelling of a token, so it
 * is never taken apart: what it should be is written and compared. */
#include "dark_launch/grants.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <stdio.h>

#include "common/slice.h"

bool grant_name_ok(struct weir_slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        const char c = name.p[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && !(c && strchr("._@+-", c)))
            return false;
    }
    return name.n && name.n <= GRANT_NAME_MAX;
}

void grant_id_text(uint64_t id, char to[GRANT_ID_TEXT + 1])
{
    snprintf(to, GRANT_ID_TEXT + 1, "%016" PRIx64, id);
}

bool grant_id_parse(struct weir_slice text, uint64_t *id)
{
    *id = 0;
    if (text.n != GRANT_ID_TEXT)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.p[i];
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'a' && c <= 'f'))
            return false;
        *id = *id << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return *id != 0;
}

/* base64url without padding (RFC 4648 5). */
static void encode(const uint8_t *mac, size_t n, char *to)
{
    char *c = to;
    EVP_EncodeBlock((unsigned char *)to, mac, (int)n);
    for (; *c && *c != '='; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    *c = 0;
}

/* What is signed can be read in one way only: the name stands last, and what is before it has no
 * line end. */
size_t grant_token(struct grant_key key, const struct grant *g, char to[GRANT_TOKEN_MAX])
{
    char id[GRANT_ID_TEXT + 1], text[GRANT_TOKEN_MAX + GRANT_NAME_MAX];
    uint8_t mac[EVP_MAX_MD_SIZE];
    char encoded[2 * EVP_MAX_MD_SIZE];
    unsigned mac_n = 0;
    grant_id_text(g->id, id);
    const int head = snprintf(to, GRANT_TOKEN_MAX, "v1.%s.%" PRIu64 ".", id, g->expires);
    const int n =
        snprintf(text, sizeof text, "weir dark grant\n%s\n%.*s", to, (int)g->name_n, g->name);
    if (!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text, (size_t)n, mac, &mac_n))
        return 0;
    encode(mac, mac_n, encoded);
    const int end = snprintf(to + head, GRANT_TOKEN_MAX - (size_t)head, "%s", encoded);
    return (size_t)(head + end);
}
