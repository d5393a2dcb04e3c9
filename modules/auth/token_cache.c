/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of what was verified: chains of entries by hash, and one list of all entries by their
 * last use. Places that are free stand in the same list at its end, without a value.
 *
 *     newest <-> ... <-> oldest <-> free <-> ... <-> free        chains: bucket -> entry -> entry
 *
 * Invariant: an entry with a value is in the chain of its bucket, one without is in none. The ids
 * are hashes, so their first bytes choose a bucket as well as anything would; and they are compared
 * in any time, since nobody can make the hash that he wants to compare. */
#include "auth/token_cache.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

enum { NOWHERE = UINT32_MAX, SECRET = 32 };

struct entry {
    struct token_cache_id id;
    uint64_t version, until_s;
    void *value;           /* owned; NULL: free */
    uint32_t newer, older; /* the list; 0 is its head */
    uint32_t next;         /* the chain */
};

struct token_cache {
    struct token_cache_options o;
    struct token_cache_counts counts;
    uint8_t secret[SECRET];
    uint32_t mask;     /* of buckets, whose number is a power of two */
    uint32_t *buckets; /* owned */
    struct entry *v;   /* owned; o.entries behind the head */
};

static struct entry *find(struct token_cache *c, const struct token_cache_id *id);
static void link_behind(struct token_cache *c, struct entry *e, uint32_t newer);
static void drop(struct token_cache *c, struct entry *e);

/* -- life -------------------------------------------------------------------------------------- */

static bool make_room(struct token_cache *c)
{
    uint32_t buckets = 1;
    while (buckets < c->o.entries)
        buckets *= 2;
    c->mask = buckets - 1;
    c->buckets = malloc(buckets * sizeof *c->buckets);
    c->v = calloc(c->o.entries + 1, sizeof *c->v);
    return c->buckets && c->v;
}

struct token_cache *token_cache_new(const struct token_cache_options *o)
{
    struct token_cache *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->o = *o;
    c->o.entries = !o->entries                            ? TOKEN_CACHE_ENTRIES_PRESET
                   : o->entries > TOKEN_CACHE_ENTRIES_MAX ? TOKEN_CACHE_ENTRIES_MAX
                                                          : o->entries;
    if (!make_room(c) || RAND_bytes(c->secret, sizeof c->secret) != 1) {
        free(c->v);
        free(c->buckets);
        free(c);
        return NULL;
    }
    for (uint32_t i = 0; i <= c->mask; i++)
        c->buckets[i] = NOWHERE;
    for (uint32_t i = 1; i <= c->o.entries; i++)
        link_behind(c, &c->v[i], 0);
    return c;
}

void token_cache_free(struct token_cache *c)
{
    if (!c)
        return;
    for (size_t i = 1; i <= c->o.entries; i++)
        if (c->v[i].value)
            c->o.free(c->v[i].value);
    OPENSSL_cleanse(c->secret, sizeof c->secret);
    free(c->v);
    free(c->buckets);
    free(c);
}

struct token_cache_counts token_cache_counts(const struct token_cache *c)
{
    return c->counts;
}

/* -- ids --------------------------------------------------------------------------------------- */

bool token_cache_of_token(struct token_cache_id *id, struct weir_slice token)
{
    unsigned n = sizeof id->bytes;
    return EVP_Digest(token.p, token.n, id->bytes, &n, EVP_sha256(), NULL) == 1;
}

static void put_number(uint8_t *to, uint64_t n)
{
    memcpy(to, &n, sizeof n);
}

/* HMAC(secret, realm | length of the user | user | password): the length keeps "ann", "ax" and
 * "anna", "x" apart. */
bool token_cache_of_password(const struct token_cache *c, uint64_t realm, struct weir_slice user,
                             struct weir_slice password, struct token_cache_id *id)
{
    uint8_t all[TOKEN_CACHE_PASSWORD_MAX + 16];
    unsigned id_n = sizeof id->bytes;
    const size_t n = user.n + password.n;
    if (n > TOKEN_CACHE_PASSWORD_MAX)
        return false;
    put_number(all, realm);
    put_number(all + 8, user.n);
    if (user.n)
        memcpy(all + 16, user.p, user.n);
    if (password.n)
        memcpy(all + 16 + user.n, password.p, password.n);
    const bool good = HMAC(EVP_sha256(), c->secret, SECRET, all, 16 + n, id->bytes, &id_n) != NULL;
    OPENSSL_cleanse(all, sizeof all);
    return good;
}

/* -- entries ----------------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct token_cache *c, const struct token_cache_id *id)
{
    uint32_t n;
    memcpy(&n, id->bytes, sizeof n);
    return &c->buckets[n & c->mask];
}

static struct entry *find(struct token_cache *c, const struct token_cache_id *id)
{
    uint32_t i = *bucket_of(c, id);
    while (i != NOWHERE && memcmp(&c->v[i].id, id, sizeof *id) != 0)
        i = c->v[i].next;
    return i != NOWHERE ? &c->v[i] : NULL;
}

static void unlink_entry(struct token_cache *c, struct entry *e)
{
    c->v[e->newer].older = e->older;
    c->v[e->older].newer = e->newer;
}

/* Puts it between two neighbours of the list: behind `newer`. */
static void link_behind(struct token_cache *c, struct entry *e, uint32_t newer)
{
    const uint32_t self = (uint32_t)(e - c->v), older = c->v[newer].older;
    e->newer = newer;
    e->older = older;
    c->v[newer].older = self;
    c->v[older].newer = self;
}

static void to_front(struct token_cache *c, struct entry *e)
{
    unlink_entry(c, e);
    link_behind(c, e, 0);
}

/* Frees the value, and the place for others. */
static void drop(struct token_cache *c, struct entry *e)
{
    uint32_t *at = bucket_of(c, &e->id);
    while (&c->v[*at] != e)
        at = &c->v[*at].next;
    *at = e->next;
    c->o.free(e->value);
    e->value = NULL;
    unlink_entry(c, e);
    link_behind(c, e, c->v[0].newer);
}

void *token_cache_find(struct token_cache *c, const struct token_cache_id *id, uint64_t version,
                       uint64_t now_s)
{
    struct entry *e = find(c, id);
    if (e && e->version == version && now_s < e->until_s) {
        to_front(c, e);
        c->counts.hits++;
        return e->value;
    }
    if (e)
        drop(c, e);
    c->counts.misses++;
    return NULL;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t until(const struct token_cache *c, const struct token_cache_grant *g)
{
    const uint64_t token = add(g->exp_s, c->o.skew_s), ttl = add(g->now_s, c->o.ttl_s);
    return token < ttl ? token : ttl;
}

void token_cache_put(struct token_cache *c, const struct token_cache_id *id,
                     const struct token_cache_grant *grant, void *value)
{
    struct entry *e = find(c, id);
    if (e)
        drop(c, e);
    const uint64_t until_s = until(c, grant);
    if (grant->now_s >= until_s) {
        c->o.free(value);
        return;
    }
    e = &c->v[c->v[0].newer];
    if (e->value) {
        c->counts.evicted += grant->now_s < e->until_s;
        drop(c, e);
    }
    uint32_t *bucket = bucket_of(c, id);
    *e = (struct entry){*id, grant->version, until_s, value, e->newer, e->older, *bucket};
    *bucket = (uint32_t)(e - c->v);
    to_front(c, e);
}
