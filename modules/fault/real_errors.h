/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_REAL_ERRORS_H
#define WEIR_FAULT_REAL_ERRORS_H

/* How many requests there were lately, and how many of them failed: counted by all workers in a
 * shared cell, in ten parts of the window's length, of which the oldest is dropped as a whole. So
 * what is judged is the last nine to ten tenths of the window. All zeros is an empty one.
 *
 * Pure but for the cell; any process. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_PARTS = 10 };

struct real_errors {
    struct real_errors_part {
        _Atomic uint64_t requests, errors; /* which part it is (24 bits) | a count (40 bits) */
    } parts[WINDOW_PARTS];
};

struct real_errors_sum {
    uint64_t requests, errors;
};

/* `now_us` never runs backwards. Under another `length_us` nothing is found of what was counted. */
void real_errors_add(struct real_errors *w, uint64_t length_us, uint64_t now_us, bool error);
struct real_errors_sum real_errors_sum(const struct real_errors *w, uint64_t length_us, uint64_t now_us);
void real_errors_clear(struct real_errors *w);

/* Is the share of errors above `rate` (millionths), by at least so many requests? */
bool real_errors_is_over(struct real_errors_sum s, uint32_t rate, uint64_t min_requests);

#endif
