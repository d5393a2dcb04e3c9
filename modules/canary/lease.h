/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_LEASE_H
#define WEIR_CANARY_LEASE_H

/* Positions of a split's schedule that this instance has leased: of one schedule that all instances
 * of the fleet go through together. The record lies in shared memory beside the split's cell.
 *
 *     split_lease_init()     [load], master     once; an existing record stays as it is
 *     split_lease_take()     [hook], worker     the next request's variant, by a leased position
 *     split_lease_begin()    [control]          weights have changed: nothing is leased yet
 *     split_lease_add()      [control]          one more block of positions
 *     split_lease_look()     [control]          how far it is
 *     split_lease_taken()    [control]          how many have been taken
 *     split_lease_view()     [control]          adds them to what the cell shows
 *
 * When nothing is leased the worker takes a ticket of the cell, as without a fleet: its position is
 * this instance's own. So a request takes either a leased position or a ticket, never both. */

#include "canary/cell.h"

struct split_lease;

/* Bytes of a record for so many variants. It wants the alignment of a cache line, 64. */
size_t split_lease_size(size_t variants_n);

/* False: this system has no mutexes for that. */
bool split_lease_init(struct split_lease *l, size_t variants_n) __attribute__((warn_unused_result));

/* False: nothing is leased for the weights that the cell has in force. */
bool split_lease_take(struct split_lease *l, const struct split_cell *c, struct split_ref *out)
    __attribute__((warn_unused_result));

/* Gives up what is leased, and is for this epoch of the cell (its lower bits) from now on. False:
 * another process is at it. */
bool split_lease_begin(struct split_lease *l, uint16_t epoch) __attribute__((warn_unused_result));

/* Positions from `first` on, n of them; `first` is below 2^47. False, and they are nobody's: it is
 * for another epoch, has no place for one more block, or another process is at it. */
bool split_lease_add(struct split_lease *l, uint16_t epoch, uint64_t first, uint64_t n);

struct split_lease_look {
    uint16_t epoch;   /* the cell's */
    bool begun;       /* the record is for it; if not, the rest is 0 */
    uint64_t taken;   /* positions so far, in this epoch */
    uint64_t held;    /* leased and not taken yet */
    unsigned blocks;  /* in which they are */
    uint64_t tickets; /* of the cell: requests that found nothing leased */
};
void split_lease_look(const struct split_lease *l, const struct split_cell *c,
                      struct split_lease_look *out);

/* How many were taken in this epoch; 0 when the record is for another one. Requests that are about
 * to take one may not be among them. */
uint64_t split_lease_taken(const struct split_lease *l, uint16_t epoch);

/* Adds what was taken to position, assigned and target; gives how many that were. */
uint64_t split_lease_view(const struct split_lease *l, struct split_view *v);

#endif
