/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_LOOP_H
#define WEIR_IO_LOOP_H

/* One event loop of one process: libev's epoll, and around it what makes a turn:
 *
 *     wait ─► clock_update ─► events (read, accept) ─► timers ─► later queue until empty
 *          ─► flush: one write per dirty link ─► later queue again if flushing woke somebody
 *          ─► graveyard ─► wait
 *
 * Timers come after what was read in the same turn, so an answer that is here beats its timeout.
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
#include "base/slab.h"
#include "io/timer.h"

enum { LOOP_ROUNDS = 1000 };

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
    struct slab links;        /* plain links; set links.limit to bound them */
    struct list later, dirty;
    struct grave *graves;
    struct list starved;      /* struct later of those who wait for a block */
    struct timer breath;      /* wakes them when nothing else does */
    struct ev_prepare before_wait;
    struct ev_check after_wait;
    struct ev_timer alarm; /* for the nearest slot of the wheel */
    uint64_t alarm_ms;     /* when it rings; UINT64_MAX: not set */
    unsigned events;       /* how many this turn's wait brought */
    uint64_t turns;
};

/* `block_limit` as in stock_init(). Dies when the kernel has no epoll. */
void loop_init(struct loop *lp, size_t block_limit);
/* Everything on it must have been stopped; runs the graveyard. */
void loop_fini(struct loop *lp);
/* In a child, after fork: closes the copy of the parent's loop. Nothing that lives on it is
 * touched or freed; the parent's own loop goes on undisturbed. */
void loop_abandon(struct loop *lp);
/* Until loop_stop(), which lets the turn end: what is queued still leaves. */
void loop_run(struct loop *lp);
void loop_stop(struct loop *lp);
/* What is ready now, without waiting: what tests drive. Events, timers that are due by lp->clock
 * (a timer runs up to WHEEL_SLOT_MS after its time), later, flush and graveyard, again and again
 * until nothing is left to do, or after LOOP_ROUNDS when it never ends. */
void loop_turn(struct loop *lp);

void later_init(struct later *l, void (*fn)(struct later *l));
/* Queues it once, however often it is called before it runs. */
void loop_later(struct loop *lp, struct later *l);
/* Queues it as soon as a block has come back to a stock that is at its limit, and at the latest
 * after WHEEL_SLOT_MS: for who found no block to read into. First come, first served. */
void loop_starve(struct loop *lp, struct later *l);
/* Harmless when it isn't queued. */
void later_cancel(struct later *l);

void dirty_init(struct dirty *d, void (*flush)(struct dirty *d));
void loop_dirty(struct loop *lp, struct dirty *d);
void dirty_cancel(struct dirty *d);

/* Each object once. */
void loop_bury(struct loop *lp, struct grave *g, void (*fn)(struct grave *g));

#endif
