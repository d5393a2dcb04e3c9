/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_VARIABLES_LIST_H
#define WEIR_CORE_VARIABLES_LIST_H

/* All variables, in the order in which a JSON line of the access log has them. Each has a function
 * variable_get_ID() in variables_*.c, by subject.
 *
 * V(ID, name, kind, preset in JSON, when it is known, help)
 * F(ID, prefix, what stands behind it, when it is known, help): a family */

#define VARIABLE_LIST(V, F)                                                                        \
    V(time, "time", PLAIN, true, REQUEST,                                                          \
      "when the request's head was complete, in UTC with microseconds (RFC 3339)")                 \
    V(client, "client", PLAIN, true, REQUEST,                                                      \
      "address of the connection's other end, or of the client that a trusted PROXY "              \
      "header names; `unix` on a unix socket")                                                     \
    V(peer, "peer", PLAIN, true, REQUEST, "address of the load balancer that sent a PROXY header") \
    V(source, "source", PLAIN, true, REQUEST,                                                      \
      "address of the client: what trusted proxies said of it, else the same as `client`")         \
    V(worker, "worker", NUMBER, true, REQUEST, "number of the worker")                             \
    V(connection, "connection", NUMBER, true, REQUEST,                                             \
      "number of the client's connection, counted by worker and listener")                         \
    V(exchange, "exchange", NUMBER, true, REQUEST, "number of the request, counted by worker")     \
    V(request_id, "request_id", TEXT, true, REQUEST, "X-Request-Id as backends see it")            \
    V(listener, "listener", PLAIN, true, REQUEST, "name of the listener")                          \
    V(method, "method", TEXT, true, REQUEST, "method")                                             \
    V(scheme, "scheme", PLAIN, true, REQUEST,                                                      \
      "`http` or `https`, as the client spoke it to the listener, or to the load balancer"         \
      " that sent a PROXY header")                                                                 \
    V(tls_version, "tls_version", TEXT, true, REQUEST, "`TLSv1.2` or `TLSv1.3`")                   \
    V(tls_cipher, "tls_cipher", TEXT, true, REQUEST, "cipher suite")                               \
    V(tls_server_name, "tls_server_name", TEXT, true, REQUEST, "name that the client sent (SNI)")  \
    V(tls_alpn, "tls_alpn", TEXT, false, REQUEST, "protocol that was agreed on (ALPN)")            \
    V(tls_resumed, "tls_resumed", BOOL, true, REQUEST, "did the handshake resume a session?")      \
    V(client_subject, "client_subject", TEXT, true, REQUEST,                                       \
      "subject of the client's certificate, when it was verified")                                 \
    V(client_fingerprint, "client_fingerprint", TEXT, true, REQUEST,                               \
      "SHA-256 of that certificate, in hexadecimal digits")                                        \
    V(host, "host", TEXT, true, REQUEST, "host that was asked for, in lower case, without port")   \
    V(path, "path", TEXT, true, REQUEST, "path, normalised: what routes are matched with")         \
    V(query, "query", TEXT, true, REQUEST, "query, as received, without `?`")                      \
    V(target, "target", TEXT, false, REQUEST, "request target, as received")                       \
    V(protocol, "protocol", PLAIN, true, REQUEST, "`HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`")          \
    V(user_agent, "user_agent", TEXT, true, REQUEST, "User-Agent")                                 \
    V(referer, "referer", TEXT, true, REQUEST, "Referer")                                          \
    V(route, "route", PLAIN, true, REQUEST, "name of the route")                                   \
    V(variant, "variant", TEXT, true, ATTEMPT,                                                     \
      "the version that was chosen, where a route has several")                                    \
    V(cluster, "cluster", PLAIN, true, ATTEMPT, "name of the cluster")                             \
    V(endpoint, "endpoint", TEXT, true, RESPONSE, "endpoint of the last attempt")                  \
    V(attempts, "attempts", NUMBER, true, RESPONSE, "attempts made")                               \
    V(tries, "tries", TEXT, true, RESPONSE,                                                        \
      "each attempt as OUTCOME@ENDPOINT+MICROSECONDS, oldest first, when there were several or "   \
      "one failed; OUTCOME is a status or the reason, with ! behind it where a fault was "         \
      "injected; what one line has no room for is `...`")                                          \
    V(reused, "reused", BOOL, true, RESPONSE, "was the last attempt made on a kept connection?")   \
    V(outcome, "outcome", PLAIN, true, END,                                                        \
      "`ok`, or the reason why the exchange did not end with a backend's whole response")          \
    V(detail, "detail", TEXT, true, END, "which fault exactly, where the reason has several")      \
    V(status, "status", NUMBER, true, RESPONSE,                                                    \
      "status that was sent; 499 when the client went before one was")                             \
    V(grpc_status, "grpc_status", NUMBER, true, END,                                               \
      "outcome of a gRPC request: its grpc-status, or the code that the client made of "           \
      "what it got")                                                                               \
    V(bytes_in, "bytes_in", NUMBER, true, END, "bytes of the request's content")                   \
    V(bytes_out, "bytes_out", NUMBER, true, END, "bytes of the response's content")                \
    V(tunnel, "tunnel", BOOL, true, END,                                                           \
      "true when it became a tunnel (101, or a WebSocket over HTTP/2)")                            \
    V(duration_us, "duration_us", NUMBER, true, END,                                               \
      "microseconds from the request's head to the end of the exchange")                           \
    V(route_us, "route_us", NUMBER, true, REQUEST, "... from the request's head to the route")     \
    V(connect_us, "connect_us", NUMBER, true, RESPONSE,                                            \
      "... from the last attempt's start to its connection")                                       \
    V(response_head_us, "response_head_us", NUMBER, true, RESPONSE,                                \
      "... from that connection to the response's head")                                           \
    V(response_body_us, "response_body_us", NUMBER, true, END,                                     \
      "... from the response's head to its last byte")                                             \
    V(send_us, "send_us", NUMBER, true, END,                                                       \
      "... from the first byte to the client to the end of the exchange")                          \
    V(time_common, "time_common", PLAIN, false, REQUEST,                                           \
      "`time` as Apache and nginx write it: `24/Nov/2026:10:00:00 +0000`")                         \
    V(request_line, "request_line", TEXT, false, REQUEST,                                          \
      "method, target and protocol as one text, cut to 512 bytes")                                 \
    V(identity_subject, "identity.subject", TEXT, false, REQUEST,                                  \
      "who the request comes from, when that was verified")                                        \
    V(identity_issuer, "identity.issuer", TEXT, false, REQUEST, "who says so")                     \
    V(identity_method, "identity.method", TEXT, false, REQUEST, "how it was verified")             \
    F(request, "request.", FIELD, REQUEST,                                                         \
      "the request's header field of that name, its first line: `request.accept-language`")        \
    F(response, "response.", FIELD, RESPONSE,                                                      \
      "the response's header field of that name, as the client got it")                            \
    F(cookie, "cookie.", COOKIE, REQUEST, "the request's first cookie of that name")               \
    F(query, "query.", TEXT, REQUEST, "the query's first parameter of that name, decoded")         \
    F(capture, "capture.", GROUP, REQUEST,                                                         \
      "what a group of the route's path_regex has matched: its number, `capture.1` to "            \
      "`capture.9`, or its name")                                                                  \
    F(claim, "claim.", TEXT, REQUEST,                                                              \
      "the claim of that name about who the request comes from, several values joined by "         \
      "commas; `claim.sub` and `claim.iss` are subject and issuer")                                       \
    F(module, "module.", TEXT, END,                                                                \
      "a field of a module, as `MODULE.NAME`, when it was set: `module.canary.bucket`; "           \
      "`weir --help-module MODULE` lists them")

#endif
