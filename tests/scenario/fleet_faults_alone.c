/* SPDX-License-Identifier: Apache-2.0 */
/* What instances decide while they are apart, and what becomes of it when they meet again. */
#include "fleet_three.h"

#include "breaker_case.h"

TestSuite(fleet_faults_alone, .init = three_begin, .fini = three_end, .timeout = 120);

static bool is_apart(void)
{
    return three_fleet("joined") == 0 && breaker_metric("shared_led", "cluster=\"spare\"") == 0;
}

static unsigned closings(void)
{
    unsigned n = 0;
    THREE_EACH(i)
    n += (unsigned)breaker_metric("transitions_total", "cluster=\"spare\",to=\"closed\"");
    return n;
}

/* None of them closes because of what the others, or Redis, say: each by a probe of its own. */
Test(fleet_faults_alone, circuits_that_all_have_opened_close_by_their_own_probes)
{
    enum { EACH_MAX = 3 /* open, half open, closed */ };
    rig_name("lasts", "1500ms");
    three_start(RIG_FLEET);
    redis_server_kill(rig_fleet_redis());
    THREE_EACH(i)
    {
        AWAIT(is_apart());
        cr_assert_eq(breaker_send(6, "/spare?status=500", 500), 6);
        cr_assert_eq(breaker_metric("transitions_total", "cluster=\"spare\",to=\"open\""), 1);
    }
    redis_server_again(rig_fleet_redis());
    THREE_EACH(i)
    AWAIT(!is_apart());
    AWAIT(three_are(THREE_HALF_OPEN, "spare"));
    cr_assert_eq(closings(), 0);
    while (!three_are(THREE_CLOSED, "spare"))
        THREE_EACH(i)
    breaker_send(1, "/spare", 200);
    three_agree(three_v2);
    cr_assert_leq(three_changes("transitions_total", "spare"), THREE * EACH_MAX);
    cr_assert_eq(closings(), THREE);
}

/* The one that is parted follows what the others have decided, once it hears of it. */
Test(fleet_faults_alone, one_that_was_parted_follows_what_it_has_missed)
{
    three_start(RIG_FLEET);
    fault_proxy_set(three_proxy[0], FAULT_HALF_OPEN);
    rig_instance(0);
    AWAIT(is_apart());
    rig_instance(1);
    three_decide(three_v1);
    for (unsigned i = 1; i < THREE; i++) {
        rig_instance(i);
        cr_assert_eq(breaker_send(3, "/spare?status=500", 500), 3);
    }
    for (unsigned i = 1; i < THREE; i++) {
        rig_instance(i);
        AWAIT(breaker_metric("state", "cluster=\"spare\"") == THREE_OPEN);
    }
    rig_instance(0);
    cr_assert_eq(breaker_send(3, "/spare", 200), 3);
    fault_proxy_set(three_proxy[0], FAULT_NONE);
    three_agree(three_v1);
    AWAIT(three_are(THREE_OPEN, "spare"));
    cr_assert_eq(three_changes("transitions_total", "spare"), 1);
}

/* Both are told, and the later one stands on all. */
Test(fleet_faults_alone, of_two_decisions_made_apart_the_later_one_stands)
{
    three_start(RIG_FLEET);
    redis_server_hang(rig_fleet_redis());
    THREE_EACH(i)
    AWAIT(is_apart());
    rig_instance(1);
    three_decide(three_v2);
    rig_instance(0);
    three_decide(three_v1);
    redis_server_go_on(rig_fleet_redis());
    three_agree(three_v1);
}

/* What a control process knows of records is lost with it, and Redis has lost them, too: what is
 * left is the circuit's state in shared memory, of which nobody can say any more whose it was. */
Test(fleet_faults_alone, control_processes_that_die_while_redis_is_away_close_nothing)
{
    pid_t control[THREE];
    three_start(RIG_FLEET);
    redis_server_kill(rig_fleet_redis());
    THREE_EACH(i)
    AWAIT(is_apart());
    cr_assert_eq(rig_processes("control", control, THREE), THREE);
    THREE_EACH(i)
    {
        rig_expect_deaths();
        kill(control[i], SIGKILL);
    }
    THREE_EACH(i)
    rig_await_log(" process_died ");
    AWAIT(rig_count("control") == THREE);
    three_serve();
    redis_server_again(rig_fleet_redis());
    THREE_EACH(i)
    AWAIT(three_fleet("joined") == 1);
    three_serve();
    cr_assert(three_are(THREE_OPEN, "app"));
    cr_assert_eq(three_changes("transitions_total", "app"), 1);
    three_work();
}
