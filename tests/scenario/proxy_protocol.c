/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, both ways: whose word is taken for a client's address, what becomes of
 * headers that are none, and what a backend reads in front of a connection. */
#include "tests/lib/certs.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/tls_talk.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    app = origin_start("app");
    certs_make(&(struct cert_spec){.name = "site", .dns = {"site.test"}});
}

static void end(void)
{
    rig_end();
    certs_end();
}

TestSuite(proxy_protocol, .init = begin, .fini = end, .timeout = 120);

#define TRUSTED "proxy_protocol = [ \"127.0.0.1\" ]; "
#define TLS                                                                                        \
    "tls = { certificates = ( { certificate = \"$certs/site.crt\"; key = \"$certs/site.key\"; } "  \
    "); };"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define L(text) text, sizeof(text) - 1
#define V1 "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"
/* PROXY, TCP over IPv4, 12 bytes: 192.0.2.7:40000 to 198.51.100.1:443 */
#define V2 SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\1\xbb"

static double counted(const char *name)
{
    char series[128];
    snprintf(series, sizeof series, "weir_listener_%s_total{listener=\"public\"}", name);
    return rig_metric(series);
}

/* What the origin was told, and the log: both must name this client. */
static void expect_client(struct talk *t, const char *client)
{
    char want[128];
    talk_send(t, "GET /?echo HTTP/1.1\r\nHost: a\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 200, "%d %s", r->status, r->fault ? r->fault : "");
    snprintf(want, sizeof want, "X-Forwarded-For: %s\r\n", client);
    cr_assert(strcasestr(r->body.p, want), "%s", r->body.p);
    snprintf(want, sizeof want, "\"client\":\"%s\"", client);
    rig_await_access(want);
}

static struct talk *open_with(const char *header, size_t n)
{
    struct talk *t = talk_open();
    talk_send_n(t, header, n);
    return t;
}

/* -- from load balancers ----------------------------------------------------------------------- */

Test(proxy_protocol, of_trusted_peers_names_the_client)
{
    rig_start(.listener = TRUSTED);
    expect_client(open_with(L(V1)), "192.0.2.7");
    expect_client(open_with(L("PROXY TCP4 192.0.2.8 198.51.100.1 1 65535\r\n")), "192.0.2.8");
    expect_client(open_with(L("PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n")), "2001:db8::7");
    expect_client(open_with(L(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\x9\xc6\x33\x64\1\x9c\x40\1\xbb")),
                  "192.0.2.9");
    expect_client(open_with(L(SIGNATURE "\x21\x21\0\x24"
                                        "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x77"
                                        "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                                        "\x9c\x40\1\xbb")),
                  "2001:db8::77");
    /* TLVs: one that nobody knows, an authority */
    expect_client(open_with(L(SIGNATURE "\x21\x11\0\x18\xc0\0\2\x0a\xc6\x33\x64\1\x9c\x40\1\xbb"
                                        "\xe0\0\2xy\2\0\4a.bc")),
                  "192.0.2.10");
    AWAIT(counted("proxy_headers") == 6);
    cr_assert_eq(counted("proxy_faults"), 0);
}

Test(proxy_protocol, without_addresses_leaves_the_peers)
{
    rig_start(.listener = TRUSTED);
    expect_client(open_with(L("PROXY UNKNOWN\r\n")), "127.0.0.1");
    expect_client(open_with(L("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n")), "127.0.0.1");
    expect_client(open_with(L(SIGNATURE "\x20\0\0\0")), "127.0.0.1");
    expect_client(open_with(L(SIGNATURE "\x20\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\1\xbb")),
                  "127.0.0.1");
    expect_client(open_with(L(SIGNATURE "\x21\0\0\0")), "127.0.0.1");
}

Test(proxy_protocol, comes_in_pieces)
{
    static const struct {
        const char *p;
        size_t n;
    } headers[] = {{L(V1)}, {L(V2)}};
    rig_start(.listener = TRUSTED);
    for (size_t i = 0; i < 2; i++)
        for (size_t cut = 1; cut < headers[i].n; cut += 3) {
            struct talk *t = open_with(headers[i].p, cut);
            sleep_ms(2);
            talk_send_n(t, headers[i].p + cut, headers[i].n - cut);
            expect_client(t, "192.0.2.7");
            talk_close(t);
        }
    struct talk *t = talk_open(); /* and with the request in the same segment, or several */
    talk_send(t, V1 "GET /?echo HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert(strcasestr(talk_response(t)->body.p, "192.0.2.7"));
    cr_assert_eq(talk_response(t)->status, 200);
}

static void expect_refused(const char *what, const char *p, size_t n)
{
    struct talk *t = open_with(p, n);
    talk_send(t, "GET /?echo HTTP/1.1\r\nHost: a\r\n\r\n");
    talk_end(t);
    while (talk_pull(t, DEADLINE_MS) > 0)
        ;
    cr_expect(!memmem(talk_rest(t).p, talk_rest(t).n, " 200 ", 5), "%s: %.*s", what,
              SLICE_ARG(talk_rest(t)));
    talk_close(t);
}

Test(proxy_protocol, malformed_headers_close_the_connection)
{
    static const struct {
        const char *what, *p;
        size_t n;
    } bad[] = {
        {"none at all", L("")},
        {"an address that is none", L("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n")},
        {"another family", L("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n")},
        {"a port too large", L("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n")},
        {"a leading zero", L("PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n")},
        {"a port missing", L("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n")},
        {"lower case", L("proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n")},
        {"two spaces", L("PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n")},
        {"LF alone", L("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n")},
        {"UDP", L("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n")},
        {"a line without an end",
         L("PROXY UNKNOWN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")},
        {"version 3", L(SIGNATURE "\x31\x11\0\x0c"
                                  "123456789012")},
        {"command 2", L(SIGNATURE "\x22\x11\0\x0c"
                                  "123456789012")},
        {"datagrams", L(SIGNATURE "\x21\x12\0\x0c"
                                  "123456789012")},
        {"too short for its addresses", L(SIGNATURE "\x21\x11\0\x04"
                                                    "1234")},
        {"a TLV that is cut off", L(SIGNATURE "\x21\x11\0\x0f"
                                              "123456789012"
                                              "\x04\0\x9")},
        {"a length of 64 KiB", L(SIGNATURE "\x21\x11\xff\xff"
                                           "123456789012")},
        {"a signature with a fault", L("\r\n\r\n\0\r\nQUIT\r\x21\x11\0\x0c"
                                       "123456789012")},
    };
    rig_start(.listener = TRUSTED);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_refused(bad[i].what, bad[i].p, bad[i].n);
    cr_assert_eq(origin_bytes(app), 0, "nothing of it went on");
    AWAIT(counted("proxy_faults") == sizeof bad / sizeof bad[0]);
    expect_client(open_with(L(V2)), "192.0.2.7");
    talk_close(open_with(L("PROXY TCP4 1.2"))); /* gone in the middle */
    struct talk *t = open_with(L(V1 V1));       /* a second one is a request that isn't one */
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 400);
    AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") <= 1);
}

Test(proxy_protocol, of_strangers_is_no_request)
{
    rig_start(.listener = "proxy_protocol = [ \"192.0.2.0/24\" ]; ");
    struct talk *t = open_with(L(V1));
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 400);
    t = open_with(L(V2));
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_neq(talk_response(t)->status, 200);
    cr_assert_eq(origin_bytes(app), 0);
    expect_client(talk_open(), "127.0.0.1");
}

Test(proxy_protocol, that_is_slow_costs_a_timeout)
{
    rig_start(.listener = TRUSTED "timeouts = { handshake = \"200ms\"; head = \"200ms\"; };");
    cr_assert(talk_ended(talk_open()));
    cr_assert(talk_ended(open_with(L("PROXY TCP4 192.0.2.7 1"))));
    cr_assert(talk_ended(open_with(V2, 20)));
    expect_client(open_with(L(V1)), "192.0.2.7");
}

Test(proxy_protocol, stands_before_tls)
{
    rig_start(.listener = TRUSTED TLS);
    expect_client(tls_talk_open(.name = "site.test", .before = V1), "192.0.2.7");
    expect_client(tls_talk_open(.name = "site.test", .before = V2, .before_n = sizeof(V2) - 1),
                  "192.0.2.7");
    cr_assert_null(tls_talk_try((struct tls_wish){.name = "site.test"}), "it is required");
    cr_assert_null(tls_talk_try(
        (struct tls_wish){.name = "site.test", .before = "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n"}));
    AWAIT(counted("proxy_faults") == 2);
}

/* -- towards backends -------------------------------------------------------------------------- */

/* A backend that shows what came first on a connection, and answers one request. */
static int listen_raw(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(listen(fd, 16), 0);
    getsockname(fd, (struct sockaddr *)&a, &n);
    rig_name("raw", "127.0.0.1:%u", ntohs(a.sin_port));
    return fd;
}

static size_t first_bytes(int listener, char *to, size_t max)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    size_t n = 0;
    const int fd = accept(listener, NULL, NULL);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10},
               sizeof(struct timeval));
    while (!memmem(to, n, "HTTP/1.1\r\n", 10) || memcmp(to + n - 4, "\r\n\r\n", 4)) {
        const ssize_t k = recv(fd, to + n, max - n, 0);
        cr_assert_gt(k, 0, "%zu bytes came: %.*s", n, (int)n, to);
        n += (size_t)k;
    }
    cr_assert_gt(send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL), 0);
    close(fd);
    return n;
}

static struct talk *asks(struct talk *t)
{
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    return t;
}

Test(proxy_protocol, tells_backends_in_version_1)
{
    char got[4096], want[128];
    struct sockaddr_in me;
    socklen_t len = sizeof me;
    const int raw = listen_raw();
    rig_start(.endpoints = "[ \"$raw\" ]", .cluster = "proxy_protocol = \"v1\";");
    struct talk *t = asks(talk_open());
    getsockname(t->wire.fd, (struct sockaddr *)&me, &len);
    const size_t n = first_bytes(raw, got, sizeof got);
    snprintf(want, sizeof want, "PROXY TCP4 127.0.0.1 127.0.0.1 %u %u\r\nGET / HTTP/1.1\r\n",
             ntohs(me.sin_port), rig_port("port"));
    cr_assert(n > strlen(want) && !memcmp(got, want, strlen(want)), "%.*s", (int)n, got);
    cr_assert(body_is(talk_response(t), "hi"));
    close(raw);
}

Test(proxy_protocol, tells_backends_in_version_2)
{
    char got[4096];
    const int raw = listen_raw();
    rig_start(.listener = TRUSTED, .endpoints = "[ \"$raw\" ]",
              .cluster = "proxy_protocol = \"v2\";");
    struct talk *t = asks(open_with(L(V1)));
    const size_t n = first_bytes(raw, got, sizeof got);
    cr_assert(n > 28 && !memcmp(got, SIGNATURE "\x21\x11", 14), "a header of version 2");
    cr_assert(!memcmp(got + 16, "\xc0\0\2\7\xc6\x33\x64\1\x9c\x40\1\xbb", 12),
              "with the addresses that came");
    const size_t all = 16 + (((size_t)got[14] & 255) << 8) + ((size_t)got[15] & 255);
    cr_assert(all < n && !memcmp(got + all, "GET / HTTP/1.1\r\n", 16), "the request follows");
    cr_assert(body_is(talk_response(t), "hi"));
    close(raw);
}

Test(proxy_protocol, tells_backends_of_tls)
{
    char got[4096];
    const int raw = listen_raw();
    rig_start(.listener = TLS, .endpoints = "[ \"$raw\" ]", .cluster = "proxy_protocol = \"v2\";");
    struct talk *t = asks(tls_talk_open(.name = "site.test", .alpn = "http/1.1"));
    const size_t n = first_bytes(raw, got, sizeof got);
    const size_t all = 16 + (((size_t)got[14] & 255) << 8) + ((size_t)got[15] & 255);
    cr_assert_lt(all, n);
    cr_assert(memmem(got, all, "\1\0\10http/1.1", 11), "PP2_TYPE_ALPN");
    cr_assert(memmem(got, all, "\2\0\11site.test", 12), "PP2_TYPE_AUTHORITY");
    cr_assert(memmem(got, all, "TLSv1.3", 7), "PP2_SUBTYPE_SSL_VERSION");
    cr_assert(body_is(talk_response(t), "hi"));
    close(raw);
}

/* One connection for each client's: it says whose it is only once. */
Test(proxy_protocol, is_never_shared_between_clients)
{
    char got[4096];
    const int raw = listen_raw();
    rig_start(.listener = TRUSTED, .endpoints = "[ \"$raw\" ]",
              .cluster = "proxy_protocol = \"v1\";");
    for (int i = 1; i < 6; i++) {
        char header[128], want[64];
        snprintf(header, sizeof header, "PROXY TCP4 192.0.2.%d 198.51.100.1 %d 443\r\n", i,
                 1000 + i);
        snprintf(want, sizeof want, "PROXY TCP4 192.0.2.%d ", i);
        struct talk *t = asks(open_with(header, strlen(header)));
        first_bytes(raw, got, sizeof got);
        cr_assert(!memcmp(got, want, strlen(want)), "%.60s", got);
        cr_assert(body_is(talk_response(t), "hi"));
    }
    close(raw);
}
