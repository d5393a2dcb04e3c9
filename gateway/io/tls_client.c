/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's context: how its endpoints are spoken to over TLS. Their certificates are checked
 * against the system's authorities or a file, and have to be for the name that is asked for (by
 * subjectAltName alone, RFC 9525 2). A session is kept per endpoint by the caller (struct
 * tls_resume); OpenSSL's own cache is off. */
#include "io/tls_parts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <stdlib.h>

struct tls_client {
    SSL_CTX *ctx;
    struct arena arena;
    struct slice server_name; /* empty: what the caller says */
    bool verify, resume;
};

enum { NAME_ROOM = 256 };

static bool set_trust(struct tls_client *tc, const struct tls_client_conf *c,
                      const struct tls_say *say);
static bool set_identity(struct tls_client *tc, const struct tls_client_conf *c,
                         struct faults *faults);
static void set_sessions(struct tls_client *tc);
static bool set_name(const struct tls_client *tc, SSL *ssl, struct slice name);
static void give_session(SSL *ssl, struct tls_resume *resume);

struct tls_client *tls_client_new(const struct tls_client_conf *c, struct tls_alpn alpn,
                                  struct faults *faults)
{
    const struct tls_say say = {faults, &c->place};
    struct tls_client *tc = calloc(1, sizeof *tc);
    must(tc);
    arena_init(&tc->arena, NULL, 0);
    tc->ctx = SSL_CTX_new(TLS_client_method());
    must(tc->ctx);
    tc->server_name = arena_dup(&tc->arena, c->server_name);
    tc->verify = c->verify;
    tc->resume = c->resume;
    const struct tls_profile_conf profile = {c->profile, c->ciphers, c->ciphersuites, c->groups};
    bool ok = tls_profile_use(tc->ctx, &profile, &say);
    ok = (!c->verify || set_trust(tc, c, &say)) && ok;
    ok = (!c->certificate.n || set_identity(tc, c, faults)) && ok;
    set_sessions(tc);
    unsigned char wire[ALPN_WIRE_MAX];
    const unsigned n = tls_alpn_wire(alpn, wire);
    must(!n || SSL_CTX_set_alpn_protos(tc->ctx, wire, n) == 0);
    if (ok)
        return tc;
    tls_client_free(tc);
    return NULL;
}

void tls_client_free(struct tls_client *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ctx);
    arena_fini(&c->arena);
    free(c);
}

static bool set_trust(struct tls_client *tc, const struct tls_client_conf *c,
                      const struct tls_say *say)
{
    struct tls_trust trust;
    const bool ok = tls_trust_read(&trust, c->ca, c->crl, say);
    SSL_CTX_set1_cert_store(tc->ctx, trust.store);
    SSL_CTX_set_verify(tc->ctx, SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(tc->ctx),
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    tls_trust_free(&trust);
    return ok;
}

static bool set_identity(struct tls_client *tc, const struct tls_client_conf *c,
                         struct faults *faults)
{
    const struct tls_certificate_conf own = {
        .place = c->place, .certificate = c->certificate, .key = c->key};
    struct tls_identity id;
    const bool ok =
        tls_identity_read(&id, &own, &tc->arena, faults) && tls_identity_use(&id, tc->ctx, faults);
    tls_identity_free(&id);
    return ok;
}

/* -- connections ------------------------------------------------------------------------------- */

SSL *tls_client_ssl(const struct tls_client *c, struct slice name, struct tls_resume *resume)
{
    SSL *ssl = SSL_new(c->ctx);
    if (!ssl)
        return NULL;
    if (!set_name(c, ssl, c->server_name.n ? c->server_name : name)) {
        SSL_free(ssl);
        return NULL;
    }
    if (c->resume && resume)
        give_session(ssl, resume);
    SSL_set_connect_state(ssl);
    return ssl;
}

static bool is_ip(const char *text)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* SNI is for names alone (RFC 6066 3), without a trailing dot. */
static bool set_name(const struct tls_client *tc, SSL *ssl, struct slice name)
{
    char text[NAME_ROOM];
    if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
        name = slice_of(name.p + 1, name.n - 2);
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n == 0 || name.n >= sizeof text)
        return false;
    memcpy(text, name.p, name.n);
    text[name.n] = 0;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (is_ip(text))
        return !tc->verify || X509_VERIFY_PARAM_set1_ip_asc(param, text) == 1;
    return SSL_set_tlsext_host_name(ssl, text) == 1 &&
           (!tc->verify || X509_VERIFY_PARAM_set1_host(param, text, name.n) == 1);
}

/* -- sessions ---------------------------------------------------------------------------------- */

void tls_resume_drop(struct tls_resume *r)
{
    SSL_SESSION_free(r->session);
    r->session = NULL;
}

/* The newest ticket wins. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_resume *resume = SSL_get_app_data(ssl);
    if (!resume || !SSL_SESSION_is_resumable(session))
        return 0;
    tls_resume_drop(resume);
    resume->session = session;
    return 1;
}

static void set_sessions(struct tls_client *tc)
{
    if (!tc->resume) {
        SSL_CTX_set_session_cache_mode(tc->ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(tc->ctx, SSL_OP_NO_TICKET);
        return;
    }
    SSL_CTX_set_session_cache_mode(tc->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tc->ctx, on_session);
}

/* A ticket of TLS 1.3 is used once, so that connections can't be told to be of one client (RFC 8446
 * C.4). A session that can't be used is no reason to fail. */
static void give_session(SSL *ssl, struct tls_resume *resume)
{
    SSL_SESSION *session = resume->session;
    SSL_set_app_data(ssl, resume);
    if (!session)
        return;
    const bool once = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
    if (!SSL_set_session(ssl, session))
        ERR_clear_error();
    if (once)
        tls_resume_drop(resume);
}
