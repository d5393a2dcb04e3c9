/* SPDX-License-Identifier: Apache-2.0 */
/* Retries: after which outcomes, for which requests, and what it looks like. */
#include "retry_case.h"

#include <stdlib.h>
#include <string.h>

RETRY_SUITE(retry);

/* Ten requests one after the other, over each protocol; how many weren't answered 200. */
static unsigned failures(const char *method, size_t n)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < 10; i++)
        failed += retry_ask_h1(method, "/", n) != 200;
    for (unsigned i = 0; i < 10; i++)
        failed += retry_ask_h2(method, "/", n) != 200;
    return failed;
}

/* -- defaults -------------------------------------------------------------------------------- */

Test(retry, of_what_cannot_connect_is_for_every_request)
{
    origin_stop(retry_bad);
    retry_start(RETRY_ROUTE("pair"));
    cr_assert_eq(failures("GET", 0), 0);
    cr_assert_eq(failures("POST", 1000), 0);
    cr_assert_eq(origin_requests(retry_good), 40);
    AWAIT(retry_count("recovered") >= 19);
    cr_assert_eq(retry_count("repeated"), retry_count("recovered"));
    cr_assert_eq(retry_count("exhausted"), 0);
}

/* What the client sends behind the head waits until the tunnel is there. */
static void tunnel_h1(void)
{
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "\r\nhello");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 101, "%d: %s", r->status, r->body.p);
    cr_assert(talk_await_bytes(t, 5) && !memcmp(talk_rest(t).p, "hello", 5));
    talk_close(t);
}

static void tunnel_h2(void)
{
    struct h2_talk *t = h2_talk_open();
    cr_assert_eq(h2_peer_setting(t, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL), 1);
    const int32_t id = h2_ask(t, .protocol = "websocket", .open = true,
                              .fields = "sec-websocket-version: 13\n");
    h2_send(t, id, "hello", 5);
    const struct h2_stream *s = h2_head(t, id);
    cr_assert_eq(s->status, 200, "%d", s->status);
    H2_AWAIT(t, s->body.n == 5);
    h2_talk_close(t);
}

Test(retry, of_what_cannot_connect_is_for_websockets_too)
{
    origin_stop(retry_bad);
    origin_script(retry_good, "upgrade");
    retry_start(RETRY_ROUTE("pair"));
    for (unsigned i = 0; i < 4; i++)
        tunnel_h1();
    for (unsigned i = 0; i < 4; i++)
        tunnel_h2();
    AWAIT(retry_count("recovered") >= 3);
    cr_assert_eq(retry_count("refused"), 0);
}

Test(retry, of_resets_is_for_idempotent_requests_only)
{
    origin_script(retry_bad, "abort");
    retry_start(RETRY_ROUTE("pair"));
    cr_assert_eq(failures("GET", 0), 0);
    cr_assert_eq(failures("PUT", 1000), 0);
    const unsigned before = origin_requests(retry_bad);
    unsigned failed = 0;
    for (unsigned i = 0; i < 4; i++)
        failed += retry_ask_h1("POST", "/post", 10) == 502;
    cr_assert(failed >= 1 && failed == origin_requests(retry_bad) - before);
    cr_assert_eq(retry_count("refused"), failed);
}

Test(retry, tells_of_attempts_in_the_log_and_the_backend_which_one_it_is)
{
    origin_script(retry_bad, "abort");
    retry_start(RETRY_ROUTE("pair"));
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(retry_ask_h1("GET", "/", 0), 200);
    AWAIT(origin_requests(retry_bad) >= 1 && rig_access_lines() == 3);
    const char *line = rig_await_access("retry.on"), *tries = json_of(line, "tries");
    cr_assert(strncmp(tries, "reset@127.0.0.1:", 16) == 0, "%s", line);
    cr_assert(strstr(tries, ",200@127.0.0.1:"), "%s", tries);
    cr_assert_str_eq(json_of(line, "retry.on"), "reset");
    cr_assert_str_eq(json_of(line, "retry.stopped"), "");
    char *head = origin_last_head(retry_good);
    cr_assert(strstr(head, "\r\nX-Weir-Attempt: 2\r\n") ||
                  strstr(head, "\r\nx-weir-attempt: 2\r\n"),
              "%s", head);
    free(head);
}

Test(retry, believes_no_client_that_says_which_attempt_it_is)
{
    retry_start(RETRY_ROUTE("app"));
    cr_assert_eq(ask("GET / HTTP/1.1\r\nHost: a\r\nX-Weir-Attempt: 7\r\n\r\n")->status, 200);
    char *head = origin_last_head(retry_app);
    cr_assert(!strcasestr(head, "x-weir-attempt"), "%s", head);
    free(head);
}

Test(retry, is_not_for_what_was_answered)
{
    retry_start(RETRY_ROUTE("app"));
    cr_assert_eq(retry_ask_h1("GET", "/?status=503", 0), 503);
    cr_assert_eq(origin_requests(retry_app), 1);
    cr_assert_eq(retry_count("repeated"), 0);
}

Test(retry, can_be_switched_off_for_a_route)
{
    origin_stop(retry_bad);
    retry_start(RETRY_ROUTE("pair", "enabled = false;"));
    cr_assert_neq(failures("GET", 0), 0);
    cr_assert_eq(retry_count("repeated"), 0);
}

Test(retry, can_be_switched_off_for_all_routes)
{
    origin_stop(retry_bad);
    rig_start(.top = "modules = { retry = { enabled = false; }; };",
              .clusters = "pair = { endpoints = [ \"$bad\", \"$good\" ]; };",
              .listener = "protocols = [ \"http/1.1\", \"h2\" ];",
              .routes = RETRY_ROUTE("pair", "enabled = true;"));
    cr_assert_neq(failures("GET", 0), 0);
}

/* -- conditions ------------------------------------------------------------------------------ */

/* With this `on`, and this script of the bad one: are all requests answered well? */
static bool helps(const char *on, const char *script)
{
    char routes[512];
    snprintf(routes, sizeof routes, RETRY_ROUTE("pair", "on = [ %s ];"), on);
    origin_script(retry_bad, script);
    retry_start(routes, "timeouts = { response_head = \"100ms\"; };");
    const unsigned before = origin_requests(retry_bad);
    unsigned failed = 0;
    for (unsigned i = 0; i < 3; i++)
        failed += retry_ask_h1("GET", "/", 0) != 200;
    cr_assert_neq(origin_requests(retry_bad), before, "or nothing was tried");
    rig_stop();
    return failed == 0;
}

Test(retry, of_statuses_is_by_class_or_one_by_one)
{
    cr_assert(helps("\"5xx\"", "status=500"));
    cr_assert(helps("\"5xx\"", "abort"), "no answer is one of its kind");
    cr_assert(!helps("\"gateway_error\"", "status=500"));
    cr_assert(helps("\"gateway_error\"", "status=502"));
    cr_assert(helps("\"retriable_4xx\"", "status=409"));
    cr_assert(!helps("\"retriable_4xx\"", "status=404"));
    cr_assert(helps("\"connect_failed\", \"404\"", "status=404"));
    cr_assert(!helps("\"404\"", "abort"));
    cr_assert(helps("\"204\"", "status=204"), "if one wants to");
}

Test(retry, of_failures_is_by_kind)
{
    origin_raw(retry_bad, "HTTP/1.1 nonsense\r\n\r\n", 21);
    cr_assert(helps("\"timeout\"", "hang"));
    cr_assert(!helps("\"reset\"", "hang"));
    cr_assert(helps("\"bad_response\"", "raw"));
    cr_assert(!helps("\"reset\"", "raw"));
    cr_assert(!helps("\"reset_unsent\"", "abort"), "the request was sent");
    cr_assert(!helps("", "abort"), "an empty list is for nothing");
}

Test(retry, of_header_fields_is_by_their_value)
{
    static const char *const forms[][2] = {{"present = true;", "field=x-again:1"},
                                           {"exact = \"yes\";", "field=x-again:yes"},
                                           {"prefix = \"y\";", "field=x-again:yes"},
                                           {"suffix = \"s\";", "field=x-again:yes"},
                                           {"regex = \"y.s\";", "field=x-again:yes"}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char routes[512];
        snprintf(routes, sizeof routes,
                 RETRY_ROUTE("pair", "on_headers = ( { name = \"X-Again\"; %s } );"), forms[i][0]);
        origin_script(retry_bad, forms[i][1]);
        retry_start(routes);
        for (unsigned k = 0; k < 3; k++)
            cr_assert(body_is(get("/"), "good\n"), "%s", forms[i][0]);
        origin_script(retry_bad, "field=x-again:no");
        rig_stop();
    }
}

Test(retry, of_methods_is_as_the_route_says)
{
    origin_script(retry_bad, "status=503");
    retry_start(RETRY_ROUTE("pair", "on = [ \"503\" ]; methods = [ \"POST\" ];"));
    cr_assert_eq(failures("POST", 100), 0);
    cr_assert_neq(failures("GET", 0), 0, "the list is the whole list");
}

/* Responses without content: what is in their only head can still be repeated. */
Test(retry, of_grpc_is_by_the_status_of_calls_that_failed_at_once)
{
    struct origin *calls =
        origin_start_with((struct origin_spec){.name = "calls", .protocol = ORIGIN_H2});
    origin_script(calls, "size=0 field=content-type:application/grpc field=grpc-status:14");
    rig_start(.listener = "protocols = [ \"h2\" ];",
              .clusters = "calls = { endpoints = [ \"$calls\" ]; protocol = \"h2\"; };",
              .routes = RETRY_ROUTE("calls", "attempts = 3; on = [ \"grpc_unavailable\" ];"));
    struct h2_talk *t = h2_talk_open();
    const struct h2_stream *s =
        h2_answer(t, h2_ask(t, .method = "POST", .content = "",
                            .fields = "content-type: application/grpc\nte: trailers"));
    cr_assert_eq(s->status, 200);
    cr_assert(strstr(s->head.p, "grpc-status: 14"), "%s", s->head.p);
    cr_assert_eq(origin_requests(calls), 3);
    origin_script(calls, "size=0 field=content-type:application/grpc field=grpc-status:5");
    h2_answer(t, h2_ask(t, .method = "POST", .content = "",
                        .fields = "content-type: application/grpc\nte: trailers"));
    cr_assert_eq(origin_requests(calls), 4, "not found is found out");
}

Test(retry, of_refused_streams_is_for_every_request)
{
    struct origin *calls =
        origin_start_with((struct origin_spec){.name = "calls", .protocol = ORIGIN_H2});
    origin_script(calls, "refuse=4");
    rig_start(.listener = "protocols = [ \"http/1.1\", \"h2\" ];",
              .clusters = "calls = { endpoints = [ \"$calls\" ]; protocol = \"h2\"; };",
              .routes = RETRY_ROUTE("calls", "attempts = 4;"));
    cr_assert_eq(retry_ask_h2("POST", "/", 1000), 200);
    cr_assert_eq(origin_requests(calls), 5);
}
