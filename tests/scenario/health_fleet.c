/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks that some of several real instances make for all. */
#include "health_case.h"
#include "tests/lib/rig_fleet.h"

#include <stdio.h>

enum { N = 3 };

static struct origin *app, *spare;

static void begin(void)
{
    rig_begin();
    rig_fleet_begin();
    app = origin_start("app");
    spare = origin_start("spare");
}

static void end(void)
{
    rig_fleet_end();
    rig_end();
}

TestSuite(health_fleet, .init = begin, .fini = end, .timeout = 120);

/* `first` are the settings of the first instance. */
static void start_all(const char *first, const char *others)
{
    for (unsigned i = 0; i < N; i++) {
        rig_instance(i);
        rig_start(.workers = 2, .top = RIG_FLEET, .endpoints = BOTH,
                  .cluster = i == 0 ? first : others);
    }
    rig_fleet_await_joined(N);
}

#define CHECKERS(m, more) "health = { " OFTEN "fleet_checkers = " m "; " more "};"

/* Of the first n instances. */
static double sum_of(const char *series, unsigned n)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++) {
        rig_instance(i);
        sum += rig_metric(series);
    }
    return sum;
}

#define FOLLOWED "weir_health_followed{cluster=\"app\"}"

static bool all_see(const struct origin *o, double health)
{
    for (unsigned i = 0; i < N; i++) {
        rig_instance(i);
        if (health_of(o) != health)
            return false;
    }
    return true;
}

Test(health_fleet, are_made_by_one_and_count_for_all)
{
    start_all(CHECKERS("1", ""), CHECKERS("1", ""));
    AWAIT(sum_of(FOLLOWED, N) == 4);
    cr_assert(all_see(app, 1));
    origin_script(app, "status=503");
    AWAIT(all_see(app, 0));
    cr_assert(all_see(spare, 1));
    for (unsigned i = 0; i < N; i++) {
        rig_instance(i);
        cr_assert_eq(answered_by("spare", 10), 10);
    }
    origin_script(app, "");
    AWAIT(all_see(app, 1));
    cr_assert_eq(sum_of(FOLLOWED, N), 4);
}

Test(health_fleet, are_made_by_all_without_redis)
{
    start_all(CHECKERS("1", ""), CHECKERS("1", ""));
    AWAIT(sum_of(FOLLOWED, N) == 4);
    redis_server_hang(rig_fleet_redis());
    AWAIT(sum_of(FOLLOWED, N) == 0);
    cr_assert(all_see(app, 1));
    origin_script(app, "status=503");
    AWAIT(all_see(app, 0));
    redis_server_go_on(rig_fleet_redis());
    AWAIT(sum_of(FOLLOWED, N) == 4);
    cr_assert(all_see(app, 0));
    cr_assert(all_see(spare, 1));
}

/* As the others find out by themselves a few seconds later; they do here, too, when they were reading
 * the board just now. */
static void forget_member(const char *name)
{
    char message[128];
    snprintf(message, sizeof message, "{\"b\":\"weir:b::members\",\"i\":\"%s\",\"t\":\"\"}", name);
    redis_server_say(rig_fleet_redis(), "HDEL weir:b::members %s", name);
    redis_server_say(rig_fleet_redis(), "PUBLISH weir:events %s", message);
}

Test(health_fleet, are_taken_over_from_an_instance_that_dies)
{
    start_all(CHECKERS("1", ""), CHECKERS("1", ""));
    AWAIT(sum_of(FOLLOWED, N) == 4);
    rig_instance(2);
    rig_signal(SIGTERM);
    cr_assert_eq(rig_await_exit(), 0);
    forget_member("edge-2");
    AWAIT_FOR(20000, sum_of(FOLLOWED, 2) == 2);
    origin_script(spare, "status=503");
    AWAIT((rig_instance(0), health_of(spare)) == 0 && (rig_instance(1), health_of(spare)) == 0);
    cr_assert_eq((rig_instance(0), health_of(app)), 1);
}

/* The first one's way to the endpoints is broken. */
Test(health_fleet, find_a_path_fault_where_some_see_what_others_do_not)
{
    start_all(CHECKERS("3", "path = \"/?status=503\"; "), CHECKERS("3", ""));
    for (unsigned i = 0; i < N; i++) {
        rig_instance(i);
        AWAIT(rig_metric("weir_health_path_faults_total{cluster=\"app\"}") == 2);
        rig_await_log("endpoint_path_fault cluster=app");
        cr_assert_eq(health_of(app), i == 0 ? 0 : 1);
        cr_assert_eq(health_of(spare), i == 0 ? 0 : 1);
    }
    cr_assert_eq(rig_log_count("endpoint_path_fault"), 2, "once for each endpoint");
}
