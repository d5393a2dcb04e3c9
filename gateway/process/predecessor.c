/* SPDX-License-Identifier: Apache-2.0 */
/* The new master's side of an upgrade. */
#include "process/predecessor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

void predecessor_init(struct predecessor *p, struct loop *lp)
{
    *p = (struct predecessor){.loop = lp, .fd = -1};
}

static void become(struct predecessor *p, enum predecessor_state state)
{
    p->state = state;
    p->on_change(p);
}

static void hang_up(struct predecessor *p)
{
    ev_io_stop(p->loop->ev, &p->watcher);
    close(p->fd);
    p->fd = -1;
}

/* First that it drains, then that all of its processes are gone, then the end. An end before that
 * is the death of the master alone. */
static void on_said(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev;
    (void)revents;
    struct predecessor *p = container_of(w, struct predecessor, watcher);
    char c;
    const ssize_t n = read(w->fd, &c, 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == 1 && p->state == PREDECESSOR_IN_CHARGE) {
        become(p, PREDECESSOR_DRAINING);
        return;
    }
    hang_up(p);
    become(p, n == 1 ? PREDECESSOR_NONE : PREDECESSOR_LOST);
}

void predecessor_begin(struct predecessor *p, const struct handover *h)
{
    p->state = PREDECESSOR_IN_CHARGE;
    p->pid = h->pid;
    p->fd = h->channel;
    p->oldest = h->oldest;
    memcpy(p->slots, h->slots, sizeof p->slots);
    ev_io_init(&p->watcher, on_said, p->fd, EV_READ);
    ev_io_start(p->loop->ev, &p->watcher);
}

void predecessor_replace(struct predecessor *p)
{
    if (p->state == PREDECESSOR_IN_CHARGE && write(p->fd, "", 1) != 1)
        log_warn("predecessor_unreachable", KV_ERRNO(errno));
}

void predecessor_refuse(struct predecessor *p, struct slice why)
{
    if (p->state == PREDECESSOR_IN_CHARGE && send(p->fd, why.p, why.n, MSG_NOSIGNAL) < 0)
        log_warn("predecessor_unreachable", KV_ERRNO(errno));
}

bool predecessor_in_charge(const struct predecessor *p)
{
    return p->state == PREDECESSOR_IN_CHARGE;
}

uint64_t predecessor_oldest(const struct predecessor *p, uint64_t mine)
{
    return p->state != PREDECESSOR_NONE && p->oldest < mine ? p->oldest : mine;
}

void predecessor_forget_fd(struct predecessor *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

void predecessor_signal(const struct predecessor *p, int signo)
{
    if (p->state == PREDECESSOR_DRAINING && signo)
        kill(p->pid, signo);
}
