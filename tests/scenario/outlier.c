/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that fail go out of use, stay out, and come back by probes and a ramp. */
#include "outlier_case.h"

#include <stdlib.h>

OUTLIER_SUITE(outlier);

#define LONG "ejection_time = \"60s\"; "

static void expect_out(struct origin *o)
{
    const unsigned had = origin_requests(o);
    cr_assert_eq(outlier_send(30), 0);
    cr_assert_eq(origin_requests(o), had);
}

/* -- out --------------------------------------------------------------------------------------- */

Test(outlier, ejects_after_failures_in_a_row)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER(LONG));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    cr_assert_eq(origin_requests(outlier_b), 5);
    expect_out(outlier_b);
    const char *line = rig_await_log("outlier_ejected");
    cr_assert(strstr(line, "cluster app: 127.0.0.1:"), "%s", line);
    cr_assert(strstr(line, "5 attempts without a whole response in a row (the last: "), "%s", line);
    cr_assert_eq(rig_log_count("outlier_ejected"), 1);
    cr_assert_eq(rig_metric("weir_outlier_ejected{cluster=\"app\"}"), 1);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    cr_assert_str_eq(outlier_state(outlier_a), "in");
    cr_assert_eq(outlier_number(outlier_b, "count"), 1);
}

Test(outlier, ejects_for_each_kind_of_failure_to_answer)
{
    static const char *const kinds[] = {"abort", "hang", "raw"};
    origin_raw(outlier_b, "HTTP/1.1 nonsense\r\n\r\n", 21);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        origin_script(outlier_b, kinds[i]);
        outlier_start(1, "timeouts = { response_head = \"60ms\"; };" OUTLIER(
                             LONG "consecutive_failures = 2;"));
        SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
        expect_out(outlier_b);
        rig_stop();
    }
}

Test(outlier, ejects_who_refuses_connections)
{
    origin_stop(outlier_b);
    outlier_start(1, OUTLIER(LONG));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    cr_assert_eq(outlier_send(60), 0);
}

Test(outlier, ejects_backends_over_http2_for_streams_that_are_reset)
{
    struct origin *bad =
        origin_start_with((struct origin_spec){.name = "bad", .protocol = ORIGIN_H2});
    origin_start_with((struct origin_spec){.name = "good", .protocol = ORIGIN_H2});
    origin_script(bad, "abort");
    rig_start(.endpoints = "[ \"$good\", \"$bad\" ]",
              .cluster = "protocol = \"h2\";" OUTLIER(LONG "consecutive_failures = 3;"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    cr_assert_str_eq(outlier_state(bad), "ejected");
    expect_out(bad);
}

Test(outlier, leaves_statuses_alone_by_default)
{
    origin_script(outlier_b, "status=503");
    outlier_start(1, OUTLIER());
    outlier_send(60);
    cr_assert_eq(origin_requests(outlier_b), 20);
    cr_assert_str_eq(outlier_state(outlier_b), "in");
    cr_assert_eq(outlier_run(outlier_b, "5xx"), 20);
    cr_assert_eq(outlier_run(outlier_b, "failures"), 0);
}

Test(outlier, ejects_for_gateway_errors_and_not_for_others)
{
    origin_script(outlier_a, "status=500");
    origin_script(outlier_b, "status=504");
    outlier_start(1, OUTLIER(LONG "consecutive_gateway_errors = 4;"));
    SEND_UNTIL(outlier_counted("ejections", "gateway_errors") == 1);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    outlier_send(30);
    cr_assert_str_eq(outlier_state(outlier_a), "in");
    cr_assert(strstr(rig_await_log("outlier_ejected"), "4 gateway errors in a row (the last: "
                                                       "status 504)"));
}

Test(outlier, ejects_for_server_errors)
{
    origin_script(outlier_b, "status=500");
    outlier_start(1, OUTLIER(LONG "consecutive_5xx = 3;"));
    SEND_UNTIL(outlier_counted("ejections", "5xx") == 1);
    cr_assert_eq(origin_requests(outlier_b), 3);
    expect_out(outlier_b);
}

Test(outlier, forgets_a_run_with_the_first_good_answer)
{
    outlier_start_single(2, OUTLIER("consecutive_failures = 5; single = \"keep\";"));
    for (int round = 0; round < 3; round++) {
        origin_script(outlier_a, "abort");
        outlier_send(4);
        cr_assert_eq(outlier_run(outlier_a, "failures"), 4);
        origin_script(outlier_a, "");
        cr_assert_eq(outlier_send(1), 0);
        cr_assert_eq(outlier_run(outlier_a, "failures"), 0);
    }
    cr_assert_eq(outlier_counted("single", "failures"), 0);
    origin_script(outlier_a, "status=404");
    outlier_send(10);
    cr_assert_eq(outlier_run(outlier_a, "5xx"), 0);
}

Test(outlier, does_not_count_what_clients_do)
{
    origin_script(outlier_a, "hang");
    outlier_start_single(1, OUTLIER("consecutive_failures = 1;"));
    for (int i = 0; i < 5; i++) {
        struct talk *t = talk_open();
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        AWAIT(origin_requests(outlier_a) == (unsigned)i + 1);
        talk_reset(t);
    }
    AWAIT(origin_aborts(outlier_a) == 5);
    cr_assert_eq(outlier_run(outlier_a, "failures"), 0);
    cr_assert_str_eq(outlier_state(outlier_a), "in");
}

Test(outlier, counts_what_grpc_says_when_asked_to)
{
    origin_script(outlier_b, "field=grpc-status:14");
    outlier_start(1, OUTLIER(LONG "consecutive_gateway_errors = 3; grpc = true;"));
    SEND_UNTIL(outlier_counted("ejections", "gateway_errors") == 1);
    cr_assert(strstr(rig_await_log("outlier_ejected"), "(the last: status 503)"));
    expect_out(outlier_b);
}

/* Attempts that were under way when the endpoint came back say how it was before. */
Test(outlier, does_not_count_what_comes_late)
{
    enum { SENT = 9 };
    origin_script(outlier_b, "hang");
    outlier_start(1, "timeouts = { response_head = \"400ms\"; };" OUTLIER());
    for (int i = 0; i < SENT; i++)
        talk_send(talk_open(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(outlier_b) == SENT / 3);
    cr_assert_eq(outlier_ask("eject", outlier_b, ""), 200);
    cr_assert_eq(outlier_ask("return", outlier_b, ""), 200);
    AWAIT(origin_aborts(outlier_b) == SENT / 3);
    cr_assert_eq(outlier_run(outlier_b, "failures"), 0);
    get("/");
    get("/");
    get("/");
    cr_assert_eq(outlier_run(outlier_b, "failures"), 1, "this one began since");
}

Test(outlier, is_done_once_by_many_workers)
{
    origin_script(outlier_b, "abort");
    outlier_start(4, OUTLIER(LONG));
    SEND_UNTIL(outlier_counted("ejections", "failures") > 0);
    expect_out(outlier_b);
    cr_assert_eq(outlier_counted("ejections", "failures"), 1);
    cr_assert_eq(rig_log_count("outlier_ejected"), 1);
    cr_assert_leq(origin_requests(outlier_b), 5, "runs are of all workers together");
}

/* -- back -------------------------------------------------------------------------------------- */

#define QUICK "ejection_time = \"150ms\"; "

Test(outlier, comes_back_by_probes_and_a_ramp)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER(QUICK "reentry = { ramp = \"600ms\"; successes = 2; };"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    origin_script(outlier_b, "");
    AWAIT(strcmp(outlier_state(outlier_b), "half_open") == 0);
    cr_assert_eq(outlier_send(12), 0);
    cr_assert_eq(outlier_counted("probes", NULL), 2);
    cr_assert_eq(outlier_counted("returned", NULL), 1);
    cr_assert(strncmp(outlier_state(outlier_b), "ramp_", 5) == 0);
    cr_assert(strstr(rig_await_log("outlier_returned"), "its probes have succeeded"));
    AWAIT(strcmp(outlier_state(outlier_b), "in") == 0);
    const unsigned had = origin_requests(outlier_b);
    cr_assert_eq(outlier_send(30), 0);
    cr_assert(abs((int)(origin_requests(outlier_b) - had) - 10) <= 1, "all of its weight");
    cr_assert_eq(rig_log_count("outlier_returned"), 1);
}

Test(outlier, lets_exactly_so_many_probes_in_over_all_workers)
{
    origin_script(outlier_b, "abort");
    outlier_start(4, "timeouts = { response_head = \"60s\"; };" OUTLIER(
                         QUICK "reentry = { probes = 3; successes = 5; };"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    const unsigned had = origin_requests(outlier_b);
    origin_script(outlier_b, "hang");
    AWAIT(strcmp(outlier_state(outlier_b), "half_open") == 0);
    enum { MANY = 200 };
    struct talk *t[MANY];
    unsigned answered = 0;
    for (int i = 0; i < MANY; i++) {
        t[i] = talk_open();
        talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    AWAIT(origin_requests(outlier_a) + origin_requests(outlier_c) >= MANY - 3);
    AWAIT(origin_requests(outlier_b) == had + 3);
    for (int i = 0; i < MANY; i++)
        answered += talk_pull(t[i], 0) > 0;
    cr_assert_eq(outlier_counted("probes", NULL), 3);
    cr_assert_geq(outlier_counted("refused", NULL), 1);
    cr_assert_leq(answered, MANY - 3);
    cr_assert_str_eq(outlier_state(outlier_b), "half_open");
}

Test(outlier, stays_out_longer_when_a_probe_fails)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER("ejection_time = \"100ms\"; max_ejection_time = \"1h\";"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    SEND_UNTIL(outlier_counted("ejections", "probe") == 2);
    cr_assert_eq(outlier_number(outlier_b, "count"), 3);
    cr_assert_eq(origin_requests(outlier_b), 7);
    rig_await_log("outlier_ejected");
    cr_assert(strstr(rig_await_log("outlier_ejected"), "for 200 ms: a probe has failed ("));
    cr_assert(strstr(rig_await_log("outlier_ejected"), "for 300 ms"));
}

/* -- back by health checks --------------------------------------------------------------------- */

/* Checks of all endpoints end with the status that their path asks for, whatever requests get. */
#define CHECKS(status)                                                                             \
    "health = { path = \"/?status=" status "\"; interval = \"40ms\"; unhealthy_interval = "        \
    "\"40ms\"; jitter = \"0%\"; fall = 1000; }; "
#define GATEWAY LONG "consecutive_gateway_errors = 3; "

static double checks_made(const char *result)
{
    char series[96];
    snprintf(series, sizeof series, "weir_health_checks_total{cluster=\"app\",result=\"%s\"}",
             result);
    return rig_metric(series);
}

/* Of all three endpoints. */
static void await_checks(const char *result, unsigned more)
{
    const double had = checks_made(result);
    AWAIT(checks_made(result) >= had + 3.0 * more);
}

Test(outlier, asks_again_when_a_health_check_has_passed)
{
    origin_script(outlier_b, "status=503");
    outlier_start(2, CHECKS("200") OUTLIER(GATEWAY "reentry = { ramp = \"0s\"; };"));
    SEND_UNTIL(outlier_counted("ejections", "gateway_errors") == 1);
    origin_script(outlier_b, "");
    SEND_UNTIL(outlier_counted("returned", NULL) == 1);
    cr_assert_eq(outlier_counted("checked", NULL), 1);
    cr_assert_eq(outlier_counted("probes", NULL), 3, "half-open, not in full use at once");
    const char *line = rig_await_log("outlier_checked");
    cr_assert(strstr(line, "it has passed 1 health check"), "%s", line);
    cr_assert_str_eq(outlier_state(outlier_b), "in");
}

/* Its requests fail, and its checks pass: it takes two of them the second time. */
Test(outlier, believes_health_checks_less_with_each_ejection)
{
    origin_script(outlier_b, "status=503");
    outlier_start(1, CHECKS("200") OUTLIER(GATEWAY));
    SEND_UNTIL(outlier_counted("ejections", "probe") == 2);
    cr_assert_eq(outlier_number(outlier_b, "count"), 3);
    rig_await_log("it has passed 1 health check");
    rig_await_log("it has passed 2 health checks");
}

/* First they aren't to be heard; then they are, and fail, which makes nobody unhealthy for long. */
Test(outlier, waits_for_its_time_where_checks_fail_or_are_not_to_be_heard)
{
    origin_script(outlier_b, "status=503");
    outlier_start(1, CHECKS("200") OUTLIER(GATEWAY "return_on_health_check = false;"));
    await_checks("passed", 1);
    SEND_UNTIL(outlier_counted("ejections", "gateway_errors") == 1);
    await_checks("passed", 5);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    rig_renew(.endpoints = "[ \"$a\", \"$b\", \"$c\" ]", .cluster = CHECKS("500") OUTLIER(GATEWAY));
    await_checks("status", 5);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    cr_assert_eq(outlier_counted("checked", NULL), 0);
}

Test(outlier, by_an_operator_is_not_over_because_of_health_checks)
{
    outlier_start(1, CHECKS("200") OUTLIER(LONG));
    cr_assert_eq(outlier_ask("eject", outlier_b, ""), 200);
    await_checks("passed", 6);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
}

Test(outlier, asks_the_only_endpoint_again_when_a_health_check_has_passed)
{
    origin_script(outlier_a, "status=503");
    outlier_start_single(1, CHECKS("200") OUTLIER(GATEWAY "single = \"refuse\";"));
    SEND_UNTIL(outlier_counted("ejections", "gateway_errors") == 1);
    origin_script(outlier_a, "");
    SEND_UNTIL(outlier_counted("returned", NULL) == 1);
}

Test(outlier, makes_room_when_probes_are_lost)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, "timeouts = { response_head = \"60s\"; };" OUTLIER(
                         QUICK "reentry = { probes = 1; probe_timeout = \"200ms\"; ramp = \"0s\"; "
                               "successes = 1; };"));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    const unsigned had = origin_requests(outlier_b);
    origin_script(outlier_b, "hang");
    AWAIT(strcmp(outlier_state(outlier_b), "half_open") == 0);
    for (int i = 0; i < 3; i++)
        talk_send(talk_open(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(outlier_b) == had + 1);
    origin_script(outlier_b, "");
    AWAIT(outlier_counted("probes_lost", NULL) == 1);
    SEND_UNTIL(outlier_counted("returned", NULL) == 1);
    cr_assert_str_eq(outlier_state(outlier_b), "in");
}
