/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_TRACING_CASE_H
#define WEIR_TESTS_TRACING_CASE_H

/* A route to the origin "app" whose requests are traced, and a collector that gets the spans. */

#include <jansson.h>

#include "tests/lib/collector.h"
#include "tests/lib/origin.h"
#include "tests/lib/otlp_proto.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

extern struct origin *tracing_app;
void tracing_begin(void);
/* Also asserts that all that the collector got was right. */
void tracing_end(void);
#define TRACING_SUITE(name)                                                                        \
    TestSuite(name, .init = tracing_begin, .fini = tracing_end, .timeout = 120)

/* The configuration with these settings under modules.tracing besides the collector, and of the
 * route: everything is sampled, everybody is trusted, batches leave at once, where they don't say
 * otherwise. */
struct rig_conf tracing_conf(const char *global, const char *route);
void tracing_start(const char *global, const char *route);
/* GET / with these fields, each with its CRLF; answered with 200. */
void tracing_get(const char *fields);
/* A field of the last head that the origin got; "" when it is absent. Up to four stay valid. */
const char *tracing_inward(const char *name);
/* Ids of a traceparent; they stay valid as those do. */
const char *tracing_trace_of(const char *traceparent);
const char *tracing_span_of(const char *traceparent);

/* All spans, once there are at least so many; they stay until the next call. */
const json_t *tracing_await(size_t n);
/* The nth of these of a kind (1: internal, 2: server, 3: client); asserts that it is there. */
const json_t *tracing_span(int kind, size_t nth);
const char *tracing_member(const json_t *span, const char *name);
double tracing_dropped(const char *reason);
double tracing_count(const char *name);

#endif
