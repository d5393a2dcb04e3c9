/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an HTTP/2 connection: drain, the limits of requests and time, and ends in the middle
 * of things. */
#include "tests/unit/h2_stack.h"

#define OK2 "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi"

Test(h2_life, drains_in_two_steps)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {.no_ping_ack = true};
    struct h2_peer *p = h2_peer_new(s, &o);
    const int32_t one = h2_ask(p, "GET", "/1", NULL);
    stack_drain(s);
    h2_peer_run(p);
    cr_assert_eq(p->goaways, 1);
    cr_assert_eq(p->goaway_last, INT32_MAX, "nothing is refused yet");
    cr_assert_eq(p->pings, 1);
    /* What was on its way meanwhile is still served; nghttp2's own client would ask no more. */
    char frame[256], block[200];
    const size_t n = h2_make_block(block, ":method: GET\n:scheme: http\n:authority: a\n"
                                          ":path: /2\n");
    peer_says_n(p->peer, frame, h2_make_frame(frame, NGHTTP2_HEADERS, 5, 3, block, n));
    cr_assert(peer_heard(stack_origin(s, 1), "GET /2 "));
    h2_frame(p, NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "drain\0\0\0", 8);
    cr_assert_eq(p->goaways, 2);
    cr_assert_eq(p->goaway_last, 3);
    cr_assert_eq(p->goaway_code, NGHTTP2_NO_ERROR);
    cr_assert(!h2_closed(p), "two requests are under way");
    peer_says(stack_origin(s, 0), OK2);
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, one)->body, "hi");
    cr_assert(!h2_closed(p));
    peer_says(stack_origin(s, 1), OK2);
    cr_assert(h2_closed(p));
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, drains_a_client_that_answers_no_ping)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {.no_ping_ack = true};
    struct h2_peer *p = h2_peer_new(s, &o);
    stack_drain(s);
    stack_sleep_ms(s, 900);
    h2_peer_run(p);
    cr_assert_eq(p->goaways, 1);
    stack_sleep_ms(s, 200);
    h2_peer_run(p);
    cr_assert_eq(p->goaways, 2);
    cr_assert(h2_closed(p));
    cr_assert_eq(stack_clients(s), 1, "it waits for the client's end");
    stack_sleep_ms(s, 2100);
    cr_assert_eq(stack_clients(s), 0);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, drains_who_comes_while_draining)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    stack_worker(s)->draining = true;
    struct h2_peer *p = h2_peer_new(s, NULL);
    cr_assert_eq(p->goaways, 2);
    cr_assert(h2_closed(p));
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, ends_after_so_many_requests)
{
    struct stack *s = stack_new_h2("limits = { requests = 3; };", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(p->goaways, 0);
        cr_assert_str_eq(h2_answer(p, h2_ask(p, "GET", "/own", NULL))->body, "own");
    }
    cr_assert_eq(p->goaways, 2);
    cr_assert_eq(p->goaway_code, NGHTTP2_NO_ERROR);
    cr_assert(h2_closed(p));
    cr_assert_eq(h2_stats(s)->requests_limit, 1);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, closes_idle_connections)
{
    struct stack *s = stack_new_h2("timeouts = { keep_alive = \"5s\"; head = \"2s\"; };", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL), *silent = h2_peer_new(s, NULL);
    h2_ask(p, "GET", "/own", NULL);
    stack_sleep_ms(s, 2100);
    cr_assert(h2_closed(silent), "a first request has to come in time");
    cr_assert(!h2_closed(p));
    stack_sleep_ms(s, 3100);
    h2_peer_run(p);
    cr_assert(h2_closed(p));
    cr_assert_eq(p->goaway_code, NGHTTP2_NO_ERROR);
    cr_assert_eq(h2_stats(s)->timeout_idle, 2);
    h2_peer_free(p);
    h2_peer_free(silent);
    stack_free(s);
}

Test(h2_life, is_not_idle_while_a_request_is_under_way)
{
    struct stack *s = stack_new_h2("timeouts = { keep_alive = \"5s\"; request = \"0s\"; };",
                                   H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask(p, "GET", "/", NULL);
    stack_sleep_ms(s, 20000);
    peer_says(stack_origin(s, 0), OK2);
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->body, "hi");
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, gives_a_head_so_much_time)
{
    struct stack *s = stack_new_h2("timeouts = { head = \"2s\"; };", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    char block[200];
    h2_ask(p, "GET", "/own", NULL);
    h2_frame(p, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 3, block,
             h2_make_block(block, ":method: GET\n:scheme: http\n"));
    stack_sleep_ms(s, 1900);
    cr_assert(!h2_closed(p));
    stack_sleep_ms(s, 200);
    h2_peer_run(p);
    cr_assert(h2_closed(p));
    cr_assert_eq(p->goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
    cr_assert_eq(h2_stats(s)->h2_timeout_head, 1);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, gives_content_so_much_time)
{
    struct stack *s = stack_new_h2("timeouts = { body_idle = \"3s\"; };", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t slow = h2_ask_open(p, "POST", "/1", NULL);
    stack_sleep_ms(s, 2000);
    h2_send(p, slow, "x", 1, false);
    const int32_t other = h2_ask_open(p, "POST", "/2", NULL);
    stack_sleep_ms(s, 2000);
    h2_peer_run(p);
    h2_send(p, other, "x", 1, false);
    cr_assert_str_eq(h2_answer(p, slow)->status, "");
    stack_sleep_ms(s, 1100);
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, slow)->status, "408");
    cr_assert_str_eq(h2_answer(p, other)->status, "");
    cr_assert_eq(h2_whys(s, WHY_TIMEOUT_BODY), 1);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, asks_whether_a_silent_client_is_there)
{
    struct stack *s = stack_new_h2("h2 = { ping_interval = \"5s\"; ping_timeout = \"2s\"; };"
                                   "timeouts = { keep_alive = \"1h\"; head = \"1h\"; };",
                                   H2_CONF);
    const struct h2_peer_options deaf = {.no_ping_ack = true};
    struct h2_peer *a = h2_peer_new(s, NULL), *b = h2_peer_new(s, &deaf);
    for (int i = 0; i < 12; i++) {
        stack_sleep_ms(s, 1000);
        h2_peer_run(a);
        h2_peer_run(b);
    }
    cr_assert_eq(a->pings, 2);
    cr_assert(!h2_closed(a));
    cr_assert_eq(b->pings, 1);
    cr_assert(h2_closed(b));
    cr_assert_eq(h2_stats(s)->h2_ping_timeouts, 1);
    h2_peer_free(a);
    h2_peer_free(b);
    stack_free(s);
}

Test(h2_life, answers_pings)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options raw = {.raw = true};
    struct h2_peer *p = h2_peer_new(s, &raw);
    peer_says_n(p->peer, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    char frame[64];
    peer_says_n(p->peer, frame, h2_make_frame(frame, NGHTTP2_SETTINGS, 0, 0, NULL, 0));
    peer_take(p->peer);
    peer_says_n(p->peer, frame, h2_make_frame(frame, NGHTTP2_PING, 0, 0, "abcdefgh", 8));
    cr_assert_eq(p->peer->heard_n, 17);
    cr_assert_eq(memcmp(p->peer->heard, "\0\0\x08\x06\x01\0\0\0\0abcdefgh", 17), 0);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, ends_with_the_client)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL), *q = h2_peer_new(s, NULL), *r = h2_peer_new(s, NULL);
    h2_ask(p, "GET", "/1", NULL);
    h2_ask_open(q, "POST", "/2", NULL);
    h2_ask(r, "GET", "/3", NULL);
    peer_says(stack_origin(s, 2), "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc");
    peer_resets(p->peer);
    peer_closes(q->peer);
    peer_ends(r->peer);
    cr_assert_eq(stack_clients(s), 0);
    for (size_t i = 0; i < 3; i++)
        cr_assert(peer_closed(stack_origin(s, i)), "%zu", i);
    cr_assert_eq(h2_whys(s, WHY_CLIENT_GONE), 3);
    h2_peer_free(p);
    h2_peer_free(q);
    h2_peer_free(r);
    stack_free(s);
}

Test(h2_life, says_goodbye_to_who_does)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask(p, "GET", "/", NULL);
    nghttp2_session_terminate_session(p->session, NGHTTP2_NO_ERROR);
    h2_peer_run(p);
    peer_says(stack_origin(s, 0), OK2);
    h2_peer_run(p);
    (void)id;
    cr_assert(h2_closed(p), "nothing is under way any more");
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, is_closed_with_requests_under_way)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    h2_ask(p, "GET", "/1", NULL);
    h2_ask_open(p, "POST", "/2", NULL);
    listener_close_all(stack_listener(s));
    stack_settle(s);
    cr_assert_eq(stack_clients(s), 0);
    cr_assert(h2_closed(p));
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_life, refuses_requests_for_which_there_is_no_memory)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    slab_set_limit(&stack_worker(s)->exchanges, 1);
    const int32_t one = h2_ask(p, "GET", "/1", NULL), two = h2_ask(p, "GET", "/2", NULL);
    cr_assert(h2_answer(p, two)->closed);
    cr_assert_eq(h2_answer(p, two)->code, NGHTTP2_REFUSED_STREAM);
    cr_assert_eq(h2_stats(s)->h2_streams_refused, 0, "it wasn't the client's fault");
    peer_says(stack_origin(s, 0), OK2);
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, one)->body, "hi");
    stack_sleep_ms(s, 76000);
    cr_assert(h2_closed(p), "it is idle again");
    h2_peer_free(p);
    stack_free(s);
}

/* From none at all to enough: whatever can't be done, nothing breaks or is left over. */
Test(h2_life, survives_a_lack_of_blocks)
{
    for (size_t blocks = 0; blocks < 12; blocks++) {
        struct stack *s = stack_new_h2("", H2_CONF);
        struct h2_peer *p = h2_peer_new(s, NULL);
        struct slab *stock = &stack_worker(s)->loop->stock.blocks.slab;
        const size_t limit = stock->limit;
        h2_ask(p, "GET", "/1", NULL);
        h2_ask_open(p, "POST", "/2", NULL);
        struct peer *o = stack_origin(s, 0);
        cr_assert(bytes_copy(&o->link->out, SLICE("HTTP/1.1 200 OK\r\nDate: x\r\n"
                                                  "Content-Length: 2\r\n\r\nhi")));
        cr_assert(bytes_copy(&p->peer->link->out, SLICE("\0\0\x08\x06\0\0\0\0\0abcdefgh")));
        slab_set_limit(stock, stock->used + blocks);
        link_send(o->link);
        link_send(p->peer->link);
        stack_sleep_ms(s, 50);
        slab_set_limit(stock, limit);
        stack_sleep_ms(s, 50);
        h2_peer_free(p);
        stack_free(s);
    }
}

Test(h2_life, holds_little_when_idle)
{
    enum { N = 64 };
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *peers[N];
    for (int i = 0; i < N; i++) {
        peers[i] = h2_peer_new(s, NULL);
        h2_ask(peers[i], "GET", "/own", NULL);
    }
    cr_assert_leq(stack_worker(s)->loop->stock.blocks.slab.used, 1, "the scratch of all");
    for (int i = 0; i < N; i++)
        h2_peer_free(peers[i]);
    stack_free(s);
}
