/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit at its edge: what fits goes through, one more doesn't, and the gateway says which it
 * was. */
#include "tests/lib/origin.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

TestSuite(limits, .init = begin, .fini = rig_end, .timeout = 120);

static bool is_served(struct talk *t)
{
    return talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") && talk_response(t)->status == 200;
}

Test(limits, of_connections_hold_over_all_workers_and_are_given_back)
{
    struct talk *held[10];
    rig_start(.workers = 2, .listener = "limits = { connections = 10; };");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10; i++)
            cr_assert(is_served(held[i] = talk_open()));
        cr_assert(!is_served(talk_open()), "one too many");
        for (int i = 0; i < 10; i++)
            talk_close(held[i]);
        AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") == 0);
    }
    cr_assert_eq(rig_metric("weir_listener_refused_limit_total{listener=\"public\"}"), 3);
    cr_assert(rig_logged("connections_limit listener=public"));
}

Test(limits, of_connections_per_source_leave_other_listeners_alone)
{
    struct talk *held[3];
    rig_start(.workers = 2, .listener = "limits = { connections_per_source = 3; };",
              .listeners = ", { name = \"free\"; bind = \"127.0.0.1:$port_free\"; }");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            cr_assert(is_served(held[i] = talk_open()));
        cr_assert(!is_served(talk_open()));
        cr_assert(is_served(talk_open_port(rig_port("port_free"))));
        for (int i = 0; i < 3; i++)
            talk_close(held[i]);
        AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") == 0);
    }
    cr_assert_eq(rig_metric("weir_listener_refused_source_total{listener=\"public\"}"), 3);
}

/* A request whose head, or target, has exactly n bytes. */
static void ask_with_head_of(struct talk *t, size_t n)
{
    static const char frame[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Fill: \r\n\r\n";
    char *fill = malloc(n + 1);
    memset(fill, 'x', n);
    fill[n - (sizeof frame - 1)] = 0;
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\nX-Fill: %s\r\n\r\n", fill);
    free(fill);
}

Test(limits, of_a_heads_size_give_431)
{
    rig_start(.listener = "limits = { head_size = \"4k\"; };");
    struct talk *t = talk_open();
    ask_with_head_of(t, 4096);
    cr_assert_eq(talk_response(t)->status, 200);
    ask_with_head_of(t, 4097);
    cr_assert_eq(talk_response(t)->status, 431);
    cr_assert(talk_ended(t));
    cr_assert_str_eq(json_of(rig_await_access("\"status\":431"), "outcome"), "head_too_large");
    cr_assert_eq(origin_requests(app), 1);
}

Test(limits, of_a_heads_size_hold_for_heads_that_never_end)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    char *fill = malloc(100000);
    memset(fill, 'x', 100000);
    talk_send_n(t, fill, 100000);
    free(fill);
    cr_assert_eq(talk_response(t)->status, 431);
    cr_assert(talk_ended(t));
}

static void ask_with_fields(struct talk *t, int n)
{
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < n; i++)
        talk_send(t, "X-%d: y\r\n", i);
    talk_send(t, "\r\n");
}

Test(limits, of_fields_give_431)
{
    rig_start(.listener = "limits = { field_count = 20; };");
    struct talk *t = talk_open();
    ask_with_fields(t, 20);
    cr_assert_eq(talk_response(t)->status, 200);
    ask_with_fields(t, 21);
    cr_assert_eq(talk_response(t)->status, 431);
}

Test(limits, of_a_target_give_414)
{
    char target[1002];
    rig_start(.listener = "limits = { target_size = 1000; };");
    memset(target, 'x', sizeof target);
    target[0] = '/';
    target[1000] = 0;
    cr_assert_eq(get(target)->status, 200);
    target[1000] = 'x';
    target[1001] = 0;
    cr_assert_eq(get(target)->status, 414);
    cr_assert_str_eq(json_of(rig_await_access("\"status\":414"), "outcome"), "target_too_long");
}

Test(limits, of_content_with_a_length_refuse_it_before_it_is_sent)
{
    rig_start(.listener = "limits = { body_size = 1000; };");
    struct talk *t = talk_open();
    talk_send(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 413);
    cr_assert(talk_ended(t));
    cr_assert_eq(origin_bytes(app), 0);
    cr_assert_str_eq(json_of(rig_await_access("\"status\":413"), "outcome"), "body_too_large");
}

Test(limits, of_chunked_content_refuse_it_when_it_gets_too_large)
{
    char content[1002];
    pattern_fill(content, 0, sizeof content);
    rig_start(.listener = "limits = { body_size = 1000; };");
    struct talk *t = talk_open();
    talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n");
    talk_send_n(t, content, 1000);
    talk_send(t, "\r\n0\r\n\r\n");
    cr_assert(body_is(talk_response(t), "1000 of pattern\n"));
    talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    talk_send_n(t, content, 1001);
    talk_send(t, "\r\n");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 413);
    cr_assert(r->closes, "what comes behind the content can't be found any more");
    cr_assert(talk_ended(t));
    AWAIT(origin_open(app) == 0);
}

Test(limits, of_content_can_be_a_routes_own)
{
    rig_start(.listener = "limits = { body_size = 10; };",
              .routes =
                  "( { match = { path_prefix = \"/up\"; }; cluster = \"app\"; body_size = 0; },"
                  "  { cluster = \"app\"; } )");
    cr_assert_eq(
        ask("POST /up?count HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world")->status,
        200);
    cr_assert_eq(
        ask("POST /no?count HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world")->status,
        413);
}

Test(limits, of_requests_close_the_connection_after_the_last)
{
    rig_start(.listener = "limits = { requests = 3; };");
    struct talk *t = talk_open();
    for (int i = 0; i < 3; i++) {
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        const struct response *r = talk_response(t);
        cr_assert_eq(r->status, 200);
        cr_assert_eq(r->closes, i == 2);
    }
    cr_assert(talk_ended(t));
    cr_assert_eq(rig_metric("weir_listener_requests_limit_total{listener=\"public\"}"), 1);
}

Test(limits, of_a_pool_close_what_is_too_much)
{
    struct talk *t[6];
    rig_start(.cluster = "pool = { max_idle = 2; max_requests = 4; };");
    for (int i = 0; i < 6; i++)
        talk_send(t[i] = talk_open(), "GET /?delay=200 HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 6; i++)
        cr_assert_eq(talk_response(t[i])->status, 200);
    AWAIT(origin_open(app) == 2);
    for (int i = 0; i < 7; i++) /* three more on each, and one on a fresh one */
        cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(origin_connections(app), 7);
}
