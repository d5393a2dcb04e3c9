/* SPDX-License-Identifier: Apache-2.0 */
/* Reloads: nobody who asks notices, whatever changes, and what is broken changes nothing. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

TestSuite(reload, .init = begin, .fini = rig_end, .timeout = 180);

Test(reload, twenty_times_under_load_fails_no_request)
{
    rig_start(.workers = 2);
    load_start(.clients = 16);
    for (int i = 0; i < 20; i++) {
        load_await(50);
        cr_assert(rig_reload(.workers = 2));
    }
    load_await(50);
    const struct load_result r = load_stop();
    cr_log_info("20 reloads, %u requests on %u connections", r.ok, r.connections);
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    cr_assert_gt(r.ok, 1000);
    AWAIT(rig_count("worker/") == 2);
}

/* Idle connections get a request in just as their generation drains. */
Test(reload, lets_clients_that_pause_finish_on_their_connections)
{
    rig_start(.workers = 2);
    load_start(.clients = 32, .pause_ms = 20);
    for (int i = 0; i < 10; i++) {
        load_await(32);
        cr_assert(rig_reload(.workers = 2));
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
}

Test(reload, changes_the_number_of_workers_under_load)
{
    static const unsigned counts[] = {4, 1, 3, 1, 2};
    rig_start(.workers = 2);
    load_start(.clients = 16);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        load_await(50);
        cr_assert(rig_reload(.workers = counts[i]));
        load_await(100);
        AWAIT(rig_count("worker/") == counts[i]);
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
}

Test(reload, adds_and_removes_listeners_under_load)
{
    static const char second[] = ", { name = \"second\"; bind = \"127.0.0.1:$port_b\"; },"
                                 "  { name = \"third\"; bind = \"unix:$dir/c.sock\"; }";
    rig_start(.workers = 2);
    load_start(.clients = 8);
    for (int i = 0; i < 4; i++) {
        load_await(20);
        cr_assert_null(talk_try(rig_port("port_b")));
        cr_assert(rig_reload(.workers = 2, .listeners = second));
        struct talk *t = talk_open_port(rig_port("port_b"));
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert_eq(talk_response(t)->status, 200);
        t = talk_open_unix(rig_path("c.sock"));
        talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        cr_assert_eq(talk_response(t)->status, 200);
        cr_assert(rig_reload(.workers = 2));
        struct talk *late;
        AWAIT(!(late = talk_try(rig_port("port_b"))) || (talk_close(late), false));
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
}

Test(reload, sends_new_requests_the_new_way)
{
    origin_start("blue");
    rig_start();
    cr_assert(body_is(get("/"), "app\n"));
    cr_assert(rig_reload(.endpoints = "[ \"$blue\" ]"));
    rig_await_log("generation_ended generation=1");
    for (int i = 0; i < 10; i++)
        cr_assert(body_is(get("/"), "blue\n"));
}

Test(reload, lets_a_request_under_way_finish)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "GET /?delay=500&size=100000&piece=10000&pause=20 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    cr_assert(rig_reload());
    const struct response *r = talk_response(t);
    cr_assert(r->whole && r->status == 200 && r->body.n == 100000);
    cr_assert(r->closes, "so that the client comes back to the new generation");
    rig_await_log("generation_ended generation=1");
}

Test(reload, cuts_what_lasts_longer_than_the_drain_timeout)
{
    rig_start(.top = "timeouts = { drain = \"200ms\"; };");
    struct talk *t = talk_open();
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    cr_assert(rig_reload(.top = "timeouts = { drain = \"200ms\"; };"));
    cr_assert(talk_ended(t));
    rig_await_log("generation_ended generation=1");
    cr_assert(rig_logged("drain_timeout connections=1"));
}

Test(reload, of_a_broken_file_leaves_the_old_one_serving_and_says_why)
{
    rig_start(.workers = 2);
    load_start(.clients = 8);
    load_await(20);
    cr_assert(!rig_reload(.whole = "workers = 2;\n\nlistners = ( );\n"));
    const char *line = rig_await_log("listners");
    cr_assert(strstr(line, "weir.conf") && strstr(line, "line=3") && strstr(line, "listners"), "%s",
              line);
    cr_assert(strstr(line, "listeners"), "it knows what was meant: %s", line);
    cr_assert(!rig_reload(.whole = "workers = ;\n"));
    cr_assert(!rig_reload(.top = "timeouts = { head = \"soon\"; };"));
    rig_await_log("line=");
    cr_assert(!rig_reload(.routes = "( { cluster = \"nobody\"; } )"));
    rig_await_log("nobody");
    cr_assert(!rig_reload(.listeners = ", { name = \"x\"; bind = \"192.0.2.1:1\"; }"));
    rig_await_log("192.0.2.1:1");
    load_await(50);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    cr_assert_eq(rig_metric("weir_reloads_failed_total"), 5);
    cr_assert(rig_reload(.workers = 2), "and a good one is taken again");
}

Test(reload, requests_that_come_while_one_is_under_way_are_not_lost)
{
    rig_start();
    for (int i = 0; i < 10; i++)
        rig_signal(SIGHUP);
    AWAIT(rig_log_count(" reloaded generation=") >= 1);
    rig_write_conf(
        (struct rig_conf){.routes = "( { name = \"late\"; respond = { body = \"new\"; }; } )"});
    rig_signal(SIGHUP);
    AWAIT(body_is(get("/"), "new"));
}

/* What a worker holds of the others' ties to the master would keep them from seeing its end. */
Test(reload, gives_every_worker_only_what_is_its_own)
{
    rig_start(.workers = 3);
    for (int i = 0; i < 2; i++) {
        const size_t first = rig_descriptors(rig_worker(0));
        cr_assert_eq(rig_descriptors(rig_worker(1)), first);
        cr_assert_eq(rig_descriptors(rig_worker(2)), first);
        cr_assert(i == 1 || rig_reload(.workers = 3));
        AWAIT(rig_count("worker/") == 3);
    }
}
