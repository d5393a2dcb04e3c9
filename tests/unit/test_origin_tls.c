/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards origins: the handshake is part of connecting, and ALPN says what is spoken. */
#include "h2_origin_case.h"

#include "io/tls.h"
#include "tests/lib/certs.h"

static struct tls_server *server;
static struct tls_client *client, **by_cluster;
static struct tls_tickets tickets;

static struct tls_server *make_server(struct tls_alpn alpn)
{
    struct faults faults;
    faults_init(&faults);
    struct tls_certificate_conf certificate = {.certificate = certs_slice("site.crt"),
                                               .key = certs_slice("site.key")};
    struct tls_server_conf conf = {.set = true,
                                   .certificates = &certificate,
                                   .certificates_n = 1,
                                   .tickets = 2,
                                   .ticket_lifetime = 3600000};
    struct tls_server *made = tls_server_new(&conf, alpn, &tickets, &faults);
    cr_assert(made);
    faults_fini(&faults);
    return made;
}

/* A cluster with TLS that offers what `protocol` says. `server` is what origins agree to. */
static void begin_tls(enum cluster_protocol protocol, struct tls_alpn of_server, const char *ca)
{
    begin("pool = { streams = 2; };");
    certs_begin();
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "other", .ca = true});
    certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .ip = "10.0.0.1"});
    cr_assert(tls_tickets_prepare(&tickets, 1700000000));
    server = make_server(of_server);
    struct faults faults;
    faults_init(&faults);
    struct cluster_conf *conf = &stack_worker(s)->g->config->clusters[0];
    conf->tls = (struct tls_client_conf){
        .set = true, .verify = true, .ca = certs_slice(ca), .resume = true};
    const struct tls_alpn alpn = {.h2 = protocol != PROTOCOL_H1, .h1 = protocol != PROTOCOL_H2};
    client = tls_client_new(&conf->tls, alpn, &faults);
    cr_assert(client);
    faults_fini(&faults);
    by_cluster = calloc(1, sizeof(struct tls_client *));
    *by_cluster = client;
    ((struct generation *)stack_worker(s)->g)->tls_clients = by_cluster;
    speak(protocol);
}

static void end_tls(void)
{
    end(); /* the context is the generation's now */
    free(by_cluster);
    tls_server_free(server);
    certs_end();
}

/* The i-th connection's other end accepts TLS; what came before is the client's hello. */
static struct link *accepts(size_t i)
{
    struct peer *p = stack_origin(s, i);
    cr_assert(p);
    struct block *b = block_get(&p->link->loop->stock.blocks);
    memcpy(b->data, p->heard, p->heard_n);
    b->used = (uint32_t)p->heard_n;
    p->link = link_tls_accept(p->link, server);
    cr_assert(link_tls_early(p->link, b, slice_of(b->data, b->used)));
    block_unref(b);
    peer_take(p);
    return p->link;
}

static void on_bytes(struct link *l, struct block *b, struct slice bytes)
{
    (void)b;
    struct peer *p = l->owner;
    cr_assert_lt(p->heard_n + bytes.n, p->heard_cap);
    memcpy(p->heard + p->heard_n, bytes.p, bytes.n);
    p->heard_n += bytes.n;
    p->heard[p->heard_n] = 0;
}

static void on_nothing(struct link *l)
{
    (void)l;
}

static void on_fail(struct link *l, int err)
{
    ((struct peer *)l->owner)->failed = err;
}

static const struct link_events plain_events = {
    .on_open = on_nothing, .on_bytes = on_bytes, .on_eof = on_nothing, .on_fail = on_fail};

/* An origin that speaks HTTP/1.1 over it, with peer_says and peer_heard. */
static struct peer *accepts_h1(size_t i)
{
    struct peer *p = stack_origin(s, i);
    link_start(accepts(i), &plain_events, p);
    stack_settle(s);
    return p;
}

static struct h2_origin *accepts_h2(size_t i)
{
    struct peer *p = stack_origin(s, i);
    return origin_with(i, (struct h2_origin_how){.link = (accepts(i), p->link)});
}

static const struct tls_alpn both = {.h2 = true, .h1 = true}, only_h1 = {.h1 = true};

Test(origin_tls, http2_by_alpn)
{
    for (enum cluster_protocol p = PROTOCOL_H2; p <= PROTOCOL_AUTO; p++) {
        begin_tls(p, both, "root.crt");
        struct peer *c = asks(GET);
        struct h2_origin *o = accepts_h2(0);
        struct h2_request *r = h2_origin_request(o, 0);
        cr_assert(r);
        cr_assert(h2_request_has(r, ":scheme", "https"));
        h2_origin_answer(o, r, "over tls");
        cr_assert(peer_heard(c, "over tls"));
        cr_assert_eq(endpoint()->protocol, PROTOCOL_H2);
        cr_assert_eq(endpoint()->stats->tls_handshakes, 1);
        end_tls();
    }
}

Test(origin_tls, http1_by_alpn_for_all_that_wait)
{
    begin_tls(PROTOCOL_AUTO, only_h1, "root.crt");
    struct peer *a = asks(GET), *b = asks(GET);
    cr_assert_eq(stack_origins(s), 1, "they wait for what the handshake tells");
    struct peer *o = accepts_h1(0);
    cr_assert(peer_heard(o, "GET / HTTP/1.1\r\n"));
    cr_assert_eq(stack_origins(s), 2);
    peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
    cr_assert(peer_heard(a, "\r\na"));
    struct peer *o2 = accepts_h1(1);
    cr_assert(peer_heard(o2, "GET / HTTP/1.1\r\n"));
    peer_says(o2, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
    cr_assert(peer_heard(b, "\r\nb"));
    cr_assert_eq(endpoint()->protocol, PROTOCOL_H1);
    cr_assert_eq(endpoint()->idle_n, 2);
    end_tls();
}

Test(origin_tls, http1_when_that_is_all_that_is_wanted)
{
    begin_tls(PROTOCOL_H1, both, "root.crt");
    struct peer *c = asks(GET);
    struct peer *o = accepts_h1(0);
    cr_assert(peer_heard(o, "GET / HTTP/1.1\r\n"));
    peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    cr_assert(peer_heard(c, "\r\nx"));
    end_tls();
}

/* What was known of an endpoint may change: the next connection says anew. */
Test(origin_tls, an_endpoint_may_learn_http2)
{
    begin_tls(PROTOCOL_AUTO, both, "root.crt");
    endpoint()->protocol = PROTOCOL_H1;
    struct peer *c = asks(GET);
    struct h2_origin *o = accepts_h2(0);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    cr_assert(peer_heard(c, "\r\nx"));
    cr_assert_eq(endpoint()->protocol, PROTOCOL_H2);
    asks(GET);
    cr_assert_eq(h2_origin_requests(o), 2);
    end_tls();
}

Test(origin_tls, no_http2_where_it_is_wanted_is_a_failure)
{
    begin_tls(PROTOCOL_H2, (struct tls_alpn){0}, "root.crt");
    struct peer *a = asks(GET), *b = asks(GET);
    accepts_h1(0);
    cr_assert(peer_heard(a, "502 "), "%s", peer_take(a));
    cr_assert(peer_heard(b, "502 "));
    cr_assert_eq(whys(WHY_TLS), 2);
    cr_assert_eq(endpoint()->stats->tls_failures, 1);
    cr_assert_eq(endpoint()->open_n, 0);
    end_tls();
}

Test(origin_tls, a_certificate_of_somebody_else_is_a_failure)
{
    for (enum cluster_protocol p = PROTOCOL_H1; p <= PROTOCOL_AUTO; p++) {
        begin_tls(p, both, "other.crt");
        struct peer *c = asks(GET);
        accepts_h1(0);
        cr_assert(peer_heard(c, "502 "));
        cr_assert_eq(whys(WHY_TLS), 1);
        cr_assert_eq(endpoint()->stats->tls_failures, 1);
        cr_assert_eq(endpoint()->stats->connects, 0);
        cr_assert_eq(endpoint()->open_n, 0);
        end_tls();
    }
}

Test(origin_tls, a_handshake_takes_no_longer_than_connecting_may)
{
    for (enum cluster_protocol p = PROTOCOL_H1; p <= PROTOCOL_AUTO; p++) {
        begin_tls(p, both, "root.crt");
        struct peer *c = asks(GET); /* the other side says nothing */
        stack_sleep_ms(s, 2100);
        cr_assert(peer_heard(c, "503 "));
        cr_assert_eq(whys(WHY_TIMEOUT_CONNECT), 1);
        cr_assert_eq(endpoint()->open_n, 0);
        end_tls();
    }
}

Test(origin_tls, sessions_are_resumed)
{
    begin_tls(PROTOCOL_H2, both, "root.crt");
    asks(GET);
    struct h2_origin *o = accepts_h2(0);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    h2_origin_goaway(o, INT32_MAX, NGHTTP2_NO_ERROR);
    cr_assert_eq(endpoint()->open_n, 0);
    struct peer *c = asks(GET);
    o = accepts_h2(1);
    h2_origin_answer(o, h2_origin_request(o, 0), "x");
    cr_assert(peer_heard(c, "\r\nx"));
    cr_assert_eq(endpoint()->stats->tls_handshakes, 2);
    cr_assert_eq(endpoint()->stats->tls_resumed, 1);
    end_tls();
}
