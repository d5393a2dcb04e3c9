/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_OTLP_PROTO_H
#define WEIR_TESTS_LIB_OTLP_PROTO_H

/* The JSON form of an ExportTraceServiceRequest, held to a table of OpenTelemetry's messages
 * (opentelemetry-proto: collector/trace/v1/trace_service.proto, trace/v1/trace.proto,
 * common/v1/common.proto, resource/v1/resource.proto): every member has the name and the kind that
 * the message gives it, in proto3's mapping, ids in hexadecimal. What a message must have, beyond
 * that, is there; keys of attributes are unique; no span ends before it begins. The gateway has no
 * part in it, so that the two don't make the same mistakes. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What a span or a resource says of it: "shop.test", "int 200"; "" when it is absent. It stays
 * until the next call. */
const char *otlp_attribute(const json_t *of, const char *key);
/* False with a line about the first fault. */
bool otlp_check(const json_t *request, char *fault, size_t n);

#endif
