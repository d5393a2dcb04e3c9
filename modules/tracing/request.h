/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_REQUEST_H
#define WEIR_TRACING_REQUEST_H

/* One request on its way: what its fields say of the trace, what the backend is told, and what is
 * written down at its end. */

#include "tracing/process.h"

enum { TRACING_LOG_TRACE_ID, TRACING_LOG_SPAN_ID, TRACING_LOG_SAMPLED };

/* The state of a use. */
struct traced {
    bool begun, taken, sampled; /* taken: what came is believed */
    bool b3;                    /* fields of B3 came, of either form */
    uint8_t flags;
    uint64_t high, low, span, parent; /* parent 0: the trace begins here */
    uint64_t seed;                    /* of the ids of attempts and waits */
    struct weir_slice state;          /* tracestate; absent: none is passed on */
    bool state_as_it_came;
    char text[TRACEPARENT_N]; /* of the first attempt */
};

/* By the hooks of these names. */
void traced_forward(struct weir_exchange *x, const struct weir_use *u);
void traced_attempt(struct weir_exchange *x, const struct weir_use *u,
                    const struct weir_attempt *at);
void traced_done(struct weir_exchange *x, const struct weir_use *u);

#endif
