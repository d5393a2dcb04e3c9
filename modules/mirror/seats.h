/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_SEATS_H
#define WEIR_MIRROR_SEATS_H

/* How many copies of a mirror are under way, over all workers of an instance: each process has a
 * seat in a shared cell, where it alone counts its own, and what counts against the limit is the
 * sum. So a process that crashes takes nothing with it: its seat falls to the next one that looks
 * for one, and to count it as empty is right, since its copies are gone with it.
 *
 * Exactness: the sum never exceeds the limit. At the limit, two workers that take at the very same
 * moment may both be told that there is no room where one could have been let in.
 *
 * All zeros is a cell in which nobody sits. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Processes at a time: workers of this generation, and of older ones that still drain. */
enum { SEATS = 256, SEAT_NONE = -1 };

struct seats {
    _Atomic uint32_t used;     /* no seat from here on was ever sat on */
    _Atomic uint64_t v[SEATS]; /* process id in the upper half, copies in the lower */
};

/* Gives this process (its id) a seat, or SEAT_NONE when all are sat on by living processes. */
int seats_sit(struct seats *s, uint32_t pid) __attribute__((warn_unused_result));
/* At the end of the process. */
void seats_leave(struct seats *s, int seat);
/* Another copy begins; false, with nothing changed, when there are `limit` already, or without a
 * seat. */
bool seats_take(struct seats *s, int seat, uint32_t limit) __attribute__((warn_unused_result));
void seats_give_back(struct seats *s, int seat);
/* Copies under way; those of processes that are no more are among them until somebody sits there.
 */
uint64_t seats_sum(const struct seats *s);

#endif
