/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_PLACES_H
#define WEIR_FAULT_PLACES_H

/* How many requests have a fault at the moment, over all workers of an instance. Each process has a
 * row in a shared cell and counts its own there; what counts against the limit is the sum. The row
 * of a process that died falls to the next one that looks for one and begins at zero, so nothing
 * leaks when a worker is killed.
 *
 * The sum never exceeds the limit. When two workers ask at the very same moment for the last place,
 * both may hear that there is none. All zeros is a cell without anybody. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Processes at a time: workers of this generation, and of older ones that still drain. */
enum { PLACES_ROWS = 256, PLACES_NO_ROW = -1 };

struct places {
    _Atomic uint32_t used;           /* rows from here on were never taken */
    _Atomic uint64_t v[PLACES_ROWS]; /* process id in the upper half, requests in the lower */
};

/* A row for this process (its id); PLACES_NO_ROW when living processes have them all. */
int places_enter(struct places *p, uint32_t pid) __attribute__((warn_unused_result));
/* At the end of the process; harmless without a row. */
void places_leave(struct places *p, int row);
/* One more; false, with nothing changed, when `limit` are there, or without a row. */
bool places_take(struct places *p, int row, uint32_t limit) __attribute__((warn_unused_result));
void places_give(struct places *p, int row);
uint64_t places_sum(const struct places *p);

#endif
