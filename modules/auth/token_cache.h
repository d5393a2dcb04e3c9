/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_TOKEN_CACHE_H
#define WEIR_AUTH_TOKEN_CACHE_H

/* What was verified lately, so that the same token or password again costs one hash instead of a
 * signature's check or a bcrypt.
 *
 *     token_cache_of_token(&id, token);
 *     void *who = token_cache_find(cache, &id, version, now_s);
 *     if (!who) ... verify ...
 *         token_cache_put(cache, &id, &(struct token_cache_grant){version, exp_s, now_s}, who);
 *
 * It holds no token and no password: tokens are known by their SHA-256, passwords by an HMAC under
 * a key that is drawn for each cache, so that nobody who reads its memory can try passwords on what
 * he finds without finding that key too. Only what was right is put there; so nobody fills it with
 * guesses. One process's; its memory is all taken at the start. */

#include <stdint.h>

#include <weir/module.h>

enum {
    TOKEN_CACHE_ENTRIES_PRESET = 4096,
    TOKEN_CACHE_ENTRIES_MAX = 1024 * 1024,
    TOKEN_CACHE_PASSWORD_MAX =
        1500, /* bytes of user and password: more than credentials.h lets in */
};

struct token_cache_options {
    size_t entries;  /* 0: TOKEN_CACHE_ENTRIES_PRESET. The least recently used one makes room */
    uint64_t ttl_s;  /* how long an entry is good at most */
    uint64_t skew_s; /* how long a token is good beyond its `exp` */
    void (*free)(void *value);
};

/* What something is known by. */
struct token_cache_id {
    uint8_t bytes[32];
};

/* What an entry is good for. */
struct token_cache_grant {
    uint64_t version; /* of the keys, or the users, that it was verified with */
    uint64_t exp_s;   /* seconds since 1970; UINT64_MAX: never */
    uint64_t now_s;
};

/* Since the start. `evicted`: good entries that had to make room. */
struct token_cache_counts {
    uint64_t hits, misses, evicted;
};

struct token_cache;

/* NULL: no memory, or no random numbers. */
struct token_cache *token_cache_new(const struct token_cache_options *o);
void token_cache_free(struct token_cache *c);

/* False: it couldn't be hashed, and *id is not to be used. */
bool token_cache_of_token(struct token_cache_id *id, struct weir_slice token);
/* `realm` tells several files of users apart. False as above, or over TOKEN_CACHE_PASSWORD_MAX. */
bool token_cache_of_password(const struct token_cache *c, uint64_t realm, struct weir_slice user,
                             struct weir_slice password, struct token_cache_id *id);

/* The value; NULL: there is none that is good now and for this version. Borrowed until the next
 * call that changes the cache; finding changes it too, as it drops what is no longer good. */
void *token_cache_find(struct token_cache *c, const struct token_cache_id *id, uint64_t version,
                       uint64_t now_s);
/* Takes the value over, instead of one that was there. It is freed at once when it isn't good any
 * more. */
void token_cache_put(struct token_cache *c, const struct token_cache_id *id,
                     const struct token_cache_grant *grant, void *value);
struct token_cache_counts token_cache_counts(const struct token_cache *c);

#endif
