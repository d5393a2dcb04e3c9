/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_CELL_PARTS_H
#define WEIR_CANARY_CELL_PARTS_H

/* How a cell lies in memory, for cell*.c, lease.c and their tests alone. The comment that
 * explains it is cell.c's.
 *
 *     ticket    epoch (16 bits) | position (48 bits)            one word, which workers count up
 *     changer   a mutex of the control processes
 *     slots     4 of: tag, time, weights' schedule, buckets     epoch e lies in slot e % 4
 *     tallies   4 times n of: weight, counts                    likewise
 *     users     4 times n sketches                              likewise */

#include <pthread.h>
#include <stdatomic.h>

#include "canary/cell.h"
#include "canary/users.h"

enum {
    /* Has to divide 2^16. Two are in use; the others are time for a worker that stands still. */
    SPLIT_SLOTS = 4,
    SPLIT_POSITION_BITS = 48,
    SPLIT_LINE = 64, /* bytes of a cache line */
};

struct split_slot {
    _Alignas(SPLIT_LINE) _Atomic uint64_t tag;
    _Atomic uint64_t changed_us;
    _Atomic uint32_t length;
    _Atomic uint32_t decimals; /* of the weights */
    _Atomic uint8_t schedule[SCHEDULE_MAX];
    _Atomic uint8_t buckets[BUCKETS];
};

struct split_tally {
    _Atomic uint64_t counts[SPLIT_COUNTS]; /* epoch | count, as the ticket */
    _Atomic uint32_t weight;
};

struct split_cell {
    _Alignas(SPLIT_LINE) _Atomic uint64_t ticket;
    _Alignas(SPLIT_LINE) uint64_t n; /* variants; 0: not made yet. Never changes after that */
    pthread_mutex_t changer;         /* robust, shared by processes */
    struct split_slot slots[SPLIT_SLOTS];
    struct split_tally tallies[]; /* SPLIT_SLOTS times n, and as many sketches */
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_CHAR_LOCK_FREE == 2,
               "other processes see no lock of this one");

static const uint64_t SPLIT_POSITION = ((uint64_t)1 << SPLIT_POSITION_BITS) - 1;

static inline uint16_t split_epoch_of(uint64_t word)
{
    return (uint16_t)(word >> SPLIT_POSITION_BITS);
}

static inline uint64_t split_word(uint64_t epoch, uint64_t position)
{
    return epoch << SPLIT_POSITION_BITS | position; /* the epoch's upper bits fall off */
}

static inline const struct split_slot *split_slot_of(const struct split_cell *c, uint64_t epoch)
{
    return &c->slots[epoch % SPLIT_SLOTS];
}

static inline size_t split_index(const struct split_cell *c, uint64_t epoch, size_t variant)
{
    return epoch % SPLIT_SLOTS * c->n + variant;
}

static inline struct users *split_users_of(const struct split_cell *c, uint64_t epoch,
                                           size_t variant)
{
    struct users *const all = (struct users *)(uintptr_t)&c->tallies[SPLIT_SLOTS * c->n];
    return &all[split_index(c, epoch, variant)];
}

/* What the schedule of the word's epoch has at its position. False: the slot isn't, or wasn't all
 * the time, that epoch's. [hook] */
bool split_cell_read(const struct split_cell *c, uint64_t word, struct split_ref *out)
    __attribute__((warn_unused_result));
/* Shared by processes, and robust. Makes it; takes it if nobody has it, also from a process that has
 * died with it. */
bool split_lock_init(pthread_mutex_t *m) __attribute__((warn_unused_result));
bool split_lock_try(pthread_mutex_t *m) __attribute__((warn_unused_result));

#endif
