/* SPDX-License-Identifier: Apache-2.0 */
/* Clients' certificates on a listener, and what is known of a connection. */
#include "tests/lib/tls_pair.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <string.h>

static struct tls_certificate_conf list[1];
static struct tls_server_conf conf;

static void begin(void)
{
    tls_case_begin();
    certs_make(&(struct cert_spec){.name = "a", .dns = {"a.test"}});
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "middle", .issuer = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "low", .issuer = "middle", .ca = true});
    certs_make(&(struct cert_spec){.name = "alice", .issuer = "ca", .serial = 0xbeef});
    list[0] = tls_case_certificate("a", 3);
    conf = tls_case_listener(list, 1);
    conf.client.verify = TLS_VERIFY_REQUIRED;
    conf.client.ca = certs_slice("ca.crt");
}

TestSuite(tls_peer, .init = begin, .fini = tls_case_end);

static void show(SSL *client, const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.crt", name);
    cr_assert(SSL_use_certificate_chain_file(client, certs_path(file)));
    snprintf(file, sizeof file, "%s.key", name);
    cr_assert(SSL_use_PrivateKey_file(client, certs_path(file), SSL_FILETYPE_PEM));
}

/* What the listener knows of a client with this certificate (NULL: none); NULL: refused. */
static struct tls_facts *meet(const char *identity, int version)
{
    struct tls_server *s = tls_server_new(&conf, both_protocols, NULL, &tls_faults);
    tls_case_print();
    cr_assert(s);
    SSL *server = tls_server_ssl(s), *client = tls_case_client("A.Test");
    SSL_set_max_proto_version(client, version);
    if (identity)
        show(client, identity);
    struct tls_facts *f = tls_shake(server, client) ? tls_facts_new(server) : NULL;
    tls_free(server, client);
    tls_server_free(s);
    return f;
}

static bool admits(const char *identity, bool known)
{
    struct tls_facts *one = meet(identity, TLS1_2_VERSION), *two = meet(identity, TLS1_3_VERSION);
    cr_assert_eq(one == NULL, two == NULL);
    const bool ok = one != NULL;
    cr_assert(!ok || (one->peer != NULL) == known);
    cr_assert(!ok || (two->peer != NULL) == known);
    tls_facts_free(one);
    tls_facts_free(two);
    return ok;
}

Test(tls_peer, off_asks_nobody)
{
    conf.client.verify = TLS_VERIFY_OFF;
    cr_assert(admits(NULL, false));
    cr_assert(admits("alice", false));
}

Test(tls_peer, optional_takes_clients_without_and_refuses_bad_ones)
{
    certs_make(&(struct cert_spec){.name = "mallory"});
    conf.client.verify = TLS_VERIFY_OPTIONAL;
    cr_assert(admits(NULL, false));
    cr_assert(admits("alice", true));
    cr_assert(!admits("mallory", false));
}

Test(tls_peer, required_refuses_clients_without)
{
    certs_make(&(struct cert_spec){.name = "mallory"});
    cr_assert(!admits(NULL, false));
    cr_assert_str_eq(tls_shake_word, "certificate");
    cr_assert(admits("alice", true));
    cr_assert(!admits("mallory", false));
    cr_assert_str_eq(tls_shake_word, "certificate");
}

Test(tls_peer, one_that_has_expired_is_refused)
{
    certs_make(&(struct cert_spec){.name = "old", .issuer = "ca", .days_from = -10, .days_to = -1});
    cr_assert(!admits("old", false));
}

Test(tls_peer, the_names_of_the_authorities_are_sent)
{
    struct tls_server *s = tls_case_server(&conf, h1_alone);
    SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
    show(client, "alice");
    cr_assert(tls_shake(server, client));
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(client);
    cr_assert_eq(sk_X509_NAME_num(names), 1);
    char text[100];
    X509_NAME_get_text_by_NID(sk_X509_NAME_value(names, 0), NID_commonName, text, sizeof text);
    cr_assert_str_eq(text, "ca");
    tls_free(server, client);
    tls_server_free(s);
}

Test(tls_peer, intermediates_count_against_the_depth)
{
    certs_make(&(struct cert_spec){.name = "deep", .issuer = "low"});
    certs_join("all.crt", (const char *[]){"deep.crt", "low.crt", "middle.crt", NULL});
    certs_join("all.key", (const char *[]){"deep.key", NULL});
    conf.client.depth = 2;
    cr_assert(admits("all", true));
    conf.client.depth = 1;
    cr_assert(!admits("all", false));
}

Test(tls_peer, an_intermediate_alone_may_be_the_authority)
{
    certs_make(&(struct cert_spec){.name = "bob", .issuer = "middle"});
    conf.client.ca = certs_slice("middle.crt");
    cr_assert(admits("bob", true));
    cr_assert(!admits("alice", false));
}

Test(tls_peer, revoked_ones_are_refused)
{
    certs_make(&(struct cert_spec){.name = "eve", .issuer = "ca"});
    certs_crl("crl.pem", "ca", (const char *[]){"eve", NULL});
    conf.client.crl = certs_slice("crl.pem");
    cr_assert(admits("alice", true));
    cr_assert(!admits("eve", false));
}

Test(tls_peer, revoked_intermediates_are_refused_when_all_authorities_have_lists)
{
    certs_make(&(struct cert_spec){.name = "bob", .issuer = "middle"});
    certs_join("chain.crt", (const char *[]){"bob.crt", "middle.crt", NULL});
    certs_join("chain.key", (const char *[]){"bob.key", NULL});
    certs_crl("middle.crl", "middle", NULL);
    certs_crl("good.crl", "ca", NULL);
    certs_crl("bad.crl", "ca", (const char *[]){"middle", NULL});
    certs_join("good.pem", (const char *[]){"good.crl", "middle.crl", NULL});
    certs_join("bad.pem", (const char *[]){"bad.crl", "middle.crl", NULL});
    conf.client.crl = certs_slice("good.pem");
    cr_assert(admits("chain", true));
    conf.client.crl = certs_slice("bad.pem");
    cr_assert(!admits("chain", false));
}

/* -- facts ----------------------------------------------------------------------------------- */

Test(tls_peer, facts_of_a_connection_without_a_certificate)
{
    conf.client.verify = TLS_VERIFY_OFF;
    struct tls_facts *f = meet(NULL, TLS1_3_VERSION);
    cr_assert(slice_eq(f->version, SLICE("TLSv1.3")));
    cr_assert(slice_starts(f->cipher, SLICE("TLS_")));
    cr_assert(slice_eq(f->server_name, SLICE("a.test")));
    cr_assert_eq(f->alpn.n, 0);
    cr_assert(!f->resumed && !f->peer);
    tls_facts_free(f);
    f = meet(NULL, TLS1_2_VERSION);
    cr_assert(slice_eq(f->version, SLICE("TLSv1.2")));
    cr_assert(slice_starts(f->cipher, SLICE("TLS_ECDHE_ECDSA_WITH_")));
    tls_facts_free(f);
    tls_facts_free(NULL);
}

static bool printable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '"')
            return false;
    return true;
}

Test(tls_peer, what_is_known_of_a_certificate)
{
    certs_make(&(struct cert_spec){.name = "bob",
                                   .issuer = "ca",
                                   .serial = 0xabc,
                                   .dns = {"bob.test", "b2.test"},
                                   .ip = "192.0.2.7",
                                   .uri = "spiffe://test/bob",
                                   .email = "bob@test"});
    struct tls_facts *f = meet("bob", TLS1_3_VERSION);
    const struct tls_peer *p = f->peer;
    cr_assert(slice_eq(p->subject, SLICE("CN=bob,O=Weir tests")), "%.*s", SLICE_ARG(p->subject));
    cr_assert(slice_eq(p->issuer, SLICE("CN=ca,O=Weir tests")));
    cr_assert(slice_eq(p->serial, SLICE("0ABC")), "%.*s", SLICE_ARG(p->serial));
    cr_assert_eq(p->fingerprint.n, 64);
    cr_assert_eq(p->dns.n, 2);
    cr_assert(slice_eq(p->dns.v[1], SLICE("b2.test")));
    cr_assert(p->ip.n == 1 && slice_eq(p->ip.v[0], SLICE("192.0.2.7")));
    cr_assert(p->uri.n == 1 && slice_eq(p->uri.v[0], SLICE("spiffe://test/bob")));
    cr_assert(p->email.n == 1 && slice_eq(p->email.v[0], SLICE("bob@test")));
    const uint64_t year = 365 * 86400;
    cr_assert(p->not_after_s > (uint64_t)time(NULL) + year - 86400 &&
              p->not_after_s < (uint64_t)time(NULL) + year + 86400);
    cr_assert(slice_starts(p->der_base64, SLICE("MII")));
    tls_facts_free(f);
}

Test(tls_peer, the_fingerprint_is_the_certificates)
{
    struct tls_facts *f = meet("alice", TLS1_3_VERSION);
    FILE *file = fopen(certs_path("alice.crt"), "r");
    X509 *x = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    unsigned char digest[32];
    char hex[65];
    cr_assert(X509_digest(x, EVP_sha256(), digest, NULL));
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    cr_assert(slice_eq(f->peer->fingerprint, slice_str(hex)));
    cr_assert(slice_eq(f->peer->serial, SLICE("BEEF")));
    X509_free(x);
    tls_facts_free(f);
}

Test(tls_peer, texts_of_a_certificate_cannot_break_out)
{
    certs_make(&(struct cert_spec){.name = "nasty",
                                   .issuer = "ca",
                                   .common = "a\"b\r\nc, d=\\ \xc3\xa9 \x01",
                                   .uri = "http://x/\"\\\t"});
    struct tls_facts *f = meet("nasty", TLS1_3_VERSION);
    const struct tls_peer *p = f->peer;
    cr_assert(printable(p->subject), "%.*s", SLICE_ARG(p->subject));
    cr_assert(
        slice_eq(p->subject, SLICE("CN=a\\22b\\0D\\0Ac\\, d=\\\\ \\C3\\A9 \\01,O=Weir tests")),
        "%.*s", SLICE_ARG(p->subject));
    cr_assert_eq(p->uri.n, 1);
    cr_assert(slice_starts(p->uri.v[0], SLICE("http://x/\\22")), "%.*s", SLICE_ARG(p->uri.v[0]));
    cr_assert(printable(p->uri.v[0]));
    tls_facts_free(f);
}
