/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_TLS_BIO_H
#define WEIR_IO_TLS_BIO_H

/* What OpenSSL reads from and writes to, instead of a socket; for link_tls.c only. */

#include <openssl/bio.h>

#include "io/link.h"

struct tls_wire {
    struct bytes in;    /* records that have come, to be decrypted */
    struct link *under; /* where records go: what is written is queued there */
};

/* `w` is borrowed and outlives the BIO. Reading asks to be tried again when `in` is empty, writing
 * when no block was to be had. NULL: no memory. */
BIO *tls_bio(struct tls_wire *w) nodiscard;

#endif
