/* SPDX-License-Identifier: Apache-2.0 */
/* A listener's TLS: which certificate, which protocol, which ciphers. */
#include "tests/lib/tls_pair.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

TestSuite(tls_server, .init = tls_case_begin, .fini = tls_case_end);

static void make(const char *name, enum cert_key key, const char *dns, const char *dns2)
{
    certs_make(&(struct cert_spec){.name = name, .key = key, .dns = {dns, dns2}});
}

/* The common name of what a client gets that asks for `name`; "" when it is refused. */
static const char *shown(const struct tls_server *s, const char *name)
{
    SSL *server = tls_server_ssl(s), *client = tls_case_client(name);
    const char *got = tls_shake(server, client) ? tls_shown_name(client) : "";
    tls_free(server, client);
    return got;
}

static struct tls_server *server_of_names(bool strict)
{
    make("first", CERT_EC, "first.test", NULL);
    make("exact", CERT_EC, "a.wild.test", NULL);
    make("wild", CERT_EC, "*.wild.test", NULL);
    struct tls_certificate_conf list[] = {tls_case_certificate("first", 3),
                                          tls_case_certificate("exact", 4),
                                          tls_case_certificate("wild", 5)};
    struct tls_server_conf c = tls_case_listener(list, 3);
    c.strict_sni = strict;
    return tls_case_server(&c, h1_alone);
}

Test(tls_server, chooses_by_the_exact_name_then_the_wildcard_then_the_first)
{
    struct tls_server *s = server_of_names(false);
    const struct {
        const char *asked, *shown;
    } cases[] = {
        {"first.test", "first"},  {"a.wild.test", "exact"},
        {"b.wild.test", "wild"},  {"A.Wild.TEST", "exact"},
        {"B.WILD.test", "wild"},  {"a.wild.test.", "exact"},
        {"b.wild.test.", "wild"}, {"a.b.wild.test", "first"},
        {"wild.test", "first"},   {"other.test", "first"},
        {NULL, "first"},          {"x", "first"},
    };
    for (size_t i = 0; i < array_n(cases); i++)
        cr_expect_str_eq(shown(s, cases[i].asked), cases[i].shown, "%s", cases[i].asked);
    cr_assert_eq(tls_server_contexts(s), 3);
    tls_server_free(s);
}

Test(tls_server, strict_names_refuse_unknown_and_missing_ones)
{
    struct tls_server *s = server_of_names(true);
    const char *const unknown[] = {"other.test", "a.b.wild.test", NULL};
    for (size_t i = 0; i < array_n(unknown); i++) {
        SSL *server = tls_server_ssl(s), *client = tls_case_client(unknown[i]);
        cr_assert(!tls_shake(server, client), "%s", unknown[i]);
        cr_assert_eq(tls_shake_alert, SSL_AD_UNRECOGNIZED_NAME);
        cr_assert_str_eq(tls_shake_word, "unknown_name");
        tls_free(server, client);
    }
    cr_assert_str_eq(shown(s, "first.test"), "first");
    cr_assert_str_eq(shown(s, "b.wild.test"), "wild");
    tls_server_free(s);
}

Test(tls_server, names_of_the_configuration_replace_those_of_the_certificate)
{
    make("a", CERT_EC, "a.test", NULL);
    make("b", CERT_EC, "*.b.test", NULL);
    struct slice one[] = {SLICE("x.b.test")};
    struct tls_certificate_conf list[] = {tls_case_certificate("a", 3),
                                          tls_case_certificate("b", 4)};
    list[1].names = (struct texts){one, 1};
    struct tls_server_conf c = tls_case_listener(list, 2);
    struct tls_server *s = tls_case_server(&c, h1_alone);
    cr_assert_str_eq(shown(s, "x.b.test"), "b");
    cr_assert_str_eq(shown(s, "y.b.test"), "a");
    tls_server_free(s);
}

static const char *shown_for(const struct tls_server *s, const char *name, const char *signatures)
{
    SSL *server = tls_server_ssl(s), *client = tls_case_client(name);
    cr_assert(SSL_set1_sigalgs_list(client, signatures));
    const char *got = tls_shake(server, client) ? tls_shown_name(client) : "";
    tls_free(server, client);
    return got;
}

Test(tls_server, has_rsa_and_ecdsa_side_by_side)
{
    make("ec", CERT_EC, "a.test", "b.test");
    make("rsa", CERT_RSA, "a.test", "c.test");
    struct tls_certificate_conf list[] = {tls_case_certificate("ec", 3),
                                          tls_case_certificate("rsa", 4)};
    struct tls_server_conf c = tls_case_listener(list, 2);
    struct tls_server *s = tls_case_server(&c, h1_alone);
    const char *ec = "ECDSA+SHA256", *rsa = "RSA-PSS+SHA256:RSA+SHA256";
    cr_assert_str_eq(shown_for(s, "a.test", ec), "ec");
    cr_assert_str_eq(shown_for(s, "a.test", rsa), "rsa");
    cr_assert_str_eq(shown_for(s, "b.test", ec), "ec");
    cr_assert_str_eq(shown_for(s, "b.test", rsa), "");
    cr_assert_str_eq(shown_for(s, "c.test", rsa), "rsa");
    cr_assert_str_eq(shown_for(s, "c.test", ec), "");
    cr_assert_str_eq(shown_for(s, NULL, rsa), "rsa", "the default has both as well");
    cr_assert_eq(tls_server_contexts(s), 3);
    tls_server_free(s);
}

Test(tls_server, of_two_certificates_of_one_type_the_first_wins_and_it_says_so)
{
    make("one", CERT_EC, "a.test", NULL);
    make("two", CERT_EC, "a.test", "b.test");
    struct tls_certificate_conf list[] = {tls_case_certificate("one", 3),
                                          tls_case_certificate("two", 4)};
    struct tls_server_conf c = tls_case_listener(list, 2);
    struct tls_server *s = tls_server_new(&c, h1_alone, NULL, &tls_faults);
    cr_assert(s);
    cr_assert_eq(tls_faults.warnings, 1);
    cr_assert_eq(tls_case_said("t.conf:4: warning: certificate "), 1);
    cr_assert_eq(tls_case_said("two.crt: a.test has an ECDSA certificate already, which wins: "),
                 1);
    cr_assert_eq(tls_case_said("one.crt"), 1);
    tls_server_free(s);
}

Test(tls_server, a_certificate_without_names_is_only_the_default)
{
    certs_make(&(struct cert_spec){.name = "bare"});
    make("a", CERT_EC, "a.test", NULL);
    struct tls_certificate_conf list[] = {tls_case_certificate("bare", 3),
                                          tls_case_certificate("a", 4)};
    struct tls_server_conf c = tls_case_listener(list, 2);
    struct tls_server *s = tls_case_server(&c, h1_alone);
    cr_assert_str_eq(shown(s, "a.test"), "a");
    cr_assert_str_eq(shown(s, "b.test"), "bare");
    tls_server_free(s);
    struct tls_certificate_conf turned[] = {list[1], list[0]};
    c.certificates = turned;
    s = tls_server_new(&c, h1_alone, NULL, &tls_faults);
    cr_assert_eq(tls_case_said("bare.crt: it has no DNS name, so no client gets it"), 1);
    tls_server_free(s);
}

/* -- profiles -------------------------------------------------------------------------------- */

static struct tls_server *server_of(enum cert_key key, int profile)
{
    make("a", key, "a.test", NULL);
    static struct tls_certificate_conf list[1];
    list[0] = tls_case_certificate("a", 3);
    struct tls_server_conf c = tls_case_listener(list, 1);
    c.profile = profile;
    return tls_case_server(&c, both_protocols);
}

static bool speaks(const struct tls_server *s, int version, const char *ciphers, const char *groups)
{
    SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
    SSL_set_security_level(client, 0);
    SSL_set_min_proto_version(client, version);
    SSL_set_max_proto_version(client, version);
    cr_assert(!ciphers || version == TLS1_3_VERSION || SSL_set_cipher_list(client, ciphers));
    cr_assert(!groups || SSL_set1_groups_list(client, groups));
    const bool ok = tls_shake(server, client);
    tls_free(server, client);
    return ok;
}

Test(tls_server, intermediate_speaks_1_2_and_1_3)
{
    struct tls_server *s = server_of(CERT_RSA, TLS_PROFILE_INTERMEDIATE);
    cr_assert(speaks(s, TLS1_3_VERSION, NULL, NULL));
    cr_assert(!speaks(s, TLS1_1_VERSION, "ALL:@SECLEVEL=0", NULL));
    const char *const good[] = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
                                "ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256",
                                "DHE-RSA-AES256-GCM-SHA384",   "DHE-RSA-CHACHA20-POLY1305"};
    for (size_t i = 0; i < array_n(good); i++)
        cr_expect(speaks(s, TLS1_2_VERSION, good[i], NULL), "%s", good[i]);
    const char *const bad[] = {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256",
                               "ECDHE-RSA-AES128-SHA", "AES256-SHA", "ECDHE-RSA-AES256-CCM"};
    for (size_t i = 0; i < array_n(bad); i++) {
        SSL *probe = tls_case_client(NULL);
        const bool known = SSL_set_cipher_list(probe, bad[i]);
        SSL_free(probe);
        cr_expect(!known || !speaks(s, TLS1_2_VERSION, bad[i], NULL), "%s", bad[i]);
    }
    cr_assert(speaks(s, TLS1_3_VERSION, NULL, "X25519"));
    cr_assert(speaks(s, TLS1_3_VERSION, NULL, "prime256v1"));
    cr_assert(speaks(s, TLS1_3_VERSION, NULL, "secp384r1"));
    cr_assert(!speaks(s, TLS1_3_VERSION, NULL, "secp521r1"));
    tls_server_free(s);
}

Test(tls_server, modern_speaks_1_3_alone)
{
    struct tls_server *s = server_of(CERT_EC, TLS_PROFILE_MODERN);
    cr_assert(speaks(s, TLS1_3_VERSION, NULL, NULL));
    SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
    SSL_set_max_proto_version(client, TLS1_2_VERSION);
    cr_assert(!tls_shake(server, client));
    cr_assert_eq(tls_shake_alert, SSL_AD_PROTOCOL_VERSION);
    tls_free(server, client);
    tls_server_free(s);
}

Test(tls_server, the_client_chooses_among_the_ciphers)
{
    struct tls_server *s = server_of(CERT_EC, TLS_PROFILE_INTERMEDIATE);
    const char *const orders[] = {
        "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305",
    };
    const char *const first[] = {"ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384"};
    for (size_t i = 0; i < 2; i++) {
        SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
        SSL_set_max_proto_version(client, TLS1_2_VERSION);
        cr_assert(SSL_set_cipher_list(client, orders[i]));
        cr_assert(tls_shake(server, client));
        cr_assert_str_eq(SSL_get_cipher_name(client), first[i]);
        tls_free(server, client);
    }
    tls_server_free(s);
}

Test(tls_server, takes_lists_of_its_own_and_says_which_is_wrong)
{
    make("a", CERT_EC, "a.test", NULL);
    struct tls_certificate_conf list[] = {tls_case_certificate("a", 3)};
    struct tls_server_conf c = tls_case_listener(list, 1);
    c.ciphers = SLICE("ECDHE-ECDSA-AES256-GCM-SHA384");
    c.ciphersuites = SLICE("TLS_CHACHA20_POLY1305_SHA256");
    c.groups = SLICE("secp521r1");
    struct tls_server *s = tls_case_server(&c, both_protocols);
    cr_assert(speaks(s, TLS1_3_VERSION, NULL, "secp521r1"));
    cr_assert(!speaks(s, TLS1_3_VERSION, NULL, "X25519"));
    cr_assert(speaks(s, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", "secp521r1:P-256"));
    cr_assert(!speaks(s, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", "secp521r1:P-256"));
    tls_server_free(s);
    c.ciphers = SLICE("NONSENSE");
    c.ciphersuites = SLICE("TLS_NONSENSE");
    c.groups = SLICE("X1");
    cr_assert_null(tls_server_new(&c, both_protocols, NULL, &tls_faults));
    cr_assert_eq(tls_case_said("t.conf:1: error: tls.ciphers is \"NONSENSE\"; OpenSSL says: no "
                               "cipher match"),
                 1);
    cr_assert_eq(tls_case_said("tls.ciphersuites is \"TLS_NONSENSE\""), 1);
    cr_assert_eq(tls_case_said("tls.groups is \"X1\""), 1);
}

Test(tls_server, warns_of_ciphers_that_h2_forbids)
{
    make("a", CERT_RSA, "a.test", NULL);
    struct tls_certificate_conf list[] = {tls_case_certificate("a", 3)};
    struct tls_server_conf c = tls_case_listener(list, 1);
    c.ciphers = SLICE("ECDHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256");
    struct tls_server *s = tls_server_new(&c, h1_alone, NULL, &tls_faults);
    cr_assert_eq(tls_faults.warnings, 0);
    tls_server_free(s);
    s = tls_server_new(&c, both_protocols, NULL, &tls_faults);
    cr_assert_eq(tls_faults.warnings, 1);
    cr_assert_eq(tls_case_said("tls.ciphers has AES128-GCM-SHA256, which HTTP/2 forbids"), 1);
    tls_server_free(s);
}

/* -- protocols ------------------------------------------------------------------------------- */

static void agree(const struct tls_server *s, const char *wire, const char *expected, int alert)
{
    SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
    if (*wire)
        cr_assert_eq(
            SSL_set_alpn_protos(client, (const unsigned char *)wire, (unsigned)strlen(wire)), 0);
    const bool ok = tls_shake(server, client);
    cr_assert_eq(ok, alert == 0, "%s", wire);
    cr_assert_eq(tls_shake_alert, alert);
    if (ok) {
        struct tls_facts *f = tls_facts_new(server);
        cr_assert(slice_eq(f->alpn, slice_str(expected)), "%.*s", SLICE_ARG(f->alpn));
        tls_facts_free(f);
    } else {
        cr_assert_str_eq(tls_shake_word, "no_protocol");
    }
    tls_free(server, client);
}

Test(tls_server, agrees_on_a_protocol_h2_first)
{
    struct tls_server *s = server_of(CERT_EC, TLS_PROFILE_INTERMEDIATE);
    agree(s, "\x02h2", "h2", 0);
    agree(s, "\x08http/1.1\x02h2", "h2", 0);
    agree(s, "\x08http/1.1", "http/1.1", 0);
    agree(s, "\x06spdy/1\x08http/1.1", "http/1.1", 0);
    agree(s, "\x06spdy/1", "", SSL_AD_NO_APPLICATION_PROTOCOL);
    agree(s, "", "", 0);
    tls_server_free(s);
}

Test(tls_server, offers_what_the_listener_speaks)
{
    make("a", CERT_EC, "a.test", NULL);
    struct tls_certificate_conf list[] = {tls_case_certificate("a", 3)};
    struct tls_server_conf c = tls_case_listener(list, 1);
    struct tls_server *s = tls_case_server(&c, h1_alone);
    agree(s, "\x02h2\x08http/1.1", "http/1.1", 0);
    agree(s, "\x02h2", "", SSL_AD_NO_APPLICATION_PROTOCOL);
    tls_server_free(s);
    s = tls_case_server(&c, (struct tls_alpn){.h2 = true});
    agree(s, "\x02h2\x08http/1.1", "h2", 0);
    agree(s, "\x08http/1.1", "", SSL_AD_NO_APPLICATION_PROTOCOL);
    agree(s, "", "", SSL_AD_NO_APPLICATION_PROTOCOL);
    tls_server_free(s);
}

/* -- many ------------------------------------------------------------------------------------ */

static double ms_since(const struct timespec *from)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)(now.tv_sec - from->tv_sec) * 1e3 + (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

/* One key and certificate under a thousand names each: what counts are the contexts. */
Test(tls_server, a_thousand_names_are_found_and_cost_little)
{
    enum { N = 1000 };
    static struct tls_certificate_conf list[N];
    static struct slice names[N];
    static char texts[N][24];
    make("a", CERT_EC, "*.many.test", NULL);
    for (size_t i = 0; i < N; i++) {
        snprintf(texts[i], sizeof texts[i], "n%zu.many.test", i);
        names[i] = slice_str(texts[i]);
        list[i] = tls_case_certificate("a", (int)i);
        list[i].names = (struct texts){&names[i], 1};
    }
    struct tls_server_conf c = tls_case_listener(list, N);
    const struct mallinfo2 before = mallinfo2();
    struct timespec from;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    struct tls_server *s = tls_case_server(&c, both_protocols);
    const struct mallinfo2 after = mallinfo2();
    fprintf(stderr, "1000 certificates: %zu contexts, %.0f ms of processor time, %.1f KiB each\n",
            tls_server_contexts(s), ms_since(&from),
            (double)(after.uordblks - before.uordblks) / N / 1024);
    cr_assert_eq(tls_server_contexts(s), N);
    cr_assert_str_eq(shown(s, "n999.many.test"), "a");
    tls_server_free(s);
}
