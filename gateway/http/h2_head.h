/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_H2_HEAD_H
#define WEIR_HTTP_H2_HEAD_H

/* Heads in HTTP/2 (RFC 9113 8.3), both ways. nghttp2 does HPACK and frames; here stands what the
 * fields mean.
 *
 * Coming in: each field of a header block is added as nghttp2 decodes it; at its end the block is
 * judged as a whole and becomes the same struct that the HTTP/1.1 parser makes, so that nothing
 * above knows the difference:
 *
 *   :authority becomes Host, and must agree with a Host that came; cookie lines are joined (8.2.3);
 *   an extended CONNECT for "websocket" (RFC 8441) becomes GET with Upgrade and a Sec-WebSocket-Key,
 *   as RFC 6455 has it; a connection field, an upper-case name, a pseudo-field out of place, or a
 *   value with CR, LF or NUL is a fault.
 *
 * Going out: nghttp2_nv arrays that borrow the slices of the head. Names are written in lower
 * case; nothing of a hop goes out but what HTTP/2 has of it. */

#include <nghttp2/nghttp2.h>

#include "http/h2_fault.h"
#include "http/head.h"

struct h2_limits {
    uint32_t head_size;   /* names, values, and 32 bytes a field as RFC 9113 6.5.2 counts */
    uint32_t target_size; /* of :path */
    uint16_t field_count;
};

/* One header block on its way in. Blocks of one connection don't interleave, so each connection
 * has one of these. Its memory grows as needed and is freed by h2_block_fini, to be called when
 * the connection is idle. */
enum h2_pseudo {
    H2_METHOD,
    H2_SCHEME,
    H2_AUTHORITY,
    H2_PATH,
    H2_PROTOCOL,
    H2_STATUS,
    H2_PSEUDO_N
};
struct h2_block {
    const struct h2_limits *limits; /* borrowed */
    char *text;                     /* owned: names and values, one behind the other */
    size_t text_n, text_cap;
    struct field *lines;            /* owned: point into text */
    uint16_t n, cap;
    uint32_t size;                  /* as counted against head_size */
    uint64_t absent;                /* as in struct fields */
    struct slice pseudo[H2_PSEUDO_N]; /* p == NULL: has not come */
    uint8_t fault;                  /* enum h2_fault: the first; the rest is ignored */
};

void h2_block_init(struct h2_block *b, const struct h2_limits *limits);
void h2_block_fini(struct h2_block *b);
/* Forgets what it holds and keeps the memory. */
void h2_block_begin(struct h2_block *b);
/* Copies. False: no memory. A fault is kept in b->fault and told by h2_block_*() below. */
bool h2_block_add(struct h2_block *b, struct slice name, struct slice value) nodiscard;
/* Judges the block. On H2_FAULT_NONE *out points into `b` (`raw` spans all its bytes, for
 * head_keep_*) until it begins anew. `ended`: END_STREAM came with it. `key` is put into the
 * Sec-WebSocket-Key of an extended CONNECT: 24 characters (16 random bytes, base64). A plain
 * CONNECT passes, with its authority as the target. After a fault *out may have the method and the
 * target, for the log: what of them is there is valid. */
enum h2_fault h2_block_request(struct h2_block *b, bool ended, const char key[24],
                               struct request_head *out, struct slice *raw) nodiscard;
/* `method` is the request's; `tunnel`: it was an extended CONNECT, to which 2xx is the answer that
 * 101 is in HTTP/1.1: *out says 101 then, BODY_TUNNEL and the Upgrade field. The caller adds
 * Sec-WebSocket-Accept. */
enum h2_fault h2_block_response(struct h2_block *b, bool ended, enum method method, bool tunnel,
                                struct response_head *out, struct slice *raw) nodiscard;
/* Trailers are copied into `a`; those that hop_trailer_ok() refuses are left out. */
enum h2_fault h2_block_trailers(struct h2_block *b, struct arena *a, struct fields *out) nodiscard;

/* -- going out --------------------------------------------------------------------------------- */

/* What stands before the fields of a request. */
struct h2_out_request {
    struct slice method, scheme, target;
    struct slice protocol; /* extended CONNECT; else empty */
    bool te_trailers;
    bool write_length;
    uint64_t content_length;
};
/* Values are borrowed (NGHTTP2_NV_FLAG_NO_COPY_VALUE); who can't keep them until nghttp2 has made the
 * frame clears that flag. Names are constants, or copied.
 * Room for the array: fields->n + H2_NV_EXTRA. Numbers and lowered names lie in `a`. Host becomes
 * :authority. Returns how many were written. */
enum { H2_NV_EXTRA = 8 };
size_t h2_write_request(nghttp2_nv *nv, const struct h2_out_request *how, const struct fields *f,
                        struct arena *a);
size_t h2_write_response(nghttp2_nv *nv, uint16_t status, bool write_length,
                         uint64_t content_length, const struct fields *f, struct arena *a);
size_t h2_write_trailers(nghttp2_nv *nv, const struct fields *f, struct arena *a);

#endif
