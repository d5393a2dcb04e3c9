/* SPDX-License-Identifier: Apache-2.0 */
/* TLS at the listener, as OpenSSL's client sees it: what is agreed on, which certificate comes,
 * which session is taken up again, and what happens to those who don't shake hands. */
#include "tests/lib/certs.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/tls_talk.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    rig_name("certs", "%s", certs_begin());
    app = origin_start("app");
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .dns = {"site.test"}});
}

static void end(void)
{
    rig_end();
    certs_end();
}

TestSuite(tls, .init = begin, .fini = end, .timeout = 120);

#define PAIR(name) "{ certificate = \"$certs/" name ".crt\"; key = \"$certs/" name ".key\"; }"
#define SITE "certificates = ( " PAIR("site") " ); "
#define TLS(more) "tls = { " SITE more " };"

static double counted(const char *name)
{
    char series[128];
    snprintf(series, sizeof series, "weir_listener_%s_total{listener=\"public\"}", name);
    return rig_metric(series);
}

static bool fault_has(const char *text)
{
    return strstr(tls_fault(), text) != NULL;
}

static bool talk_serves(struct talk *t)
{
    return talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n") &&
           talk_response(t)->status == 200;
}

/* -- versions and ciphers ---------------------------------------------------------------------- */

Test(tls, speaks_1_2_and_1_3_and_nothing_older)
{
    rig_start(.listener = TLS(""));
    const char *ca = certs_path("root.crt");
    cr_assert_eq(tls_status(.highest = TLS1_2_VERSION, .name = "site.test", .ca = ca), 200);
    cr_assert_eq(tls_status(.lowest = TLS1_3_VERSION, .name = "site.test", .ca = ca), 200);
    cr_assert_eq(tls_status(.highest = TLS1_1_VERSION), 0);
    cr_assert(fault_has("protocol version"), "%s", tls_fault());
    cr_assert_eq(tls_status(.highest = TLS1_VERSION), 0);
    AWAIT(counted("handshakes") == 2);
    AWAIT(counted("handshakes_failed") == 2);
    rig_await_access("\"status\":200");
}

Test(tls, of_the_modern_profile_refuses_1_2)
{
    rig_start(.listener = TLS("profile = \"modern\";"));
    cr_assert_eq(tls_status(.highest = TLS1_2_VERSION), 0);
    cr_assert(fault_has("protocol version"), "%s", tls_fault());
    cr_assert_eq(tls_status(.lowest = TLS1_3_VERSION), 200);
}

Test(tls, of_the_intermediate_profile_has_its_ciphers_and_no_others)
{
    static const char *const good[] = {
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",   "ECDHE-RSA-CHACHA20-POLY1305"};
    static const char *const bad[] = {"AES128-SHA",
                                      "AES256-SHA",
                                      "AES128-GCM-SHA256",
                                      "AES256-GCM-SHA384",
                                      "ECDHE-RSA-AES128-SHA",
                                      "ECDHE-RSA-AES256-SHA384",
                                      "ECDHE-ECDSA-AES128-SHA",
                                      "ECDHE-ECDSA-AES128-CCM",
                                      "AECDH-AES128-SHA",
                                      "NULL-SHA256"};
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256"};
    certs_make(&(struct cert_spec){.name = "rsa", .key = CERT_RSA, .dns = {"site.test"}});
    rig_start(.listener = "tls = { certificates = ( " PAIR("site") ", " PAIR("rsa") " ); };");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect_eq(tls_status(.highest = TLS1_2_VERSION, .ciphers = good[i]), 200, "%s: %s",
                     good[i], tls_fault());
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(tls_status(.highest = TLS1_2_VERSION, .ciphers = bad[i]), 0, "%s", bad[i]);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        cr_expect_eq(tls_status(.lowest = TLS1_3_VERSION, .suites = suites[i]), 200, "%s",
                     suites[i]);
    cr_expect_eq(tls_status(.lowest = TLS1_3_VERSION, .suites = "TLS_AES_128_CCM_8_SHA256"), 0);
    cr_expect_eq(tls_status(.highest = TLS1_2_VERSION, .ciphers = "ECDHE-RSA-AES128-GCM-SHA256",
                            .groups = "secp521r1"),
                 0, "a group that the profile doesn't have");
    AWAIT(counted("handshakes") == 9);
}

Test(tls, takes_other_ciphers_when_told_to)
{
    rig_start(.listener = TLS("ciphers = \"ECDHE-ECDSA-AES256-GCM-SHA384\";"));
    cr_assert_eq(tls_status(.highest = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"),
                 200);
    cr_assert_eq(tls_status(.highest = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"),
                 0);
}

/* -- certificates ------------------------------------------------------------------------------ */

static void expect_certificate(const char *name, const char *common)
{
    struct talk *t = tls_talk_open(.name = name);
    cr_expect_str_eq(tls_peer_name(t), common, "%s gets %s", name ? name : "nobody",
                     tls_peer_name(t));
    talk_close(t);
}

static void make_named(void)
{
    certs_make(&(struct cert_spec){.name = "a", .dns = {"a.test", "www.a.test"}});
    certs_make(&(struct cert_spec){.name = "b", .dns = {"*.b.test"}});
    certs_make(&(struct cert_spec){.name = "exact", .dns = {"exact.b.test"}});
}

#define NAMED                                                                                      \
    "certificates = ( " PAIR("site") ", " PAIR("a") ", " PAIR("b") ", " PAIR("exact") " ); "

Test(tls, certificates_are_chosen_by_name)
{
    make_named();
    rig_start(.listener = "tls = { " NAMED " };");
    expect_certificate("a.test", "a");
    expect_certificate("www.a.test", "a");
    expect_certificate("WWW.A.Test", "a");
    expect_certificate("x.b.test", "b");
    expect_certificate("exact.b.test", "exact");
    expect_certificate("site.test", "site");
    expect_certificate("b.test", "site");
    expect_certificate("x.y.b.test", "site");
    expect_certificate("other.test", "site");
    expect_certificate("xa.test", "site");
    expect_certificate(NULL, "site");
}

Test(tls, strict_sni_refuses_unknown_and_absent_names)
{
    make_named();
    rig_start(.listener = "tls = { " NAMED " strict_sni = true; };");
    expect_certificate("a.test", "a");
    expect_certificate("x.b.test", "b");
    cr_assert_eq(tls_status(.name = "other.test"), 0);
    cr_assert(fault_has("unrecognized name"), "%s", tls_fault());
    cr_assert_eq(tls_status(.name = NULL), 0);
    AWAIT(counted("handshakes_failed") == 2);
}

Test(tls, names_can_be_given_instead_of_those_in_the_certificate)
{
    make_named();
    rig_start(.listener = "tls = { certificates = ( " PAIR(
                  "site") ", { certificate = "
                          "\"$certs/a.crt\"; key = \"$certs/a.key\"; names = [ \"c.test\" ]; } ); "
                          "};");
    expect_certificate("c.test", "a");
    expect_certificate("a.test", "site");
}

static int key_kind(struct tls_wish w)
{
    w.name = "two.test";
    struct talk *t = tls_talk_open_with(w);
    X509 *x = SSL_get_peer_certificate(tls_of(t));
    const int kind = EVP_PKEY_base_id(X509_get0_pubkey(x));
    X509_free(x);
    talk_close(t);
    return kind;
}

Test(tls, rsa_and_ecdsa_stand_side_by_side)
{
    static const char ec[] = "ECDSA+SHA256", rsa[] = "RSA-PSS+SHA256:RSA+SHA256",
                      both[] = "ECDSA+SHA256:RSA-PSS+SHA256";
    certs_make(&(struct cert_spec){.name = "ec", .dns = {"two.test"}});
    certs_make(&(struct cert_spec){.name = "rsa", .key = CERT_RSA, .dns = {"two.test"}});
    rig_start(.listener = "tls = { certificates = ( " PAIR("site") ", " PAIR("rsa") ", " PAIR(
                  "ec") " ); };");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        const struct tls_wish w = {.lowest = version, .highest = version};
        struct tls_wish one = w;
        one.signatures = ec;
        cr_expect_eq(key_kind(one), EVP_PKEY_EC, "%x", version);
        one.signatures = rsa;
        cr_expect_eq(key_kind(one), EVP_PKEY_RSA, "%x", version);
        one.signatures = both;
        cr_expect_eq(key_kind(one), EVP_PKEY_EC, "%x", version);
    }
    cr_expect_eq(key_kind((struct tls_wish){.highest = TLS1_2_VERSION,
                                            .ciphers = "ECDHE-RSA-AES128-GCM-SHA256"}),
                 EVP_PKEY_RSA);
}

Test(tls, sends_the_chain_that_the_file_has)
{
    certs_make(&(struct cert_spec){.name = "inter", .issuer = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "leaf", .issuer = "inter", .dns = {"leaf.test"}});
    certs_join("chain.crt", (const char *const[]){"leaf.crt", "inter.crt", NULL});
    rig_start(.listener = "tls = { certificates = ( { certificate = \"$certs/chain.crt\"; "
                          "key = \"$certs/leaf.key\"; } ); };");
    cr_assert_eq(tls_status(.name = "leaf.test", .ca = certs_path("root.crt")), 200, "%s",
                 tls_fault());
    cr_assert_eq(tls_status(.name = "other.test", .ca = certs_path("root.crt")), 0);
}

/* -- ALPN -------------------------------------------------------------------------------------- */

static const char *agreed(const char *offer)
{
    struct talk *t = tls_talk_try((struct tls_wish){.alpn = offer});
    static char name[64];
    snprintf(name, sizeof name, "%s", t ? tls_alpn(t) : "refused");
    if (t)
        talk_close(t);
    return name;
}

Test(tls, agrees_on_a_protocol)
{
    rig_start(.listener = "protocols = [ \"h2\", \"http/1.1\" ]; " TLS(""),
              .listeners = ", { name = \"one\"; bind = \"127.0.0.1:$port_one\"; "
                           "protocols = [ \"http/1.1\" ]; " TLS("") " }");
    cr_expect_str_eq(agreed("h2"), "h2");
    cr_expect_str_eq(agreed("http/1.1"), "http/1.1");
    cr_expect_str_eq(agreed("h2,http/1.1"), "h2");
    cr_expect_str_eq(agreed("http/1.1,h2"), "h2", "the gateway's order counts");
    cr_expect_str_eq(agreed("spdy/1,http/1.1"), "http/1.1");
    cr_expect_str_eq(agreed(NULL), "");
    cr_expect(!*agreed("spdy/1") || !strcmp(agreed("spdy/1"), "refused"));
    cr_assert_eq(tls_status(.alpn = "http/1.1"), 200);
    cr_assert_eq(tls_status(.alpn = NULL), 200, "without ALPN it is HTTP/1.1");
    struct talk *t = tls_talk_open(.port = rig_port("port_one"), .alpn = "h2,http/1.1");
    cr_assert_str_eq(tls_alpn(t), "http/1.1");
}

/* -- sessions ---------------------------------------------------------------------------------- */

/* A session that a whole request has brought. */
static SSL_SESSION *a_session(int version)
{
    struct talk *t = tls_talk_open(.lowest = version, .highest = version, .name = "site.test");
    cr_assert(talk_serves(t));
    SSL_SESSION *s = version == TLS1_3_VERSION ? tls_session(t) : SSL_get1_session(tls_of(t));
    talk_close(t);
    return s;
}

static unsigned resumed(int version, SSL_SESSION *s, unsigned times)
{
    unsigned n = 0;
    for (unsigned i = 0; i < times; i++) {
        struct talk *t =
            tls_talk_open(.lowest = version, .highest = version, .name = "site.test", .session = s);
        n += SSL_session_reused(tls_of(t)) != 0;
        cr_assert(talk_serves(t));
        talk_close(t);
    }
    return n;
}

Test(tls, sessions_are_taken_up_by_every_worker_and_over_reloads)
{
    enum { TIMES = 20 };
    const struct rig_conf conf = {.workers = 2, .listener = TLS("")};
    rig_start_with(conf);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_SESSION *s = a_session(version);
        cr_assert(s, "a ticket came");
        unsigned n = resumed(version, s, TIMES);
        cr_assert_eq(n, TIMES, "%x: %u", version, n);
        cr_assert(rig_reload_with(conf));
        n = resumed(version, s, TIMES);
        cr_assert_eq(n, TIMES, "%x: %u after a reload", version, n);
        SSL_SESSION_free(s);
    }
    rig_await_access("\"worker\":0");
    rig_await_access("\"worker\":1");
    AWAIT(counted("handshakes_resumed") == 4 * TIMES);
}

Test(tls, sessions_are_not_kept_when_there_are_no_tickets)
{
    rig_start(.listener = TLS("tickets = 0;"));
    struct talk *t = tls_talk_open(.lowest = TLS1_3_VERSION);
    cr_assert(talk_serves(t));
    cr_assert_null(tls_session(t));
    SSL_SESSION *s = a_session(TLS1_2_VERSION);
    cr_assert_eq(resumed(TLS1_2_VERSION, s, 5), 0);
    SSL_SESSION_free(s);
}

/* One of another listener, whose certificates and demands may be others, must not open this one. */
Test(tls, sessions_of_another_name_get_no_wrong_certificate)
{
    make_named();
    rig_start(.listener = "tls = { " NAMED " };");
    SSL_SESSION *s = a_session(TLS1_3_VERSION);
    struct talk *t = tls_talk_open(.lowest = TLS1_3_VERSION, .name = "a.test", .session = s);
    cr_assert(!SSL_session_reused(tls_of(t)) || !strcmp(tls_peer_name(t), "a"), "%s",
              tls_peer_name(t));
    SSL_SESSION_free(s);
}

/* -- OCSP -------------------------------------------------------------------------------------- */

static X509 *read_cert(const char *file)
{
    FILE *f = fopen(certs_path(file), "r");
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    cr_assert(x);
    return x;
}

static void make_ocsp(const char *out, const char *cert, const char *ca, const char *ca_key)
{
    X509 *subject = read_cert(cert), *issuer = read_cert(ca);
    FILE *f = fopen(certs_path(ca_key), "r");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, subject, issuer);
    ASN1_TIME *from = X509_gmtime_adj(NULL, -60), *to = X509_gmtime_adj(NULL, 86400);
    cr_assert(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from, to));
    cr_assert(OCSP_basic_sign(basic, issuer, key, EVP_sha256(), NULL, 0));
    OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    const int n = i2d_OCSP_RESPONSE(r, &der);
    cr_assert_gt(n, 0);
    f = fopen(certs_path(out), "w");
    fwrite(der, 1, (size_t)n, f);
    fclose(f);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    EVP_PKEY_free(key);
    X509_free(subject);
    X509_free(issuer);
}

static long stapled(int version, bool asks, const char *name)
{
    const unsigned char *p = NULL;
    struct talk *t =
        tls_talk_open(.lowest = version, .highest = version, .staple = asks, .name = name);
    const long n = SSL_get_tlsext_status_ocsp_resp(tls_of(t), &p);
    OCSP_RESPONSE *r = n > 0 ? d2i_OCSP_RESPONSE(NULL, &p, n) : NULL;
    const long status = r ? OCSP_response_status(r) : -1;
    OCSP_RESPONSE_free(r);
    talk_close(t);
    return status;
}

Test(tls, staples_the_ocsp_response_of_a_file)
{
    make_ocsp("site.ocsp", "site.crt", "root.crt", "root.key");
    make_named();
    rig_start(.listener =
                  "tls = { certificates = ( { certificate = \"$certs/site.crt\"; key = "
                  "\"$certs/site.key\"; ocsp = \"$certs/site.ocsp\"; }, " PAIR("a") " ); };");
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        cr_assert_eq(stapled(version, true, "site.test"), OCSP_RESPONSE_STATUS_SUCCESSFUL);
        cr_assert_eq(stapled(version, false, "site.test"), -1, "only who asks gets it");
        cr_assert_eq(stapled(version, true, "a.test"), -1, "it belongs to one certificate");
    }
}

/* -- those who don't shake hands --------------------------------------------------------------- */

Test(tls, handshakes_have_a_time)
{
    rig_start(.listener = "timeouts = { handshake = \"200ms\"; }; " TLS(""));
    struct talk *silent = talk_open(), *half = talk_open();
    talk_send_n(half, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
    cr_assert(talk_ended(silent));
    cr_assert(talk_ended(half));
    AWAIT(counted("timeout_handshake") == 2);
    cr_assert_eq(tls_status(.name = "site.test"), 200);
    AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") == 0);
}

Test(tls, handshakes_under_way_are_limited)
{
    struct talk *silent[3];
    rig_start(.listener = "limits = { handshakes = 3; }; " TLS(""));
    struct talk *early = tls_talk_open(.name = "site.test");
    cr_assert(talk_serves(early));
    for (int i = 0; i < 3; i++)
        silent[i] = talk_open();
    AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") == 4);
    cr_assert_null(tls_talk_try((struct tls_wish){.name = "site.test"}));
    AWAIT(counted("handshakes_refused") == 1);
    cr_assert(talk_serves(early), "who has shaken hands isn't concerned");
    talk_close(silent[0]);
    AWAIT(tls_status(.name = "site.test") == 200);
}

Test(tls, clear_text_on_its_port_is_refused)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "SSH-2.0-x\r\n",
        "\x80\x2e\x01\x03\x01 an old hello of version 2, which nobody speaks",
        "\x16\x03\x01\x00\x05hello",
        "\x15\x03\x01\x00\x02\x02\x28",
        "\x17\x03\x03\x00\x05hello"};
    rig_start(.listener = TLS(""));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct talk *t = talk_open();
        talk_send_n(t, bad[i], i < 4 ? strlen(bad[i]) : i == 5 ? 7 : 10);
        talk_end(t);
        while (talk_pull(t, DEADLINE_MS) > 0)
            ;
        cr_expect(talk_rest(t).n < 512 && !memmem(talk_rest(t).p, talk_rest(t).n, "200", 3), "%zu",
                  i);
        talk_close(t);
    }
    cr_assert_eq(tls_status(.name = "site.test"), 200);
    cr_assert_eq(origin_requests(app), 1);
    AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") == 0);
}

/* -- ends -------------------------------------------------------------------------------------- */

Test(tls, says_when_it_ends_and_not_when_it_is_cut)
{
    rig_start(.listener = TLS(""));
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct talk *t = tls_talk_open(.lowest = version, .highest = version);
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        cr_assert_eq(talk_response(t)->status, 200);
        cr_assert(talk_ended(t));
        cr_assert(tls_ended_well(t), "%x: close_notify", version);
        t = tls_talk_open(.lowest = version, .highest = version);
        talk_send(t, "GET /?size=100000&cut=5000 HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert(!talk_response(t)->whole);
        cr_assert(!tls_ended_well(t), "%x: what the origin cut off isn't whole", version);
    }
}

/* As without TLS: the end of a client's direction can't be told from a client that went away. */
Test(tls, clients_that_end_their_direction_are_taken_for_gone)
{
    rig_start(.listener = TLS(""));
    struct talk *t = tls_talk_open(.lowest = TLS1_3_VERSION);
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    talk_end(t);
    cr_assert(talk_ended(t));
    cr_assert_str_eq(json_of(rig_await_access("\"status\":499"), "outcome"), "client_gone");
    AWAIT(origin_open(app) == 0);
}

/* A client whose connection ends without close_notify, at every point: nothing is left over. */
Test(tls, clients_that_are_cut_off_leave_nothing_behind)
{
    rig_start(.listener = TLS(""));
    for (int i = 0; i < 20; i++) {
        struct talk *t = tls_talk_open(.lowest = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
        if (i / 2 % 2)
            talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
        else
            talk_send(t, "GET /?size=1000000 HTTP/1.1\r\nHost: a\r\n\r\n");
        if (i / 2 % 2 == 0 && i / 4 % 2)
            talk_await_bytes(t, 1);
        shutdown(t->wire.fd, SHUT_RDWR);
        talk_close(t);
    }
    AWAIT(rig_metric("weir_exchanges_active") == 0);
    AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") == 0);
    cr_assert_eq(tls_status(.name = "site.test"), 200);
    AWAIT(origin_open(app) <= 2);
}
