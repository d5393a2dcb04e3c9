/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_SETTINGS_H
#define WEIR_AUTH_SETTINGS_H

/* What the configuration says, and what load makes of it. Read-only after the fork, but for the
 * cells that it points to. */

#include <weir/module.h>

#include <stdatomic.h>

#include "auth/claims.h"
#include "auth/counts.h"
#include "auth/decide.h"
#include "auth/jwt.h"

/* Issuers at most: each costs a look at each token, and a place in what waits for keys. */
enum { AUTH_ISSUERS_MAX = 16 };

/* Between workers, who want newer keys, and the control process, which fetches them. A wish is a
 * number; it is fulfilled by a good fetch that began after it was made, or brought new keys. */
struct fetch_cell {
    _Atomic uint64_t wanted, served;
    _Atomic uint64_t fetched_s; /* the last good fetch, since 1970; 0: none yet */
};

/* An issuer of tokens. */
struct auth_jwt {
    struct weir_place place;
    struct weir_slice name, issuer, typ, subject_claim, header, cookie, jwks_file;
    struct weir_texts audience, algorithms;
    struct weir_url url;
    weir_cluster cluster; /* instead of the URL's own */
    uint64_t refresh_ms, refetch_ms, timeout_ms, keep_ms, skew_ms;
    uint64_t max_size, jwks_max_size, claims_max_size;
    int64_t max_claims;
    bool endless;
    /* made by load */
    struct jwt_rules rules;
    struct claims_limits claims;
    struct weir_name header_name; /* without a text: no header */
    bool by_authorization;        /* that header is Authorization */
    struct weir_blob *blob;
    struct fetch_cell *cell; /* NULL: keys come from a file */
};

struct auth_api_keys {
    struct weir_slice file, header;
    uint64_t max_size;
    struct weir_name header_name;
    struct weir_blob *blob;
};

struct auth_basic {
    struct weir_slice file, realm;
    uint64_t max_size;
    struct weir_blob *blob;
};

/* A claim that backends are told. */
struct auth_forward {
    struct weir_place place;
    struct weir_slice claim, header;
    bool commas;
    struct weir_name name;
};

struct auth_cache_settings {
    int64_t entries;
    uint64_t ttl_ms;
};

struct auth_global {
    struct weir_groups jwt; /* struct auth_jwt */
    struct auth_api_keys api_keys;
    struct auth_basic basic;
    struct {
        int subject; /* enum peer_subject */
    } certificate;
    struct weir_groups forward; /* struct auth_forward */
    struct auth_cache_settings cache;
    int64_t waiting; /* requests of a worker that may wait for keys */
    struct weir_slice realm;
    /* made by load */
    unsigned methods;          /* that are configured */
    struct auth_route *routes; /* the last one first */
    struct auth_counts counts;
};

struct auth_require {
    struct weir_place place;
    struct weir_slice claim;
    struct weir_texts any_of;
};

struct auth_route {
    int mode; /* enum auth_mode */
    int on_invalid;
    struct weir_texts methods;
    struct weir_groups require; /* struct auth_require */
    /* made by load */
    unsigned allowed; /* set of methods; of a route that is off: none */
    struct weir_slice route;
    struct auth_route *next;
};

extern const struct weir_setting auth_global_rows[], auth_route_rows[];

static inline const struct auth_jwt *auth_issuers(const struct auth_global *g)
{
    return g->jwt.v;
}

static inline const struct auth_forward *auth_forwards(const struct auth_global *g)
{
    return g->forward.v;
}

/* explain.c [control] */
void auth_explain(struct weir_explain *e, const struct weir_use *u);
/* [load] */
void auth_load(struct weir_load *l, void *global);
void auth_load_route(struct weir_load *l, void *conf, void *global);

#endif
