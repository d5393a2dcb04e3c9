/* SPDX-License-Identifier: Apache-2.0 */
/* Plain links: stream sockets of the kernel. This is the hot path: a request costs one recv and one
 * send per socket, and nothing else.
 *
 *              ┌──────────── reading ◄──────────────┐
 *     start ──►│ one recv per readiness             │ link_resume
 *              └───┬────────────┬───────────────────┘
 *       no block   │            │ readable while paused
 *          ┌───────▼──┐     ┌───▼─────┐
 *          │ starved  │     │ stopped │  both: no read watcher
 *          └──────────┘     └─────────┘
 *
 * One watcher serves both directions; libev passes a change of its mask to the kernel once, at the
 * end of the turn, and only when it differs from what the kernel has. `blocked` means that the
 * socket is full: nothing is sent until the watcher says that it is writable, so no send is a mere
 * probe. A recv is never repeated to see EAGAIN: the watcher is level-triggered and says when there
 * is more.
 *
 * A failing send doesn't end the link at once when the other side has closed (EPIPE, ECONNRESET):
 * what it sent before lies in the receive buffer and is delivered first; `err` keeps the reason. */

#include "io/link_kind.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/sock.h"

enum { WRITE_IOVS = 16 }; /* 256 KiB in full blocks: more than a socket takes at once */

struct plain {
    struct link link;
    struct ev_io io;
    union {
        struct later later; /* the outcome of a connect; later the wait for a block */
        struct grave grave;
    };
    int err; /* why the link can't go on, when it isn't reported yet */
    bool connecting;
    bool reading; /* the watcher asks for bytes to read */
    bool starved;
    bool blocked;
};
_Static_assert(sizeof(struct plain) < 256, "an idle connection must stay small");

static struct plain *plain_new(struct loop *lp, int fd);
static void on_io(struct ev_loop *ev, struct ev_io *w, int revents);
static void on_connect_known(struct later *later);
static void finish_connect(struct plain *p, int err);
static void read_some(struct plain *p);
static ssize_t receive(int fd, struct block *const *blocks, unsigned n);
static void deliver(struct plain *p, struct block **blocks, unsigned n, size_t got);
static void read_ended(struct plain *p, int err);
static void starve(struct plain *p);
static void on_fed(struct later *later);
static ssize_t send_front(struct plain *p, size_t *asked);
static void send_failed(struct plain *p, int err);
static void watch(struct plain *p);
static void fail(struct plain *p, int err);

static const struct link_ops plain_ops;

/* -- life ----------------------------------------------------------------------------------- */

struct link *link_plain(struct loop *lp, int fd)
{
    struct plain *p = plain_new(lp, fd);
    if (!p)
        close(fd);
    return p ? &p->link : NULL;
}

struct link *link_connect(struct loop *lp, const struct addr *to, const struct addr *source)
{
    bool pending = false;
    int fd = sock_connect(to, source, &pending);
    int err = fd < 0 ? errno : 0;
    if (err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS)
        return NULL;
    struct plain *p = plain_new(lp, fd);
    if (!p) {
        if (fd >= 0)
            close(fd);
        errno = ENOMEM;
        return NULL;
    }
    p->connecting = true;
    p->err = err;
    if (pending) {
        ev_io_set(&p->io, fd, EV_WRITE);
        ev_io_start(lp->ev, &p->io);
    } else {
        p->later.fn = on_connect_known;
        loop_later(lp, &p->later);
    }
    return &p->link;
}

static struct plain *plain_new(struct loop *lp, int fd)
{
    struct plain *p = slab_get(&lp->links);
    if (!p)
        return NULL;
    *p = (struct plain){0};
    link_init(&p->link, &plain_ops, lp);
    ev_io_init(&p->io, on_io, fd, 0);
    later_init(&p->later, on_fed);
    return p;
}

static void plain_start(struct link *l)
{
    struct plain *p = container_of(l, struct plain, link);
    p->reading = true;
    watch(p);
}

static void plain_resume(struct link *l)
{
    struct plain *p = container_of(l, struct plain, link);
    p->reading = !l->eof_in && !p->starved;
    watch(p);
}

static void plain_shutdown(struct link *l)
{
    struct plain *p = container_of(l, struct plain, link);
    shutdown(p->io.fd, SHUT_WR); /* a dead socket shows itself when it is read */
}

static void free_plain(struct grave *g)
{
    struct plain *p = container_of(g, struct plain, grave);
    slab_put(&p->link.loop->links, p);
}

static void plain_close(struct link *l, bool reset)
{
    struct plain *p = container_of(l, struct plain, link);
    ev_io_stop(l->loop->ev, &p->io);
    later_cancel(&p->later);
    if (p->io.fd >= 0) {
        if (reset)
            sock_linger_zero(p->io.fd);
        close(p->io.fd);
    }
    loop_bury(l->loop, &p->grave, free_plain);
}

static int plain_fd(const struct link *l)
{
    return container_of(l, const struct plain, link)->io.fd;
}

size_t link_plain_size(void)
{
    return sizeof(struct plain);
}

/* -- events --------------------------------------------------------------------------------- */

static void on_io(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev;
    struct plain *p = container_of(w, struct plain, io);
    if (unlikely(revents & EV_ERROR)) {
        fail(p, EIO); /* the kernel refused to watch it: no memory, or not a socket of ours */
        return;
    }
    if (unlikely(p->connecting)) {
        finish_connect(p, sock_error(w->fd));
        return;
    }
    if ((revents & EV_WRITE) && p->blocked) {
        p->blocked = false; /* the watcher stays as it is until the flush knows more */
        loop_dirty(p->link.loop, &p->link.dirty);
    }
    if (!(revents & EV_READ) || !p->reading)
        return;
    if (p->link.paused) {
        p->reading = false;
        watch(p);
        return;
    }
    read_some(p);
}

static void on_connect_known(struct later *later)
{
    struct plain *p = container_of(later, struct plain, later);
    later->fn = on_fed;
    finish_connect(p, p->err);
}

static void finish_connect(struct plain *p, int err)
{
    struct link *l = &p->link;
    must(l->started); /* somebody must hear of it */
    if (err) {
        fail(p, err);
        return;
    }
    p->connecting = false;
    watch(p);
    if (l->out.n > 0 || l->ending)
        loop_dirty(l->loop, &l->dirty);
    l->events->on_open(l);
}

/* Makes the watcher ask for what the flags say. */
static void watch(struct plain *p)
{
    struct ev_loop *ev = p->link.loop->ev;
    int events = (p->reading ? EV_READ : 0) | (p->blocked ? EV_WRITE : 0);
    if (p->connecting)
        return; /* it waits for the outcome, and what is asked for counts from then on */
    if (ev_is_active(&p->io) ? events == (p->io.events & (EV_READ | EV_WRITE)) : events == 0)
        return;
    ev_io_stop(ev, &p->io);
    /* Only the mask: ev_io_set would also tell libev that the descriptor may be another one. */
    p->io.events = (p->io.events & ~(EV_READ | EV_WRITE)) | events;
    if (events)
        ev_io_start(ev, &p->io);
}

static void fail(struct plain *p, int err)
{
    ev_io_stop(p->link.loop->ev, &p->io);
    later_cancel(&p->later);
    link_fail(&p->link, err);
}

/* -- reading -------------------------------------------------------------------------------- */

static void read_some(struct plain *p)
{
    struct link *l = &p->link;
    struct block *blocks[LINK_READ_BLOCKS];
    unsigned n = 0;
    while (n < l->read_blocks && (blocks[n] = block_get(&l->loop->stock.blocks)))
        n++;
    if (unlikely(n == 0)) {
        starve(p);
        return;
    }
    ssize_t got = receive(p->io.fd, blocks, n);
    int err = got < 0 ? errno : 0;
    deliver(p, blocks, n, got > 0 ? (size_t)got : 0);
    if (got <= 0)
        read_ended(p, err);
}

static ssize_t receive(int fd, struct block *const *blocks, unsigned n)
{
    if (n == 1)
        return recv(fd, blocks[0]->data, BLOCK_SIZE, 0);
    struct iovec iov[LINK_READ_BLOCKS];
    for (unsigned i = 0; i < n; i++)
        iov[i] = (struct iovec){.iov_base = blocks[i]->data, .iov_len = BLOCK_SIZE};
    return readv(fd, iov, (int)n);
}

/* Every block is given back, whatever the owner does in between. */
static void deliver(struct plain *p, struct block **blocks, unsigned n, size_t got)
{
    struct link *l = &p->link;
    size_t filled = (got + BLOCK_SIZE - 1) / BLOCK_SIZE;
    if (got == (size_t)n * BLOCK_SIZE)
        l->read_blocks = n < LINK_READ_BLOCKS / 2 ? 2 * n : LINK_READ_BLOCKS;
    else
        l->read_blocks = filled > 1 ? filled : 1;
    for (unsigned i = 0; i < n; i++) {
        size_t here = got < BLOCK_SIZE ? got : BLOCK_SIZE;
        got -= here;
        blocks[i]->used = here;
        if (here > 0)
            link_bytes(l, blocks[i], slice_of(blocks[i]->data, here));
        block_unref(blocks[i]);
    }
}

static void read_ended(struct plain *p, int err)
{
    if (err == EAGAIN || err == EINTR)
        return;
    if (p->err || err) {
        fail(p, p->err ? p->err : err);
        return;
    }
    p->reading = false;
    watch(p);
    link_eof(&p->link);
}

/* No block is to be had: the watcher must rest, or the loop would spin on what it can't read. */
static void starve(struct plain *p)
{
    p->starved = true;
    p->reading = false;
    watch(p);
    loop_starve(p->link.loop, &p->later);
}

static void on_fed(struct later *later)
{
    struct plain *p = container_of(later, struct plain, later);
    p->starved = false;
    p->reading = !p->link.paused && !p->link.eof_in;
    watch(p);
}

/* -- writing -------------------------------------------------------------------------------- */

static void plain_flush(struct link *l)
{
    struct plain *p = container_of(l, struct plain, link);
    if (p->connecting || p->blocked)
        return;
    if (unlikely(p->err)) {
        bytes_clear(&l->out); /* nobody takes it any more */
        return;
    }
    size_t total = 0;
    while (l->out.n > 0) {
        size_t asked;
        ssize_t sent = send_front(p, &asked);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN) {
            send_failed(p, errno);
            return;
        }
        if (sent > 0) {
            link_sent(l, (size_t)sent);
            total += (size_t)sent;
        }
        if (sent < (ssize_t)asked) {
            p->blocked = true;
            break;
        }
    }
    watch(p);
    link_flushed(l, total);
}

static ssize_t send_front(struct plain *p, size_t *asked)
{
    struct iovec iov[WRITE_IOVS];
    int n = bytes_iov(&p->link.out, iov, WRITE_IOVS);
    if (likely(n == 1)) {
        *asked = iov[0].iov_len;
        return send(p->io.fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL);
    }
    *asked = 0;
    for (int i = 0; i < n; i++)
        *asked += iov[i].iov_len;
    const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)n};
    return sendmsg(p->io.fd, &msg, MSG_NOSIGNAL);
}

static void send_failed(struct plain *p, int err)
{
    bool gone = err == EPIPE || err == ECONNRESET;
    if (!gone || !p->reading || p->link.paused) {
        fail(p, err);
        return;
    }
    p->err = err; /* the watcher reports the end after the last bytes */
    bytes_clear(&p->link.out);
    watch(p);
}

static const struct link_ops plain_ops = {
    .start = plain_start,
    .flush = plain_flush,
    .resume = plain_resume,
    .shutdown = plain_shutdown,
    .close = plain_close,
    .fd = plain_fd,
};
