/* SPDX-License-Identifier: Apache-2.0 */
/* What all links share: the flags, the queue to write, the order of events. How bytes move is each
 * kind's own (link_plain.c, link_memory.c), behind struct link_ops.
 *
 * Invariant: no event is delivered once `failed` or `closed` is set, and both imply that `out` is
 * empty and the link isn't dirty. */

#include "io/link_kind.h"

static void on_flush(struct dirty *d);

void link_init(struct link *l, const struct link_ops *ops, struct loop *lp)
{
    *l = (struct link){
        .ops = ops,
        .loop = lp,
        .out_high = LINK_OUT_HIGH,
        .read_blocks = 1,
    };
    bytes_init(&l->out, &lp->stock);
    dirty_init(&l->dirty, on_flush);
}

void link_start(struct link *l, const struct link_events *events, void *owner)
{
    l->events = events;
    l->owner = owner;
    if (l->started || !link_alive(l))
        return;
    l->started = true;
    l->ops->start(l);
}

void link_resume(struct link *l)
{
    if (!l->paused)
        return;
    l->paused = false;
    if (l->started && link_alive(l))
        l->ops->resume(l);
}

void link_end(struct link *l)
{
    l->ending = true;
    loop_dirty(l->loop, &l->dirty);
}

static void close_link(struct link *l, bool reset)
{
    if (l->closed)
        return;
    l->closed = true;
    dirty_cancel(&l->dirty);
    l->ops->close(l, reset); /* may look at what is dropped: TLS doesn't call that an end */
    bytes_clear(&l->out);
}

void link_close(struct link *l)
{
    close_link(l, false);
}

void link_reset(struct link *l)
{
    close_link(l, true);
}

int link_fd(const struct link *l)
{
    return l->ops->fd(l);
}

/* -- for the kinds of links ----------------------------------------------------------------- */

void link_bytes(struct link *l, struct block *b, struct slice s)
{
    if (!link_alive(l))
        return;
    l->bytes_in += s.n;
    l->events->on_bytes(l, b, s);
}

void link_eof(struct link *l)
{
    if (!link_alive(l) || l->eof_in)
        return;
    l->eof_in = true;
    l->events->on_eof(l);
}

void link_fail(struct link *l, int err)
{
    if (!link_alive(l))
        return;
    l->failed = true;
    dirty_cancel(&l->dirty);
    bytes_clear(&l->out);
    l->beneath = 0;
    l->events->on_fail(l, err);
}

static void on_flush(struct dirty *d)
{
    struct link *l = container_of(d, struct link, dirty);
    must(l->started); /* or nobody would hear of a failure */
    if (link_alive(l))
        l->ops->flush(l);
    else
        bytes_clear(&l->out); /* the owner went on writing after on_fail */
}

void link_sent(struct link *l, size_t n)
{
    bytes_consume(&l->out, n);
    l->bytes_out += n;
}

void link_taken(struct link *l)
{
    if (l->out.n == 0 && l->ending && !l->eof_out) {
        l->eof_out = true;
        l->ops->shutdown(l);
    }
    if (l->over_high && link_unsent(l) <= l->out_high / 2) {
        l->over_high = false;
        if (l->events->on_room)
            l->events->on_room(l);
    }
}

void link_flushed(struct link *l, size_t n)
{
    const bool left = l->out.n > 0; /* on_room may append: that isn't a stall */
    link_taken(l);
    if (left && link_alive(l) && l->events->on_stall)
        l->events->on_stall(l);
    if (n > 0 && l->out.n == 0 && link_alive(l) && l->events->on_drained)
        l->events->on_drained(l);
}
