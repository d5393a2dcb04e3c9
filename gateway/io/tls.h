/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_TLS_H
#define WEIR_IO_TLS_H

/* TLS contexts: what is made from certificates, keys and settings once, by the master, before it
 * forks (tls_server.c, tls_client.c, tls_tickets.c). Processes use their copies of the memory; the
 * links that speak TLS by them are in io/link.h (link_tls.c).
 *
 * All cryptography is OpenSSL's (1.1.1 or 3). Keys are read here and nowhere else, and no message
 * has more of one than its path. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/slice.h"
#include "io/tls_conf.h"

/* -- tickets: the keys, in shared memory ------------------------------------------------------- */

enum { TLS_TICKET_KEYS = 3 }; /* the one in use, and those before it that are still taken */

/* The shared cell "tls/tickets": one set of keys for all listeners, workers and generations of this
 * instance. One writer at a time (the master before the fork, then the control process); readers
 * retry while the version is odd or has changed. */
struct tls_tickets {
    _Atomic uint32_t version; /* 0: no keys yet */
    struct tls_ticket_key {
        uint8_t name[16];
        uint8_t cipher[32], mac[32];
        uint64_t made_s; /* wall clock; 0: no key */
    } keys[TLS_TICKET_KEYS]; /* newest first */
};
/* Master: makes the first key when there is none. False when OpenSSL has no randomness. */
bool tls_tickets_prepare(struct tls_tickets *t, uint64_t now_s) nodiscard;
/* Control process: a new key when the newest is `lifetime_s` old, and keys that are no longer taken
 * are wiped. True when something has changed. */
bool tls_tickets_rotate(struct tls_tickets *t, uint64_t lifetime_s, uint64_t now_s);

/* -- the listeners' side ----------------------------------------------------------------------- */

struct tls_server;

/* Which protocols are offered by ALPN (RFC 7301), h2 first. */
struct tls_alpn {
    bool h2, h1;
};

/* Reads everything that `c` names. Errors name file, line, path and reason; all are reported.
 * Warnings: a certificate that has expired or will within 14 days, a chain that is incomplete.
 * `tickets` may be NULL (weir -t): then no link must be made by it. NULL when there were errors. */
struct tls_server *tls_server_new(const struct tls_server_conf *c, struct tls_alpn alpn,
                                  const struct tls_tickets *tickets, struct faults *faults) nodiscard;
void tls_server_free(struct tls_server *s);

/* -- the clusters' side ------------------------------------------------------------------------ */

struct tls_client;

struct tls_client *tls_client_new(const struct tls_client_conf *c, struct tls_alpn alpn,
                                  struct faults *faults) nodiscard;
void tls_client_free(struct tls_client *c);

/* The last session with one endpoint, for the next connection to it. Zeroed: none. */
struct tls_resume {
    void *session;
};
void tls_resume_drop(struct tls_resume *r);

/* -- what is known of an established connection ------------------------------------------------ */

/* The other side's certificate, verified. Texts are printable and have no quotes, CR or LF: what a
 * certificate has of other bytes is escaped. */
struct tls_peer {
    struct slice subject;     /* RFC 2253 */
    struct slice issuer;
    struct slice serial;      /* hexadecimal digits, upper case */
    struct slice fingerprint; /* SHA-256 of the DER, hexadecimal digits, lower case */
    struct slice der_base64;  /* the certificate */
    struct texts dns, uri, email, ip; /* subjectAltNames */
    uint64_t not_after_s;
};

struct tls_facts {
    struct slice version;     /* "TLSv1.3"; static */
    struct slice cipher;      /* OpenSSL's standard name; static */
    struct slice server_name; /* SNI as sent, in lower case; empty: none */
    struct slice alpn;        /* "h2", "http/1.1"; empty: none was agreed on */
    bool resumed;
    const struct tls_peer *peer; /* NULL: no certificate, or not verified */
};
/* NULL is harmless. */
void tls_facts_free(struct tls_facts *f);

#endif
