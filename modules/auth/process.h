/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_PROCESS_H
#define WEIR_AUTH_PROCESS_H

/* What the module has in one process: what was read out of keys and files, what was verified
 * lately, and who waits. */

#include "auth/settings.h"
#include "auth/source.h"
#include "auth/token_cache.h"

/* -- requests that wait for keys --------------------------------------------------------------- */

/* Of one request, in its own memory. */
struct key_wait {
    struct key_wait *next, **at; /* the list; at NULL: it is in none */
    struct weir_exchange *x;
    uint64_t deadline_us;
    uint64_t wish[AUTH_ISSUERS_MAX]; /* for keys of these issuers; 0: none of this one's */
    uint64_t versions;               /* of what all issuers have published, added up */
};

struct key_waits {
    struct key_wait *first;
    unsigned n;
    struct weir_timer timer;
};

/* -- passwords that are being checked ---------------------------------------------------------- */

/* Of one request, in its own memory. */
struct check_wait {
    struct check_wait *next;
    struct weir_exchange *x;
    struct check *check; /* NULL: it is over, and `end` says how */
    enum { CHECK_GOOD, CHECK_WRONG, CHECK_REFUSED } end;
};

/* -- the process ------------------------------------------------------------------------------- */

/* What the routes of one name take. */
struct route_methods {
    struct weir_slice route;
    unsigned allowed;
};

struct fetch;

struct auth_local {
    struct weir_process *p;
    const struct auth_global *g;
    struct token_cache *cache; /* owned */
    struct source *keys;       /* owned; by issuer */
    struct source users, api_keys;
    struct route_methods *routes; /* owned; in the order of names */
    size_t routes_n;
    struct key_waits waits;
    struct check *checks;  /* under way */
    struct fetch *fetches; /* owned; by issuer, in the control process only */
};

/* NULL: no memory, or no random numbers. */
void *auth_start(struct weir_process *p, const void *global);
void auth_stop(struct weir_process *p, void *local);
/* [control] */
void auth_tick(struct weir_process *p, void *local);

static inline uint64_t auth_now_s(const struct auth_local *a)
{
    return weir_wall_us(a->p) / 1000000;
}

/* The methods that count for a route; without a name (none is known yet, or somebody else wants to
 * know on a route without settings of auth) all that are configured. */
unsigned auth_methods_of(const struct auth_local *a, struct weir_slice route);

/* [hook] The issuer's keys as they are now; NULL: none are in force. */
const struct jwks *auth_keys(struct auth_local *a, size_t issuer);

/* [hook] Waits until one of the wishes is fulfilled, keys have changed, or the deadline is over;
 * then x is resumed. False: too many do. */
bool key_wait_begin(struct auth_local *a, struct key_wait *w);
void key_wait_end(struct auth_local *a, struct key_wait *w);

#endif
