/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_H2_ORIGIN_H
#define WEIR_TESTS_LIB_H2_ORIGIN_H

/* An origin that speaks HTTP/2, scripted by a test: a server session of nghttp2's on a peer's end of
 * a memory link (tests/lib/stack.h).
 *
 *     struct h2_origin *o = h2_origin_new(stack_origin(s, 0), (struct h2_origin_how){0});
 *     struct h2_request *r = h2_origin_request(o, 0);
 *     cr_assert(h2_request_has(r, ":path", "/"));
 *     h2_origin_head(o, r, "200", "content-type: text/plain\n", false);
 *     h2_origin_content(o, r, "hi", 2, true);
 *
 * What it does is sent at once, and the loop turns until all is quiet. */

#include <nghttp2/nghttp2.h>

#include "tests/lib/stack.h"

struct h2_origin;

struct h2_origin_how {
    uint32_t streams;       /* SETTINGS_MAX_CONCURRENT_STREAMS; 0: says nothing */
    uint32_t window;        /* SETTINGS_INITIAL_WINDOW_SIZE; 0: says nothing */
    bool connect_protocol;  /* SETTINGS_ENABLE_CONNECT_PROTOCOL */
    bool manual;            /* windows are given back by h2_origin_consume only */
    bool silent;            /* sends no SETTINGS until h2_origin_settings */
    bool lax;               /* nghttp2 lets the origin say what it should not */
    struct link *link;      /* instead of the peer's: TLS on top of it */
};

struct h2_request {
    int32_t id;
    char *head;             /* "name: value\n" ... */
    size_t head_n;
    char *trailers;
    size_t trailers_n;
    char *body;
    size_t body_n;
    bool headed, ended;
    bool closed;            /* the stream is */
    uint32_t code;          /* with what */
    /* private */
    char *out;
    size_t out_n, out_at;
    bool out_ends, out_waits;
    char *out_trailers;
};

struct h2_origin *h2_origin_new(struct peer *p, struct h2_origin_how how);
void h2_origin_free(struct h2_origin *o);

/* In the order in which they came; NULL when there are fewer. */
struct h2_request *h2_origin_request(struct h2_origin *o, size_t i);
size_t h2_origin_requests(const struct h2_origin *o);
/* Streams that are open now. */
size_t h2_origin_open(const struct h2_origin *o);
bool h2_request_has(const struct h2_request *r, const char *name, const char *value);
bool h2_request_has_name(const struct h2_request *r, const char *name);

/* `fields`: "name: value\n" ..., may be "". A 1xx status is an interim response. */
void h2_origin_head(struct h2_origin *o, struct h2_request *r, const char *status,
                    const char *fields, bool end);
void h2_origin_content(struct h2_origin *o, struct h2_request *r, const char *p, size_t n, bool end);
/* Ends the content with trailers. */
void h2_origin_trailers(struct h2_origin *o, struct h2_request *r, const char *fields);
/* 200 with this content. */
void h2_origin_answer(struct h2_origin *o, struct h2_request *r, const char *body);
void h2_origin_reset(struct h2_origin *o, struct h2_request *r, uint32_t code);
void h2_origin_goaway(struct h2_origin *o, int32_t last, uint32_t code);
void h2_origin_settings(struct h2_origin *o);
void h2_origin_streams(struct h2_origin *o, uint32_t streams);
/* Gives back the windows of n bytes. */
void h2_origin_consume(struct h2_origin *o, struct h2_request *r, size_t n);
/* Bytes that nghttp2 would not send. */
void h2_origin_raw(struct h2_origin *o, const void *p, size_t n);
/* What nghttp2 has queued stays so (a ping's answer), until it is called with false. */
void h2_origin_hold(struct h2_origin *o, bool on);

size_t h2_origin_pings(const struct h2_origin *o);
/* The code of the GOAWAY that came; -1: none. */
int64_t h2_origin_goaway_code(const struct h2_origin *o);
bool h2_origin_closed(const struct h2_origin *o);
uint32_t h2_origin_setting(const struct h2_origin *o, int32_t id);

#endif
