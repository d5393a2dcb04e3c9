/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' own tools, without a gateway: clients straight at scripted origins. What fails here
 * makes other scenarios mean nothing. */
#include "tests/lib/pairing.h"

#include <stdio.h>
#include <string.h>

TestSuite(tools, .init = pairing_begin, .fini = pairing_end, .timeout = 120);

/* Clients find it where they would look for a gateway. */
static struct origin *origin(const struct pairing *p)
{
    struct origin *o = origin_start_with((struct origin_spec){
        .name = "app", .protocol = p->origin, .tls = p->tls, .certificate = "site"});
    rig_name("port", "%u", origin_port(o));
    return o;
}

static const struct pairing h2 = {"h2", BROWSE_H2, ORIGIN_H2, false},
                            h2_tls = {"h2 over TLS", BROWSE_H2, ORIGIN_H2, true};

static void talk_h2(const struct pairing *p)
{
    struct origin *o = origin(p);
    struct h2_talk *t = pairing_h2_talk(p);
    const struct h2_stream *s =
        h2_answer(t, h2_ask(t, .path = "/?size=100000&chunked=700&trailers&interim=2&field=X-A:b"));
    cr_assert(s->status == 200 && h2_is_pattern(s, 100000));
    cr_assert_eq(s->interims, 2);
    cr_assert_str_eq(h2_field(s, "x-a"), "b");
    cr_assert_str_eq(h2_trailer(s, "x-sum"), "42");
    s = h2_answer(t, h2_ask(t, .path = "/?count", .pattern = 200000));
    cr_assert_str_eq(s->body.p, "200000 of pattern\n");
    s = h2_answer(t, h2_ask(t, .path = "/?echo", .content = "x", .trailers = "x-check: yes"));
    cr_assert(strstr(s->body.p, "POST /?echo HTTP/2.0\r\n:scheme: http"), "%s", s->body.p);
    cr_assert(strstr(s->body.p, "x\ntrailer x-check: yes"), "%s", s->body.p);
    s = h2_answer(t, h2_ask(t, .path = "/?abort"));
    cr_assert(s->status == 0 && s->reset == NGHTTP2_INTERNAL_ERROR);
    s = h2_answer(t, h2_ask(t, .path = "/?size=5000&reset=99"));
    cr_assert(s->status == 200 && s->reset == NGHTTP2_INTERNAL_ERROR && s->body.n == 99);
    s = h2_answer(t, h2_ask(t, .path = "/?refuse=1"));
    cr_assert(s->status == 0 && s->reset == NGHTTP2_REFUSED_STREAM);
    cr_assert_eq(h2_answer(t, h2_ask(t, .path = "/?refuse=1"))->status, 200);
    cr_assert_eq(origin_requests(o), 7);
    cr_assert_eq(origin_aborts(o), 0);
    cr_assert_eq(origin_connections(o), 1);
    s = h2_answer(t, h2_ask(t, .path = "/?goaway=2"));
    cr_assert(s->status == 0 && s->closed);
    cr_assert_eq(t->goaway, NGHTTP2_NO_ERROR);
    cr_assert_eq(t->goaway_last, s->id - 2);
}

Test(tools, talk_http_2)
{
    talk_h2(&h2);
}

Test(tools, talk_http_2_over_tls)
{
    talk_h2(&h2_tls);
}

Test(tools, make_tunnels_in_http_2)
{
    struct origin *o = origin(&h2);
    origin_script(o, "upgrade");
    struct h2_talk *t = pairing_h2_talk(&h2);
    cr_assert_eq(h2_peer_setting(t, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL), 1);
    const int32_t id = h2_ask(t, .protocol = "websocket", .open = true),
                  left = h2_ask(t, .protocol = "websocket", .open = true),
                  flood = h2_ask(t, .protocol = "websocket", .open = true, .path = "/?flood=99999");
    const struct h2_stream *s = h2_head(t, id);
    h2_send(t, id, "hello", 5);
    H2_AWAIT(t, s->body.n == 5);
    h2_end(t, id);
    cr_assert_str_eq(h2_answer(t, id)->body.p, "hellobye\n");
    cr_assert(h2_is_pattern(h2_answer(t, flood), 99999));
    h2_reset(t, left, NGHTTP2_CANCEL);
    AWAIT(origin_aborts(o) == 1);
}

Test(tools, serve_what_the_client_chooses)
{
    struct pairing p = {"alpn", BROWSE_H1, ORIGIN_ALPN, true};
    for (int i = 0; i < 4; i++) {
        p.client = i % 2 ? BROWSE_H2 : BROWSE_H1;
        p.tls = i < 2;
        struct origin *o = origin(&p);
        const struct page *page = browse(pairing_browser(&p), .target = "/?size=1000");
        cr_assert(page_is_pattern(page, 1000), "%s", page->fault);
        cr_assert_eq(page->version, i % 2 ? 2 : 1);
        cr_assert_eq(origin_requests(o), 1);
    }
}

Test(tools, talk_http_1_over_tls)
{
    const struct pairing p = {"h1 over TLS", BROWSE_H1, ORIGIN_H1, true};
    origin(&p);
    struct talk *t = pairing_talk(&p);
    talk_send(t, "GET /?size=100000&chunked=999 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->body.n, 100000);
    talk_send(t, "GET /?upgrade HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 101);
    talk_send(t, "hello");
    talk_end(t);
    cr_assert(talk_await_bytes(t, 9) && !memcmp(talk_rest(t).p, "hellobye\n", 9));
    talk_skip(t, 9);
    cr_assert(talk_ended(t));
}
