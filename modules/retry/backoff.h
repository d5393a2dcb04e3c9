/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_BACKOFF_H
#define WEIR_RETRY_BACKOFF_H

/* How long a retry waits: a random part of a window that grows with each retry of a request, so
 * that requests which failed together don't come back together ("full jitter"). Pure. */

#include <stdint.h>

struct backoff {
    uint64_t base_ms, max_ms;
};

/* The window of the nth retry, from 1: (2^n - 1) times the base, at most the maximum. In ms; 0 when
 * the base is. */
uint64_t backoff_window_ms(const struct backoff *b, unsigned retry);
/* A delay in [0, window), of 64 random bits. */
uint64_t backoff_ms(const struct backoff *b, unsigned retry, uint64_t random);
/* The delay when an origin has said how long to stay away: never shorter than that, and spread over
 * half as much again, or over the window where that is wider. */
uint64_t backoff_after_ms(const struct backoff *b, unsigned retry, uint64_t after_ms,
                          uint64_t random);

#endif
