/* SPDX-License-Identifier: Apache-2.0 */
/* What bounds retries: attempts, budgets, content that can't be kept, responses that have begun;
 * what the client gets then; and where requests go instead. */
#include "retry_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

RETRY_SUITE(retry_limits);

/* -- attempts -------------------------------------------------------------------------------- */

Test(retry_limits, of_attempts_count_the_first)
{
    for (unsigned attempts = 1; attempts <= 4; attempts++) {
        char routes[256];
        snprintf(routes, sizeof routes, RETRY_ROUTE("app", "on = [ \"503\" ]; attempts = %u;"),
                 attempts);
        const unsigned before = origin_requests(retry_app);
        retry_start(routes);
        cr_assert_eq(retry_ask_h1("GET", "/?status=503", 0), 503);
        cr_assert_eq(origin_requests(retry_app) - before, attempts);
        cr_assert_eq(retry_ask_h2("GET", "/?status=503", 0), 503);
        cr_assert_eq(origin_requests(retry_app) - before, 2 * attempts);
        AWAIT(retry_count("exhausted") == 2);
        cr_assert_eq(retry_count("repeated"), 2 * (attempts - 1));
        cr_assert_eq(retry_count("recovered"), 0);
        cr_assert_str_eq(json_of(rig_await_access("retry.stopped"), "retry.stopped"), "attempts");
        rig_stop();
    }
}

/* -- the last answer ------------------------------------------------------------------------- */

Test(retry_limits, leave_the_client_the_last_answer_of_a_backend)
{
    origin_script(retry_bad, "status=503 field=x-from:bad");
    origin_script(retry_good, "status=500 field=x-from:good");
    retry_start(RETRY_ROUTE("pair", "on = [ \"5xx\" ];"));
    for (unsigned i = 0; i < 4; i++) {
        const struct response *r = get("/");
        cr_assert(r->status == 500 || r->status == 503);
        cr_assert_str_eq(field_of(r, "x-from"), r->status == 500 ? "good" : "bad");
    }
    cr_assert_eq(origin_requests(retry_bad), 4);
    cr_assert_eq(origin_requests(retry_good), 4);
}

Test(retry_limits, prefer_an_answer_to_none)
{
    origin_script(retry_bad, "status=503 field=x-from:bad");
    origin_stop(retry_good);
    retry_start(RETRY_ROUTE("pair", "on = [ \"5xx\" ];"));
    unsigned answered = 0;
    for (unsigned i = 0; i < 6; i++) {
        const struct response *r = get("/");
        cr_assert_eq(r->status, 503);
        answered += strcmp(field_of(r, "x-from"), "bad") == 0;
    }
    cr_assert_eq(answered, 6, "whichever was tried first");
    cr_assert_eq(retry_ask_h2("GET", "/", 0), 503);
}

/* -- content --------------------------------------------------------------------------------- */

Test(retry_limits, repeat_content_whole_over_both_protocols)
{
    origin_stop(retry_bad);
    retry_start(RETRY_ROUTE("pair"), "limits = { queue = \"64k\"; };");
    for (unsigned i = 0; i < 4; i++) {
        const struct response *r =
            ask("POST /?count HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                "5\r\nhello\r\n0\r\n\r\n");
        cr_assert(r->status == 200 && body_is(r, "5 of rubbish\n"), "%d %s", r->status, r->body.p);
        struct h2_talk *t = h2_talk_open();
        const struct h2_stream *s = h2_answer(t, h2_ask(t, .path = "/?count", .pattern = 30000));
        cr_assert(s->status == 200 && !strcmp(s->body.p, "30000 of pattern\n"), "%s", s->body.p);
    }
    cr_assert_gt(retry_count("repeated"), 0);
}

/* Content that is over the limit goes through, once. */
Test(retry_limits, of_kept_content_are_no_limits_of_content)
{
    retry_start(RETRY_ROUTE("app", "on = [ \"503\" ]; attempts = 3;"));
    const unsigned before = origin_requests(retry_app);
    cr_assert_eq(retry_ask_h1("PUT", "/?status=503", 600000), 503);
    cr_assert_eq(origin_requests(retry_app) - before, 1);
    AWAIT(retry_count("refused") == 1);
    cr_assert_str_eq(json_of(rig_await_access("retry.stopped"), "retry.stopped"), "content");
    cr_assert_eq(retry_ask_h1("PUT", "/?status=503", 20000), 503);
    cr_assert_eq(origin_requests(retry_app) - before, 4);
    cr_assert_eq(retry_ask_h2("PUT", "/?status=503", 600000), 503);
    cr_assert_eq(origin_requests(retry_app) - before, 5);
}

/* -- responses ------------------------------------------------------------------------------- */

Test(retry_limits, never_touch_a_response_that_has_begun)
{
    retry_start(RETRY_ROUTE("app", "on = [ \"5xx\" ]; attempts = 3;"));
    const struct response *r = get("/?size=100000&reset=50000");
    cr_assert(r->status == 200 && !r->whole);
    struct h2_talk *t = h2_talk_open();
    const struct h2_stream *s = h2_answer(t, h2_ask(t, .path = "/?size=100000&cut=50000"));
    cr_assert(s->status == 200 && !s->ended);
    cr_assert_eq(origin_requests(retry_app), 2);
    cr_assert_eq(retry_count("repeated"), 0);
}

/* -- budgets --------------------------------------------------------------------------------- */

enum { TALKS = 10, ROUNDS = 15, PIPELINED = 10 };

/* So many requests as fast as they go, on connections to all workers. */
static unsigned drive(int status)
{
    struct talk *t[TALKS];
    for (unsigned i = 0; i < TALKS; i++)
        t[i] = talk_open();
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < TALKS * PIPELINED; i++)
            talk_send(t[i % TALKS], "GET /?status=%d HTTP/1.1\r\nHost: a\r\n\r\n", status);
        for (unsigned i = 0; i < TALKS * PIPELINED; i++)
            cr_assert_eq(talk_response(t[i % TALKS])->status, status);
    }
    return TALKS * ROUNDS * PIPELINED;
}

Test(retry_limits, keep_the_load_on_a_failing_backend_down)
{
    rig_start(.workers = 4,
              .routes = RETRY_ROUTE("app", "on = [ \"503\" ]; attempts = 10; backoff = { base = "
                                           "\"1ms\"; };"));
    const uint64_t begun = now_ms();
    const unsigned n = drive(503), seconds = (unsigned)((now_ms() - begun) / 1000) + 2;
    const unsigned got = origin_requests(retry_app);
    cr_assert(got > n && got <= n + n / 5 + 10 * seconds, "%u of %u in %u s", got, n, seconds);
    AWAIT(retry_count("budget") > 0);
    cr_assert_eq(retry_count("repeated"), got - n);
    cr_assert_eq(retry_count("budget"),
                 rig_metric("weir_route_retries_refused_total{route=\"all\"}"));
    cr_assert_str_eq(json_of(rig_await_access("\"retry.stopped\":\"budget\""), "retry.stopped"),
                     "budget");
}

Test(retry_limits, of_a_cluster_may_be_narrower)
{
    retry_start(RETRY_ROUTE("app", "on = [ \"503\" ];"),
                "retry_budget = { percent = \"0%\"; min_per_second = 0; };");
    drive(503);
    cr_assert_eq(origin_requests(retry_app), TALKS * ROUNDS * PIPELINED);
}

/* -- another cluster ------------------------------------------------------------------------- */

#define THEN(...) RETRY_ROUTE("pair", "then = { cluster = \"app\"; }; " __VA_ARGS__)

Test(retry_limits, have_another_cluster_behind_them)
{
    origin_script(retry_bad, "status=503");
    origin_script(retry_good, "status=502");
    retry_start(THEN("on = [ \"5xx\" ]; attempts = 3;"));
    cr_assert(body_is(get("/"), "app\n"));
    cr_assert_eq(origin_requests(retry_bad) + origin_requests(retry_good), 3);
    cr_assert_eq(origin_requests(retry_app), 1);
    const char *line = rig_await_access("retry.fell_back");
    cr_assert_str_eq(json_of(line, "retry.fell_back"), "app");
    cr_assert_eq(retry_ask_h2("PUT", "/", 100), 200);
    AWAIT(retry_count("fell_back") == 2 && retry_count("recovered") == 2);
}

Test(retry_limits, leave_what_may_have_been_processed_where_it_is)
{
    origin_script(retry_bad, "status=503");
    origin_script(retry_good, "status=503");
    retry_start(THEN("on = [ \"5xx\" ];"));
    cr_assert_eq(retry_ask_h1("POST", "/", 100), 503);
    cr_assert_eq(origin_requests(retry_app), 0);
    cr_assert_eq(retry_count("fell_back"), 0);
}

Test(retry_limits, of_a_cluster_that_fell_back_are_reached_there)
{
    origin_script(retry_bad, "status=503");
    origin_script(retry_good, "status=503");
    origin_script(retry_app, "status=500");
    retry_start(THEN("on = [ \"5xx\" ];"));
    cr_assert_eq(retry_ask_h1("GET", "/", 0), 500);
    cr_assert_eq(origin_requests(retry_app), 1, "once, and no circle");
    AWAIT(retry_count("exhausted") == 1);
    cr_assert_eq(retry_ask_h1("GET", "/", 0), 500);
    AWAIT(retry_count("exhausted") == 2);
}

Test(retry_limits, reach_another_cluster_at_once_where_no_attempt_can_start)
{
    rig_start(.clusters = "pair = { endpoints = ( { address = \"$bad\"; weight = 0; } ); };",
              .routes = THEN("attempts = 1;"));
    cr_assert(body_is(get("/"), "app\n"));
    cr_assert_eq(retry_ask_h1("POST", "/", 100), 200);
    AWAIT(retry_count("fell_back") == 2 && retry_count("recovered") == 2);
}

Test(retry_limits, bring_their_own_settings_to_another_cluster)
{
    origin_stop(retry_bad);
    origin_stop(retry_good);
    retry_start(RETRY_ROUTE("pair",
                            "then = { cluster = \"app\"; headers = { response = { set = ( { "
                            "name = \"X-Then\"; value = \"yes\"; } ); }; }; };"));
    cr_assert_str_eq(field_of(get("/"), "x-then"), "yes");
}
