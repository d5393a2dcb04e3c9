/* SPDX-License-Identifier: Apache-2.0 */
/* One circuit for several instances of Weir, of two workers each, beside a real Redis. */
#include "breaker_case.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib/rig_fleet.h"

static unsigned instances;

static void begin(void)
{
    breaker_begin();
    rig_fleet_begin();
}

static void end(void)
{
    rig_fleet_end();
    breaker_end();
}

TestSuite(fleet_breaker, .init = begin, .fini = end, .timeout = 120);

/* Of six calls half: none that sees three opens by itself. */
#define SIX "shared = true; open_on = { min_requests = 6; }; jitter = \"0%\"; "

/* -- instances -------------------------------------------------------------------------------- */

/* False: there aren't so many. */
static bool go_to(unsigned i)
{
    if (i >= instances)
        return false;
    rig_instance(i);
    return true;
}

static bool leads(void)
{
    return breaker_metric("shared_led", "cluster=\"app\"") == 1;
}

static struct rig_conf conf_of(const char *circuit)
{
    static char cluster[1024];
    snprintf(cluster, sizeof cluster, "breaker = { circuit = { %s }; };", circuit);
    return (struct rig_conf){.workers = 2, .top = RIG_FLEET, .cluster = cluster, .clusters = SPARE};
}

static void start_one(const char *circuit)
{
    rig_instance(instances++);
    rig_start_with(conf_of(circuit));
    AWAIT(leads());
}

static void start(unsigned n, const char *circuit)
{
    while (instances < n)
        start_one(circuit);
}

static bool all_are(const char *state)
{
    for (unsigned i = 0; go_to(i); i++)
        if (strcmp(breaker_state(), state) != 0)
            return false;
    return true;
}

static bool all_led(void)
{
    for (unsigned i = 0; go_to(i); i++)
        if (!leads())
            return false;
    return true;
}

/* Over all instances. */
static unsigned sum(const char *name, const char *to)
{
    char labels[64];
    unsigned n = 0;
    snprintf(labels, sizeof labels, to ? "cluster=\"app\",to=\"%s\"" : "cluster=\"app\"", to);
    for (unsigned i = 0; go_to(i); i++)
        n += (unsigned)breaker_metric(name, labels);
    return n;
}

static void expect_made_once(const char *to)
{
    cr_assert_eq(sum("transitions_total", to), 1, "%s: %u", to, sum("transitions_total", to));
    cr_assert_eq(sum("adopted_total", to), instances - 1, "%s", to);
}

static void fail_three_times_each(void)
{
    for (unsigned i = 0; go_to(i); i++)
        cr_assert_eq(breaker_send(3, "/?status=500", 500), 3);
}

static bool shared_is(const char *member)
{
    (void)breaker_state();
    const json_t *b = json_array_get(json_object_get(operator_answer(), "breakers"), 0),
                 *c = json_array_get(json_object_get(b, "circuits"), 0);
    return json_is_true(json_object_get(json_object_get(c, "shared"), member));
}

/* -- tests ------------------------------------------------------------------------------------ */

Test(fleet_breaker, opens_by_what_all_have_seen)
{
    start(2, SIX "open_for = \"1h\"; max_open = \"1h\";");
    fail_three_times_each();
    AWAIT(all_are("open"));
    for (unsigned i = 0; go_to(i); i++)
        cr_assert_eq(breaker_send(4, "/", 503), 4);
    expect_made_once("open");
    cr_assert_eq(origin_requests(breaker_app), 6);
    unsigned by = 0;
    for (unsigned i = 0; go_to(i); i++) {
        cr_assert(strstr(rig_await_log(" breaker_open "), "6 of 6 calls failed"));
        by += rig_log_count(i ? "by edge-0: 6 of 6" : "by edge-1: 6 of 6");
    }
    cr_assert_eq(by, 1);
}

static bool row_is(const char *n)
{
    const char *key = "weir:r:breaker:cluster/app/10000:0"; /* of version 0: none was made yet */
    return strcmp(redis_server_say(rig_fleet_redis(), "GET %s", key), n) == 0;
}

Test(fleet_breaker, ends_rows_of_failures_by_what_went_well_elsewhere)
{
    start(2, "shared = true; open_on = { error_rate = \"0%\"; consecutive = 5; };");
    rig_instance(0);
    cr_assert_eq(breaker_send(3, "/?status=500", 500), 3);
    AWAIT(row_is("3"));
    rig_instance(1);
    AWAIT((breaker_send(1, "/", 200), row_is("0"))); /* once it has heard of the trouble */
    cr_assert_eq(breaker_send(1, "/?status=500", 500), 1);
    AWAIT(row_is("1"));
    rig_instance(0);
    cr_assert_eq(breaker_send(3, "/?status=500", 500), 3);
    AWAIT(row_is("4"));
    cr_assert(all_are("closed"));
    cr_assert_eq(breaker_send(1, "/?status=500", 500), 1);
    AWAIT(all_are("open"));
    expect_made_once("open");
}

Test(fleet_breaker, sends_exactly_its_probes_and_closes_on_all)
{
    start(3, SIX "open_for = \"300ms\"; probes = 3;");
    fail_three_times_each();
    AWAIT(all_are("half_open"));
    expect_made_once("open");
    expect_made_once("half_open");
    const unsigned had = origin_requests(breaker_app);
    origin_script(breaker_app, "delay=50");
    unsigned good = 0;
    while (!all_are("closed"))
        for (unsigned i = 0; go_to(i); i++)
            good += breaker_send(3, "/", 200);
    cr_assert_eq(sum("probes_total", NULL), 3);
    cr_assert_eq(origin_requests(breaker_app), had + good);
    expect_made_once("half_open");
    expect_made_once("closed");
}

Test(fleet_breaker, opens_again_on_all_when_a_probe_fails)
{
    start(2, SIX "open_for = \"100ms\"; factor = 100; max_open = \"1h\"; probes = 2;");
    fail_three_times_each();
    AWAIT(all_are("half_open"));
    origin_script(breaker_app, "status=500");
    while (!all_are("open"))
        for (unsigned i = 0; go_to(i); i++)
            breaker_send(1, "/", 500);
    cr_assert_eq(sum("transitions_total", "open"), 2);
    cr_assert_leq(sum("probes_total", NULL), 2);
    for (unsigned i = 0; go_to(i); i++)
        cr_assert_gt(breaker_number("left_ms"), 1000); /* the second time lasts longer on both */
}

Test(fleet_breaker, tells_who_joins_later)
{
    start(1, SIX "open_for = \"1h\"; max_open = \"1h\";");
    cr_assert_eq(breaker_send(6, "/?status=500", 500), 6);
    AWAIT(all_are("open"));
    start_one(SIX "open_for = \"1h\"; max_open = \"1h\";");
    AWAIT(all_are("open"));
    cr_assert_eq(breaker_send(3, "/", 503), 3);
    expect_made_once("open");
}

/* Redis hangs, and then dies: each instance decides by itself. When Redis is back, what has opened
 * stays open until its own probes have gone well. */
Test(fleet_breaker, decides_alone_without_redis_and_closes_nothing_by_joining)
{
    start(2, SIX "open_for = \"700ms\"; probes = 1;");
    redis_server_hang(rig_fleet_redis());
    for (unsigned i = 0; go_to(i); i++) {
        const uint64_t began = now_ms();
        cr_assert_eq(breaker_send(1, "/", 200), 1);
        cr_assert_lt(now_ms() - began, 1000);
        AWAIT(!leads());
    }
    rig_instance(0);
    breaker_send(6, "/?status=500", 500);
    cr_assert_str_eq(breaker_state(), "open");
    rig_instance(1);
    cr_assert_str_eq(breaker_state(), "closed");
    redis_server_kill(rig_fleet_redis());
    redis_server_again(rig_fleet_redis());
    AWAIT(leads());
    rig_instance(0);
    AWAIT(rig_metric("weir_fleet_joined") == 1);
    AWAIT(shared_is("holding"));
    AWAIT(strcmp(breaker_state(), "half_open") == 0);
    cr_assert_eq(breaker_transitions("closed"), 0);
    cr_assert_eq(breaker_send(1, "/", 200), 1);
    cr_assert_str_eq(breaker_state(), "closed");
    AWAIT(all_led());
    cr_assert(all_are("closed"));
    rig_instance(1);
    cr_assert_eq(breaker_transitions("open"), 0);
}

/* What all knew is there again, though Redis has lost it. */
Test(fleet_breaker, stays_open_when_redis_has_lost_everything)
{
    start(2, SIX "open_for = \"1h\"; max_open = \"1h\";");
    fail_three_times_each();
    AWAIT(all_are("open"));
    redis_server_kill(rig_fleet_redis());
    for (unsigned i = 0; go_to(i); i++)
        AWAIT(!leads());
    redis_server_again(rig_fleet_redis());
    for (unsigned i = 0; go_to(i); i++)
        AWAIT(leads());
    cr_assert(all_are("open"));
    expect_made_once("open");
    start_one(SIX "open_for = \"1h\"; max_open = \"1h\";");
    AWAIT(all_are("open"));
}

Test(fleet_breaker, is_not_led_while_an_operator_forces_it)
{
    start(2, SIX);
    rig_instance(0);
    cr_assert_eq(operator_call("breaker", "force", "{\"cluster\": \"app\", \"state\": \"open\"}"),
                 200);
    AWAIT(!leads());
    cr_assert_eq(breaker_send(2, "/", 503), 2);
    rig_instance(1);
    cr_assert(leads());
    cr_assert_eq(breaker_send(6, "/?status=500", 500), 6);
    AWAIT(strcmp(breaker_state(), "open") == 0);
    rig_instance(0);
    cr_assert_eq(operator_call("breaker", "force", "{\"cluster\": \"app\", \"state\": \"auto\"}"),
                 200);
    AWAIT(leads());
    cr_assert(all_are("open"));
}

/* What is known lies in shared memory. */
Test(fleet_breaker, outlives_control_processes_and_reloads)
{
    pid_t control[2];
    start(2, SIX "open_for = \"1h\"; max_open = \"1h\";");
    fail_three_times_each();
    AWAIT(all_are("open"));
    cr_assert_eq(rig_processes("control", control, 2), 2);
    for (unsigned i = 0; go_to(i); i++) {
        rig_expect_deaths();
        kill(control[i], SIGKILL);
    }
    for (unsigned i = 0; go_to(i); i++)
        rig_await_log(" process_died ");
    AWAIT(rig_count("control") == 2);
    AWAIT(all_led());
    cr_assert(all_are("open"));
    expect_made_once("open");
    rig_instance(0);
    rig_renew_with(conf_of("open_for = \"1h\"; max_open = \"1h\";")); /* not shared any more */
    cr_assert_str_eq(breaker_state(), "open");
    rig_renew_with(conf_of(SIX "open_for = \"1h\"; max_open = \"1h\";"));
    AWAIT(leads());
    cr_assert(all_are("open"));
    cr_assert_eq(sum("transitions_total", "open"), 1);
}

Test(fleet_breaker, has_circuits_of_endpoints_and_routes_too)
{
    rig_instance(instances++);
    rig_start(.workers = 2, .top = RIG_FLEET, .endpoints = "[ \"$app\", \"$spare\" ]",
              .cluster = "breaker = { circuit = { scope = \"endpoint\"; " SIX " }; };",
              .routes = "( { name = \"all\"; cluster = \"app\"; breaker = { circuit = { " SIX
                        " }; }; } )");
    AWAIT(breaker_metric("shared_led", "cluster=\"app\"") == 2);
    AWAIT(breaker_metric("shared_led", "route=\"all\"") == 1);
    breaker_send(6, "/?status=500", 500);
    AWAIT(breaker_metric("state", "route=\"all\"") == 3);
    cr_assert(strstr(redis_server_say(rig_fleet_redis(), "KEYS weir:c:breaker:*"), "route/all"));
}

Test(fleet_breaker, warns_without_a_fleet_and_works_alone)
{
    rig_start(.cluster = "breaker = { circuit = { " SIX " open_for = \"1h\"; max_open = \"1h\"; }; "
                         "};");
    cr_assert(rig_logged("shared does nothing without a fleet"));
    cr_assert_eq(breaker_send(6, "/?status=500", 500), 6);
    cr_assert_str_eq(breaker_state(), "open");
    cr_assert_eq(breaker_metric("shared_led", "cluster=\"app\""), -1);
}
