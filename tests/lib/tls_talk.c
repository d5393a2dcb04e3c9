/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios' client over TLS. Each talk has a context of its own: what one test wishes for has
 * no way into another. */
#include "tests/lib/tls_talk.h"

#include "tests/lib/rig.h"
#include "tests/lib/wait.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char fault[256];

const char *tls_fault(void)
{
    return fault;
}

static void note_fault(const char *what)
{
    const unsigned long e = ERR_peek_last_error();
    snprintf(fault, sizeof fault, "%s: %s", what,
             e ? ERR_reason_error_string(e) ? ERR_reason_error_string(e) : "?" : "closed");
    ERR_clear_error();
}

/* -- wishes ------------------------------------------------------------------------------------ */

/* The last session that came, kept with its SSL. */
static void free_session(void *parent, void *p, CRYPTO_EX_DATA *ad, int index, long n, void *arg)
{
    (void)parent;
    (void)ad;
    (void)index;
    (void)n;
    (void)arg;
    SSL_SESSION_free(p);
}

static int slot;
static pthread_once_t slot_made = PTHREAD_ONCE_INIT;

static void make_slot(void)
{
    slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_session);
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION_free(SSL_get_ex_data(ssl, slot));
    SSL_set_ex_data(ssl, slot, session);
    return 1;
}

static SSL_CTX *context_for(const struct tls_wish *w)
{
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    pthread_once(&slot_made, make_slot);
    cr_assert(c);
    SSL_CTX_set_security_level(c, 0); /* what is refused shall be refused by the gateway */
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(c, on_session);
    SSL_CTX_set_min_proto_version(c, w->lowest ? w->lowest : TLS1_VERSION);
    SSL_CTX_set_max_proto_version(c, w->highest);
    cr_assert(!w->ciphers || SSL_CTX_set_cipher_list(c, w->ciphers));
    cr_assert(!w->suites || SSL_CTX_set_ciphersuites(c, w->suites));
    cr_assert(!w->signatures || SSL_CTX_set1_sigalgs_list(c, w->signatures));
    cr_assert(!w->groups || SSL_CTX_set1_groups_list(c, w->groups));
    cr_assert(!w->certificate || SSL_CTX_use_certificate_chain_file(c, w->certificate) == 1);
    cr_assert(!w->key || SSL_CTX_use_PrivateKey_file(c, w->key, SSL_FILETYPE_PEM) == 1);
    cr_assert(!w->ca || SSL_CTX_load_verify_locations(c, w->ca, NULL) == 1, "%s", w->ca);
    SSL_CTX_set_verify(c, w->ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return c;
}

static void wish_alpn(SSL *ssl, const char *list)
{
    unsigned char out[64];
    size_t n = 0;
    for (const char *p = list; *p; p += p[0] == ',') {
        const size_t k = strcspn(p, ",");
        cr_assert_lt(n + k + 1, sizeof out);
        out[n++] = (unsigned char)k;
        memcpy(out + n, p, k);
        n += k;
        p += k;
    }
    cr_assert_eq(SSL_set_alpn_protos(ssl, out, (unsigned)n), 0);
}

static SSL *ssl_for(const struct tls_wish *w, SSL_CTX *ctx)
{
    SSL *ssl = SSL_new(ctx);
    cr_assert(ssl);
    if (w->name)
        SSL_set_tlsext_host_name(ssl, w->name);
    if (w->name && w->ca)
        SSL_set1_host(ssl, w->name);
    if (w->alpn)
        wish_alpn(ssl, w->alpn);
    if (w->session) { /* a copy: OpenSSL gives a session up when a new one comes for it */
        SSL_SESSION *copy = SSL_SESSION_dup(w->session);
        SSL_set_session(ssl, copy);
        SSL_SESSION_free(copy);
    }
    if (w->staple)
        SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
    return ssl;
}

/* -- handshakes -------------------------------------------------------------------------------- */

static bool shake(struct talk *t, SSL *ssl)
{
    const uint64_t end = now_ms() + t->deadline_ms;
    for (int r; (r = SSL_connect(ssl)) != 1;) {
        const int e = SSL_get_error(ssl, r);
        const uint64_t now = now_ms();
        struct pollfd p = {.fd = t->wire.fd,
                           .events = e == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN};
        if ((e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE) || now >= end)
            return note_fault("handshake"), false;
        poll(&p, 1, (int)(end - now));
        ERR_clear_error();
    }
    return true;
}

struct talk *tls_talk_try(struct tls_wish w)
{
    struct talk *t = talk_try(w.port ? w.port : rig_port("port"));
    fault[0] = 0;
    ERR_clear_error();
    if (!t)
        return snprintf(fault, sizeof fault, "connect: %s", strerror(errno)), NULL;
    if (w.before)
        talk_send_n(t, w.before, w.before_n ? w.before_n : strlen(w.before));
    SSL_CTX *ctx = context_for(&w);
    t->wire.ssl = ssl_for(&w, ctx);
    SSL_CTX_free(ctx);
    SSL_set_fd(t->wire.ssl, t->wire.fd);
    if (shake(t, t->wire.ssl))
        return t;
    talk_close(t);
    return NULL;
}

struct talk *tls_talk_open_with(struct tls_wish w)
{
    struct talk *t = tls_talk_try(w);
    cr_assert(t, "%s", fault);
    return talk_keep(t);
}

int tls_status_with(struct tls_wish w)
{
    struct talk *t = tls_talk_try(w);
    if (!t)
        return 0;
    talk_send(t, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", w.name ? w.name : "a");
    const int status = talk_response(t)->status;
    if (!status)
        note_fault("read");
    talk_close(t);
    return status;
}

/* -- looking ----------------------------------------------------------------------------------- */

SSL *tls_of(const struct talk *t)
{
    cr_assert(t->wire.ssl);
    return t->wire.ssl;
}

const char *tls_alpn(const struct talk *t)
{
    return wire_alpn(&t->wire);
}

const char *tls_peer_name(const struct talk *t)
{
    static char name[256];
    X509 *x = SSL_get_peer_certificate(tls_of(t));
    name[0] = 0;
    if (x)
        X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name);
    X509_free(x);
    return name;
}

bool tls_ended_well(const struct talk *t)
{
    return SSL_get_shutdown(tls_of(t)) & SSL_RECEIVED_SHUTDOWN;
}

SSL_SESSION *tls_session(struct talk *t)
{
    SSL_SESSION *session = SSL_get_ex_data(tls_of(t), slot);
    SSL_set_ex_data(tls_of(t), slot, NULL);
    return session;
}
