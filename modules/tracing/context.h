/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_CONTEXT_H
#define WEIR_TRACING_CONTEXT_H

/* What a request says of the trace that it belongs to, and what the next one is told: traceparent
 * (W3C Trace Context, levels 1 and 2) and B3 (openzipkin/b3-propagation), which is only read. Pure.
 *
 * Everything here is strict: what isn't exactly of its form is nothing, and the caller begins a
 * trace of its own. Digits are in lower case, ids are never all zeros. */

#include <weir/module.h>

enum {
    TRACE_SAMPLED = 0x01, /* level 1, 3.2.2.5 */
    TRACE_RANDOM = 0x02,  /* level 2: the lower half of the trace id is random */
};
enum { TRACEPARENT_N = 55 };

/* Ids are numbers here, whose first digit is the most significant one. */
struct trace_context {
    uint64_t high, low; /* of the trace; both 0: it has to be made */
    uint64_t span;      /* of who sends it; 0: there is none */
    uint8_t flags;      /* TRACE_...; what else is set there is not passed on */
    bool decided;       /* TRACE_SAMPLED says what the sender has decided; else nobody has */
};

/* False, with nothing changed, when it is invalid. A version that isn't known is read as far as it
 * looks like this one (level 1, 3.2.4). */
bool traceparent_read(struct weir_slice s, struct trace_context *out);
/* Version 00; no NUL. */
void traceparent_write(char to[TRACEPARENT_N], const struct trace_context *c);

/* The id of the trace, as it stands in one that was written. */
static inline struct weir_slice traceparent_trace(const char text[TRACEPARENT_N])
{
    return (struct weir_slice){text + 3, 32};
}

/* The single field, "TRACE-SPAN-SAMPLED-PARENT", of which the last two may be missing, or SAMPLED
 * alone, which gives no ids. False, with nothing changed, when it is neither. */
bool b3_read(struct weir_slice s, struct trace_context *out);
/* The fields X-B3-...; absent ones are absent. */
struct b3_fields {
    struct weir_slice trace, span, sampled, flags;
};
bool b3_read_fields(const struct b3_fields *f, struct trace_context *out);

/* Sixteen digits, lower case, most significant first. */
void hex_write(char *to, uint64_t v);

#endif
