/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_TLS_RECORD_H
#define WEIR_IO_TLS_RECORD_H

/* How large the records are that a TLS link writes, and what goes into one; for link_tls.c only. */

#include "base/bytes.h"

enum {
    TLS_RECORD_FULL = 16384,  /* RFC 8446 5.1: as much as a record may hold */
    TLS_RECORD_COLD = 4096,   /* and its frame: three segments of 1428 bytes */
    TLS_COLD_BYTES = 40960,   /* so long the records are short: about a fresh connection's window
                                 three times */
    TLS_COLD_AFTER_MS = 1000, /* the kernel has forgotten the window by then, too */
};

/* How warm a connection is. Zeroed: cold. */
struct tls_pace {
    uint64_t wrote_ms; /* when the last record was made */
    uint32_t bytes;    /* written since the last silence, up to TLS_COLD_BYTES */
};
/* The most that the next record should hold. */
size_t tls_record_limit(struct tls_pace *p, uint64_t now_ms);
void tls_record_written(struct tls_pace *p, size_t n);

/* The front of `out`, which isn't empty, in one run of *n <= limit bytes. A piece that nearly fills
 * a record by itself isn't cut: the record ends before it. It lies in `out` or in a buffer of the
 * process that the next call uses again. */
const char *tls_record_next(const struct bytes *out, size_t limit, size_t *n);
/* The same for exactly n bytes, which a former call has given. */
const char *tls_record_again(const struct bytes *out, size_t n);

#endif
