/* SPDX-License-Identifier: Apache-2.0 */
/* Three real instances that divide one split among them, through a real Redis that comes and goes.
 */
#include "canary_case.h"
#include "tests/lib/rig_fleet.h"
#include "tests/lib/rig.h"

#include <math.h>
#include <stdio.h>

enum { EDGES = 3 };

static void begin(void)
{
    canary_begin();
    rig_fleet_begin();
}

static void end(void)
{
    rig_fleet_end();
    h2_talks_end();
    talks_end();
    canary_end();
}

TestSuite(canary_fleet, .init = begin, .fini = end, .timeout = 120);

#define LEASED CANARY_TWO(19, 1, "fleet_block = 100;")

static struct rig_conf conf(const char *routes)
{
    return (struct rig_conf){
        .workers = 2,
        .top = "fleet = { tick = \"20ms\"; hold = \"400ms\"; redis = { address = \"$redis\"; }; };",
        .listener = "protocols = [ \"http/1.1\", \"h2\" ];",
        .clusters = CANARY_CLUSTER("v1") CANARY_CLUSTER("v2"),
        .routes = routes,
    };
}

/* -- all of them ------------------------------------------------------------------------------- */

static double fleet_number(const char *key)
{
    (void)canary_number(NULL, "position");
    json_t *split = json_array_get(json_object_get(operator_answer(), "splits"), 0);
    return json_number_value(json_object_get(json_object_get(split, "fleet"), key));
}

static double unleased(void)
{
    return rig_metric("weir_canary_unleased_total{route=\"all\",variant=\"v1\"}") +
           rig_metric("weir_canary_unleased_total{route=\"all\",variant=\"v2\"}");
}

static double position(void)
{
    return canary_number(NULL, "position");
}

static double leased(void)
{
    return fleet_number("leased");
}

static double sum_of(double (*of)(void))
{
    double sum = 0;
    for (unsigned i = 0; i < EDGES; i++) {
        rig_instance(i);
        sum += of();
    }
    return sum;
}

static void await_joined(bool yes)
{
    for (unsigned i = 0; i < EDGES; i++) {
        rig_instance(i);
        AWAIT(rig_metric("weir_fleet_joined") == yes);
    }
}

/* Each has a block and one to spare. */
static void await_held(void)
{
    for (unsigned i = 0; i < EDGES; i++) {
        rig_instance(i);
        AWAIT(fleet_number("held") >= 20);
    }
}

static void start_all(void)
{
    for (unsigned i = 0; i < EDGES; i++) {
        rig_instance(i);
        rig_start_with(conf(LEASED));
    }
    await_joined(true);
    await_held();
}

/* 48 for each `n`: not the same number to each instance, over both protocols, and in turns. */
static void send_all(unsigned n)
{
    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < EDGES; i++) {
            rig_instance(i);
            canary_send(n * (i + 1), n * (i + 1), "/");
        }
}

/* So few that each has them leased. */
static void send_few(void)
{
    for (unsigned i = 0; i < EDGES; i++) {
        rig_instance(i);
        canary_send(2, 2, "/");
    }
}

/* The fleet's sequence is exact to half a request, and so is each instance's own; each block that
 * is held takes one at most, and so does one that was lost. `more` is for those, and for a sequence
 * that has begun anew. */
static void is_exact(double all, double more)
{
    const double off = origin_requests(canary_v2) - all / 20;
    cr_assert_eq(origin_requests(canary_v1) + origin_requests(canary_v2), all);
    cr_assert_leq(fabs(off), 0.5 + EDGES * (0.5 + 2) + more, "%u of %.0f",
                  origin_requests(canary_v2), all);
    cr_assert_eq(sum_of(position), all);
    cr_assert_eq(sum_of(leased) + sum_of(unleased), all);
}

/* -- tests ------------------------------------------------------------------------------------- */

Test(canary_fleet, divides_one_sequence_among_three_instances)
{
    start_all();
    send_all(50);
    is_exact(2400, 0);
    cr_assert_gt(sum_of(leased), 600);
}

Test(canary_fleet, is_exact_to_one_for_each_instance_without_redis)
{
    start_all();
    send_all(10);
    redis_server_kill(rig_fleet_redis());
    await_joined(false);
    send_all(25);
    is_exact(1680, 0);
    const double alone = sum_of(unleased);
    cr_assert_gt(alone, 0);
    redis_server_again(rig_fleet_redis());
    await_joined(true);
    await_held();
    send_few();
    cr_assert_eq(sum_of(unleased), alone, "and together again");
    send_all(10);
    is_exact(1680 + 12 + 480, 0.5);
}

static pid_t control_of_this(void)
{
    pid_t all[8];
    const size_t n = rig_processes("control", all, 8);
    for (size_t i = 0; i < n; i++)
        if (rig_status(all[i], "PPid:") == rig_master())
            return all[i];
    return 0;
}

/* What was asked for may be lost with the process. */
Test(canary_fleet, keeps_what_is_leased_over_reloads_and_the_death_of_its_processes)
{
    pid_t control;
    rig_expect_deaths();
    start_all();
    send_all(5);
    rig_instance(1);
    const double held = fleet_number("held");
    rig_renew_with(conf(CANARY_TWO(19, 1, "fleet_block = 100; response_header = \"x-v\";")));
    AWAIT(fleet_number("held") >= held);
    rig_instance(2);
    AWAIT((control = control_of_this()));
    kill(control, SIGKILL);
    rig_await_log("process_restarted process=control");
    await_joined(true);
    await_held();
    send_all(5);
    is_exact(480, 2);
}

Test(canary_fleet, counts_leased_positions_of_former_weights)
{
    rig_instance(0);
    rig_start_with(conf(LEASED));
    AWAIT(rig_metric("weir_fleet_joined") == 1);
    AWAIT(fleet_number("held") >= 20);
    canary_send(6, 5, "/");
    cr_assert_eq(fleet_number("leased"), 11);
    canary_set("{\"v2\": 0}");
    rig_await_log("to v1=19 v2=0, after 11 tickets");
    canary_send(50, 0, "/");
    cr_assert_leq(origin_requests(canary_v2), 1);
    AWAIT(fleet_number("held") >= 20);
    cr_assert_eq(canary_number("v1", "assigned"), 50);
    cr_assert_eq(canary_number("v1", "target"), 50);
}
