/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_RECORD_H
#define WEIR_TRACING_RECORD_H

/* What became of one request, as a worker tells it to the control process: a row of items, the
 * first of which is the request, followed by attempts and waits. Bytes, so that another binary
 * reads them, or refuses them by their version; texts are cut, items that find no room are left
 * out. Pure.
 *
 * Times are microseconds: of the request since 1970, of its parts since it began. */

#include "tracing/context.h"

enum {
    RECORD_VERSION = 2,
    RECORD_PATH = 512,  /* bytes of a path that are kept */
    RECORD_AGENT = 200, /* of User-Agent */
    RECORD_STATE = 512, /* of tracestate: longer ones are left out, since half of one is none */
    RECORD_TEXT = 100,  /* of other texts */
    RECORD_MOST = 2400, /* a request alone */
};

struct record_request {
    uint64_t high, low, span, parent; /* parent 0: it is the root */
    uint8_t flags;                    /* as they went inward */
    uint64_t began_us, took_us;
    uint16_t status; /* 0: none was sent */
    uint8_t version; /* 10, 11, 20 */
    bool failed;
    uint8_t grpc; /* 1 + its grpc-status; 0: it is no gRPC */
    struct weir_slice method, scheme, host, path, client, agent, route, cluster, variant, why,
        request_id, state;
};
struct record_attempt {
    uint64_t span, after_us, took_us;
    uint32_t number;
    uint16_t status;
    struct weir_slice endpoint, cluster, why;
};
struct record_wait {
    uint64_t span, after_us, took_us;
    struct weir_slice module, hook;
};

struct record_writer {
    char *p;
    size_t n, cap;
    unsigned spans, left_out;
};
/* Begins with the request, which finds room in RECORD_MOST bytes. */
void record_begin(struct record_writer *w, char *to, size_t cap, const struct record_request *r);
void record_add_attempt(struct record_writer *w, const struct record_attempt *at);
void record_add_wait(struct record_writer *w, const struct record_wait *wait);

enum record_kind { RECORD_END, RECORD_REQUEST, RECORD_ATTEMPT, RECORD_WAIT, RECORD_SPOILED };
struct record_item {
    enum record_kind kind;
    union {
        struct record_request request;
        struct record_attempt attempt;
        struct record_wait wait;
    };
};
/* The next item, whose texts lie in the record; *rest begins as all of it. After RECORD_SPOILED
 * there is nothing more to read. */
void record_next(struct weir_slice *rest, struct record_item *out);
/* How many spans it makes; 0: it isn't one record from its begin to its end. */
unsigned record_spans(struct weir_slice record);

#endif
