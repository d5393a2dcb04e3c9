/* SPDX-License-Identifier: Apache-2.0 */
/* The timer wheel. Slot number s stands for the moment s * 16 ms and lies in list s mod 1024; a
 * timer goes into the first slot that isn't before its time, so that it never fires early.
 *
 *     now_slot        now_slot + 1 ...                       now_slot + 1023
 *     (was run)       next to come round                     farthest: holds all that is later
 *
 * Invariants: a running timer is linked into a slot after now_slot, no later than its time asks
 * for (it may be earlier: pushed out, or farther away than the wheel is long; it is moved on when
 * that slot comes round). A slot that holds timers has its bit set; a slot whose bit is set may
 * be empty. */

#include "io/timer.h"

#include "io/loop.h"

/* Longer than any uptime, short enough that sums of it don't overflow. */
#define AFTER_MAX_MS ((uint64_t)1 << 50)

static void link_timer(struct wheel *w, struct timer *t);
static void run_slot(struct wheel *w, unsigned at, uint64_t now_ms);
static void turn_back(struct wheel *w, uint64_t now_slot);
static unsigned next_bit(const struct wheel *w, unsigned from);

static uint64_t slot_of(uint64_t due_ms)
{
    return (due_ms + WHEEL_SLOT_MS - 1) / WHEEL_SLOT_MS;
}

void wheel_init(struct wheel *w, uint64_t now_ms)
{
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        list_init(&w->slots[i]);
    memset(w->bits, 0, sizeof w->bits);
    w->now_slot = now_ms / WHEEL_SLOT_MS;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
    *t = (struct timer){.fn = fn};
    list_init(&t->node);
}

void timer_start(struct loop *lp, struct timer *t, uint64_t after_ms)
{
    uint64_t due = clock_ms(&lp->clock) + (after_ms < AFTER_MAX_MS ? after_ms : AFTER_MAX_MS);
    bool running = timer_running(t);
    t->due_ms = due ? due : 1; /* 0 means not running, and a test's clock may stand at 0 */
    if (running && t->due_ms >= t->slot_ms)
        return; /* pushed out: moved when its slot comes round */
    list_remove(&t->node);
    link_timer(&lp->wheel, t);
}

void timer_stop(struct timer *t)
{
    t->due_ms = 0;
    list_remove(&t->node);
}

static void link_timer(struct wheel *w, struct timer *t)
{
    uint64_t slot = slot_of(t->due_ms);
    if (slot <= w->now_slot)
        slot = w->now_slot + 1;
    else if (slot > w->now_slot + WHEEL_SLOTS - 1)
        slot = w->now_slot + WHEEL_SLOTS - 1;
    unsigned at = slot % WHEEL_SLOTS;
    t->slot_ms = slot * WHEEL_SLOT_MS;
    list_push(&w->slots[at], &t->node);
    w->bits[at / 64] |= (uint64_t)1 << at % 64;
}

void wheel_run(struct wheel *w, uint64_t now_ms)
{
    uint64_t to = now_ms / WHEEL_SLOT_MS;
    if (unlikely(to < w->now_slot))
        turn_back(w, to ? to - 1 : 0);
    uint64_t from = w->now_slot + 1;
    if (to < from)
        return;
    /* From here on timers link themselves after `to`. When time has jumped that may be a list which
     * is visited below: they are put back into it then, and each list is visited once. */
    w->now_slot = to;
    uint64_t left = to - from + 1 < WHEEL_SLOTS ? to - from + 1 : WHEEL_SLOTS;
    unsigned at = from % WHEEL_SLOTS;
    for (unsigned d; left > 0 && (d = next_bit(w, at)) < left; left -= d + 1) {
        run_slot(w, (at + d) % WHEEL_SLOTS, now_ms);
        at = (at + d + 1) % WHEEL_SLOTS;
    }
}

/* The timers stand in a list of our own while they run: a fn may stop or move any of them. */
static void run_slot(struct wheel *w, unsigned at, uint64_t now_ms)
{
    struct list due;
    list_init(&due);
    list_splice(&due, &w->slots[at]);
    w->bits[at / 64] &= ~((uint64_t)1 << at % 64);
    for (struct list *node; (node = list_take(&due));) {
        struct timer *t = list_entry(node, struct timer, node);
        if (t->due_ms > now_ms) {
            link_timer(w, t);
            continue;
        }
        t->due_ms = 0;
        t->fn(t);
    }
}

/* Time goes back only when a test sets its clock: everything is linked anew. */
static void turn_back(struct wheel *w, uint64_t now_slot)
{
    struct list all;
    list_init(&all);
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        list_splice(&all, &w->slots[i]);
    memset(w->bits, 0, sizeof w->bits);
    w->now_slot = now_slot;
    for (struct list *node; (node = list_take(&all));)
        link_timer(w, list_entry(node, struct timer, node));
}

uint64_t wheel_next_ms(const struct wheel *w)
{
    uint64_t first = w->now_slot + 1;
    unsigned d = next_bit(w, first % WHEEL_SLOTS);
    return d == WHEEL_SLOTS ? UINT64_MAX : (first + d) * WHEEL_SLOT_MS;
}

/* How far after `from` the next slot with a bit is, round the wheel; WHEEL_SLOTS for none. */
static unsigned next_bit(const struct wheel *w, unsigned from)
{
    enum { WORDS = WHEEL_SLOTS / 64 };
    uint64_t below = ((uint64_t)1 << from % 64) - 1; /* looked at last, as the end of the circle */
    for (unsigned k = 0; k <= WORDS; k++) {
        unsigned word = (from / 64 + k) % WORDS;
        uint64_t bits = w->bits[word];
        if (k == 0)
            bits &= ~below;
        else if (k == WORDS)
            bits &= below;
        if (bits)
            return (word * 64 + (unsigned)__builtin_ctzll(bits) - from) % WHEEL_SLOTS;
    }
    return WHEEL_SLOTS;
}
