/* SPDX-License-Identifier: Apache-2.0 */
/* The window doubles, and a bit: 1, 3, 7, 15 times the base. Nothing here can overflow: a window is
 * cut at the maximum before it is computed. */
#include "retry/backoff.h"

enum { DOUBLINGS = 20 };

uint64_t backoff_window_ms(const struct backoff *b, unsigned retry)
{
    const unsigned n = retry < DOUBLINGS ? retry : DOUBLINGS;
    const uint64_t times = ((uint64_t)1 << n) - 1;
    if (times && b->base_ms > b->max_ms / times)
        return b->max_ms;
    return b->base_ms * times;
}

static uint64_t part_of(uint64_t window, uint64_t random)
{
    return window ? random % window : 0;
}

uint64_t backoff_ms(const struct backoff *b, unsigned retry, uint64_t random)
{
    return part_of(backoff_window_ms(b, retry), random);
}

uint64_t backoff_after_ms(const struct backoff *b, unsigned retry, uint64_t after_ms,
                          uint64_t random)
{
    const uint64_t window = backoff_window_ms(b, retry);
    return after_ms + part_of(window > after_ms / 2 ? window : after_ms / 2, random);
}
