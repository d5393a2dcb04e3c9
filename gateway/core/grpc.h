/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_GRPC_H
#define WEIR_CORE_GRPC_H

/* What the gateway understands of gRPC (doc/PROTOCOL-HTTP2.md of grpc): that a request is one, how
 * long it may take, how it ended; and how to say by itself that one has failed. Messages pass
 * untouched. gRPC-Web is another protocol, whose answers are in its content. */

#include <stdbool.h>
#include <stdint.h>

#include "core/why.h"
#include "http/fields.h"

struct exchange;
struct text;

/* The codes (doc/statuscodes.md). */
enum grpc_code {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
    GRPC_CODES,                /* how many there are: 0 to 16 */
    GRPC_MISSING = GRPC_CODES, /* a 200 that ended without a code; for the client it is UNKNOWN */
    GRPC_COLUMNS,              /* of counters */
};
enum { GRPC_MESSAGE_MAX = 1024 }; /* bytes of a text that becomes a grpc-message */

/* Content-Type application/grpc, alone or with "+proto", "+json", ...; not application/grpc-web. */
bool grpc_is(const struct fields *f);
/* "100m": 1 to 8 digits and one of H, M, S, m, u, n; in milliseconds, rounded up, at least 1. False
 * on anything else. */
bool grpc_timeout_parse(struct slice value, uint64_t *ms) nodiscard;
/* What the request's own grpc-timeout makes of a limit (0: none): the smaller one of both. A
 * malformed one changes nothing: it is passed on, and the server refuses it in its own words. */
uint64_t grpc_timeout_bound(const struct fields *request, uint64_t limit_ms);
/* Of a grpc-status; one that is no number, or beyond 16, is GRPC_UNKNOWN as it is for clients. */
enum grpc_code grpc_code_parse(struct slice value);

/* The code for an HTTP status, as clients read a response without grpc-status
 * (doc/http-grpc-status-mapping.md); 2xx is GRPC_OK. */
enum grpc_code grpc_code_of_status(uint16_t status);
/* The code for a reason of the gateway's. */
enum grpc_code grpc_code_of_why(enum why why);

/* The bytes as a grpc-message: what isn't printable ASCII, and '%', as %XX; at most
 * GRPC_MESSAGE_MAX bytes of `s`. */
void grpc_message(struct text *out, struct slice s);

/* How a gRPC exchange that is about to finish has ended: a code, or GRPC_MISSING. */
enum grpc_code grpc_outcome(const struct exchange *x);
/* The trailers with which the gateway ends a response that has begun and can't go on, in the
 * exchange's arena. False when its framing has no place for trailers. */
bool grpc_break(struct exchange *x, struct fields *trailers) nodiscard;

#endif
