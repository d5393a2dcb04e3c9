/* SPDX-License-Identifier: Apache-2.0 */
/* What operators see and force, what configurations are refused, and circuits of routes. */
#include "breaker_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/weirctl_run.h"

BREAKER_SUITE(breaker_operator);

#define APP "{\"cluster\": \"app\"}"
#define FORCE(state) "{\"cluster\": \"app\", \"state\": \"" state "\"}"

Test(breaker_operator, forces_a_circuit_open_and_closed)
{
    breaker_start(2, "circuit = { " QUICK " };");
    cr_assert_eq(operator_call("breaker", "force", FORCE("open")), 200);
    cr_assert_eq(breaker_send(10, "/", 503), 10);
    cr_assert_eq(operator_call("breaker", "force", FORCE("closed")), 200);
    cr_assert_eq(breaker_send(30, "/?status=500", 500), 30);
    cr_assert_eq(operator_call("breaker", "force", FORCE("auto")), 200);
    breaker_open("/?status=500");
    cr_assert_eq(rig_log_count("breaker_open"), 2);
    cr_assert(strstr(rig_await_log("breaker_open"), "until an operator says otherwise"));
}

Test(breaker_operator, disables_it_as_a_whole)
{
    breaker_start(1, "circuit = { " QUICK " }; limits = { max_requests = 1; };");
    breaker_open("/?status=500");
    cr_assert_eq(operator_call("breaker", "disable", APP), 200);
    cr_assert_eq(breaker_send(20, "/?status=500", 500), 20);
    cr_assert_eq(operator_call("breaker", "enable", APP), 200);
    cr_assert_eq(rig_log_count("breaker_disabled"), 1);
    cr_assert_eq(rig_log_count("breaker_enabled"), 1);
    breaker_open("/?status=500");
}

Test(breaker_operator, has_the_last_word_over_reloads)
{
    struct rig_conf c = {.cluster = "breaker = { circuit = { }; };"};
    rig_start_with(c);
    cr_assert_eq(operator_call("breaker", "force", FORCE("open")), 200);
    rig_renew_with(c);
    cr_assert_eq(get("/")->status, 503);
    cr_assert_eq(operator_call("breaker", "disable", APP), 200);
    rig_renew_with(c);
    cr_assert_eq(get("/")->status, 200);
}

Test(breaker_operator, forces_one_endpoint)
{
    char json[256];
    rig_start(.endpoints = "[ \"$app\", \"$spare\" ]",
              .cluster = "breaker = { circuit = { scope = \"endpoint\"; }; };");
    snprintf(json, sizeof json,
             "{\"cluster\": \"app\", \"state\": \"open\", \"endpoint\": \"127.0.0.1:%u\"}",
             origin_port(breaker_app));
    cr_assert_eq(operator_call("breaker", "force", json), 200, "%s", json);
    for (unsigned i = 0; i < 6; i++)
        cr_assert(body_is(get("/"), "spare\n"));
    cr_assert_eq(operator_call("breaker", "force",
                               "{\"cluster\": \"app\", \"state\": \"open\", \"endpoint\": "
                               "\"10.9.9.9:1\"}"),
                 404);
    cr_assert_eq(operator_call("breaker", "force", FORCE("auto")), 200);
    cr_assert_eq(breaker_send(6, "/", 200), 6);
    cr_assert(origin_requests(breaker_app) > 0);
}

Test(breaker_operator, is_told_what_is_wrong)
{
    static const struct {
        const char *command, *json, *member;
        int status;
    } rows[] = {
        {"get", "{\"cluster\": \"spare\"}", "cluster", 404},
        {"get", "{\"cluster\": 7}", "cluster", 400},
        {"get", "{\"route\": \"all\"}", "route", 404},
        {"force", FORCE("half"), "state", 400},
        {"force", "{\"state\": \"open\"}", "route", 400},
        {"force", "{\"cluster\": \"app\", \"state\": \"open\", \"endpoint\": 1}", "endpoint", 400},
        {"force", "{\"cluster\": \"app\", \"state\": \"open\", \"endpoint\": \"\"}", "endpoint",
         400},
        {"force", "{\"cluster\": \"app\", \"state\": \"open\", \"endpoint\": \"x\"}", "endpoint",
         409},
        {"disable", "{}", "route", 400},
    };
    breaker_start(1, "circuit = { };");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(operator_call("breaker", rows[i].command, rows[i].json), rows[i].status,
                     "%s %s", rows[i].command, rows[i].json);
    cr_assert_eq(operator_call("breaker", "get", "{}"), 200);
    cr_assert_eq(json_array_size(json_object_get(operator_answer(), "breakers")), 1);
}

/* -- weirctl ----------------------------------------------------------------------------------- */

Test(breaker_operator, works_by_weirctl)
{
    breaker_start(1, "circuit = { " QUICK " }; limits = { max_requests = 20; };");
    cr_assert_eq(weirctl_run("breaker list"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS(
        "\ncluster app  -         closed  auto  -          0       0     0         0     -\n");
    WEIRCTL_SAYS("\napp      usual     on        0/20      0/0      0/-            -\n");
    cr_assert_eq(weirctl_run("breaker open app"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS(" open   forced_open ");
    cr_assert_eq(get("/")->status, 503);
    cr_assert_eq(weirctl_run("breaker close app"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS(" forced_closed ");
    cr_assert_eq(breaker_send(20, "/?status=500", 500), 20);
    cr_assert_eq(weirctl_run("breaker auto app"), 0, "%s", weirctl_said());
    breaker_open("/?status=500");
    cr_assert_eq(weirctl_run("breaker disable app"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS(" disabled ");
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(weirctl_run("--json breaker enable app"), 0);
    WEIRCTL_SAYS("{\"breakers\":[{\"cluster\":\"app\",\"enabled\":true,");
    breaker_await_time();
    cr_assert_eq(weirctl_run("breaker list app"), 0);
    WEIRCTL_SAYS(" half_open  auto ");
    cr_assert_eq(weirctl_run("breaker open app 10.9.9.9:1"), 1);
    WEIRCTL_SAYS("refused: app has one circuit for all its endpoints; leave the endpoint out");
    cr_assert_eq(weirctl_run("breaker open --route all"), 1);
    WEIRCTL_SAYS("no route called \"all\" has a breaker; get without a name shows all (route)");
    cr_assert_eq(weirctl_run("breaker open app --route all"), 2);
    WEIRCTL_SAYS("either a CLUSTER or --route is needed, not both");
}

/* -- routes ------------------------------------------------------------------------------------ */

#define ROUTE(more)                                                                                \
    "( { name = \"all\"; cluster = \"app\"; breaker = { circuit = { open_on = { min_requests = "   \
    "10; "                                                                                         \
    "}; open_for = \"300ms\"; jitter = \"0%\"; probes = 1; }; " more " }; } )"

static const char *route_state(void)
{
    cr_assert_eq(operator_call("breaker", "get", "{\"route\": \"all\"}"), 200);
    const json_t *b = json_array_get(json_object_get(operator_answer(), "breakers"), 0);
    return json_string_value(
        json_object_get(json_array_get(json_object_get(b, "circuits"), 0), "state"));
}

Test(breaker_operator, sees_circuits_of_routes)
{
    rig_start(.routes = ROUTE(""));
    cr_assert_eq(breaker_send(5, "/", 200), 5);
    cr_assert_eq(breaker_send(5, "/?abort", 502), 5);
    const unsigned had = origin_requests(breaker_app);
    cr_assert(body_has(get("/"), "breaker_open"));
    cr_assert_eq(origin_requests(breaker_app), had);
    cr_assert(strstr(rig_await_log("breaker_open"), "route all: from closed to open"));
    cr_assert_eq(breaker_metric("state", "route=\"all\""), 3);
    cr_assert_eq(breaker_metric("rejects_total", "route=\"all\",reason=\"open\""), 1);
    AWAIT(get("/")->status == 200);
    cr_assert_str_eq(route_state(), "closed");
    cr_assert_eq(breaker_metric("probes_total", "route=\"all\""), 1);
    cr_assert_eq(weirctl_run("breaker open --route all"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("\nroute all  -         open   forced_open ");
    cr_assert_eq(get("/")->status, 503);
}

Test(breaker_operator, sees_routes_half_open_by_the_clock)
{
    rig_start(.routes = ROUTE(""));
    breaker_send(10, "/?abort", 502);
    AWAIT(rig_logged("route all: from open to half_open"));
    cr_assert_str_eq(route_state(), "half_open");
    cr_assert_eq(breaker_metric("state", "route=\"all\""), 2);
}

Test(breaker_operator, sees_routes_fall_back)
{
    rig_start(.clusters = SPARE, .routes = ROUTE("fallback = { cluster = \"spare\"; };"));
    breaker_send(10, "/?status=500", 500);
    cr_assert(body_is(get("/"), "spare\n"));
    cr_assert_eq(breaker_metric("fell_back_total", "route=\"all\""), 1);
}

/* -- configurations ---------------------------------------------------------------------------- */

/* What `weir -t` says about the configuration. */
static const char *check(void)
{
    static char *said;
    rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    free(said);
    return said = rig_read("output");
}

Test(breaker_operator, is_told_what_is_wrong_with_a_configuration)
{
    static const struct {
        const char *settings, *says;
    } rows[] = {
        {"circuit = { probes = 2; successes = 3; };", "successes is 3, and only 2 probes go out"},
        {"circuit = { open_for = \"2m\"; };", "max_open is shorter than open_for"},
        {"circuit = { open_on = { error_rate = \"0%\"; }; };", "nothing that would open it"},
        {"circuit = { open_on = { window_calls = 10; }; };", "so there are never the 20 calls"},
        {"circuit = { shared = true; open_on = { window_calls = 50; }; };", "use window instead"},
        {"circuit = { shared = true; };", "shared does nothing without a fleet"},
        {"circuit = { open_on = { outcomes = [ \"6xx\" ]; }; };", "outcomes[0] is \"6xx\""},
        {"circuit = { open_on = { window = \"50ms\"; }; };", "window"},
        {"limits = { max_pending = 3; };", "there is no max_requests"},
        {"fallback = { status = 200; };", "there is no circuit"},
        {"circuit = { }; fallback = { status = 100; };", "allowed are 200 to 599"},
        {"circuit = { }; fallback = { status = 200; cluster = \"spare\"; };", "only one of them"},
        {"circuit = { }; fallback = { body = \"x\"; };", "needs a status"},
        {"circuit = { }; fallback = { cluster = \"app\"; };", "is the cluster itself"},
        {"circuit = { scope = \"route\"; };", "scope"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char cluster[512];
        snprintf(cluster, sizeof cluster, "breaker = { %s };", rows[i].settings);
        rig_write_conf((struct rig_conf){.cluster = cluster, .clusters = SPARE});
        const char *said = check();
        cr_assert(strstr(said, rows[i].says), "%s: %s", rows[i].settings, said);
    }
}

Test(breaker_operator, finds_the_examples_good)
{
    static const char named[] = "0.0.0.0:8080";
    static char text[16 * 1024], conf[sizeof text + 1024];
    FILE *f = fopen(TEST_SRCDIR "/conf/examples/breaker.conf", "re");
    cr_assert(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *bind = strstr(text, named);
    cr_assert(bind);
    *bind = '\0';
    snprintf(conf, sizeof conf, "module_folders = [ \"%s\" ];\n%s127.0.0.1:$port%s", WEIR_MODULES,
             text, bind + strlen(named));
    rig_write_conf((struct rig_conf){.whole = conf});
    const char *said = check();
    cr_assert(strstr(said, "(0 errors, 0 warnings)"), "%s", said);
}
