/* SPDX-License-Identifier: Apache-2.0 */
/* Reading shared texts. Invariant: `changes` is 0 as long as nothing was read, and what stands in
 * the union is whole and good otherwise. */
#include "auth/source.h"

#include <openssl/crypto.h>

#include <stdlib.h>

static bool parse(enum source_kind kind, struct weir_slice text, struct source *out,
                  struct auth_fault *fault)
{
    switch (kind) {
    case SOURCE_USERS:
        return htpasswd_parse(text, &out->users, fault);
    case SOURCE_API_KEYS:
        return apikeys_parse(text, &out->api_keys, fault);
    case SOURCE_KEYS:
        return jwks_parse(text, JWKS_FILE, &out->keys, fault);
    case SOURCE_FETCHED_KEYS:
        break;
    }
    return jwks_parse(text, JWKS_FETCHED, &out->keys, fault);
}

static void drop(struct source *s)
{
    if (s->changes == 0)
        return;
    if (s->kind == SOURCE_USERS)
        htpasswd_free(&s->users);
    else if (s->kind == SOURCE_API_KEYS)
        apikeys_free(&s->api_keys);
    else
        jwks_free(&s->keys);
}

static bool read_text(struct source *s, struct weir_slice text, struct auth_fault *fault)
{
    struct source next = *s;
    if (!parse(s->kind, text, &next, fault))
        return false;
    drop(s);
    *s = next;
    s->changes++;
    return true;
}

bool source_update(struct source *s, struct auth_fault *fault)
{
    uint64_t version;
    if (!s->blob || weir_blob_version(s->blob) == s->seen)
        return true;
    char *text = malloc(s->capacity);
    if (!text)
        return true; /* the next look tries again */
    bool good = true;
    const size_t n = weir_blob_read(s->blob, text, &version);
    if (version) {
        s->seen = version;
        good = read_text(s, (struct weir_slice){text, n}, fault);
    }
    OPENSSL_cleanse(text, n); /* it may have secrets in it */
    free(text);
    return good;
}

void source_free(struct source *s)
{
    drop(s);
    *s = (struct source){0};
}
