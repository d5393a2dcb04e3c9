/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ATTEMPT_H
#define WEIR_CORE_ATTEMPT_H

/* One try of an exchange on one endpoint. The core starts it through origin_ops; the origin's
 * protocol tells what happened through attempt_on_*(), which only write it down and wake the
 * exchange. A retry is another attempt; the first one stays in the exchange's list for the log.
 *
 *   open ──► sent ──► head ──► body... ──► end            at any point: fail(why)
 *
 * After attempt_cancel(), or after end or fail, the origin no longer knows the attempt and calls
 * nothing. An attempt lies in its exchange's arena. */

#include "base/bytes.h"
#include "base/list.h"
#include "core/why.h"
#include "http/head.h"
#include "io/timer.h"

struct attempt;
struct attempt_fault;
struct endpoint;
struct exchange;

enum origin_opened {
    ORIGIN_KEPT,    /* on a kept connection: content may be sent at once */
    ORIGIN_PENDING, /* attempt_on_open or attempt_on_fail will tell */
    ORIGIN_REFUSED, /* no descriptor, port or memory was to be had */
    ORIGIN_FULL,    /* the cluster has all the connections it may have */
};

/* What upstream offers to the core. None of these calls an attempt_on_*() from inside, except that
 * send_body and send_end may find no memory and tell it at once (attempt_on_fail): at->origin is
 * NULL then. */
struct origin_ops {
    /* Finds or makes a connection to at->endpoint and sends the head of at->x->plan on it. */
    enum origin_opened (*open)(struct attempt *at);
    /* Takes content from the front of `from`, as much as there is room for. */
    void (*send_body)(struct attempt *at, struct bytes *from);
    /* The request is complete (trailers may be NULL); in a tunnel: half-close. */
    void (*send_end)(struct attempt *at, const struct fields *trailers);
    /* The response's content may be read on (after attempt_wants_pause() had said stop). */
    void (*resume)(struct attempt *at);
    /* The core has lost interest: the connection is closed (or the stream reset). */
    void (*cancel)(struct attempt *at);
};

/* A 1xx response that is passed on before the final one. */
struct interim {
    struct interim *next;
    uint16_t status;
    struct fields fields;
};

/* How long an attempt may take to its head, whatever it waits for, but for the client. In the
 * exchange's arena. */
struct try_timer {
    struct timer timer;
    struct attempt *at;
};

struct attempt {
    /* identity */
    struct exchange *x;
    struct list node;              /* in x->attempts */
    struct endpoint *endpoint;     /* held by endpoint_acquire; NULL when the attempt has ended */
    struct cluster *cluster;       /* borrowed from the worker */
    uint32_t row;                  /* the endpoint's in the cluster's table */
    struct fields *fields;         /* the head that goes inward: the plan's, or its own copy */
    struct bytes *content;         /* what it has still to send: the exchange's, or its own copy */
    struct try_timer *limit;       /* the plan's try_ms; NULL: none */
    struct slice endpoint_name;    /* copied: for the log */
    uint32_t slot;                 /* the endpoint's, in the cluster's endpoint cell */
    const struct origin_ops *ops;  /* the worker's, until upstream knows the origin's protocol */
    void *origin;                  /* of upstream; NULL when it has let go */
    struct attempt_fault *fault;   /* that is injected (core/attempt_fault.h); NULL: none */
    unsigned number;               /* 1 for the first */
    bool fresh;                    /* only a new connection will do: a kept one has failed already */
    /* state: facts, set by attempt_on_*() */
    bool opened;                   /* the head is on its way: content may be sent */
    bool reused;                   /* on a kept connection */
    bool refusable;                /* the origin may say that it processed nothing (WHY_REFUSED) */
    bool headed;                   /* `head` is there */
    bool ended;                    /* the whole response has come */
    bool request_sent;             /* send_end was called */
    bool paused;                   /* the origin was told to stop reading */
    bool held_up;                  /* ... and to wait for so long that it may have given up */
    bool starved;                  /* ... or so long for content of the request, when it failed */
    bool answered;                 /* at least one byte of a response has come */
    bool judged;                   /* the steps have looked at how it ended, and hooks have heard */
    bool goes_on;                  /* ... of a head alone: hooks will hear of its end, too */
    bool told;                     /* they have heard, though it may have gone well */
    bool lost;                     /* another one was faster (core/hedge.h): nobody is to blame */
    bool repeated;                 /* ... and go on with another one, as nobody is to blame */
    bool injected;                 /* what `fault` says has begun to act */
    enum why why;                  /* not NONE: failed */
    const char *detail;            /* static text, or NULL */
    /* data */
    struct response_head head;
    struct bytes body;             /* content that came and was not passed on yet */
    struct fields trailers;
    struct interim *interims;      /* not passed on yet, oldest first */
    struct timer timer;            /* connect, then response_head, then body_idle; or tunnel_idle */
    /* times, on the loop's clock, in microseconds; 0: not reached */
    uint64_t started_us, opened_us, headed_us, ended_us;
    uint64_t sent_us;              /* request_sent was set */
    uint64_t done_us;              /* it ended, one way or another */
    uint64_t paused_us;            /* when it was paused last */
    uint64_t bytes_received;       /* of content */
};

/* Is this no response that anybody would call a good one? */
static inline bool attempt_failed(const struct attempt *at)
{
    return at->why || !at->headed || at->head.status >= 400;
}

/* Hooks are to hear of it now. A tunnel's end is nobody's: it has no content that could be whole. */
static inline void attempt_judge(struct attempt *at)
{
    at->judged = true;
    at->goes_on = at->headed && !at->why && at->head.body != BODY_TUNNEL;
}

/* Why it failed. One that was given up before it came to anything has the reason of its exchange. */
enum why attempt_why(const struct attempt *at);

/* The shorter of two limits, of which 0 is none. */
static inline uint64_t attempt_ms(uint64_t a, uint64_t b)
{
    return !b || (a && a < b) ? a : b;
}

/* -- the core's side --------------------------------------------------------------------------- */

/* Makes the next attempt of x on `ep` and opens it. Hooks are told (on_attempt). */
struct attempt *attempt_start(struct exchange *x, struct endpoint *ep, bool fresh);
/* The plan's try_ms runs from when the client has sent the whole request: until then it is the client
 * that is waited for; or as long as that waits for a 100. To be called when any of it may have
 * changed. */
void attempt_time(struct attempt *at);
/* The head that goes inward, to be changed for this attempt alone: before it is opened. */
struct fields *attempt_own_head(struct attempt *at);
/* Gives up an attempt because another one has won. */
void attempt_lose(struct attempt *at);
/* Lets go of an attempt, whatever state it is in; harmless when it has ended. */
void attempt_cancel(struct attempt *at);
/* Finds it an origin: at once, or after an injected delay. */
void attempt_open(struct attempt *at);
/* There is room again: the origin is to go on reading. */
void attempt_resume(struct attempt *at);

/* -- what origins tell ------------------------------------------------------------------------- */

/* The new connection is there and the head is on its way. */
void attempt_on_open(struct attempt *at);
/* A 1xx other than 101. The head is borrowed and copied. `raw` as in head_keep_response. */
void attempt_on_interim(struct attempt *at, const struct response_head *h, struct slice raw);
void attempt_on_head(struct attempt *at, const struct response_head *h, struct slice raw);
/* `s` lies in `b`. */
void attempt_on_body(struct attempt *at, struct block *b, struct slice s);
void attempt_on_end(struct attempt *at, const struct fields *trailers);
void attempt_on_fail(struct attempt *at, enum why why, const char *detail);
/* There is room for content again. */
void attempt_on_room(struct attempt *at);
/* Asked by the origin after attempt_on_body: is enough queued that it should stop reading? The
 * core calls origin_ops.resume when there is room again. */
bool attempt_wants_pause(struct attempt *at);

#endif
