/* SPDX-License-Identifier: Apache-2.0 */
/* Flow control, turns and priorities of HTTP/2 clients: who is stalled holds nothing and stands in
 * nobody's way. */
#include "tests/unit/h2_stack.h"

static size_t blocks_used(struct stack *s)
{
    return stack_worker(s)->loop->stock.blocks.slab.used;
}

static bool as_sent(const struct h2_answer *a, size_t n)
{
    if (a->body_n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (a->body[i] != (char)('a' + i % 26))
            return false;
    return true;
}

Test(h2_flow, passes_much_content_outward_whole)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t one = h2_ask(p, "GET", "/1", NULL), two = h2_ask(p, "GET", "/2", NULL);
    for (int i = 0; i < 2; i++)
        origin_sends(stack_origin(s, (size_t)i), 1000000);
    h2_peer_run(p);
    cr_assert(as_sent(h2_answer(p, one), 1000000) && as_sent(h2_answer(p, two), 1000000));
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, passes_much_content_inward_whole)
{
    enum { N = 500000 };
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    char *much = malloc(N);
    memset(much, 'x', N);
    const int32_t id = h2_ask_open(p, "PUT", "/", "content-length: 500000\n");
    h2_send(p, id, much, N, true);
    struct peer *o = stack_origin(s, 0);
    const size_t head = (size_t)(strstr(o->heard, "\r\n\r\n") + 4 - o->heard);
    cr_assert_eq(o->heard_n - head, N);
    origin_sends(o, 2);
    h2_peer_run(p);
    cr_assert(as_sent(h2_answer(p, id), 2));
    free(much);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, holds_little_for_a_stalled_stream_and_serves_its_neighbour)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .connection_window = 10000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    const int32_t stalled = h2_ask(p, "GET", "/1", NULL);
    struct peer *origin = stack_origin(s, 0);
    peer_says(origin, "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5000000\r\n\r\n");
    char piece[8192];
    memset(piece, 'a', sizeof piece);
    for (int i = 0; i < 200; i++) {
        peer_says_n(origin, piece, sizeof piece);
        h2_peer_run(p);
    }
    cr_assert_eq(h2_answer(p, stalled)->body_n, 65535, "its window");
    /* limits.queue of the exchange, what a read may bring above it, and the test's own pipe */
    cr_assert_lt(blocks_used(s), 120, "%zu", blocks_used(s));
    const size_t before = blocks_used(s);
    for (int i = 0; i < 5; i++) {
        const int32_t id = h2_ask(p, "GET", "/2", NULL);
        origin_sends(stack_origin(s, 1), 50000);
        h2_peer_run(p);
        cr_assert(as_sent(h2_answer(p, id), 50000));
    }
    cr_assert_leq(blocks_used(s), before + 2);
    h2_open(p, stalled, 100000);
    cr_assert_eq(h2_answer(p, stalled)->body_n, 165535, "it goes on when it may");
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, goes_on_when_settings_open_the_windows)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {
        .hold_windows = true, .window = 10, .connection_window = 1000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    const int32_t id = h2_ask(p, "GET", "/", NULL);
    origin_sends(stack_origin(s, 0), 1000);
    h2_peer_run(p);
    cr_assert_eq(h2_answer(p, id)->body_n, 10);
    const nghttp2_settings_entry more = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 400};
    nghttp2_submit_settings(p->session, 0, &more, 1);
    h2_peer_run(p);
    cr_assert_eq(h2_answer(p, id)->body_n, 400);
    const nghttp2_settings_entry less = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    nghttp2_submit_settings(p->session, 0, &less, 1);
    h2_peer_run(p);
    h2_open(p, id, 399);
    cr_assert_eq(h2_answer(p, id)->body_n, 400, "the window was negative");
    h2_open(p, id, 1000);
    cr_assert(as_sent(h2_answer(p, id), 1000) && h2_answer(p, id)->ended);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, waits_for_the_window_of_the_connection)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .window = 1000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    int32_t ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = h2_ask(p, "GET", "/", NULL);
        origin_sends(stack_origin(s, 0), 40000); /* it is kept, and used again */
        h2_peer_run(p);
    }
    cr_assert(as_sent(h2_answer(p, ids[0]), 40000));
    cr_assert_eq(h2_answer(p, ids[1])->body_n, 65535 - 40000);
    h2_open(p, 0, 20000);
    cr_assert(as_sent(h2_answer(p, ids[1]), 40000), "the earlier request first");
    cr_assert_eq(h2_answer(p, ids[2])->body_n, 65535 + 20000 - 80000);
    h2_open(p, 0, 100000);
    cr_assert(as_sent(h2_answer(p, ids[2]), 40000));
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, lets_no_client_send_more_than_the_origin_takes)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    char much[300000];
    memset(much, 'x', sizeof much);
    const int32_t one = h2_ask_open(p, "PUT", "/1", NULL), two = h2_ask_open(p, "PUT", "/2", NULL);
    peer_stalls(stack_origin(s, 0));
    h2_send(p, one, much, sizeof much, true);
    const int32_t left = nghttp2_session_get_stream_remote_window_size(p->session, one);
    cr_assert_eq(left, 0, "%d", left);
    cr_assert_lt(blocks_used(s), 60, "%zu", blocks_used(s));
    h2_send(p, two, much, sizeof much, true);
    cr_assert(peer_heard(stack_origin(s, 1), "0\r\n\r\n"), "the neighbour's content goes on");
    peer_reads(stack_origin(s, 0));
    h2_peer_run(p);
    cr_assert(peer_heard(stack_origin(s, 0), "Transfer-Encoding: chunked"));
    cr_assert_gt(stack_origin(s, 0)->heard_n, sizeof much);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, resets_a_stream_whose_window_stays_shut)
{
    struct stack *s = stack_new_h2("timeouts = { write_idle = \"5s\"; request = \"0s\"; };",
                                   H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .window = 10};
    struct h2_peer *p = h2_peer_new(s, &o);
    const int32_t one = h2_ask(p, "GET", "/1", NULL), two = h2_ask(p, "GET", "/own", NULL);
    origin_sends(stack_origin(s, 0), 1000);
    h2_peer_run(p);
    cr_assert(h2_answer(p, two)->ended);
    stack_sleep_ms(s, 4000);
    h2_open(p, one, 5);
    stack_sleep_ms(s, 4000);
    h2_peer_run(p);
    cr_assert(!h2_answer(p, one)->closed, "it has moved meanwhile");
    stack_sleep_ms(s, 2000);
    h2_peer_run(p);
    cr_assert_eq(h2_answer(p, one)->code, NGHTTP2_CANCEL);
    cr_assert_eq(h2_stats(s)->h2_stalled, 1);
    cr_assert_eq(h2_whys(s, WHY_CLIENT_SLOW), 1);
    cr_assert(!h2_closed(p));
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, resets_a_stream_that_only_wants_to_end_and_may_not)
{
    struct stack *s = stack_new_h2("timeouts = { write_idle = \"5s\"; };", H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .window = 3};
    struct h2_peer *p = h2_peer_new(s, &o);
    const int32_t id = h2_ask(p, "GET", "/", NULL);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n");
    h2_peer_run(p);
    cr_assert_eq(h2_answer(p, id)->body_n, 3);
    peer_says(stack_origin(s, 0), "0\r\n\r\n");
    stack_sleep_ms(s, 6000);
    h2_peer_run(p);
    cr_assert(h2_answer(p, id)->closed);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, closes_a_connection_whose_window_stays_shut)
{
    struct stack *s = stack_new_h2("timeouts = { write_idle = \"5s\"; request = \"0s\"; };",
                                   H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .window = 1000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    h2_ask(p, "GET", "/1", NULL);
    origin_sends(stack_origin(s, 0), 100000);
    h2_peer_run(p);
    stack_sleep_ms(s, 4900);
    cr_assert(!h2_closed(p));
    stack_sleep_ms(s, 200);
    cr_assert(h2_closed(p));
    cr_assert_eq(h2_whys(s, WHY_CLIENT_SLOW), 1);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, closes_a_connection_that_reads_nothing)
{
    struct stack *s = stack_new_h2("timeouts = { write_idle = \"5s\"; request = \"0s\"; };",
                                   H2_CONF);
    const struct h2_peer_options o = {.window = 10000000, .connection_window = 10000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    for (int i = 0; i < 4; i++)
        h2_ask(p, "GET", "/", NULL);
    peer_stalls(p->peer);
    for (size_t i = 0; i < 4; i++)
        origin_sends(stack_origin(s, i), 300000);
    /* Of each exchange the queue, the pipes of the origins, the pipe to the client and its link. */
    cr_assert_lt(blocks_used(s), 250, "%zu", blocks_used(s));
    stack_sleep_ms(s, 5100);
    cr_assert_eq(stack_clients(s), 0);
    h2_peer_free(p);
    stack_free(s);
}

/* -- turns ------------------------------------------------------------------------------------- */

/* Two responses of 200,000 bytes wait for a shut connection, then it opens bit by bit. */
static void race(const char *first, const char *second, bool want_second_first, bool want_shared)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .window = 10000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    const int32_t fill = h2_ask(p, "GET", "/0", NULL);
    origin_sends(stack_origin(s, 0), 65535);
    h2_peer_run(p);
    cr_assert(as_sent(h2_answer(p, fill), 65535));
    const int32_t a = h2_ask(p, "GET", "/1", first), b = h2_ask(p, "GET", "/2", second);
    for (size_t i = 0; i < 2; i++) /* the first is on the kept connection */
        origin_sends(stack_origin(s, i), 200000);
    for (int i = 0; i < 40 && !(h2_answer(p, a)->ended && h2_answer(p, b)->ended); i++) {
        h2_open(p, 0, 20000);
        if (want_shared && i == 9)
            cr_assert(h2_answer(p, a)->body_n > 60000 && h2_answer(p, b)->body_n > 60000,
                      "%zu %zu", h2_answer(p, a)->body_n, h2_answer(p, b)->body_n);
        if (!want_shared && i == 8)
            cr_assert_eq(h2_answer(p, want_second_first ? a : b)->body_n, 0);
    }
    cr_assert(as_sent(h2_answer(p, a), 200000) && as_sent(h2_answer(p, b), 200000));
    if (!want_shared)
        cr_assert_eq(h2_answer(p, b)->order < h2_answer(p, a)->order, want_second_first);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, serves_requests_in_their_order_unless_told_otherwise)
{
    race(NULL, NULL, false, false);
}

Test(h2_flow, serves_the_more_urgent_first)
{
    race("priority: u=5\n", "priority: u=1\n", true, false);
}

Test(h2_flow, shares_between_incremental_ones)
{
    race("priority: i\n", "priority: i\n", false, true);
}

Test(h2_flow, takes_a_priority_update)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .window = 10000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    h2_ask(p, "GET", "/0", NULL);
    origin_sends(stack_origin(s, 0), 65535);
    h2_peer_run(p);
    const int32_t a = h2_ask(p, "GET", "/1", NULL), b = h2_ask(p, "GET", "/2", NULL);
    for (size_t i = 0; i < 2; i++)
        origin_sends(stack_origin(s, i), 30000);
    nghttp2_submit_priority_update(p->session, 0, b, (const uint8_t *)"u=0", 3);
    h2_peer_run(p);
    h2_open(p, 0, 30000);
    h2_open(p, 0, 30000);
    cr_assert(h2_answer(p, a)->ended && h2_answer(p, b)->ended);
    cr_assert_lt(h2_answer(p, b)->order, h2_answer(p, a)->order);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_flow, believes_the_origin_about_priorities)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options o = {.hold_windows = true, .window = 10000000};
    struct h2_peer *p = h2_peer_new(s, &o);
    h2_ask(p, "GET", "/0", NULL);
    origin_sends(stack_origin(s, 0), 65535);
    h2_peer_run(p);
    const int32_t a = h2_ask(p, "GET", "/1", "priority: u=2\n"), b = h2_ask(p, "GET", "/2", NULL);
    peer_says(stack_origin(s, 0), "HTTP/1.1 200 OK\r\nDate: x\r\nPriority: u=6\r\n"
                                  "Content-Length: 5\r\n\r\nfirst");
    peer_says(stack_origin(s, 1), "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 6\r\n\r\nsecond");
    h2_peer_run(p);
    h2_open(p, 0, 6);
    h2_open(p, 0, 30000);
    cr_assert_str_eq(h2_answer(p, a)->body, "first");
    cr_assert_lt(h2_answer(p, b)->order, h2_answer(p, a)->order);
    h2_peer_free(p);
    stack_free(s);
}
