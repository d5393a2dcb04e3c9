/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_TOKEN_H
#define WEIR_HTTP_TOKEN_H

/* Names that the gateway knows, as small integers: methods (case-sensitive, RFC 9110 9.1) and
 * field names (case-insensitive, 5.1). Comparing a token is one instruction; only unknown names
 * are ever compared as strings. */

#include "base/slice.h"

#define METHOD_LIST(M)                                                                             \
    M(GET) M(HEAD) M(POST) M(PUT) M(DELETE) M(CONNECT) M(OPTIONS) M(TRACE) M(PATCH)

enum method {
    METHOD_OTHER, /* a valid token that isn't in the list */
#define M(name) METHOD_##name,
    METHOD_LIST(M)
#undef M
        METHOD_N
};

enum method method_of(struct slice name);
const char *method_name(enum method m); /* "OTHER" for METHOD_OTHER */
/* RFC 9110 9.2.1 and 9.2.2. METHOD_OTHER is neither. */
bool method_is_safe(enum method m);
bool method_is_idempotent(enum method m);

/* Field names, in lower case as HTTP/2 sends them. */
#define TOKEN_LIST(T)                                                                              \
    T(ACCEPT, "accept")                                                                            \
    T(ACCEPT_ENCODING, "accept-encoding")                                                          \
    T(AGE, "age")                                                                                  \
    T(AUTHORIZATION, "authorization")                                                              \
    T(B3, "b3")                                                                                    \
    T(CACHE_CONTROL, "cache-control")                                                              \
    T(CONNECTION, "connection")                                                                    \
    T(CONTENT_ENCODING, "content-encoding")                                                        \
    T(CONTENT_LENGTH, "content-length")                                                            \
    T(CONTENT_TYPE, "content-type")                                                                \
    T(COOKIE, "cookie")                                                                            \
    T(DATE, "date")                                                                                \
    T(ETAG, "etag")                                                                                \
    T(EXPECT, "expect")                                                                            \
    T(FORWARDED, "forwarded")                                                                      \
    T(HOST, "host")                                                                                \
    T(HTTP2_SETTINGS, "http2-settings")                                                            \
    T(KEEP_ALIVE, "keep-alive")                                                                    \
    T(LAST_MODIFIED, "last-modified")                                                              \
    T(LOCATION, "location")                                                                        \
    T(MAX_FORWARDS, "max-forwards")                                                                \
    T(ORIGIN, "origin")                                                                            \
    T(PRIORITY, "priority")                                                                        \
    T(PROXY_AUTHENTICATE, "proxy-authenticate")                                                    \
    T(PROXY_AUTHORIZATION, "proxy-authorization")                                                  \
    T(PROXY_CONNECTION, "proxy-connection")                                                        \
    T(REFERER, "referer")                                                                          \
    T(RETRY_AFTER, "retry-after")                                                                  \
    T(SERVER, "server")                                                                            \
    T(SET_COOKIE, "set-cookie")                                                                    \
    T(TE, "te")                                                                                    \
    T(TRACEPARENT, "traceparent")                                                                  \
    T(TRACESTATE, "tracestate")                                                                    \
    T(TRAILER, "trailer")                                                                          \
    T(TRANSFER_ENCODING, "transfer-encoding")                                                      \
    T(UPGRADE, "upgrade")                                                                          \
    T(USER_AGENT, "user-agent")                                                                    \
    T(VARY, "vary")                                                                                \
    T(VIA, "via")                                                                                  \
    T(X_FORWARDED_FOR, "x-forwarded-for")                                                          \
    T(X_FORWARDED_HOST, "x-forwarded-host")                                                        \
    T(X_FORWARDED_PORT, "x-forwarded-port")                                                        \
    T(X_FORWARDED_PROTO, "x-forwarded-proto")                                                      \
    T(X_REQUEST_ID, "x-request-id")

enum token {
    TOKEN_OTHER,
#define T(id, name) TOKEN_##id,
    TOKEN_LIST(T)
#undef T
        TOKEN_N
};

/* Any case. */
enum token token_of(struct slice name);
struct slice token_name(enum token t); /* lower case; empty for TOKEN_OTHER */

/* Is every byte a tchar (RFC 9110 5.6.2), and is there at least one? */
bool is_token(struct slice s);

/* What a byte may be, one bit each. This table is the only place where the grammars stand: the
 * SIMD scans of h1_scan.c are built from it. */
enum {
    BYTE_TCHAR = 1,  /* of a token (RFC 9110 5.6.2) */
    BYTE_VALUE = 2,  /* of a field value: not below 0x20 but HTAB, not 0x7f (5.5) */
    BYTE_TARGET = 4, /* of a request target: what the URI grammar has (RFC 3986 2), no '#', and what
                        browsers send in queries besides: \\ ^ ` { | } */
};
extern const uint8_t byte_class[256];

#endif
