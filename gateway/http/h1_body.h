/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_H1_BODY_H
#define WEIR_HTTP_H1_BODY_H

/* The content of an HTTP/1 message (RFC 9112 6 and 7), sans I/O: the caller hands in bytes as they
 * come and gets slices of content out of them, never copied.
 *
 *     while ((e = h1_body_next(&b, &in, &data)) == H1_BODY_DATA) use(data);
 *     H1_BODY_MORE: everything was taken, more must come.
 *     H1_BODY_END:  content and trailers are complete; *in begins behind the message.
 *     H1_BODY_BAD:  b.fault says why.
 */

#include "http/h1_parse.h"

enum h1_body_event { H1_BODY_MORE, H1_BODY_DATA, H1_BODY_END, H1_BODY_BAD };

struct h1_body {
    enum body_kind kind;
    uint8_t state;          /* private: of the chunk reader */
    bool sized;             /* private: a digit of the chunk size was seen */
    enum h1_fault fault;
    uint16_t line;          /* private: bytes of the chunk line so far */
    uint32_t extra;         /* private: bytes of chunk lines that no content paid for */
    uint64_t left;          /* bytes left of the content (LENGTH) or of the chunk */
    uint64_t received;      /* bytes of content handed out so far */
    struct slice held;      /* private: trailer bytes gathered so far, in the arena */
    size_t held_cap;        /* private */
    struct h1_parser tail;  /* private: of the trailers */
    struct fields trailers; /* after END; in the arena */
    const struct h1_limits *limits;
    struct arena *arena; /* where trailers go; borrowed */
};

/* Chunk extensions are skipped, up to 256 bytes a chunk: nobody forwards them, and without a bound
 * they are bytes that no limit sees. What a chunk line has beyond 16 bytes must also be paid for
 * by content, on the whole and with 16 KiB of credit, or one byte of content in each chunk would
 * buy 256 bytes that no body limit counts. */
enum { H1_CHUNK_LINE_MAX = 256, H1_CHUNK_EXTRA_MAX = 16384 };

/* `limits` bounds the trailers; both `limits` and `a` must outlive the body. */
void h1_body_init(struct h1_body *b, enum body_kind kind, uint64_t content_length,
                  const struct h1_limits *limits, struct arena *a);
enum h1_body_event h1_body_next(struct h1_body *b, struct slice *in, struct slice *data) nodiscard;
/* The connection ended: is the message complete (UNTIL_CLOSE and TUNNEL are)? */
bool h1_body_eof_ok(const struct h1_body *b);

#endif
