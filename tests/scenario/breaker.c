/* SPDX-License-Identifier: Apache-2.0 */
/* Circuits of a cluster and of its endpoints: when they open, what clients get then, and how they
 * close again. */
#include "breaker_case.h"

#include <stdlib.h>
#include <string.h>

BREAKER_SUITE(breaker);

Test(breaker, opens_on_its_error_rate_and_refuses_at_once)
{
    breaker_start(1, "circuit = { open_on = { min_requests = 10; }; open_for = \"30s\"; };");
    cr_assert_eq(breaker_send(5, "/", 200), 5);
    cr_assert_eq(breaker_send(5, "/?status=500", 500), 5);
    const unsigned had = origin_requests(breaker_app);
    cr_assert_eq(had, 10);
    const struct response *r = get("/refused");
    cr_assert_eq(r->status, 503);
    cr_assert(body_has(r, "breaker_open"), "%s", r->body.p);
    const int after = atoi(field_of(r, "retry-after"));
    cr_assert(after >= 27 && after <= 30 && field_count(r, "retry-after") == 1, "%d", after);
    cr_assert_eq(origin_requests(breaker_app), had);
    const char *line = rig_await_access("/refused");
    cr_assert_str_eq(json_of(line, "outcome"), "breaker_open");
    cr_assert_str_eq(json_of(line, "breaker.decision"), "open");
    line = rig_await_log("breaker_open");
    cr_assert(strstr(line, "cluster app: from closed to open, for "), "%s", line);
    cr_assert(strstr(line, "5 of 10 calls failed (error_rate = 50%)"), "%s", line);
    cr_assert_eq(breaker_transitions("open"), 1);
    cr_assert_eq(breaker_rejects("open"), 1);
    cr_assert_eq(breaker_metric("state", "cluster=\"app\""), 3);
}

Test(breaker, counts_what_it_is_told_to)
{
    breaker_start(1, "circuit = { open_on = { min_requests = 4; outcomes = [ \"429\", \"reset\" ]; "
                     "}; open_for = \"30s\"; };");
    cr_assert_eq(breaker_send(8, "/?status=500", 500), 8);
    cr_assert_str_eq(breaker_state(), "closed");
    cr_assert_eq(breaker_send(4, "/?status=429", 429), 4);
    cr_assert_eq(breaker_send(4, "/?status=429", 429), 4);
    cr_assert_str_eq(breaker_state(), "open");
}

Test(breaker, counts_failures_of_grpc_that_come_with_the_head)
{
    breaker_start(1,
                  "circuit = { open_on = { min_requests = 4; outcomes = [ \"grpc_unavailable\" ]; "
                  "}; open_for = \"30s\"; };");
    cr_assert_eq(breaker_send(4, "/?field=grpc-status:5", 200), 4);
    cr_assert_eq(breaker_send(3, "/?field=grpc-status:14", 200), 3);
    cr_assert_str_eq(breaker_state(), "closed");
    cr_assert_eq(breaker_send(1, "/?field=grpc-status:14", 200), 1);
    cr_assert_str_eq(breaker_state(), "open");
}

Test(breaker, opens_on_failures_in_a_row)
{
    breaker_start(1, "circuit = { open_on = { consecutive = 3; error_rate = \"0%\"; }; open_for = "
                     "\"30s\"; };");
    breaker_send(2, "/?status=503", 503);
    breaker_send(1, "/", 200);
    breaker_send(2, "/?status=503", 503);
    cr_assert_str_eq(breaker_state(), "closed");
    breaker_send(1, "/?status=503", 503);
    cr_assert_str_eq(breaker_state(), "open");
    cr_assert(strstr(rig_await_log("breaker_open"), "3 calls in a row failed (consecutive = 3)"));
}

Test(breaker, opens_on_slow_calls)
{
    breaker_start(1, "circuit = { open_on = { slow_rate = \"50%\"; slow_after = \"300ms\"; "
                     "min_requests = 4; }; open_for = \"30s\"; };");
    cr_assert_eq(breaker_send(2, "/", 200), 2);
    cr_assert_eq(breaker_send(2, "/?delay=310", 200), 2);
    cr_assert_eq(get("/")->status, 503);
    cr_assert(strstr(rig_await_log("breaker_open"), "2 of 4 calls took 300 ms or more"));
}

Test(breaker, opens_when_nobody_listens)
{
    origin_stop(breaker_app);
    breaker_start(1, "circuit = { " QUICK " };");
    breaker_open("/");
    cr_assert(body_has(get("/"), "breaker_open"));
    cr_assert_eq(breaker_transitions("open"), 1);
}

Test(breaker, ignores_clients_that_go_away)
{
    breaker_start(1, "circuit = { open_on = { consecutive = 1; min_requests = 1; }; };");
    for (unsigned i = 0; i < 5; i++) {
        struct talk *t = talk_open();
        talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
        AWAIT(origin_requests(breaker_app) == i + 1);
        talk_reset(t);
    }
    AWAIT(rig_access_lines() == 5);
    cr_assert_str_eq(breaker_state(), "closed");
    cr_assert_eq(get("/")->status, 200);
}

Test(breaker, probes_and_closes)
{
    breaker_start(1, "circuit = { " QUICK " probes = 2; };");
    breaker_open("/?status=500");
    const unsigned had = origin_requests(breaker_app);
    breaker_await_time();
    cr_assert_eq(get("/probe")->status, 200);
    cr_assert_str_eq(breaker_state(), "half_open");
    cr_assert_eq(breaker_metric("state", "cluster=\"app\""), 2);
    cr_assert_eq(get("/")->status, 200);
    cr_assert_str_eq(breaker_state(), "closed");
    cr_assert_eq(breaker_send(5, "/", 200), 5);
    cr_assert_eq(origin_requests(breaker_app), had + 7);
    cr_assert_str_eq(json_of(rig_await_access("/probe"), "breaker.decision"), "probe");
    cr_assert_str_eq(json_of(rig_await_access("/probe"), "breaker.state"), "half_open");
    cr_assert_eq(breaker_metric("probes_total", "cluster=\"app\""), 2);
    cr_assert(strstr(rig_await_log("breaker_half_open"), "from open to half_open"));
    cr_assert(strstr(rig_await_log("breaker_closed"), "from half_open to closed"));
    cr_assert_eq(breaker_metric("state", "cluster=\"app\""), 0);
}

Test(breaker, is_half_open_by_the_clock_and_waits_for_who_asks)
{
    breaker_start(1, "circuit = { " QUICK " probe_timeout = \"1ms\"; };");
    breaker_open("/?status=500");
    const unsigned had = origin_requests(breaker_app);
    AWAIT(rig_logged("from open to half_open: its time is over"));
    cr_assert_eq(breaker_metric("state", "cluster=\"app\""), 2);
    for (unsigned i = 0; i < 50; i++) /* for longer than a probe may take: there is none */
        cr_assert_str_eq(breaker_state(), "half_open");
    cr_assert_eq(breaker_transitions("open"), 1);
    cr_assert_eq(breaker_transitions("half_open"), 1);
    cr_assert_eq(origin_requests(breaker_app), had);
}

Test(breaker, sends_no_more_probes_than_were_allowed)
{
    breaker_start(1, "circuit = { " QUICK " probes = 2; };");
    breaker_open("/?status=500");
    const unsigned had = origin_requests(breaker_app);
    breaker_await_time();
    struct talk *a = talk_open(), *b = talk_open();
    talk_send(a, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    talk_send(b, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(breaker_app) == had + 2);
    cr_assert_eq(breaker_send(10, "/", 503), 10);
    cr_assert_eq(origin_requests(breaker_app), had + 2);
    cr_assert_eq(breaker_rejects("half_open"), 10);
    talk_reset(a); /* says nothing: another one takes its place */
    AWAIT(breaker_number("probes") == 1);
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(get("/")->status, 503);
    cr_assert_eq(origin_requests(breaker_app), had + 3);
    talk_close(b);
}

Test(breaker, stays_open_longer_when_a_probe_fails)
{
    breaker_start(1, "circuit = { " QUICK " factor = 3; max_open = \"2s\"; probes = 1; };");
    breaker_open("/?status=500");
    cr_assert(breaker_number("left_ms") <= 300);
    breaker_await_time();
    cr_assert_eq(get("/?status=500")->status, 500);
    const double left = breaker_number("left_ms");
    cr_assert(left > 600 && left <= 900, "%f", left);
    cr_assert_eq(breaker_number("openings"), 2);
    cr_assert_eq(get("/")->status, 503);
    breaker_await_time();
    cr_assert_eq(get("/")->status, 200);
    cr_assert_str_eq(breaker_state(), "closed");
}

Test(breaker, takes_probes_for_lost_that_are_never_answered)
{
    breaker_start(1, "circuit = { " QUICK " probes = 1; probe_timeout = \"100ms\"; };");
    breaker_open("/?status=500");
    breaker_await_time();
    struct talk *a = talk_open();
    talk_send(a, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(breaker_number("probes") == 1);
    AWAIT(get("/")->status == 503 && strcmp(breaker_state(), "open") == 0);
    cr_assert(strstr(rig_await_log("from half_open to open"), "nothing was heard of the probes"));
    breaker_await_time();
    cr_assert_eq(get("/")->status, 200);
    talk_close(a);
}

Test(breaker, closes_slowly_where_it_is_told_to)
{
    breaker_start(1,
                  "circuit = { " QUICK " probes = 1; slow_close = true; slow_step = \"400ms\"; };");
    breaker_open("/?status=500");
    breaker_await_time();
    cr_assert_eq(get("/")->status, 200);
    cr_assert_str_eq(breaker_state(), "ramp_10");
    cr_assert_eq(breaker_send(20, "/", 200), 2);
    cr_assert_eq(breaker_rejects("ramp"), 18);
    AWAIT(strcmp(breaker_state(), "ramp_25") == 0);
    cr_assert_eq(breaker_send(20, "/", 200), 5);
    AWAIT(strcmp(breaker_state(), "ramp_50") == 0);
    cr_assert_eq(breaker_send(20, "/", 200), 10);
    AWAIT(strcmp(breaker_state(), "closed") == 0); /* with nobody who asks */
    cr_assert_eq(rig_log_count("breaker_ramp"), 3);
    cr_assert_eq(breaker_metric("state", "cluster=\"app\""), 0);
    cr_assert_eq(breaker_send(20, "/", 200), 20);
}

Test(breaker, falls_back_to_another_cluster)
{
    breaker_start(1,
                  "circuit = { open_on = { min_requests = 10; }; open_for = \"30s\"; }; fallback "
                  "= { cluster = \"spare\"; };");
    breaker_open("/?status=500");
    const struct response *r = get("/elsewhere");
    cr_assert(r->status == 200 && body_is(r, "spare\n"), "%d %s", r->status, r->body.p);
    cr_assert_eq(ask("POST /?count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")->status,
                 200);
    cr_assert_str_eq(json_of(rig_await_access("/elsewhere"), "breaker.decision"), "fallback");
    struct h2_talk *t = h2_talk_open();
    cr_assert_str_eq(h2_answer(t, h2_ask(t, .path = "/"))->body.p, "spare\n");
    cr_assert_eq(breaker_metric("fell_back_total", "cluster=\"app\""), 3);
}

Test(breaker, can_answer_with_what_the_settings_say)
{
    breaker_start(1,
                  "circuit = { open_on = { min_requests = 10; }; open_for = \"30s\"; }; fallback "
                  "= { status = 200; body = \"{}\"; type = \"application/json\"; };");
    breaker_open("/?status=500");
    const struct response *r = get("/");
    cr_assert(r->status == 200 && body_is(r, "{}"), "%d %s", r->status, r->body.p);
    cr_assert_str_eq(field_of(r, "content-type"), "application/json");
    cr_assert_str_neq(field_of(r, "retry-after"), "");
}

Test(breaker, of_endpoints_leaves_the_others_alone)
{
    rig_start(.endpoints = "[ \"$app\", \"$spare\" ]",
              .cluster =
                  "breaker = { circuit = { scope = \"endpoint\"; open_on = { consecutive = 2; "
                  "error_rate = \"0%\"; }; open_for = \"30s\"; }; };");
    origin_script(breaker_app, "status=500");
    unsigned failed = 0;
    for (unsigned i = 0; i < 30; i++)
        failed += get("/")->status != 200;
    cr_assert_eq(failed, 2, "%u", failed);
    cr_assert_eq(origin_requests(breaker_app), 2);
    cr_assert_eq(origin_requests(breaker_spare), 28);
    const char *line = rig_await_log("breaker_open");
    cr_assert(strstr(line, "cluster app, endpoint 127.0.0.1:"), "%s", line);
    AWAIT(breaker_metric("state", "cluster=\"app\"") == 3);
    cr_assert(breaker_metric("passed_over_total", "cluster=\"app\"") >= 10);
    origin_script(breaker_spare, "status=500");
    breaker_send(2, "/", 500);
    cr_assert(body_has(get("/"), "breaker_open"), "when all are open");
    cr_assert_eq(rig_log_count("breaker_open"), 2);
}

Test(breaker, stays_open_over_a_reload)
{
    struct rig_conf c = {.cluster = "breaker = { circuit = { open_on = { min_requests = 10; }; "
                                    "open_for = \"30s\"; }; };"};
    rig_start_with(c);
    breaker_open("/?status=500");
    c.workers = 2;
    rig_renew_with(c);
    cr_assert_eq(breaker_send(10, "/", 503), 10);
    c.cluster =
        "breaker = { circuit = { open_on = { window_calls = 50; }; open_for = \"3s\"; }; };";
    rig_renew_with(c);
    cr_assert_str_eq(breaker_state(), "open", "its window is another one now");
}

/* Of a slow client, who would close it for everybody. */
Test(breaker, of_a_route_is_not_opened_by_what_a_client_brings_about)
{
    rig_start(.routes = "( { name = \"all\"; cluster = \"app\"; timeout = \"300ms\"; breaker = { "
                        "circuit = { open_on = { consecutive = 1; }; open_for = \"30s\"; }; }; } )");
    struct talk *t = talk_open();
    talk_send(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    cr_assert_eq(talk_response(t)->status, 504);
    cr_assert_eq(get("/?status=200")->status, 200);
    cr_assert_eq(get("/?hang")->status, 504);
    cr_assert_eq(get("/")->status, 503, "that was the backend's");
}

/* -- beside other modules ---------------------------------------------------------------------- */

Test(breaker, opens_on_injected_faults_which_are_there_to_try_it)
{
    rig_start(.cluster = "breaker = { circuit = { open_on = { min_requests = 10; }; open_for = "
                         "\"30s\"; }; };",
              .routes =
                  "( { name = \"all\"; cluster = \"app\"; fault = ( { name = \"broken\"; abort = { "
                  "status = 503; }; } ); } )");
    breaker_open("/");
    cr_assert_eq(origin_requests(breaker_app), 0);
    cr_assert(body_has(get("/"), "breaker_open"));
    cr_assert_eq(breaker_number("failed"), 0, "the window begins anew");
    cr_assert_eq(breaker_transitions("open"), 1);
}
