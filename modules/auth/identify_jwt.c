/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens. Each issuer says where its tokens come from; all are asked one after the other, and the
 * first that vouches for the token counts. A token that nobody has a key for may be signed by a new
 * one: then its request waits for it, for a while. */
#include "auth/identify.h"

#include <stdlib.h>
#include <string.h>

#include "auth/reasons.h"
#include "common/slice.h"

static const struct jwks no_keys;

/* What came of asking the issuers. */
struct search {
    const struct weir_slice *tokens; /* by issuer; absent: it gets none */
    enum jwt_fault fault;            /* of the issuer that got furthest */
    unsigned unknown;                /* set of those whose keys are fetched, and lack this one */
    bool none;                       /* one of them has no keys at all */
};

/* -- where tokens come from -------------------------------------------------------------------- */

static struct credentials from_field(const struct ask *ask, const struct auth_jwt *j)
{
    struct weir_slice value;
    const unsigned lines = ask_field(ask, &j->header_name, &value);
    if (lines > 1)
        return (struct credentials){CREDENTIALS_MALFORMED, {0}};
    const struct credentials c = credentials_read(value);
    return c.kind == CREDENTIALS_BEARER ? c : credentials_cookie(value);
}

static struct credentials from_authorization(const struct ask *ask)
{
    const struct credentials c = ask->authorization;
    if (ask->authorizations > 1)
        return (struct credentials){CREDENTIALS_MALFORMED, {0}};
    return c.kind == CREDENTIALS_BASIC ? (struct credentials){0} : c;
}

static struct credentials carried(const struct ask *ask, const struct auth_jwt *j)
{
    struct credentials c = {0};
    if (j->header.n)
        c = j->by_authorization ? from_authorization(ask) : from_field(ask, j);
    if (c.kind == CREDENTIALS_NONE && j->cookie.n)
        c = credentials_cookie(weir_cookie(ask->x, j->cookie));
    return c;
}

/* False: something is there, and it is no token. */
static bool collect(const struct ask *ask, struct weir_slice *tokens, bool *any)
{
    const struct auth_global *g = ask->a->g;
    *any = false;
    for (size_t i = 0; i < g->jwt.n; i++) {
        const struct credentials c = carried(ask, &auth_issuers(g)[i]);
        if (c.kind == CREDENTIALS_MALFORMED)
            return false;
        tokens[i] = c.kind == CREDENTIALS_BEARER ? c.token : (struct weir_slice){0};
        *any = *any || tokens[i].p;
    }
    return true;
}

/* -- what was verified before ------------------------------------------------------------------ */

static uint64_t version_of(const struct auth_local *a)
{
    uint64_t sum = 0; /* which any change of any keys makes larger */
    for (size_t i = 0; i < a->g->jwt.n; i++)
        sum += a->keys[i].changes;
    return sum;
}

/* Only where the same issuer gets the same token. */
static const struct grant *known(struct ask *ask, const struct weir_slice *tokens)
{
    struct auth_local *a = ask->a;
    struct token_cache_id id;
    const char *last = NULL;
    for (size_t i = 0; i < a->g->jwt.n; i++) {
        if (!tokens[i].p || tokens[i].p == last || !token_cache_of_token(&id, tokens[i]))
            continue;
        last = tokens[i].p;
        const struct grant *g = ask_cache(ask, &id, version_of(a));
        if (g && tokens[g->issuer].p == last && auth_keys(a, g->issuer))
            return g;
    }
    return NULL;
}

/* -- verifying --------------------------------------------------------------------------------- */

static struct weir_slice find(const struct claims *c, struct weir_slice name, unsigned *n)
{
    struct weir_slice value = {0};
    *n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (slice_eq(c->v[i].name, name) && (*n)++ == 0)
            value = c->v[i].value;
    return value;
}

static void remember(struct ask *ask, const struct weir_slice token, const struct grant *from,
                     uint64_t until_s)
{
    struct auth_local *a = ask->a;
    struct token_cache_id id;
    struct grant *g = grant_new(from);
    if (!g || !token_cache_of_token(&id, token)) {
        free(g);
        return;
    }
    token_cache_put(a->cache, &id,
                    &(struct token_cache_grant){version_of(a), until_s, auth_now_s(a)}, g);
}

static enum tried accept(struct ask *ask, size_t issuer, struct weir_slice token,
                         const struct jwt_token *t)
{
    const struct auth_jwt *j = &auth_issuers(ask->a->g)[issuer];
    enum claims_fault fault;
    unsigned n, issuers;
    struct claims *c = claims_new(t->claims, &j->claims, &fault);
    if (!c)
        return ask_wrong(ask, claims_fault_word(fault));
    struct grant g = {.id = {.subject = find(c, j->subject_claim, &n),
                             .issuer = find(c, WEIR_SLICE("iss"), &issuers),
                             .method = WEIR_SLICE("jwt")},
                      .claims = c->v,
                      .claims_n = c->n,
                      .issuer = (unsigned)issuer};
    if (!issuers)
        g.id.issuer = j->name;
    enum tried end = TRIED_GOOD;
    if (n != 1 || !g.id.subject.n) {
        end = ask_wrong(ask, AUTH_REASON_NOBODY);
    } else {
        const uint64_t skew = j->rules.skew_s;
        remember(ask, token, &g, t->exp_s > UINT64_MAX - skew ? UINT64_MAX : t->exp_s + skew);
        ask_good(ask, &g);
    }
    claims_free(c);
    return end;
}

/* Would the next issuer say the same? */
static bool is_final(enum jwt_fault f)
{
    switch (f) {
    case JWT_TOO_LONG:
    case JWT_ALG:
    case JWT_TYP:
    case JWT_KEY:
    case JWT_KID:
    case JWT_SIGNATURE:
    case JWT_ISSUER:
    case JWT_AUDIENCE:
        return false;
    default:
        return true;
    }
}

/* One issuer; TRIED_NOTHING: the next one may know more. */
static enum tried verify(struct ask *ask, size_t i, struct search *s)
{
    const struct auth_jwt *j = &auth_issuers(ask->a->g)[i];
    const struct jwks *keys = auth_keys(ask->a, i);
    struct jwt_token t;
    const enum jwt_fault f =
        jwt_verify(s->tokens[i], keys ? keys : &no_keys, &j->rules, auth_now_s(ask->a), &t);
    if (f == JWT_OK) {
        const enum tried end = accept(ask, i, s->tokens[i], &t);
        jwt_token_free(&t);
        return end;
    }
    if (is_final(f))
        return ask_wrong(ask, jwt_fault_word(f));
    if (f == JWT_KEY) {
        s->unknown |= (j->cell != NULL) << i;
        s->none = s->none || !keys;
    }
    s->fault = f > s->fault ? f : s->fault;
    return TRIED_NOTHING;
}

static const char *reason_of(const struct search *s)
{
    return s->none ? AUTH_REASON_NO_KEYS : jwt_fault_word(s->fault);
}

/* -- waiting for keys -------------------------------------------------------------------------- */

static void wish(struct ask *ask, unsigned unknown, struct key_wait *w)
{
    const struct auth_jwt *j = auth_issuers(ask->a->g);
    uint64_t longest_ms = 0;
    memset(w, 0, sizeof *w);
    w->x = ask->x;
    for (size_t i = 0; i < ask->a->g->jwt.n; i++) {
        if (!(unknown >> i & 1))
            continue;
        w->wish[i] = atomic_fetch_add(&j[i].cell->wanted, 1) + 1;
        longest_ms = j[i].timeout_ms > longest_ms ? j[i].timeout_ms : longest_ms;
    }
    w->deadline_us = weir_now_us(ask->a->p) + longest_ms * 1000;
}

/* Is there still something to wait for? Wishes that were fulfilled have brought nothing. */
static bool is_open(const struct ask *ask, struct key_wait *w)
{
    const struct auth_jwt *j = auth_issuers(ask->a->g);
    bool open = false;
    for (size_t i = 0; i < ask->a->g->jwt.n; i++) {
        if (w->wish[i] && atomic_load(&j[i].cell->served) >= w->wish[i])
            w->wish[i] = 0;
        open = open || w->wish[i];
    }
    return open && weir_now_us(ask->a->p) < w->deadline_us;
}

static enum tried wait_for_keys(struct ask *ask, const struct search *s)
{
    const struct auth_counts *counts = &ask->a->g->counts;
    const bool first = !ask->state->keys;
    if (first) {
        ask->state->keys = weir_alloc(ask->x, sizeof *ask->state->keys);
        wish(ask, s->unknown, ask->state->keys);
    }
    if (!is_open(ask, ask->state->keys)) {
        count(ask->a->p, counts, COUNT_WAITS_IN_VAIN);
        return ask_wrong(ask, reason_of(s));
    }
    if (!key_wait_begin(ask->a, ask->state->keys)) {
        count(ask->a->p, counts, COUNT_WAITS_REFUSED);
        return ask_wrong(ask, AUTH_REASON_BUSY);
    }
    if (first)
        count(ask->a->p, counts, COUNT_WAITS);
    return TRIED_WAIT;
}

/* -- the method -------------------------------------------------------------------------------- */

enum tried identify_jwt(struct ask *ask)
{
    const struct auth_global *g = ask->a->g;
    struct weir_slice tokens[AUTH_ISSUERS_MAX];
    struct search s = {.tokens = tokens};
    bool any;
    if (!collect(ask, tokens, &any))
        return ask_wrong(ask, ask->authorizations > 1 ? AUTH_REASON_TWICE : AUTH_REASON_MALFORMED);
    if (!any)
        return TRIED_NOTHING;
    for (size_t i = 0; i < g->jwt.n; i++)
        (void)auth_keys(ask->a, i); /* first of all: what the cache holds is of these */
    const struct grant *good = known(ask, tokens);
    if (good) {
        count(ask->a->p, &g->counts, COUNT_CACHE_HITS);
        return ask_good(ask, good);
    }
    if (!ask->state->keys)
        count(ask->a->p, &g->counts, COUNT_CACHE_MISSES);
    for (size_t i = 0; i < g->jwt.n; i++) {
        const enum tried end = tokens[i].p ? verify(ask, i, &s) : TRIED_NOTHING;
        if (end != TRIED_NOTHING)
            return end;
    }
    return s.unknown ? wait_for_keys(ask, &s) : ask_wrong(ask, reason_of(&s));
}
