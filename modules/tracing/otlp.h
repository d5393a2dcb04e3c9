/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_OTLP_H
#define WEIR_TRACING_OTLP_H

/* Records as an ExportTraceServiceRequest of OTLP, in its JSON form: proto3's mapping, but that ids
 * are hexadecimal (opentelemetry-proto, docs/specification.md, "JSON Protobuf Encoding"). Names of
 * attributes are those of OpenTelemetry's semantic conventions for HTTP; Weir's own begin with
 * "weir.". Pure. */

#include <jansson.h>

#include <weir/module.h>

struct otlp {
    json_t *root;  /* owned; NULL: there is no memory */
    json_t *spans; /* in it */
};

/* `resource`: attributes of whoever sends this, an array of KeyValue, which is borrowed until
 * otlp_end(). */
void otlp_begin(struct otlp *o, json_t *resource);
/* All spans of a record that record_spans() has found good. */
void otlp_add(struct otlp *o, struct weir_slice record);
/* The text, to be freed; NULL: no memory. Ends `o` in any case. */
char *otlp_end(struct otlp *o);

/* Adds a KeyValue with a text to an array; what isn't UTF-8 in it is U+FFFD. Absent: nothing. */
void otlp_text(json_t *attributes, const char *key, struct weir_slice value);

#endif
