/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_GRANTS_H
#define WEIR_DARK_LAUNCH_GRANTS_H

/* Grants: credentials that an operator gives to named testers for a time. The table of all of them
 * is in shared memory; a token opens a dark launch only as long as its grant stands there.
 *
 *     v1.7d0f6c1a52e94b38.1764107200.q0n3...  (43 characters)
 *     form . id           . expiry   . HMAC-SHA-256 over all before, and the name, in base64url
 *
 * The control process writes the table, one at a time (grants_lock()); workers read it without
 * waiting. An entry is published by its id, which is never used twice: it is written last, and
 * taken away first, so a reader that finds the same id before and after has read one entry. A
 * writer that dies in between leaves a free place.
 *
 * All zeros is a table that was not made yet. Times are seconds since 1970. */

#include <stddef.h>
#include <stdint.h>

#include <weir/module.h>

enum {
    GRANT_NAME_MAX = 64, /* bytes */
    GRANT_ID_TEXT = 16,  /* hexadecimal digits */
    GRANT_TOKEN_MAX = 96,
    GRANT_KEY_MIN = 32, /* bytes: as long as the HMAC, RFC 2104 3 */
    GRANT_KEY_MAX = 4096,
    GRANT_EXPIRES_DIGITS = 12,
};

struct grant {
    uint64_t id;
    uint64_t created, expires;
    uint64_t revoked; /* when; 0: it isn't */
    uint64_t uses, last_used;
    size_t name_n;
    char name[GRANT_NAME_MAX];
};

/* Is it a name that a grant may have: letters, digits and ._@+- ? */
bool grant_name_ok(struct weir_slice name);
static inline struct weir_slice grant_name(const struct grant *g)
{
    return (struct weir_slice){g->name, g->name_n};
}
void grant_id_text(uint64_t id, char to[GRANT_ID_TEXT + 1]);
/* False: this is no id. */
bool grant_id_parse(struct weir_slice text, uint64_t *id) __attribute__((warn_unused_result));

/* -- tokens ------------------------------------------------------------------------------------ */

struct grant_key {
    const uint8_t *p;
    size_t n;
};

/* The token of a grant, NUL-terminated; gives its length. 0: the library refuses, no token. */
size_t grant_token(struct grant_key key, const struct grant *g, char to[GRANT_TOKEN_MAX]);

/* -- the table --------------------------------------------------------------------------------- */

struct grants;

size_t grants_size(unsigned capacity);
/* Makes the table out of zeros, with a random key. True also when it was there. [load], master */
bool grants_init(struct grants *t, unsigned capacity) __attribute__((warn_unused_result));
bool grants_is_new(const struct grants *t);
/* The table's own key. */
struct grant_key grants_key(const struct grants *t);
unsigned grants_capacity(const struct grants *t);

/* The grant that this token is of, when all of this holds: the token is in its form and signed with
 * the key, its grant is in the table, not revoked, and not expired. It takes the same steps for any
 * token in the right form. [hook] */
bool grants_verify(const struct grants *t, struct grant_key key, struct weir_slice token,
                   uint64_t now, struct grant *out) __attribute__((warn_unused_result));
/* A use of it. True once a minute for each grant: it is to be told in the log. [hook] */
bool grants_use(struct grants *t, uint64_t id, uint64_t now);

/* Who may write. False: somebody else is at it; one that died is passed over after GRANTS_STUCK_MS.
 * [control] */
enum { GRANTS_STUCK_MS = 10000 };
bool grants_lock(struct grants *t, uint64_t now_ms) __attribute__((warn_unused_result));
void grants_unlock(struct grants *t);

/* [load] of a new table, or with the lock: */

/* Takes a free place, or that of a grant that can't be used any more, the one that ended first.
 * False: all of them are in force. */
bool grants_add(struct grants *t, const struct grant *g, uint64_t now)
    __attribute__((warn_unused_result));
void grants_remove(struct grants *t, uint64_t id);
/* Ends one that is in force; false: there is none of this id. */
bool grants_revoke(struct grants *t, uint64_t id, uint64_t now);

/* The nth place; false: it is free. [any] */
bool grants_at(const struct grants *t, unsigned place, struct grant *out);

static inline bool grant_in_force(const struct grant *g, uint64_t now)
{
    return !g->revoked && now < g->expires;
}

#endif
