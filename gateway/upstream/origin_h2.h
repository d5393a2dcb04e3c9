/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UPSTREAM_ORIGIN_H2_H
#define WEIR_UPSTREAM_ORIGIN_H2_H

/* HTTP/2 on one connection, private to the folder: a session of nghttp2's, and a stream for each
 * attempt on it. origin_h2.c has their lives, origin_h2_send.c what goes out, origin_h2_recv.c
 * what comes in, and pool_h2.c says which connection an attempt goes to.
 *
 *   endpoint.waiting ──► origin_h2.streams ──► closed
 *     until a connection     from HEADERS until nghttp2 says so; `at` may be gone before
 *     has room
 *
 * Frames are made and read by nghttp2 without I/O of its own. Everything that wants to send wakes
 * the pump, which runs once at the end of the turn. Nothing closes a connection from inside one of
 * nghttp2's callbacks: they note `doom`, and who has called nghttp2 looks at it. */

#include <nghttp2/nghttp2.h>

#include "http/h2_head.h"
#include "upstream/origin.h"

/* Content of a request that may wait to be framed: two full frames. */
enum { STREAM_AHEAD = 32768 };

struct origin_stream {
    struct list node;   /* in endpoint.waiting, then in origin_h2.streams */
    struct attempt *at; /* borrowed; NULL: nobody waits any more, it only has to close */
    struct origin *o;   /* borrowed; NULL: waits for a connection */
    int32_t id;
    uint32_t held;                 /* bytes of content whose window hasn't been given back */
    struct bytes out;              /* content of the request that isn't framed yet */
    const struct fields *trailers; /* of the request; borrowed from the exchange, with `at` */
    bool deferred;                 /* the session waits for content */
    bool full;                     /* send_body was left with content */
    bool connect;                  /* extended CONNECT: its answer decides what follows */
    bool request_done;             /* send_end was called */
    bool end_sent;                 /* END_STREAM is with the session */
    bool head_done;                /* the final head came */
    bool response_done;            /* END_STREAM came */
    bool tunnel;
    bool reset;       /* RST_STREAM is with the session */
    bool reset_in;    /* RST_STREAM came */
    bool unsent;      /* the session could not send its HEADERS */
    uint8_t interims; /* 1xx responses so far */
};

struct origin_h2 {
    struct origin *o;         /* borrowed */
    nghttp2_session *session; /* owned */
    struct h2_block block;    /* owned: the header block that comes in */
    struct h2_limits limits;  /* what `block` keeps to */
    struct list streams;      /* of struct origin_stream */
    uint32_t streams_n;
    uint32_t allowed; /* streams at a time, as refusals have taught */
    struct later pump;
    struct timer ping;
    struct block *in;    /* what is being received lies there; borrowed for the call */
    uint64_t heard_us;   /* when something came last */
    uint64_t pinged_us;  /* when the ping was sent that waits for its answer; 0: none */
    uint64_t second_us;  /* since when `noise` is counted */
    int64_t noise;       /* frames without content in this second */
    uint64_t credit;     /* window updates that may come: for content that was sent */
    uint32_t head_bytes; /* received in a header block that hasn't ended */
    bool in_head;
    bool settled;            /* the origin's SETTINGS have come */
    bool draining;           /* takes no more streams */
    bool freed;              /* there may be room for attempts that wait */
    uint8_t doom;            /* enum why: the connection has to go */
    const char *doom_detail; /* static */
    uint32_t doom_code;      /* of the GOAWAY */
};

static inline struct worker *origin_h2_worker(const struct origin_h2 *h)
{
    return h->o->pools->w;
}

/* Does the attempt need an extended CONNECT (RFC 8441)? Not when the request has content, which
 * would be taken for the tunnel's: then it goes without the upgrade. */
bool origin_h2_wants_tunnel(const struct attempt *at);

/* -- origin_h2.c ------------------------------------------------------------------------------- */
/* What all sessions share. */
void origin_h2_setup(struct origin_pools *p);
void origin_h2_teardown(struct origin_pools *p);
/* The connection is there and speaks HTTP/2. False: no memory; the caller closes it. */
bool origin_h2_begin(struct origin *o) nodiscard;
/* May this attempt go on it now? */
bool origin_h2_has_room(const struct origin *o, const struct attempt *at);
/* Has the origin said that it doesn't take what this attempt needs (RFC 8441 3)? */
bool origin_h2_declines(const struct origin *o, const struct attempt *at);
/* Looks later in the turn whether something that waits is to be started or failed. */
void origin_h2_look(struct origin *o);
/* How many more streams it will take, as far as is known. */
uint32_t origin_h2_room(const struct origin *o);
/* Takes no more streams, and goes when the last one has ended. */
void origin_h2_drain(struct origin *o);
/* origin_close's part: attempts must have been told before. */
void origin_h2_free(struct origin *o);

/* Runs the pump later in the turn. */
void origin_h2_wake(struct origin_h2 *h);
/* Ends the stream's attempt with a failure, and resets the stream. */
void origin_stream_fail(struct origin_stream *s, enum why why, const char *detail, uint32_t code);
void origin_stream_reset(struct origin_stream *s, uint32_t code);
/* The stream's attempt, which is the caller's to tell; the stream forgets it. */
struct attempt *origin_h2_take_attempt(struct origin_stream *s);
void origin_h2_doom(struct origin_h2 *h, enum why why, const char *detail, uint32_t code);
void origin_stream_gone(struct origin_stream *s);
void origin_h2_wait_idle(struct origin_h2 *h);
/* Tells what waits for it, and that the connection is broken: nothing more is sent. */
void origin_h2_break(struct origin *o, enum why why, const char *detail);

/* -- origin_h2_send.c -------------------------------------------------------------------------- */
extern const struct origin_ops origin_h2_ops;
void origin_h2_set_send_callbacks(nghttp2_session_callbacks *cb);
/* Sends the request. False when there is no memory: the stream is as before. */
bool origin_h2_start(struct origin *o, struct origin_stream *s) nodiscard;
/* The request's content may go on: END_STREAM, too. */
void origin_stream_ready(struct origin_stream *s);
/* Moves what the session has to send into the link's queue, as much as there is room for. False
 * when there is no memory. */
bool origin_h2_send_frames(struct origin_h2 *h) nodiscard;

/* -- origin_h2_recv.c -------------------------------------------------------------------------- */
void origin_h2_set_callbacks(nghttp2_session_callbacks *cb);
void origin_h2_on_bytes(struct link *l, struct block *b, struct slice s);

/* -- pool_h2.c --------------------------------------------------------------------------------- */
/* origin_ops.open, for endpoints that speak HTTP/2 or may do so. */
enum origin_opened pool_h2_open(struct attempt *at);
struct origin_stream *pool_h2_stream(struct attempt *at) nodiscard;
/* Takes a stream that waits out of the queue, and frees it. */
void pool_h2_forget(struct origin_stream *s);
/* Sends what waits where there is room now, and opens connections for the rest. */
void pool_h2_serve(struct origin_pools *p, struct endpoint *ep);
/* To be found by attempts from now on. */
void pool_h2_share(struct origin *o);
/* Not to be found any more: it can take nothing, or is on its way out. */
void pool_h2_withdraw(struct origin *o);
/* A connection that was to take what waits could not be made. */
void pool_h2_not_made(struct endpoint *ep, enum why why, const char *detail);
/* The endpoint speaks HTTP/1.1 after all: what waits gets connections of its own, `o` first. */
void pool_h2_disperse(struct origin *o);

#endif
