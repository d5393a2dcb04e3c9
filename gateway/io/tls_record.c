/* SPDX-License-Identifier: Apache-2.0 */
/* Records. At first, and again after a second of silence, they are short: a client can use a record
 * only when all of it has come, and 16 KiB is more than a fresh connection's window of ten segments
 * lets through at once; 4 KiB is three of them. (One segment per record, as some do, makes three
 * times as many records, each with its own cost, and gains nothing that the window doesn't give
 * anyway.) Later they are full.
 *
 * Small pieces share a record, by way of a buffer; a piece that fills one needs none. */

#include "io/tls_record.h"

enum { GATHER_PIECES = 64 };

size_t tls_record_limit(struct tls_pace *p, uint64_t now_ms)
{
    if (now_ms - p->wrote_ms >= TLS_COLD_AFTER_MS)
        p->bytes = 0;
    p->wrote_ms = now_ms;
    return p->bytes < TLS_COLD_BYTES ? TLS_RECORD_COLD : TLS_RECORD_FULL;
}

void tls_record_written(struct tls_pace *p, size_t n)
{
    if (p->bytes < TLS_COLD_BYTES)
        p->bytes += (uint32_t)n;
}

static size_t record_size(const struct iovec *iov, int pieces, size_t limit)
{
    size_t n = 0;
    for (int i = 0; i < pieces && n < limit; i++) {
        const bool cut = n + iov[i].iov_len > limit;
        if (n > 0 && cut && limit == TLS_RECORD_FULL && iov[i].iov_len >= TLS_RECORD_FULL / 2)
            break;
        n = cut ? limit : n + iov[i].iov_len;
    }
    return n;
}

static const char *gather(const struct iovec *iov, size_t n)
{
    static char record[TLS_RECORD_FULL];
    must(n <= sizeof record);
    for (size_t at = 0; at < n; iov++) {
        const size_t here = iov->iov_len < n - at ? iov->iov_len : n - at;
        memcpy(record + at, iov->iov_base, here);
        at += here;
    }
    return record;
}

const char *tls_record_next(const struct bytes *out, size_t limit, size_t *n)
{
    struct iovec iov[GATHER_PIECES];
    const struct slice front = bytes_front(out);
    *n = front.n < limit ? front.n : limit;
    if (front.n >= limit || front.n == out->n)
        return front.p;
    *n = record_size(iov, bytes_iov(out, iov, GATHER_PIECES), limit);
    return *n == front.n ? front.p : gather(iov, *n);
}

const char *tls_record_again(const struct bytes *out, size_t n)
{
    struct iovec iov[GATHER_PIECES];
    const struct slice front = bytes_front(out);
    if (front.n >= n)
        return front.p;
    (void)bytes_iov(out, iov, GATHER_PIECES);
    return gather(iov, n);
}
