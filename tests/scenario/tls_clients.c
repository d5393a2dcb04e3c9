/* SPDX-License-Identifier: Apache-2.0 */
/* Clients with certificates: who gets in, and what the origin is told of them. */
#include "tests/lib/certs.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/tls_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    origin_start("app");
    certs_make(&(struct cert_spec){.name = "site", .dns = {"site.test"}});
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "strange_ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "alice",
                                   .issuer = "ca",
                                   .dns = {"alice.test"},
                                   .uri = "spiffe://test/alice",
                                   .email = "alice@test"});
    certs_make(&(struct cert_spec){.name = "bob", .issuer = "ca"});
    certs_make(&(struct cert_spec){.name = "eve", .issuer = "strange_ca"});
    certs_make(
        &(struct cert_spec){.name = "late", .issuer = "ca", .days_from = -300, .days_to = -1});
    certs_make(&(struct cert_spec){.name = "self"});
    certs_crl("ca.crl", "ca", (const char *const[]){"bob", NULL});
}

static void end(void)
{
    rig_end();
    certs_end();
}

TestSuite(tls_clients, .init = begin, .fini = end, .timeout = 120);

#define LISTENER(clients)                                                                          \
    "forwarding = { client_certificate = \"xfcc\"; }; tls = { certificates = ("                    \
    " { certificate = \"$certs/site.crt\"; key = \"$certs/site.key\"; } );"                        \
    " client_certificates = { " clients " }; };"
#define CA " ca = \"$certs/ca.crt\";"

static int status_of(const char *who, int version)
{
    char crt[64], key[64];
    snprintf(crt, sizeof crt, "%s.crt", who ? who : "");
    snprintf(key, sizeof key, "%s.key", who ? who : "");
    return tls_status(.lowest = version, .highest = version, .name = "site.test",
                      .certificate = who ? certs_path(crt) : NULL,
                      .key = who ? certs_path(key) : NULL);
}

/* The origin's view of a request that this one made, with this field of the client's own. */
static char *seen_by_origin(const char *who, const char *fields)
{
    char crt[64], key[64];
    snprintf(crt, sizeof crt, "%s.crt", who ? who : "");
    snprintf(key, sizeof key, "%s.key", who ? who : "");
    struct talk *t = tls_talk_open(.name = "site.test", .certificate = who ? certs_path(crt) : NULL,
                                   .key = who ? certs_path(key) : NULL);
    talk_send(t, "GET /?echo HTTP/1.1\r\nHost: site.test\r\n%s\r\n", fields);
    cr_assert_eq(talk_response(t)->status, 200);
    char *head = strdup(t->r.body.p);
    for (char *p = head; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
    talk_close(t);
    return head;
}

Test(tls_clients, that_must_have_a_certificate_are_refused_without_a_good_one)
{
    rig_start(.listener = LISTENER("verify = \"required\";" CA));
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_expect_eq(status_of("alice", version), 200, "%s", tls_fault());
        cr_expect_eq(status_of("bob", version), 200);
        cr_expect_eq(status_of(NULL, version), 0);
        cr_expect_eq(status_of("eve", version), 0, "of another CA");
        cr_expect(strstr(tls_fault(), "unknown ca"), "%s", tls_fault());
        cr_expect_eq(status_of("late", version), 0);
        cr_expect(strstr(tls_fault(), "certificate expired"), "%s", tls_fault());
        cr_expect_eq(status_of("self", version), 0);
    }
    AWAIT(rig_metric("weir_listener_handshakes_failed_total{listener=\"public\"}") >= 8);
}

Test(tls_clients, that_may_have_one_are_let_in_without_and_not_with_a_bad_one)
{
    rig_start(.listener = LISTENER("verify = \"optional\";" CA));
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_expect_eq(status_of("alice", version), 200);
        cr_expect_eq(status_of(NULL, version), 200);
        cr_expect_eq(status_of("eve", version), 0);
    }
}

Test(tls_clients, are_not_asked_when_it_is_off)
{
    rig_start(.listener = LISTENER("verify = \"off\";"));
    cr_expect_eq(status_of(NULL, TLS1_3_VERSION), 200);
    cr_expect_eq(status_of("eve", TLS1_3_VERSION), 200, "and what they have isn't looked at");
    char *head = seen_by_origin("alice", "X-Forwarded-Client-Cert: By=me\r\n");
    cr_assert(!strstr(head, "x-forwarded-client-cert"), "%s", head);
    free(head);
}

Test(tls_clients, that_are_revoked_are_refused)
{
    rig_start(.listener = LISTENER("verify = \"required\";" CA " crl = \"$certs/ca.crl\";"));
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_expect_eq(status_of("alice", version), 200, "%s", tls_fault());
        cr_expect_eq(status_of("bob", version), 0);
        cr_expect(strstr(tls_fault(), "certificate revoked"), "%s", tls_fault());
    }
    certs_crl("ca.crl", "ca", (const char *const[]){"alice", NULL});
    cr_assert(
        rig_reload(.listener = LISTENER("verify = \"required\";" CA " crl = \"$certs/ca.crl\";")));
    AWAIT(status_of("bob", TLS1_3_VERSION) == 200);
    cr_expect_eq(status_of("alice", TLS1_3_VERSION), 0);
}

/* A session that was made when the list was another must not open the door. */
Test(tls_clients, that_are_revoked_meanwhile_cannot_take_up_their_session)
{
    struct talk *t;
    const struct tls_wish alice = {.lowest = TLS1_3_VERSION,
                                   .name = "site.test",
                                   .certificate = certs_path("alice.crt"),
                                   .key = certs_path("alice.key")};
    rig_start(.listener = LISTENER("verify = \"required\";" CA " crl = \"$certs/ca.crl\";"));
    t = tls_talk_open_with(alice);
    talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 200);
    SSL_SESSION *s = tls_session(t);
    cr_assert(s);
    talk_close(t);
    certs_crl("ca.crl", "ca", (const char *const[]){"alice", NULL});
    cr_assert(
        rig_reload(.listener = LISTENER("verify = \"required\";" CA " crl = \"$certs/ca.crl\";")));
    struct tls_wish again = alice;
    again.session = s;
    AWAIT(tls_status_with(alice) == 0);
    cr_expect_eq(tls_status_with(again), 0, "a resumed session of a revoked certificate");
    SSL_SESSION_free(s);
}

Test(tls_clients, are_shown_to_the_origin_and_cannot_lie)
{
    rig_start(.listener = LISTENER("verify = \"optional\";" CA));
    char *head = seen_by_origin("alice", "X-Forwarded-Client-Cert: Subject=\"CN=root\"\r\n");
    const char *at = strstr(head, "\nx-forwarded-client-cert: ");
    cr_assert(at, "%s", head);
    cr_assert(strstr(at, "hash=") && strstr(at, "cn=alice") && strstr(at, "spiffe://test/alice"),
              "%s", at);
    cr_assert(!strstr(head, "cn=root"), "%s", head);
    free(head);
    head = seen_by_origin(NULL, "X-Forwarded-Client-Cert: Subject=\"CN=root\"\r\n");
    cr_assert(!strstr(head, "cn=root"), "%s", head);
    free(head);
}

/* What a resumed session says of the client is what the first one said. */
Test(tls_clients, are_shown_again_when_their_session_is_resumed)
{
    struct tls_wish w = {.lowest = TLS1_3_VERSION,
                         .name = "site.test",
                         .certificate = certs_path("alice.crt"),
                         .key = certs_path("alice.key")};
    rig_start(.workers = 2, .listener = LISTENER("verify = \"required\";" CA));
    struct talk *t = tls_talk_open_with(w);
    talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 200);
    w.session = tls_session(t);
    cr_assert(w.session);
    for (int i = 0; i < 6; i++) {
        t = tls_talk_open_with(w);
        cr_assert(SSL_session_reused(tls_of(t)));
        talk_send(t, "GET /?echo HTTP/1.1\r\nHost: site.test\r\n\r\n");
        cr_assert_eq(talk_response(t)->status, 200);
        cr_assert(strcasestr(t->r.body.p, "cn=alice"), "%s", t->r.body.p);
    }
    SSL_SESSION_free(w.session);
}
