/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the tests with TLS or without. Nothing here asserts but what makes settings: the rest
 * runs in the threads of origins. */
#include "tests/lib/wire.h"

#include "tests/lib/wait.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void wire_init(struct wire *w, int fd)
{
    *w = (struct wire){.fd = fd};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void wire_close(struct wire *w)
{
    if (w->ssl) {
        ERR_clear_error();
        SSL_shutdown(w->ssl);
        SSL_free(w->ssl);
    }
    close(w->fd);
    *w = (struct wire){.fd = -1};
}

void wire_resets(struct wire *w)
{
    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    if (w->ssl)
        SSL_set_quiet_shutdown(w->ssl, 1);
}

void wire_end(struct wire *w)
{
    ERR_clear_error();
    if (w->ssl)
        SSL_shutdown(w->ssl);
    shutdown(w->fd, SHUT_WR);
}

/* False: not within that time. An error counts as readiness: the next call will tell. */
static bool ready(const struct wire *w, short events, int wait_ms)
{
    struct pollfd p = {.fd = w->fd, .events = events};
    return poll(&p, 1, wait_ms) > 0;
}

/* -- bytes ------------------------------------------------------------------------------------- */

static ssize_t read_now(struct wire *w, void *p, size_t n)
{
    if (!w->ssl) {
        const ssize_t k = recv(w->fd, p, n, 0);
        return k < 0 && errno != EAGAIN ? 0 : k;
    }
    ERR_clear_error();
    const int k = SSL_read(w->ssl, p, (int)n);
    return k > 0 ? k : SSL_get_error(w->ssl, k) == SSL_ERROR_WANT_READ ? -1 : 0;
}

ssize_t wire_read(struct wire *w, void *p, size_t n, int wait_ms)
{
    const uint64_t end = now_ms() + (uint64_t)(wait_ms > 0 ? wait_ms : 0);
    for (;;) {
        const ssize_t k = read_now(w, p, n);
        const uint64_t now = now_ms();
        if (k >= 0 || (wait_ms >= 0 && now >= end))
            return k;
        ready(w, POLLIN, wait_ms < 0 ? wait_ms : (int)(end - now));
    }
}

ssize_t wire_write_some(struct wire *w, const void *p, size_t n)
{
    if (!n)
        return 0;
    if (!w->ssl) {
        const ssize_t k = send(w->fd, p, n, MSG_NOSIGNAL);
        return k < 0 && errno == EAGAIN ? 0 : k;
    }
    ERR_clear_error();
    const int k = SSL_write(w->ssl, p, (int)n);
    const int why = SSL_get_error(w->ssl, k);
    return k > 0 ? k : why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

bool wire_write(struct wire *w, const void *p, size_t n, int wait_ms)
{
    for (size_t at = 0; at < n;) {
        const ssize_t k = wire_write_some(w, (const char *)p + at, n - at);
        if (k < 0 || (k == 0 && !ready(w, POLLOUT, wait_ms)))
            return false;
        at += (size_t)k;
    }
    return true;
}

bool wire_rest(struct wire *w, unsigned ms)
{
    const uint64_t end = now_ms() + ms;
    for (uint64_t now; (now = now_ms()) < end;) {
        struct pollfd p = {.fd = w->fd, .events = POLLRDHUP};
        if (poll(&p, 1, (int)(end - now)) > 0)
            return false;
    }
    return true;
}

/* -- TLS --------------------------------------------------------------------------------------- */

static bool handshake(struct wire *w, SSL_CTX *tls, int (*step)(SSL *), const char *name)
{
    const uint64_t end = now_ms() + DEADLINE_MS;
    w->ssl = SSL_new(tls);
    SSL_set_fd(w->ssl, w->fd);
    if (name) {
        SSL_set_tlsext_host_name(w->ssl, name);
        SSL_set1_host(w->ssl, name);
    }
    for (;;) {
        ERR_clear_error();
        const int k = step(w->ssl), why = SSL_get_error(w->ssl, k);
        const uint64_t now = now_ms();
        if (k == 1)
            return true;
        if (now >= end || (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE))
            break;
        ready(w, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, (int)(end - now));
    }
    SSL_free(w->ssl);
    w->ssl = NULL;
    return false;
}

bool wire_accept(struct wire *w, SSL_CTX *tls)
{
    return handshake(w, tls, SSL_accept, NULL);
}

bool wire_connect(struct wire *w, SSL_CTX *tls, const char *name)
{
    return handshake(w, tls, SSL_connect, name);
}

const char *wire_alpn(const struct wire *w)
{
    static const char *const names[] = {"h2", "http/1.1"};
    const unsigned char *p = NULL;
    unsigned n = 0;
    if (w->ssl)
        SSL_get0_alpn_selected(w->ssl, &p, &n);
    for (size_t i = 0; p && i < 2; i++)
        if (strlen(names[i]) == n && !memcmp(names[i], p, n))
            return names[i];
    return "";
}

/* "h2,http/1.1" with a length before each, as ALPN wants it. */
static unsigned alpn_list(unsigned char *out, size_t room, const char *names)
{
    unsigned n = 0;
    while (*names && n + 1 + strcspn(names, ",") <= room) {
        const size_t k = strcspn(names, ",");
        out[n++] = (unsigned char)k;
        memcpy(out + n, names, k);
        n += (unsigned)k;
        names += k + (names[k] == ',');
    }
    return n;
}

static int choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
                  unsigned in_n, void *names)
{
    unsigned char list[64];
    unsigned char *chosen;
    (void)ssl;
    const unsigned list_n = alpn_list(list, sizeof list, names);
    if (SSL_select_next_proto(&chosen, n, list, list_n, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    for (unsigned at = 0; at < in_n; at += 1 + in[at]) /* not ours: that is on this stack */
        if (in[at] == *n && !memcmp(in + at + 1, chosen, *n))
            return *out = in + at + 1, SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *settings(const SSL_METHOD *method)
{
    SSL_CTX *tls = SSL_CTX_new(method);
    cr_assert(tls);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

SSL_CTX *wire_server_tls(const char *crt, const char *key, const char *alpn, const char *client_ca)
{
    SSL_CTX *tls = settings(TLS_server_method());
    cr_assert_eq(SSL_CTX_use_certificate_chain_file(tls, crt), 1, "%s", crt);
    cr_assert_eq(SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM), 1, "%s", key);
    SSL_CTX_set_session_id_context(tls, (const unsigned char *)"tests", 5);
    if (alpn)
        SSL_CTX_set_alpn_select_cb(tls, choose, (void *)(uintptr_t)alpn);
    if (client_ca) {
        cr_assert_eq(SSL_CTX_load_verify_locations(tls, client_ca, NULL), 1, "%s", client_ca);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return tls;
}

SSL_CTX *wire_client_tls(const char *ca, const char *alpn)
{
    SSL_CTX *tls = settings(TLS_client_method());
    unsigned char list[64];
    cr_assert_eq(SSL_CTX_load_verify_locations(tls, ca, NULL), 1, "%s", ca);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    if (alpn)
        SSL_CTX_set_alpn_protos(tls, list, alpn_list(list, sizeof list, alpn));
    return tls;
}

/* -- HTTP/2 ------------------------------------------------------------------------------------ */

static bool push(struct h2_pipe *p)
{
    for (;;) {
        if (!p->out_n) {
            const ssize_t n = nghttp2_session_mem_send(p->session, &p->out);
            if (n <= 0)
                return n == 0;
            p->out_n = (size_t)n;
        }
        const ssize_t k = wire_write_some(p->wire, p->out, p->out_n);
        if (k <= 0)
            return k == 0;
        p->out += k;
        p->out_n -= (size_t)k;
    }
}

static bool feed(struct h2_pipe *p)
{
    uint8_t in[16 * 1024];
    ssize_t n;
    while ((n = wire_read(p->wire, in, sizeof in, 0)) > 0) {
        p->received += (uint64_t)n;
        if (nghttp2_session_mem_recv(p->session, in, (size_t)n) < 0)
            return push(p), false;
        if (n < (ssize_t)sizeof in && !(p->wire->ssl && SSL_pending(p->wire->ssl)))
            break;
    }
    return n != 0;
}

bool h2_pump(struct h2_pipe *p, int wait_ms)
{
    if (!push(p))
        return false;
    if (!p->out_n && !nghttp2_session_want_read(p->session) &&
        !nghttp2_session_want_write(p->session))
        return false;
    if (!(p->wire->ssl && SSL_pending(p->wire->ssl)))
        ready(p->wire, (short)(POLLIN | (p->out_n ? POLLOUT : 0)), wait_ms);
    return feed(p) && push(p);
}
