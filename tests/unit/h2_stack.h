/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_H2_STACK_H
#define WEIR_TESTS_UNIT_H2_STACK_H

/* What the tests of HTTP/2 clients share: a gateway with a cluster, its counters, and answers of an
 * HTTP/1.1 origin. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "edge/listener.h"
#include "io/link.h"
#include "tests/lib/h2_peer.h"

#define H2_CONF                                                                                    \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "forwarding = { style = \"none\"; via = false; request_id = false; };\n"                       \
    "routes = ( { match = { path = \"/own\"; }; respond = { body = \"own\"; }; },\n"               \
    "           { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );\n"

static inline struct listener_stats *h2_stats(struct stack *s)
{
    return stack_worker(s)->stats->listeners[0];
}

static inline uint64_t h2_whys(struct stack *s, enum why why)
{
    return stack_worker(s)->stats->worker->whys[why];
}

/* A response with n bytes of content. */
static inline void origin_sends(struct peer *o, size_t n)
{
    char head[128], *body = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)('a' + i % 26);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: %zu\r\n\r\n", n);
    peer_says(o, head);
    for (size_t at = 0; at < n; at += 8192)
        peer_says_n(o, body + at, n - at < 8192 ? n - at : 8192);
    free(body);
}

#endif
