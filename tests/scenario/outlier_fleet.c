/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts of several real instances: who is ejected where others have ejected it, and who isn't.
 */
#include "tests/lib/rig_fleet.h"
#include "outlier_case.h"

static struct origin *a, *b, *c;

#define SETTINGS(more) OUTLIER("consecutive_5xx = 3; reentry = { ramp = \"0s\"; }; " more)

static void begin(void)
{
    rig_begin();
    rig_fleet_begin();
    a = origin_start("a");
    b = origin_start("b");
    c = origin_start("c");
}

static void start_all(const char *cluster)
{
    for (unsigned i = 0; i < 3; i++) {
        rig_instance(i);
        rig_default_modules("[ \"outlier\" ]");
        rig_start(.workers = 2, .top = RIG_FLEET, .endpoints = "[ \"$a\", \"$b\", \"$c\" ]",
                  .cluster = cluster);
    }
    rig_fleet_await_joined(3);
}

static bool is_out(const struct origin *o)
{
    return strcmp(outlier_state(o), "ejected") == 0;
}

static void eject_at(unsigned side, const struct origin *o)
{
    rig_instance(side);
    SEND_UNTIL(is_out(o));
}

static size_t votes(const struct origin *o)
{
    return json_array_size(outlier_member(o, "votes"));
}

static void end(void)
{
    rig_fleet_end();
    rig_end();
}

TestSuite(outlier_fleet, .init = begin, .fini = end, .timeout = 120);

Test(outlier_fleet, takes_over_what_enough_others_have_found)
{
    start_all(SETTINGS("fleet = { quorum = 2; };"));
    origin_script(a, "status=500");
    eject_at(0, a);
    rig_instance(2);
    AWAIT(votes(a) == 1);
    cr_assert_str_eq(outlier_state(a), "in", "one is not enough");
    eject_at(1, a);
    rig_instance(2);
    AWAIT(is_out(a));
    const char *line = rig_await_log("2 other instances have ejected it: ");
    cr_assert(strstr(line, "edge-0 (5xx)") && strstr(line, "edge-1 (5xx)"), "%s", line);
    cr_assert_eq(outlier_counted("ejections", "fleet"), 1);
    cr_assert_eq(outlier_counted("ejections", "5xx"), 0);
    rig_instance(0);
    AWAIT(votes(a) == 1);
    cr_assert_str_eq(json_string_value(json_object_get(
                         json_array_get(outlier_member(a, "votes"), 0), "instance")),
                     "edge-1", "what was taken over is no vote");
}

/* It has come back here, and the others haven't noticed anything new. */
Test(outlier_fleet, lets_it_back_by_own_probes)
{
    start_all(SETTINGS("fleet = { quorum = 1; };"));
    origin_script(a, "status=500");
    eject_at(0, a);
    origin_script(a, "");
    rig_instance(1);
    AWAIT(is_out(a));
    cr_assert_eq(outlier_ask("return", a, ""), 200);
    for (unsigned i = 0; i < 5; i++)
        sleep_ms(20);
    cr_assert_str_eq(outlier_state(a), "in");
    cr_assert_eq(votes(a), 1, "the verdict is there still");
}

Test(outlier_fleet, keeps_to_its_own_cap)
{
    start_all(SETTINGS("fleet = { quorum = 1; };"));
    origin_script(a, "status=500");
    rig_instance(2);
    cr_assert_eq(outlier_ask("eject", b, ""), 200);
    eject_at(0, a);
    rig_instance(2);
    AWAIT(outlier_counted("overflow", "fleet") == 1);
    cr_assert_str_eq(outlier_state(a), "in");
    cr_assert_eq(outlier_ask("return", b, ""), 200);
    AWAIT(is_out(a));
    cr_assert_eq(outlier_counted("overflow", "fleet"), 1, "it was waited for, and counted once");
    rig_instance(1);
    cr_assert_str_eq(outlier_state(b), "in", "an operator's is no verdict");
}

Test(outlier_fleet, decides_alone_without_redis)
{
    start_all(SETTINGS("fleet = { quorum = 1; };"));
    redis_server_hang(rig_fleet_redis());
    for (unsigned i = 0; i < 3; i++) {
        rig_instance(i);
        AWAIT(rig_metric("weir_fleet_joined") == 0);
    }
    origin_script(a, "status=500");
    eject_at(0, a);
    rig_instance(1);
    cr_assert_str_eq(outlier_state(a), "in");
    eject_at(1, a);
    redis_server_go_on(rig_fleet_redis());
    rig_instance(2);
    AWAIT(is_out(a));
}
