/* SPDX-License-Identifier: Apache-2.0 */
/* The clients' side of HTTP/1.1, driven through the whole stack in memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"

#define CONF                                                                                       \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "forwarding = { style = \"none\"; via = false; request_id = false; };\n"                       \
    "routes = ( { match = { path = \"/own\"; }; respond = { body = \"own\"; }; },\n"               \
    "           { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );\n"

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
static const char ok2[] = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi";

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

Test(client_h1, takes_a_head_byte_by_byte)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    for (const char *p = get; *p; p++)
        peer_says_n(c, p, 1);
    cr_assert_str_eq(peer_take(stack_origin(s, 0)), get);
    for (const char *p = ok2; *p; p++)
        peer_says_n(stack_origin(s, 0), p, 1);
    cr_assert_str_eq(peer_take(c), ok2);
    stack_free(s);
}

Test(client_h1, answers_pipelined_requests_in_order)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    peer_says(c, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                 "GET /own HTTP/1.1\r\nHost: h\r\n\r\n"
                 "POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                 "GET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "GET /1 "));
    cr_assert(!peer_heard(o, "POST /3 "), "one at a time");
    cr_assert_str_eq(peer_take(c), "");
    peer_says(o, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1\r\n\r\n1");
    cr_assert(peer_heard(o, "POST /3 "));
    peer_says(o, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1\r\n\r\n3");
    cr_assert(peer_heard(o, "GET /4 "));
    peer_says(o, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1\r\n\r\n4");
    const char *t = peer_take(c);
    const char *one = strstr(t, "\r\n\r\n1"), *own = strstr(t, "\r\n\r\nown"),
               *three = strstr(t, "\r\n\r\n3"), *four = strstr(t, "\r\n\r\n4");
    cr_assert(one && own && three && four && one < own && own < three && three < four, "%s", t);
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
}

Test(client_h1, bounds_what_is_pipelined)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    for (int i = 0; i < 20000 && c->link->out.n < 65536; i++)
        peer_says(c, get);
    cr_assert_geq(c->link->out.n, 65536, "the client is not held back");
    cr_assert_lt(stack_worker(s)->loop->stock.blocks.slab.used, 64);
    stack_free(s);
}

Test(client_h1, serves_http_1_0_and_closes)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.0\r\n\r\n");
    cr_assert(peer_heard(stack_origin(s, 0), "GET / HTTP/1.1\r\nhost: \r\n") ||
              peer_heard(stack_origin(s, 0), "GET / HTTP/1.1\r\nHost: \r\n"));
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "2\r\nhi\r\n0\r\n\r\n");
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\n\r\nhi");
    cr_assert(c->eof);
    stack_free(s);
}

Test(client_h1, keeps_an_http_1_0_connection_when_asked)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    for (int i = 0; i < 2; i++) {
        peer_says(c, "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
        peer_says(stack_origin(s, 0), ok2);
        cr_assert(peer_heard(c, "Connection: keep-alive\r\n"));
        peer_take(c);
        cr_assert(!peer_closed(c));
    }
    stack_free(s);
}

Test(client_h1, closes_when_the_client_says_so)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    cr_assert(!peer_heard(stack_origin(s, 0), "lose"), "the hop's own affair");
    peer_says(stack_origin(s, 0), ok2);
    cr_assert(peer_heard(c, "Connection: close\r\n"));
    cr_assert(c->eof);
    stack_free(s);
}

Test(client_h1, closes_after_the_limit_of_requests)
{
    struct stack *s = stack_new(CONF "limits = { requests = 2; };");
    struct peer *c = stack_client(s);
    peer_says(c, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(!peer_closed(c));
    peer_says(c, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(peer_heard(c, "Connection: close\r\n"));
    cr_assert(c->eof);
    cr_assert_eq(stack_worker(s)->stats->listeners[0]->requests_limit, 1);
    stack_free(s);
}

Test(client_h1, answers_408_to_a_head_that_does_not_come)
{
    struct stack *s = stack_new(CONF "timeouts = { head = \"1s\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHo");
    stack_sleep_ms(s, 900);
    cr_assert(!peer_closed(c));
    peer_says(c, "st: "); /* a drip does not help */
    stack_sleep_ms(s, 200);
    cr_assert(peer_heard(c, "HTTP/1.1 408 "));
    cr_assert(c->eof);
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_TIMEOUT_HEAD], 1);
    stack_free(s);
}

Test(client_h1, closes_idle_connections_without_a_word)
{
    struct stack *s = stack_new(CONF "timeouts = { keep_alive = \"2s\"; head = \"1s\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_take(c);
    stack_sleep_ms(s, 1900);
    cr_assert(!peer_closed(c));
    stack_sleep_ms(s, 200);
    cr_assert(c->eof);
    cr_assert_str_eq(peer_take(c), "");
    cr_assert_eq(stack_worker(s)->stats->listeners[0]->timeout_idle, 1);
    stack_free(s);
}

Test(client_h1, answers_408_to_content_that_stops)
{
    struct stack *s = stack_new(CONF "timeouts = { body_idle = \"1s\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    stack_sleep_ms(s, 900);
    peer_says(c, "d"); /* content that trickles is no reason */
    stack_sleep_ms(s, 900);
    cr_assert(!peer_closed(c));
    stack_sleep_ms(s, 200);
    cr_assert(peer_heard(c, "HTTP/1.1 408 "));
    cr_assert(peer_closed(stack_origin(s, 0)));
    stack_free(s);
}

Test(client_h1, drops_a_client_that_takes_nothing)
{
    struct stack *s = stack_new(CONF "timeouts = { write_idle = \"1s\"; request = \"0s\"; };");
    struct peer *c = stack_client(s);
    char piece[8192];
    memset(piece, 'x', sizeof piece);
    peer_stalls(c);
    peer_says(c, get);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 8192000\r\n\r\n");
    for (int i = 0; i < 40; i++)
        peer_says_n(o, piece, sizeof piece);
    stack_sleep_ms(s, 900);
    cr_assert_eq(stack_clients(s), 1);
    stack_sleep_ms(s, 300);
    cr_assert_eq(stack_clients(s), 0);
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_CLIENT_SLOW], 1);
    stack_free(s);
}

Test(client_h1, passes_chunks_and_trailers_both_ways)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    peer_says(c,
              "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
              "3;ext=1\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n");
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "Transfer-Encoding: chunked\r\n"));
    cr_assert(peer_heard(o, "\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n"), "%s", o->heard);
    peer_says(o, "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "2\r\nhi\r\n0\r\nX-End: 1\r\n\r\n");
    cr_assert_str_eq(peer_take(c),
                     "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "2\r\nhi\r\n0\r\nX-End: 1\r\n\r\n");
    cr_assert(!peer_closed(c));
    stack_free(s);
}

Test(client_h1, gives_head_204_and_304_no_content)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    peer_says(c, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    struct peer *o = stack_origin(s, 0);
    peer_says(o, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 100\r\n\r\n");
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 100\r\n\r\n");
    peer_says(c, get);
    peer_says(o, "HTTP/1.1 204 No Content\r\nDate: x\r\nContent-Length: 0\r\n\r\n");
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n");
    peer_says(c, get);
    peer_says(o, "HTTP/1.1 304 Not Modified\r\nDate: x\r\nETag: \"a\"\r\n\r\n");
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 304 Not Modified\r\nDate: x\r\nETag: \"a\"\r\n\r\n");
    cr_assert_eq(stack_origins(s), 1);
    stack_free(s);
}

Test(client_h1, delimits_a_response_that_ends_with_the_connection)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nDate: x\r\n\r\nsome");
    peer_says(stack_origin(s, 0), "thing");
    peer_closes(stack_origin(s, 0));
    cr_assert_str_eq(peer_take(c),
                     "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "4\r\nsome\r\n5\r\nthing\r\n0\r\n\r\n");
    stack_free(s);
}

Test(client_h1, refuses_and_forwards_nothing)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /../x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    struct stack *s = stack_new(CONF);
    for (size_t i = 0; i < array_n(bad); i++) {
        struct peer *c = stack_client(s);
        peer_says(c, bad[i]);
        cr_assert(peer_heard(c, "HTTP/1.1 400 Bad Request\r\n"), "%zu: %s", i, c->heard);
        peer_says(c, get);
        cr_assert_eq(count(c->heard, "HTTP/1.1 "), 1, "%zu: what follows is not looked at: %s", i,
                     c->heard);
        cr_assert_eq(stack_origins(s), 0, "%zu", i);
        peer_closes(c);
    }
    cr_assert_eq(stack_origins(s), 0);
    stack_free(s);
}

Test(client_h1, tells_large_heads_and_targets_by_their_own_status)
{
    struct stack *s = stack_new(CONF "limits = { head_size = \"2k\"; target_size = \"1k\"; };");
    char text[4096], pad[3000];
    memset(pad, 'a', sizeof pad);
    struct peer *c = stack_client(s);
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\nX: %.2500s", pad);
    peer_says(c, text);
    cr_assert(peer_heard(c, "HTTP/1.1 431 "), "%s", c->heard);
    c = stack_client(s);
    snprintf(text, sizeof text, "GET /%.1200s HTTP/1.1\r\nHost: h\r\n\r\n", pad);
    peer_says(c, text);
    cr_assert(peer_heard(c, "HTTP/1.1 414 "), "%s", c->heard);
    stack_free(s);
}

Test(client_h1, refuses_connections_over_the_limit)
{
    struct stack *s = stack_new(CONF "limits = { connections = 2; };");
    struct peer *a = stack_client(s), *b = stack_client(s);
    cr_assert(a && b);
    cr_assert_null(stack_client(s));
    cr_assert_eq(stack_worker(s)->stats->listeners[0]->refused_limit, 1);
    peer_closes(a);
    cr_assert(stack_client(s));
    stack_free(s);
}

Test(client_h1, refuses_connections_over_the_limit_of_a_source)
{
    struct stack *s = stack_new(CONF "limits = { connections_per_source = 1; };");
    struct peer *a = stack_client_from(s, "192.0.2.1");
    cr_assert(a);
    cr_assert_null(stack_client_from(s, "192.0.2.1"));
    cr_assert(stack_client_from(s, "192.0.2.2"));
    cr_assert_eq(stack_worker(s)->stats->listeners[0]->refused_source, 1);
    peer_closes(a);
    cr_assert(stack_client_from(s, "192.0.2.1"));
    stack_free(s);
}

Test(client_h1, drains_idle_connections_after_a_grace)
{
    struct stack *s = stack_new(CONF "timeouts = { drain_grace = \"1s\"; };");
    struct peer *idle = stack_client(s), *busy = stack_client(s), *late = stack_client(s);
    peer_says(idle, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_says(late, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
    peer_take(late);
    peer_says(busy, get);
    stack_drain(s);
    stack_sleep_ms(s, 500);
    cr_assert(!peer_closed(idle));
    peer_says(late, "GET /own HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(peer_heard(late, "Connection: close\r\n"), "a last request is served");
    cr_assert(late->eof);
    stack_sleep_ms(s, 600);
    cr_assert(idle->eof);
    peer_says(stack_origin(s, 0), ok2);
    cr_assert(peer_heard(busy, "Connection: close\r\n"));
    cr_assert(busy->eof);
    peer_closes(busy);
    cr_assert_eq(stack_clients(s), 1, "the last one lingers until its other side has closed");
    stack_free(s);
}

Test(client_h1, reads_on_for_a_while_after_refusing)
{
    struct stack *s = stack_new(CONF "limits = { body_size = \"10\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
    cr_assert(peer_heard(c, "HTTP/1.1 413 "));
    peer_says(c, "some of the content that was under way");
    cr_assert(!c->failed, "a reset would take the answer with it");
    stack_sleep_ms(s, 2100);
    cr_assert_eq(stack_clients(s), 0);
    stack_free(s);
}

Test(client_h1, times_the_content_of_a_pipelined_request)
{
    struct stack *s = stack_new(CONF "timeouts = { body_idle = \"3s\"; request = \"0s\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n");
    peer_says(stack_origin(s, 0), ok2);
    cr_assert_str_eq(peer_take(c), ok2);
    stack_sleep_ms(s, 3100);
    cr_assert(peer_heard(c, "HTTP/1.1 408 "));
    stack_free(s);
}

/* Without a length, only the way in which the connection ends tells that the response is cut. */
Test(client_h1, resets_a_client_that_takes_too_little)
{
    struct stack *s = stack_new(CONF "timeouts = { write_idle = \"2s\"; };");
    static char body[120000];
    struct peer *c = stack_client(s);
    memset(body, 'b', sizeof body);
    peer_says(c, "GET / HTTP/1.0\r\n\r\n");
    peer_stalls(c);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\n\r\n");
    peer_says_n(stack_origin(s, 0), body, sizeof body);
    peer_ends(stack_origin(s, 0));
    stack_sleep_ms(s, 2200);
    cr_assert_eq(stack_clients(s), 0);
    peer_reads(c);
    cr_assert(c->failed);
    stack_free(s);
}

static void on_sip(struct link *l, struct block *b, struct slice bytes)
{
    (void)b;
    ((struct peer *)l->owner)->heard_n += bytes.n;
    link_pause(l);
}

static void on_end(struct link *l)
{
    ((struct peer *)l->owner)->eof = true;
}

static void on_break(struct link *l, int err)
{
    ((struct peer *)l->owner)->failed = err;
}

/* The last response of a connection, whose client is slow but takes some of it all the time. */
Test(client_h1, gives_a_slow_client_the_time_it_needs)
{
    static const struct link_events sips = {
        .on_bytes = on_sip, .on_eof = on_end, .on_fail = on_break};
    struct stack *s = stack_new(CONF "timeouts = { write_idle = \"2s\"; };");
    static char body[120000];
    struct peer *c = stack_client(s);
    peer_says(c, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    link_start(c->link, &sips, c);
    link_memory_segment(c->link, 5000);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 120000\r\n\r\n");
    peer_says_n(stack_origin(s, 0), body, sizeof body);
    for (int i = 0; i < 60 && !peer_closed(c); i++) {
        link_resume(c->link);
        stack_sleep_ms(s, 500);
    }
    cr_assert(c->eof && !c->failed);
    cr_assert_gt(c->heard_n, sizeof body);
    stack_free(s);
}

Test(client_h1, says_that_it_closes_after_a_response_that_came_early)
{
    struct stack *s = stack_new(CONF);
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    peer_says(stack_origin(s, 0), ok2);
    cr_assert(peer_heard(c, "Connection: close\r\n"), "%s", c->heard);
    cr_assert(c->eof);
    stack_free(s);
}
