/* SPDX-License-Identifier: Apache-2.0 */
/* Establishes who makes a request, and holds routes to it:
 *
 *     modules = { auth = { jwt = ( { name = "id"; issuer = "https://id.example.com";
 *                                    jwks_url = "https://id.example.com/jwks"; } ); }; };
 *     routes  = ( { ... auth = { mode = "required"; methods = [ "jwt" ]; }; } );
 *
 * on_identify finds out who it is, by what the request carries (identify.h); on_request decides
 * whether that is enough for the route (decide.h); on_forward tells backends about it. Fields that
 * backends are told by are taken off every request, on every route.
 *
 * A use within settings of another module comes into force after on_request: then the first hook
 * that is asked decides, so no way to a backend is open that the configuration closes. */
#include <weir/module.h>

#include "auth/identify.h"
#include "auth/reasons.h"
#include "common/slice.h"

enum { LOG_METHOD, LOG_FAILURE };
static const char *const log_fields[] = {"method", "failure", NULL};

/* -- may it go on? ----------------------------------------------------------------------------- */

static bool fulfils(const struct weir_exchange *x, const struct auth_require *q)
{
    struct weir_slice value;
    for (size_t n = 0; (value = weir_claim(x, q->claim, n)).p; n++)
        for (size_t i = 0; i < q->any_of.n; i++)
            if (slice_eq(value, q->any_of.v[i]))
                return true;
    return false;
}

static bool fulfils_all(const struct weir_exchange *x, const struct auth_route *r)
{
    const struct auth_require *q = r->require.v;
    for (size_t i = 0; i < r->require.n; i++)
        if (!fulfils(x, &q[i]))
            return false;
    return true;
}

static unsigned method_of(const struct weir_exchange *x)
{
    const struct weir_identity *id = weir_identity(x);
    return id ? auth_method_bit(id->method) : 0;
}

/* What a token lacked, as RFC 6750 3 has it told. */
static struct credentials_challenge bearer(const struct auth_global *g, const char *fault,
                                           bool forbidden)
{
    struct credentials_challenge c = {.scheme = CREDENTIALS_BEARER, .realm = g->realm};
    if (forbidden)
        c.error = CREDENTIALS_INSUFFICIENT_SCOPE;
    else if (fault && reason_is_request(fault))
        c.error = CREDENTIALS_INVALID_REQUEST;
    else if (fault && reason_is_token(fault))
        c.error = CREDENTIALS_INVALID_TOKEN;
    c.description = !forbidden && c.error ? reason_text(fault) : NULL;
    return c;
}

/* Challenges of all methods that would have been taken; false: none of them has any. */
static bool challenge(struct weir_exchange *x, const struct auth_global *g, unsigned allowed,
                      bool forbidden)
{
    enum { ROOM = 3 * (2 * CREDENTIALS_REALM_MAX + 64) + 256 };
    const struct weir_name name = weir_name(WEIR_SLICE("www-authenticate"));
    struct credentials_challenge v[AUTH_METHODS_N];
    size_t n = 0;
    if (allowed >> AUTH_JWT & 1)
        v[n++] = bearer(g, weir_identity_fault(x), forbidden);
    if (allowed >> AUTH_BASIC & 1 && !forbidden)
        v[n++] =
            (struct credentials_challenge){.scheme = CREDENTIALS_BASIC, .realm = g->basic.realm};
    if (allowed >> AUTH_API_KEY & 1 && !forbidden)
        v[n++] = (struct credentials_challenge){.scheme = CREDENTIALS_API_KEY, .realm = g->realm};
    char *to = weir_alloc(x, ROOM);
    const size_t len = credentials_challenge_write(v, n, to, ROOM);
    if (len)
        weir_answer_field(x, &name, (struct weir_slice){to, len});
    return len > 0;
}

static enum weir_verdict refuse(struct weir_exchange *x, const struct weir_use *u,
                                enum decision decision, const char *detail)
{
    const struct auth_route *r = u->conf;
    const struct auth_global *g = u->global;
    struct weir_process *p = weir_process_of(x);
    if (decision == DECIDE_UNAVAILABLE) {
        count(p, &g->counts, COUNT_REFUSED_503);
        return weir_refuse(x, WEIR_UNAVAILABLE, detail);
    }
    /* RFC 9110 15.5.2: a 401 has a challenge. For a certificate there is none: it comes earlier. */
    if (decision == DECIDE_CHALLENGE && challenge(x, g, r->allowed, false)) {
        count(p, &g->counts, COUNT_REFUSED_401);
        return weir_refuse(x, WEIR_UNAUTHENTICATED, detail);
    }
    if (decision == DECIDE_FORBID && method_of(x) == 1u << AUTH_JWT)
        challenge(x, g, r->allowed, true);
    count(p, &g->counts, COUNT_REFUSED_403);
    return weir_refuse(x, WEIR_FORBIDDEN, detail);
}

static enum weir_verdict judge(struct weir_exchange *x, const struct weir_use *u)
{
    const struct auth_route *r = u->conf;
    struct auth_state *state = u->state;
    const char *detail;
    if (state->decided)
        return WEIR_NEXT;
    state->decided = true;
    const struct decide_case c = {
        .mode = (enum auth_mode)r->mode,
        .wrong_is_anonymous = r->on_invalid,
        .allowed = r->allowed,
        .identified = weir_identity(x),
        .method = method_of(x),
        .fault = weir_identity_fault(x),
        .fulfilled = fulfils_all(x, r),
    };
    const enum decision d = decide(&c, &detail);
    return d == DECIDE_PASS ? WEIR_NEXT : refuse(x, u, d, detail);
}

/* -- what backends are told -------------------------------------------------------------------- */

/* What no field can carry, or would look like several values, can't. */
static bool can_be_told(const struct auth_forward *f, struct weir_slice value)
{
    return weir_value_ok(value) && (f->commas || !memchr(value.p, ',', value.n));
}

/* All values of the claim that can be told, joined; absent: there are none. The memory is measured
 * first: a token may have hundreds of them. */
static struct weir_slice joined(struct weir_exchange *x, const struct auth_forward *f,
                                unsigned *left_out)
{
    struct weir_slice value;
    size_t room = 0, used = 0;
    for (size_t n = 0; (value = weir_claim(x, f->claim, n)).p; n++) {
        const bool told = can_be_told(f, value);
        room += told ? value.n + 1 : 0;
        *left_out += !told;
    }
    char *to = room ? weir_alloc(x, room) : NULL;
    for (size_t n = 0; to && (value = weir_claim(x, f->claim, n)).p; n++) {
        if (!value.n || !can_be_told(f, value))
            continue;
        if (used)
            to[used++] = ',';
        memcpy(to + used, value.p, value.n);
        used += value.n;
    }
    return (struct weir_slice){used ? to : NULL, used};
}

static enum weir_verdict on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct auth_route *r = u->conf;
    const struct auth_global *g = u->global;
    const struct auth_forward *f = auth_forwards(g);
    unsigned left_out = 0;
    const enum weir_verdict v = judge(x, u);
    if (v != WEIR_NEXT || !(method_of(x) & r->allowed))
        return v;
    for (size_t i = 0; i < g->forward.n; i++) {
        const struct weir_slice value = joined(x, &f[i], &left_out);
        if (value.p && !weir_field_set(x, WEIR_INWARD, &f[i].name, value))
            left_out++;
    }
    weir_count(weir_process_of(x), g->counts.all, COUNT_VALUES_LEFT_OUT, left_out);
    return WEIR_NEXT;
}

/* -- the end ----------------------------------------------------------------------------------- */

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    if (!u->conf) {
        identify_done(u);
        return;
    }
    const struct weir_identity *id = weir_identity(x);
    const char *fault = weir_identity_fault(x);
    if (id)
        weir_log_set(x, u, LOG_METHOD, id->method);
    if (fault)
        weir_log_set(x, u, LOG_FAILURE, slice_str(fault));
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "auth",
    .summary = "establishes who makes a request: tokens, certificates, API keys, passwords",
    .order = -20,
    .global = {.rows = auth_global_rows, .size = sizeof(struct auth_global)},
    .route = {.rows = auth_route_rows, .size = sizeof(struct auth_route)},
    .state_size = sizeof(struct auth_state),
    .log_fields = log_fields,
    .counters = auth_counters,
    .load = auth_load,
    .load_route = auth_load_route,
    .start = auth_start,
    .stop = auth_stop,
    .tick = auth_tick,
    .explain = auth_explain,
    .on_identify = identify,
    .on_request = judge,
    .on_plan = judge,
    .on_forward = on_forward,
    .on_done = on_done,
};
