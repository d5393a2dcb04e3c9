/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_USERS_H
#define WEIR_CANARY_USERS_H

/* How many different users there were, without keeping who they are: a HyperLogLog sketch (Flajolet
 * and others 2007) of 2 KiB, whose standard error is 1.04/sqrt(2048) = 2.3 %; up to a few thousand
 * users it is less. It is read by the improved estimator of O. Ertl ("New cardinality estimation
 * algorithms for HyperLogLog sketches", 2017, section 3), which needs no tables of corrections.
 *
 * Any number of processes may add at the same time. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { USERS_BITS = 11, USERS_REGISTERS = 1 << USERS_BITS };

/* All zero: nobody. */
struct users {
    _Atomic uint8_t registers[USERS_REGISTERS];
};

void users_clear(struct users *u);
/* `mark`: 64 evenly spread bits that are always the same for the same user. */
void users_add(struct users *u, uint64_t mark);
double users_count(const struct users *u);

#endif
