/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS client of the benchmark: handshakes one after the other, full or resumed, or connections
 * that are held idle.
 *
 *     handshakes [-n N] [-r] [-i] PORT
 *
 * Without -i: a first handshake, "ready", a line awaited on stdin; then N handshakes, each on a
 * connection of its own that is closed at once, and a line "handshakes=N resumed=N errors=N
 * seconds=S"; then another line is awaited. With -r each resumes the first one's session, and one that
 * isn't resumed is an error.
 *
 * With -i: N connections are opened and serve a request each, then "ready"; they are held until the
 * line comes, and "open=N" tells how many still stand. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum { TIMEOUT_S = 5 };

static struct {
    unsigned port, n;
    bool resumes, holds;
} options = {.n = 1000};

static SSL_CTX *ctx;
static SSL_SESSION *session; /* the newest that the server gave */

static int on_session(SSL *ssl, SSL_SESSION *s)
{
    (void)ssl;
    if (session)
        SSL_SESSION_free(session);
    session = s;
    return 1; /* ours now */
}

static SSL *open_tls(void)
{
    const int fd = net_connect(options.port);
    if (fd < 0)
        return NULL;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){TIMEOUT_S, 0}, sizeof(struct timeval));
    SSL *ssl = SSL_new(ctx);
    if (!ssl)
        net_die("no memory");
    SSL_set_fd(ssl, fd);
    SSL_set_tlsext_host_name(ssl, "bench.example.com");
    if (options.resumes && session) {
        SSL_SESSION *once = SSL_SESSION_dup(session); /* OpenSSL uses a ticket of TLS 1.3 once */
        SSL_set_session(ssl, once);
        SSL_SESSION_free(once);
    }
    if (SSL_connect(ssl) == 1)
        return ssl;
    ERR_clear_error();
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void close_tls(SSL *ssl)
{
    const int fd = SSL_get_fd(ssl);
    /* Or OpenSSL takes the end for a failure and gives its session up. */
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    close(fd);
}

/* One request and its whole answer; in TLS 1.3 tickets come before it. */
static bool ask(SSL *ssl)
{
    static const char request[] = "GET /r00000/item HTTP/1.1\r\nHost: bench.example.com\r\n\r\n";
    char in[16384];
    size_t n = 0;
    if (SSL_write(ssl, request, sizeof request - 1) <= 0)
        return false;
    for (;;) {
        const int got = SSL_read(ssl, in + n, (int)(sizeof in - 1 - n));
        if (got <= 0)
            return false;
        n += (size_t)got;
        in[n] = '\0';
        const char *end = strstr(in, "\r\n\r\n"), *length = strcasestr(in, "\r\ncontent-length:");
        if (end && length && n >= (size_t)(end + 4 - in) + strtoul(length + 17, NULL, 10))
            return strncmp(in, "HTTP/1.1 200 ", 13) == 0;
    }
}

static void await_line(void)
{
    for (int c; (c = getchar()) != EOF && c != '\n';)
        ;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(void)
{
    unsigned resumed = 0, errors = 0;
    SSL *first = open_tls();
    if (!first || !ask(first))
        net_die("the first handshake");
    close_tls(first);
    if (options.resumes && !session)
        net_die("no session was given");
    puts("ready");
    fflush(stdout);
    await_line();
    const double from = now_s();
    for (unsigned i = 0; i < options.n; i++) {
        SSL *ssl = open_tls();
        if (!ssl) {
            errors++;
            continue;
        }
        const bool again = SSL_session_reused(ssl);
        resumed += again;
        errors += options.resumes && !again;
        close_tls(ssl);
    }
    printf("handshakes=%u resumed=%u errors=%u seconds=%.3f\n", options.n, resumed, errors,
           now_s() - from);
    fflush(stdout);
    await_line();
    return errors > 0;
}

static int hold(void)
{
    SSL **all = calloc(options.n, sizeof *all);
    unsigned open = 0;
    if (!all)
        net_die("no memory");
    for (unsigned i = 0; i < options.n; i++) {
        all[i] = open_tls();
        if (!all[i] || !ask(all[i]))
            net_die("a connection");
    }
    puts("ready");
    fflush(stdout);
    await_line();
    for (unsigned i = 0; i < options.n; i++) {
        char byte;
        open += recv(SSL_get_fd(all[i]), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
    }
    printf("open=%u\n", open);
    return 0;
}

static bool read_options(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "n:ri")) != -1;) {
        if (o == 'n')
            options.n = (unsigned)strtoul(optarg, NULL, 10);
        else if (o == 'r')
            options.resumes = true;
        else if (o == 'i')
            options.holds = true;
        else
            return false;
    }
    options.port = optind < argc ? (unsigned)strtoul(argv[optind], NULL, 10) : 0;
    return optind + 1 == argc && options.n && options.port;
}

int main(int argc, char **argv)
{
    if (!read_options(argc, argv)) {
        fprintf(stderr, "usage: handshakes [-n N] [-r] [-i] PORT\n");
        return 2;
    }
    ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx)
        net_die("no memory");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    return options.holds ? hold() : run();
}
