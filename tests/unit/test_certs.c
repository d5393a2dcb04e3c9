/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates that other tests are made with: OpenSSL must take them for what they say. */

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/lib/certs.h"

TestSuite(certs, .init = (void (*)(void))certs_begin, .fini = certs_end, .timeout = 20);

static X509 *load(const char *file)
{
    FILE *f = fopen(certs_path(file), "r");
    cr_assert(f);
    X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    return cert;
}

/* X509_V_OK or why `cert` isn't taken. */
static int verify(const char *cert, const char *middle, bool with_crl)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    cr_assert(X509_STORE_load_locations(store, certs_path("root.crt"), NULL));
    if (with_crl) {
        cr_assert(X509_STORE_load_locations(store, certs_path("root.crl"), NULL));
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    }
    if (middle)
        sk_X509_push(chain, load(middle));
    X509 *leaf = load(cert);
    X509_STORE_CTX_init(ctx, store, leaf, chain);
    int why = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return why;
}

Test(certs, a_chain_of_both_kinds_of_keys_is_valid)
{
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "mid", .issuer = "root", .ca = true, .key = CERT_RSA});
    certs_make(&(struct cert_spec){
        .name = "site", .issuer = "mid", .dns = {"a.test", "*.b.test"}, .ip = "127.0.0.1"});
    cr_assert_eq(verify("mid.crt", NULL, false), X509_V_OK);
    cr_assert_eq(verify("site.crt", "mid.crt", false), X509_V_OK);
    cr_assert_neq(verify("site.crt", NULL, false), X509_V_OK);
    X509 *site = load("site.crt");
    cr_assert_eq(X509_check_host(site, "x.b.test", 0, 0, NULL), 1);
    cr_assert_eq(X509_check_host(site, "c.test", 0, 0, NULL), 0);
    cr_assert_eq(X509_check_ip_asc(site, "127.0.0.1", 0), 1);
    X509_free(site);
}

Test(certs, validity_and_revocation_count)
{
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(
        &(struct cert_spec){.name = "old", .issuer = "root", .days_from = -9, .days_to = -2});
    certs_make(&(struct cert_spec){.name = "good", .issuer = "root"});
    certs_make(&(struct cert_spec){.name = "bad", .issuer = "root"});
    certs_crl("root.crl", "root", (const char *[]){"bad", NULL});
    cr_assert_eq(verify("old.crt", NULL, false), X509_V_ERR_CERT_HAS_EXPIRED);
    cr_assert_eq(verify("bad.crt", NULL, false), X509_V_OK);
    cr_assert_eq(verify("bad.crt", NULL, true), X509_V_ERR_CERT_REVOKED);
    cr_assert_eq(verify("good.crt", NULL, true), X509_V_OK);
}

Test(certs, files_are_joined_and_removed)
{
    char path[200];
    certs_write("x", "one\n");
    certs_write("y", "two\n");
    certs_join("z", (const char *[]){"x", "y", NULL});
    snprintf(path, sizeof path, "%s", certs_path("z"));
    FILE *f = fopen(path, "r");
    char text[20] = "";
    cr_assert_eq(fread(text, 1, sizeof text - 1, f), 8);
    cr_assert_str_eq(text, "one\ntwo\n");
    fclose(f);
    certs_end();
    cr_assert_neq(access(path, F_OK), 0);
    certs_begin();
}
