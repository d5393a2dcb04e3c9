/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under TLS: the relay of floor.c with OpenSSL on its clients' side and nothing else. What a
 * gateway costs above it is not encryption.
 *
 *     floor_tls PORT CERTIFICATE KEY     the backend's port; prints its own and serves until killed
 *
 * OpenSSL reads ahead, so that a record costs one read and not two (header and content apart). */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum { EVENTS = 256, ROOM = 16384 };

struct end {
    struct pair *pair; /* what epoll points to */
    int fd;
};

struct pair {
    struct end client, backend;
    SSL *ssl;
    bool is_open; /* the handshake is done */
    bool is_gone;
    struct pair *next_gone;
};

static struct pair *gone;
static char block[ROOM];

static void end_pair(struct pair *p)
{
    if (p->is_gone)
        return;
    SSL_free(p->ssl);
    close(p->client.fd);
    close(p->backend.fd);
    p->is_gone = true;
    p->next_gone = gone;
    gone = p;
}

static void free_gone(void)
{
    while (gone) {
        struct pair *p = gone;
        gone = p->next_gone;
        free(p);
    }
}

static int alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
                unsigned int in_n, void *arg)
{
    (void)ssl, (void)arg;
    static const unsigned char h1[] = "\x08http/1.1";
    return SSL_select_next_proto((unsigned char **)out, n, h1, sizeof h1 - 1, in, in_n) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *context(const char *certificate, const char *key)
{
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    if (!c || SSL_CTX_use_certificate_chain_file(c, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)
        net_die("certificate and key");
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(c, alpn, NULL);
    return c;
}

static void take_clients(int epoll, int listener, unsigned backend, SSL_CTX *ctx)
{
    for (int fd; (fd = net_accept(listener)) >= 0;) {
        struct pair *p = calloc(1, sizeof *p);
        if (!p || !(p->ssl = SSL_new(ctx)))
            net_die("no memory");
        p->client = (struct end){p, fd};
        p->backend = (struct end){p, net_connect(backend)};
        if (p->backend.fd < 0)
            net_die("connecting to the backend");
        fcntl(fd, F_SETFL, O_NONBLOCK);
        SSL_set_fd(p->ssl, fd);
        SSL_set_accept_state(p->ssl);
        net_watch(epoll, p->client.fd, EPOLLIN, &p->client);
        net_watch(epoll, p->backend.fd, EPOLLIN, &p->backend);
    }
}

static bool try_again(struct pair *p, int result)
{
    const int e = SSL_get_error(p->ssl, result);
    ERR_clear_error();
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE;
}

static bool on_client(struct pair *p)
{
    if (!p->is_open) {
        const int r = SSL_accept(p->ssl);
        if (r != 1)
            return try_again(p, r);
        p->is_open = true;
        if (!SSL_has_pending(p->ssl))
            return true;
    }
    do {
        const int n = SSL_read(p->ssl, block, sizeof block);
        if (n <= 0)
            return try_again(p, n);
        if (send(p->backend.fd, block, (size_t)n, MSG_NOSIGNAL) != n)
            return false;
    } while (SSL_has_pending(p->ssl));
    return true;
}

/* What the benchmark asks for fits into the buffers of its sockets, so a write is never cut. */
static bool on_backend(struct pair *p)
{
    const ssize_t n = recv(p->backend.fd, block, sizeof block, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    return SSL_write(p->ssl, block, (int)n) == n;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: floor_tls PORT CERTIFICATE KEY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write() */
    const unsigned backend = (unsigned)strtoul(argv[1], NULL, 10);
    SSL_CTX *ctx = context(argv[2], argv[3]);
    const int epoll = epoll_create1(EPOLL_CLOEXEC), listener = net_listen();
    net_watch(epoll, listener, EPOLLIN, NULL);
    for (;;) {
        struct epoll_event events[EVENTS];
        const int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct end *e = events[i].data.ptr;
            if (!e) {
                take_clients(epoll, listener, backend, ctx);
                continue;
            }
            struct pair *p = e->pair;
            if (!p->is_gone && !(e == &p->client ? on_client(p) : on_backend(p)))
                end_pair(p);
        }
        free_gone();
    }
}
