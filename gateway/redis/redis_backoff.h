/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REDIS_REDIS_BACKOFF_H
#define WEIR_REDIS_REDIS_BACKOFF_H

/* How long to wait before the next attempt to connect, after `failed` (from 1) that failed:
 * anything from retry_min up to twice that, then up to four times, and so on, never above
 * retry_max. Random over the whole of it, so that instances that lost one Redis together don't come
 * back together (Brooker, "Exponential Backoff and Jitter", 2015). */

#include "base/random.h"
#include "config/fleet_conf.h"

static inline uint64_t redis_backoff_ms(const struct redis_conf *c, unsigned failed,
                                        struct random *random)
{
    uint64_t top = c->retry_min;
    for (unsigned i = 0; i < failed && top < c->retry_max; i++)
        top *= 2;
    if (top > c->retry_max)
        top = c->retry_max;
    return top <= c->retry_min ? top : c->retry_min + random_below(random, top - c->retry_min + 1);
}

#endif
