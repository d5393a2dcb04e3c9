/* SPDX-License-Identifier: Apache-2.0 */
/* Variants that aren't there, or fail: who answers then, what clients see of it, and what is
 * counted. */
#include "canary_case.h"

#include <stdio.h>
#include <string.h>

CANARY_SUITE(canary_failures);

static double counted(const char *what, const char *variant)
{
    char series[128];
    snprintf(series, sizeof series, "weir_canary_%s_total{route=\"all\",variant=\"%s\"}", what,
             variant);
    return rig_metric(series);
}

/* v2 has no endpoint with a weight: nothing there can be used. */
static void start_without_v2(const char *routes)
{
    rig_start(.listener = "protocols = [ \"http/1.1\", \"h2\" ];",
              .clusters =
                  CANARY_CLUSTER("v1") "v2 = { endpoints = ( { address = \"$v2\"; weight = 0; "
                                       "} ); };",
              .routes = routes);
}

/* -- unavailable ------------------------------------------------------------------------------- */

Test(canary_failures, of_a_cluster_without_endpoints_are_the_clients_by_default)
{
    start_without_v2(CANARY_TWO(1, 1));
    unsigned failed = 0;
    for (unsigned i = 0; i < 10; i++)
        failed += get("/")->status == 503;
    cr_assert_eq(failed, 5);
    AWAIT(canary_number("v2", "sent") == 5);
    cr_assert_eq(canary_number("v2", "errors"), 5);
    cr_assert_eq(canary_number("v2", "fell_back"), 0);
    cr_assert_eq(counted("errors", "v2"), 5);
}

Test(canary_failures, of_a_cluster_without_endpoints_can_go_to_the_primary_and_it_is_said)
{
    start_without_v2(CANARY_TWO(1, 1, "on_unavailable = \"primary\"; response_header = \"x-v\";"));
    for (unsigned i = 0; i < 10; i++) {
        const struct response *r = get(i % 2 ? "/second" : "/first");
        cr_assert(r->status == 200 && body_is(r, "v1\n"));
        cr_assert_str_eq(field_of(r, "x-v"), "v1");
    }
    cr_assert_str_eq(json_of(rig_await_access("/second"), "canary.fell_back"), "v2");
    cr_assert_str_eq(json_of(rig_await_access("/second"), "variant"), "v1");
    cr_assert_str_eq(json_of(rig_await_access("/first"), "canary.fell_back"), "");
    const char *line = rig_await_log("canary_unavailable");
    cr_assert(strstr(line,
                     "route all: v2 has no endpoint that can be used (cluster v2); its requests "
                     "go to v1"),
              "%s", line);
    cr_assert_eq(rig_log_count("canary_unavailable"), 1, "once a minute, and not each time");
    AWAIT(canary_number("v1", "sent") == 10);
    cr_assert_eq(canary_number("v2", "fell_back"), 5);
    cr_assert_eq(canary_number("v2", "sent"), 0);
    cr_assert_eq(canary_number("v2", "assigned"), 5);
    cr_assert_eq(counted("fell_back", "v2"), 5);
    cr_assert_eq(rig_metric("weir_variant_requests_total{route=\"all\",variant=\"v1\"}"), 10);
}

Test(canary_failures, of_the_primary_have_nowhere_to_go)
{
    start_without_v2(CANARY_TWO(1, 1, "on_unavailable = \"primary\"; primary = \"v2\";"));
    unsigned failed = 0;
    for (unsigned i = 0; i < 10; i++)
        failed += get("/")->status == 503;
    cr_assert_eq(failed, 5);
    cr_assert_eq(canary_number("v1", "fell_back"), 0);
}

/* -- hidden ------------------------------------------------------------------------------------ */

#define HIDING(w1, w2, more)                                                                       \
    CANARY_TWO(w1, w2, "on_failure = \"primary\"; max_hidden = \"100%\"; " more)

Test(canary_failures, are_hidden_from_clients_and_still_the_variants)
{
    origin_script(canary_v2, "status=503");
    canary_start(2, HIDING(1, 1, "response_header = \"x-v\";"));
    for (unsigned i = 0; i < 10; i++) {
        const struct response *r = get(i % 2 ? "/second" : "/first");
        cr_assert(r->status == 200 && body_is(r, "v1\n"), "%d", r->status);
        cr_assert_str_eq(field_of(r, "x-v"), "v1", "who has answered");
    }
    cr_assert_eq(origin_requests(canary_v1), 10);
    cr_assert_eq(origin_requests(canary_v2), 5);
    const char *line = rig_await_access("/second");
    cr_assert_str_eq(json_of(line, "variant"), "v2");
    cr_assert_str_eq(json_of(line, "canary.hidden"), "true");
    cr_assert_str_eq(json_of(rig_await_access("/first"), "canary.hidden"), "");
    AWAIT(canary_number("v1", "sent") + canary_number("v2", "sent") == 10);
    cr_assert_eq(canary_number("v2", "sent"), 5);
    cr_assert_eq(canary_number("v2", "errors"), 5);
    cr_assert_eq(canary_number("v2", "hidden"), 5);
    cr_assert_eq(canary_number("v1", "errors"), 0);
    cr_assert_eq(counted("hidden", "v2"), 5);
    cr_assert_eq(counted("errors", "v2"), 5);
}

Test(canary_failures, of_each_kind_are_hidden)
{
    static const char *const kinds[] = {"status=500", "abort", "hang", "raw"};
    origin_raw(canary_v2, "HTTP/1.1 nonsense\r\n\r\n", 21);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        origin_script(canary_v2, kinds[i]);
        rig_start(.clusters = CANARY_CLUSTER("v1") "v2 = { endpoints = [ \"$v2\" ]; timeouts = { "
                                                   "response_head = \"100ms\"; }; };",
                  .routes = HIDING(0, 1, ""));
        const struct response *r = get("/");
        cr_assert(r->status == 200 && body_is(r, "v1\n"), "%s: %d", kinds[i], r->status);
        AWAIT(canary_number("v2", "hidden") == 1);
        rig_stop();
    }
}

Test(canary_failures, to_connect_are_hidden)
{
    origin_stop(canary_v2);
    canary_start(1, HIDING(0, 1, ""));
    cr_assert_eq(get("/")->status, 200);
    AWAIT(canary_number("v2", "hidden") == 1);
}

Test(canary_failures, are_hidden_with_their_content_over_both_protocols)
{
    origin_script(canary_v2, "status=502");
    canary_start(1, HIDING(0, 1, ""));
    const struct response *r =
        ask("PUT /?count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    cr_assert(r->status == 200 && body_is(r, "5 of rubbish\n"), "%s", r->body.p);
    struct h2_talk *t = h2_talk_open();
    const struct h2_stream *s =
        h2_answer(t, h2_ask(t, .method = "PUT", .path = "/?count", .pattern = 3000));
    cr_assert_eq(s->status, 200);
    cr_assert_str_eq(s->body.p, "3000 of pattern\n");
}

Test(canary_failures, of_what_must_not_be_repeated_are_the_clients)
{
    origin_script(canary_v2, "status=502");
    canary_start(1, HIDING(0, 1, ""));
    const struct response *r = ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    cr_assert_eq(r->status, 502);
    cr_assert_eq(origin_requests(canary_v1), 0);
    AWAIT(canary_number("v2", "errors") == 1);
    cr_assert_eq(canary_number("v2", "hidden"), 0);
    cr_assert_eq(counted("not_hidden", "v2"), 1);
}

Test(canary_failures, are_what_the_operator_says_they_are)
{
    canary_start(1, HIDING(0, 1, "failures = [ \"404\", \"timeout\" ];"));
    cr_assert_eq(get("/?status=500")->status, 500);
    cr_assert_eq(get("/?status=502")->status, 502);
    AWAIT(canary_number("v2", "sent") == 2);
    cr_assert_eq(canary_number("v2", "errors"), 0);
    origin_script(canary_v2, "status=404");
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(origin_requests(canary_v1), 1);
    AWAIT(canary_number("v2", "errors") == 1);
}

/* A primary whose retry budget is no limit. */
#define AMPLE                                                                                      \
    "v1 = { endpoints = [ \"$v1\" ]; retry_budget = { percent = \"100%\"; min_per_second = 1000; " \
    "}; };"

Test(canary_failures, are_hidden_up_to_a_share_and_no_further)
{
    enum { ALL = 100 };
    unsigned hidden = 0;
    origin_script(canary_v2, "status=503");
    rig_start(.clusters = AMPLE CANARY_CLUSTER("v2"),
              .routes = CANARY_TWO(0, 1, "on_failure = \"primary\"; max_hidden = \"20%\";"));
    for (unsigned i = 1; i <= ALL; i++) {
        const bool good = get("/")->status == 200;
        hidden += good;
        cr_assert(i > 1 || good, "the first at once");
        cr_assert_leq(hidden, (i + 4) / 5, "%u of %u", hidden, i);
        AWAIT(canary_number("v2", "sent") == i);
    }
    cr_assert_eq(hidden, ALL / 5);
    cr_assert_eq(origin_requests(canary_v1), ALL / 5);
    cr_assert_eq(canary_number("v2", "errors"), ALL);
    cr_assert_eq(canary_number("v2", "hidden"), ALL / 5);
    cr_assert_eq(counted("not_hidden", "v2"), ALL - ALL / 5);
}

/* At once, over all workers. */
Test(canary_failures, are_never_hidden_beyond_the_share_by_workers_together)
{
    struct talk *t[40];
    unsigned hidden = 0;
    origin_script(canary_v2, "status=503 delay=20");
    rig_start(.workers = 4, .clusters = AMPLE CANARY_CLUSTER("v2"),
              .routes = CANARY_TWO(0, 1, "on_failure = \"primary\"; max_hidden = \"10%\";"));
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 40; i++)
            talk_send(t[i] = talk_open(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        for (unsigned i = 0; i < 40; i++)
            hidden += talk_response(t[i])->status == 200;
        for (unsigned i = 0; i < 40; i++)
            talk_close(t[i]);
    }
    AWAIT(canary_number("v2", "sent") == 200);
    cr_assert_leq(hidden, 20);
    cr_assert_geq(hidden, 10);
    cr_assert_eq(canary_number("v2", "hidden"), hidden);
}

Test(canary_failures, are_hidden_within_the_retry_budget_of_the_primary)
{
    unsigned hidden = 0;
    origin_script(canary_v2, "status=503");
    rig_start(.clusters = "v1 = { endpoints = [ \"$v1\" ]; retry_budget = { percent = \"0%\"; "
                          "min_per_second = 1; }; };" CANARY_CLUSTER("v2"),
              .routes = HIDING(0, 1, ""));
    const uint64_t begun = now_ms();
    for (unsigned i = 0; i < 20; i++)
        hidden += get("/")->status == 200;
    cr_assert_geq(hidden, 1);
    cr_assert_leq(hidden, 2 + (now_ms() - begun) / 1000);
    AWAIT(canary_number("v2", "sent") == 20);
    cr_assert_eq(canary_number("v2", "hidden"), hidden, "what the budget refused was taken back");
    cr_assert_geq(rig_metric("weir_route_retries_refused_total{route=\"all\"}"), 18 - 2);
}

Test(canary_failures, of_the_primary_too_are_the_clients)
{
    origin_script(canary_v1, "status=500");
    origin_script(canary_v2, "status=503");
    canary_start(1, HIDING(0, 1, ""));
    cr_assert_eq(get("/")->status, 500);
    AWAIT(canary_number("v2", "sent") == 1);
    cr_assert_eq(canary_number("v2", "errors"), 1);
    cr_assert_eq(canary_number("v1", "errors"), 0, "one request, one error");
}

/* What was set up for the variant isn't sent to the primary. */
Test(canary_failures, that_are_hidden_take_their_settings_with_them)
{
    origin_script(canary_v2, "status=503");
    canary_start(
        1, CANARY_ROUTE(
               CANARY_ENTRY(
                   "v1", 0,
                   "headers = { request = { set = ( { name = \"X-Of\"; value = "
                   "\"one\"; } ); }; };") ", " CANARY_ENTRY("v2", 1,
                                                            "headers = { request = { set = ( { "
                                                            "name = \"X-Two\"; value = "
                                                            "\"two\"; } ); }; response = { set = ( "
                                                            "{ name = \"X-R\"; value = "
                                                            "\"two\"; } ); }; };"),
               "on_failure = \"primary\";"));
    const struct response *r = get("/?echo");
    cr_assert_eq(r->status, 200);
    cr_assert(body_has(r, "X-Of: one") && !body_has(r, "X-Two"), "%s", r->body.p);
    cr_assert_str_eq(field_of(r, "X-R"), "");
}

/* -- after the head ---------------------------------------------------------------------------- */

Test(canary_failures, in_the_middle_of_a_response_are_errors_too)
{
    canary_start(1, HIDING(0, 1, ""));
    const struct response *r = get("/?size=1000&cut=100");
    cr_assert(!r->whole && r->status == 200);
    AWAIT(canary_number("v2", "sent") == 1);
    cr_assert_eq(canary_number("v2", "errors"), 1);
    cr_assert_eq(origin_requests(canary_v1), 0);
}

Test(canary_failures, that_are_injected_in_the_middle_are_nobodys)
{
    canary_start(1, "( { name = \"all\"; canary = { split = ( " CANARY_ENTRY("v1", 0) ", " CANARY_ENTRY(
                        "v2", 1) " ); }; fault = ( { name = \"cut\"; abort = { truncate_after = 2; "
                                 "}; } ); } )");
    cr_assert(!get("/?size=1000")->whole);
    AWAIT(canary_number("v2", "sent") == 1);
    cr_assert_eq(canary_number("v2", "errors"), 0);
}

Test(canary_failures, of_clients_are_nobodys)
{
    canary_start(1, HIDING(0, 1, ""));
    struct talk *t = talk_open();
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(canary_v2) == 1);
    talk_reset(t);
    AWAIT(canary_number("v2", "sent") == 1);
    cr_assert_eq(canary_number("v2", "errors"), 0);
    cr_assert_eq(canary_number("v2", "hidden"), 0);
}
