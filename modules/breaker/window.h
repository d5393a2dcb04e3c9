/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_WINDOW_H
#define WEIR_BREAKER_WINDOW_H

/* What a circuit has seen lately, in shared memory: calls, and which of them failed or were slow,
 * over a time that slides or over the last so many calls; and how many have failed in a row. All
 * workers count, and none waits for another.
 *
 * Everything is tagged with the version of the circuit (machine.h) that it was counted in. So a
 * window is empty after each transition without anybody emptying it, and what comes late, of a
 * version that is no more, is dropped.
 *
 * Zeros are an empty window. Any process. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WINDOW_BUCKETS = 10,
    WINDOW_SPAN_MIN_MS = 100, /* a bucket is 10 ms then: about what a loop's turn may take */
    WINDOW_CALLS_MAX = 10000, /* 4 bytes for each, in each circuit */
};

/* Over `calls` calls; 0: over span_ms. */
struct window_conf {
    uint64_t span_ms;
    uint32_t calls;
};

struct window;
/* Bytes; it wants the alignment of 8. */
size_t window_size(struct window_conf conf);

struct window_call {
    uint16_t version;
    bool failed, slow;
};
/* Counts a call that has ended now. */
void window_add(struct window *w, struct window_conf conf, uint64_t now_ms,
                struct window_call call);

struct window_sums {
    uint32_t calls, failed, slow;
    uint32_t in_row; /* failures since the last call that was good */
};
/* failed and slow never exceed calls. A bucket slides out as a whole: sums are of 90 to 100 % of
 * the span. */
struct window_sums window_sum(const struct window *w, struct window_conf conf, uint64_t now_ms,
                              uint16_t version);

#endif
