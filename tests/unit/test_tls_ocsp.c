/* SPDX-License-Identifier: Apache-2.0 */
/* Stapled OCSP responses: what is taken at load, and which certificate's is sent. */
#include "tests/lib/tls_pair.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include <stdio.h>
#include <string.h>

static void begin(void)
{
    tls_case_begin();
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "a", .issuer = "ca", .dns = {"a.test"}});
    certs_join("both.crt", (const char *[]){"a.crt", "ca.crt", NULL});
}

TestSuite(tls_ocsp, .init = begin, .fini = tls_case_end);

static void *read_pem(const char *name, const char *suffix, bool key)
{
    char file[64];
    snprintf(file, sizeof file, "%s%s", name, suffix);
    FILE *f = fopen(certs_path(file), "r");
    void *got = key ? (void *)PEM_read_PrivateKey(f, NULL, NULL, NULL)
                    : (void *)PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    cr_assert(got);
    return got;
}

/* Writes OUT: what `signer` says of `name`, until `hours` from now. */
static void respond(const char *out, const char *name, const char *signer, int status, long hours)
{
    X509 *cert = read_pem(name, ".crt", false), *issuer = read_pem("ca", ".crt", false);
    X509 *who = read_pem(signer, ".crt", false);
    EVP_PKEY *key = read_pem(signer, ".key", true);
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), cert, issuer);
    ASN1_TIME *from = X509_gmtime_adj(NULL, -7200), *to = X509_gmtime_adj(NULL, hours * 3600);
    cr_assert(OCSP_basic_add1_status(basic, id, status, 0, from, from, to));
    cr_assert(OCSP_basic_sign(basic, who, key, EVP_sha256(), NULL, 0));
    OCSP_RESPONSE *all = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    const int n = i2d_OCSP_RESPONSE(all, &der);
    FILE *f = fopen(certs_path(out), "w");
    cr_assert_eq(fwrite(der, 1, (size_t)n, f), (size_t)n);
    fclose(f);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(all);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_free(cert);
    X509_free(issuer);
    X509_free(who);
    EVP_PKEY_free(key);
}

static struct tls_certificate_conf with(const char *ocsp)
{
    struct tls_certificate_conf c = tls_case_certificate("a", 7);
    c.certificate = certs_slice("both.crt");
    c.ocsp = certs_slice(ocsp);
    return c;
}

static struct tls_server *load(struct tls_certificate_conf *c, size_t n)
{
    struct tls_server_conf conf = tls_case_listener(c, n);
    struct tls_server *s = tls_server_new(&conf, h1_alone, NULL, &tls_faults);
    tls_case_print();
    return s;
}

/* Bytes of the staple that a client gets; -1: none. */
static long staple_of(const struct tls_server *s, const char *name, int version)
{
    const unsigned char *p;
    SSL *server = tls_server_ssl(s), *client = tls_case_client(name);
    SSL_set_tlsext_status_type(client, TLSEXT_STATUSTYPE_ocsp);
    SSL_set_max_proto_version(client, version);
    cr_assert(tls_shake(server, client));
    const long n = SSL_get_tlsext_status_ocsp_resp(client, &p);
    tls_free(server, client);
    return n;
}

static void refused(const char *ocsp, const char *text)
{
    struct tls_certificate_conf c = with(ocsp);
    cr_assert_null(load(&c, 1));
    cr_assert_eq(tls_faults.errors, 1);
    cr_assert_eq(tls_case_said("t.conf:7: error: ocsp "), 1);
    cr_assert_eq(tls_case_said(text), 1, "%s", text);
}

Test(tls_ocsp, a_good_response_is_stapled)
{
    respond("a.ocsp", "a", "ca", V_OCSP_CERTSTATUS_GOOD, 24);
    struct tls_certificate_conf c = with("a.ocsp");
    struct tls_server *s = load(&c, 1);
    cr_assert_eq(tls_faults.warnings, 0);
    cr_assert_gt(staple_of(s, "a.test", TLS1_2_VERSION), 100);
    cr_assert_gt(staple_of(s, "a.test", TLS1_3_VERSION), 100);
    tls_server_free(s);
}

Test(tls_ocsp, each_certificate_has_its_own)
{
    certs_make(&(struct cert_spec){.name = "b", .issuer = "ca", .dns = {"b.test"}});
    certs_join("b2.crt", (const char *[]){"b.crt", "ca.crt", NULL});
    respond("a.ocsp", "a", "ca", V_OCSP_CERTSTATUS_GOOD, 24);
    struct tls_certificate_conf c[] = {with("a.ocsp"), tls_case_certificate("b", 8)};
    c[1].certificate = certs_slice("b2.crt");
    struct tls_server *s = load(c, 2);
    cr_assert_gt(staple_of(s, "a.test", TLS1_3_VERSION), 100);
    cr_assert_eq(staple_of(s, "b.test", TLS1_3_VERSION), -1);
    tls_server_free(s);
}

Test(tls_ocsp, one_that_has_expired_is_not_sent)
{
    respond("a.ocsp", "a", "ca", V_OCSP_CERTSTATUS_GOOD, -1);
    struct tls_certificate_conf c = with("a.ocsp");
    struct tls_server *s = load(&c, 1);
    cr_assert_eq(tls_faults.warnings, 1);
    cr_assert_eq(tls_case_said("a.ocsp: it expired on 20"), 1);
    cr_assert_eq(staple_of(s, "a.test", TLS1_3_VERSION), -1);
    tls_server_free(s);
}

Test(tls_ocsp, one_for_another_certificate_is_refused)
{
    certs_make(&(struct cert_spec){.name = "b", .issuer = "ca", .dns = {"b.test"}});
    respond("b.ocsp", "b", "ca", V_OCSP_CERTSTATUS_GOOD, 24);
    refused("b.ocsp", "b.ocsp: it is for another certificate than /tmp/");
}

Test(tls_ocsp, a_file_that_is_none_is_refused)
{
    certs_write("junk.ocsp", "junk");
    refused("junk.ocsp", "junk.ocsp: it isn't an OCSP response in DER format");
}

Test(tls_ocsp, a_file_that_is_missing)
{
    refused("no.ocsp", "no.ocsp: No such file or directory");
}

Test(tls_ocsp, says_of_a_revoked_certificate)
{
    respond("a.ocsp", "a", "ca", V_OCSP_CERTSTATUS_UNKNOWN, 24);
    struct tls_certificate_conf c = with("a.ocsp");
    tls_server_free(load(&c, 1));
    cr_assert_eq(tls_case_said("a.ocsp: it says that the certificate is unknown"), 1);
}

Test(tls_ocsp, one_that_the_issuer_has_not_signed)
{
    certs_make(&(struct cert_spec){.name = "other", .ca = true});
    respond("a.ocsp", "a", "other", V_OCSP_CERTSTATUS_GOOD, 24);
    struct tls_certificate_conf c = with("a.ocsp");
    tls_server_free(load(&c, 1));
    cr_assert_eq(tls_faults.warnings, 1);
    cr_assert_eq(tls_case_said("a.ocsp: its signature isn't by the issuer of /tmp/"), 1);
}
