/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: which connections are kept, which is taken, and when they go. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"
#include "upstream/origin.h"

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

static struct stack *s;

static void begin(const char *pool)
{
    char conf[512];
    snprintf(conf, sizeof conf,
             "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; pool = { %s }; }; };\n"
             "routes = ( { cluster = \"one\"; } );\n",
             pool);
    s = stack_new(conf);
}

/* `n` requests at the same time, on as many connections, each answered: the last one asked on is
 * the last one answered. */
static void answer_at_once(size_t n)
{
    const size_t before = stack_origins(s);
    for (size_t i = 0; i < n; i++)
        peer_says(stack_client(s), get);
    cr_assert_eq(stack_origins(s), before + n);
    for (size_t i = 0; i < n; i++)
        peer_says(stack_origin(s, before + i), ok);
}

static struct endpoint *endpoint(void)
{
    return stack_worker(s)->clusters[0].endpoints[0];
}

Test(pool, takes_the_connection_that_was_used_last)
{
    begin("");
    answer_at_once(3);
    cr_assert_eq(endpoint()->idle_n, 3);
    for (size_t i = 0; i < 3; i++)
        peer_take(stack_origin(s, i));
    peer_says(stack_client(s), get);
    cr_assert_eq(stack_origins(s), 3, "no fourth connection");
    cr_assert(peer_heard(stack_origin(s, 2), "GET / "));
    cr_assert(!peer_heard(stack_origin(s, 0), "GET / "));
    cr_assert_eq(endpoint()->idle_n, 2);
    cr_assert_eq(endpoint()->stats->reused, 1);
    stack_free(s);
}

Test(pool, closes_the_coldest_when_there_are_enough)
{
    begin("max_idle = 2;");
    answer_at_once(3);
    cr_assert_eq(endpoint()->idle_n, 2);
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert(!peer_closed(stack_origin(s, 1)));
    cr_assert(!peer_closed(stack_origin(s, 2)));
    stack_free(s);
}

Test(pool, keeps_none_when_it_may_not)
{
    begin("max_idle = 0;");
    answer_at_once(2);
    cr_assert_eq(endpoint()->open_n, 0);
    cr_assert(peer_closed(stack_origin(s, 0)));
    stack_free(s);
}

Test(pool, closes_what_was_idle_too_long)
{
    begin("idle_timeout = \"2s\";");
    answer_at_once(2);
    stack_sleep_ms(s, 1900);
    cr_assert_eq(endpoint()->idle_n, 2);
    stack_sleep_ms(s, 200);
    cr_assert_eq(endpoint()->open_n, 0);
    cr_assert_eq(endpoint()->stats->open, 0);
    stack_free(s);
}

Test(pool, an_idle_timeout_does_not_hit_a_connection_that_is_in_use_again)
{
    begin("idle_timeout = \"2s\";");
    answer_at_once(1);
    stack_sleep_ms(s, 1500);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    stack_sleep_ms(s, 1500);
    cr_assert(!peer_closed(stack_origin(s, 0)));
    peer_says(stack_origin(s, 0), ok);
    cr_assert(peer_heard(c, "hi"));
    stack_sleep_ms(s, 1500);
    cr_assert_eq(endpoint()->idle_n, 1, "its time begins anew");
    stack_sleep_ms(s, 700);
    cr_assert_eq(endpoint()->idle_n, 0);
    stack_free(s);
}

Test(pool, closes_a_connection_after_its_last_request)
{
    begin("max_requests = 2;");
    struct peer *c = stack_client(s);
    for (size_t i = 0; i < 5; i++) {
        peer_says(c, get);
        cr_assert_eq(stack_origins(s), i / 2 + 1);
        peer_says(stack_origin(s, i / 2), ok);
        cr_assert_eq(peer_closed(stack_origin(s, i / 2)), i % 2 == 1);
    }
    stack_free(s);
}

Test(pool, forgets_a_connection_that_the_origin_closes_while_it_is_idle)
{
    begin("");
    answer_at_once(2);
    peer_closes(stack_origin(s, 1));
    cr_assert_eq(endpoint()->idle_n, 1);
    peer_resets(stack_origin(s, 0));
    cr_assert_eq(endpoint()->idle_n, 0);
    cr_assert_eq(endpoint()->open_n, 0);
    answer_at_once(1);
    stack_free(s);
}

Test(pool, drops_what_is_idle_and_leaves_what_is_busy)
{
    begin("");
    answer_at_once(2);
    struct peer *c = stack_client(s);
    peer_says(c, get); /* on the second connection */
    pool_drop_idle(endpoint());
    stack_settle(s);
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert(!peer_closed(stack_origin(s, 1)));
    cr_assert_eq(endpoint()->open_n, 1);
    peer_says(stack_origin(s, 1), ok);
    cr_assert(peer_heard(c, "hi"));
    stack_free(s);
}

/* One read can bring all of a response at once, and more than the queue may hold: then the link is
 * paused when the connection is given back. */
Test(pool, reads_again_after_a_response_that_was_paused_in_its_last_read)
{
    static char response[64 * 1024] = "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n";
    const size_t head = strlen(response);
    memset(response + head, 'c', 40000);
    s = stack_new("clusters = { one = { endpoints = [ \"10.0.0.1:80\" ];\n"
                  "                     limits = { queue = \"16k\"; }; }; };\n"
                  "routes = ( { cluster = \"one\"; } );\n");
    struct peer *c = stack_client(s);
    peer_says(c, get);
    struct peer *o = stack_origin(s, 0);
    peer_says_n(o, response, head + 40000);
    cr_assert_eq(endpoint()->idle_n, 1);
    peer_take(c);
    peer_says(c, get);
    cr_assert_eq(stack_origins(s), 1);
    peer_says(o, ok);
    cr_assert(peer_heard(c, "\r\n\r\nhi"));
    peer_closes(o);
    cr_assert_eq(endpoint()->idle_n, 0, "it has to notice the end, too");
    stack_free(s);
}

/* -- limits over all processes ----------------------------------------------------------------- */

static void begin_limited(uint64_t max)
{
    s = stack_new("clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\" ]; }; };\n"
                  "routes = ( { cluster = \"one\"; } );\n");
    stack_worker(s)->g->connections_max[0] = max;
}

static uint64_t connections(void)
{
    return atomic_load(&stack_worker(s)->g->shared[0]->connections);
}

static uint64_t refused(void)
{
    const struct cluster *cl = &stack_worker(s)->clusters[0];
    return cl->endpoints[0]->stats->connections_full + cl->endpoints[1]->stats->connections_full;
}

Test(pool, a_cluster_gets_no_more_connections_than_it_may_have)
{
    begin_limited(2);
    for (int i = 0; i < 2; i++)
        peer_says(stack_client(s), get);
    struct peer *third = stack_client(s);
    peer_says(third, get);
    cr_assert_eq(stack_origins(s), 2);
    cr_assert_eq(connections(), 2);
    cr_assert(peer_heard(third, "503 "));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_CONNECTIONS], 1);
    cr_assert_eq(refused(), 1);
    stack_free(s);
}

Test(pool, what_other_processes_have_counts_too)
{
    begin_limited(2);
    atomic_fetch_add(&stack_worker(s)->g->shared[0]->connections, 2);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    cr_assert(peer_heard(c, "503 "));
    cr_assert_eq(connections(), 2);
    stack_free(s);
}

Test(pool, an_idle_connection_goes_where_another_endpoint_needs_one)
{
    begin_limited(1);
    peer_says(stack_client(s), get);
    peer_says(stack_origin(s, 0), ok);
    peer_says(stack_client(s), get);
    cr_assert_eq(stack_origins(s), 2, "the other endpoint's turn");
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert_eq(connections(), 1);
    cr_assert_eq(refused(), 0);
    stack_free(s);
}

Test(pool, connections_are_counted_without_a_limit_and_given_back)
{
    begin_limited(0);
    peer_says(stack_client(s), get);
    peer_says(stack_client(s), get);
    cr_assert_eq(connections(), 2);
    for (size_t i = 0; i < 2; i++)
        peer_says(stack_origin(s, i), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(connections(), 0);
    stack_free(s);
}
