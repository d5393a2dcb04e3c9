/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_TLS_PARTS_H
#define WEIR_IO_TLS_PARTS_H

/* What the makers of contexts (tls_server.c, tls_client.c) are put together from; private to io.
 * All of it but tls_names_find(), the staples and the view of the tickets is used by the master
 * alone, before it forks. */

#include <openssl/ssl.h>
#include <time.h>

#include "base/arena.h"
#include "base/map.h"
#include "io/tls_kind.h"

/* -- messages and files (tls_files.c) ---------------------------------------------------------- */

/* Where a message belongs: the place in the configuration that named the file. */
struct tls_say {
    struct faults *faults;
    const struct place *place;
};
void tls_fault(const struct tls_say *say, const char *fmt, ...) printf_like(2, 3);
void tls_warn(const struct tls_say *say, const char *fmt, ...) printf_like(2, 3);
/* Why OpenSSL's last call failed, static; its queue is empty then. */
const char *tls_reason(void);

/* The bytes of a file. */
struct tls_file {
    char *p;
    size_t n;
};
/* False with a fault that begins with `what` and the path. */
bool tls_file_read(const struct tls_say *say, const char *what, struct slice path,
                   struct tls_file *out) nodiscard;
/* Wipes it first: it may have been a key. */
void tls_file_free(struct tls_file *f);
/* For every reading of PEM: a prompt would stop the start of the gateway, and a reload with it.
 * Sets *asked (a bool, may be NULL). */
int tls_no_passphrase(char *into, int size, int writing, void *asked);
/* All certificates of a PEM file, in its order; NULL with a fault when there are none or one is
 * broken. */
STACK_OF(X509) *tls_file_certificates(const struct tls_say *say, const char *what,
                                      struct slice path, const struct tls_file *f) nodiscard;

/* The distinguished name as RFC 2253 writes it, printable and without quotes. */
struct slice tls_name_text(struct arena *a, const X509_NAME *name);
/* Seconds since 1970; -1 when it isn't a time. */
int64_t tls_time(const ASN1_TIME *t);
/* "2026-11-24" in the arena. */
const char *tls_date(struct arena *a, const ASN1_TIME *t);

/* -- one certificate with its key and chain (tls_certificates.c) ------------------------------- */

enum { TLS_DIGEST = 32 };

/* What of them an SSL_CTX takes one of each. */
enum tls_key_type {
    TLS_KEY_RSA,
    TLS_KEY_RSA_PSS,
    TLS_KEY_EC,
    TLS_KEY_ED25519,
    TLS_KEY_ED448,
    TLS_KEY_TYPES
};

struct tls_staple {
    uint8_t *der; /* owned, malloc; NULL: none */
    size_t n;
    int64_t until_s; /* nextUpdate; INT64_MAX: it has none */
};

struct tls_identity {
    const struct tls_certificate_conf *conf; /* borrowed, while contexts are made */
    X509 *leaf;
    STACK_OF(X509) *chain; /* without the leaf */
    EVP_PKEY *key;
    enum tls_key_type type;
    uint8_t fingerprint[TLS_DIGEST];
    struct tls_staple staple;
    struct texts names; /* lower case, in the arena: what the configuration says, or its own */
    struct texts own;   /* its DNS names, lower case, in the arena */
};
/* False with faults; what was read so far is freed by tls_identity_free() either way. */
bool tls_identity_read(struct tls_identity *id, const struct tls_certificate_conf *conf,
                       struct arena *a, struct faults *faults) nodiscard;
void tls_identity_free(struct tls_identity *id);
/* Warns when a client that has the system's authorities could not build the chain. */
void tls_identity_check_chain(const struct tls_identity *id, struct faults *faults);
/* Into a context; false with a fault. */
bool tls_identity_use(const struct tls_identity *id, SSL_CTX *ctx, struct faults *faults) nodiscard;
const char *tls_key_type_name(enum tls_key_type t);

/* A response of RFC 6960 from a DER file, if it is for this certificate (tls_ocsp.c). False with
 * faults. */
bool tls_staple_read(struct tls_staple *out, const struct tls_identity *id,
                     struct faults *faults) nodiscard;

/* -- who is trusted (tls_trust.c) -------------------------------------------------------------- */

struct tls_trust {
    X509_STORE *store;          /* owned */
    STACK_OF(X509_NAME) *names; /* owned: of the CAs in the file; NULL for the system's */
    uint8_t digest[TLS_DIGEST]; /* of the files */
};
/* `ca` empty: the system's. False with faults; tls_trust_free() is due either way. */
bool tls_trust_read(struct tls_trust *t, struct slice ca, struct slice crl,
                    const struct tls_say *say) nodiscard;
void tls_trust_free(struct tls_trust *t);
/* The system's authorities, all of them in memory, so that no process has to open a file later;
 * kept until their folder changes. The reference is the caller's; NULL: no memory. */
X509_STORE *tls_system_store(void) nodiscard;

/* -- both sides' settings (tls_profile.c) ------------------------------------------------------ */

struct tls_profile_conf {
    int profile; /* enum tls_profile */
    struct slice ciphers, ciphersuites, groups;
};
/* Versions, ciphers, groups, options, modes. False with faults. */
bool tls_profile_use(SSL_CTX *ctx, const struct tls_profile_conf *p,
                     const struct tls_say *say) nodiscard;
/* The list of ALPN in wire format, of ALPN_WIRE_MAX bytes at most. */
enum { ALPN_WIRE_MAX = 12 };
unsigned tls_alpn_wire(struct tls_alpn alpn, unsigned char out[ALPN_WIRE_MAX]);
/* Warns of ciphers that RFC 9113 9.2.2 forbids on h2. */
void tls_profile_check_h2(SSL_CTX *ctx, const struct tls_say *say);

/* -- who gets which certificate (tls_names.c) -------------------------------------------------- */

struct tls_choice {
    struct slice name;              /* "a.example.com", "*.example.com"; empty: the default */
    int ids[TLS_KEY_TYPES];         /* index of an identity, by type; -1: none */
    SSL_CTX *ctx;                   /* owned by the server */
    uint8_t session_id[TLS_DIGEST]; /* sessions are only resumed where this is the same */
};
struct tls_names {
    struct map exact; /* name -> struct tls_choice */
    struct map wild;  /* ".example.com" -> struct tls_choice */
    struct tls_choice fallback;
    struct tls_choice *list; /* all but the fallback, in the arena */
    size_t n;
};
/* Warns of certificates that are never chosen. */
void tls_names_build(struct tls_names *t, const struct tls_identity *ids, size_t n, struct arena *a,
                     struct faults *faults);
void tls_names_fini(struct tls_names *t);
/* `name` in lower case, without a trailing dot; NULL when no certificate is for it. */
const struct tls_choice *tls_names_find(const struct tls_names *t, struct slice name);
/* Is `name`, which may be "*.example.com" itself, one of `own`, or under a wildcard of them? */
bool tls_names_cover(const struct texts *own, struct slice name);

/* -- tickets (tls_tickets.c) ------------------------------------------------------------------- */

/* A process's view of the keys: copied when their version changes, so that a handshake costs one
 * look at the version. */
struct tls_ticket_view;
struct tls_ticket_view *
tls_ticket_view_new(const struct tls_tickets *t) nodiscard; /* NULL: no memory */
void tls_ticket_view_free(struct tls_ticket_view *v);
/* Encrypts and decrypts the tickets of `ctx`; the view outlives it. */
void tls_ticket_view_use(struct tls_ticket_view *v, SSL_CTX *ctx);

/* -- the client's hello (tls_hello.c) ---------------------------------------------------------- */

/* What is kept of it until the facts are made; owned by the SSL. */
struct tls_hello {
    bool known; /* a certificate is for the name */
    uint16_t n;
    char name[]; /* as sent, in lower case */
};
/* Of `ssl`; NULL: no name was sent. */
const struct tls_hello *tls_hello_of(const SSL *ssl);
struct tls_hello_rules {
    const struct tls_names *names;
    bool strict;    /* unknown and absent names are refused */
    bool need_alpn; /* only h2 is spoken, so ALPN has to agree on it (RFC 9113 3.2) */
};
/* Chooses by SNI on every context of a server; `rules` outlive it. */
void tls_hello_use(SSL_CTX *ctx, const struct tls_hello_rules *rules);
/* Why it was refused: a static word; NULL when it wasn't. */
const char *tls_hello_refused(const SSL *ssl);

#endif
