/* SPDX-License-Identifier: Apache-2.0 */
/* Vyukov's bounded queue for many producers and many consumers: each slot has a turn that says
 * whose it is. With `lap` for how often its slot was gone through before a position, and counted
 * from 0 so that zeroed memory is an empty queue:
 *
 *     turn == 2 * lap       free for who puts at the position
 *     turn == 2 * lap + 1   holds its record
 *     turn == 2 * lap + 2   taken: free in the next lap
 *
 * A producer has its position once `tail` has passed it, and the record is there once the turn says
 * so. */
#include "tracing/queue.h"

#include <stdatomic.h>
#include <string.h>

struct slot {
    _Atomic uint64_t turn;
    _Atomic uint32_t n;
    char record[QUEUE_RECORD];
};

struct queue {
    _Atomic uint64_t tail; /* the next position to put */
    char apart[56];        /* of another cache line */
    _Atomic uint64_t head; /* the next position to take */
    char apart_too[56];
    struct slot slots[];
};

size_t queue_size(unsigned slots)
{
    return sizeof(struct queue) + slots * sizeof(struct slot);
}

/* The position that this process has got; false: all slots are in use. */
static bool claim(struct queue *q, unsigned slots, uint64_t *position)
{
    uint64_t at = atomic_load(&q->tail);
    for (;;) {
        const uint64_t turn = atomic_load(&q->slots[at % slots].turn), free = 2 * (at / slots);
        if (turn == free && atomic_compare_exchange_weak(&q->tail, &at, at + 1))
            break;
        if (turn < free)
            return false;
        if (turn > free)
            at = atomic_load(&q->tail); /* somebody was faster */
    }
    *position = at;
    return true;
}

bool queue_put(struct queue *q, unsigned slots, const void *record, size_t n)
{
    uint64_t at;
    if (n == 0 || n > QUEUE_RECORD || !claim(q, slots, &at))
        return false;
    struct slot *s = &q->slots[at % slots];
    uint64_t turn = 2 * (at / slots);
    atomic_store_explicit(&s->n, (uint32_t)n, memory_order_relaxed);
    memcpy(s->record, record, n);
    return atomic_compare_exchange_strong(&s->turn, &turn, turn + 1);
}

/* Has this position been claimed for so long, without a record, that nobody will bring one? */
static bool is_given_up(struct queue_stuck *stuck, uint64_t at, uint64_t now_us)
{
    if (!stuck->since_us || stuck->at != at) {
        *stuck = (struct queue_stuck){.at = at, .since_us = now_us};
        return false;
    }
    return now_us - stuck->since_us >= QUEUE_STUCK_MS * 1000ull;
}

/* Makes the slot free for the next lap: its record can't be put any more. */
static void give_up(struct slot *s, uint64_t lap, unsigned *lost)
{
    uint64_t turn = 2 * lap;
    *lost += atomic_compare_exchange_strong(&s->turn, &turn, turn + 2);
}

/* Copies before it claims: a taker that dies in between has taken nothing, and one that was slower
 * than another finds that out by the turn and forgets what it has copied. */
static size_t take(struct slot *s, uint64_t full, void *to)
{
    const uint32_t n = atomic_load_explicit(&s->n, memory_order_relaxed);
    const bool whole = n && n <= QUEUE_RECORD;
    if (whole)
        memcpy(to, s->record, n);
    atomic_thread_fence(memory_order_acquire);
    return atomic_compare_exchange_strong(&s->turn, &full, full + 1) && whole ? n : 0;
}

size_t queue_take(struct queue *q, unsigned slots, struct queue_stuck *stuck, uint64_t now_us,
                  void *to, unsigned *lost)
{
    for (;;) {
        uint64_t at = atomic_load(&q->head);
        struct slot *s = &q->slots[at % slots];
        const uint64_t turn = atomic_load(&s->turn), full = 2 * (at / slots) + 1;
        if (turn < full) {
            if (atomic_load(&q->tail) <= at || !is_given_up(stuck, at, now_us))
                return 0;
            give_up(s, at / slots, lost);
            continue;
        }
        const size_t n = turn == full ? take(s, full, to) : 0;
        atomic_compare_exchange_strong(&q->head, &at, at + 1);
        if (n)
            return n;
    }
}

unsigned queue_length(const struct queue *q)
{
    const uint64_t head = atomic_load(&q->head), tail = atomic_load(&q->tail);
    return tail > head ? (unsigned)(tail - head) : 0;
}
