/* SPDX-License-Identifier: Apache-2.0 */
/* Every timeout on its own: what the client sees, what the log calls it, and that a thing which is
 * slow for another reason isn't hit by it. */
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

TestSuite(timeouts, .init = begin, .fini = rig_end, .timeout = 120);

static void expect_logged(const char *outcome, const char *status)
{
    char needle[64];
    snprintf(needle, sizeof needle, "\"outcome\":\"%s\"", outcome);
    cr_assert_str_eq(json_of(rig_await_access(needle), "status"), status);
}

Test(timeouts, of_a_slow_head_is_408)
{
    rig_start(.listener = "timeouts = { head = \"150ms\"; };");
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHo");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 408);
    cr_assert(r->closes);
    cr_assert(talk_ended(t));
    expect_logged("timeout_head", "408");
}

/* Each byte comes in time, the head as a whole doesn't: that is how a slow client holds on. */
Test(timeouts, of_a_head_counts_from_its_first_byte)
{
    rig_start(.listener = "timeouts = { head = \"200ms\"; };");
    struct talk *t = talk_open();
    const uint64_t begun = now_ms();
    while (!talk_is_over(t) && talk_rest(t).n == 0 && now_ms() < begun + DEADLINE_MS) {
        talk_send(t, "G");
        sleep_ms(20);
    }
    cr_assert_eq(talk_response(t)->status, 408);
    cr_assert_lt(now_ms() - begun, 5000);
}

Test(timeouts, of_a_connection_that_never_says_anything_closes_it)
{
    rig_start(.listener = "timeouts = { head = \"150ms\"; };");
    cr_assert(talk_ended(talk_open()));
}

Test(timeouts, of_an_idle_connection_closes_it_without_a_word)
{
    rig_start(.listener = "timeouts = { keep_alive = \"150ms\"; };");
    struct talk *t = talk_open();
    for (int i = 0; i < 3; i++) {
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert_eq(talk_response(t)->status, 200);
    }
    cr_assert(talk_ended(t));
    AWAIT(rig_metric("weir_listener_timeout_idle_total{listener=\"public\"}") == 1);
}

Test(timeouts, of_content_that_stops_coming_is_408)
{
    rig_start(.listener = "timeouts = { body_idle = \"200ms\"; };");
    struct talk *t = talk_open();
    talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    const struct response *r = talk_response(t);
    cr_assert_eq(r->status, 408);
    cr_assert(talk_ended(t));
    expect_logged("timeout_body", "408");
    AWAIT(origin_open(app) == 0);
}

Test(timeouts, of_content_start_anew_with_each_piece)
{
    rig_start(.listener = "timeouts = { body_idle = \"2s\"; };");
    struct talk *t = talk_open();
    talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n");
    for (int i = 0; i < 30; i++) {
        const char c = pattern_at((uint64_t)i);
        talk_send_n(t, &c, 1);
        sleep_ms(100);
    }
    cr_assert(body_is(talk_response(t), "30 of pattern\n"));
}

Test(timeouts, of_the_whole_request_is_504)
{
    rig_start(.listener = "timeouts = { request = \"200ms\"; };");
    struct talk *t = talk_open();
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 504);
    expect_logged("timeout_request", "504");
    AWAIT(origin_open(app) == 0);
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 200, "the client's connection goes on");
}

Test(timeouts, of_one_route_are_its_own)
{
    rig_start(.routes =
                  "( { name = \"slow\"; match = { path_prefix = \"/slow\"; }; cluster = \"app\";"
                  "    timeout = \"0s\"; },"
                  "  { name = \"all\"; cluster = \"app\"; timeout = \"100ms\"; } )");
    cr_assert_eq(get("/slow?delay=400")->status, 200);
    cr_assert_eq(get("/other?hang")->status, 504);
}

Test(timeouts, of_the_whole_request_in_the_middle_of_a_response_cut_it)
{
    rig_start(.listener = "timeouts = { request = \"300ms\"; };");
    const struct response *r = get("/?size=100000&piece=100&pause=20");
    cr_assert_eq(r->status, 200);
    cr_assert(!r->whole);
    expect_logged("timeout_request", "200");
}

Test(timeouts, of_connecting_is_503)
{
    rig_start(.cluster = "timeouts = { connect = \"200ms\"; };");
    origin_clog(app);
    const struct response *r = get("/");
    cr_assert_eq(r->status, 503);
    expect_logged("timeout_connect", "503");
}

Test(timeouts, of_a_response_head_is_504)
{
    rig_start(.cluster = "timeouts = { response_head = \"200ms\"; };");
    cr_assert_eq(get("/?hang")->status, 504);
    expect_logged("timeout_response_head", "504");
    AWAIT(origin_open(app) == 0);
}

Test(timeouts, of_a_response_head_do_not_count_while_content_is_sent)
{
    rig_start(.cluster = "timeouts = { response_head = \"1s\"; };");
    struct talk *t = talk_open();
    talk_send(t, "POST /?count HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n");
    for (int i = 0; i < 15; i++) {
        const char c = pattern_at((uint64_t)i);
        talk_send_n(t, &c, 1);
        sleep_ms(100);
    }
    cr_assert(body_is(talk_response(t), "15 of pattern\n"));
}

Test(timeouts, of_a_response_that_stops_coming_cut_it)
{
    rig_start(.cluster = "timeouts = { body_idle = \"200ms\"; };");
    const struct response *r = get("/?size=1000&piece=500&pause=5000");
    cr_assert_eq(r->status, 200);
    cr_assert(!r->whole);
    expect_logged("timeout_response_body", "200");
}

/* The origin has sent all, the client reads when it likes: as long as it takes something. */
Test(timeouts, of_the_origin_do_not_count_while_the_client_is_slow)
{
    rig_start(.cluster = "timeouts = { body_idle = \"200ms\"; };");
    struct talk *t = talk_open();
    talk_send(t, "GET /?size=30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_head(t)->status, 200);
    sleep_ms(700);
    size_t n = talk_rest(t).n;
    while (n < 30000000 && talk_await_bytes(t, talk_rest(t).n + 1))
        n = talk_rest(t).n;
    cr_assert_eq(n, 30000000);
    cr_assert(pattern_holds(talk_rest(t).p, 0, n));
}

Test(timeouts, of_a_client_that_takes_nothing_end_it)
{
    rig_start(.listener = "timeouts = { write_idle = \"200ms\"; };");
    struct talk *t = talk_open();
    talk_send(t, "GET /?size=50000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    expect_logged("client_slow", "200");
    AWAIT(origin_open(app) == 0);
}

Test(timeouts, of_idle_origins_close_kept_connections)
{
    rig_start(.cluster = "pool = { idle_timeout = \"100ms\"; };");
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(origin_connections(app), 1);
    AWAIT(origin_open(app) == 0);
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(origin_connections(app), 2);
}
