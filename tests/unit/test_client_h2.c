/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and responses over HTTP/2, driven through the whole stack in memory, with an HTTP/1.1
 * origin. */
#include "tests/unit/h2_stack.h"

#define OK "HTTP/1.1 200 OK\r\nDate: x\r\n"

Test(client_h2, serves_a_request)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask(p, "GET", "/x?y", "accept: text/html\ncookie: a=1\ncookie: b=2\n");
    struct peer *o = stack_origin(s, 0);
    cr_assert_str_eq(peer_take(o), "GET /x?y HTTP/1.1\r\nhost: a.example\r\naccept: text/html\r\n"
                                   "cookie: a=1; b=2\r\n\r\n");
    peer_says(o, OK "Content-Length: 2\r\nX-Thing: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nhi");
    h2_peer_run(p);
    const struct h2_answer *b = h2_answer(p, id);
    cr_assert_str_eq(b->status, "200");
    cr_assert_str_eq(b->head, "content-length: 2\ndate: x\nx-thing: 1\n");
    cr_assert_str_eq(b->body, "hi");
    cr_assert(b->ended && b->closed && b->code == NGHTTP2_NO_ERROR);
    cr_assert(!h2_closed(p));
    cr_assert_eq(h2_stats(s)->h2_connections, 1);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, answers_itself)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t one = h2_ask(p, "GET", "/own", NULL), two = h2_ask(p, "HEAD", "/own", NULL);
    cr_assert_str_eq(h2_answer(p, one)->body, "own");
    cr_assert(strstr(h2_answer(p, two)->head, "content-length: 3\n"));
    cr_assert(h2_answer(p, two)->ended && !h2_answer(p, two)->body);
    h2_peer_free(p);
    stack_free(s);
}

/* SETTINGS, its acknowledgement, and twenty responses. */
Test(client_h2, all_that_a_turn_brings_leaves_in_one_write)
{
    char in[8192] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", block[256];
    size_t n = strlen(in);
    const size_t block_n =
        h2_make_block(block, ":method: GET\n:scheme: http\n:path: /own\n:authority: a.example\n");
    n += h2_make_frame(in + n, NGHTTP2_SETTINGS, 0, 0, "", 0);
    for (int32_t i = 0; i < 20; i++)
        n += h2_make_frame(in + n, NGHTTP2_HEADERS,
                           NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 2 * i + 1, block,
                           block_n);
    struct stack *s = stack_new_h2("", H2_CONF);
    struct peer *c = stack_client(s);
    peer_says_n(c, in, n);
    cr_assert_eq(stack_worker(s)->stats->routes[0]->requests, 20);
    cr_assert_eq(c->pieces, 1, "%zu pieces", c->pieces);
    stack_free(s);
}

Test(client_h2, serves_many_at_once_in_whatever_order)
{
    enum { N = 20 };
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    int32_t ids[N];
    for (int i = 0; i < N; i++) {
        char path[16];
        snprintf(path, sizeof path, "/%d", i);
        ids[i] = h2_ask(p, "GET", path, NULL);
    }
    cr_assert_eq(stack_origins(s), N);
    for (int i = N - 1; i >= 0; i--) {
        char reply[128];
        snprintf(reply, sizeof reply, OK "Content-Length: 2\r\n\r\n%02d", i);
        peer_says(stack_origin(s, (size_t)i), reply);
        h2_peer_run(p);
        cr_assert_eq(h2_answer(p, ids[i])->order, (unsigned)(N - i));
    }
    for (int i = 0; i < N; i++)
        cr_assert_eq(atoi(h2_answer(p, ids[i])->body), i);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, sends_a_small_response_as_one_data_frame)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask(p, "GET", "/", NULL);
    origin_sends(stack_origin(s, 0), 5000);
    h2_peer_run(p);
    cr_assert_eq(h2_answer(p, id)->body_n, 5000);
    cr_assert_eq(p->data_frames, 1);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, passes_content_inward_with_and_without_a_length)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    int32_t id = h2_ask_open(p, "POST", "/", "content-length: 5\n");
    struct peer *o = stack_origin(s, 0);
    h2_send(p, id, "he", 2, false);
    h2_send(p, id, "llo", 3, true);
    cr_assert_str_eq(peer_take(o), "POST / HTTP/1.1\r\nhost: a.example\r\nContent-Length: 5\r\n\r\n"
                                   "hello");
    peer_says(o, OK "Content-Length: 0\r\n\r\n");
    h2_peer_run(p);
    cr_assert(h2_answer(p, id)->ended && h2_answer(p, id)->code == NGHTTP2_NO_ERROR);
    id = h2_ask_open(p, "POST", "/", NULL);
    h2_send(p, id, "abc", 3, false);
    h2_send(p, id, "", 0, true);
    cr_assert(peer_heard(o, "Transfer-Encoding: chunked\r\n"));
    cr_assert(peer_heard(o, "3\r\nabc\r\n0\r\n\r\n"));
    peer_says(o, OK "Content-Length: 0\r\n\r\n");
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, passes_trailers_both_ways)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_open(p, "POST", "/", "te: trailers\n");
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "TE: trailers\r\n"));
    h2_send(p, id, "abc", 3, false);
    h2_send_trailers(p, id, "x-sum: 6\n");
    cr_assert(peer_heard(o, "3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n"));
    peer_says(o, OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nGrpc-Status: 0\r\n\r\n");
    h2_peer_run(p);
    struct h2_answer *a = h2_answer(p, id);
    cr_assert_str_eq(a->body, "hi");
    cr_assert_str_eq(a->trailers, "grpc-status: 0\n");
    cr_assert(a->ended && a->code == NGHTTP2_NO_ERROR);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, passes_interim_responses)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_open(p, "POST", "/", "expect: 100-continue\n");
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "expect: 100-continue\r\n"));
    peer_says(o, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->interims, "100103 link: x\n");
    h2_send(p, id, "abc", 3, true);
    peer_says(o, OK "Content-Length: 0\r\n\r\n");
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->status, "200");
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, knows_responses_without_content)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    int32_t id = h2_ask(p, "HEAD", "/", NULL);
    struct peer *o = stack_origin(s, 0);
    peer_says(o, OK "Content-Length: 12\r\n\r\n");
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->head, "content-length: 12\ndate: x\n");
    cr_assert(h2_answer(p, id)->ended);
    id = h2_ask(p, "GET", "/", NULL);
    peer_says(o, "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n");
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->head, "date: x\n");
    cr_assert(h2_answer(p, id)->ended);
    id = h2_ask(p, "GET", "/", NULL);
    peer_says(o, "HTTP/1.1 304 Not Modified\r\nDate: x\r\nContent-Length: 9\r\n\r\n");
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->head, "content-length: 9\ndate: x\n");
    cr_assert(h2_answer(p, id)->ended);
    cr_assert_eq(p->data_frames, 0);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, answers_400_to_what_it_finds_malformed_itself)
{
    static const struct {
        const char *lines, *status;
        enum h2_fault fault;
    } cases[] = {
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nhost: b\n", "400",
         H2_FAULT_HOST_DIFFERS},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /\nexpect: x\n", "417",
         H2_FAULT_EXPECT},
        {":method: CONNECT\n:protocol: x\n:scheme: http\n:authority: a\n:path: /\n", "501",
         H2_FAULT_PROTOCOL},
        {":method: CONNECT\n:authority: a:443\n", "405", H2_FAULT_NONE},
        {":method: GET\n:scheme: http\n:authority: a\n:path: /%\n", "400", H2_FAULT_NONE},
    };
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    for (size_t i = 0; i < array_n(cases); i++) {
        const int32_t id = h2_ask_lines(p, cases[i].lines, false);
        cr_assert_str_eq(h2_answer(p, id)->status, cases[i].status, "%s", cases[i].lines);
        cr_assert(h2_answer(p, id)->ended);
        if (cases[i].fault)
            cr_assert_eq(stack_worker(s)->stats->worker->h2_faults[cases[i].fault], 1);
    }
    cr_assert_eq(stack_origins(s), 0);
    cr_assert(!h2_closed(p));
    h2_peer_free(p);
    stack_free(s);
}

/* Whatever nghttp2 says of them: refused, on that stream alone. */
Test(client_h2, refuses_malformed_heads_on_their_stream_only)
{
    static const char *const heads[] = {
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\nconnection: close\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\ntransfer-encoding: chunked\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\nX-Upper: 1\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\nx-a: a\rb\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\nte: gzip\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\n:path: /\n",
        ":method: GET\n:scheme: http\n:authority: a\nx: y\n:path: /\n",
        ":method: GET\n:scheme: http\n:authority: a\n",
        ":method: GET\n:scheme: http\n:path: /\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path:\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\n:status: 200\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\ncontent-length: 5\n",
        ":method: GET\n:scheme: http\n:authority: a\n:path: /\ncontent-length: x\n",
    };
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options raw = {.raw = true};
    struct h2_peer *p = h2_peer_new(s, &raw);
    char bytes[8192], block[512];
    size_t n = NGHTTP2_CLIENT_MAGIC_LEN;
    const uint8_t flags = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM;
    memcpy(bytes, NGHTTP2_CLIENT_MAGIC, n);
    n += h2_make_frame(bytes + n, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    for (size_t i = 0; i < array_n(heads); i++)
        n += h2_make_frame(bytes + n, NGHTTP2_HEADERS, flags, (int32_t)i * 2 + 1, block,
                           h2_make_block(block, heads[i]));
    peer_says_n(p->peer, bytes, n);
    cr_assert_eq(stack_origins(s), 0, "nothing of it went on");
    cr_assert(!h2_closed(p));
    peer_take(p->peer);
    n = h2_make_frame(bytes, NGHTTP2_HEADERS, flags, (int32_t)array_n(heads) * 2 + 1, block,
                      h2_make_block(block, ":method: GET\n:scheme: http\n:authority: a\n"
                                           ":path: /own\n"));
    peer_says_n(p->peer, bytes, n);
    const size_t heard = p->peer->heard_n;
    cr_assert(heard > 3 && memcmp(p->peer->heard + heard - 3, "own", 3) == 0);
    stack_sleep_ms(s, 11000);
    cr_assert_eq(h2_stats(s)->h2_timeout_head, 0, "no head is waited for");
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, resets_when_the_content_is_not_as_long_as_was_said)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    int32_t id = h2_ask_open(p, "POST", "/", "content-length: 5\n");
    h2_send(p, id, "123456", 6, false);
    cr_assert(h2_answer(p, id)->closed);
    cr_assert_eq(h2_answer(p, id)->code, NGHTTP2_PROTOCOL_ERROR);
    cr_assert(peer_closed(stack_origin(s, 0)), "the origin is told");
    id = h2_ask_open(p, "POST", "/", "content-length: 5\n");
    h2_send(p, id, "123", 3, true);
    cr_assert_eq(h2_answer(p, id)->code, NGHTTP2_PROTOCOL_ERROR);
    cr_assert(peer_closed(stack_origin(s, 1)));
    cr_assert_eq(h2_whys(s, WHY_BAD_REQUEST), 2);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, refuses_heads_that_are_too_large_on_their_stream)
{
    struct stack *s = stack_new_h2("limits = { head_size = \"1k\"; target_size = 64; "
                                   "field_count = 3; };",
                                   H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    char path[200] = "/", lines[2000] = "x-a: ";
    memset(path + 1, 'a', 100);
    memset(lines + 5, 'b', 1200);
    cr_assert_str_eq(h2_answer(p, h2_ask(p, "GET", path, NULL))->status, "414");
    cr_assert_str_eq(h2_answer(p, h2_ask(p, "GET", "/own", lines))->status, "431");
    cr_assert_str_eq(h2_answer(p, h2_ask(p, "GET", "/own", "a: 1\nb: 1\nc: 1\nd: 1\n"))->status,
                     "431");
    cr_assert_str_eq(h2_answer(p, h2_ask(p, "GET", "/own", NULL))->status, "200");
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, tells_the_origin_that_a_request_was_reset)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t one = h2_ask(p, "GET", "/1", NULL), two = h2_ask(p, "GET", "/2", NULL);
    h2_cancel(p, one);
    cr_assert(peer_closed(stack_origin(s, 0)));
    cr_assert(!peer_closed(stack_origin(s, 1)));
    cr_assert_eq(h2_whys(s, WHY_CLIENT_GONE), 1);
    cr_assert_eq(h2_stats(s)->h2_client_resets, 1);
    origin_sends(stack_origin(s, 1), 10);
    h2_peer_run(p);
    cr_assert_eq(h2_answer(p, two)->body_n, 10);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, resets_a_response_that_breaks_off_behind_what_came)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask(p, "GET", "/", NULL);
    peer_says(stack_origin(s, 0), OK "Content-Length: 10\r\n\r\nabcd");
    peer_closes(stack_origin(s, 0));
    h2_peer_run(p);
    struct h2_answer *a = h2_answer(p, id);
    cr_assert_str_eq(a->body, "abcd");
    cr_assert(!a->ended && a->closed);
    cr_assert_eq(a->code, NGHTTP2_INTERNAL_ERROR);
    cr_assert_str_eq(h2_answer(p, h2_ask(p, "GET", "/own", NULL))->body, "own");
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, lets_go_of_a_request_that_was_answered_early)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_open(p, "POST", "/own", NULL);
    struct h2_answer *a = h2_answer(p, id);
    cr_assert_str_eq(a->body, "own");
    cr_assert(a->ended && a->closed);
    cr_assert_eq(a->code, NGHTTP2_NO_ERROR, "RFC 9113 8.1");
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, refuses_content_that_is_too_large)
{
    struct stack *s = stack_new_h2("limits = { body_size = \"1k\"; };", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    char much[2000];
    memset(much, 'a', sizeof much);
    cr_assert_str_eq(h2_answer(p, h2_ask_open(p, "POST", "/", "content-length: 2000\n"))->status,
                     "413");
    const int32_t id = h2_ask_open(p, "POST", "/", NULL);
    h2_send(p, id, much, sizeof much, false);
    cr_assert_str_eq(h2_answer(p, id)->status, "413");
    cr_assert_eq(h2_answer(p, id)->code, NGHTTP2_NO_ERROR);
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, takes_the_connection_byte_by_byte)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    const struct h2_peer_options raw = {.raw = true};
    struct h2_peer *p = h2_peer_new(s, &raw);
    char bytes[512], block[256];
    size_t n = 0;
    memcpy(bytes, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    n += NGHTTP2_CLIENT_MAGIC_LEN;
    n += h2_make_frame(bytes + n, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    n += h2_make_frame(bytes + n, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block,
                       h2_make_block(block, ":method: PUT\n:scheme: http\n:authority: a\n"
                                            ":path: /\ncontent-length: 3\n"));
    n += h2_make_frame(bytes + n, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "abc", 3);
    for (size_t i = 0; i < n; i++)
        peer_says_n(p->peer, bytes + i, 1);
    cr_assert_str_eq(peer_take(stack_origin(s, 0)),
                     "PUT / HTTP/1.1\r\nhost: a\r\nContent-Length: 3\r\n\r\nabc");
    h2_peer_free(p);
    stack_free(s);
}

Test(client_h2, goes_on_with_http_1_on_the_same_listener)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct peer *c = stack_client(s);
    peer_says(c, "GET /own HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                 "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
    cr_assert(peer_heard(c, "HTTP/1.1 200 OK\r\n"), "h2c by upgrade is not offered");
    stack_free(s);
}
