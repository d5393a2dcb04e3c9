/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CALL_H
#define WEIR_CALL_H

/* A part of <weir/module.h>: requests of the module's own, and copies of those that pass. */

#include <weir/attempt.h>

#pragma GCC visibility push(default)

/* How a call ended. Borrowed for the call of `done`. */
struct weir_result {
    int status;                   /* 0: no response */
    enum weir_failure failure;    /* NONE: it has ended well */
    const char *why;              /* the log's word for that; NULL: none */
    struct weir_slice body;       /* up to response_limit */
    bool whole;                   /* nothing of the body is missing */
    uint64_t took_us, head_us;    /* until its end, and until the head was there (0: none) */
    const struct weir_call *call; /* for weir_call_field() */
};

struct weir_call_options {
    weir_cluster cluster;
    uint64_t timeout_ms;   /* of the whole; required */
    size_t response_limit; /* bytes of content that are kept; the rest is read and dropped */
    size_t request_limit;  /* shadows: more content than this ends the call (TOO_LARGE) */
    /* Of calls; a shadow has those of the exchange. The method is GET when there is none. */
    struct weir_slice method, target, body;
    struct weir_slice
        host; /* absent: the cluster's first endpoint, as configured; a shadow's: its own */
    /* Further header fields, at most 100: the first of a name replaces what would be sent, others
     * are added; one without a value takes the name away. Not those of framing, nor Host. */
    const struct weir_claim *fields;
    size_t fields_n;
    /* Once, never from inside the call that starts it; NULL: nobody is interested. Not called after
     * weir_call_cancel(), nor, for a call that belongs to an exchange, after its on_done. */
    void (*done)(void *ctx, const struct weir_result *r);
    void *ctx;
};

/* A request through a cluster, with its pools, TLS and DNS; redirects are not followed. Borrowed
 * texts are copied. NULL: no memory, the cluster is reserved for another module, something that
 * can't be sent (a line end in a value, no timeout), or the process is about to stop its modules;
 * `done` isn't called then, and the operator sees it counted (calls_refused). What is given is
 * valid until `done` was called; without `done`, don't keep it. [process] */
struct weir_call *weir_call(struct weir_process *p, const struct weir_call_options *o);
/* The same on behalf of an exchange: it ends when the exchange does. [hook] */
struct weir_call *weir_call_for(struct weir_exchange *x, const struct weir_call_options *o);
/* In on_forward: a copy of this request, content included, that goes its own way: nothing that
 * happens to it reaches the exchange, which it may outlive. It ends (CLIENT) when the
 * exchange ends in the middle of the content, and (OVERLOAD) before it takes memory that requests
 * need. NULL also when the request asks for an upgrade. [hook] */
struct weir_call *weir_shadow(struct weir_exchange *x, const struct weir_call_options *o);
void weir_call_cancel(struct weir_call *c); /* [process] */
/* In `done`: the value of the first line of that name; absent: none. */
struct weir_slice weir_call_field(const struct weir_call *c, const struct weir_name *name);

#pragma GCC visibility pop

#endif
