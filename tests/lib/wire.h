/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_WIRE_H
#define WEIR_TESTS_LIB_WIRE_H

/* A connection of the tests' own: a socket that doesn't block, with or without TLS over it, used by
 * one thread; waiting is done here, with poll(). And HTTP/2 on it: what an nghttp2 session has to
 * say goes out, what comes goes in. */

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WIRE_FOREVER = -1 };

struct wire {
    int fd;
    SSL *ssl; /* NULL: cleartext */
};

/* Takes over the socket. wire_close closes it, for TLS with a close_notify before. */
void wire_init(struct wire *w, int fd);
void wire_close(struct wire *w);
/* Will be reset, not ended, when it is closed: no close_notify, RST. */
void wire_resets(struct wire *w);
/* The end of our direction: close_notify, FIN. */
void wire_end(struct wire *w);

/* Handshakes. False: it failed, or took longer than the tests' deadline. `name` is the SNI, and
 * what the certificate must say; NULL: neither. */
bool wire_accept(struct wire *w, SSL_CTX *tls);
bool wire_connect(struct wire *w, SSL_CTX *tls, const char *name);
/* What ALPN has agreed on: "h2", "http/1.1"; "" when nothing. */
const char *wire_alpn(const struct wire *w);

/* What has come, up to n bytes; 0: the end, in one way or another; -1: nothing within wait_ms. */
ssize_t wire_read(struct wire *w, void *p, size_t n, int wait_ms);
/* How much of it could be written without waiting; -1: the other side is gone. */
ssize_t wire_write_some(struct wire *w, const void *p, size_t n);
/* All of it; false: the other side is gone, or doesn't read within wait_ms. */
bool wire_write(struct wire *w, const void *p, size_t n, int wait_ms);
/* Waits that long, but no longer than the other side stays. False: it went away. */
bool wire_rest(struct wire *w, unsigned ms);

/* Settings for handshakes. `crt`, `key` and `ca` are paths; alpn: "h2,http/1.1" or NULL. What can't
 * be read fails the test. client_ca: certificates of clients are required; NULL: not asked for. */
SSL_CTX *wire_server_tls(const char *crt, const char *key, const char *alpn, const char *client_ca);
SSL_CTX *wire_client_tls(const char *ca, const char *alpn);

/* -- HTTP/2 ------------------------------------------------------------------------------------ */

struct h2_pipe {
    struct wire *wire;
    nghttp2_session *session;
    const uint8_t *out; /* the session's, not written yet */
    size_t out_n;
    uint64_t received; /* bytes */
};

/* Writes what there is to write, waits up to wait_ms for something to come, and feeds it to the
 * session. False: the connection is over, or the session is through with it. */
bool h2_pump(struct h2_pipe *p, int wait_ms);

#endif
