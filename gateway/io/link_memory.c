/* SPDX-License-Identifier: Apache-2.0 */
/* Links in memory: two ends of one pipe on one loop, the test bench of every layer above. They keep
 * the contract of plain links to the letter, so that what passes here passes on sockets: bytes are
 * copied into blocks of the reader's, at most a block per event; what was sent before a close is
 * delivered before the end of it; a paused end hears nothing.
 *
 *      a.out ── flush ──► b.inbox ── deliver (later queue) ──► b.on_bytes
 *
 * Everything happens in one turn and in one order, and no descriptor is involved. */

#include "io/link_kind.h"

#include <errno.h>
#include <stdlib.h>

struct pair;

struct end {
    struct link link;
    struct end *peer; /* the other one; lives as long as this one */
    struct pair *pair;
    struct bytes inbox; /* on its way to this end */
    struct later deliver;
    size_t segment;
    bool blocked; /* the pipe was full: it waits for the other end to read */
    bool ended;   /* the other side has: the end comes after the inbox */
    int err;      /* broken: reported after the inbox */
    bool connecting;
    int outcome; /* of connecting: 0 opens, an errno fails, -1 never comes */
};

struct pair {
    struct end ends[2];
    size_t capacity;
    struct grave grave;
};

static void end_init(struct end *e, struct pair *pair, struct loop *lp);
static void on_deliver(struct later *later);
static void unblock(struct end *e);
static bool deliver_read(struct end *e);
static bool deliver_some(struct end *e);
static bool is_reading(const struct end *e);
static void break_later(struct end *e, int err);

static const struct link_ops memory_ops;

void link_memory_pair(struct loop *lp, size_t capacity, struct link **a, struct link **b)
{
    struct pair *pair = calloc(1, sizeof *pair);
    must(pair);
    pair->capacity = capacity;
    for (int i = 0; i < 2; i++)
        end_init(&pair->ends[i], pair, lp);
    pair->ends[0].peer = &pair->ends[1];
    pair->ends[1].peer = &pair->ends[0];
    *a = &pair->ends[0].link;
    *b = &pair->ends[1].link;
}

void link_memory_segment(struct link *l, size_t n)
{
    must(l->ops == &memory_ops);
    container_of(l, struct end, link)->segment = n;
}

void link_memory_connecting(struct link *l, int outcome)
{
    must(l->ops == &memory_ops && !l->started);
    struct end *e = container_of(l, struct end, link);
    e->connecting = true;
    e->outcome = outcome;
}

static void end_init(struct end *e, struct pair *pair, struct loop *lp)
{
    link_init(&e->link, &memory_ops, lp);
    e->pair = pair;
    bytes_init(&e->inbox, &lp->stock);
    later_init(&e->deliver, on_deliver);
}

static void memory_start(struct link *l)
{
    struct end *e = container_of(l, struct end, link);
    loop_later(l->loop, &e->deliver);
}

/* -- reading -------------------------------------------------------------------------------- */

/* Tells the outcome of connecting. False: there is nothing to deliver. */
static bool connect_done(struct end *e)
{
    struct link *l = &e->link;
    if (e->outcome < 0 || !l->started || !link_alive(l))
        return false;
    if (e->outcome > 0) {
        link_fail(l, e->outcome);
        return false;
    }
    e->connecting = false;
    if (l->out.n > 0 || l->ending)
        loop_dirty(l->loop, &l->dirty);
    l->events->on_open(l);
    return link_alive(l);
}

static void on_deliver(struct later *later)
{
    struct end *e = container_of(later, struct end, deliver);
    struct link *l = &e->link;
    if (e->connecting && !connect_done(e))
        return;
    while (is_reading(e) && e->inbox.n > 0) {
        if (!deliver_read(e)) {
            loop_starve(l->loop, &e->deliver);
            return;
        }
        unblock(e->peer);
    }
    if (!is_reading(e))
        return;
    if (e->err)
        link_fail(l, e->err);
    else if (e->ended)
        link_eof(l);
}

/* There is room between us again, or nobody who takes anything. */
static void unblock(struct end *e)
{
    if (!e->blocked)
        return;
    e->blocked = false;
    loop_dirty(e->link.loop, &e->link.dirty);
}

static bool is_reading(const struct end *e)
{
    return link_alive(&e->link) && e->link.started && !e->link.paused;
}

static bool deliver_some(struct end *e)
{
    struct block *b = block_get(&e->link.loop->stock.blocks);
    if (!b)
        return false;
    size_t want = e->segment && e->segment < BLOCK_SIZE ? e->segment : BLOCK_SIZE;
    while (b->used < want && e->inbox.n > 0) {
        struct slice front = bytes_front(&e->inbox);
        size_t n = front.n < want - b->used ? front.n : want - b->used;
        memcpy(b->data + b->used, front.p, n);
        b->used += n;
        bytes_consume(&e->inbox, n);
    }
    link_bytes(&e->link, b, slice_of(b->data, b->used));
    block_unref(b);
    return true;
}

/* As of a socket: what one read has brought is delivered to its end, also to who pauses meanwhile. */
static bool deliver_read(struct end *e)
{
    const unsigned most = e->segment ? 1 : LINK_READ_BLOCKS;
    for (unsigned i = 0; i < most && e->inbox.n > 0 && link_alive(&e->link); i++)
        if (!deliver_some(e))
            return i > 0;
    return true;
}

/* -- writing -------------------------------------------------------------------------------- */

static void memory_flush(struct link *l)
{
    struct end *e = container_of(l, struct end, link), *to = e->peer;
    if (e->err || (l->out.n > 0 && to->link.closed)) {
        bytes_clear(&l->out);
        break_later(e, EPIPE);
        return;
    }
    if (e->connecting || e->blocked)
        return;
    size_t room = SIZE_MAX;
    if (e->pair->capacity)
        room = e->pair->capacity > to->inbox.n ? e->pair->capacity - to->inbox.n : 0;
    size_t n = l->out.n < room ? l->out.n : room;
    if (n > 0 && !bytes_move_n(&to->inbox, &l->out, n)) {
        link_fail(l, ENOMEM);
        return;
    }
    l->bytes_out += n;
    e->blocked = l->out.n > 0;
    if (n > 0)
        loop_later(l->loop, &to->deliver);
    link_flushed(l, n);
}

/* The end of the link, as soon as this side looks: at once when it doesn't read. */
static void break_later(struct end *e, int err)
{
    if (!e->err)
        e->err = err;
    if (is_reading(e))
        loop_later(e->link.loop, &e->deliver);
    else
        link_fail(&e->link, e->err);
}

static void memory_shutdown(struct link *l)
{
    struct end *to = container_of(l, struct end, link)->peer;
    to->ended = true;
    loop_later(l->loop, &to->deliver);
}

/* -- the end -------------------------------------------------------------------------------- */

static void free_pair(struct grave *g)
{
    free(container_of(g, struct pair, grave));
}

static void memory_close(struct link *l, bool reset)
{
    struct end *e = container_of(l, struct end, link), *to = e->peer;
    bool unread = e->inbox.n > 0;
    later_cancel(&e->deliver);
    bytes_clear(&e->inbox);
    if (to->link.closed) {
        later_cancel(&to->deliver);
        loop_bury(l->loop, &e->pair->grave, free_pair);
        return;
    }
    to->ended = true;
    unblock(to);
    if (reset || unread) {
        bytes_clear(&to->inbox);
        to->err = ECONNRESET;
    }
    loop_later(l->loop, &to->deliver);
}

static int memory_fd(const struct link *l)
{
    (void)l;
    return -1;
}

static const struct link_ops memory_ops = {
    .start = memory_start,
    .flush = memory_flush,
    .resume = memory_start,
    .shutdown = memory_shutdown,
    .close = memory_close,
    .fd = memory_fd,
};
