/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_TIMER_H
#define WEIR_IO_TIMER_H

/* Deadlines on a wheel: 1024 slots of 16 ms, a timer is linked into the slot of its time (or into
 * the farthest one, and moved on when that comes round). Starting, pushing out and stopping are a
 * few stores; no heap, no system call. A timer never fires early, and at most a slot (16 ms) plus
 * the length of a turn late.
 *
 * Pushing a running timer out to a later time only notes the time: it is moved when its old slot
 * comes round. So an idle timeout that is pushed by every request costs one store each. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum { WHEEL_SLOTS = 1024, WHEEL_SLOT_MS = 16 };

struct loop;

struct timer {
    struct list node;
    uint64_t due_ms;  /* when to fire, on the loop's clock; 0: not running */
    uint64_t slot_ms; /* the time of the slot it is linked into */
    void (*fn)(struct timer *t);
};

struct wheel {
    struct list slots[WHEEL_SLOTS];
    uint64_t bits[WHEEL_SLOTS / 64]; /* which slots may hold timers */
    uint64_t now_slot;               /* the last slot that was run */
};

void wheel_init(struct wheel *w, uint64_t now_ms);
/* Runs what is due by now_ms. */
void wheel_run(struct wheel *w, uint64_t now_ms);
/* When the next slot that may hold a timer comes round; UINT64_MAX when all are empty. */
uint64_t wheel_next_ms(const struct wheel *w);

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* Starts, or moves, the timer to `after_ms` from the loop's now. */
void timer_start(struct loop *lp, struct timer *t, uint64_t after_ms);
/* Harmless when it isn't running. The timer has stopped before its fn is called. */
void timer_stop(struct timer *t);
static inline bool timer_running(const struct timer *t)
{
    return t->due_ms != 0;
}

#endif
