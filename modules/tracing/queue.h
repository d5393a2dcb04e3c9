/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_QUEUE_H
#define WEIR_TRACING_QUEUE_H

/* Records from all workers to the control process, in shared memory: bounded, first in, first out,
 * and nobody waits. A full one refuses, and who was refused counts what is lost. Any number of
 * processes may put and take, also those of an older generation or of another binary.
 *
 * A process that dies while it puts holds its slot for QUEUE_STUCK_MS, and those behind it; then
 * the slot is given up. A writer that was only stopped for so long may spoil one record then, which
 * is why takers treat records as bytes from anywhere.
 *
 * All zeros is an empty queue. It is the same one only for the same number of slots. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUEUE_RECORD = 3056, /* bytes of a record at most: a slot has 3 KiB */
    QUEUE_STUCK_MS = 1000,
};

struct queue;

size_t queue_size(unsigned slots);
/* False: it is full, or the record is too long or empty. */
bool queue_put(struct queue *q, unsigned slots, const void *record, size_t n);

/* Of a taker: where it is held up, and since when. Begins as zeros. */
struct queue_stuck {
    uint64_t at, since_us; /* 0: nowhere */
};
/* Into `to`, of QUEUE_RECORD bytes: the length of the record; 0: there is none just now. *lost
 * counts slots that were given up. */
size_t queue_take(struct queue *q, unsigned slots, struct queue_stuck *stuck, uint64_t now_us,
                  void *to, unsigned *lost);
/* Records that wait, about. */
unsigned queue_length(const struct queue *q);

#endif
