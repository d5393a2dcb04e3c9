/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_CERTS_H
#define WEIR_TESTS_LIB_CERTS_H

/* Certificates for tests, as PEM files in a folder of their own, made with OpenSSL's API:
 *
 *     certs_begin();
 *     certs_make(&(struct cert_spec){.name = "root", .ca = true});
 *     certs_make(&(struct cert_spec){.name = "site", .issuer = "root", .dns = {"a.test",
 * "*.b.test"}}); conf.certificate = certs_slice("site.crt");  conf.key = certs_slice("site.key");
 *     certs_end();
 *
 * One folder at a time. What can't be made fails the test. */

#include <stdbool.h>

#include "base/slice.h"

enum cert_key { CERT_EC, CERT_RSA }; /* P-256; 2048 bits (takes about 0.1 s) */
enum { CERT_NAMES_MAX = 8 };

struct cert_spec {
    const char *name;   /* of the files NAME.crt and NAME.key */
    const char *common; /* the subject's common name; NULL: `name` */
    const char *issuer; /* `name` of one that was made before; NULL: signed by itself */
    enum cert_key key;
    bool ca;                         /* may sign others, and revocation lists */
    int days_from, days_to;          /* validity, from now; both 0: since yesterday, for a year */
    const char *dns[CERT_NAMES_MAX]; /* subjectAltNames; NULL ends them */
    const char *ip, *uri, *email;
    long serial; /* 0: the next one */
};

/* Makes the folder; its path. */
const char *certs_begin(void);
/* Removes it and everything in it. */
void certs_end(void);

/* Writes NAME.crt and NAME.key. */
void certs_make(const struct cert_spec *spec);
/* Writes OUT with the contents of `files` (NULL ends them) one after the other: chains, bundles of
 * CAs. */
void certs_join(const char *out, const char *const *files);
/* Writes OUT: a revocation list of `ca`, valid for a day, with the certificates `names` (NULL ends
 * them; may be NULL: an empty list). */
void certs_crl(const char *out, const char *ca, const char *const *names);
/* Writes OUT as it is: broken files. */
void certs_write(const char *out, const char *text);

/* The absolute path of a file in the folder, NUL-terminated; stays valid until certs_end. */
const char *certs_path(const char *file);
static inline struct slice certs_slice(const char *file)
{
    return slice_str(certs_path(file));
}

#endif
