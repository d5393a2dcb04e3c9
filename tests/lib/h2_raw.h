/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_H2_RAW_H
#define WEIR_TESTS_LIB_H2_RAW_H

/* HTTP/2 by hand, for abuse and malformed input: exactly the frames that a test puts together, on
 * top of a talk (plain, or TLS by tls_talk.h), and frames read back with the talk's deadline.
 *
 *     struct h2_raw *c = raw_open();                      the preface, SETTINGS both ways
 *     raw_request(c, 1, "GET", "/", H2_END_STREAM);
 *     raw_put(c, H2_RST_STREAM, 0, 1, "\0\0\0\x8", 4);
 *     raw_send(c);
 *     cr_assert_eq(raw_outcome(c), H2_ENHANCE_YOUR_CALM);
 *
 * What is put is collected until raw_send(). Connections end with the test. */

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "tests/lib/talk.h"

enum h2_type {
    H2_DATA,
    H2_HEADERS,
    H2_PRIORITY,
    H2_RST_STREAM,
    H2_SETTINGS,
    H2_PUSH_PROMISE,
    H2_PING,
    H2_GOAWAY,
    H2_WINDOW_UPDATE,
    H2_CONTINUATION,
    H2_PRIORITY_UPDATE = 16,
};
enum {
    H2_ACK = 1,
    H2_END_STREAM = 1,
    H2_END_HEADERS = 4,
    H2_PADDED = 8,
    H2_PRIORITY_FLAG = 32,
};
enum h2_code { /* RFC 9113 7 */
               H2_NO_ERROR,
               H2_PROTOCOL_ERROR,
               H2_INTERNAL_ERROR,
               H2_FLOW_CONTROL_ERROR,
               H2_SETTINGS_TIMEOUT,
               H2_STREAM_CLOSED,
               H2_FRAME_SIZE_ERROR,
               H2_REFUSED_STREAM,
               H2_CANCEL,
               H2_COMPRESSION_ERROR,
               H2_CONNECT_ERROR,
               H2_ENHANCE_YOUR_CALM,
               H2_NOTHING = 256, /* the connection goes on, or ended without a GOAWAY */
};
enum { H2_HEADER_TABLE_SIZE = 1, H2_ENABLE_PUSH, H2_MAX_STREAMS, H2_INITIAL_WINDOW, H2_MAX_FRAME };

struct h2_frame {
    uint32_t length, stream; /* as they stand there, the reserved bit included */
    uint8_t type, flags;
    const uint8_t *payload; /* until the next frame is read */
};

/* What came on one stream, as far as it was read. */
struct h2_reply {
    uint32_t stream;
    int status;     /* 0: no head */
    size_t body;    /* bytes of content */
    uint32_t reset; /* RST_STREAM's code, or H2_NOTHING */
    bool ended;
};

struct h2_raw {
    struct h2_raw *next;
    struct talk *t;
    struct text out;
    nghttp2_hd_inflater *inflater;
    struct text head;             /* the last header block: "name: value" lines, with a NUL */
    struct text block;            /* of it, undecoded */
    struct h2_frame f;            /* the last frame */
    bool deaf;                    /* raw_send reads nothing meanwhile */
    bool ended;                   /* the other side has closed */
    bool bad_head;                /* a header block that couldn't be decoded */
    uint32_t goaway, last_stream; /* of the last GOAWAY; H2_NOTHING: none came */
    uint32_t settings, settings_acks, pings, heads, resets; /* frames that came; pings: ACKs */
    uint32_t other_resets; /* of these, those with another code than REFUSED_STREAM */
    struct h2_reply reply; /* of the stream whose HEADERS were put last */
};

/* To the listener at $port (or another) in clear, or over TLS; raw_open also greets. */
struct h2_raw *raw_open(void);
struct h2_raw *raw_open_port(uint16_t port);
struct h2_raw *raw_open_on(struct talk *t);
void raw_close(struct h2_raw *c);
void raws_end(void);
/* Preface and empty SETTINGS, the server's SETTINGS and its ACK read, ours acknowledged. */
void raw_greet(struct h2_raw *c);
void raw_put_preface(struct h2_raw *c);

/* -- frames ------------------------------------------------------------------------------------ */

void raw_put(struct h2_raw *c, unsigned type, unsigned flags, uint32_t stream, const void *payload,
             size_t n);
/* A head that says another length than what follows. */
void raw_put_head(struct h2_raw *c, size_t length, unsigned type, unsigned flags, uint32_t stream);
void raw_put_u32(struct h2_raw *c, unsigned type, unsigned flags, uint32_t stream, uint32_t v);
void raw_put_setting(struct h2_raw *c, unsigned id, uint32_t v);
/* HEADERS with END_HEADERS and these flags. */
void raw_put_block(struct h2_raw *c, uint32_t stream, unsigned flags, const struct text *block);
void raw_request(struct h2_raw *c, uint32_t stream, const char *method, const char *path,
                 unsigned flags);
/* Everything that was put; reads meanwhile what comes (unless deaf), so that the two sides never
 * wait for each other. False: the other side is gone, or takes nothing (the talk's deadline). */
bool raw_send(struct h2_raw *c);

/* -- header blocks, by hand (RFC 7541 6) ------------------------------------------------------- */

/* A literal without indexing; `n` bytes each, so that anything can stand there. */
void hpack_literal(struct text *b, const char *name, const char *value);
void hpack_literal_n(struct text *b, const void *name, size_t name_n, const void *value,
                     size_t value_n);
/* A literal that goes into the dynamic table (at index 62). */
void hpack_keep(struct text *b, const char *name, const char *value);
void hpack_index(struct text *b, uint64_t index);
void hpack_table_size(struct text *b, uint64_t n);
void hpack_number(struct text *b, uint8_t first, unsigned prefix_bits, uint64_t n);
/* :method, :scheme, :authority, :path. */
void hpack_request(struct text *b, const char *method, const char *path);

/* -- reading ----------------------------------------------------------------------------------- */

/* The next frame, in c->f, already accounted for: SETTINGS and PING are acknowledged (put, not
 * sent), header blocks decoded. False: the end, or the deadline. */
bool raw_next(struct h2_raw *c);
/* Reads until that many of one of the counts above have come: raw_await(c, &c->pings, 1). */
bool raw_await(struct h2_raw *c, const uint32_t *count, uint32_t n);
/* What has come by now, without waiting. */
void raw_look(struct h2_raw *c);
/* Reads the response on the stream whose HEADERS were put last to its end, and gives back the
 * windows it took. */
struct h2_reply raw_await_reply(struct h2_raw *c, uint32_t stream);
/* Reads to the end of the connection: the code of the last GOAWAY. When the connection is still
 * there after the deadline, c->ended is false. */
uint32_t raw_outcome(struct h2_raw *c);
/* GET on a fresh stream: is it answered with 200? */
bool raw_is_served(struct h2_raw *c, uint32_t stream);
/* The value of a field of the last head; "" when there is none. */
const char *raw_field(const struct h2_raw *c, const char *name);

#endif
