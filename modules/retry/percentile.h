/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_PERCENTILE_H
#define WEIR_RETRY_PERCENTILE_H

/* A route's recent latency, in shared memory: two histograms, of the window that runs and of the
 * one before it, so that a percentile is of the last one to two windows. All workers write to the
 * same one; zeroed memory is one without samples. Any process.
 *
 * A bucket is at most 1/16 of its values wide, and a percentile is its upper bound, so what is
 * given is never too low and at most 6.25 % too high. What is over 17 minutes counts as that.
 *
 * It is a measure and no book-keeping: samples that come while a window begins may be lost. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LATENCY_FINE = 16, LATENCY_BUCKETS = LATENCY_FINE * 27 };

struct latency {
    _Atomic uint64_t next_us, value_us; /* when the percentile is next computed; the last one */
    struct latency_window {
        _Atomic uint64_t number; /* of the window, from 1; 0: none yet */
        _Atomic uint32_t counts[LATENCY_BUCKETS];
    } windows[2];
};

/* Which percentile of which window is wanted. */
struct percentile {
    uint32_t part;        /* millionths: 950000 is the 95th */
    uint64_t window_us;   /* the same for all that use the histogram */
    uint64_t min_samples; /* fewer say nothing */
};

void latency_add(struct latency *l, const struct percentile *p, uint64_t now_us, uint64_t took_us);
/* Counts both windows: some thousand instructions. 0: too few samples. */
uint64_t latency_percentile(const struct latency *l, const struct percentile *p, uint64_t now_us);
/* The same as of the last tenth of a second: one worker computes it, the others take what is there.
 */
uint64_t latency_recent(struct latency *l, const struct percentile *p, uint64_t now_us);
uint64_t latency_samples(const struct latency *l, const struct percentile *p, uint64_t now_us);

#endif
