/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_LINK_H
#define WEIR_IO_LINK_H

/* A link is an ordered byte pipe with back-pressure: plain (a stream socket), in memory (for
 * tests), or TLS on top of one of these. Its owner (a client or an origin) gets events and appends to link->out.
 *
 *     bytes_append(&l->out, block, slice);  link_send(l);    leaves at the end of the turn
 *
 * Reading starts with link_start() and goes on until link_pause(). The read watcher stays
 * registered: a pause is a flag, and only when bytes come in meanwhile is the watcher stopped. A
 * write watcher runs only between EAGAIN and drained. One read per readiness; a read that filled
 * its block makes the next ones larger (up to LINK_READ_BLOCKS blocks at a time).
 *
 * Events come from the loop, never from inside a call of the owner's. After link_close() none
 * come, and the link must not be touched again. */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "io/loop.h"
#include "io/tls.h"

enum {
    LINK_READ_BLOCKS = 4,
    LINK_OUT_HIGH = 65536, /* out_high until the owner sets another: 4 blocks, one full read */
};

struct link;

struct link_events {
    /* Connected; only after link_connect. On TLS: the handshake is done. */
    void (*on_open)(struct link *l);
    /* `s` lies in `b`, which is borrowed for the call: take references on what is kept (bytes_append
     * does). What the owner doesn't keep is gone. After link_pause() there may be up to
     * LINK_READ_BLOCKS - 1 more of these calls, for bytes that the same read brought. */
    void (*on_bytes)(struct link *l, struct block *b, struct slice s);
    /* The other side has ended its direction; ours may go on. At most once. */
    void (*on_eof)(struct link *l);
    /* What is unsent has fallen to half of out_high after it had reached it. NULL when the owner
     * doesn't care. */
    void (*on_room)(struct link *l);
    /* A flush left bytes behind: the other side takes no more for now. NULL when the owner doesn't
     * care. Comes again after each flush that got some of it away. */
    void (*on_stall)(struct link *l);
    /* Nothing is unsent any more (after a write). NULL when the owner doesn't care. */
    void (*on_drained)(struct link *l);
    /* The link is broken (errno value; ECONNRESET, EPIPE, ETIMEDOUT, ...). No event follows, `out`
     * is empty and stays so. The owner still has to link_close().
     *
     * When the other side no longer takes what we write, what it had sent before is delivered
     * first (an origin that answers early and closes), and its end is this event instead of on_eof.
     * A paused link isn't read, so it learns of its end by writing, or when it is resumed. */
    void (*on_fail)(struct link *l, int err);
};

struct link_ops {
    void (*start)(struct link *l);
    void (*flush)(struct link *l); /* called by the loop once per turn when dirty */
    void (*resume)(struct link *l);
    void (*shutdown)(struct link *l); /* out is empty: end our direction */
    void (*close)(struct link *l, bool reset);
    int (*fd)(const struct link *l);
};

struct link {
    const struct link_ops *ops;
    const struct link_events *events;
    void *owner; /* borrowed */
    struct loop *loop;
    struct bytes out;   /* queued; the owner appends, the link consumes */
    size_t beneath;     /* of what was consumed, what has not left yet: on TLS, records */
    struct dirty dirty;
    uint32_t out_high;  /* back-pressure starts here: limits.queue_bytes */
    bool started, paused, over_high;
    bool eof_in;        /* the other side ended */
    bool ending;        /* link_end was called: shut down when out is empty */
    bool eof_out;       /* we ended */
    bool failed, closed;
    uint8_t read_blocks; /* how many blocks the next read may fill */
    uint64_t bytes_in, bytes_out;
};

/* Takes over fd (non-blocking, connected). NULL when the slab of links is at its limit (fd is
 * closed then). The events are set by link_start. */
struct link *link_plain(struct loop *lp, int fd) nodiscard;
/* Begins to connect; the outcome comes as on_open or on_fail, never from inside, so call
 * link_start in the same turn. What is sent before waits. `source` (may be NULL) is bound first. NULL only when no descriptor or memory was to be had; errno says which. */
struct link *link_connect(struct loop *lp, const struct addr *to, const struct addr *source) nodiscard;
/* Two ends of one pipe on the same loop: what goes out of one comes into the other at the next
 * flush, copied into a fresh block, as a kernel does. `capacity` is how many bytes may lie between
 * them (back-pressure); 0 for no limit. Closing an end whose bytes weren't all read, or resetting
 * it, breaks the other (ECONNRESET). */
void link_memory_pair(struct loop *lp, size_t capacity, struct link **a, struct link **b);
/* Before link_start: this end comes from a connect whose outcome is told after it: 0 opens, an
 * errno value fails, -1 never comes. What is sent before waits. */
void link_memory_connecting(struct link *l, int outcome);
/* At most n bytes per on_bytes of this end, to try out every cut; 0: as many as a block holds. */
void link_memory_segment(struct link *l, size_t n);

/* Who gets the events from now on, and reading begins. Due in the turn that made the link. May be called again, to hand the link to
 * another owner; reading then goes on. */
void link_start(struct link *l, const struct link_events *events, void *owner);
/* Bytes that the owner has appended and that have not left this process yet (on TLS: about, and
 * with what the handshake and the end have of their own). */
static inline size_t link_unsent(const struct link *l)
{
    return l->out.n + l->beneath;
}
/* Marks for flushing at the end of the turn. */
static inline void link_send(struct link *l)
{
    if (link_unsent(l) >= l->out_high)
        l->over_high = true;
    loop_dirty(l->loop, &l->dirty);
}
/* How many more bytes the owner should append before it waits for on_room. */
static inline size_t link_room(const struct link *l)
{
    const size_t unsent = link_unsent(l);
    return unsent >= l->out_high ? 0 : l->out_high - unsent;
}
static inline void link_pause(struct link *l)
{
    l->paused = true;
}
void link_resume(struct link *l);
/* Ends our direction once `out` has left (half-close). */
void link_end(struct link *l);
/* Closes now; what is in `out` is dropped. The memory goes at the end of the turn, until then a
 * second call is harmless. */
void link_close(struct link *l);
/* The same with a reset to the other side (RST): it must not take what it got for complete. */
void link_reset(struct link *l);

/* -- TLS (link_tls.c) -------------------------------------------------------------------------- */

/* TLS on top of `under`, a plain or memory link that has not been started yet or whose owner hands it
 * over (link_start follows in the same turn); it belongs to the new link from then on, and closes with it. on_open tells that the
 * handshake is done, on_fail (EPROTO, or the link's own errno) that it failed: link_tls_fault()
 * says why. NULL (`under` is closed) when there is no memory.
 *
 * An end without close_notify is on_eof on the accepting side, on the other ECONNRESET ("closed"): a
 * response may have been cut. link_close sends close_notify when nothing is queued, so that what was
 * sent counts as all; it never waits. */
struct link *link_tls_accept(struct link *under, const struct tls_server *s) nodiscard;
/* `name` is the endpoint's host name or address as text: what SNI says and the certificate must be
 * for, unless the configuration says another. `resume` (may be NULL) outlives the link. */
struct link *link_tls_connect(struct link *under, const struct tls_client *c, struct slice name,
                              struct tls_resume *resume) nodiscard;
/* Before link_start: bytes that were read from `under` already. False when there is no block. */
bool link_tls_early(struct link *l, struct block *b, struct slice s) nodiscard;
/* What is known of the connection, once, after on_open: the caller frees it (tls_facts_free). NULL for
 * links that aren't TLS. */
struct tls_facts *link_tls_take_facts(struct link *l) nodiscard;
/* Why the handshake or the connection failed: a word for logs and metrics, static; "" when it
 * didn't, or not because of TLS. */
const char *link_tls_fault(const struct link *l);

/* For the pieces above that need the socket itself; -1 for links in memory. */
int link_fd(const struct link *l);

/* Bytes of memory of one plain link, for the memory budget in the docs. */
size_t link_plain_size(void);

#endif
