/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_H2_PEER_H
#define WEIR_TESTS_LIB_H2_PEER_H

/* An HTTP/2 client on a connection of the stack: nghttp2's own client, and raw frames beside it.
 *
 *     struct h2_peer *p = h2_peer_new(s, NULL);
 *     int32_t id = h2_ask(p, "GET", "/", NULL);
 *     ... the origin answers ...
 *     cr_assert_str_eq(h2_answer(p, id)->status, "200");
 *     h2_peer_free(p);
 */

#include <nghttp2/nghttp2.h>

#include "tests/lib/stack.h"

struct h2_answer {
    char status[4];   /* "" until the head came */
    char *head;       /* "name: value\n" of the final head, without :status */
    char *trailers;   /* the same; NULL: none came */
    char *interims;   /* "103 link: x\n" */
    char *body;       /* NUL-terminated */
    size_t body_n;
    bool ended;       /* END_STREAM */
    bool closed;
    uint32_t code;    /* of the close */
    unsigned order;   /* which one ended first: 1, 2, ... */
};

struct h2_peer {
    struct stack *stack;
    struct peer *peer;
    nghttp2_session *session;
    struct h2_answer answers[512]; /* by (id - 1) / 2 */
    struct h2_upload *uploads;
    unsigned ended_n;
    uint32_t data_frames, settings_frames, pings; /* that came; pings: without ACK */
    uint32_t goaways;
    int32_t goaway_last;
    uint32_t goaway_code;
    bool broken;      /* nghttp2 found what came faulty */
};

struct h2_peer_options {
    bool hold_windows;        /* nothing is acknowledged by itself */
    bool raw;                 /* no session: the test sends the preface and all frames */
    uint32_t window;          /* of streams; 0: 65535 */
    uint32_t connection_window;
    bool no_ping_ack;
};

struct h2_peer *h2_peer_new(struct stack *s, const struct h2_peer_options *o);
void h2_peer_free(struct h2_peer *p);
/* Sends what is queued, lets the gateway work, and takes what came; until all is quiet. */
void h2_peer_run(struct h2_peer *p);

/* A request for http://a.example; `lines` are "name: value\n" (may be NULL). */
int32_t h2_ask(struct h2_peer *p, const char *method, const char *path, const char *lines);
/* The same with content that follows by h2_send(). */
int32_t h2_ask_open(struct h2_peer *p, const char *method, const char *path, const char *lines);
/* All lines of the head, pseudo-fields too. */
int32_t h2_ask_lines(struct h2_peer *p, const char *lines, bool open);
void h2_send(struct h2_peer *p, int32_t id, const char *data, size_t n, bool end);
void h2_send_trailers(struct h2_peer *p, int32_t id, const char *lines);
void h2_cancel(struct h2_peer *p, int32_t id);
/* Opens windows by hand; id 0: the connection's. */
void h2_open(struct h2_peer *p, int32_t id, int32_t n);
/* Bytes as they are, behind what is queued. */
void h2_raw(struct h2_peer *p, const char *bytes, size_t n);
void h2_frame(struct h2_peer *p, uint8_t type, uint8_t flags, int32_t id, const char *payload,
              size_t n);
/* Writes a frame without letting anybody run; returns its length. */
size_t h2_make_frame(char *to, uint8_t type, uint8_t flags, int32_t id, const char *payload,
                     size_t n);
/* The head as a literal block without any table. Returns its length. */
size_t h2_make_block(char *to, const char *lines);

struct h2_answer *h2_answer(struct h2_peer *p, int32_t id);
/* Is the connection closed from the other side? */
bool h2_closed(const struct h2_peer *p);

#endif
