/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of certificates and keys at load: every message names line, file and reason. */
#include "tests/lib/tls_pair.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void begin(void)
{
    tls_case_begin();
    certs_make(&(struct cert_spec){.name = "a", .dns = {"a.test"}});
    certs_write("none.pem", "");
    setenv("SSL_CERT_FILE", certs_path("none.pem"), 1); /* nobody is trusted by the system */
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
}

TestSuite(tls_certificates, .init = begin, .fini = tls_case_end);

/* Loads one certificate; true when it can be used. */
static bool load(struct tls_certificate_conf cert)
{
    struct tls_server_conf c = tls_case_listener(&cert, 1);
    struct tls_server *s = tls_server_new(&c, h1_alone, NULL, &tls_faults);
    tls_server_free(s);
    tls_case_print();
    return s != NULL;
}

static struct tls_certificate_conf with(const char *certificate, const char *key)
{
    struct tls_certificate_conf c = tls_case_certificate("a", 7);
    c.certificate = certs_slice(certificate);
    c.key = key ? certs_slice(key) : slice_of(NULL, 0);
    return c;
}

/* One error, on line 7, with this text. */
static void refused(struct tls_certificate_conf cert, const char *text)
{
    cr_assert(!load(cert));
    cr_assert_eq(tls_faults.errors, 1);
    cr_assert_eq(tls_case_said("t.conf:7: error: "), 1);
    cr_assert_eq(tls_case_said(text), 1, "%s", text);
}

static void warned(struct tls_certificate_conf cert, const char *text)
{
    cr_assert(load(cert));
    cr_assert_eq(tls_faults.warnings, 1);
    cr_assert_eq(tls_case_said("t.conf:7: warning: "), 1);
    cr_assert_eq(tls_case_said(text), 1, "%s", text);
}

Test(tls_certificates, a_good_one_gives_no_message)
{
    cr_assert(load(with("a.crt", "a.key")));
    cr_assert_eq(tls_faults.warnings, 0);
}

Test(tls_certificates, key_and_certificate_may_stand_in_one_file)
{
    certs_join("both.pem", (const char *[]){"a.crt", "a.key", NULL});
    certs_join("turned.pem", (const char *[]){"a.key", "a.crt", NULL});
    cr_assert(load(with("both.pem", NULL)));
    cr_assert(load(with("turned.pem", NULL)));
    cr_assert_eq(tls_faults.warnings, 0);
}

Test(tls_certificates, a_file_that_is_missing)
{
    refused(with("no.crt", "a.key"), "no.crt: No such file or directory");
}

Test(tls_certificates, a_key_that_is_missing)
{
    refused(with("a.crt", "no.key"), "error: key /tmp/weir-certs-");
    cr_assert_eq(tls_case_said("no.key: No such file or directory"), 1);
}

Test(tls_certificates, a_folder)
{
    refused(with("", "a.key"), ": Is a directory");
}

Test(tls_certificates, a_file_without_a_certificate)
{
    refused(with("none.pem", "a.key"), "none.pem: there is no certificate in PEM format in it");
}

Test(tls_certificates, a_file_without_a_key)
{
    refused(with("a.crt", "a.crt"), "a.crt: there is no private key in PEM format in it");
}

Test(tls_certificates, a_key_that_is_looked_for_beside_the_certificate)
{
    refused(with("a.crt", NULL), "a.crt: there is no private key in PEM format in it");
}

Test(tls_certificates, a_certificate_that_is_broken)
{
    certs_write("half.pem", "-----BEGIN CERTIFICATE-----\nMIIBnonsense\n");
    certs_join("broken.crt", (const char *[]){"a.crt", "half.pem", NULL});
    refused(with("broken.crt", "a.key"), "broken.crt: certificate 2 in it can't be read: ");
}

Test(tls_certificates, a_key_that_is_broken)
{
    certs_write("broken.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    refused(with("a.crt", "broken.key"), "broken.key: it can't be read: ");
}

Test(tls_certificates, a_key_of_another_certificate)
{
    certs_make(&(struct cert_spec){.name = "b", .dns = {"b.test"}});
    refused(with("a.crt", "b.key"), "b.key: it doesn't belong to the certificate in /tmp/");
}

static void encrypt_key(const char *from, const char *to, bool traditional)
{
    FILE *f = fopen(certs_path(from), "r");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    f = fopen(certs_path(to), "w");
    const unsigned char word[] = "geheim";
    if (traditional) {
        BIO *bio = BIO_new_fp(f, BIO_NOCLOSE);
        cr_assert(
            PEM_write_bio_PrivateKey_traditional(bio, key, EVP_aes_128_cbc(), word, 6, NULL, NULL));
        BIO_free(bio);
    } else {
        cr_assert(PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), word, 6, NULL, NULL));
    }
    fclose(f);
    EVP_PKEY_free(key);
}

Test(tls_certificates, an_encrypted_key_is_refused_without_a_question)
{
    encrypt_key("a.key", "locked.key", false);
    refused(with("a.crt", "locked.key"),
            "locked.key: it is encrypted, and nobody is asked for a passphrase");
}

Test(tls_certificates, an_encrypted_key_in_the_old_form)
{
    encrypt_key("a.key", "locked.key", true);
    refused(with("a.crt", "locked.key"), "locked.key: it is encrypted");
}

Test(tls_certificates, a_key_that_everybody_can_read)
{
    cr_assert_eq(chmod(certs_path("a.key"), 0644), 0);
    warned(with("a.crt", "a.key"), "a.key: everybody can read it");
    cr_assert_eq(chmod(certs_path("a.key"), 0640), 0);
    cr_assert(load(with("a.crt", "a.key")));
    cr_assert_eq(tls_faults.warnings, 1);
}

Test(tls_certificates, names_that_the_certificate_is_not_for)
{
    struct slice names[] = {SLICE("a.test"), SLICE("b.test"), SLICE("*.a.test")};
    struct tls_certificate_conf c = with("a.crt", "a.key");
    c.names = (struct texts){names, 3};
    cr_assert(load(c));
    cr_assert_eq(tls_faults.warnings, 2);
    cr_assert_eq(tls_case_said("a.crt: it isn't for b.test, which names says"), 1);
    cr_assert_eq(tls_case_said("a.crt: it isn't for *.a.test, which names says"), 1);
}

Test(tls_certificates, one_that_has_expired)
{
    certs_make(
        &(struct cert_spec){.name = "old", .dns = {"a.test"}, .days_from = -30, .days_to = -2});
    warned(with("old.crt", "old.key"), "old.crt: it expired on 20");
}

Test(tls_certificates, one_that_expires_soon)
{
    certs_make(
        &(struct cert_spec){.name = "old", .dns = {"a.test"}, .days_from = -30, .days_to = 13});
    warned(with("old.crt", "old.key"), "old.crt: it expires within 14 days, on 20");
}

Test(tls_certificates, one_that_expires_in_15_days)
{
    certs_make(
        &(struct cert_spec){.name = "old", .dns = {"a.test"}, .days_from = -30, .days_to = 15});
    cr_assert(load(with("old.crt", "old.key")));
    cr_assert_eq(tls_faults.warnings, 0);
}

Test(tls_certificates, one_that_is_not_valid_yet)
{
    certs_make(
        &(struct cert_spec){.name = "new", .dns = {"a.test"}, .days_from = 2, .days_to = 100});
    warned(with("new.crt", "new.key"), "new.crt: it isn't valid before 20");
}

/* -- chains ---------------------------------------------------------------------------------- */

static void make_chain(void)
{
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "middle", .issuer = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "leaf", .issuer = "middle", .dns = {"a.test"}});
    certs_join("two.crt", (const char *[]){"leaf.crt", "middle.crt", NULL});
    certs_join("three.crt", (const char *[]){"leaf.crt", "middle.crt", "root.crt", NULL});
    certs_join("order.crt", (const char *[]){"leaf.crt", "root.crt", "middle.crt", NULL});
}

Test(tls_certificates, a_chain_that_ends_early)
{
    make_chain();
    warned(with("leaf.crt", "leaf.key"),
           "leaf.crt: its chain is incomplete: the issuer of the last one, CN=middle,O=Weir tests, "
           "is neither in the file nor among the system's authorities");
}

Test(tls_certificates, a_chain_whose_root_nobody_knows)
{
    make_chain();
    warned(with("two.crt", "leaf.key"), "the issuer of the last one, CN=root,O=Weir tests");
}

Test(tls_certificates, a_chain_with_its_root)
{
    make_chain();
    cr_assert(load(with("three.crt", "leaf.key")));
    cr_assert_eq(tls_faults.warnings, 0);
}

Test(tls_certificates, a_chain_whose_root_the_system_has)
{
    make_chain();
    setenv("SSL_CERT_FILE", certs_path("root.crt"), 1);
    cr_assert(load(with("two.crt", "leaf.key")));
    cr_assert_eq(tls_faults.warnings, 0);
}

Test(tls_certificates, a_chain_out_of_order)
{
    make_chain();
    warned(with("order.crt", "leaf.key"),
           "order.crt: its chain is out of order: number 2 in the file isn't the issuer of number "
           "1");
}

Test(tls_certificates, the_chain_is_sent)
{
    make_chain();
    struct tls_certificate_conf c = with("three.crt", "leaf.key");
    struct tls_server_conf conf = tls_case_listener(&c, 1);
    struct tls_server *s = tls_case_server(&conf, h1_alone);
    SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
    cr_assert(tls_shake(server, client));
    cr_assert_eq(sk_X509_num(SSL_get_peer_cert_chain(client)), 3);
    tls_free(server, client);
    tls_server_free(s);
}

/* -- keys ------------------------------------------------------------------------------------ */

static void make_weak(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
    cr_assert(EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) > 0 &&
              EVP_PKEY_keygen(ctx, &key) > 0);
    EVP_PKEY_CTX_free(ctx);
    X509 *x = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 100 * 86400L);
    X509_set_pubkey(x, key);
    cr_assert(X509_sign(x, key, EVP_sha256()));
    FILE *f = fopen(certs_path("weak.pem"), "w");
    cr_assert(PEM_write_X509(f, x) && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

Test(tls_certificates, a_weak_key_is_refused)
{
    make_weak();
    refused(with("weak.pem", NULL),
            "weak.pem: its RSA key has 1024 bits; at least 2048 are needed");
}

Test(tls_certificates, everything_wrong_is_said_at_once)
{
    encrypt_key("a.key", "locked.key", false);
    certs_make(&(struct cert_spec){.name = "b", .dns = {"b.test"}});
    struct tls_certificate_conf list[] = {with("no.crt", "a.key"), with("a.crt", "locked.key"),
                                          with("a.crt", "b.key"), with("b.crt", "b.key")};
    struct tls_server_conf c = tls_case_listener(list, 4);
    c.client.verify = TLS_VERIFY_REQUIRED;
    c.client.ca = certs_slice("noca.pem");
    c.client.crl = certs_slice("a.crt");
    cr_assert_null(tls_server_new(&c, h1_alone, NULL, &tls_faults));
    tls_case_print();
    cr_assert_eq(tls_faults.errors, 5);
    cr_assert_eq(tls_case_said("noca.pem: No such file or directory"), 1);
    cr_assert_eq(tls_case_said("a.crt: there is no revocation list in PEM format in it"), 1);
}

/* Lines of key files that show up in a message. */
Test(tls_certificates, no_message_has_anything_of_a_key)
{
    encrypt_key("a.key", "locked.key", true);
    certs_make(&(struct cert_spec){.name = "b", .dns = {"b.test"}});
    const char *const keys[] = {"a.key", "b.key", "locked.key"};
    (void)load(with("a.key", "b.key"));
    (void)load(with("a.crt", "b.key"));
    (void)load(with("a.crt", "locked.key"));
    cr_assert_gt(tls_faults.errors, 2);
    for (size_t i = 0; i < array_n(keys); i++) {
        char line[200];
        FILE *f = fopen(certs_path(keys[i]), "r");
        while (fgets(line, sizeof line, f)) {
            line[strcspn(line, "\n")] = 0;
            cr_assert(strlen(line) < 8 || line[0] == '-' || tls_case_said(line) == 0);
        }
        fclose(f);
    }
}
