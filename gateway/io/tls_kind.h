/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_TLS_KIND_H
#define WEIR_IO_TLS_KIND_H

/* Between the contexts (tls_*.c) and the link that uses them (link_tls.c), private to io. */

#include <openssl/ssl.h>

#include "io/tls.h"

#if OPENSSL_VERSION_NUMBER < 0x10101000L
#error "OpenSSL 1.1.1 or later is needed"
#endif

/* A session object in accept state, without a BIO yet; NULL: no memory. */
SSL *tls_server_ssl(const struct tls_server *s) nodiscard;
/* How many SSL_CTX a listener has: one for each set of certificates that some name gets. */
size_t tls_server_contexts(const struct tls_server *s);
/* In connect state, with SNI, the name to verify and a session to resume set. The app data of the
 * object are this file's. */
SSL *tls_client_ssl(const struct tls_client *c, struct slice name,
                    struct tls_resume *resume) nodiscard;
/* What is known after the handshake; NULL: no memory. */
struct tls_facts *tls_facts_new(SSL *ssl) nodiscard;
/* A static word for what went wrong last on `ssl`, and nothing left in OpenSSL's queue: "alert"
 * (the other side's), "certificate", "no_shared_cipher", "version", "not_tls", "unknown_name",
 * "no_protocol" (ALPN), "no_memory", "closed", "protocol". */
const char *tls_fault_word(SSL *ssl);

#endif
