/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_H2_FAULT_H
#define WEIR_HTTP_H2_FAULT_H

/* What can be wrong with a header block of HTTP/2: names for counters and logs, for those who don't
 * see nghttp2 (http/h2_head.h judges). */

#include <stdint.h>

/* id, name. MALFORMED: a stream error, PROTOCOL_ERROR (RFC 9113 8.1.1). */
#define H2_FAULT_LIST(F)                                                                           \
    F(NONE, "none")                                                                                \
    F(NAME, "field_name")                                                                          \
    F(VALUE, "field_value")                                                                        \
    F(CONNECTION_FIELD, "connection_field")                                                        \
    F(PSEUDO, "pseudo_field")                                                                      \
    F(PSEUDO_MISSING, "pseudo_field_missing")                                                      \
    F(HOST_DIFFERS, "host_differs")                                                                \
    F(LENGTH, "content_length")                                                                    \
    F(STATUS, "status")                                                                            \
    F(TARGET_LONG, "target_too_long")                                                              \
    F(HEAD_LARGE, "head_too_large")                                                                \
    F(FIELDS_MANY, "too_many_fields")                                                              \
    F(EXPECT, "expect")                                                                            \
    F(PROTOCOL, "protocol")

enum h2_fault {
#define F(id, name) H2_FAULT_##id,
    H2_FAULT_LIST(F)
#undef F
        H2_FAULT_N
};
const char *h2_fault_name(enum h2_fault f);
/* The status that a client is answered: 400, 414, 417 or 431; 501 for an extended CONNECT to
 * something else than a WebSocket (RFC 9220 3). */
uint16_t h2_fault_status(enum h2_fault f);

#endif
