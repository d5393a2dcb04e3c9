/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an exchange, driven through the whole stack in memory. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "core/exchange.h"
#include "core/module/module.h"
#include "core/stats/stats_module.h"
#include "io/link.h"
#include "tests/lib/stack.h"

#define ONE                                                                                        \
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"                                \
    "forwarding = { style = \"none\"; via = false; request_id = false; };\n"
#define ALL "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"one\"; } );\n"

static const char get[] = "GET /a?b=1 HTTP/1.1\r\nHost: h\r\n\r\n";
static const char ok2[] = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi";

static bool says(struct peer *p, const char *start, const char *end)
{
    const char *t = peer_take(p);
    const size_t n = strlen(t), s = strlen(start), e = strlen(end);
    const bool ok = n >= s && n >= e && !strncmp(t, start, s) && !strcmp(t + n - e, end);
    if (!ok)
        fprintf(stderr, "heard: <<%s>>\n", t);
    return ok;
}

Test(exchange, passes_a_request_and_its_response)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    struct peer *o = stack_origin(s, 0);
    cr_assert(o);
    cr_assert_str_eq(peer_take(o), get);
    peer_says(o, ok2);
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert(!peer_closed(c));
    stack_free(s);
}

Test(exchange, keeps_both_connections_for_the_next_request)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    for (int i = 0; i < 5; i++) {
        peer_says(c, get);
        cr_assert_eq(stack_origins(s), 1);
        cr_assert_str_eq(peer_take(stack_origin(s, 0)), get);
        peer_says(stack_origin(s, 0), ok2);
        cr_assert(says(c, "HTTP/1.1 200 OK", "hi"));
    }
    stack_free(s);
}

Test(exchange, answers_404_where_no_route_leads)
{
    struct stack *s =
        stack_new(ONE "routes = ( { match = { path_prefix = \"/only\"; }; cluster = \"one\"; } );");
    struct peer *c = stack_client(s);
    peer_says(c, get);
    cr_assert(says(c, "HTTP/1.1 404 Not Found", ""));
    cr_assert_eq(stack_origins(s), 0);
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_NO_ROUTE], 1);
    peer_says(c, get);
    cr_assert(says(c, "HTTP/1.1 404 Not Found", ""), "the connection is kept");
    stack_free(s);
}

Test(exchange, answers_503_when_the_origin_refuses)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    stack_refuse_dials(s, 1, ECONNREFUSED);
    peer_says(c, get);
    cr_assert(says(c, "HTTP/1.1 503 ", ""));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_CONNECT], 1);
    stack_free(s);
}

Test(exchange, answers_503_when_connecting_takes_too_long)
{
    struct stack *s = stack_new(ONE ALL "timeouts = { connect = \"2s\"; };");
    struct peer *c = stack_client(s);
    stack_hang_dials(s, true);
    peer_says(c, get);
    stack_sleep_ms(s, 1900);
    cr_assert_str_eq(peer_take(c), "");
    stack_sleep_ms(s, 200);
    cr_assert(says(c, "HTTP/1.1 503 ", ""));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_TIMEOUT_CONNECT], 1);
    stack_free(s);
}

Test(exchange, answers_504_when_the_head_takes_too_long)
{
    struct stack *s = stack_new(ONE ALL "timeouts = { response_head = \"1s\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, get);
    stack_sleep_ms(s, 1100);
    cr_assert(says(c, "HTTP/1.1 504 ", ""));
    cr_assert(peer_closed(stack_origin(s, 0)), "a connection in doubt is not kept");
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_TIMEOUT_RESPONSE_HEAD], 1);
    stack_free(s);
}

Test(exchange, answers_504_when_the_whole_request_takes_too_long)
{
    struct stack *s = stack_new(
        ONE
        "routes = ( { match = { path_prefix = \"/\"; }; cluster = \"one\"; timeout = \"3s\"; } );");
    struct peer *c = stack_client(s);
    peer_says(c, get);
    stack_sleep_ms(s, 2900);
    cr_assert_str_eq(peer_take(c), "");
    stack_sleep_ms(s, 200);
    cr_assert(says(c, "HTTP/1.1 504 ", ""));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_TIMEOUT_REQUEST], 1);
    stack_free(s);
}

Test(exchange, cuts_a_response_whose_body_stops)
{
    struct stack *s = stack_new(ONE ALL "timeouts = { body_idle = \"1s\"; request = \"0s\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    cr_assert(says(c, "HTTP/1.1 200 OK", "hi"));
    stack_sleep_ms(s, 1100);
    cr_assert(c->failed, "the client must see that the response is not whole");
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_TIMEOUT_RESPONSE_BODY], 1);
    stack_free(s);
}

Test(exchange, passes_on_what_came_before_an_origin_broke)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    char piece[8192];
    memset(piece, 'x', sizeof piece);
    peer_stalls(c);
    peer_says(c, get);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 8192000\r\n\r\n");
    for (int i = 0; i < 12; i++) /* more than lies between the gateway and its client */
        peer_says_n(o, piece, sizeof piece);
    peer_closes(o);
    cr_assert_eq(c->heard_n, 0);
    peer_reads(c);
    cr_assert_geq(c->heard_n, 65536, "%zu bytes", c->heard_n);
    cr_assert(c->failed, "the client must see that the response is not whole");
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_TRUNCATED], 1);
    stack_free(s);
}

Test(exchange, stops_reading_a_response_at_the_clusters_queue)
{
    struct stack *s = stack_new("clusters = { one = { endpoints = [ \"10.0.0.1:80\" ];\n"
                                "                     limits = { queue = \"16k\"; }; }; };\n" ALL);
    struct peer *c = stack_client(s);
    char piece[8192];
    memset(piece, 'x', sizeof piece);
    peer_stalls(c);
    peer_says(c, get);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 8192000\r\n\r\n");
    for (int i = 0; i < 100; i++)
        peer_says_n(o, piece, sizeof piece);
    const struct list *first = stack_worker(s)->active.next;
    const struct attempt *at = list_entry(first, struct exchange, node)->attempt;
    cr_assert_leq(at->body.n, 2 * 16384, "%zu bytes", at->body.n); /* the queue and one block */
    cr_assert(at->paused);
    peer_closes(c);
    stack_free(s);
}

Test(exchange, tries_a_fresh_connection_when_a_kept_one_was_closed)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_says(stack_origin(s, 0), ok2);
    peer_take(c);
    /* The origin closes in the very moment in which the next request is on its way. */
    peer_stalls(stack_origin(s, 0));
    peer_says(c, get);
    cr_assert_eq(stack_origins(s), 1);
    peer_resets(stack_origin(s, 0));
    cr_assert_eq(stack_origins(s), 2, "a second attempt on a fresh connection");
    peer_says(stack_origin(s, 1), ok2);
    cr_assert(says(c, "HTTP/1.1 200 OK", "hi"));
    cr_assert_eq(stack_worker(s)->stats->clusters[0]->retries, 1);
    stack_free(s);
}

Test(exchange, repeats_a_put_with_its_content)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    static const char put[] = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
    peer_says(c, get);
    peer_says(stack_origin(s, 0), ok2);
    peer_take(c);
    peer_says(c, put);
    cr_assert(says(stack_origin(s, 0), "GET", "body"));
    peer_resets(stack_origin(s, 0));
    cr_assert_eq(stack_origins(s), 2);
    cr_assert(says(stack_origin(s, 1), "PUT /a HTTP/1.1\r\n", "\r\n\r\nbody"));
    peer_says(stack_origin(s, 1), ok2);
    cr_assert(says(c, "HTTP/1.1 200 OK", "hi"));
    stack_free(s);
}

Test(exchange, does_not_repeat_a_post)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_says(stack_origin(s, 0), ok2);
    peer_take(c);
    peer_says(c, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    peer_resets(stack_origin(s, 0));
    cr_assert_eq(stack_origins(s), 1);
    cr_assert(says(c, "HTTP/1.1 502 ", ""));
    stack_free(s);
}

Test(exchange, does_not_repeat_on_a_connection_that_was_new)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_closes(stack_origin(s, 0));
    cr_assert_eq(stack_origins(s), 1);
    cr_assert(says(c, "HTTP/1.1 502 ", ""));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_CLOSED], 1);
    stack_free(s);
}

Test(exchange, does_not_repeat_when_a_response_has_begun)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_says(stack_origin(s, 0), ok2);
    peer_take(c);
    peer_says(c, get);
    peer_says(stack_origin(s, 0), "HTTP/1.1 2");
    peer_closes(stack_origin(s, 0));
    cr_assert_eq(stack_origins(s), 1);
    cr_assert(says(c, "HTTP/1.1 502 ", ""));
    stack_free(s);
}

Test(exchange, refuses_content_over_the_limit)
{
    struct stack *s = stack_new(ONE ALL "limits = { body_size = \"1k\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1025\r\n\r\n");
    cr_assert(says(c, "HTTP/1.1 413 ", ""));
    cr_assert_eq(stack_origins(s), 0);
    cr_assert(peer_closed(c));
    stack_free(s);
}

Test(exchange, refuses_chunked_content_over_the_limit)
{
    struct stack *s = stack_new(ONE ALL "limits = { body_size = \"8\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
    cr_assert_str_eq(peer_take(c), "");
    peer_says(c, "5\r\nefghi\r\n");
    cr_assert(says(c, "HTTP/1.1 413 ", ""));
    cr_assert(peer_closed(stack_origin(s, 0)));
    stack_free(s);
}

Test(exchange, tells_the_origin_when_the_client_goes)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, get);
    peer_closes(c);
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_CLIENT_GONE], 1);
    stack_free(s);
}

Test(exchange, redirects_and_responds_by_itself)
{
    struct stack *s = stack_new(ONE "routes = ( { match = { path = \"/r\"; }; redirect = { scheme "
                                    "= \"https\"; status = 308; }; },"
                                    "           { match = { path = \"/p\"; }; respond = { status = "
                                    "200; body = \"pong\"; }; } );");
    struct peer *c = stack_client(s);
    peer_says(c, "GET /r?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(peer_heard(c, "HTTP/1.1 308 "));
    cr_assert(peer_heard(c, "https://h/r?x=1"));
    peer_take(c);
    peer_says(c, "GET /p HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(says(c, "HTTP/1.1 200 OK", "\r\n\r\npong"));
    peer_says(c, "HEAD /p HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(peer_heard(c, "ontent-Length: 4\r\n"));
    cr_assert(says(c, "HTTP/1.1 200 OK", "\r\n\r\n"));
    stack_free(s);
}

Test(exchange, answers_options_for_the_server_itself)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(says(c, "HTTP/1.1 2", ""));
    cr_assert_eq(stack_origins(s), 0);
    stack_free(s);
}

Test(exchange, refuses_connect_and_trace)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert(says(c, "HTTP/1.1 405 ", ""));
    peer_says(c, "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n");
    cr_assert(says(c, "HTTP/1.1 405 ", ""));
    cr_assert_eq(stack_origins(s), 0);
    stack_free(s);
}

Test(exchange, passes_on_interim_responses)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    cr_assert(peer_heard(stack_origin(s, 0), "100-continue\r\n"));
    peer_says(stack_origin(s, 0), "HTTP/1.1 100 Continue\r\n\r\n");
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 100 Continue\r\n\r\n");
    peer_says(stack_origin(s, 0), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    cr_assert_str_eq(peer_take(c), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
    peer_says(c, "abc");
    cr_assert(says(stack_origin(s, 0), "POST", "abc"));
    peer_says(stack_origin(s, 0), ok2);
    cr_assert(says(c, "HTTP/1.1 200 OK", "hi"));
    stack_free(s);
}

Test(exchange, holds_a_slow_reader_without_growing)
{
    struct stack *s = stack_new(
        ONE ALL "timeouts = { request = \"0s\"; write_idle = \"0s\"; body_idle = \"0s\"; };");
    struct peer *c = stack_client(s);
    char piece[8192];
    memset(piece, 'x', sizeof piece);
    peer_stalls(c);
    peer_says(c, get);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 8192000\r\n\r\n");
    size_t said = 0;
    for (; said < 1000 && o->link->out.n < 256 * 1024; said++)
        peer_says_n(o, piece, sizeof piece);
    cr_assert_lt(said, 100, "the origin is not held back: %zu pieces went", said);
    const size_t held = stack_worker(s)->loop->stock.blocks.slab.used;
    cr_assert_lt(held, 64, "%zu blocks held", held);
    peer_reads(c);
    for (; said < 1000; said++)
        peer_says_n(o, piece, sizeof piece);
    cr_assert_eq(c->heard_n - (size_t)(strstr(c->heard, "\r\n\r\n") + 4 - c->heard), 8192000);
    stack_free(s);
}

Test(exchange, holds_a_fast_sender_without_growing)
{
    struct stack *s = stack_new(ONE ALL "timeouts = { request = \"0s\"; body_idle = \"0s\"; };");
    struct peer *c = stack_client(s);
    char piece[8192];
    memset(piece, 'x', sizeof piece);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8192000\r\n\r\n");
    struct peer *o = stack_origin(s, 0);
    peer_stalls(o);
    size_t said = 0;
    for (; said < 1000 && c->link->out.n < 256 * 1024; said++)
        peer_says_n(c, piece, sizeof piece);
    cr_assert_lt(said, 100, "the client is not held back: %zu pieces went", said);
    peer_reads(o);
    for (; said < 1000; said++)
        peer_says_n(c, piece, sizeof piece);
    cr_assert_eq(o->heard_n - (size_t)(strstr(o->heard, "\r\n\r\n") + 4 - o->heard), 8192000);
    peer_says(o, ok2);
    cr_assert(says(c, "HTTP/1.1 200 OK", "hi"));
    stack_free(s);
}

Test(exchange, tunnels_after_an_upgrade_with_half_close)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c,
              "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "pgrade: websocket\r\n"));
    peer_take(o);
    peer_says(o, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                 "websocket\r\n\r\nhello");
    cr_assert(says(c, "HTTP/1.1 101 Switching Protocols\r\n", "\r\n\r\nhello"));
    peer_says(c, "ping");
    cr_assert_str_eq(peer_take(o), "ping");
    peer_says(o, "pong");
    cr_assert_str_eq(peer_take(c), "pong");
    peer_ends(c);
    cr_assert(o->eof && !o->failed);
    peer_says(o, "last words");
    cr_assert_str_eq(peer_take(c), "last words");
    peer_ends(o);
    cr_assert(c->eof && !c->failed);
    stack_free(s);
}

Test(exchange, ends_a_tunnel_in_which_nothing_moves)
{
    struct stack *s = stack_new(ONE ALL "timeouts = { tunnel_idle = \"5s\"; };");
    struct peer *c = stack_client(s);
    peer_says(c, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    peer_says(stack_origin(s, 0), "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    stack_sleep_ms(s, 4900);
    peer_says(c, "a");
    stack_sleep_ms(s, 4900);
    cr_assert(!peer_closed(c));
    stack_sleep_ms(s, 300);
    cr_assert(peer_closed(c));
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert_eq(stack_worker(s)->stats->worker->whys[WHY_TIMEOUT_TUNNEL], 1);
    stack_free(s);
}

Test(exchange, counts_what_it_did)
{
    struct stack *s = stack_new(ONE ALL);
    struct peer *c = stack_client(s);
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
    peer_says(stack_origin(s, 0), ok2);
    const struct stats *st = stack_worker(s)->stats;
    cr_assert_eq(st->routes[0]->requests, 1);
    cr_assert_eq(st->routes[0]->request_bytes, 5);
    cr_assert_eq(st->routes[0]->response_bytes, 2);
    cr_assert_eq(st->routes[0]->status[2], 1);
    cr_assert_eq(st->clusters[0]->requests, 1);
    cr_assert_eq(st->endpoints[0][0].attempts, 1);
    cr_assert_eq(st->endpoints[0][0].connects, 1);
    cr_assert_eq(st->endpoints[0][0].active, 0);
    cr_assert_eq(st->endpoints[0][0].failures, 0);
    cr_assert_eq(st->worker->exchanges_active, 0);
    stack_free(s);
}

/* -- variants ---------------------------------------------------------------------------------- */

Test(exchange, counts_for_its_variant_as_well_as_for_its_route)
{
    static struct traffic_stats counts;
    struct weir_variant one = {.index = 1, .name = SLICE("one")}, v2 = {.name = SLICE("v2")};
    struct stack *s = stack_new(ONE ALL);
    struct worker *w = stack_worker(s);
    w->stats->variants[0] = &counts; /* there is room for one more than the generation has */
    struct peer *c = stack_client(s);

    peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    struct exchange *x = list_entry(w->active.next, struct exchange, node);
    weir_variant_set((struct weir_exchange *)x, &one);
    weir_variant_set((struct weir_exchange *)x, NULL);
    cr_assert(!x->variant && !x->plan.variant.n);
    weir_variant_set((struct weir_exchange *)x, &v2); /* the last one counts */
    cr_assert(slice_eq(x->plan.variant, SLICE("v2")));
    peer_says(stack_origin(s, 0), "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi");
    cr_assert(counts.requests == 1 && counts.status[4] == 1 && counts.response_bytes == 2);
    cr_assert(w->stats->routes[0]->requests == 1);

    peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); /* one that belongs to none */
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    cr_assert(counts.requests == 1 && w->stats->routes[0]->requests == 2);
    stack_free(s);
}
