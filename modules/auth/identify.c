/* SPDX-License-Identifier: Apache-2.0 */
/* The order of methods, and those that need no second look: certificates, which the handshake has
 * verified, and API keys, which cost two hashes. */
#include "auth/identify.h"

#include "auth/peer.h"
#include "auth/reasons.h"
#include "common/slice.h"

/* -- what the methods share -------------------------------------------------------------------- */

unsigned ask_field(const struct ask *ask, const struct weir_name *name, struct weir_slice *value)
{
    struct weir_slice one, its;
    unsigned n = 0;
    *value = (struct weir_slice){0};
    for (size_t at = 0; weir_field_each(ask->x, WEIR_REQUEST, &at, &one, &its);)
        if (slice_ieq(one, name->text) && n++ == 0)
            *value = its;
    return n;
}

enum tried ask_wrong(struct ask *ask, const char *reason)
{
    ask->reason = reason;
    return TRIED_WRONG;
}

enum tried ask_good(struct ask *ask, const struct grant *g)
{
    const struct grant *own = grant_pack(g, weir_alloc(ask->x, grant_size(g)));
    weir_identity_set(ask->x, &own->id, own->claims, own->claims_n);
    return TRIED_GOOD;
}

const struct grant *ask_cache(struct ask *ask, const struct token_cache_id *id, uint64_t version)
{
    return token_cache_find(ask->a->cache, id, version, auth_now_s(ask->a));
}

/* -- certificates ------------------------------------------------------------------------------ */

static size_t put_names(struct weir_claim *to, struct weir_slice name,
                        const struct weir_slice *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (struct weir_claim){name, values[i]};
    return n;
}

/* All of a certificate's names are claims, whichever of them is the subject. */
static void set_certificate(struct ask *ask, const struct weir_peer *peer, struct weir_slice who)
{
    const size_t most = 2 + peer->dns_names_n + peer->uris_n + peer->emails_n;
    struct weir_claim *claims = weir_alloc(ask->x, most * sizeof *claims);
    const struct weir_identity id = {
        .subject = who, .issuer = WEIR_SLICE("tls"), .method = WEIR_SLICE("certificate")};
    size_t n = put_names(claims, WEIR_SLICE("dn"), &peer->subject, 1);
    n += put_names(claims + n, WEIR_SLICE("fingerprint"), &peer->fingerprint, 1);
    n += put_names(claims + n, WEIR_SLICE("san_dns"), peer->dns_names, peer->dns_names_n);
    n += put_names(claims + n, WEIR_SLICE("san_uri"), peer->uris, peer->uris_n);
    n += put_names(claims + n, WEIR_SLICE("san_email"), peer->emails, peer->emails_n);
    weir_identity_set(ask->x, &id, claims, n);
}

static enum tried by_certificate(struct ask *ask)
{
    const struct weir_peer *peer = weir_peer(ask->x);
    struct weir_slice who;
    if (!peer)
        return TRIED_NOTHING;
    const enum peer_fault f = peer_subject(peer, (enum peer_subject)ask->a->g->certificate.subject,
                                           weir_alloc(ask->x, peer->subject.n + 1), &who);
    if (f != PEER_OK)
        return ask_wrong(ask, f == PEER_NOBODY ? AUTH_REASON_CERTIFICATE_NOBODY
                                               : AUTH_REASON_CERTIFICATE_MANY);
    set_certificate(ask, peer, who);
    return TRIED_GOOD;
}

/* -- API keys ---------------------------------------------------------------------------------- */

static enum tried by_api_key(struct ask *ask)
{
    struct auth_local *a = ask->a;
    struct auth_fault fault; /* the control process says what is wrong */
    struct weir_slice value;
    const unsigned lines = ask_field(ask, &a->g->api_keys.header_name, &value);
    if (lines != 1)
        return lines ? ask_wrong(ask, AUTH_REASON_TWICE) : TRIED_NOTHING;
    (void)source_update(&a->api_keys, &fault);
    const struct weir_slice presented = credentials_api_key(value);
    if (!presented.p)
        return ask_wrong(ask, AUTH_REASON_MALFORMED);
    if (!a->api_keys.changes)
        return ask_wrong(ask, AUTH_REASON_BUSY);
    const struct apikeys_key *key = apikeys_find(&a->api_keys.api_keys, presented);
    if (!key)
        return ask_wrong(ask, AUTH_REASON_API_KEY);
    return ask_good(
        ask,
        &(struct grant){
            .id = {.subject = key->name, .issuer = a->g->realm, .method = WEIR_SLICE("api_key")},
            .claims = key->claims,
            .claims_n = key->claims_n,
        });
}

/* -- all of them ------------------------------------------------------------------------------- */

static enum tried (*const methods[AUTH_METHODS_N])(struct ask *ask) = {
    [AUTH_CERTIFICATE] = by_certificate,
    [AUTH_JWT] = identify_jwt,
    [AUTH_API_KEY] = by_api_key,
    [AUTH_BASIC] = identify_basic,
};

/* The first one that the request carries something for decides, whatever comes behind it: else
 * wrong credentials could hide behind others. */
static enum tried try_all(struct ask *ask, unsigned allowed)
{
    const struct auth_counts *counts = &ask->a->g->counts;
    for (int m = 0; m < AUTH_METHODS_N; m++) {
        const enum tried t = allowed >> m & 1 ? methods[m](ask) : TRIED_NOTHING;
        if (t == TRIED_NOTHING)
            continue;
        if (t == TRIED_GOOD)
            count_identified(ask->a->p, counts, (enum auth_method)m);
        if (t == TRIED_WRONG)
            count_failed(ask->a->p, counts, ask->reason);
        return t;
    }
    return TRIED_NOTHING;
}

enum weir_verdict identify(struct weir_exchange *x, const struct weir_use *u)
{
    struct ask ask = {.x = x, .a = u->local, .state = u->state};
    const struct weir_name name = weir_name(WEIR_SLICE("authorization"));
    struct weir_slice value;
    if (!ask.a) { /* there was no memory when the process began */
        weir_identity_wrong(x, AUTH_REASON_BUSY);
        return WEIR_NEXT;
    }
    ask.authorizations = ask_field(&ask, &name, &value);
    ask.authorization = credentials_read(value);
    const enum tried t = try_all(&ask, auth_methods_of(ask.a, weir_route_name(x)));
    if (t == TRIED_WRONG)
        weir_identity_wrong(x, ask.reason);
    return t == TRIED_WAIT ? WEIR_WAIT : WEIR_NEXT;
}

/* The client may be gone, while others go on. */
void identify_done(const struct weir_use *u)
{
    struct auth_state *state = u->state;
    if (state->keys)
        key_wait_end(u->local, state->keys);
    if (state->check)
        basic_forget(u->local, state->check);
}
