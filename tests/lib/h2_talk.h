/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_H2_TALK_H
#define WEIR_TESTS_LIB_H2_TALK_H

/* A raw HTTP/2 client for scenarios, on nghttp2's client session, with TLS or without: streams one
 * by one, what the test says as it says it, and everything that came back. nghttp2 holds the
 * gateway to the RFC: what breaks it ends the stream, or the connection.
 *
 *     struct h2_talk *t = h2_talk_open();
 *     const int32_t id = h2_ask(t, .path = "/?size=1000");
 *     cr_assert_eq(h2_answer(t, id)->status, 200);
 *
 * Talks end with h2_talks_end(), or with h2_talk_close(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "tests/lib/wait.h"
#include "tests/lib/wire.h"

struct h2_talk_spec {
    uint16_t port;     /* $port when 0 */
    const char *ca;    /* a file; NULL: cleartext */
    const char *sni;   /* site.test when NULL; for TLS */
    uint32_t window;   /* of streams; 0: 65535 */
    bool keeps_window; /* what has come isn't acknowledged until h2_take() */
};

struct h2_ask_spec {
    const char *method;    /* GET when NULL; POST when there is content */
    const char *scheme;    /* as the connection is when NULL */
    const char *authority; /* site.test when NULL; "" for none */
    const char *path;      /* / when NULL; "" for none */
    const char *protocol;  /* extended CONNECT (RFC 8441) */
    const char *fields;    /* lines: "a: b\nc: d", names as they are sent */
    const char *content;   /* NUL-terminated */
    uint64_t pattern;      /* instead of it: so many bytes of pattern.h */
    bool open;             /* the stream goes on: h2_send */
    const char *trailers;  /* lines */
};

struct h2_stream {
    struct h2_stream *next;
    struct h2_talk *talk;
    int32_t id;
    int status; /* 0: none yet */
    unsigned interims;
    struct text head, body, trailers; /* "name: value\n" lines; NUL behind each */
    bool headed;                      /* the final head has come */
    bool ended;                       /* END_STREAM came */
    bool closed;                      /* by both, or reset */
    int64_t reset;                    /* the error it was reset with; -1 */
    /* content that is still to be sent */
    struct text out;
    uint64_t out_at, pattern, pattern_at;
    bool open;
    char *trailers_out;
};

struct h2_talk {
    struct h2_talk *next;
    struct wire wire;
    struct h2_pipe pipe;
    struct h2_stream *streams;
    bool tls, over; /* over: the connection has ended */
    bool settled;   /* the other side's SETTINGS have come */
    unsigned pongs;
    int64_t goaway; /* the last GOAWAY's error; -1: none came */
    int32_t goaway_last;
};

#define h2_talk_open(...) h2_talk_open_with((struct h2_talk_spec){__VA_ARGS__})
struct h2_talk *h2_talk_open_with(struct h2_talk_spec spec);
/* NULL when the connection or its handshake is refused. */
struct h2_talk *h2_talk_try(struct h2_talk_spec spec);
void h2_talk_close(struct h2_talk *t);
void h2_talks_end(void);

/* Queues a request; its stream. Nothing is sent before something is awaited. */
#define h2_ask(t, ...) h2_ask_with(t, &(struct h2_ask_spec){__VA_ARGS__})
int32_t h2_ask_with(struct h2_talk *t, const struct h2_ask_spec *ask);
/* More content of an open stream, and its end. */
void h2_send(struct h2_talk *t, int32_t id, const void *p, size_t n);
void h2_end(struct h2_talk *t, int32_t id);
void h2_reset(struct h2_talk *t, int32_t id, uint32_t code);
void h2_ping(struct h2_talk *t);
/* With keeps_window: gives the window of what came back. */
void h2_take(struct h2_talk *t, int32_t id, size_t n);
/* Bytes between two frames, written at once. False: the connection is over. */
bool h2_raw(struct h2_talk *t, const void *p, size_t n);
/* SETTINGS_ENABLE_CONNECT_PROTOCOL and others, as the other side has said. */
uint32_t h2_peer_setting(struct h2_talk *t, nghttp2_settings_id id);

/* Sends and receives until the response has come to its end or the stream was closed, until its
 * head has come. It stays until the talk ends. */
const struct h2_stream *h2_answer(struct h2_talk *t, int32_t id);
const struct h2_stream *h2_head(struct h2_talk *t, int32_t id);
const struct h2_stream *h2_stream(const struct h2_talk *t, int32_t id);
/* One turn of sending and receiving, for up to so many ms. */
void h2_turn(struct h2_talk *t, int wait_ms);
#define H2_AWAIT(t, cond)                                                                          \
    do {                                                                                           \
        const uint64_t end_ = now_ms() + DEADLINE_MS;                                              \
        while (!(cond)) {                                                                          \
            cr_assert(now_ms() < end_ && !(t)->over, "waited in vain for: %s", #cond);             \
            h2_turn(t, 20);                                                                        \
        }                                                                                          \
    } while (0)

/* The value of a field; "" when there is none. Up to four stay valid. */
const char *h2_field(const struct h2_stream *s, const char *name);
const char *h2_trailer(const struct h2_stream *s, const char *name);
bool h2_is_pattern(const struct h2_stream *s, uint64_t n);

#endif
