/* SPDX-License-Identifier: Apache-2.0 */
/* Who is trusted: authorities and revocation lists from PEM files, or the system's authorities.
 *
 * Every certificate of a file is an anchor, intermediates too: the file says who may have signed.
 * The system's are read from its folder into memory as well; OpenSSL would open its files when a
 * handshake needs one, in a worker that may not and must not wait for a disk. */
#include "io/tls_parts.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void add_system(X509_STORE *store);
static bool read_ca(struct tls_trust *t, struct slice path, EVP_MD_CTX *digest,
                    const struct tls_say *say);
static bool read_crl(struct tls_trust *t, struct slice path, EVP_MD_CTX *digest,
                     const struct tls_say *say);

bool tls_trust_read(struct tls_trust *t, struct slice ca, struct slice crl,
                    const struct tls_say *say)
{
    *t = (struct tls_trust){0};
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    must(digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL));
    bool ok = true;
    if (ca.n || crl.n) {
        t->store = X509_STORE_new();
        must(t->store);
        X509_STORE_set_flags(t->store, X509_V_FLAG_PARTIAL_CHAIN);
        ok = !ca.n || read_ca(t, ca, digest, say);
        if (!ca.n)
            add_system(t->store);
        ok = (!crl.n || read_crl(t, crl, digest, say)) && ok;
    } else {
        t->store = tls_system_store();
        must(t->store);
    }
    must(EVP_DigestFinal_ex(digest, t->digest, NULL));
    EVP_MD_CTX_free(digest);
    return ok;
}

void tls_trust_free(struct tls_trust *t)
{
    X509_STORE_free(t->store);
    sk_X509_NAME_pop_free(t->names, X509_NAME_free);
    *t = (struct tls_trust){0};
}

static bool read_ca(struct tls_trust *t, struct slice path, EVP_MD_CTX *digest,
                    const struct tls_say *say)
{
    struct tls_file f;
    if (!tls_file_read(say, "ca", path, &f))
        return false;
    must(EVP_DigestUpdate(digest, f.p, f.n));
    STACK_OF(X509) *all = tls_file_certificates(say, "ca", path, &f);
    tls_file_free(&f);
    t->names = sk_X509_NAME_new_null();
    must(t->names);
    for (int i = 0; i < sk_X509_num(all); i++) {
        X509 *x = sk_X509_value(all, i);
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(x));
        must(name && sk_X509_NAME_push(t->names, name));
        must(X509_STORE_add_cert(t->store, x));
        if (tls_time(X509_get0_notAfter(x)) < time(NULL))
            tls_warn(say, "ca %s: certificate %d in it expired on %s", path.p, i + 1,
                     tls_date(&say->faults->arena, X509_get0_notAfter(x)));
    }
    const bool ok = all != NULL;
    sk_X509_pop_free(all, X509_free);
    return ok;
}

/* Every authority of the file that has a list here is asked for it; when all have one, that goes
 * for intermediates too, else for the client's own certificate alone. */
static unsigned long crl_flags(const struct tls_trust *t, STACK_OF(X509_CRL) *lists)
{
    bool all = t->names != NULL;
    for (int i = 0; t->names && i < sk_X509_NAME_num(t->names); i++) {
        bool has = false;
        for (int k = 0; k < sk_X509_CRL_num(lists); k++)
            has = has || X509_NAME_cmp(X509_CRL_get_issuer(sk_X509_CRL_value(lists, k)),
                                       sk_X509_NAME_value(t->names, i)) == 0;
        all = all && has;
    }
    return X509_V_FLAG_CRL_CHECK | (all ? X509_V_FLAG_CRL_CHECK_ALL : 0);
}

static STACK_OF(X509_CRL) *parse_crls(const struct tls_file *f)
{
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    BIO *bio = BIO_new_mem_buf(f->p, (int)f->n);
    must(lists && bio);
    ERR_clear_error();
    for (X509_CRL *one; (one = PEM_read_bio_X509_CRL(bio, NULL, tls_no_passphrase, NULL));)
        must(sk_X509_CRL_push(lists, one));
    BIO_free(bio);
    return lists;
}

static bool read_crl(struct tls_trust *t, struct slice path, EVP_MD_CTX *digest,
                     const struct tls_say *say)
{
    struct tls_file f;
    if (!tls_file_read(say, "crl", path, &f))
        return false;
    must(EVP_DigestUpdate(digest, f.p, f.n));
    STACK_OF(X509_CRL) *lists = parse_crls(&f);
    tls_file_free(&f);
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const bool ok = at_end && sk_X509_CRL_num(lists) > 0;
    if (!ok)
        tls_fault(say, "crl %s: %s", path.p,
                  at_end ? "there is no revocation list in PEM format in it" : tls_reason());
    ERR_clear_error();
    for (int i = 0; i < sk_X509_CRL_num(lists); i++) {
        X509_CRL *one = sk_X509_CRL_value(lists, i);
        must(X509_STORE_add_crl(t->store, one));
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(one);
        if (next && tls_time(next) < time(NULL))
            tls_warn(say,
                     "crl %s: list %d in it expired on %s; every certificate of its issuer is "
                     "refused",
                     path.p, i + 1, tls_date(&say->faults->arena, next));
    }
    X509_STORE_set_flags(t->store, crl_flags(t, lists));
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    return ok;
}

/* -- the system's ------------------------------------------------------------------------------ */

static void add_file(X509_STORE *store, const char *path)
{
    BIO *bio = BIO_new_file(path, "r");
    for (X509 *x; bio && (x = PEM_read_bio_X509(bio, NULL, tls_no_passphrase, NULL)); X509_free(x))
        if (!X509_STORE_add_cert(store, x))
            break;
    BIO_free(bio);
}

/* Links by hash, as c_rehash makes them: "4a6481c9.0". The rest of the folder is the same again. */
static void add_folder(X509_STORE *store, const char *folder)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[4096];
        if (strspn(e->d_name, "0123456789abcdef") != 8 || e->d_name[8] != '.' ||
            e->d_name[9] < '0' || e->d_name[9] > '9')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < (int)sizeof path)
            add_file(store, path);
    }
    if (d)
        closedir(d);
}

static const char *or_default(const char *variable, const char *preset)
{
    const char *said = secure_getenv(variable);
    return said ? said : preset;
}

static const char *system_file(void)
{
    return or_default(X509_get_default_cert_file_env(), X509_get_default_cert_file());
}

static const char *system_folder(void)
{
    return or_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
}

static void add_system(X509_STORE *store)
{
    add_file(store, system_file());
    add_folder(store, system_folder());
    ERR_clear_error();
}

static bool same_time(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ino == b->st_ino;
}

X509_STORE *tls_system_store(void)
{
    static struct {
        X509_STORE *store;
        struct stat file, folder;
    } kept;
    struct stat file = {0}, folder = {0};
    (void)!stat(system_file(), &file);
    (void)!stat(system_folder(), &folder);
    if (!kept.store || !same_time(&file, &kept.file) || !same_time(&folder, &kept.folder)) {
        X509_STORE_free(kept.store);
        kept.store = X509_STORE_new();
        must(kept.store);
        add_system(kept.store);
        kept.file = file;
        kept.folder = folder;
    }
    X509_STORE_up_ref(kept.store);
    return kept.store;
}
