/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_TLS_SIDE_H
#define WEIR_TESTS_LIB_TLS_SIDE_H

/* TLS links in tests: contexts made from certificates of the moment, and two owners (`a` connects,
 * `b` accepts) whose links speak TLS over memory or a socket pair. Or one of them is bare: a plain
 * OpenSSL object that a test drives itself, which does what our links never would. */

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "io/tls_kind.h"
#include "tests/lib/certs.h"
#include "tests/lib/link_side.h"

HELPER struct side b;
HELPER struct tls_server *server;
HELPER struct tls_client *client;
HELPER struct link *under_a, *under_b; /* only to be looked at, and cut */
static const struct slice site_name = SLICE_INIT("site.test");

HELPER struct tls_client *make_client(const char *ca)
{
    struct faults faults;
    faults_init(&faults);
    struct tls_client_conf conf = {
        .set = true, .verify = true, .ca = certs_slice(ca), .resume = true};
    struct tls_client *c = tls_client_new(&conf, (struct tls_alpn){.h1 = true}, &faults);
    cr_assert(c);
    faults_fini(&faults);
    return c;
}

HELPER void set_up_tls(void)
{
    set_up();
    certs_begin();
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .dns = {"site.test"}});
    struct faults faults;
    faults_init(&faults);
    static struct tls_tickets tickets;
    cr_assert(tls_tickets_prepare(&tickets, 1700000000));
    struct tls_certificate_conf certificate = {.certificate = certs_slice("site.crt"),
                                               .key = certs_slice("site.key")};
    struct tls_server_conf conf = {.set = true,
                                   .certificates = &certificate,
                                   .certificates_n = 1,
                                   .tickets = 2,
                                   .ticket_lifetime = 3600000};
    server = tls_server_new(&conf, (struct tls_alpn){.h1 = true}, &tickets, &faults);
    cr_assert(server);
    faults_fini(&faults);
    client = make_client("root.crt");
}

HELPER void tear_down_tls(void)
{
    loop_turn(&lp);
    tls_server_free(server);
    tls_client_free(client);
    certs_end();
    tear_down();
    cr_assert_eq(ERR_peek_error(), 0);
}

/* The newest version that the clients' context offers. */
HELPER void client_max(int version)
{
    SSL *ssl = tls_client_ssl(client, site_name, NULL);
    cr_assert(ssl && SSL_CTX_set_max_proto_version(SSL_get_SSL_CTX(ssl), version));
    SSL_free(ssl);
}

HELPER void start_a(struct link *under)
{
    under_a = under;
    side_start(&a, link_tls_connect(under, client, site_name, NULL));
}

HELPER void start_b(struct link *under)
{
    under_b = under;
    side_start(&b, link_tls_accept(under, server));
}

HELPER void start_memory(size_t capacity)
{
    struct link *x, *y;
    link_memory_pair(&lp, capacity, &x, &y);
    start_a(x);
    start_b(y);
}

HELPER void start_sockets(void)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    start_a(link_plain(&lp, fds[0]));
    start_b(link_plain(&lp, fds[1]));
}

HELPER void expect_open(void)
{
    loop_turn(&lp);
    cr_assert_str_eq(a.seen, "o");
    cr_assert_str_eq(b.seen, "o");
    a.seen[0] = b.seen[0] = '\0';
}

HELPER void open_memory(size_t capacity)
{
    start_memory(capacity);
    expect_open();
}

HELPER void close_both(void)
{
    link_close(a.link);
    link_close(b.link);
}

HELPER void send_text(struct side *s, const char *text)
{
    cr_assert(bytes_copy(&s->link->out, slice_str(text)));
    link_send(s->link);
}

HELPER bool got(const struct side *s, const char *text)
{
    return s->n == strlen(text) && memcmp(s->got, text, s->n) == 0;
}

/* -- a bare peer ------------------------------------------------------------------------------ */

struct bare {
    struct link *link; /* the other end of what the tested link is on */
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
    char wire[16]; /* the first bytes that came */
    size_t wire_n;
    size_t records[200], records_n; /* lengths of the application data records that came */
    struct bytes unparsed;
    char got[64];
    size_t n;
    int why; /* SSL_get_error of the last call */
    unsigned long reason;
    bool open, ended, broken, mute;
};
HELPER struct bare bare;

/* What OpenSSL has made goes out. */
HELPER void bare_push(void)
{
    char page[4096];
    for (int n; (n = BIO_read(bare.out, page, sizeof page)) > 0;)
        cr_assert(bytes_copy(&bare.link->out, slice_of(page, (size_t)n)));
    if (bare.link->out.n > 0)
        link_send(bare.link);
}

HELPER void bare_step(void)
{
    int rc = 1;
    ERR_clear_error();
    if (!bare.open) {
        rc = SSL_do_handshake(bare.ssl);
        bare.open = rc == 1;
    }
    while (bare.open && (rc = SSL_read(bare.ssl, bare.got + bare.n % 32, 32)) > 0)
        bare.n += (size_t)rc;
    bare.why = SSL_get_error(bare.ssl, rc);
    if (bare.why == SSL_ERROR_SSL)
        bare.reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    bare_push();
}

HELPER void bare_look_at_records(struct block *block, struct slice s)
{
    cr_assert(bytes_append(&bare.unparsed, block, s));
    for (;;) {
        unsigned char head[5];
        struct iovec iov[200];
        size_t n = 0;
        int pieces = bytes_iov(&bare.unparsed, iov, 200);
        for (int i = 0; i < pieces && n < 5; i++)
            for (size_t k = 0; k < iov[i].iov_len && n < 5; k++)
                head[n++] = ((unsigned char *)iov[i].iov_base)[k];
        if (n < 5)
            return;
        const size_t whole = 5 + (size_t)head[3] * 256 + head[4];
        if (bare.unparsed.n < whole)
            return;
        if (head[0] == 23 && bare.open && bare.records_n < 200)
            bare.records[bare.records_n++] = whole - 5;
        bytes_consume(&bare.unparsed, whole);
    }
}

HELPER void bare_on_bytes(struct link *l, struct block *block, struct slice s)
{
    (void)l;
    for (size_t i = 0; i < s.n && bare.wire_n < sizeof bare.wire; i++)
        bare.wire[bare.wire_n++] = s.p[i];
    if (bare.mute)
        return;
    bare_look_at_records(block, s);
    BIO_write(bare.in, s.p, (int)s.n);
    bare_step();
}

HELPER void bare_on_eof(struct link *l)
{
    (void)l;
    bare.ended = true;
}

HELPER void bare_on_fail(struct link *l, int err)
{
    (void)l, (void)err;
    bare.broken = true;
}

HELPER const struct link_events bare_events = {
    .on_bytes = bare_on_bytes,
    .on_eof = bare_on_eof,
    .on_fail = bare_on_fail,
};

HELPER void bare_begin(struct link *l, bool accepts)
{
    bare = (struct bare){.link = l};
    bytes_init(&bare.unparsed, &lp.stock);
    bare.ctx = SSL_CTX_new(accepts ? TLS_server_method() : TLS_client_method());
    cr_assert(bare.ctx);
    if (accepts) {
        SSL_CTX_use_certificate_file(bare.ctx, certs_path("site.crt"), SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(bare.ctx, certs_path("site.key"), SSL_FILETYPE_PEM);
    }
    bare.ssl = SSL_new(bare.ctx);
    bare.in = BIO_new(BIO_s_mem());
    bare.out = BIO_new(BIO_s_mem());
    cr_assert(bare.ssl && bare.in && bare.out);
    SSL_set_bio(bare.ssl, bare.in, bare.out);
    if (accepts)
        SSL_set_accept_state(bare.ssl);
    else
        SSL_set_connect_state(bare.ssl);
    link_start(l, &bare_events, &bare);
}

/* The link `b` accepts from a bare client, which is not started yet. */
HELPER void bare_client(void)
{
    struct link *x, *y;
    link_memory_pair(&lp, 0, &x, &y);
    start_b(y);
    bare_begin(x, false);
}

HELPER void bare_client_open(void)
{
    bare_client();
    bare_step();
    loop_turn(&lp);
    cr_assert(bare.open);
    cr_assert_str_eq(b.seen, "o");
    b.seen[0] = '\0';
}

/* The link `a` connects to a bare server. */
HELPER void bare_server(void)
{
    struct link *x, *y;
    link_memory_pair(&lp, 0, &x, &y);
    start_a(x);
    bare_begin(y, true);
}

HELPER void bare_write(const void *p, size_t n)
{
    cr_assert_eq(SSL_write(bare.ssl, p, (int)n), (int)n);
    bare_push();
}

HELPER void bare_end(void)
{
    bytes_clear(&bare.unparsed);
    link_close(bare.link);
    SSL_free(bare.ssl);
    SSL_CTX_free(bare.ctx);
}

#endif
