/* SPDX-License-Identifier: Apache-2.0 */
/* Dark launches for testers with a certificate: what counts is what the handshake of their own
 * connection has verified. */
#include "tests/scenario/dark_case.h"

#include <openssl/ssl.h>

#include "tests/lib/certs.h"
#include "tests/lib/tls_talk.h"

static void begin(void)
{
    dark_begin();
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "site", .dns = {"site.test"}});
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "strange", .ca = true});
    certs_make(&(struct cert_spec){.name = "alice",
                                   .issuer = "ca",
                                   .dns = {"alice.test"},
                                   .uri = "spiffe://test/alice",
                                   .email = "alice@x.test"});
    certs_make(&(struct cert_spec){.name = "uri", .issuer = "ca", .uri = "spiffe://test/carol"});
    certs_make(&(struct cert_spec){.name = "mail", .issuer = "ca", .email = "dora@x.test"});
    certs_make(&(struct cert_spec){.name = "dora", .issuer = "ca", .dns = {"dora@x.test"}});
    certs_make(&(struct cert_spec){
        .name = "bob", .common = "alice.test", .issuer = "ca", .dns = {"bob.test", "*.test"}});
    certs_make(&(struct cert_spec){.name = "eve", .issuer = "strange", .dns = {"alice.test"}});
    certs_make(&(struct cert_spec){.name = "self", .dns = {"alice.test"}});
    certs_make(&(struct cert_spec){
        .name = "late", .issuer = "ca", .dns = {"alice.test"}, .days_from = -9, .days_to = -1});
}

static void end(void)
{
    dark_end();
    certs_end();
}

TestSuite(dark_certificates, .init = begin, .fini = end, .timeout = 120);

#define TLS                                                                                        \
    " tls = { certificates = ( { certificate = \"$certs/site.crt\"; key = \"$certs/site.key\"; } " \
    ");"                                                                                           \
    " %s };"
#define CLIENTS "client_certificates = { verify = \"optional\"; ca = \"$certs/ca.crt\"; };"
#define SANS                                                                                       \
    "certificate_sans = [ \"alice.test\", \"spiffe://test/carol\", \"dora@x.test\" ];"             \
    " choose_header = \"X-Version\";"

static void start(const char *clients)
{
    char listener[512];
    snprintf(listener, sizeof listener, DARK_LISTENER TLS, clients);
    rig_start(.listener = listener, .top = DARK_MODULES(""), .clusters = DARK_CLUSTERS,
              .routes = DARK_ROUTES(SANS));
}

static struct tls_wish wish(const char *who, int version)
{
    static char crt[2][256];
    if (who) {
        char file[64];
        snprintf(file, sizeof file, "%s.crt", who);
        snprintf(crt[0], sizeof crt[0], "%s", certs_path(file));
        snprintf(file, sizeof file, "%s.key", who);
        snprintf(crt[1], sizeof crt[1], "%s", certs_path(file));
    }
    return (struct tls_wish){.name = "site.test",
                             .lowest = version,
                             .highest = version,
                             .certificate = who ? crt[0] : NULL,
                             .key = who ? crt[1] : NULL};
}

/* What this one gets; "": the handshake was refused, at once or (TLS 1.3) behind it. */
static const char *gets(struct tls_wish w)
{
    static char body[64];
    struct talk *t = tls_talk_try(w);
    body[0] = 0;
    if (!t)
        return body;
    talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\nX-Version: dark\r\n\r\n");
    const struct response *r = talk_response(t);
    if (r->status)
        snprintf(body, sizeof body, "%s", r->body.p);
    talk_close(t);
    return body;
}

Test(dark_certificates, open_for_those_that_are_listed)
{
    start(CLIENTS);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_expect_str_eq(gets(wish("alice", version)), "dark\n");
        cr_expect_str_eq(gets(wish("uri", version)), "dark\n");
        cr_expect_str_eq(gets(wish("mail", version)), "dark\n");
    }
    const char *line = rig_await_access("\"dark_launch.tester\":\"spiffe://test/carol\"");
    cr_assert_str_eq(json_of(line, "dark_launch.by"), "certificate");
}

Test(dark_certificates, dont_open_for_anybody_else)
{
    start(CLIENTS);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_expect_str_eq(gets(wish(NULL, version)), "app\n", "no certificate");
        cr_expect_str_eq(gets(wish("bob", version)), "app\n", "alice.test is its common name only");
        cr_expect_str_eq(gets(wish("dora", version)), "app\n", "an address as a host name");
        cr_expect_str_eq(gets(wish("eve", version)), "", "signed by another authority");
        cr_expect_str_eq(gets(wish("self", version)), "", "signed by itself");
        cr_expect_str_eq(gets(wish("late", version)), "", "expired");
    }
    cr_assert_eq(origin_connections(dark_dark), 0);
}

Test(dark_certificates, mean_nothing_where_nobody_verifies_them)
{
    start("");
    cr_assert_str_eq(gets(wish("alice", 0)), "app\n");
    cr_assert_eq(origin_connections(dark_dark), 0);
}

/* A session is what its handshake has verified. Who resumes one has its secret, or gets no further.
 */
Test(dark_certificates, are_not_gained_by_resumption)
{
    start(CLIENTS);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_SESSION *sessions[2];
        const char *const whose[] = {"bob", "alice"};
        const unsigned before = origin_requests(dark_dark);
        for (int i = 0; i < 2; i++) {
            struct talk *t = tls_talk_open_with(wish(whose[i], version));
            talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
            cr_assert_eq(talk_response(t)->status, 200);
            sessions[i] = tls_session(t);
            cr_assert(sessions[i]);
            talk_close(t);
        }
        cr_assert_eq(origin_requests(dark_dark), before + 1);
        struct tls_wish w = wish("alice", version);
        w.session = sessions[0];
        cr_expect_str_eq(gets(w), "app\n", "bob's session, whatever certificate there is now");
        w = wish(NULL, version);
        w.session = SSL_SESSION_dup(sessions[1]);
        const unsigned char secret[48] = {1};
        const size_t n = SSL_SESSION_get_master_key(sessions[1], NULL, 0);
        cr_assert(n <= sizeof secret && SSL_SESSION_set1_master_key(w.session, secret, n));
        cr_expect_str_eq(gets(w), "", "alice's ticket without its secret");
        cr_assert_eq(origin_requests(dark_dark), before + 1);
        SSL_SESSION_free(w.session);
        SSL_SESSION_free(sessions[0]);
        SSL_SESSION_free(sessions[1]);
    }
}

/* One connection's certificate says nothing about another one. */
Test(dark_certificates, count_for_their_own_connection)
{
    start(CLIENTS);
    struct talk *alice = tls_talk_open_with(wish("alice", 0)),
                *nobody = tls_talk_open_with(wish(NULL, 0));
    for (int i = 0; i < 5; i++) {
        talk_send(alice, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
        talk_send(nobody, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
        IS_DARK(talk_response(alice));
        IS_NORMAL(talk_response(nobody));
    }
    struct h2_talk *t = h2_talk_open(.ca = certs_path("site.crt"));
    cr_assert_str_eq(h2_answer(t, h2_ask(t, .fields = "x-version: dark"))->body.p, "app\n");
    cr_assert_eq(origin_requests(dark_dark), 5);
}
