/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of settings can't say by themselves: which of them go together, and whether files
 * hold what they should. */
#include "auth/settings.h"

#include <stdio.h>

#include "auth/credentials.h"
#include "auth/peer.h"
#include "common/slice.h"
#include "auth/source.h"

#define ARG(s) (int)(s).n, (s).p

static const struct weir_slice authorization = {"Authorization", 13};

/* -- fields ------------------------------------------------------------------------------------ */

/* A field that brings something. */
static struct weir_name field_of(struct weir_load *l, const struct weir_place *at, const char *what,
                                 struct weir_slice header)
{
    const struct weir_name name = weir_name(header);
    if (!name.text.p || slice_ieq(header, WEIR_SLICE("cookie")))
        weir_fault(l, at, "%s is \"%.*s\"; the name of a header field other than Cookie", what,
                   ARG(header));
    return name;
}

/* Does a method take credentials out of this field? Then it can't be taken off requests. */
static bool brings_credentials(const struct auth_global *g, struct weir_slice header)
{
    const struct auth_jwt *j = auth_issuers(g);
    bool found = slice_ieq(header, authorization) || slice_ieq(header, WEIR_SLICE("cookie"));
    for (size_t i = 0; i < g->jwt.n; i++)
        found = found || slice_ieq(header, j[i].header);
    return found || (g->api_keys.file.n && slice_ieq(header, g->api_keys.header));
}

static void load_forward(struct weir_load *l, const struct auth_global *g, struct auth_forward *f,
                         size_t i)
{
    const struct auth_forward *others = auth_forwards(g);
    f->name = weir_name(f->header);
    if (!weir_field_settable(f->header))
        weir_fault(l, &f->place,
                   "auth.forward.header is \"%.*s\"; the name of a field that isn't the gateway's "
                   "own affair",
                   ARG(f->header));
    else if (brings_credentials(g, f->header))
        weir_fault(l, &f->place, "auth.forward.header is \"%.*s\", which brings credentials",
                   ARG(f->header));
    else
        weir_load_strip(l, f->header);
    for (size_t k = 0; k < i; k++)
        if (slice_ieq(others[k].header, f->header))
            weir_fault(l, &f->place, "auth.forward.header is \"%.*s\" twice", ARG(f->header));
}

/* -- files ------------------------------------------------------------------------------------- */

/* Reads it once, to say what is wrong with it as long as somebody listens. */
static void check_text(struct weir_load *l, const struct weir_place *at, struct weir_slice path,
                       struct source *s)
{
    struct auth_fault fault;
    if (source_update(s, &fault))
        return;
    if (fault.line)
        weir_fault(l, at, "%.*s:%d: %s", ARG(path), fault.line, fault.text);
    else
        weir_fault(l, at, "%.*s: %s", ARG(path), fault.text);
}

static void load_users(struct weir_load *l, struct auth_basic *b)
{
    struct source s = {.kind = SOURCE_USERS, .capacity = b->max_size};
    const struct weir_place *at = weir_load_place(l);
    s.blob = b->blob = weir_file(l, at, b->file, b->max_size);
    check_text(l, at, b->file, &s);
    if (s.changes && s.users.cost_min != s.users.cost_max)
        weir_warn(l, at,
                  "%.*s has hashes of cost %u to %u: how long a check takes tells who is no user; "
                  "make them anew with one cost (htpasswd -B -C)",
                  ARG(b->file), s.users.cost_min, s.users.cost_max);
    source_free(&s);
}

static void load_api_keys(struct weir_load *l, struct auth_api_keys *k)
{
    struct source s = {.kind = SOURCE_API_KEYS, .capacity = k->max_size};
    const struct weir_place *at = weir_load_place(l);
    k->header_name = field_of(l, at, "auth.api_keys.header", k->header);
    if (slice_ieq(k->header, authorization))
        weir_fault(l, at, "auth.api_keys.header can't be Authorization, which has schemes");
    s.blob = k->blob = weir_file(l, at, k->file, k->max_size);
    check_text(l, at, k->file, &s);
    source_free(&s);
}

static void load_keys_file(struct weir_load *l, struct auth_jwt *j)
{
    struct source s = {.kind = SOURCE_KEYS, .capacity = j->jwks_max_size};
    s.blob = j->blob = weir_file(l, &j->place, j->jwks_file, j->jwks_max_size);
    check_text(l, &j->place, j->jwks_file, &s);
    if (s.changes && s.keys.skipped)
        weir_warn(l, &j->place, "%.*s: %u of its keys can't be used; the first one: %s",
                  ARG(j->jwks_file), s.keys.skipped, s.keys.skipped_why);
    source_free(&s);
}

/* -- issuers ----------------------------------------------------------------------------------- */

/* What comes over a network without TLS could be anybody's keys. */
static bool is_loopback(struct weir_slice host)
{
    static const char *const names[] = {"localhost", "127.", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const size_t n = strlen(names[i]);
        const bool whole = i != 1;
        if (host.n >= n && slice_ieq((struct weir_slice){host.p, n}, slice_str(names[i])) &&
            (!whole || host.n == n || host.p[n] == ':'))
            return true;
    }
    return false;
}

/* 127.0.0.1.example.com is no address. */
static bool is_address(struct weir_slice host)
{
    for (size_t i = 0; i < host.n && host.p[i] != ':'; i++)
        if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
            return false;
    return true;
}

static bool may_be_cleartext(struct weir_slice host)
{
    return is_loopback(host) && (host.p[0] != '1' || is_address(host));
}

static void load_url(struct weir_load *l, struct auth_jwt *j)
{
    const struct weir_slice https = {"https:", 6};
    const bool tls =
        j->url.text.n > https.n && slice_ieq((struct weir_slice){j->url.text.p, https.n}, https);
    if (!tls && !may_be_cleartext(j->url.host))
        weir_fault(l, &j->place,
                   "auth.jwt.jwks_url is \"%.*s\"; over http keys are only fetched from this "
                   "machine (127.0.0.1, [::1], localhost): use https",
                   ARG(j->url.text));
    if (j->cluster == WEIR_NO_CLUSTER)
        j->cluster = j->url.cluster;
    char *name = weir_load_alloc(l, j->url.text.n + 16);
    snprintf(name, j->url.text.n + 16, "jwks:%.*s", ARG(j->url.text));
    j->blob = weir_blob(l, name, j->jwks_max_size);
    snprintf(name, j->url.text.n + 16, "fetch:%.*s", ARG(j->url.text));
    j->cell = weir_cell(l, name, sizeof *j->cell);
}

static unsigned algorithms_of(struct weir_load *l, const struct auth_jwt *j)
{
    unsigned set = j->algorithms.n ? 0 : JWT_ALGS_PUBLIC;
    for (size_t i = 0; i < j->algorithms.n; i++) {
        enum jwt_alg alg;
        if (jwt_alg_find(j->algorithms.v[i], &alg))
            set |= jwt_alg_bit(alg);
        else
            weir_fault(l, &j->place,
                       "auth.jwt.algorithms has \"%.*s\"; allowed: RS256, RS384, RS512, PS256, "
                       "ES256, ES384, EdDSA, HS256",
                       ARG(j->algorithms.v[i]));
    }
    if ((set & jwt_alg_bit(JWT_ALG_HS256)) && j->url.text.n)
        weir_fault(l, &j->place,
                   "auth.jwt.algorithms has HS256, whose key is a secret: that comes from a "
                   "jwks_file, never from a jwks_url");
    return set;
}

static void load_carriers(struct weir_load *l, struct auth_jwt *j)
{
    if (j->header.n)
        j->header_name = field_of(l, &j->place, "auth.jwt.header", j->header);
    j->by_authorization = slice_ieq(j->header, authorization);
    if (j->cookie.n && !weir_name(j->cookie).text.p) /* a token, too: RFC 6265 4.1.1 */
        weir_fault(l, &j->place, "auth.jwt.cookie is \"%.*s\"; the name of a cookie",
                   ARG(j->cookie));
    if (!j->header.n && !j->cookie.n)
        weir_fault(l, &j->place,
                   "auth.jwt has neither header nor cookie: nothing could bring a "
                   "token");
}

static struct weir_slice or_absent(struct weir_slice s)
{
    return s.n ? s : (struct weir_slice){0};
}

static void load_issuer(struct weir_load *l, struct auth_jwt *j)
{
    j->rules = (struct jwt_rules){
        .algs = algorithms_of(l, j),
        .issuer = or_absent(j->issuer),
        .audiences = j->audience.v,
        .audiences_n = j->audience.n,
        .typ = or_absent(j->typ),
        .endless = j->endless,
        .skew_s = j->skew_ms / 1000,
        .size_max = j->max_size,
    };
    j->claims = (struct claims_limits){(size_t)j->max_claims, j->claims_max_size};
    load_carriers(l, j);
    if (!j->issuer.n)
        weir_warn(l, &j->place,
                  "auth.jwt has no issuer: every token that one of its keys has "
                  "signed is taken, whoever it is from (RFC 8725 3.8)");
    if (!j->audience.n)
        weir_warn(l, &j->place,
                  "auth.jwt has no audience: tokens that the issuer made for "
                  "somebody else are taken, too (RFC 8725 3.9)");
    if (!j->jwks_file.n == !j->url.text.n)
        weir_fault(l, &j->place, "auth.jwt needs one of jwks_file and jwks_url");
    else if (j->jwks_file.n && j->cluster != WEIR_NO_CLUSTER)
        weir_fault(l, &j->place, "auth.jwt.jwks_cluster goes with jwks_url only");
    else if (j->jwks_file.n)
        load_keys_file(l, j);
    else
        load_url(l, j);
}

static void load_issuers(struct weir_load *l, struct auth_global *g)
{
    struct auth_jwt *j = g->jwt.v;
    if (g->jwt.n > AUTH_ISSUERS_MAX)
        weir_fault(l, &j[AUTH_ISSUERS_MAX].place,
                   "auth.jwt has %zu issuers; at most %d are allowed", g->jwt.n, AUTH_ISSUERS_MAX);
    for (size_t i = 0; i < g->jwt.n; i++) {
        load_issuer(l, &j[i]);
        for (size_t k = 0; k < i; k++)
            if (slice_eq(j[k].name, j[i].name))
                weir_fault(l, &j[i].place, "auth.jwt.name is \"%.*s\" twice", ARG(j[i].name));
    }
}

/* -- the whole --------------------------------------------------------------------------------- */

static void load_realm(struct weir_load *l, const char *what, struct weir_slice realm)
{
    if (!credentials_realm_ok(realm))
        weir_fault(l, weir_load_place(l),
                   "%s must be a text of at most %d bytes without control characters", what,
                   CREDENTIALS_REALM_MAX);
}

void auth_load(struct weir_load *l, void *global)
{
    struct auth_global *g = global;
    struct auth_forward *f = g->forward.v;
    counts_load(l, &g->counts);
    load_realm(l, "auth.realm", g->realm);
    load_issuers(l, g);
    if (g->api_keys.file.n)
        load_api_keys(l, &g->api_keys);
    if (!g->basic.realm.n)
        g->basic.realm = g->realm;
    load_realm(l, "auth.basic.realm", g->basic.realm);
    if (g->basic.file.n)
        load_users(l, &g->basic);
    for (size_t i = 0; i < g->forward.n; i++)
        load_forward(l, g, &f[i], i);
    g->methods = (g->certificate.subject != PEER_OFF) << AUTH_CERTIFICATE |
                 (g->jwt.n > 0) << AUTH_JWT | (g->api_keys.file.n > 0) << AUTH_API_KEY |
                 (g->basic.file.n > 0) << AUTH_BASIC;
}

/* -- a route ----------------------------------------------------------------------------------- */

static unsigned methods_of(struct weir_load *l, const struct auth_route *r,
                           const struct auth_global *g)
{
    unsigned set = 0;
    for (size_t i = 0; i < r->methods.n; i++) {
        const struct weir_slice word = r->methods.v[i];
        const unsigned bit = auth_method_bit(word);
        if (!bit)
            weir_fault(l, weir_load_place(l),
                       "auth.methods has \"%.*s\"; allowed: certificate, jwt, api_key, basic",
                       ARG(word));
        else if (!(bit & g->methods))
            weir_fault(l, weir_load_place(l),
                       "auth.methods has \"%.*s\", which modules.auth doesn't configure",
                       ARG(word));
        set |= bit;
    }
    return r->methods.n ? set : g->methods;
}

static void check_require(struct weir_load *l, const struct auth_route *r)
{
    const struct auth_require *q = r->require.v;
    if (r->require.n && r->mode != AUTH_REQUIRED)
        weir_fault(l, weir_load_place(l),
                   "auth.require goes with mode = \"required\" only: nobody has no claims");
    for (size_t i = 0; i < r->require.n; i++)
        if (!q[i].any_of.n)
            weir_fault(l, &q[i].place, "auth.require.any_of is empty, so nobody would get through");
}

void auth_load_route(struct weir_load *l, void *conf, void *global)
{
    struct auth_route *r = conf;
    struct auth_global *g = global;
    r->route = weir_load_dup(l, weir_load_route(l));
    r->next = g->routes;
    g->routes = r;
    check_require(l, r);
    if (r->on_invalid && r->mode != AUTH_OPTIONAL)
        weir_fault(l, weir_load_place(l), "auth.on_invalid goes with mode = \"optional\" only");
    const unsigned methods = methods_of(l, r, g);
    if (r->mode == AUTH_OFF)
        return;
    r->allowed = methods;
    weir_load_wants_identity(l);
    if (!g->methods)
        weir_fault(l, weir_load_place(l),
                   "auth needs a way to identify somebody: modules = { auth = { jwt, api_keys, "
                   "basic or certificate }; };");
}
