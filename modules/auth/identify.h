/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_IDENTIFY_H
#define WEIR_AUTH_IDENTIFY_H

/* Who is it? One function for each method; each looks whether the request carries something of its
 * own, and what that is worth. When one waits, all of it is done again from the beginning; what was
 * waited for is in the state. */

#include "auth/credentials.h"
#include "auth/grant.h"
#include "auth/process.h"

/* Of one exchange and use; zeroed. */
struct auth_state {
    bool decided;          /* of a route's use: whether the request may go on */
    struct key_wait *keys; /* of on_identify: it waits, or has waited */
    struct check_wait *check;
};

struct ask {
    struct weir_exchange *x;
    struct auth_local *a;
    struct auth_state *state;
    struct credentials authorization;
    unsigned authorizations; /* lines of it */
    const char *reason;      /* TRIED_WRONG: a word of reasons.h */
};

enum tried {
    TRIED_NOTHING, /* nothing of this method is there */
    TRIED_GOOD,    /* the identity is set */
    TRIED_WRONG,
    TRIED_WAIT,
};

/* [hook] on_identify, and its on_done. */
enum weir_verdict identify(struct weir_exchange *x, const struct weir_use *u);
void identify_done(const struct weir_use *u);

enum tried identify_jwt(struct ask *ask);
enum tried identify_basic(struct ask *ask);
void basic_forget(struct auth_local *a, struct check_wait *w);

/* How many lines of that name there are; *value is that of the first. */
unsigned ask_field(const struct ask *ask, const struct weir_name *name, struct weir_slice *value);
enum tried ask_wrong(struct ask *ask, const char *reason);
/* Sets the identity to a copy of this. */
enum tried ask_good(struct ask *ask, const struct grant *g);
/* A grant of the cache that is good; NULL: none. Counts. */
const struct grant *ask_cache(struct ask *ask, const struct token_cache_id *id, uint64_t version);

#endif
