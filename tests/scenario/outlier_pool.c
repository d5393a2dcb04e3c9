/* SPDX-License-Identifier: Apache-2.0 */
/* How many may be out, clusters of one endpoint, rates, operators, reloads, and settings that are
 * wrong. */
#include "outlier_case.h"

#include <stdlib.h>

#include "tests/lib/weirctl_run.h"

OUTLIER_SUITE(outlier_pool);

#define LONG "ejection_time = \"60s\"; "

static double cluster_number(const char *key)
{
    cr_assert_eq(operator_call("outlier", "list", "{}"), 200);
    json_t *c = json_array_get(json_object_get(operator_answer(), "clusters"), 0);
    return json_number_value(json_object_get(c, key));
}

static void all_say(const char *words)
{
    origin_script(outlier_a, words);
    origin_script(outlier_b, words);
    origin_script(outlier_c, words);
}

/* -- how many ---------------------------------------------------------------------------------- */

Test(outlier_pool, never_has_more_out_than_its_cap)
{
    all_say("abort");
    outlier_start(4, OUTLIER(LONG "consecutive_failures = 1;"));
    SEND_UNTIL(outlier_counted("overflow", "failures") >= 10);
    cr_assert_eq(outlier_counted("ejections", "failures"), 1);
    cr_assert_eq(cluster_number("ejected"), 1);
    cr_assert_eq(cluster_number("allowed"), 1);
    cr_assert_eq(rig_log_count("outlier_overflow"), 1, "once a minute");
    cr_assert(strstr(rig_await_log("outlier_overflow"), "allow for 1 at a time"));
}

Test(outlier_pool, leaves_as_many_as_min_left_says)
{
    all_say("abort");
    outlier_start(2, OUTLIER(LONG "consecutive_failures = 1; max_ejection_percent = \"100%\";"));
    SEND_UNTIL(outlier_counted("overflow", "failures") >= 5);
    cr_assert_eq(cluster_number("ejected"), 2);
}

Test(outlier_pool, can_be_emptied_by_who_says_so)
{
    all_say("abort");
    outlier_start(2, "panic = \"0%\"; " OUTLIER(LONG
                                                "consecutive_failures = 1; "
                                                "max_ejection_percent = \"100%\"; min_left = 0;"));
    SEND_UNTIL(cluster_number("ejected") == 3);
    cr_assert_eq(get("/none")->status, 503);
    rig_await_access("\"outcome\":\"no_endpoint\"");
    cr_assert_eq(outlier_counted("overflow", "failures"), 0);
}

Test(outlier_pool, only_counts_what_is_not_enforced)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER("enforcing_failures = \"0%\";"));
    SEND_UNTIL(outlier_counted("not_enforced", "failures") == 2);
    cr_assert_eq(origin_requests(outlier_b), 10, "the run begins anew");
    cr_assert_str_eq(outlier_state(outlier_b), "in");
    cr_assert_eq(outlier_counted("ejections", "failures"), 0);
}

Test(outlier_pool, only_counts_what_is_not_enforced_of_any_kind)
{
    static const struct {
        const char *kind, *script, *settings;
    } rows[] = {
        {"gateway_errors", "status=503",
         OUTLIER("consecutive_gateway_errors = 2; enforcing_gateway_errors = \"0%\";")},
        {"5xx", "status=500", OUTLIER("consecutive_5xx = 2; enforcing_5xx = \"0%\";")},
        {"failure_percentage", "status=500",
         OUTLIER("interval = \"100ms\"; failure_percentage = { min_requests = 5; enforcing = "
                 "\"0%\"; };")},
        {"success_rate", "status=500",
         OUTLIER("interval = \"100ms\"; success_rate = { min_hosts = 3; min_requests = 5; "
                 "stdev_factor = 1300; enforcing = \"0%\"; };")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        origin_script(outlier_b, rows[i].script);
        outlier_start(1, rows[i].settings);
        SEND_UNTIL(outlier_counted("not_enforced", rows[i].kind) >= 1);
        cr_assert_str_eq(outlier_state(outlier_b), "in", "%s", rows[i].kind);
        cr_assert_eq(outlier_counted("ejections", rows[i].kind), 0, "%s", rows[i].kind);
        rig_stop();
    }
}

Test(outlier_pool, takes_one_back_when_others_leave)
{
    const char *const settings = OUTLIER(LONG "consecutive_failures = 1;");
    origin_script(outlier_b, "abort");
    outlier_start(1, settings);
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    rig_renew(.endpoints = "[ \"$b\" ]", .cluster = settings);
    cr_assert(strstr(rig_await_log("outlier_returned"), "too few others are left"));
    cr_assert_eq(cluster_number("ejected"), 0);
}

Test(outlier_pool, counts_only_who_is_there)
{
    const char *const settings = OUTLIER(LONG), *const all = "[ \"$a\", \"$b\", \"$c\" ]";
    origin_script(outlier_b, "abort");
    outlier_start(1, settings);
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    rig_renew(.endpoints = "[ \"$a\", \"$c\" ]", .cluster = settings);
    AWAIT(cluster_number("ejected") == 0);
    rig_renew(.endpoints = all, .cluster = settings);
    const double held = strcmp(outlier_state(outlier_b), "ejected") == 0;
    AWAIT(cluster_number("ejected") == held);
}

/* -- one endpoint ------------------------------------------------------------------------------ */

Test(outlier_pool, of_one_refuses_for_the_time_when_a_reason_is_set)
{
    origin_script(outlier_a, "status=500");
    outlier_start_single(2, OUTLIER("consecutive_5xx = 1; ejection_time = \"300ms\"; "
                                    "reentry = { successes = 1; ramp = \"0s\"; };"));
    cr_assert_eq(get("/")->status, 500);
    AWAIT(strcmp(outlier_state(outlier_a), "refused") == 0);
    cr_assert_eq(get("/refused")->status, 503);
    cr_assert_str_eq(json_of(rig_await_access("/refused"), "detail"), "ejected");
    cr_assert_eq(origin_requests(outlier_a), 1);
    cr_assert(strstr(rig_await_log("outlier_ejected"), "is refused, as the only endpoint, for"));
    origin_script(outlier_a, "");
    SEND_UNTIL(outlier_counted("returned", NULL) == 1);
    cr_assert_eq(outlier_send(5), 0);
    cr_assert_eq(outlier_counted("ejections", "5xx"), 1);
}

Test(outlier_pool, of_one_goes_on_by_default_and_it_is_counted)
{
    origin_script(outlier_a, "abort");
    outlier_start_single(1, OUTLIER());
    outlier_send(10);
    cr_assert_eq(origin_requests(outlier_a), 10);
    cr_assert_eq(outlier_counted("single", "failures"), 2);
    cr_assert_eq(outlier_counted("ejections", "failures"), 0);
    cr_assert_str_eq(outlier_state(outlier_a), "in");
}

/* -- rates ------------------------------------------------------------------------------------- */

Test(outlier_pool, ejects_by_failure_percentage)
{
    origin_script(outlier_b, "status=500");
    outlier_start(2,
                  OUTLIER(LONG "interval = \"200ms\"; failure_percentage = { threshold = \"60%\"; "
                               "min_requests = 5; };"));
    SEND_UNTIL(outlier_counted("ejections", "failure_percentage") == 1);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    cr_assert(strstr(rig_await_log("outlier_ejected"),
                     " 0.0 % have succeeded; too many failures are "
                     "60.0 %"));
    cr_assert_eq(outlier_send(20), 0);
}

Test(outlier_pool, ejects_by_deviation_among_three)
{
    origin_script(outlier_b, "status=500");
    outlier_start(2, OUTLIER(LONG "interval = \"200ms\"; success_rate = { min_hosts = 3; "
                                  "min_requests = 5; stdev_factor = 1300; };"));
    SEND_UNTIL(outlier_counted("ejections", "success_rate") == 1);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    cr_assert_str_eq(
        json_string_value(json_object_get(
            json_array_get(
                json_object_get(json_array_get(json_object_get(operator_answer(), "clusters"), 0),
                                "endpoints"),
                1),
            "why")),
        "success_rate");
}

/* Nobody can be more than 100 % below the mean. */
Test(outlier_pool, overlooks_a_deviation_within_its_margin)
{
    const char *const rate =
        OUTLIER("interval = \"100ms\"; success_rate = { min_hosts = 3; "
                "min_requests = 5; stdev_factor = 1300; margin = \"100%\"; };");
    origin_script(outlier_b, "status=500");
    outlier_start(1, rate);
    for (const uint64_t end = now_ms() + 500; now_ms() < end;)
        get("/");
    cr_assert_eq(outlier_counted("ejections", "success_rate"), 0);
    cr_assert_str_eq(outlier_state(outlier_b), "in");
}

Test(outlier_pool, judges_failures_to_answer_apart_when_split)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER(LONG "interval = \"200ms\"; split = true; consecutive_failures = 0; "
                                  "failure_percentage = { min_requests = 5; };"));
    SEND_UNTIL(outlier_counted("ejections", "local_failure_percentage") == 1);
    cr_assert_eq(outlier_counted("ejections", "failure_percentage"), 0);
    cr_assert_eq(outlier_run(outlier_b, "5xx"), 0);
}

/* -- operators --------------------------------------------------------------------------------- */

Test(outlier_pool, is_changed_by_operators)
{
    outlier_start(2, OUTLIER());
    cr_assert_eq(outlier_ask("eject", outlier_b, ", \"seconds\": 60"), 200);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    cr_assert(outlier_number(outlier_b, "next_ms") > 50000);
    const unsigned had = origin_requests(outlier_b);
    cr_assert_eq(outlier_send(20), 0);
    cr_assert_eq(origin_requests(outlier_b), had);
    cr_assert_eq(outlier_ask("eject", outlier_b, ", \"force\": true"), 409);
    cr_assert_eq(outlier_ask("eject", outlier_c, ""), 409,
                 "one is what max_ejection_percent allows");
    cr_assert_eq(outlier_ask("eject", outlier_c, ", \"force\": true"), 200);
    cr_assert_eq(cluster_number("ejected"), 2);
    cr_assert_eq(outlier_ask("return", outlier_b, ""), 200);
    cr_assert_eq(outlier_ask("return", outlier_b, ""), 409);
    cr_assert_str_eq(outlier_state(outlier_b), "in");
    cr_assert_eq(outlier_counted("ejections", "operator"), 2);
    cr_assert(strstr(rig_await_log("outlier_returned"), "by an operator"));
    outlier_send(20);
    cr_assert_gt(origin_requests(outlier_b), had);
}

Test(outlier_pool, is_changed_by_weirctl)
{
    const unsigned b = origin_port(outlier_b), c = origin_port(outlier_c);
    outlier_start(1, OUTLIER());
    cr_assert_eq(weirctl_run("outlier eject app 127.0.0.1:%u --for 10m", b), 0, "%s",
                 weirctl_said());
    WEIRCTL_SAYS("  ejected     0%      1  operator  ");
    WEIRCTL_SAYS("\napp          1/1  on\n");
    cr_assert_eq(outlier_send(6), 0);
    cr_assert_eq(origin_requests(outlier_b), 0);
    cr_assert_eq(weirctl_run("outlier eject app 127.0.0.1:%u", c), 1);
    WEIRCTL_SAYS("stays as it is: as many are out as max_ejection_percent and min_left allow for; "
                 "\"force\": true ejects it all the same (endpoint)");
    cr_assert_eq(weirctl_run("outlier eject app 127.0.0.1:%u force", c), 0, "%s", weirctl_said());
    cr_assert_eq(weirctl_run("outlier return app 127.0.0.1:%u", b), 0, "%s", weirctl_said());
    cr_assert_str_eq(outlier_state(outlier_b), "in");
    cr_assert_eq(weirctl_run("outlier return app 127.0.0.1:%u", b), 1);
    WEIRCTL_SAYS(" is in full use already (endpoint)");
    cr_assert_eq(weirctl_run("--json outlier list app"), 0);
    WEIRCTL_SAYS(
        "{\"clusters\":[{\"cluster\":\"app\",\"enabled\":true,\"ejected\":1,\"allowed\":1,");
    cr_assert_eq(weirctl_run("outlier list none"), 1);
    WEIRCTL_SAYS("there is no cluster called \"none\"; list without a name shows all");
}

Test(outlier_pool, lasts_no_longer_than_is_said_and_forgets_what_is_long_ago)
{
    outlier_start(1, OUTLIER("ejection_time = \"10m\"; max_ejection_time = \"15m\"; "
                             "forget = \"500ms\";"));
    cr_assert_eq(outlier_ask("eject", outlier_b, ""), 200);
    cr_assert_leq(outlier_number(outlier_b, "next_ms"), 600000);
    cr_assert_eq(outlier_ask("return", outlier_b, ""), 200);
    cr_assert_eq(outlier_ask("eject", outlier_b, ""), 200);
    const double left_ms = outlier_number(outlier_b, "next_ms");
    cr_assert(left_ms > 600000 && left_ms <= 900000, "%g", left_ms);
    cr_assert_eq(outlier_ask("return", outlier_b, ""), 200);
    AWAIT(outlier_number(outlier_b, "count") == 0);
}

Test(outlier_pool, of_an_operator_brings_nobody_back)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER(LONG));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    cr_assert_eq(outlier_ask("eject", outlier_c, ", \"force\": true, \"seconds\": 0.4"), 200);
    AWAIT(strcmp(outlier_state(outlier_c), "half_open") == 0); /* some ticks later */
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    cr_assert_eq(cluster_number("ejected"), 2);
}

Test(outlier_pool, refuses_what_operators_cannot_mean)
{
    static const char *const wrong[] = {"{}", "{\"cluster\": 1}", "{\"cluster\": \"app\"}",
                                        "{\"cluster\": \"app\", \"endpoint\": 1}"};
    outlier_start(1, OUTLIER());
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(operator_call("outlier", "eject", wrong[i]), 400, "%s", wrong[i]);
    cr_assert_eq(operator_call("outlier", "list", "{\"cluster\": \"none\"}"), 404);
    cr_assert_eq(
        operator_call("outlier", "eject", "{\"cluster\": \"app\", \"endpoint\": \"none\"}"), 404);
    cr_assert_eq(outlier_ask("eject", outlier_a, ", \"seconds\": 0"), 400);
    cr_assert_eq(outlier_ask("eject", outlier_a, ", \"seconds\": \"1\""), 400);
    cr_assert_eq(outlier_ask("eject", outlier_a, ", \"seconds\": 1e9"), 400);
    cr_assert_str_eq(outlier_state(outlier_a), "in");
}

/* -- reloads, crashes -------------------------------------------------------------------------- */

Test(outlier_pool, is_the_same_after_a_reload)
{
    const char *const settings = OUTLIER(LONG);
    origin_script(outlier_b, "abort");
    outlier_start(1, settings);
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    origin_script(outlier_b, "");
    rig_renew(.workers = 2, .endpoints = "[ \"$a\", \"$b\", \"$c\" ]", .cluster = settings);
    const unsigned had = origin_requests(outlier_b);
    cr_assert_str_eq(outlier_state(outlier_b), "ejected");
    cr_assert_eq(outlier_send(20), 0);
    cr_assert_eq(origin_requests(outlier_b), had);
    rig_renew(.workers = 2, .endpoints = "[ \"$a\", \"$b\", \"$c\" ]",
              .cluster = OUTLIER("enabled = false;"));
    AWAIT(strcmp(outlier_state(outlier_b), "in") == 0);
    outlier_send(20);
    cr_assert_gt(origin_requests(outlier_b), had);
    cr_assert_eq(outlier_ask("eject", outlier_b, ""), 409);
}

Test(outlier_pool, stays_as_it_is_when_processes_are_killed)
{
    origin_script(outlier_b, "abort");
    outlier_start(1, OUTLIER(LONG));
    SEND_UNTIL(outlier_counted("ejections", "failures") == 1);
    origin_script(outlier_b, "");
    rig_expect_deaths();
    const pid_t worker = rig_worker(0);
    pid_t control;
    cr_assert_eq(rig_processes("control", &control, 1), 1);
    kill(control, SIGKILL);
    kill(worker, SIGKILL);
    AWAIT(rig_count("worker/") == 1 && rig_worker(0) != worker && rig_count("control") == 1);
    const unsigned had = origin_requests(outlier_b);
    AWAIT(talk_try(rig_port("port")) != NULL);
    cr_assert_eq(outlier_send(20), 0);
    cr_assert_eq(origin_requests(outlier_b), had);
}

/* -- settings ---------------------------------------------------------------------------------- */

Test(outlier_pool, says_what_is_wrong_with_settings)
{
    static const char *const rows[][2] = {
        {"max_ejection_time = \"10s\";", "max_ejection_time is 10000 ms, less than ejection_time"},
        {"consecutive_failures = -1;", "consecutive_failures"},
        {"max_ejection_percent = \"101%\";", "max_ejection_percent"},
        {"single = \"open\";", "refuse"},
        {"reentry = { probes = 0; };", "probes"},
        {"consecutive_5x = 3;", "did you mean \"consecutive_5xx\"?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char cluster[256];
        snprintf(cluster, sizeof cluster, OUTLIER("%s"), rows[i][0]);
        rig_write_conf((struct rig_conf){.endpoints = "[ \"$a\" ]", .cluster = cluster});
        cr_assert_eq(rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL}), 1);
        char *said = rig_read("output");
        cr_assert(strstr(said, rows[i][1]), "%s\n%s", rows[i][0], said);
        free(said);
    }
}

Test(outlier_pool, warns_of_a_deviation_that_cannot_be)
{
    rig_write_conf((struct rig_conf){.endpoints = "[ \"$a\" ]",
                                     .cluster = OUTLIER("success_rate = { min_hosts = 3; };")});
    cr_assert_eq(rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL}), 0);
    char *said = rig_read("output");
    cr_assert(strstr(said, "none of fewer than 5 endpoints can be 1900 thousandths"), "%s", said);
    free(said);
}
