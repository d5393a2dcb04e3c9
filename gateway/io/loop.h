/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_LOOP_H
#define WEIR_IO_LOOP_H

/* One event loop of one process: libev's epoll, and around it what makes a turn:
 *
 *     wait ─► clock_update ─► events (read, accept, timers) ─► later queue until empty
 *          ─► flush: one write per dirty link ─► later queue again if flushing woke somebody
 *          ─► graveyard ─► wait
 *
 * Nothing calls back from inside the call that registered it: what is known at once still goes
 * through the later queue. What an event may still be pointing to is buried, and freed at the end
 * of the turn.
 *
 * libev's io_uring backend aborts under load in Debian 12, its timerfd costs a system call per
 * timer: the loop asks for epoll and NOTIMERFD, and ignores LIBEV_FLAGS. */

#include <ev.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/list.h"
#include "io/timer.h"

/* Something to run once, at the end of this turn. Member of the object that it is about. */
struct later {
    struct list node;
    void (*fn)(struct later *l);
};

/* Something to free at the end of this turn. fn must free, and nothing else. */
struct grave {
    struct grave *next;
    void (*fn)(struct grave *g);
};

/* A queue of bytes that leaves at the end of the turn. */
struct dirty {
    struct list node;
    void (*flush)(struct dirty *d);
};

struct loop {
    struct ev_loop *ev; /* owned */
    struct clock clock;
    struct wheel wheel;
    struct bytes_stock stock; /* blocks and pieces of everything that lives on this loop */
    struct list later, dirty;
    struct grave *graves;
    struct ev_prepare before_wait;
    struct ev_check after_wait;
    struct ev_timer alarm; /* for the nearest slot of the wheel */
    uint64_t alarm_ms;     /* when it rings; UINT64_MAX: not set */
    uint64_t turns;
};

/* `block_limit` as in stock_init(). Dies when the kernel has no epoll. */
void loop_init(struct loop *lp, size_t block_limit);
/* Everything on it must have been stopped; runs the graveyard. */
void loop_fini(struct loop *lp);
/* Until loop_stop(). */
void loop_run(struct loop *lp);
void loop_stop(struct loop *lp);
/* One turn without waiting: what tests drive. Timers that are due by lp->clock run, then later,
 * flush and graveyard, until nothing is left to do. */
void loop_turn(struct loop *lp);

void later_init(struct later *l, void (*fn)(struct later *l));
/* Queues it once, however often it is called before it runs. */
void loop_later(struct loop *lp, struct later *l);
void later_cancel(struct later *l);

void dirty_init(struct dirty *d, void (*flush)(struct dirty *d));
void loop_dirty(struct loop *lp, struct dirty *d);
void dirty_cancel(struct dirty *d);

/* Each object once. */
void loop_bury(struct loop *lp, struct grave *g, void (*fn)(struct grave *g));

#endif
