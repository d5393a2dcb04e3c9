/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ATTEMPT_FAULT_H
#define WEIR_CORE_ATTEMPT_FAULT_H

/* A fault that is injected into one attempt: it looks as if the endpoint had failed, so that
 * timeouts, retries and breakers act as they would then. It is given before the attempt is opened
 * (weir_attempt_fault, in on_attempt) and may
 *
 *     delay      let time pass first. No connection is made for that, but it is counted as if the
 *                request had gone out: the limits of the whole request, of a try and of the wait for
 *                the response's head run. The limit for connecting doesn't, which begins afterwards
 *     abort      by a status, a gRPC status or a reset, without any connection
 *     truncate   the real response: what comes of its content behind so many bytes is cut off
 *     slow down  the real response's content, to so many bytes a second
 *
 * It acts on content of responses, never on tunnels. What is injected stands in the fault alone:
 * attempts without one pay a test of a pointer. Where nothing of upstream serves the attempt the
 * fault itself does, by origin_ops of its own. */

#include <weir/module.h>

#include "core/attempt.h"
#include "io/loop.h"

/* In the arena of its exchange. */
struct attempt_fault {
    struct attempt *at;
    struct weir_attempt_fault how;
    struct timer timer;      /* the delay; later, until the next portion of a slowed response */
    struct later later;      /* the abort, which comes in a call of its own */
    bool delays;             /* the delay is running */
    bool ended_here;         /* how the attempt ended is the fault's doing */
    /* a slowed response */
    struct bytes held;       /* content that has come and isn't due yet */
    uint64_t since_us, sent; /* when `held` began to fill, and how much has left since */
    enum fault_end { FAULT_END_NONE, FAULT_END_WHOLE, FAULT_END_CUT } end; /* behind `held` */
    struct fields trailers;
};

/* Injects it into an attempt that isn't open yet. Of several, delays add up, the first abort counts,
 * and the slowest pace. */
void attempt_fault_add(struct attempt *at, const struct weir_attempt_fault *how);

/* Has an attempt with a fault ended so by the fault's doing? */
bool attempt_fault_is_cause(const struct attempt *at);

/* -- for core/attempt.c and core/relay.c: of attempts with a fault ----------------------------- */

/* False: it is to be opened as any other. */
bool attempt_fault_open(struct attempt *at);
/* Is it being delayed, or did it end while it was? */
bool attempt_fault_delays(const struct attempt *at);
/* A piece of content came, the end came. True: it is the fault's now. */
bool attempt_fault_body(struct attempt *at, struct block *b, struct slice s);
bool attempt_fault_end(struct attempt *at, const struct fields *trailers);
/* The attempt fails: what was held may leave at once. */
void attempt_fault_let_go(struct attempt *at);
void attempt_fault_stop(struct attempt *at);

/* How much content has come and was not passed on. */
static inline size_t attempt_queued(const struct attempt *at)
{
    return at->body.n + (unlikely(at->fault) ? at->fault->held.n : 0);
}

/* What a delay has left of the limit for the response's head; 0: no limit. */
static inline uint64_t attempt_head_ms(const struct attempt *at, uint64_t limit_ms)
{
    if (likely(!at->fault) || !limit_ms)
        return limit_ms;
    const uint64_t delay_ms = at->fault->how.delay_ms;
    return limit_ms > delay_ms ? limit_ms - delay_ms : 1;
}

#endif
