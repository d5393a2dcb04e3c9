/* SPDX-License-Identifier: Apache-2.0 */
/* Splits are exact: over all workers together, over both protocols, whatever the clusters have for
 * endpoints, over reloads, and when a worker dies. */
#include "canary_case.h"
#include "tests/lib/load.h"

#include <math.h>
#include <stdio.h>

CANARY_SUITE(canary);

/* Within less than one of what the weights say. */
static void has_share(struct origin *o, double share, unsigned of)
{
    const double off = origin_requests(o) - share * of;
    cr_assert(fabs(off) < 1, "%u of %u, and not %.2f", origin_requests(o), of, share * of);
}

Test(canary, is_exact_over_four_workers_and_both_protocols)
{
    canary_start(4, CANARY_TWO(95, 5));
    canary_send(5000, 5000, "/");
    has_share(canary_v1, 0.95, 10000);
    has_share(canary_v2, 0.05, 10000);
    cr_assert_eq(canary_number(NULL, "position"), 10000);
    AWAIT(canary_number("v1", "sent") == 9500 && canary_number("v2", "sent") == 500);
}

Test(canary, is_exact_with_weights_that_nothing_divides)
{
    canary_start(4, CANARY_ROUTE(CANARY_ENTRY("v1", 3333) ", " CANARY_ENTRY(
                        "v2", 17) ", " CANARY_ENTRY("app", 4001)));
    canary_send(1003, 1000, "/");
    has_share(canary_v1, 3333.0 / 7351, 2003);
    has_share(canary_v2, 17.0 / 7351, 2003);
    cr_assert_eq(canary_number("v1", "assigned") + canary_number("v2", "assigned") +
                     canary_number("app", "assigned"),
                 2003);
}

Test(canary, gives_one_in_ten_thousand)
{
    canary_start(4, CANARY_TWO(9999, 1));
    canary_send(5000, 5000, "/");
    cr_assert_eq(origin_requests(canary_v2), 1);
    cr_assert_eq(origin_requests(canary_v1), 9999);
}

/* -- clusters of different sizes -------------------------------------------------------------- */

enum { MANY = 20 };
static struct origin *many[MANY];

static void start_many(const char *w1, const char *w2)
{
    static char clusters[2048], routes[256];
    size_t at =
        (size_t)snprintf(clusters, sizeof clusters, CANARY_CLUSTER("v2") " v1 = { endpoints = [ ");
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "many%u", i);
        many[i] = origin_start(name);
        at +=
            (size_t)snprintf(clusters + at, sizeof clusters - at, "%s\"$%s\"", i ? ", " : "", name);
    }
    snprintf(clusters + at, sizeof clusters - at, " ]; }");
    snprintf(routes, sizeof routes,
             "( { name = \"all\"; canary = { split = ( { cluster = \"v1\"; weight = %s; }, "
             "{ cluster = \"v2\"; weight = %s; } ); }; } )",
             w1, w2);
    rig_start(.workers = 4, .listener = "protocols = [ \"http/1.1\", \"h2\" ];",
              .clusters = clusters, .routes = routes);
}

static unsigned many_requests(void)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_gt(origin_requests(many[i]), 0, "endpoint %u has its part", i);
        sum += origin_requests(many[i]);
    }
    return sum;
}

Test(canary, is_exact_with_one_endpoint_beside_twenty)
{
    start_many("95", "5");
    canary_send(1500, 1500, "/");
    cr_assert_eq(many_requests(), 2850);
    cr_assert_eq(origin_requests(canary_v2), 150);
}

Test(canary, is_exact_with_twenty_endpoints_beside_one)
{
    start_many("30", "70");
    canary_send(1500, 1500, "/");
    cr_assert_eq(many_requests(), 900);
    cr_assert_eq(origin_requests(canary_v2), 2100);
}

/* -- weights of nothing ------------------------------------------------------------------------ */

Test(canary, gives_nothing_to_a_weight_of_zero)
{
    canary_start(2, CANARY_TWO(1, 0));
    canary_send(100, 100, "/");
    cr_assert_eq(origin_requests(canary_v1), 200);
    canary_renew(2, CANARY_TWO(0, 1));
    canary_send(100, 100, "/");
    cr_assert_eq(origin_requests(canary_v1), 200);
    cr_assert_eq(origin_requests(canary_v2), 200);
}

/* -- reloads ---------------------------------------------------------------------------------- */

/* Every 50 requests; other settings change each time, also the number of workers. */
Test(canary, goes_on_in_its_schedule_over_reloads)
{
    enum { RELOADS = 12, EACH = 50 };
    canary_start(2, CANARY_TWO(7, 3));
    load_start(.clients = 8);
    for (unsigned i = 0; i < RELOADS; i++) {
        load_await(EACH);
        cr_assert(canary_reload(1 + i % 4, i % 2 ? CANARY_TWO(7, 3, "response_header = \"x-a\";")
                                                 : CANARY_TWO(7, 3, "sticky = \"header:x-u\";")));
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%s", r.first);
    rig_await_log("generation_ended generation=12");
    canary_send(7, 6, "/");
    const unsigned all = r.ok + 13;
    cr_assert_geq(all, RELOADS * EACH);
    has_share(canary_v1, 0.7, all);
    has_share(canary_v2, 0.3, all);
    cr_assert_eq(canary_number(NULL, "position"), all);
}

Test(canary, begins_a_schedule_anew_when_the_file_changes_it)
{
    canary_start(2, CANARY_TWO(1, 1));
    canary_send(10, 0, "/");
    canary_renew(2, CANARY_TWO(4, 1));
    AWAIT(canary_number("v1", "weight") == 4);
    cr_assert_eq(canary_number(NULL, "position"), 0);
    canary_send(50, 50, "/");
    cr_assert_eq(origin_requests(canary_v1), 85);
    cr_assert_eq(origin_requests(canary_v2), 25);
}

/* The generation that was there before still drains, so its cell is still there. */
Test(canary, begins_anew_when_a_file_comes_back_to_former_weights)
{
    canary_start(1, CANARY_TWO(1, 1));
    canary_set("{\"v2\": 0}");
    struct talk *t = talk_open();
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(canary_v1) == 1);
    cr_assert(canary_reload(1, CANARY_TWO(2, 1)));
    AWAIT(canary_number("v1", "weight") == 2);
    cr_assert(canary_reload(1, CANARY_TWO(1, 1)));
    AWAIT(canary_number("v1", "weight") == 1);
    cr_assert_eq(canary_number("v2", "weight"), 1, "what an operator once set is forgotten");
    cr_assert_eq(canary_number(NULL, "position"), 0);
    talk_close(t);
}

/* -- processes that die ----------------------------------------------------------------------- */

/* What is promised then: tickets stay exact, and what the worker had in hand is lost with its
 * tickets: so variants have got no more than their share, and no less than that without the lost.
 */
Test(canary, loses_only_what_a_killed_worker_had_in_hand)
{
    enum { HANGING = 10 };
    struct talk *t[HANGING];
    rig_expect_deaths();
    canary_start(4, CANARY_TWO(3, 1));
    canary_send(200, 200, "/");
    for (unsigned i = 0; i < HANGING; i++)
        talk_send(t[i] = talk_open(), "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(canary_v1) + origin_requests(canary_v2) == 400 + HANGING);
    for (unsigned i = 0; i < 4; i++) {
        kill(rig_worker(i), SIGKILL);
        rig_await_log("process_restarted process=worker/");
    }
    canary_send(100, 100, "/");
    const unsigned all = 600 + HANGING;
    has_share(canary_v1, 0.75, all);
    has_share(canary_v2, 0.25, all);
    cr_assert_eq(canary_number(NULL, "position"), all);
    AWAIT(canary_number("v1", "sent") + canary_number("v2", "sent") == 600);
}

Test(canary, keeps_its_position_when_the_control_process_dies)
{
    pid_t pid;
    rig_expect_deaths();
    canary_start(2, CANARY_TWO(3, 1));
    canary_set("{\"v1\": 1}");
    canary_send(51, 50, "/");
    AWAIT(rig_processes("control", &pid, 1) == 1);
    kill(pid, SIGKILL);
    rig_await_log("process_restarted process=control");
    canary_send(50, 50, "/");
    AWAIT(rig_count("control") == 1);
    cr_assert_eq(canary_number(NULL, "position"), 201);
    cr_assert_eq(canary_number("v1", "weight"), 1);
    has_share(canary_v1, 0.5, 201);
}
