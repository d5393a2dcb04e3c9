/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_COLLECTOR_H
#define WEIR_TESTS_LIB_COLLECTOR_H

/* A collector of OpenTelemetry: takes spans over OTLP/HTTP in JSON, holds every request to
 * OpenTelemetry's messages (otlp_proto.h) and keeps the spans of those that it answers with 200. It
 * doesn't assert by itself, for it runs in threads: tests look at collector_fault(). */

#include <jansson.h>

/* Starts the one collector, and makes "$collector" stand for its address in configurations. */
void collector_start(void);
void collector_end(void);
/* From now on every request gets this status, with these further fields (each with its CRLF) and
 * this content; a status of 0: no answer, the connection is closed. 200, and "{}" to begin with. */
void collector_answers(int status, const char *fields, const char *body);
/* Answers come so much later from now on. */
void collector_delays(unsigned ms);

unsigned collector_requests(void); /* so far, whatever the answer */
unsigned collector_most(void);     /* that were under way at a time */
/* The first thing that was wrong with a request; "" when all were right. */
const char *collector_fault(void);
/* The last head that came. It stays until the next call. */
const char *collector_head(void);
/* All spans that were taken, in the order in which they came; the last resource. The caller's. */
json_t *collector_spans(void);
json_t *collector_resource(void);

#endif
