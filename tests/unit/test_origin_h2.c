/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards origins: what requests and responses become on the way. */
#include "h2_origin_case.h"

static char *pattern(size_t n)
{
    char *p = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)('a' + (i * 7 + i / 251) % 26);
    p[n] = 0;
    return p;
}

Test(origin_h2, passes_a_request_and_its_response)
{
    begin("");
    struct peer *c = asks("GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nX-Some: Thing\r\n"
                          "Connection: close, x-gone\r\nX-Gone: 1\r\nTE: trailers\r\n\r\n");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(r);
    cr_assert(h2_request_has(r, ":method", "GET"));
    cr_assert(h2_request_has(r, ":path", "/a?b=c"));
    cr_assert(h2_request_has(r, ":scheme", "http"));
    cr_assert(h2_request_has(r, ":authority", "example.com"));
    cr_assert(h2_request_has(r, "x-some", "Thing"));
    cr_assert(h2_request_has(r, "via", "1.1 weir"));
    cr_assert(!h2_request_has_name(r, "host"));
    cr_assert(!h2_request_has_name(r, "connection"));
    cr_assert(!h2_request_has_name(r, "x-gone"));
    cr_assert(!h2_request_has_name(r, "content-length"));
    cr_assert(r->ended);
    h2_origin_head(o, r, "200", "content-length: 2\nx-back: yes\n", false);
    h2_origin_content(o, r, "hi", 2, true);
    const char *got = peer_take(c);
    cr_assert(strstr(got, "HTTP/1.1 200 OK\r\n"), "%s", got);
    cr_assert(strstr(got, "x-back: yes\r\n"));
    cr_assert(strstr(got, "ontent-Length: 2\r\n") || strstr(got, "ontent-length: 2\r\n"));
    cr_assert(strstr(got, "2.0 weir\r\n"));
    cr_assert_str_eq(strstr(got, "\r\n\r\n"), "\r\n\r\nhi");
    cr_assert(r->closed);
    cr_assert_eq(r->code, NGHTTP2_NO_ERROR);
    end();
}

Test(origin_h2, says_what_it_wants)
{
    begin("h2 = { stream_window = 100000; connection_window = 200000; };"
          "limits = { head_size = \"8k\"; };");
    asks(GET);
    struct h2_origin *o = origin(0);
    cr_assert_eq(h2_origin_setting(o, NGHTTP2_SETTINGS_ENABLE_PUSH), 0);
    cr_assert_eq(h2_origin_setting(o, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE), 100000);
    cr_assert_eq(h2_origin_setting(o, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE), 8192);
    end();
}

Test(origin_h2, uses_one_connection_for_one_request_after_another)
{
    begin("");
    struct peer *c = stack_client(s);
    struct h2_origin *o = NULL;
    for (size_t i = 0; i < 5; i++) {
        peer_says(c, GET);
        if (!o)
            o = origin(0);
        cr_assert_eq(h2_origin_requests(o), i + 1);
        h2_origin_answer(o, h2_origin_request(o, i), "x");
        cr_assert(peer_heard(c, "\r\nx"), "%s", peer_take(c));
        peer_take(c);
    }
    cr_assert_eq(stack_origins(s), 1);
    cr_assert_eq(endpoint()->stats->connects, 1);
    cr_assert_eq(endpoint()->stats->attempts, 5);
    cr_assert_eq(endpoint()->stats->reused, 4);
    cr_assert_eq(endpoint()->stats->open, 1);
    end();
}

Test(origin_h2, serves_many_at_the_same_time_in_any_order)
{
    begin("");
    struct peer *c[20];
    c[0] = asks(GET);
    struct h2_origin *o = origin(0);
    for (size_t i = 1; i < 20; i++)
        c[i] = asks(GET);
    cr_assert_eq(h2_origin_requests(o), 20);
    cr_assert_eq(endpoint()->stats->active, 20);
    for (size_t i = 20; i-- > 0;) {
        char body[8];
        snprintf(body, sizeof body, "n%zu.", i);
        h2_origin_answer(o, h2_origin_request(o, i), body);
        cr_assert(peer_heard(c[i], body));
    }
    cr_assert_eq(stack_origins(s), 1);
    cr_assert_eq(endpoint()->stats->active, 0);
    end();
}

Test(origin_h2, passes_content_with_and_without_a_length)
{
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(h2_request_has(r, "content-length", "5"));
    cr_assert_str_eq(r->body, "hello");
    cr_assert(r->ended);
    h2_origin_answer(o, r, "one");
    cr_assert(peer_heard(c, "one"));
    peer_says(c, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    r = h2_origin_request(o, 1);
    cr_assert(!h2_request_has_name(r, "content-length"));
    cr_assert(!h2_request_has_name(r, "transfer-encoding"));
    cr_assert_str_eq(r->body, "abc");
    cr_assert(!r->ended);
    peer_says(c, "2\r\nde\r\n0\r\n\r\n");
    cr_assert_str_eq(r->body, "abcde");
    cr_assert(r->ended);
    h2_origin_answer(o, r, "two");
    cr_assert(peer_heard(c, "two"));
    end();
}

/* Nine bytes in front of each frame must not take blocks of their own while they wait to leave. */
Test(origin_h2, heads_of_frames_share_a_block)
{
    enum { FRAMES = 10, PIECE = 4096 };
    static char some[PIECE];
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 40960\r\n\r\n");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    const struct slab *blocks = &stack_worker(s)->loop->stock.blocks.slab;
    memset(some, 'x', sizeof some);
    peer_stalls(stack_origin(s, 0));
    const size_t before = blocks->used;
    for (int i = 0; i < FRAMES; i++)
        peer_says_n(c, some, sizeof some);
    cr_assert_leq(blocks->used, before + FRAMES + 2, "%zu before, %zu now", before, blocks->used);
    peer_reads(stack_origin(s, 0));
    cr_assert(r->ended);
    h2_origin_answer(o, r, "");
    end();
}

Test(origin_h2, passes_trailers_both_ways)
{
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 17\r\n\r\n");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(h2_request_has(r, "te", "trailers"));
    cr_assert_str_eq(r->body, "a");
    cr_assert_str_eq(r->trailers, "x-sum: 17\n");
    cr_assert(r->ended);
    h2_origin_head(o, r, "200", "", false);
    h2_origin_content(o, r, "b", 1, false);
    h2_origin_trailers(o, r, "grpc-status: 0\n");
    cr_assert(peer_heard(c, "0\r\ngrpc-status: 0\r\n\r\n"), "%s", peer_take(c));
    end();
}

Test(origin_h2, passes_trailers_behind_no_content)
{
    begin("");
    struct peer *c = asks("POST / HTTP/1.1\r\nHost: h\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 17\r\n\r\n");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert_str_eq(r->body, "");
    cr_assert_str_eq(r->trailers, "x-sum: 17\n");
    cr_assert(r->ended);
    h2_origin_head(o, r, "200", "", false);
    h2_origin_trailers(o, r, "x-end: 1\n");
    cr_assert(peer_heard(c, "0\r\nx-end: 1\r\n\r\n"), "%s", peer_take(c));
    end();
}

Test(origin_h2, passes_interim_responses)
{
    begin("");
    struct peer *c = asks(GET);
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "103", "link: </a.css>\n", false);
    cr_assert(peer_heard(c, "HTTP/1.1 103 Early Hints\r\n"));
    cr_assert(peer_heard(c, "link: </a.css>\r\n"));
    h2_origin_answer(o, r, "done");
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK\r\n"));
    end();
}

Test(origin_h2, waits_for_100_continue)
{
    begin("");
    struct peer *c = asks("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                          "Expect: 100-continue\r\n\r\n");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(h2_request_has(r, "expect", "100-continue"));
    cr_assert(!r->ended);
    h2_origin_head(o, r, "100", "", false);
    cr_assert(peer_heard(c, "HTTP/1.1 100 Continue\r\n\r\n"));
    peer_says(c, "abc");
    cr_assert_str_eq(r->body, "abc");
    cr_assert(r->ended);
    h2_origin_answer(o, r, "ok");
    cr_assert(peer_heard(c, "ok"));
    end();
}

Test(origin_h2, knows_responses_without_content)
{
    begin("");
    struct peer *c = asks("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    struct h2_origin *o = origin(0);
    h2_origin_head(o, h2_origin_request(o, 0), "200", "content-length: 1000\n", true);
    const char *got = peer_take(c);
    cr_assert(strstr(got, "1000\r\n"), "%s", got);
    cr_assert(strstr(got, "\r\n\r\n")[4] == 0);
    static const char *const statuses[] = {"204", "304"};
    for (size_t i = 0; i < 2; i++) {
        peer_says(c, GET);
        h2_origin_head(o, h2_origin_request(o, i + 1), statuses[i], "", true);
        cr_assert(peer_heard(c, statuses[i]));
        cr_assert(!peer_heard(c, "chunked"));
        cr_assert(!peer_closed(c));
        peer_take(c);
    }
    end();
}

/* -- windows ----------------------------------------------------------------------------------- */

Test(origin_h2, sends_large_content_as_windows_allow)
{
    enum { SIZE = 300000 };
    char head[128], *body = pattern(SIZE);
    begin("");
    struct peer *c = stack_client(s);
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", SIZE);
    peer_says(c, head);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.manual = true});
    struct h2_request *r = h2_origin_request(o, 0);
    peer_says_n(c, body, SIZE);
    cr_assert_eq(r->body_n, 65535, "the window is full");
    cr_assert_leq(endpoint()->cluster->conf->limits.queue, 65536);
    size_t consumed = 0;
    for (int turns = 0; r->body_n < SIZE && turns < 100; turns++) {
        const size_t n = r->body_n - consumed;
        consumed += n;
        h2_origin_consume(o, r, n);
    }
    cr_assert_eq(r->body_n, SIZE);
    cr_assert(memcmp(r->body, body, SIZE) == 0);
    cr_assert(r->ended);
    h2_origin_answer(o, r, "ok");
    cr_assert(peer_heard(c, "ok"));
    end();
    free(body);
}

Test(origin_h2, passes_large_content_outward_whole)
{
    enum { SIZE = 1000000 };
    char *body = pattern(SIZE);
    begin("");
    struct peer *c = asks("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "200", "content-length: 1000000\n", false);
    h2_origin_content(o, r, body, SIZE, true);
    const size_t got = c->heard_n;
    const char *all = peer_take(c), *content = strstr(all, "\r\n\r\n") + 4;
    cr_assert_eq(got - (size_t)(content - all), SIZE);
    cr_assert(memcmp(content, body, SIZE) == 0);
    end();
    free(body);
}

Test(origin_h2, a_client_that_takes_nothing_holds_up_nobody_else)
{
    enum { SIZE = 1000000 };
    char *body = pattern(SIZE);
    begin("");
    struct peer *slow = asks(GET);
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "200", "content-length: 1000000\n", false);
    peer_stalls(slow);
    h2_origin_content(o, r, body, SIZE, true);
    cr_assert_lt(r->out_at, 400000, "the stream's window, the queues and the pipe: %zu", r->out_at);
    struct peer *fast = asks("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    struct h2_request *other = h2_origin_request(o, 1);
    h2_origin_head(o, other, "200", "content-length: 1000000\n", false);
    h2_origin_content(o, other, body, SIZE, true);
    cr_assert_gt(fast->heard_n, SIZE);
    cr_assert(other->closed);
    peer_reads(slow);
    cr_assert_gt(slow->heard_n, SIZE);
    cr_assert(r->closed);
    end();
    free(body);
}

Test(origin_h2, content_is_the_same_however_frames_are_cut)
{
    enum { SIZE = 50000 };
    char *body = pattern(SIZE);
    for (size_t cut = 1; cut < 40; cut += 6) {
        begin("");
        struct peer *c = stack_client(s);
        peer_says(c, GET);
        struct h2_origin *o = origin(0);
        struct h2_request *r = h2_origin_request(o, 0);
        struct origin *up = list_entry(endpoint()->shared.next, struct origin, node);
        link_memory_segment(up->link, cut);
        h2_origin_head(o, r, "200", "content-length: 50000\n", false);
        h2_origin_content(o, r, body, SIZE, true);
        const size_t got = c->heard_n;
        const char *all = peer_take(c), *content = strstr(all, "\r\n\r\n") + 4;
        cr_assert_eq(got - (size_t)(content - all), SIZE, "cut %zu", cut);
        cr_assert(memcmp(content, body, SIZE) == 0);
        end();
    }
    free(body);
}

/* -- tunnels ----------------------------------------------------------------------------------- */

#define UPGRADE                                                                                    \
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"               \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

Test(origin_h2, carries_a_websocket)
{
    begin("");
    struct peer *c = asks(UPGRADE);
    struct h2_origin *o =
        origin_with(0, (struct h2_origin_how){.connect_protocol = true, .silent = true});
    cr_assert_eq(h2_origin_requests(o), 0, "waits to hear whether it may");
    h2_origin_settings(o);
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(h2_request_has(r, ":method", "CONNECT"));
    cr_assert(h2_request_has(r, ":protocol", "websocket"));
    cr_assert(h2_request_has(r, ":path", "/chat"));
    cr_assert(h2_request_has(r, "sec-websocket-version", "13"));
    cr_assert(!h2_request_has_name(r, "sec-websocket-key"));
    cr_assert(!h2_request_has_name(r, "upgrade"));
    cr_assert(!r->ended);
    h2_origin_head(o, r, "200", "sec-websocket-protocol: chat\n", false);
    const char *got = peer_take(c);
    cr_assert(strstr(got, "HTTP/1.1 101 "), "%s", got);
    cr_assert(strstr(got, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    cr_assert(strstr(got, "websocket\r\n"));
    cr_assert(strstr(got, "sec-websocket-protocol: chat\r\n"));
    peer_says(c, "inward");
    cr_assert_str_eq(r->body, "inward");
    h2_origin_content(o, r, "outward", 7, false);
    cr_assert_str_eq(peer_take(c), "outward");
    peer_ends(c);
    cr_assert(r->ended);
    h2_origin_content(o, r, "last", 4, true);
    cr_assert_str_eq(peer_take(c), "last");
    cr_assert(peer_closed(c));
    cr_assert(r->closed);
    cr_assert_eq(r->code, NGHTTP2_NO_ERROR);
    end();
}

Test(origin_h2, a_tunnel_ends_from_the_origin_first)
{
    begin("");
    struct peer *c = asks(UPGRADE);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.connect_protocol = true});
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "200", "", false);
    h2_origin_content(o, r, "bye", 3, true);
    cr_assert(peer_heard(c, "bye"));
    peer_says(c, "more");
    cr_assert_str_eq(r->body, "more");
    peer_ends(c);
    cr_assert(r->ended && r->closed);
    cr_assert_eq(endpoint()->stats->active, 0);
    end();
}

Test(origin_h2, a_tunnel_is_reset_in_either_direction)
{
    begin("");
    struct peer *c = asks(UPGRADE);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.connect_protocol = true});
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "200", "", false);
    peer_resets(c);
    cr_assert(r->closed);
    cr_assert_eq(r->code, NGHTTP2_CANCEL);
    c = asks(UPGRADE);
    r = h2_origin_request(o, 1);
    h2_origin_head(o, r, "200", "", false);
    h2_origin_reset(o, r, NGHTTP2_CANCEL);
    cr_assert(peer_closed(c));
    end();
}

Test(origin_h2, passes_on_that_a_websocket_was_declined)
{
    begin("");
    struct peer *c = asks(UPGRADE);
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.connect_protocol = true});
    struct h2_request *r = h2_origin_request(o, 0);
    h2_origin_head(o, r, "403", "content-length: 2\n", false);
    h2_origin_content(o, r, "no", 2, true);
    cr_assert(peer_heard(c, "HTTP/1.1 403 "));
    cr_assert(peer_heard(c, "\r\n\r\nno"));
    cr_assert(r->ended);
    end();
}

Test(origin_h2, refuses_a_websocket_that_the_origin_does_not_take)
{
    begin("");
    struct peer *c = asks(UPGRADE);
    struct h2_origin *o = origin(0);
    cr_assert_eq(h2_origin_requests(o), 0);
    cr_assert(peer_heard(c, "HTTP/1.1 501 "), "%s", peer_take(c));
    cr_assert_eq(whys(WHY_UPGRADE), 1);
    end();
}

Test(origin_h2, passes_a_request_without_an_upgrade_that_http2_has_not)
{
    begin("");
    struct peer *c = asks("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                          "Upgrade: something\r\n\r\n");
    struct h2_origin *o = origin(0);
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(h2_request_has(r, ":method", "GET"));
    cr_assert(!h2_request_has_name(r, "upgrade"));
    h2_origin_answer(o, r, "plain");
    cr_assert(peer_heard(c, "plain"));
    end();
}

Test(origin_h2, content_before_a_tunnel_is_no_part_of_it)
{
    begin("");
    struct peer *c = asks("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
                          "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Content-Length: 3\r\n\r\nabc");
    struct h2_origin *o = origin_with(0, (struct h2_origin_how){.connect_protocol = true});
    struct h2_request *r = h2_origin_request(o, 0);
    cr_assert(h2_request_has(r, ":method", "GET"));
    cr_assert_str_eq(r->body, "abc");
    h2_origin_answer(o, r, "plain");
    cr_assert(peer_heard(c, "plain"));
    end();
}
