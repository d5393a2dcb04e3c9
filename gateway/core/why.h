/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_WHY_H
#define WEIR_CORE_WHY_H

/* The one list of reasons: why an exchange or an attempt ended other than by passing on an origin's
 * response. It decides the status that the client gets, the word in the access log and in the
 * metrics, and whether another attempt could help; and what modules make of it.
 *
 * WHY(id, word, status, again, failure, blame, text)
 *   status: what the client is answered while no head has been sent; 0: nobody to answer.
 *   again:  NEVER   repeating can't help, or isn't ours to decide
 *           UNSENT  nothing of the request can have been processed: always safe to repeat
 *           STALE   safe to repeat on a fresh connection when this one was a reused one and the
 *                   method is idempotent (RFC 9112 9.3.1)
 *           REFUSED the origin says that it has processed nothing: any method may be repeated at
 *                   once, on another connection (RFC 9113 8.7)
 *   failure: what modules know it by: WEIR_FAILURE_... of <weir/attempt.h>.
 *   blame:  is it the origin's fault when an attempt ends so?
 *           NONE    no: the gateway's, the client's, or nobody's
 *           ORIGIN  yes
 *           FED     yes, unless it has waited for the client to go on with the request
 *           HEARD   yes, unless it has waited for that, or for the client to take the response
 *           TIME    yes, if it had the larger part of the time that the request took */

#include <stdint.h>

#include <weir/attempt.h>

#define WHY_LIST(WHY)                                                                              \
    WHY(NONE, "-", 0, NEVER, NONE, NONE, "nothing went wrong")                                     \
    WHY(BAD_REQUEST, "bad_request", 400, NEVER, OTHER, NONE, "The request is malformed.")          \
    WHY(BAD_TARGET, "bad_target", 400, NEVER, OTHER, NONE,                                         \
        "The request target is malformed or ambiguous.")                                           \
    WHY(BAD_HOST, "bad_host", 400, NEVER, OTHER, NONE, "The request's host is malformed.")         \
    WHY(METHOD_REFUSED, "method_refused", 405, NEVER, OTHER, NONE,                                 \
        "This method is not served here.")                                                         \
    WHY(TIMEOUT_HEAD, "timeout_head", 408, NEVER, OTHER, NONE,                                     \
        "The request's head did not arrive in time.")                                              \
    WHY(TIMEOUT_BODY, "timeout_body", 408, NEVER, OTHER, NONE,                                     \
        "The request's content did not arrive in time.")                                           \
    WHY(BODY_TOO_LARGE, "body_too_large", 413, NEVER, TOO_LARGE, NONE,                             \
        "The request's content is too large.")                                                     \
    WHY(TARGET_TOO_LONG, "target_too_long", 414, NEVER, OTHER, NONE,                               \
        "The request target is too long.")                                                         \
    WHY(MISDIRECTED, "misdirected", 421, NEVER, OTHER, NONE,                                       \
        "This host is not served on this connection.")                                             \
    WHY(EXPECTATION, "expectation", 417, NEVER, OTHER, NONE, "The expectation can't be met.")      \
    WHY(HEAD_TOO_LARGE, "head_too_large", 431, NEVER, OTHER, NONE,                                 \
        "The request's head is too large.")                                                        \
    WHY(PROTOCOL, "protocol", 501, NEVER, OTHER, NONE, "This protocol is not spoken here.")        \
    WHY(VERSION, "version", 505, NEVER, OTHER, NONE, "This version of HTTP is not served here.")   \
    WHY(UNAUTHENTICATED, "unauthenticated", 401, NEVER, OTHER, NONE,                               \
        "This needs to know who asks.")                                                            \
    WHY(FORBIDDEN, "forbidden", 403, NEVER, OTHER, NONE, "This is not allowed.")                   \
    WHY(LIMITED, "limited", 429, NEVER, OTHER, NONE, "Too many requests.")                         \
    WHY(MODULE_UNAVAILABLE, "unavailable", 503, NEVER, OTHER, NONE,                                \
        "This can't be served at the moment.")                                                     \
    WHY(BREAKER_OPEN, "breaker_open", 503, NEVER, OTHER, NONE,                                     \
        "This is not available at the moment.")                                                    \
    WHY(BREAKER_LIMIT, "breaker_limit", 503, NEVER, OTHER, NONE,                                   \
        "Too many requests are under way.")                                                        \
    WHY(ABORTED, "aborted", 0, NEVER, OTHER, NONE, "The connection was to be reset.")              \
    WHY(CLIENT_GONE, "client_gone", 499, NEVER, CLIENT, NONE, "The client closed its connection.") \
    WHY(CLIENT_SLOW, "client_slow", 499, NEVER, CLIENT, NONE,                                      \
        "The client took nothing of the response.")                                                \
    WHY(NO_ROUTE, "no_route", 404, NEVER, OTHER, NONE, "No route leads there.")                    \
    WHY(NO_ENDPOINT, "no_endpoint", 503, NEVER, NO_ENDPOINT, NONE, "No endpoint is available.")    \
    WHY(CONNECTIONS, "connections", 503, UNSENT, OTHER, NONE,                                      \
        "The backend has all the connections it may have.")                                        \
    WHY(CONNECT, "connect", 503, UNSENT, CONNECT, ORIGIN, "The backend could not be reached.")     \
    WHY(TIMEOUT_CONNECT, "timeout_connect", 503, UNSENT, TIMEOUT_CONNECT, ORIGIN,                  \
        "The backend did not accept a connection in time.")                                        \
    WHY(TLS, "tls", 502, UNSENT, CONNECT, ORIGIN, "The backend's TLS handshake failed.")           \
    WHY(REFUSED, "refused", 503, REFUSED, REFUSED, ORIGIN, "The backend refused the request.")     \
    WHY(UPGRADE, "upgrade_unsupported", 501, NEVER, OTHER, NONE,                                   \
        "The backend does not take this upgrade.")                                                 \
    WHY(CLOSED, "closed", 502, STALE, RESET, HEARD,                                                \
        "The backend closed the connection without a response.")                                   \
    WHY(RESET, "reset", 502, STALE, RESET, HEARD, "The backend reset the connection.")             \
    WHY(BAD_RESPONSE, "bad_response", 502, NEVER, BAD_RESPONSE, ORIGIN,                            \
        "The backend's response is malformed.")                                                    \
    WHY(TRUNCATED, "truncated", 502, NEVER, TRUNCATED, HEARD,                                      \
        "The backend's response ended early.")                                                     \
    WHY(TIMEOUT_RESPONSE_HEAD, "timeout_response_head", 504, NEVER, TIMEOUT_HEAD, ORIGIN,          \
        "The backend did not respond in time.")                                                    \
    WHY(TIMEOUT_RESPONSE_BODY, "timeout_response_body", 504, NEVER, TIMEOUT_BODY, FED,             \
        "The backend stopped in the middle of its response.")                                      \
    WHY(TIMEOUT_TRY, "timeout_try", 504, NEVER, TIMEOUT_HEAD, ORIGIN,                              \
        "The backend did not respond in time.")                                                    \
    WHY(HEDGE_LOST, "hedge_lost", 0, NEVER, HEDGE_LOST, NONE, "Another attempt was faster.")       \
    WHY(TIMEOUT_REQUEST, "timeout_request", 504, NEVER, TIMEOUT_REQUEST, TIME,                     \
        "The request took too long.")                                                              \
    WHY(TIMEOUT_TUNNEL, "timeout_tunnel", 0, NEVER, OTHER, NONE,                                   \
        "Nothing moved in the tunnel for too long.")                                               \
    WHY(OVERLOAD, "overload", 503, NEVER, OVERLOAD, NONE,                                          \
        "The gateway is out of connections or memory.")                                            \
    WHY(DRAIN, "drain", 503, NEVER, DRAIN, NONE, "The gateway is going away.")

enum why {
#define WHY(id, word, status, again, failure, blame, text) WHY_##id,
    WHY_LIST(WHY)
#undef WHY
    WHY_N
};

enum again { AGAIN_NEVER, AGAIN_UNSENT, AGAIN_STALE, AGAIN_REFUSED };
enum blame { BLAME_NONE, BLAME_ORIGIN, BLAME_FED, BLAME_HEARD, BLAME_TIME };

struct why_facts {
    const char *word;
    uint16_t status;
    enum again again;
    enum weir_failure failure;
    enum blame blame;
    const char *text;
};

const struct why_facts *why_facts(enum why why);

#endif
