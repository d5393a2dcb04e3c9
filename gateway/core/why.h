/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_WHY_H
#define WEIR_CORE_WHY_H

/* The one list of reasons: why an exchange or an attempt ended other than by passing on an origin's
 * response. It decides the status that the client gets, the word in the access log and in the
 * metrics, and whether another attempt could help.
 *
 * WHY(id, word, status, again, text)
 *   status: what the client is answered while no head has been sent; 0: nobody to answer.
 *   again:  NEVER   repeating can't help, or isn't ours to decide
 *           UNSENT  nothing of the request can have been processed: always safe to repeat
 *           STALE   safe to repeat on a fresh connection when this one was a reused one and the
 *                   method is idempotent (RFC 9112 9.3.1)
 *           REFUSED the origin says that it has processed nothing: any method may be repeated at
 *                   once, on another connection (RFC 9113 8.7) */

#include <stdint.h>

#define WHY_LIST(WHY)                                                                              \
    WHY(NONE, "-", 0, NEVER, "nothing went wrong")                                                 \
    WHY(BAD_REQUEST, "bad_request", 400, NEVER, "The request is malformed.")                       \
    WHY(BAD_TARGET, "bad_target", 400, NEVER, "The request target is malformed or ambiguous.")     \
    WHY(BAD_HOST, "bad_host", 400, NEVER, "The request's host is malformed.")                      \
    WHY(METHOD_REFUSED, "method_refused", 405, NEVER, "This method is not served here.")           \
    WHY(TIMEOUT_HEAD, "timeout_head", 408, NEVER, "The request's head did not arrive in time.")    \
    WHY(TIMEOUT_BODY, "timeout_body", 408, NEVER, "The request's content did not arrive in time.") \
    WHY(BODY_TOO_LARGE, "body_too_large", 413, NEVER, "The request's content is too large.")       \
    WHY(TARGET_TOO_LONG, "target_too_long", 414, NEVER, "The request target is too long.")         \
    WHY(MISDIRECTED, "misdirected", 421, NEVER, "This host is not served on this connection.")     \
    WHY(EXPECTATION, "expectation", 417, NEVER, "The expectation can't be met.")                   \
    WHY(HEAD_TOO_LARGE, "head_too_large", 431, NEVER, "The request's head is too large.")          \
    WHY(PROTOCOL, "protocol", 501, NEVER, "This protocol is not spoken here.")                     \
    WHY(VERSION, "version", 505, NEVER, "This version of HTTP is not served here.")                \
    WHY(UNAUTHENTICATED, "unauthenticated", 401, NEVER, "This needs to know who asks.")            \
    WHY(FORBIDDEN, "forbidden", 403, NEVER, "This is not allowed.")                                \
    WHY(LIMITED, "limited", 429, NEVER, "Too many requests.")                                      \
    WHY(MODULE_UNAVAILABLE, "unavailable", 503, NEVER, "This can't be served at the moment.")      \
    WHY(BREAKER_OPEN, "breaker_open", 503, NEVER, "This is not available at the moment.")           \
    WHY(BREAKER_LIMIT, "breaker_limit", 503, NEVER, "Too many requests are under way.")             \
    WHY(ABORTED, "aborted", 0, NEVER, "The connection was to be reset.")                           \
    WHY(CLIENT_GONE, "client_gone", 499, NEVER, "The client closed its connection.")               \
    WHY(CLIENT_SLOW, "client_slow", 499, NEVER, "The client took nothing of the response.")        \
    WHY(NO_ROUTE, "no_route", 404, NEVER, "No route leads there.")                                 \
    WHY(NO_ENDPOINT, "no_endpoint", 503, NEVER, "No endpoint is available.")                       \
    WHY(CONNECTIONS, "connections", 503, UNSENT, "The backend has all the connections it may have.") \
    WHY(CONNECT, "connect", 503, UNSENT, "The backend could not be reached.")                      \
    WHY(TIMEOUT_CONNECT, "timeout_connect", 503, UNSENT, "The backend did not accept a connection in time.") \
    WHY(TLS, "tls", 502, UNSENT, "The backend's TLS handshake failed.")                            \
    WHY(REFUSED, "refused", 503, REFUSED, "The backend refused the request.")                      \
    WHY(UPGRADE, "upgrade_unsupported", 501, NEVER, "The backend does not take this upgrade.")     \
    WHY(CLOSED, "closed", 502, STALE, "The backend closed the connection without a response.")     \
    WHY(RESET, "reset", 502, STALE, "The backend reset the connection.")                           \
    WHY(BAD_RESPONSE, "bad_response", 502, NEVER, "The backend's response is malformed.")          \
    WHY(TRUNCATED, "truncated", 502, NEVER, "The backend's response ended early.")                 \
    WHY(TIMEOUT_RESPONSE_HEAD, "timeout_response_head", 504, NEVER, "The backend did not respond in time.") \
    WHY(TIMEOUT_RESPONSE_BODY, "timeout_response_body", 504, NEVER, "The backend stopped in the middle of its response.") \
    WHY(TIMEOUT_TRY, "timeout_try", 504, NEVER, "The backend did not respond in time.")            \
    WHY(HEDGE_LOST, "hedge_lost", 0, NEVER, "Another attempt was faster.")                         \
    WHY(TIMEOUT_REQUEST, "timeout_request", 504, NEVER, "The request took too long.")              \
    WHY(TIMEOUT_TUNNEL, "timeout_tunnel", 0, NEVER, "Nothing moved in the tunnel for too long.")   \
    WHY(OVERLOAD, "overload", 503, NEVER, "The gateway is out of connections or memory.")          \
    WHY(DRAIN, "drain", 503, NEVER, "The gateway is going away.")

enum why {
#define WHY(id, word, status, again, text) WHY_##id,
    WHY_LIST(WHY)
#undef WHY
    WHY_N
};

enum again { AGAIN_NEVER, AGAIN_UNSENT, AGAIN_STALE, AGAIN_REFUSED };

struct why_facts {
    const char *word;
    uint16_t status;
    enum again again;
    const char *text;
};

const struct why_facts *why_facts(enum why why);

#endif
