/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_LEASE_PARTS_H
#define WEIR_CANARY_LEASE_PARTS_H

/* How a lease lies in memory, for lease.c and its test alone. Words are epoch | number, as the
 * ticket of a cell (cell_parts.h). */

#include "canary/cell_parts.h"
#include "canary/lease.h"

/* Two are in use; the others are time for a worker that stands still. */
enum { LEASE_BLOCKS = 4 };

struct split_block {
    _Atomic uint64_t tag;   /* the word of its first number, plus 1; 0: it is being written */
    _Atomic uint64_t first; /* the position that this number stands for */
    _Atomic uint64_t n;
};

struct split_lease {
    _Alignas(SPLIT_LINE) _Atomic uint64_t next; /* the number that is taken next */
    _Alignas(SPLIT_LINE) _Atomic uint64_t end;  /* numbers below it are leased */
    struct split_block blocks[LEASE_BLOCKS];
    uint64_t variants_n; /* 0: not made yet. Never changes after that */
    pthread_mutex_t feeder;
    _Alignas(SPLIT_LINE) _Atomic uint64_t taken[]; /* by variant */
};

#endif
