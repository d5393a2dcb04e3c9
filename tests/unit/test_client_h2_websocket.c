/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket over HTTP/2 (RFC 8441) to an origin that speaks HTTP/1.1. */
#include "tests/unit/h2_stack.h"

#include "http/websocket.h"

#define CONNECT                                                                                    \
    ":method: CONNECT\n:protocol: websocket\n:scheme: http\n:authority: a.example\n"               \
    ":path: /chat\nsec-websocket-version: 13\nsec-websocket-protocol: chat\n"

/* What the origin has to say to the key it got. */
static void accept_key(struct peer *o, bool rightly)
{
    char accept[WEBSOCKET_ACCEPT], reply[256];
    const char *key = strstr(o->heard, "sec-websocket-key: ");
    cr_assert(key);
    key += strlen("sec-websocket-key: ");
    websocket_accept(slice_of(key, WEBSOCKET_KEY), accept);
    accept[0] ^= rightly ? 0 : 1;
    snprintf(reply, sizeof reply,
             "HTTP/1.1 101 Switching Protocols\r\nDate: x\r\nConnection: Upgrade\r\n"
             "Upgrade: websocket\r\nSec-WebSocket-Accept: %.*s\r\nSec-WebSocket-Protocol: chat\r\n"
             "\r\n",
             WEBSOCKET_ACCEPT, accept);
    peer_says(o, reply);
}

Test(h2_websocket, is_offered)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    cr_assert_eq(nghttp2_session_get_remote_settings(p->session,
                                                     NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL),
                 1);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_websocket, passes_both_ways)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_lines(p, CONNECT, true);
    struct peer *o = stack_origin(s, 0);
    cr_assert(peer_heard(o, "GET /chat HTTP/1.1\r\nhost: a.example\r\n"));
    cr_assert(peer_heard(o, "Connection: upgrade\r\n") && peer_heard(o, "Upgrade: websocket\r\n"));
    accept_key(o, true);
    peer_take(o);
    h2_peer_run(p);
    struct h2_answer *a = h2_answer(p, id);
    cr_assert_str_eq(a->status, "200");
    cr_assert_str_eq(a->head, "date: x\nsec-websocket-protocol: chat\n");
    const struct exchange *x = list_entry(stack_worker(s)->active.next, struct exchange, node);
    cr_assert_eq(x->reply.fields.n, 2, "what the log shows is what the client was told");
    h2_send(p, id, "ping", 4, false);
    cr_assert_str_eq(peer_take(o), "ping");
    peer_says(o, "pong");
    h2_peer_run(p);
    cr_assert_str_eq(a->body, "pong");
    peer_ends(o);
    h2_peer_run(p);
    cr_assert(a->ended && !a->closed, "half closed");
    h2_send(p, id, "bye", 3, true);
    cr_assert_str_eq(peer_take(o), "bye");
    cr_assert(a->closed && a->code == NGHTTP2_NO_ERROR);
    const struct traffic_stats *counted = stack_worker(s)->stats->routes[1];
    cr_assert_eq(counted->status[status_class(200)], 1, "as the client was told");
    cr_assert_eq(counted->status[status_class(101)], 0);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_websocket, is_ended_by_the_client)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_lines(p, CONNECT, true);
    struct peer *o = stack_origin(s, 0);
    accept_key(o, true);
    h2_send(p, id, "bye", 3, true);
    cr_assert(peer_heard(o, "bye") && o->eof);
    peer_says(o, "too");
    peer_ends(o);
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->body, "too");
    cr_assert(h2_answer(p, id)->closed);
    cr_assert_eq(h2_answer(p, id)->code, NGHTTP2_NO_ERROR);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_websocket, holds_what_comes_before_the_answer)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_lines(p, CONNECT, true);
    struct peer *o = stack_origin(s, 0);
    h2_send(p, id, "early", 5, true);
    cr_assert(!peer_heard(o, "early"));
    accept_key(o, true);
    cr_assert(peer_heard(o, "early"));
    cr_assert(o->eof);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_websocket, refuses_an_answer_to_another_key)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_lines(p, CONNECT, true);
    accept_key(stack_origin(s, 0), false);
    h2_peer_run(p);
    cr_assert_str_eq(h2_answer(p, id)->status, "502");
    cr_assert_eq(h2_whys(s, WHY_BAD_RESPONSE), 1);
    cr_assert(peer_closed(stack_origin(s, 0)));
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_websocket, passes_a_refusal)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_lines(p, CONNECT, true);
    h2_send(p, id, "early", 5, false);
    peer_says(stack_origin(s, 0), "HTTP/1.1 403 Forbidden\r\nDate: x\r\nContent-Length: 2\r\n\r\nno");
    h2_peer_run(p);
    struct h2_answer *a = h2_answer(p, id);
    cr_assert_str_eq(a->status, "403");
    cr_assert_str_eq(a->body, "no");
    cr_assert(a->ended && a->closed && a->code == NGHTTP2_NO_ERROR);
    h2_peer_free(p);
    stack_free(s);
}

Test(h2_websocket, ends_when_the_origin_breaks)
{
    struct stack *s = stack_new_h2("", H2_CONF);
    struct h2_peer *p = h2_peer_new(s, NULL);
    const int32_t id = h2_ask_lines(p, CONNECT, true);
    accept_key(stack_origin(s, 0), true);
    peer_resets(stack_origin(s, 0));
    h2_peer_run(p);
    cr_assert(h2_answer(p, id)->closed && !h2_answer(p, id)->ended);
    cr_assert_eq(h2_answer(p, id)->code, NGHTTP2_INTERNAL_ERROR);
    h2_peer_free(p);
    stack_free(s);
}
