/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_HEAD_H
#define WEIR_HTTP_HEAD_H

/* Heads as values: what a codec reads and another codec writes. A head that a parser made points
 * into the bytes it parsed; head_keep_*() copies it, once, into an arena. */

#include <stdbool.h>
#include <stdint.h>

#include "http/fields.h"

/* How the end of a message's content is found (RFC 9112 6.3). */
enum body_kind {
    BODY_NONE,        /* no content */
    BODY_LENGTH,      /* head.content_length bytes */
    BODY_CHUNKED,     /* HTTP/1.1 chunks, or HTTP/2 without content-length: ends by itself */
    BODY_UNTIL_CLOSE, /* responses only: ends with the connection */
    BODY_TUNNEL,      /* after 101, or 2xx to CONNECT: bytes both ways, no HTTP any more */
};

struct request_head {
    struct slice method, target; /* as received */
    enum method method_id;
    uint8_t major;               /* 1 or 2 */
    uint8_t minor;               /* HTTP/1.minor; 1 for HTTP/2, which can all that 1.1 can */
    bool keep_alive;             /* the client's side of it: version and Connection */
    bool expect_continue;
    bool upgrade;                /* HTTP/1.1 Connection: upgrade with an Upgrade field */
    bool te_trailers;            /* TE: trailers */
    enum body_kind body;
    uint64_t content_length;
    struct fields fields;
};

struct response_head {
    uint16_t status;
    uint8_t major, minor;        /* as of a request */
    bool keep_alive;
    enum body_kind body;
    bool has_length;             /* content_length was given, even where there is no content (HEAD) */
    uint64_t content_length;
    struct slice reason;         /* as received; may be empty */
    struct fields fields;
};

/* Copies bytes and field list into the arena. `raw` is the contiguous run of bytes that every
 * slice of *h points into; one memcpy, and the slices are moved along. Room for `spare` further
 * fields is left in the list. */
void head_keep_request(struct request_head *h, struct slice raw, struct arena *a, uint16_t spare);
void head_keep_response(struct response_head *h, struct slice raw, struct arena *a, uint16_t spare);

#endif
