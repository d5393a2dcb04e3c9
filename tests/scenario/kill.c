/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that die: what is lost is what they had in hand, and what they held is given back. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    rig_expect_deaths();
    app = origin_start("app");
}

TestSuite(kill, .init = begin, .fini = rig_end, .timeout = 120);

static const char connections[] = "weir_listener_connections{listener=\"public\"}";
static const char requests[] = "weir_route_requests_total{route=\"all\"}";

Test(kill, of_a_worker_under_load_loses_only_its_own_requests)
{
    enum { CLIENTS = 16, KILLS = 3 };
    rig_start(.workers = 2);
    load_start(.clients = CLIENTS);
    for (int i = 0; i < KILLS; i++) {
        load_await(100);
        const pid_t victim = rig_worker(0), other = rig_worker(1);
        kill(victim, SIGKILL);
        rig_await_log("process_died process=worker/0");
        rig_await_log("process_restarted process=worker/0");
        cr_assert_neq(rig_worker(0), victim);
        cr_assert_eq(rig_worker(1), other);
        load_await(100);
    }
    const struct load_result r = load_stop();
    cr_log_info("%u requests, %u lost to %d kills", r.ok, r.failed, KILLS);
    cr_assert_leq(r.failed, CLIENTS * KILLS, "%u failed; %s", r.failed, r.first);
    AWAIT(rig_metric(connections) == 0);
    cr_assert_geq(rig_metric(requests), r.ok);
    cr_assert_eq(rig_metric("weir_process_restarts_total"), KILLS);
    cr_assert_eq(rig_metric("weir_workers_alive"), 2);
}

Test(kill, of_a_worker_gives_its_connections_back_to_the_limits)
{
    enum { LIMIT = 12 };
    struct talk *t[LIMIT];
    rig_start(.workers = 2,
              .listener = "limits = { connections = 12; connections_per_source = 12; };");
    for (int round = 0; round < 3; round++) {
        unsigned left = 0;
        for (int i = 0; i < LIMIT; i++) {
            talk_send(t[i] = talk_open(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            cr_assert_eq(talk_response(t[i])->status, 200, "round %d, connection %d", round, i);
        }
        cr_assert_eq(rig_metric(connections), LIMIT);
        kill(rig_worker((unsigned)round % 2), SIGKILL);
        rig_await_log("process_restarted");
        for (int i = 0; i < LIMIT; i++)
            left += !talk_is_over(t[i]);
        cr_assert_lt(left, LIMIT);
        AWAIT(rig_metric(connections) == left);
        for (int i = 0; i < LIMIT; i++)
            talk_close(t[i]);
        AWAIT(rig_metric(connections) == 0);
    }
    cr_assert_eq(rig_metric("weir_listener_refused_limit_total{listener=\"public\"}"), 0);
    cr_assert_eq(rig_metric("weir_listener_refused_source_total{listener=\"public\"}"), 0);
    cr_assert_eq(rig_metric("weir_exchanges_active"), 0);
}

Test(kill, of_a_worker_that_has_requests_in_hand_leaves_right_gauges)
{
    char series[128];
    rig_start(.workers = 1);
    for (int i = 0; i < 5; i++)
        talk_send(talk_open(), "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 5);
    snprintf(series, sizeof series,
             "weir_endpoint_attempts_active{cluster=\"app\",endpoint=\"127.0.0.1:%u\"}",
             origin_port(app));
    cr_assert_eq(rig_metric(series), 5);
    cr_assert_eq(rig_metric("weir_exchanges_active"), 5);
    kill(rig_worker(0), SIGKILL);
    AWAIT(rig_metric(series) == 0);
    cr_assert_eq(rig_metric("weir_exchanges_active"), 0);
    cr_assert_eq(get("/")->status, 200);
}

/* Clients that connect while the worker is away wait in its queue. */
Test(kill, of_the_only_worker_keeps_those_who_come_waiting)
{
    rig_start(.workers = 1);
    kill(rig_worker(0), SIGKILL);
    cr_assert_eq(get("/")->status, 200);
    kill(rig_worker(0), SIGKILL);
    cr_assert_eq(get("/")->status, 200);
}

Test(kill, of_the_control_process_does_not_touch_traffic)
{
    pid_t pids[4];
    rig_start(.workers = 2);
    load_start(.clients = 8);
    for (int i = 0; i < 3; i++) {
        load_await(50);
        AWAIT(rig_processes("control", pids, 4) == 1);
        kill(pids[0], SIGKILL);
        rig_await_log("process_restarted process=control");
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    cr_assert_geq(rig_metric(requests), r.ok, "and metrics are shown again");
}

Test(kill, of_the_master_lets_workers_finish_and_a_new_start_work_at_once)
{
    rig_start(.workers = 2);
    struct talk *t = talk_open();
    talk_send(t, "GET /?delay=700&size=100 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    rig_signal(SIGKILL);
    cr_assert_eq(rig_await_exit(), -SIGKILL);
    rig_start(.workers = 2);
    cr_assert_eq(get("/")->status, 200);
    const struct response *r = talk_response(t);
    cr_assert(r->whole && r->status == 200 && r->body.n == 100, "%s", r->fault);
    AWAIT((waitpid(-1, NULL, WNOHANG), rig_count("worker/")) == 2);
    AWAIT((waitpid(-1, NULL, WNOHANG), rig_count("control")) == 1);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(get("/")->status, 200);
}

/* Each of them, also while others go on for long. */
Test(kill, of_the_master_is_noticed_by_every_worker)
{
    enum { MANY = 48 };
    rig_start(.workers = 3, .top = "timeouts = { drain = \"1d\"; };");
    for (int i = 0; i < MANY; i++)
        talk_send(talk_open(), "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == MANY);
    rig_signal(SIGKILL);
    cr_assert_eq(rig_await_exit(), -SIGKILL);
    AWAIT(rig_log_count("master_gone") == 3);
    cr_assert_null(talk_try(rig_port("port")));
    talks_end();
    AWAIT((waitpid(-1, NULL, WNOHANG), rig_count("")) == 0);
}

/* A worker that does nothing any more, not even end, is killed (after 5 s). */
Test(kill, of_a_worker_that_hangs_ends_a_fast_stop)
{
    rig_start(.workers = 2);
    cr_assert_eq(kill(rig_worker(0), SIGSTOP), 0);
    const uint64_t begun = now_ms();
    rig_signal(SIGTERM);
    cr_assert_eq(rig_await_exit(), 0);
    cr_assert_lt(now_ms() - begun, 8000);
    cr_assert_eq(rig_count(""), 0);
    cr_assert_null(talk_try(rig_port("port")));
}

Test(kill, during_reloads_under_load_heals)
{
    rig_start(.workers = 2);
    load_start(.clients = 8);
    for (int i = 0; i < 6; i++) {
        load_await(20);
        rig_signal(SIGHUP);
        kill(rig_worker(0), SIGKILL); /* of whichever generation */
        AWAIT(rig_log_count(" reloaded ") + rig_log_count("reload_failed") == (unsigned)i + 1);
        AWAIT(rig_count("worker/") == 2);
    }
    load_await(100);
    const struct load_result r = load_stop();
    cr_assert_leq(r.failed, 6 * 8);
    AWAIT(rig_metric(connections) == 0);
    cr_assert(rig_reload(.workers = 2));
}
