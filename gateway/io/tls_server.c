/* SPDX-License-Identifier: Apache-2.0 */
/* A listener's contexts: one SSL_CTX for each set of certificates that some name gets, all with the
 * same settings. Which one a connection takes is chosen in tls_hello.c.
 *
 * Sessions are kept by clients, as tickets; nothing is kept here. A session is bound to the
 * listener, its rules for clients' certificates with the contents of their files, the certificates
 * and the name: the session id context is a digest of all that. So who was let in by one set of
 * authorities isn't recognised under another. */
#include "io/tls_parts.h"

#include <openssl/err.h>

#include <stdlib.h>

struct tls_server {
    struct arena arena; /* names, contexts */
    struct tls_identity *ids;
    size_t ids_n;
    struct tls_names names;
    struct tls_hello_rules rules;
    SSL_CTX **contexts; /* owned */
    size_t contexts_n;
    struct tls_trust trust; /* whose clients' certificates are taken */
    struct tls_ticket_view *tickets;
    unsigned char alpn[ALPN_WIRE_MAX];
    unsigned alpn_n;
    bool h2; /* is among them */
};

static bool read_identities(struct tls_server *s, const struct tls_server_conf *c,
                            struct faults *faults);
static bool make_contexts(struct tls_server *s, const struct tls_server_conf *c,
                          struct faults *faults);
static SSL_CTX *make_context(struct tls_server *s, const struct tls_server_conf *c,
                             const struct tls_choice *choice, struct faults *faults);
static void set_clients(struct tls_server *s, const struct tls_server_conf *c, SSL_CTX *ctx);
static void set_tickets(struct tls_server *s, const struct tls_server_conf *c, SSL_CTX *ctx);
static void bind_sessions(struct tls_server *s, const struct tls_server_conf *c,
                          struct tls_choice *choice);
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                   const unsigned char *in, unsigned in_n, void *arg);
static int on_status(SSL *ssl, void *arg);

struct tls_server *tls_server_new(const struct tls_server_conf *c, struct tls_alpn alpn,
                                  const struct tls_tickets *tickets, struct faults *faults)
{
    struct tls_server *s = calloc(1, sizeof *s);
    must(s);
    arena_init(&s->arena, NULL, 0);
    s->alpn_n = tls_alpn_wire(alpn, s->alpn);
    s->h2 = alpn.h2;
    s->rules = (struct tls_hello_rules){
        .names = &s->names, .strict = c->strict_sni, .need_alpn = alpn.h2 && !alpn.h1};
    if (tickets && c->tickets > 0) {
        s->tickets = tls_ticket_view_new(tickets);
        must(s->tickets);
    }
    bool ok = read_identities(s, c, faults);
    if (c->client.verify != TLS_VERIFY_OFF)
        ok = tls_trust_read(&s->trust, c->client.ca, c->client.crl,
                            &(struct tls_say){faults, &c->place}) &&
             ok;
    if (ok && make_contexts(s, c, faults))
        return s;
    tls_server_free(s);
    return NULL;
}

void tls_server_free(struct tls_server *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->contexts_n; i++)
        SSL_CTX_free(s->contexts[i]);
    for (size_t i = 0; i < s->ids_n; i++)
        tls_identity_free(&s->ids[i]);
    tls_trust_free(&s->trust);
    tls_names_fini(&s->names);
    tls_ticket_view_free(s->tickets);
    arena_fini(&s->arena);
    free(s);
}

SSL *tls_server_ssl(const struct tls_server *s)
{
    SSL *ssl = SSL_new(s->names.fallback.ctx);
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}

size_t tls_server_contexts(const struct tls_server *s)
{
    return s->contexts_n;
}

static bool read_identities(struct tls_server *s, const struct tls_server_conf *c,
                            struct faults *faults)
{
    bool ok = c->certificates_n > 0;
    s->ids = ARENA_ARRAY(&s->arena, struct tls_identity, c->certificates_n + 1);
    for (size_t i = 0; i < c->certificates_n; i++, s->ids_n++) {
        struct tls_identity *id = &s->ids[i];
        ok = tls_identity_read(id, &c->certificates[i], &s->arena, faults) && ok;
        if (id->leaf)
            tls_identity_check_chain(id, faults);
    }
    return ok;
}

/* -- contexts ---------------------------------------------------------------------------------- */

static bool give_context(struct tls_server *s, const struct tls_server_conf *c, struct map *made,
                         struct tls_choice *choice, struct faults *faults)
{
    const struct slice key = slice_of((const char *)choice->ids, sizeof choice->ids);
    choice->ctx = map_find(made, key);
    if (!choice->ctx) {
        choice->ctx = make_context(s, c, choice, faults);
        if (!choice->ctx)
            return false;
        s->contexts[s->contexts_n++] = choice->ctx;
        map_set(made, key, choice->ctx);
    }
    bind_sessions(s, c, choice);
    return true;
}

static bool make_contexts(struct tls_server *s, const struct tls_server_conf *c,
                          struct faults *faults)
{
    tls_names_build(&s->names, s->ids, s->ids_n, &s->arena, faults);
    s->contexts = ARENA_ARRAY(&s->arena, SSL_CTX *, s->names.n + 1);
    struct map made;
    map_init(&made);
    bool ok = give_context(s, c, &made, &s->names.fallback, faults);
    for (size_t i = 0; ok && i < s->names.n; i++)
        ok = give_context(s, c, &made, &s->names.list[i], faults);
    map_fini(&made);
    if (ok && c->ciphers.n && s->h2)
        tls_profile_check_h2(s->names.fallback.ctx, &(struct tls_say){faults, &c->place});
    /* The contexts have what they need; keys lie in memory no more often than necessary. */
    for (size_t i = 0; i < s->ids_n; i++) {
        EVP_PKEY_free(s->ids[i].key);
        s->ids[i].key = NULL;
    }
    return ok;
}

static SSL_CTX *make_context(struct tls_server *s, const struct tls_server_conf *c,
                             const struct tls_choice *choice, struct faults *faults)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    must(ctx);
    const struct tls_profile_conf profile = {c->profile, c->ciphers, c->ciphersuites, c->groups};
    bool ok = tls_profile_use(ctx, &profile, &(struct tls_say){faults, &c->place});
    bool staples = false;
    for (int t = 0; t < TLS_KEY_TYPES; t++) {
        const struct tls_identity *id = choice->ids[t] < 0 ? NULL : &s->ids[choice->ids[t]];
        ok = (!id || tls_identity_use(id, ctx, faults)) && ok;
        staples = staples || (id && id->staple.der);
    }
    tls_hello_use(ctx, &s->rules);
    if (s->alpn_n)
        SSL_CTX_set_alpn_select_cb(ctx, on_alpn, s);
    if (staples) {
        SSL_CTX_set_tlsext_status_cb(ctx, on_status);
        SSL_CTX_set_tlsext_status_arg(ctx, s);
    }
    set_clients(s, c, ctx);
    set_tickets(s, c, ctx);
    if (ok)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* -- clients' certificates --------------------------------------------------------------------- */

static void set_clients(struct tls_server *s, const struct tls_server_conf *c, SSL_CTX *ctx)
{
    if (c->client.verify == TLS_VERIFY_OFF)
        return;
    const int required =
        c->client.verify == TLS_VERIFY_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | required, NULL);
    SSL_CTX_set_verify_depth(ctx, (int)c->client.depth);
    SSL_CTX_set1_cert_store(ctx, s->trust.store);
    SSL_CTX_set_client_CA_list(ctx, SSL_dup_CA_list(s->trust.names));
}

/* -- sessions ---------------------------------------------------------------------------------- */

/* A client's certificate is checked once per session: one that has expired since ends it. */
static SSL_TICKET_RETURN on_session(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                    size_t name_n, SSL_TICKET_STATUS status, void *arg)
{
    (void)ssl, (void)name, (void)name_n, (void)arg;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    const X509 *peer = SSL_SESSION_get0_peer(session);
    if (peer && X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static void set_tickets(struct tls_server *s, const struct tls_server_conf *c, SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_num_tickets(ctx, (size_t)c->tickets));
    SSL_CTX_set_timeout(ctx, (long)(c->ticket_lifetime / 1000));
    if (c->tickets == 0)
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    if (s->tickets)
        tls_ticket_view_use(s->tickets, ctx);
    if (c->client.verify != TLS_VERIFY_OFF)
        must(SSL_CTX_set_session_ticket_cb(ctx, NULL, on_session, NULL));
}

static void bind_sessions(struct tls_server *s, const struct tls_server_conf *c,
                          struct tls_choice *choice)
{
    const int64_t rules[] = {c->client.verify, c->client.depth};
    EVP_MD_CTX *d = EVP_MD_CTX_new();
    must(d && EVP_DigestInit_ex(d, EVP_sha256(), NULL));
    must(EVP_DigestUpdate(d, c->listener.p, c->listener.n) && EVP_DigestUpdate(d, "", 1));
    must(EVP_DigestUpdate(d, rules, sizeof rules));
    must(EVP_DigestUpdate(d, s->trust.digest, sizeof s->trust.digest));
    for (int t = 0; t < TLS_KEY_TYPES; t++)
        if (choice->ids[t] >= 0)
            must(EVP_DigestUpdate(d, s->ids[choice->ids[t]].fingerprint, TLS_DIGEST));
    must(EVP_DigestUpdate(d, choice->name.p, choice->name.n));
    must(EVP_DigestFinal_ex(d, choice->session_id, NULL));
    EVP_MD_CTX_free(d);
}

/* -- during a handshake ------------------------------------------------------------------------ */

/* h2 first, whatever the client's order; nothing in common ends it (RFC 7301 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                   const unsigned char *in, unsigned in_n, void *arg)
{
    (void)ssl;
    const struct tls_server *s = arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_n, s->alpn, s->alpn_n, in, in_n) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* The staple of the certificate that this connection gets, which is known by now. */
static int on_status(SSL *ssl, void *arg)
{
    const struct tls_server *s = arg;
    const X509 *leaf = SSL_get_certificate(ssl);
    const struct tls_staple *staple = NULL;
    for (size_t i = 0; i < s->ids_n && !staple; i++)
        if (s->ids[i].leaf == leaf)
            staple = &s->ids[i].staple;
    if (!staple || !staple->der || staple->until_s <= time(NULL))
        return SSL_TLSEXT_ERR_NOACK;
    unsigned char *copy = OPENSSL_memdup(staple->der, staple->n);
    if (!copy)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)staple->n);
    return SSL_TLSEXT_ERR_OK;
}
