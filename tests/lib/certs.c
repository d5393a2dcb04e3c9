/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests. Issuers are read back from their files, so there is no state but the
 * folder. */

#include "tests/lib/certs.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATHS_MAX = 128, DAY_S = 86400 };

static char folder[64];
static char paths[PATHS_MAX][160];
static int paths_n;
static long next_serial = 1000;

/* -- files ------------------------------------------------------------------------------------ */

const char *certs_begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/weir-certs-XXXXXX");
    cr_assert(mkdtemp(folder));
    return folder;
}

void certs_end(void)
{
    DIR *d = opendir(folder);
    cr_assert(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            unlink(certs_path(e->d_name));
    closedir(d);
    rmdir(folder);
    paths_n = 0;
}

const char *certs_path(const char *file)
{
    char path[sizeof paths[0]];
    cr_assert_lt((size_t)snprintf(path, sizeof path, "%s/%s", folder, file), sizeof path);
    for (int i = 0; i < paths_n; i++)
        if (strcmp(paths[i], path) == 0)
            return paths[i];
    cr_assert_lt(paths_n, PATHS_MAX);
    return strcpy(paths[paths_n++], path);
}

static FILE *open_file(const char *name, const char *suffix, const char *mode)
{
    char file[100];
    snprintf(file, sizeof file, "%s%s", name, suffix);
    FILE *f = fopen(certs_path(file), mode);
    cr_assert(f, "%s", certs_path(file));
    return f;
}

void certs_write(const char *out, const char *text)
{
    FILE *f = open_file(out, "", "w");
    fputs(text, f);
    fclose(f);
}

void certs_join(const char *out, const char *const *files)
{
    FILE *to = open_file(out, "", "w");
    char page[4096];
    for (; *files; files++) {
        FILE *from = open_file(*files, "", "r");
        for (size_t n; (n = fread(page, 1, sizeof page, from)) > 0;)
            fwrite(page, 1, n, to);
        fclose(from);
    }
    fclose(to);
}

static EVP_PKEY *read_key(const char *name)
{
    FILE *f = open_file(name, ".key", "r");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    cr_assert(key);
    return key;
}

static X509 *read_cert(const char *name)
{
    FILE *f = open_file(name, ".crt", "r");
    X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    cr_assert(cert);
    return cert;
}

static void write_both(const char *name, X509 *cert, EVP_PKEY *key)
{
    FILE *f = open_file(name, ".crt", "w");
    cr_assert(PEM_write_X509(f, cert));
    fclose(f);
    f = open_file(name, ".key", "w");
    cr_assert(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
}

/* -- certificates ------------------------------------------------------------------------------ */

static EVP_PKEY *new_key(enum cert_key kind)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(kind == CERT_RSA ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
    cr_assert(ctx && EVP_PKEY_keygen_init(ctx) > 0);
    if (kind == CERT_RSA)
        cr_assert_gt(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 0);
    else
        cr_assert_gt(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1), 0);
    cr_assert_gt(EVP_PKEY_keygen(ctx, &key), 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    cr_assert(e, "extension %s", value);
    X509_add_ext(cert, e, -1);
    X509_EXTENSION_free(e);
}

static void add_name(char *all, size_t size, const char *kind, const char *name)
{
    size_t n = strlen(all);
    if (name)
        cr_assert_lt((size_t)snprintf(all + n, size - n, "%s%s:%s", n ? "," : "", kind, name),
                     size - n);
}

static void extend_names(X509 *cert, X509 *issuer, const struct cert_spec *spec)
{
    char all[1024] = "";
    for (int i = 0; i < CERT_NAMES_MAX && spec->dns[i]; i++)
        add_name(all, sizeof all, "DNS", spec->dns[i]);
    add_name(all, sizeof all, "IP", spec->ip);
    add_name(all, sizeof all, "URI", spec->uri);
    add_name(all, sizeof all, "email", spec->email);
    if (all[0])
        extend(cert, issuer, NID_subject_alt_name, all);
}

static void fill_in(X509 *cert, const struct cert_spec *spec)
{
    const bool usual = spec->days_from == 0 && spec->days_to == 0;
    const char *common = spec->common ? spec->common : spec->name;
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), spec->serial ? spec->serial : next_serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), (usual ? -1L : spec->days_from) * DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), (usual ? 365L : spec->days_to) * DAY_S);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"Weir tests", -1,
                               -1, 0);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1,
                               0);
}

void certs_make(const struct cert_spec *spec)
{
    EVP_PKEY *key = new_key(spec->key);
    EVP_PKEY *signer = spec->issuer ? read_key(spec->issuer) : key;
    X509 *cert = X509_new();
    X509 *issuer = spec->issuer ? read_cert(spec->issuer) : cert;
    fill_in(cert, spec);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer));
    X509_set_pubkey(cert, key);
    extend(cert, issuer, NID_basic_constraints, spec->ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (spec->ca)
        extend(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(cert, issuer, NID_subject_key_identifier, "hash");
    if (spec->issuer)
        extend(cert, issuer, NID_authority_key_identifier, "keyid");
    extend_names(cert, issuer, spec);
    cr_assert(X509_sign(cert, signer, EVP_sha256()));
    write_both(spec->name, cert, key);
    if (spec->issuer) {
        EVP_PKEY_free(signer);
        X509_free(issuer);
    }
    EVP_PKEY_free(key);
    X509_free(cert);
}

/* -- revocation -------------------------------------------------------------------------------- */

static void add_revoked(X509_CRL *crl, const char *name)
{
    X509 *cert = read_cert(name);
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_TIME *when = X509_gmtime_adj(NULL, -3600);
    X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(cert));
    X509_REVOKED_set_revocationDate(r, when);
    cr_assert(X509_CRL_add0_revoked(crl, r));
    ASN1_TIME_free(when);
    X509_free(cert);
}

void certs_crl(const char *out, const char *ca, const char *const *names)
{
    EVP_PKEY *signer = read_key(ca);
    X509 *issuer = read_cert(ca);
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -3600), *to = X509_gmtime_adj(NULL, DAY_S);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
    X509_CRL_set1_lastUpdate(crl, from);
    X509_CRL_set1_nextUpdate(crl, to);
    for (; names && *names; names++)
        add_revoked(crl, *names);
    X509_CRL_sort(crl);
    cr_assert(X509_CRL_sign(crl, signer, EVP_sha256()));
    FILE *f = open_file(out, "", "w");
    cr_assert(PEM_write_X509_CRL(f, crl));
    fclose(f);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
    X509_CRL_free(crl);
    X509_free(issuer);
    EVP_PKEY_free(signer);
}
