/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EDGE_CLIENT_H2_PARTS_H
#define WEIR_EDGE_CLIENT_H2_PARTS_H

/* Private to client_h2*.c: HTTP/2 towards clients.
 *
 *     client_h2.c           a connection: link events, deadlines, drain, its end
 *     client_h2_frames.c    what nghttp2 tells: frames, heads, content that came in
 *     client_h2_stream.c    what exchanges say (client_ops), and the streams that say it
 *     client_h2_send.c      frames on their way out: windows, turns, DATA without copies
 *     client_h2_shared.c    what all connections of a listener share; memory
 *
 *     link ── on_bytes ──► mem_recv ──► callbacks ──► exchange_on_*()          at once
 *     link ◄── out ◄── mem_send ◄── pump (later) ◄── client_ops ◄── exchange   once a turn
 *
 * nghttp2 does no I/O here and calls back only from inside mem_recv and mem_send; what a callback
 * finds wrong with the connection it writes down in h2->fate, and the function that called nghttp2
 * acts on it, so that no session is freed under its own feet. */

#include <nghttp2/nghttp2.h>

#include "core/stats/stats.h"
#include "edge/client.h"
#include "edge/listener.h"
#include "http/h2_guard.h"
#include "http/h2_head.h"
#include "http/h2_memory.h"
#include "http/priority.h"

/* -- what all connections of a listener share -------------------------------------------------- */

struct h2_shared {
    struct listener *listener;
    nghttp2_session_callbacks *callbacks; /* owned */
    nghttp2_option *option;               /* owned */
    struct h2_memory memory;
    struct slab connections, streams;
    size_t connections_n;
    struct h2_limits limits;
    struct h2_guard_limits guard;
    struct h2_block *spare; /* owned: the block of whoever had the last head */
    struct block *scratch;  /* owned: where frame heads and small frames are written */
    nghttp2_nv *nv;         /* owned: room to write one head */
    size_t nv_cap;
};
/* The listener's; made when the first connection asks. */
struct h2_shared *h2_shared_of(struct listener *l);
/* Room for n lines. */
nghttp2_nv *h2_nv(struct h2_shared *s, size_t n);
struct h2_block *h2_block_take(struct h2_shared *s);
void h2_block_give(struct h2_shared *s, struct h2_block *b);
/* A connection ends; what the last one leaves behind is given back. */
void h2_shared_leave(struct h2_shared *s);

/* -- a connection ------------------------------------------------------------------------------ */

enum h2_state { H2_OPEN, H2_LINGER };
/* What becomes of the connection, written down by a callback. */
enum h2_fate { H2_GOES_ON, H2_TOO_MUCH, H2_NO_MEMORY };
/* RFC 9113 6.8: first a GOAWAY that refuses nothing, a round trip later the one that does. */
enum h2_drain { H2_SERVING, H2_NOTICE, H2_NOTICE_SEEN, H2_LEAVING };

struct client_h2 {
    struct client *c;
    struct h2_shared *shared;
    nghttp2_session *session; /* owned; NULL: over */
    struct block *feeding;    /* what mem_recv reads from at the moment */
    struct h2_block *block;   /* the head that is coming in; NULL: none */
    struct list streams;      /* all */
    struct list fed;          /* content came or went: see what can be acknowledged */
    struct list waiting;      /* content, but no room on the connection: most urgent first */
    struct list reading;      /* content is waited for, by due time */
    struct list stalled;      /* the stream's window is shut, by due time */
    uint32_t streams_n, exchanges_n;
    uint32_t opened_n;        /* streams of the client's that nghttp2 hasn't closed yet */
    bool settled;             /* the client has acknowledged our settings: it knows h2.streams */
    size_t queued;            /* bytes in all streams' out */
    uint64_t turns;           /* of incremental streams that waited */
    struct h2_guard guard;
    /* Milliseconds on the loop's clock; 0: not set. */
    uint64_t idle_due_ms, head_due_ms, drain_due_ms, ping_due_ms;
    uint64_t heard_ms;        /* last bytes that came */
    uint64_t moved_ms;        /* last content that left, or began to wait */
    uint32_t refusals;        /* REFUSED_STREAM of our own making, not sent yet */
    uint8_t fate, drain, event; /* event: enum h2_event that was too much */
};

struct h2_stream {
    struct client *c;
    struct exchange *x;  /* NULL: it has finished */
    struct list node, fed, waiting, reading, stalled;
    struct bytes out;    /* content that the windows had room for */
    struct bytes held;   /* what a WebSocket said before it was answered */
    nghttp2_nv *trailers; /* owned (h2_alloc); NULL: none */
    size_t trailers_n;
    uint64_t received, consumed; /* bytes of content; consumed: acknowledged on the stream */
    uint64_t turn, reading_due_ms, stalled_due_ms;
    int32_t id;
    struct priority priority;
    bool closed;         /* nghttp2 has forgotten it */
    bool ended_in;       /* END_STREAM came */
    bool upgrade;        /* an extended CONNECT */
    bool tunnel;         /* and it was accepted */
    bool bodiless;       /* END_STREAM goes with the head */
    bool deferred;       /* nghttp2 waits for h2_resume() */
    bool end_out;        /* the exchange has said all */
    bool end_sent;       /* END_STREAM has left */
    bool cut;            /* the response is not whole: reset behind what is queued */
};

static inline struct worker *h2_worker(const struct client_h2 *h2)
{
    return h2->shared->listener->w;
}
static inline uint64_t h2_now(const struct client_h2 *h2)
{
    return clock_ms(&h2_worker(h2)->loop->clock);
}
static inline const struct listener_conf *h2_conf(const struct client_h2 *h2)
{
    return h2->shared->listener->conf;
}
/* Runs h2_pump() behind the exchanges of this turn. */
static inline void h2_pump_later(struct client_h2 *h2)
{
    loop_later(h2_worker(h2)->loop, &h2->c->later);
}

/* client_h2.c */
void h2_close_now(struct client *c, enum why why);
/* A request was finished whose client has gone: the last one frees the client. */
void h2_exchange_left(struct client_h2 *h2);
void h2_begin_drain(struct client_h2 *h2);

/* client_h2_frames.c */
void h2_frames_callbacks(nghttp2_session_callbacks *cb);
/* Counts against the limits; false: the connection has to end. */
bool h2_count(struct client_h2 *h2, enum h2_event e) nodiscard;

/* client_h2_stream.c */
/* A request's head is complete. */
void h2_stream_begin(struct client_h2 *h2, int32_t id, bool ended);
/* nghttp2 has closed it, or the whole connection goes. */
void h2_stream_closed(struct h2_stream *st, enum why why);
/* Acknowledges what exchanges have passed on, hands on what was held. */
void h2_settle_fed(struct client_h2 *h2);
void h2_feed(struct h2_stream *st);
/* Content is waited for from now on. */
void h2_expect_content(struct h2_stream *st);
void h2_reset(struct h2_stream *st, uint32_t code);

/* client_h2_send.c */
void h2_send_callbacks(nghttp2_session_callbacks *cb);
extern const nghttp2_data_source_read_callback h2_read_content;
/* Moves what there is room for from the front of `from`. False: no memory. */
bool h2_take_content(struct h2_stream *st, struct bytes *from) nodiscard;
void h2_resume(struct h2_stream *st);
/* Also of a stream that waits already. */
void h2_set_priority(struct h2_stream *st, struct priority p);
/* It is timed until it moves. */
void h2_stall(struct h2_stream *st);
/* The stream's window may have opened. */
void h2_unblock(struct h2_stream *st);
/* Lets those go on for whom there is room on the connection. */
void h2_wake_waiting(struct client_h2 *h2);
/* Frames into link->out, as much as there is room for. False: h2->fate, or nghttp2 failed. */
bool h2_write(struct client_h2 *h2) nodiscard;

#endif
