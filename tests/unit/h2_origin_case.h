/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_H2_ORIGIN_CASE_H
#define WEIR_TESTS_UNIT_H2_ORIGIN_CASE_H

/* Shared by the tests of HTTP/2 towards origins: a gateway with one cluster that speaks it. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/h2_origin.h"
#include "tests/lib/stack.h"
#include "upstream/origin_h2.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

static struct stack *s;
static struct h2_origin *origins[16];
static size_t origins_n;

static inline struct endpoint *endpoint(void)
{
    return stack_worker(s)->clusters[0].endpoints[0];
}

static inline void speak(enum cluster_protocol protocol)
{
    struct cluster *cl = &stack_worker(s)->clusters[0];
    ((struct cluster_conf *)cl->conf)->protocol = protocol;
    for (size_t i = 0; i < cl->n; i++)
        cl->endpoints[i]->protocol = (uint8_t)protocol;
}

/* `cluster`: further settings of the one cluster. */
static inline void begin(const char *cluster)
{
    char conf[1024];
    snprintf(conf, sizeof conf,
             "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; %s }; };\n"
             "routes = ( { cluster = \"one\"; } );\n",
             cluster);
    s = stack_new(conf);
    origins_n = 0;
    speak(PROTOCOL_H2);
}

/* The i-th connection that was dialled begins to speak. */
static inline struct h2_origin *origin_with(size_t i, struct h2_origin_how how)
{
    cr_assert(origins_n < 16);
    return origins[origins_n++] = h2_origin_new(stack_origin(s, i), how);
}

static inline struct h2_origin *origin(size_t i)
{
    return origin_with(i, (struct h2_origin_how){0});
}

static inline void end(void)
{
    stack_free(s);
    while (origins_n)
        h2_origin_free(origins[--origins_n]);
}

/* A client that has asked. */
static inline struct peer *asks(const char *request)
{
    struct peer *c = stack_client(s);
    peer_says(c, request);
    return c;
}

static inline uint64_t whys(enum why why)
{
    return stack_worker(s)->stats->worker->whys[why];
}

#endif
