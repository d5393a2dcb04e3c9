/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_TLS_PAIR_H
#define WEIR_TESTS_LIB_TLS_PAIR_H

/* Handshakes in memory, for tests of TLS contexts: a folder of certificates, configurations with
 * the defaults of the settings, and two SSL objects that talk to each other.
 *
 *     tls_case_begin();
 *     certs_make(&(struct cert_spec){.name = "a", .dns = {"a.test"}});
 *     struct tls_server *s = tls_case_server(&conf, h1_alone);
 *     SSL *server = tls_server_ssl(s), *client = tls_case_client("a.test");
 *     cr_assert(tls_shake(server, client));
 */

#include <criterion/criterion.h>

#include "io/tls_kind.h"
#include "tests/lib/certs.h"

extern struct faults tls_faults; /* of the running test */
void tls_case_begin(void);
void tls_case_end(void);

/* NAME.crt and NAME.key, at line `line` of t.conf. */
struct tls_certificate_conf tls_case_certificate(const char *name, int line);
/* A listener at line 1 with these certificates and the defaults. */
struct tls_server_conf tls_case_listener(struct tls_certificate_conf *certificates, size_t n);
struct tls_client_conf tls_case_cluster(void);
extern const struct tls_alpn both_protocols, h1_alone;

/* How many faults hold `part`; each kind is counted in tls_faults. */
size_t tls_case_said(const char *part);
void tls_case_print(void);
/* Without errors or warnings. */
struct tls_server *tls_case_server(const struct tls_server_conf *c, struct tls_alpn alpn);

/* A client of OpenSSL's alone that takes any certificate; frees its context with it. `name` may be
 * NULL. */
SSL *tls_case_client(const char *name);
/* Runs both until they are done or one fails, and lets the client read tickets. Links them on the
 * first call. */
bool tls_shake(SSL *server, SSL *client);
/* The alert that the client got in the last tls_shake(); 0: none. */
extern int tls_shake_alert;
/* The word for why it failed, of the side that failed; "" when it didn't. */
extern const char *tls_shake_word;
/* What the client has in a subject's common name of the server's certificate. */
const char *tls_shown_name(SSL *client);
void tls_free(SSL *server, SSL *client);

#endif
