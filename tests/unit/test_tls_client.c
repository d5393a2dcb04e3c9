/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster's TLS: who is believed, what is sent, and which sessions are used again. */
#include "tests/lib/tls_pair.h"

#include <stdlib.h>
#include <string.h>

static struct tls_certificate_conf list[1];
static struct tls_server_conf server_conf;
static struct tls_client_conf conf;

static void begin(void)
{
    tls_case_begin();
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){
        .name = "site", .issuer = "ca", .dns = {"a.test", "*.w.test"}, .ip = "192.0.2.7"});
    certs_join("both.crt", (const char *[]){"site.crt", "ca.crt", NULL});
    list[0] = tls_case_certificate("site", 3);
    list[0].certificate = certs_slice("both.crt");
    server_conf = tls_case_listener(list, 1);
    conf = tls_case_cluster();
    conf.ca = certs_slice("ca.crt");
}

TestSuite(tls_client, .init = begin, .fini = tls_case_end);

static struct tls_client *client_of(struct tls_alpn alpn)
{
    struct tls_client *c = tls_client_new(&conf, alpn, &tls_faults);
    tls_case_print();
    cr_assert(c);
    return c;
}

struct met {
    bool ok, resumed;
    char sni[64], alpn[16];
    bool known; /* the endpoint knows who we are */
};

static struct met meet_as(const char *name, struct tls_alpn alpn, struct tls_resume *resume)
{
    struct met m = {0};
    struct tls_server *s = tls_case_server(&server_conf, both_protocols);
    struct tls_client *c = client_of(alpn);
    SSL *server = tls_server_ssl(s), *client = tls_client_ssl(c, slice_str(name), resume);
    cr_assert(client);
    m.ok = tls_shake(server, client);
    struct tls_facts *f = m.ok ? tls_facts_new(server) : NULL;
    if (f) {
        snprintf(m.sni, sizeof m.sni, "%.*s", SLICE_ARG(f->server_name));
        snprintf(m.alpn, sizeof m.alpn, "%.*s", SLICE_ARG(f->alpn));
        m.known = f->peer != NULL;
        m.resumed = f->resumed;
    }
    tls_facts_free(f);
    SSL_shutdown(client);
    tls_free(server, client);
    tls_client_free(c);
    tls_server_free(s);
    return m;
}

static bool meets(const char *name)
{
    return meet_as(name, h1_alone, NULL).ok;
}

Test(tls_client, believes_who_has_the_name)
{
    cr_assert(meets("a.test"));
    cr_assert(meets("A.TEST"));
    cr_assert(meets("a.test."));
    cr_assert(meets("x.w.test"));
    cr_assert(!meets("b.test"));
    cr_assert_str_eq(tls_shake_word, "certificate");
    cr_assert(!meets("x.y.w.test"));
    cr_assert(!meets("w.test"));
}

Test(tls_client, believes_who_has_the_address)
{
    cr_assert(meets("192.0.2.7"));
    cr_assert(!meets("192.0.2.8"));
    cr_assert(!meets("2001:db8::7"));
    cr_assert(!meets("[2001:db8::7]"));
}

Test(tls_client, a_common_name_is_no_name)
{
    certs_make(&(struct cert_spec){.name = "bare", .common = "bare.test", .issuer = "ca"});
    list[0] = tls_case_certificate("bare", 3);
    certs_join("both.crt", (const char *[]){"bare.crt", "ca.crt", NULL});
    list[0].certificate = certs_slice("both.crt");
    cr_assert(!meets("bare.test"));
}

Test(tls_client, does_not_believe_other_authorities)
{
    certs_make(&(struct cert_spec){.name = "other", .ca = true});
    conf.ca = certs_slice("other.crt");
    cr_assert(!meets("a.test"));
    cr_assert_str_eq(tls_shake_word, "certificate");
}

Test(tls_client, believes_the_systems_authorities_without_a_file)
{
    conf.ca = slice_of(NULL, 0);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
    certs_write("none.pem", "");
    setenv("SSL_CERT_FILE", certs_path("none.pem"), 1);
    cr_assert(!meets("a.test"));
    setenv("SSL_CERT_FILE", certs_path("ca.crt"), 1);
    cr_assert(meets("a.test"));
    cr_assert(!meets("b.test"));
}

Test(tls_client, refuses_who_was_revoked)
{
    certs_crl("crl.pem", "ca", NULL);
    conf.crl = certs_slice("crl.pem");
    cr_assert(meets("a.test"));
    certs_crl("crl.pem", "ca", (const char *[]){"site", NULL});
    cr_assert(!meets("a.test"));
}

Test(tls_client, believes_anybody_when_told_so)
{
    conf.verify = false;
    conf.ca = slice_of(NULL, 0);
    cr_assert(meets("b.test"));
    cr_assert(meets("192.0.2.8"));
}

Test(tls_client, sends_names_but_no_addresses)
{
    cr_assert_str_eq(meet_as("a.test", h1_alone, NULL).sni, "a.test");
    cr_assert_str_eq(meet_as("a.test.", h1_alone, NULL).sni, "a.test");
    cr_assert_str_eq(meet_as("192.0.2.7", h1_alone, NULL).sni, "");
}

Test(tls_client, the_configured_name_counts_instead_of_the_endpoints)
{
    conf.server_name = SLICE("x.w.test");
    struct met m = meet_as("10.0.0.1", h1_alone, NULL);
    cr_assert(m.ok);
    cr_assert_str_eq(m.sni, "x.w.test");
    conf.server_name = SLICE("b.test");
    cr_assert(!meets("a.test"));
}

Test(tls_client, refuses_a_name_that_is_none)
{
    struct tls_client *c = client_of(h1_alone);
    char longer[300];
    memset(longer, 'a', sizeof longer);
    cr_assert_null(tls_client_ssl(c, slice_of(longer, sizeof longer), NULL));
    cr_assert_null(tls_client_ssl(c, slice_of("", 0), NULL));
    tls_client_free(c);
}

Test(tls_client, offers_protocols)
{
    cr_assert_str_eq(meet_as("a.test", both_protocols, NULL).alpn, "h2");
    cr_assert_str_eq(meet_as("a.test", h1_alone, NULL).alpn, "http/1.1");
    cr_assert_str_eq(meet_as("a.test", (struct tls_alpn){.h2 = true}, NULL).alpn, "h2");
    cr_assert_str_eq(meet_as("a.test", (struct tls_alpn){0}, NULL).alpn, "");
}

Test(tls_client, shows_who_it_is)
{
    certs_make(&(struct cert_spec){.name = "weir", .issuer = "ca"});
    server_conf.client.verify = TLS_VERIFY_REQUIRED;
    server_conf.client.ca = certs_slice("ca.crt");
    cr_assert(!meets("a.test"));
    conf.certificate = certs_slice("weir.crt");
    conf.key = certs_slice("weir.key");
    struct met m = meet_as("a.test", h1_alone, NULL);
    cr_assert(m.ok && m.known);
}

Test(tls_client, says_what_is_wrong_with_its_files)
{
    conf.certificate = certs_slice("site.crt");
    conf.key = certs_slice("ca.key");
    conf.ca = certs_slice("no.crt");
    conf.ciphers = SLICE("NONSENSE");
    cr_assert_null(tls_client_new(&conf, h1_alone, &tls_faults));
    tls_case_print();
    cr_assert_eq(tls_faults.errors, 3);
    cr_assert_eq(tls_case_said("t.conf:2: error: "), 3);
    cr_assert_eq(tls_case_said("ca.key: it doesn't belong to the certificate in"), 1);
    cr_assert_eq(tls_case_said("error: ca /tmp/"), 1);
}

Test(tls_client, modern_speaks_1_3_alone)
{
    conf.profile = TLS_PROFILE_MODERN;
    cr_assert(meets("a.test"));
    struct tls_client *c = client_of(h1_alone);
    SSL *ssl = tls_client_ssl(c, SLICE("a.test"), NULL);
    cr_assert_eq(SSL_CTX_get_min_proto_version(SSL_get_SSL_CTX(ssl)), TLS1_3_VERSION);
    SSL_free(ssl);
    tls_client_free(c);
}

/* -- sessions -------------------------------------------------------------------------------- */

Test(tls_client, uses_a_session_again)
{
    struct tls_resume resume = {0};
    cr_assert(!meet_as("a.test", h1_alone, &resume).resumed);
    cr_assert(resume.session);
    for (int i = 0; i < 3; i++)
        cr_assert(meet_as("a.test", h1_alone, &resume).resumed);
    tls_resume_drop(&resume);
    cr_assert_null(resume.session);
    tls_resume_drop(&resume);
    cr_assert(!meet_as("a.test", h1_alone, &resume).resumed);
    tls_resume_drop(&resume);
}

Test(tls_client, uses_a_ticket_of_1_3_once)
{
    struct tls_resume resume = {0};
    meet_as("a.test", h1_alone, &resume);
    struct tls_client *c = client_of(h1_alone);
    SSL *one = tls_client_ssl(c, SLICE("a.test"), &resume);
    cr_assert(SSL_get_session(one));
    cr_assert_null(resume.session);
    SSL *two = tls_client_ssl(c, SLICE("a.test"), &resume);
    cr_assert_null(SSL_get_session(two));
    tls_free(one, two);
    tls_client_free(c);
}

Test(tls_client, uses_a_session_of_1_2_as_often_as_it_likes)
{
    struct tls_resume resume = {0};
    server_conf.ciphers = SLICE("ECDHE-ECDSA-AES128-GCM-SHA256");
    struct tls_server *s = tls_case_server(&server_conf, h1_alone);
    struct tls_client *c = client_of(h1_alone);
    for (int i = 0; i < 3; i++) {
        SSL *server = tls_server_ssl(s), *client = tls_client_ssl(c, SLICE("a.test"), &resume);
        SSL_set_max_proto_version(server, TLS1_2_VERSION);
        cr_assert(tls_shake(server, client));
        cr_assert_eq(SSL_session_reused(client), i > 0);
        cr_assert(resume.session);
        SSL_shutdown(client);
        tls_free(server, client);
    }
    tls_resume_drop(&resume);
    tls_client_free(c);
    tls_server_free(s);
}

Test(tls_client, keeps_no_session_when_told_so)
{
    struct tls_resume resume = {0};
    conf.resume = false;
    cr_assert(meet_as("a.test", h1_alone, &resume).ok);
    cr_assert_null(resume.session);
}
