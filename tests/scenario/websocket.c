/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket through the gateway: Python's websockets on both sides, which do the whole of RFC 6455;
 * and extended CONNECT (RFC 8441) on either side or both, where the scripted origin and the raw
 * clients show what is said. */
#include "tests/lib/certs.h"
#include "tests/lib/pairing.h"
#include "tests/lib/pattern.h"
#include "tests/lib/peer_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(websocket, .init = pairing_begin, .fini = pairing_end, .timeout = 120);

static const struct pairing h1_h1 = {"h1_h1", BROWSE_H1, ORIGIN_H1, false},
                            h1_h1_tls = {"h1_h1_tls", BROWSE_H1, ORIGIN_H1, true},
                            h1_h2 = {"h1_h2", BROWSE_H1, ORIGIN_H2, false},
                            h1_h2_tls = {"h1_h2_tls", BROWSE_H1, ORIGIN_H2, true},
                            h2_h1 = {"h2_h1", BROWSE_H2, ORIGIN_H1, false},
                            h2_h1_tls = {"h2_h1_tls", BROWSE_H2, ORIGIN_H1, true},
                            h2_h2 = {"h2_h2", BROWSE_H2, ORIGIN_H2, false},
                            h2_h2_tls = {"h2_h2_tls", BROWSE_H2, ORIGIN_H2, true};

static bool origin_was_told(struct origin *o, const char *text)
{
    char *head = origin_last_head(o);
    const bool told = strcasestr(head, text);
    if (!told)
        fprintf(stderr, "the origin was told:\n%s", head);
    free(head);
    return told;
}

/* -- others' clients and servers --------------------------------------------------------------- */

static void start_python(const struct pairing *p)
{
    if (!peer_has("websockets"))
        PAIRING_SKIP("Python has no websockets");
    const char *const tls[] = {certs_path("origin.crt"), certs_path("origin.key"), NULL};
    peer_listens(peer_start("websocket_server", p->tls ? tls : NULL), "app");
}

static void expect_messages(const struct pairing *p, const char *path)
{
    char uri[64], port[16];
    snprintf(uri, sizeof uri, "%s://site.test%s", p->tls ? "wss" : "ws", path);
    snprintf(port, sizeof port, "%u", rig_port("port"));
    struct peer_process *client =
        peer_start("websocket_client", (const char *const[]){uri, port, pairing_ca(p), NULL});
    const char *line = peer_line(client);
    cr_assert(line && !strcmp(line, "ok 18, closed with 1000"), "%s", line ? line : "nothing");
    cr_assert_eq(peer_end(client), 0);
}

static void serve_others(const struct pairing *p)
{
    start_python(p);
    pairing_start(p);
    expect_messages(p, "/");
    const char *line = rig_await_access("\"tunnel\":true");
    cr_assert_str_eq(json_of(line, "status"), "101");
    cr_assert_str_eq(json_of(line, "outcome"), "ok");
}

Test(websocket, serves_others_clients_and_servers)
{
    serve_others(&h1_h1);
}

Test(websocket, serves_others_clients_and_servers_over_tls)
{
    serve_others(&h1_h1_tls);
}

/* The gateway twice: its own HTTP/2 between two WebSockets of HTTP/1.1. */
Test(websocket, serves_others_over_its_own_http_2)
{
    start_python(&h1_h1);
    pairing_start(&h1_h1,
                  .listeners = ", { name = \"inner\"; bind = \"127.0.0.1:$port2\"; "
                               "protocols = [ \"h2\" ]; }",
                  .clusters =
                      "inner = { endpoints = [ \"127.0.0.1:$port2\" ]; protocol = \"h2\"; }",
                  .routes = "( { name = \"outer\"; match = { path = \"/outer\"; }; cluster = "
                            "\"inner\"; rewrite = { path = \"/\"; }; },"
                            " { name = \"all\"; cluster = \"app\"; } )");
    expect_messages(&h1_h1, "/outer");
}

/* -- extended CONNECT -------------------------------------------------------------------------- */

static struct h2_talk *h2_client(const struct pairing *p, struct origin **app)
{
    *app = pairing_origin(p);
    origin_script(*app, "upgrade");
    pairing_start(p);
    return pairing_h2_talk(p);
}

static int32_t h2_connect(struct h2_talk *t, const char *path)
{
    cr_assert_eq(h2_peer_setting(t, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL), 1);
    return h2_ask(t, .protocol = "websocket", .path = path, .open = true,
                  .fields = "sec-websocket-version: 13\nsec-websocket-protocol: chat\n");
}

static void carry_h2(const struct pairing *p)
{
    struct origin *app;
    char want[1024] = "";
    struct h2_talk *t = h2_client(p, &app);
    const int32_t id = h2_connect(t, "/chat");
    const struct h2_stream *s = h2_head(t, id);
    cr_assert_eq(s->status, 200, "%d: %s", s->status, s->head.p);
    cr_assert(!*h2_field(s, "upgrade") && !*h2_field(s, "connection"), "%s", s->head.p);
    cr_assert(!*h2_field(s, "sec-websocket-accept"), "%s", s->head.p);
    cr_assert(origin_was_told(app, "sec-websocket-version: 13\r\n"));
    cr_assert(origin_was_told(app, "sec-websocket-protocol: chat\r\n"));
    if (p->origin == ORIGIN_H1) {
        cr_assert(origin_was_told(app, "GET /chat HTTP/1.1\r\n"));
        cr_assert(origin_was_told(app, "\r\nupgrade: websocket\r\n"));
        cr_assert(origin_was_told(app, "\r\nconnection: upgrade\r\n"));
        cr_assert(origin_was_told(app, "\r\nsec-websocket-key: "));
    } else {
        cr_assert(origin_was_told(app, "CONNECT /chat HTTP/2.0\r\n"));
        cr_assert(origin_was_told(app, "\r\n:protocol: websocket\r\n"));
    }
    for (int i = 0; i < 50; i++) {
        h2_send(t, id, "hello, you", 10);
        strcat(want, "hello, you");
        H2_AWAIT(t, s->body.n == strlen(want));
    }
    h2_end(t, id);
    strcat(want, "bye\n");
    h2_answer(t, id);
    cr_assert(s->ended && s->reset < 0, "reset with %d", (int)s->reset);
    cr_assert_str_eq(s->body.p, want);
    cr_assert_str_eq(json_of(rig_await_access("\"path\":\"/chat\""), "outcome"), "ok");
    origin_script(app, "");
    const struct h2_stream *next = h2_answer(t, h2_ask(t, .path = "/?size=1000"));
    cr_assert(h2_is_pattern(next, 1000), "the connection serves on");
}

Test(websocket, of_http_2_reaches_an_http_1_origin)
{
    carry_h2(&h2_h1);
}

Test(websocket, of_http_2_reaches_an_http_1_origin_over_tls)
{
    carry_h2(&h2_h1_tls);
}

Test(websocket, of_http_2_reaches_an_http_2_origin)
{
    carry_h2(&h2_h2);
}

Test(websocket, of_http_2_reaches_an_http_2_origin_over_tls)
{
    carry_h2(&h2_h2_tls);
}

static bool comes(struct talk *t, const char *text)
{
    const size_t n = strlen(text);
    const bool ok = talk_await_bytes(t, n) && !memcmp(talk_rest(t).p, text, n);
    if (ok)
        talk_skip(t, n);
    return ok;
}

/* The gateway proves to the client that the key was seen: the example of RFC 6455 1.3. */
static void carry_h1_to_h2(const struct pairing *p)
{
    struct origin *app = pairing_origin(p);
    origin_script(app, "upgrade");
    pairing_start(p);
    struct talk *t = pairing_talk(p);
    talk_send(t, "GET /chat HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\n"
                 "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 101, "%d: %s", r->status, r->body.p);
    cr_assert_str_eq(field_of(r, "upgrade"), "websocket");
    cr_assert_str_eq(field_of(r, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    cr_assert(origin_was_told(app, "CONNECT /chat HTTP/2.0\r\n"));
    cr_assert(origin_was_told(app, "\r\n:protocol: websocket\r\n"));
    for (int i = 0; i < 50; i++) {
        talk_send(t, "hello, you");
        cr_assert(comes(t, "hello, you"));
    }
    talk_end(t);
    cr_assert(comes(t, "bye\n"));
    cr_assert(talk_ended(t));
}

Test(websocket, of_http_1_reaches_an_http_2_origin)
{
    carry_h1_to_h2(&h1_h2);
}

Test(websocket, of_http_1_reaches_an_http_2_origin_over_tls)
{
    carry_h1_to_h2(&h1_h2_tls);
}

/* -- what else can happen ---------------------------------------------------------------------- */

/* A tunnel before it, so that the origin's settings are known. */
static void be_refused(const struct pairing *p)
{
    struct origin *app;
    struct h2_talk *t = h2_client(p, &app);
    const int32_t id = h2_connect(t, "/");
    cr_assert_eq(h2_head(t, id)->status, 200);
    h2_end(t, id);
    cr_assert(h2_answer(t, id)->ended);
    origin_script(app, "status=403 size=10");
    const struct h2_stream *s = h2_answer(t, h2_connect(t, "/"));
    cr_assert_eq(s->status, 403, "%d", s->status);
    cr_assert_eq(s->body.n, 10);
    cr_assert(pattern_holds(s->body.p, 0, 10));
    cr_assert(h2_is_pattern(h2_answer(t, h2_ask(t, .path = "/?status=200&size=99")), 99));
}

Test(websocket, of_http_2_is_told_when_an_http_1_origin_says_no)
{
    be_refused(&h2_h1);
}

Test(websocket, of_http_2_is_told_when_an_http_2_origin_says_no)
{
    be_refused(&h2_h2);
}

/* Its settings don't allow extended CONNECT: it can't be asked. */
Test(websocket, is_an_error_when_the_origin_has_none)
{
    pairing_origin(&h1_h2);
    pairing_start(&h1_h2);
    struct talk *t = pairing_talk(&h1_h2);
    talk_send(t, "GET / HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\n"
                 "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    const struct response *r = talk_response(t);
    cr_assert(r->status >= 500 && r->whole, "%d", r->status);
}

static void leave(const struct pairing *p)
{
    struct origin *app;
    struct h2_talk *t = h2_client(p, &app);
    const int32_t id = h2_connect(t, "/left");
    const struct h2_stream *s = h2_head(t, id);
    h2_send(t, id, "hello", 5);
    H2_AWAIT(t, s->body.n == 5);
    h2_reset(t, id, NGHTTP2_CANCEL);
    rig_await_access("\"path\":\"/left\"");
    if (p->origin == ORIGIN_H1)
        AWAIT(origin_open(app) == 0);
    else
        AWAIT(origin_aborts(app) == 1);
    origin_script(app, "");
    cr_assert(h2_is_pattern(h2_answer(t, h2_ask(t, .path = "/?size=99")), 99));
}

Test(websocket, that_an_http_2_client_resets_ends_at_an_http_1_origin)
{
    leave(&h2_h1);
}

Test(websocket, that_an_http_2_client_resets_ends_at_an_http_2_origin)
{
    leave(&h2_h2);
}

/* A client that takes nothing holds back its own tunnel, and no other stream. */
static void push_back(const struct pairing *p)
{
    enum { FLOOD = 30 * 1000 * 1000, WINDOW = 65535 };
    struct origin *app = pairing_origin(p);
    origin_script(app, "flood=30000000");
    pairing_start(p);
    struct h2_talk *t = h2_talk_open(.ca = pairing_ca(p), .keeps_window = true, .window = 30000);
    const long before = rig_status(rig_worker(0), "VmHWM");
    const int32_t id = h2_connect(t, "/");
    const struct h2_stream *s = h2_head(t, id);
    cr_assert_eq(s->status, 200);
    H2_AWAIT(t, s->body.n == 30000);
    origin_script(app, "");
    for (int i = 0; i < 5; i++) {
        const struct h2_stream *beside =
            h2_answer(t, h2_ask(t, .path = "/beside", .method = "HEAD"));
        cr_assert_eq(beside->status, 200);
    }
    cr_assert_eq(s->body.n, 30000, "the window is full");
    for (size_t taken = 0; taken < FLOOD / 3;) {
        H2_AWAIT(t, s->body.n > taken);
        const size_t more = s->body.n - taken;
        h2_take(t, id, more);
        taken += more;
    }
    cr_assert(pattern_holds(s->body.p, 0, s->body.n));
    const long most = rig_status(rig_worker(0), "VmHWM") - before;
    cr_assert(!RIG_FIGURES || most < 8 * 1024, "%ld kB", most);
}

Test(websocket, pushes_back_on_an_http_1_origin_for_an_http_2_client)
{
    push_back(&h2_h1);
}

Test(websocket, pushes_back_on_an_http_2_origin_for_an_http_2_client)
{
    push_back(&h2_h2_tls);
}
