/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_SAMPLING_H
#define WEIR_TRACING_SAMPLING_H

/* Which traces are recorded. Who has no parent that decided, or doesn't follow it, goes by the
 * trace's id, as OpenTelemetry's TraceIdRatioBased does (in the SDK for Go, which others follow):
 * the lower half of it, as a number, under the ratio. So services with the same ratio record the
 * same traces, and those with a smaller one a part of them. Pure. */

#include "tracing/context.h"

struct sampling {
    bool present;   /* of a route: it has settings of its own */
    uint32_t ratio; /* millionths */
    bool parent;    /* what the parent has decided counts */
    bool errors;    /* requests that failed are exported whatever was decided */
    uint64_t bound; /* made of `ratio` at load */
};

uint64_t sampling_bound(uint32_t millionths);
/* `parent` has ids by now. */
bool sampling_takes(const struct sampling *s, const struct trace_context *parent);

#endif
