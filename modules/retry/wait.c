/* SPDX-License-Identifier: Apache-2.0 */
/* How long a retry waits: as long as the origin has said, if it has, else a part of the window. An
 * origin that wants more time than the route gives it gets no retry at all: to come back earlier
 * than it asks for would be the one thing that it has asked not to do. */
#include "retry/retry.h"

enum { TOO_MANY = 429 };

/* What rate limiters say stands on good answers, too, so it counts where the limit was reached. */
static bool asked_by_limiter(struct weir_exchange *x, const struct retry *c,
                             const struct weir_attempt *at, uint64_t *ms)
{
    const uint64_t wall_us = weir_wall_us(weir_process_of(x));
    if (weir_attempt_status(at) != TOO_MANY)
        return false;
    for (size_t i = 0; i < c->resets_n; i++) {
        const struct reset_conf *r = &c->resets[i];
        const struct weir_slice value = weir_attempt_field(at, &r->field);
        if (value.p && retry_reset_ms(value, (enum reset_format)r->format, wall_us, ms))
            return true;
    }
    return false;
}

static bool asked(struct weir_exchange *x, const struct weir_use *u, const struct weir_attempt *at,
                  uint64_t *ms)
{
    const struct retry *c = u->conf;
    const struct retry_global *g = u->global;
    if (!c->after.honour || weir_attempt_failure(at))
        return false;
    const struct weir_slice value = weir_attempt_field(at, &g->retry_after);
    return (value.p && retry_after_ms(value, weir_attempt_field(at, &g->date),
                                      weir_wall_us(weir_process_of(x)), ms)) ||
           asked_by_limiter(x, c, at, ms);
}

struct retry_wait retry_wait_for(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_attempt *at, unsigned retry)
{
    const struct retry *c = u->conf;
    const uint64_t random = weir_random(weir_process_of(x));
    uint64_t ms;
    if (!asked(x, u, at, &ms))
        return (struct retry_wait){.ms = backoff_ms(&c->backoff, retry, random)};
    return (struct retry_wait){
        .ms = backoff_after_ms(&c->backoff, retry, ms, random),
        .asked = true,
        .too_long = ms > c->after.max_ms,
    };
}
