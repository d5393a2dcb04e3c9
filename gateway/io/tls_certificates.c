/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate with its key and its chain: reads the files, and says what is wrong with them.
 * What keeps a context from being made is an error; what clients will stumble over later (dates, an
 * incomplete chain, names that it doesn't cover) is a warning. Used for listeners' certificates and
 * for those that clusters show to their endpoints.
 *
 * Nothing here ever asks for a passphrase, and nothing of a key is in a message. */
#include "io/tls_parts.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdlib.h>
#include <sys/stat.h>

enum { SOON_S = 14 * 24 * 60 * 60, RSA_BITS_MIN = 2048, EC_BITS_MIN = 224 };

static bool read_chain(struct tls_identity *id, const struct tls_say *say);
static bool read_key(struct tls_identity *id, const struct tls_say *say);
static bool check_type(struct tls_identity *id, const struct tls_say *say);
static void check_dates(const struct tls_identity *id, struct arena *a, const struct tls_say *say);
static void read_names(struct tls_identity *id, struct arena *a);
static void check_names(const struct tls_identity *id, const struct tls_say *say);

bool tls_identity_read(struct tls_identity *id, const struct tls_certificate_conf *conf,
                       struct arena *a, struct faults *faults)
{
    const struct tls_say say = {faults, &conf->place};
    *id = (struct tls_identity){.conf = conf, .staple.until_s = INT64_MAX};
    const bool chain = read_chain(id, &say);
    const bool key = read_key(id, &say);
    if (!chain)
        return false;
    unsigned n = TLS_DIGEST;
    must(X509_digest(id->leaf, EVP_sha256(), id->fingerprint, &n));
    read_names(id, a);
    check_dates(id, a, &say);
    check_names(id, &say);
    const bool type = check_type(id, &say);
    const bool staple = !conf->ocsp.n || tls_staple_read(&id->staple, id, faults);
    if (!key || !type || !staple)
        return false;
    if (X509_check_private_key(id->leaf, id->key) == 1)
        return true;
    ERR_clear_error();
    tls_fault(&say, "key %s: it doesn't belong to the certificate in %s",
              conf->key.n ? conf->key.p : conf->certificate.p, conf->certificate.p);
    return false;
}

void tls_identity_free(struct tls_identity *id)
{
    X509_free(id->leaf);
    sk_X509_pop_free(id->chain, X509_free);
    EVP_PKEY_free(id->key);
    free(id->staple.der);
    *id = (struct tls_identity){0};
}

bool tls_identity_use(const struct tls_identity *id, SSL_CTX *ctx, struct faults *faults)
{
    const struct tls_say say = {faults, &id->conf->place};
    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(ctx, id->leaf, id->key, id->chain, 1) == 1)
        return true;
    tls_fault(&say, "certificate %s: it can't be used: %s", id->conf->certificate.p, tls_reason());
    return false;
}

/* -- files ------------------------------------------------------------------------------------- */

static bool read_chain(struct tls_identity *id, const struct tls_say *say)
{
    const struct slice path = id->conf->certificate;
    struct tls_file f;
    if (!tls_file_read(say, "certificate", path, &f))
        return false;
    id->chain = tls_file_certificates(say, "certificate", path, &f);
    tls_file_free(&f);
    if (!id->chain)
        return false;
    id->leaf = sk_X509_shift(id->chain);
    return true;
}

static void check_mode(struct slice path, const struct tls_say *say)
{
    struct stat st;
    if (stat(path.p, &st) == 0 && (st.st_mode & S_IROTH))
        tls_warn(say, "key %s: everybody can read it; chmod o-r", path.p);
}

static bool read_key(struct tls_identity *id, const struct tls_say *say)
{
    const struct slice path = id->conf->key.n ? id->conf->key : id->conf->certificate;
    struct tls_file f;
    if (!id->conf->key.n && !id->leaf)
        return false; /* the same file: said already */
    if (!tls_file_read(say, "key", path, &f))
        return false;
    bool asked = false;
    BIO *bio = BIO_new_mem_buf(f.p, (int)f.n);
    must(bio);
    ERR_clear_error();
    id->key = PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, &asked);
    BIO_free(bio);
    const bool pem = memmem(f.p, f.n, "PRIVATE KEY-----", 16) != NULL;
    tls_file_free(&f);
    const char *reason = tls_reason();
    if (id->key)
        check_mode(path, say);
    else if (asked)
        tls_fault(say,
                  "key %s: it is encrypted, and nobody is asked for a passphrase; openssl pkey "
                  "writes it without one",
                  path.p);
    else if (!pem)
        tls_fault(say, "key %s: there is no private key in PEM format in it", path.p);
    else
        tls_fault(say, "key %s: it can't be read: %s", path.p, reason);
    return id->key != NULL;
}

/* -- checks ------------------------------------------------------------------------------------ */

const char *tls_key_type_name(enum tls_key_type t)
{
    static const char *const names[] = {"RSA", "RSA-PSS", "ECDSA", "Ed25519", "Ed448"};
    return names[t];
}

static bool type_of(const EVP_PKEY *key, enum tls_key_type *out)
{
    static const int ids[] = {EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_EC, EVP_PKEY_ED25519,
                              EVP_PKEY_ED448};
    _Static_assert(array_n(ids) == TLS_KEY_TYPES, "ids[] follows enum tls_key_type");
    const int base = EVP_PKEY_base_id(key);
    for (size_t i = 0; i < array_n(ids); i++) {
        if (ids[i] != base)
            continue;
        *out = (enum tls_key_type)i;
        return true;
    }
    return false;
}

static bool check_type(struct tls_identity *id, const struct tls_say *say)
{
    const char *path = id->conf->certificate.p;
    const EVP_PKEY *key = X509_get0_pubkey(id->leaf);
    if (!key || !type_of(key, &id->type)) {
        ERR_clear_error();
        tls_fault(say, "certificate %s: its key is neither RSA, ECDSA nor EdDSA", path);
        return false;
    }
    const bool rsa = id->type == TLS_KEY_RSA || id->type == TLS_KEY_RSA_PSS;
    const int bits = EVP_PKEY_bits((EVP_PKEY *)key);
    const int least = rsa ? RSA_BITS_MIN : EC_BITS_MIN;
    if (bits >= least)
        return true;
    tls_fault(say, "certificate %s: its %s key has %d bits; at least %d are needed", path,
              tls_key_type_name(id->type), bits, least);
    return false;
}

static void check_dates(const struct tls_identity *id, struct arena *a, const struct tls_say *say)
{
    const char *path = id->conf->certificate.p;
    const int64_t now = time(NULL);
    const ASN1_TIME *from = X509_get0_notBefore(id->leaf), *to = X509_get0_notAfter(id->leaf);
    const int64_t end = tls_time(to);
    if (tls_time(from) > now)
        tls_warn(say, "certificate %s: it isn't valid before %s", path, tls_date(a, from));
    if (end < now)
        tls_warn(say, "certificate %s: it expired on %s", path, tls_date(a, to));
    else if (end < now + SOON_S)
        tls_warn(say, "certificate %s: it expires within 14 days, on %s", path, tls_date(a, to));
}

/* -- names ------------------------------------------------------------------------------------- */

/* A name of a certificate as a key of the table: lower case; empty when no client can send it. */
static struct slice plain_name(struct arena *a, const ASN1_STRING *s)
{
    const char *p = (const char *)ASN1_STRING_get0_data(s);
    const size_t n = (size_t)ASN1_STRING_length(s);
    char *out = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char c = out[i] = ascii_lower(p[i]);
        const bool star = c == '*' && i == 0 && n > 2 && p[1] == '.';
        if (!star && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' &&
            c != '_')
            return slice_of(NULL, 0);
    }
    out[n] = 0;
    return slice_of(out, n);
}

static void read_names(struct tls_identity *id, struct arena *a)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(id->leaf, NID_subject_alt_name, NULL, NULL);
    const int n = all ? sk_GENERAL_NAME_num(all) : 0;
    id->own.v = ARENA_ARRAY(a, struct slice, n ? (size_t)n : 1);
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);
        struct slice name =
            one->type == GEN_DNS ? plain_name(a, one->d.dNSName) : slice_of(NULL, 0);
        if (name.n)
            id->own.v[id->own.n++] = name;
    }
    GENERAL_NAMES_free(all);
    ERR_clear_error();
    id->names = id->conf->names.n ? id->conf->names : id->own;
}

static void check_names(const struct tls_identity *id, const struct tls_say *say)
{
    for (size_t i = 0; i < id->conf->names.n; i++)
        if (!tls_names_cover(&id->own, id->conf->names.v[i]))
            tls_warn(say, "certificate %s: it isn't for %.*s, which names says",
                     id->conf->certificate.p, SLICE_ARG(id->conf->names.v[i]));
}

/* -- the chain --------------------------------------------------------------------------------- */

static bool is_self_signed(X509 *x)
{
    return X509_check_issued(x, x) == X509_V_OK;
}

/* Is there a certificate of the system's that has signed `x`? */
static bool system_issued(X509 *x)
{
    X509_STORE *system = tls_system_store();
    X509_STORE_CTX *look = X509_STORE_CTX_new();
    X509 *issuer = NULL;
    must(system && look);
    bool found = X509_STORE_CTX_init(look, system, x, NULL) == 1 &&
                 X509_STORE_CTX_get1_issuer(&issuer, look, x) == 1;
    X509_free(issuer);
    X509_STORE_CTX_free(look);
    X509_STORE_free(system);
    ERR_clear_error();
    return found;
}

void tls_identity_check_chain(const struct tls_identity *id, struct faults *faults)
{
    const struct tls_say say = {faults, &id->conf->place};
    X509 *last = id->leaf;
    for (int i = 0; i < sk_X509_num(id->chain); i++) {
        X509 *next = sk_X509_value(id->chain, i);
        if (X509_check_issued(next, last) != X509_V_OK) {
            tls_warn(&say,
                     "certificate %s: its chain is out of order: number %d in the file isn't the "
                     "issuer of number %d",
                     id->conf->certificate.p, i + 2, i + 1);
            return;
        }
        last = next;
    }
    if (is_self_signed(last) || system_issued(last))
        return;
    struct slice issuer = tls_name_text(&faults->arena, X509_get_issuer_name(last));
    tls_warn(
        &say,
        "certificate %s: its chain is incomplete: the issuer of the last one, %.*s, is neither "
        "in the file nor among the system's authorities",
        id->conf->certificate.p, SLICE_ARG(issuer));
}
