/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints whose responses begin well and end badly. */
#include "outlier_case.h"

OUTLIER_SUITE(outlier_end);

#define LONG "ejection_time = \"60s\"; "
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/grpc\r\n\r\n"
#define GRPC_SAYS(code) CHUNKED "2\r\nhi\r\n0\r\ngrpc-status: " code "\r\n\r\n"

static void expect_out(struct origin *o)
{
    const unsigned had = origin_requests(o);
    cr_assert_eq(outlier_send(30), 0);
    cr_assert_eq(origin_requests(o), had);
}

Test(outlier_end, ejects_who_breaks_off_without_any_configuration)
{
    origin_script(outlier_b, "size=1000 cut=100");
    rig_start(.endpoints = "[ \"$a\", \"$b\", \"$c\" ]");
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    cr_assert_eq(origin_requests(outlier_b), 5);
    expect_out(outlier_b);
    const char *line = rig_await_log("outlier_ejected");
    cr_assert(strstr(line, "5 attempts without a whole response in a row (the last: truncated)"),
              "%s", line);
}

Test(outlier_end, ejects_for_each_way_to_break_off)
{
    static const char *const ways[] = {"size=1000 reset=100", "chunked=10 size=100 cut=20",
                                       "size=1000 piece=100 pause=5000"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        origin_script(outlier_b, ways[i]);
        outlier_start(1, "timeouts = { body_idle = \"60ms\"; };" OUTLIER(
                             LONG "consecutive_failures = 2;"));
        SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
        expect_out(outlier_b);
        rig_stop();
    }
}

Test(outlier_end, ejects_backends_over_http2_for_streams_that_break_off)
{
    struct origin *bad =
        origin_start_with((struct origin_spec){.name = "bad", .protocol = ORIGIN_H2});
    origin_start_with((struct origin_spec){.name = "good", .protocol = ORIGIN_H2});
    origin_script(bad, "size=1000 reset=100");
    rig_start(.endpoints = "[ \"$good\", \"$bad\" ]",
              .cluster = "protocol = \"h2\";" OUTLIER(LONG "consecutive_failures = 3;"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    expect_out(bad);
}

Test(outlier_end, forgets_a_run_only_with_a_whole_response)
{
    outlier_start_single(1, OUTLIER("single = \"keep\";"));
    origin_script(outlier_a, "size=1000 cut=100");
    outlier_send(3);
    cr_assert_eq(outlier_run(outlier_a, "failures"), 3);
    origin_script(outlier_a, "");
    cr_assert_eq(outlier_send(1), 0);
    cr_assert_eq(outlier_run(outlier_a, "failures"), 0);
}

Test(outlier_end, counts_broken_statuses_once_by_what_is_worst_for_the_settings)
{
    outlier_start_single(1, OUTLIER("single = \"keep\"; consecutive_5xx = 100; "
                                    "failure_percentage = { }; interval = \"1h\";"));
    origin_script(outlier_a, "status=503 size=1000 cut=100");
    outlier_send(3);
    cr_assert_eq(outlier_run(outlier_a, "5xx"), 3);
    cr_assert_eq(outlier_run(outlier_a, "failures"), 0);
    rig_stop();
    outlier_start_single(1, OUTLIER("single = \"keep\";"));
    outlier_send(3);
    cr_assert_eq(outlier_run(outlier_a, "failures"), 3, "nobody counts statuses");
}

Test(outlier_end, does_not_count_clients_that_go_away_in_the_middle)
{
    origin_script(outlier_a, "size=1000 piece=100 pause=60000");
    outlier_start_single(1, OUTLIER("consecutive_failures = 1; single = \"refuse\";"));
    for (int i = 0; i < 5; i++) {
        struct talk *t = talk_open();
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert(talk_await_bytes(t, 100));
        talk_reset(t);
    }
    AWAIT(rig_access_lines() == 5);
    cr_assert_eq(outlier_run(outlier_a, "failures"), 0);
    cr_assert_str_eq(outlier_state(outlier_a), "in");
}

Test(outlier_end, does_not_count_injected_ends)
{
    rig_start(.endpoints = "[ \"$a\" ]",
              .cluster = OUTLIER("consecutive_failures = 1; single = \"refuse\";"),
              .routes = "( { name = \"all\"; cluster = \"app\"; fault = ( { name = \"cut\"; abort "
                        "= { truncate_after = 2; }; } ); } )");
    for (int i = 0; i < 5; i++) {
        struct talk *t = talk_open();
        talk_send(t, "GET /?size=100 HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert(!talk_response(t)->whole);
    }
    cr_assert_eq(outlier_run(outlier_a, "failures"), 0);
    cr_assert_str_eq(outlier_state(outlier_a), "in");
}

Test(outlier_end, counts_what_grpc_says_behind_content_when_asked_to)
{
    origin_raw(outlier_b, GRPC_SAYS("14"), sizeof GRPC_SAYS("14") - 1);
    origin_script(outlier_b, "raw");
    outlier_start(1, OUTLIER(LONG "consecutive_gateway_errors = 3; grpc = true;"));
    SEND_UNTIL(outlier_counted("ejections", "gateway_errors") == 1);
    cr_assert(strstr(rig_await_log("outlier_ejected"), "(the last: status 503)"));
    expect_out(outlier_b);
    rig_stop();
    outlier_start(1, OUTLIER(LONG "consecutive_gateway_errors = 3;"));
    outlier_send(15);
    cr_assert_str_eq(outlier_state(outlier_b), "in");
}

#define QUICK "ejection_time = \"150ms\"; "

Test(outlier_end, takes_a_probe_that_breaks_off_for_a_failed_one)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER(QUICK "max_ejection_time = \"1h\"; forget = \"1h\";"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    origin_script(outlier_b, "size=1000 cut=100");
    SEND_UNTIL(outlier_counted("ejections", "probe") == 1);
    rig_await_log("outlier_ejected");
    cr_assert(strstr(rig_await_log("outlier_ejected"), "a probe has failed (truncated)"));
}

Test(outlier_end, comes_back_by_the_heads_of_streams_that_go_on)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER(QUICK "reentry = { probes = 1; successes = 1; ramp = \"0s\"; };"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    origin_script(outlier_b, "size=1000 piece=100 pause=1000");
    AWAIT(strcmp(outlier_state(outlier_b), "half_open") == 0);
    const unsigned had = origin_requests(outlier_b);
    for (int i = 0; i < 6 && origin_requests(outlier_b) == had; i++) {
        struct talk *t = talk_open();
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert(talk_await_bytes(t, 20));
    }
    AWAIT(strcmp(outlier_state(outlier_b), "in") == 0);
    origin_stop(outlier_b);
    AWAIT(outlier_run(outlier_b, "failures") == 1);
}
