/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_TALK_H
#define WEIR_TESTS_LIB_TALK_H

/* A client for scenarios: a socket, exactly the bytes that the test says, and responses read back
 * with a deadline. Its parser is not the gateway's, so that the two don't make the same mistakes;
 * it holds the gateway to the letter (CRLF, framing, nothing behind the end).
 *
 *     struct talk *t = talk_open();
 *     talk_send(t, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
 *     cr_assert_eq(talk_response(t)->status, 200);
 *
 * Talks end with the test, or with talk_close(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "tests/lib/wire.h"

enum { TALK_INTERIMS = 8 };

struct response {
    int status;       /* 0: none came */
    struct text head; /* status line and fields, each with its CRLF; NUL behind the end */
    struct text body; /* without its framing; NUL behind the end */
    struct text trailers;
    bool chunked, has_length;
    bool whole;  /* framed to its end: what is false was cut off */
    bool closes; /* "Connection: close" */
    int interims[TALK_INTERIMS];
    size_t interims_n;
    const char *fault; /* what is wrong with it; NULL */
};

struct talk {
    struct talk *next;
    struct wire wire;
    struct text in; /* read; used up to `at` */
    size_t at;
    struct response r; /* the last one */
    bool quiet;        /* for threads: failures are told, not asserted */
    unsigned deadline_ms;
};

/* To the listener at $port, to another port of 127.0.0.1, of ::1, to a unix socket. talk_try gives
 * NULL when that is refused, the others assert. */
struct talk *talk_open(void);
struct talk *talk_open_port(uint16_t port);
struct talk *talk_open_v6(uint16_t port);
struct talk *talk_open_unix(const char *path);
/* Over TLS, without ALPN; ca is a file. The SNI is site.test when NULL. */
struct talk *talk_open_tls(uint16_t port, const char *ca, const char *sni);
struct talk *talk_try(uint16_t port);
/* What talk_try gave ends with the test from now on, and asserts. */
struct talk *talk_keep(struct talk *t);
void talk_close(struct talk *t);
void talks_end(void);

/* All of it, within the deadline; false when the other side is gone. */
bool talk_send(struct talk *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool talk_send_n(struct talk *t, const void *p, size_t n);
/* The end of our direction; an abort. */
void talk_end(struct talk *t);
void talk_reset(struct talk *t);

/* Reads the next response; it stays until the next call. */
const struct response *talk_response(struct talk *t);
const struct response *talk_response_to_head(struct talk *t);
/* The same up to the end of the head: content stays unread. */
const struct response *talk_head(struct talk *t);
/* At least n bytes have come in all since the last response (n > 0); false: the end came first. */
bool talk_await_bytes(struct talk *t, size_t n);
/* Reads once, and waits for it no longer than that (ms). 1: something came, 0: the end, -1:
 * nothing. */
int talk_pull(struct talk *t, int wait_ms);
/* What has come and was not part of a response. */
struct slice talk_rest(const struct talk *t);
void talk_skip(struct talk *t, size_t n);
/* True when the connection ends within the deadline (or with a reset), and nothing comes before. */
bool talk_ended(struct talk *t);
/* Does it end by now, without waiting? */
bool talk_is_over(struct talk *t);

/* A request on a connection of its own, and its response. */
const struct response *ask(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const struct response *get(const char *target);
/* The value of a field of the head, or trailers; "" when it is absent. Up to four stay valid. */
const char *field_of(const struct response *r, const char *name);
const char *trailer_of(const struct response *r, const char *name);
unsigned field_count(const struct response *r, const char *name);
/* What origins say by default is their name and a newline. */
bool body_is(const struct response *r, const char *text);
bool body_has(const struct response *r, const char *text);

#endif
