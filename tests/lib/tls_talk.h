/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_TLS_TALK_H
#define WEIR_TESTS_LIB_TLS_TALK_H

/* A talk (talk.h) over TLS, with OpenSSL: what a test wishes for is said in a tls_wish, everything
 * else is talk.h's.
 *
 *     struct talk *t = tls_talk_open(.name = "a.test", .alpn = "h2,http/1.1");
 *     cr_assert_str_eq(tls_alpn(t), "http/1.1");
 *     talk_send(t, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
 */

#include <openssl/ssl.h>

#include "tests/lib/talk.h"

struct tls_wish {
    uint16_t port;                   /* $port when 0 */
    const char *name;                /* SNI; NULL: none */
    const char *alpn;                /* "h2", "http/1.1", "h2,http/1.1"; NULL: none */
    int lowest, highest;             /* TLS1_2_VERSION, ...; 0: any from 1.0 on */
    const char *ciphers, *suites;    /* of TLS 1.2 and of 1.3 */
    const char *signatures, *groups; /* "ECDSA+SHA256", ... */
    const char *certificate, *key;   /* the client's own, PEM; NULL: none */
    const char *ca;                  /* verify against it, with `name`; NULL: take any */
    SSL_SESSION *session;            /* to resume; borrowed */
    bool staple;                     /* ask for an OCSP response */
    const char *before;              /* sent in clear before the handshake: PROXY headers */
    size_t before_n;                 /* 0: its length as a text */
};

/* Asserted; NULL when the handshake fails: tls_fault() says why (of this thread). A talk that
 * tls_talk_try gave is quiet, for threads, and ends by talk_close() alone. */
#define tls_talk_open(...) tls_talk_open_with((struct tls_wish){__VA_ARGS__})
struct talk *tls_talk_open_with(struct tls_wish w);
struct talk *tls_talk_try(struct tls_wish w);
const char *tls_fault(void);
/* GET / over it: the status; 0: refused, in the handshake or (TLS 1.3: what is wrong with a
 * client's certificate comes behind it) by an alert instead of a response. tls_fault() says why. */
#define tls_status(...) tls_status_with((struct tls_wish){__VA_ARGS__})
int tls_status_with(struct tls_wish w);

SSL *tls_of(const struct talk *t);
/* "" when none was agreed on. */
const char *tls_alpn(const struct talk *t);
/* The common name of the other side's certificate. */
const char *tls_peer_name(const struct talk *t);
/* The other side has said that it ends (close_notify): nothing was cut off. */
bool tls_ended_well(const struct talk *t);
/* The last session that came, or NULL; the caller frees it (SSL_SESSION_free). */
SSL_SESSION *tls_session(struct talk *t);

#endif
