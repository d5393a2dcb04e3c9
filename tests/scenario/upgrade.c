/* SPDX-License-Identifier: Apache-2.0 */
/* Upgrades: another binary takes over sockets and state, and nobody who asks notices; when it
 * can't, nothing has happened. */
#include "tests/lib/h2_talk.h"
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

static void end(void)
{
    h2_talks_end();
    rig_end();
}

TestSuite(upgrade, .init = begin, .fini = end, .timeout = 180);

#define BOTH "protocols = [ \"h2\", \"http/1.1\" ];"
#define LONG .listener = BOTH, .top = "timeouts = { drain = \"60s\"; };"

/* -- under load -------------------------------------------------------------------------------- */

/* A client of HTTP/2 that goes on where it is told to. */
static void h2_get(struct h2_talk **t)
{
    if (!*t || (*t)->over || (*t)->goaway >= 0) {
        if (*t)
            h2_talk_close(*t);
        *t = h2_talk_open();
    }
    const int32_t id = h2_ask(*t, .path = "/h2");
    cr_assert_eq(h2_answer(*t, id)->status, 200);
}

static struct talk *websocket(void)
{
    struct talk *t = talk_open();
    talk_send(t, "GET /ws?upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                 "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 101);
    return t;
}

static void echo(struct talk *t)
{
    talk_send(t, "hello");
    cr_assert(talk_await_bytes(t, 5) && !memcmp(talk_rest(t).p, "hello", 5));
    talk_skip(t, 5);
}

Test(upgrade, twenty_times_with_reloads_under_load_fails_no_request)
{
    struct talk *tunnels[21];
    struct h2_talk *h2 = NULL;
    rig_start(.workers = 2, LONG);
    load_start(.clients = 16);
    tunnels[0] = websocket();
    for (int i = 0; i < 20; i++) {
        load_await(30);
        h2_get(&h2);
        cr_assert(rig_upgrade());
        tunnels[i + 1] = websocket();
        h2_get(&h2);
        load_await(30);
        cr_assert(rig_reload(.workers = 2, LONG));
        h2_get(&h2);
        for (int j = 0; j <= i + 1; j++)
            echo(tunnels[j]);
    }
    load_await(50);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%u of %u failed; %s", r.failed, r.ok, r.first);
    cr_assert_gt(r.ok, 1000);
    for (int j = 0; j < 21; j++)
        talk_close(tunnels[j]);
    h2_talk_close(h2);
    AWAIT(rig_count("master") == 1 && rig_count("worker/") == 2 && rig_count("control") == 1);
    cr_assert_eq(rig_metric("weir_upgrades_total"), 20);
    AWAIT(rig_metric("weir_listener_connections{listener=\"public\"}") == 0);
}

/* -- what goes on ------------------------------------------------------------------------------ */

#define SPLIT                                                                                      \
    "( { name = \"all\"; canary = { split = ( { cluster = \"app\"; weight = 3; }, "                \
    "{ cluster = \"other\"; weight = 1; } ); }; } )"
#define REST                                                                                       \
    .listener = BOTH,                                                                              \
    .cluster = "breaker = { circuit = { open_on = { min_requests = 10; }; open_for = \"100s\"; "   \
               "max_open = \"200s\"; }; };",                                                       \
    .clusters = "other = { endpoints = [ \"$app\" ]; }", .routes = SPLIT

static double sent_to(const char *cluster)
{
    char series[128];
    snprintf(series, sizeof series, "weir_variant_requests_total{route=\"all\",variant=\"%s\"}",
             cluster);
    return rig_metric(series);
}

Test(upgrade, keeps_counters_splits_and_open_circuits)
{
    rig_start(REST);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(get("/")->status, 200);
    cr_assert(rig_upgrade());
    AWAIT(rig_count("master") == 1);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(sent_to("app"), 9, "%g", sent_to("app"));
    cr_assert_eq(sent_to("other"), 3);
    cr_assert_eq(weirctl_run("breaker open app"), 0, "%s", weirctl_said());
    cr_assert(rig_upgrade());
    cr_assert_eq(weirctl_run("breaker list"), 0);
    WEIRCTL_SAYS("open");
}

Test(upgrade, hands_over_unix_sockets_and_their_paths)
{
    rig_start(.listeners = ", { name = \"u\"; bind = \"unix:$dir/u.sock\"; }");
    cr_assert(rig_upgrade());
    AWAIT(rig_count("master") == 1);
    struct talk *t = talk_open_unix(rig_path("u.sock"));
    talk_send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 200);
    rig_stop();
    cr_assert_neq(access(rig_path("u.sock"), F_OK), 0, "the last one takes it along");
}

Test(upgrade, writes_the_pid_file_anew)
{
    char pid[16];
    rig_start(.top = "pid_file = \"$dir/pid\";");
    cr_assert(rig_upgrade());
    snprintf(pid, sizeof pid, "%d\n", (int)rig_master());
    AWAIT(rig_count("master") == 1);
    char *file = rig_read("pid");
    cr_assert_str_eq(file, pid);
    free(file);
    rig_stop();
    cr_assert_neq(access(rig_path("pid"), F_OK), 0);
}

/* The masters before end when the last of their requests has, each of them after those before it.
 */
Test(upgrade, lets_old_requests_finish_over_several_generations)
{
    struct talk *t[3];
    rig_start(LONG);
    for (int i = 0; i < 3; i++) {
        t[i] = websocket();
        cr_assert(rig_upgrade());
    }
    AWAIT(rig_count("master") == 4);
    talk_close(t[1]);
    talk_close(t[2]);
    AWAIT(rig_count("worker/") == 2);
    cr_assert_eq(rig_count("master"), 4);
    echo(t[0]);
    talk_close(t[0]);
    AWAIT(rig_count("master") == 1);
}

Test(upgrade, is_stopped_together_with_those_before_it)
{
    rig_start(LONG);
    struct talk *t = websocket();
    cr_assert(rig_upgrade());
    echo(t);
    rig_stop();
}

Test(upgrade, frees_the_slots_of_a_predecessor)
{
    rig_start(.workers = 4, .listener = BOTH);
    for (int i = 0; i < 5; i++) {
        cr_assert(rig_upgrade());
        AWAIT(rig_count("master") == 1);
    }
    for (int i = 0; i < 8; i++)
        get("/");
    AWAIT(rig_metric("weir_exchanges_active") == 0);
    cr_assert_eq(rig_metric("weir_route_requests_total{route=\"all\"}"), 8);
}

/* -- what fails -------------------------------------------------------------------------------- */

static void still_serves(unsigned generation)
{
    char series[32];
    snprintf(series, sizeof series, " generation=%u", generation);
    cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(rig_count("master"), 1);
    cr_assert_eq(rig_metric("weir_generation"), generation);
}

Test(upgrade, to_a_program_that_fails_changes_nothing)
{
    rig_link_weir(WEIR_BINARY);
    rig_start(.workers = 2);
    rig_link_weir("/bin/false");
    cr_assert(!rig_upgrade());
    still_serves(1);
    rig_link_weir("/nonexistent/weir");
    cr_assert(!rig_upgrade());
    cr_assert(rig_logged("can't run"));
    still_serves(1);
    cr_assert_eq(rig_metric("weir_upgrades_failed_total"), 2);
    cr_assert(rig_reload(.workers = 2));
    rig_link_weir(WEIR_BINARY);
    cr_assert(rig_upgrade());
    cr_assert_eq(get("/")->status, 200);
}

Test(upgrade, with_a_broken_file_says_what_is_wrong)
{
    rig_start();
    rig_write_conf((struct rig_conf){.top = "nonsense = 1;"});
    cr_assert_eq(weirctl_run("upgrade"), 1);
    WEIRCTL_SAYS("unknown setting nonsense");
    still_serves(1);
}

/* It has begun to accept by the time it is given up. */
Test(upgrade, that_is_called_off_by_the_end_of_the_service_leaves_nothing)
{
    rig_link_weir(WEIR_BINARY);
    rig_start();
    rig_write_file("slow", "#!/bin/sh\nexec sleep 100\n");
    chmod(rig_path("slow"), 0755);
    rig_link_weir("slow"); /* never gets ready */
    rig_signal(SIGUSR2);
    rig_await_log("upgrade_begins");
    rig_stop();
}

Test(upgrade, whose_old_master_is_killed_goes_on)
{
    rig_expect_deaths();
    rig_start(LONG);
    struct talk *t = websocket();
    const pid_t old = rig_master();
    cr_assert(rig_upgrade());
    kill(old, SIGKILL);
    AWAIT(rig_logged("master_gone"));
    echo(t);
    cr_assert_eq(get("/")->status, 200);
    talk_close(t);
    AWAIT(rig_count("worker/") == 1);
    cr_assert(rig_upgrade());
    cr_assert_eq(get("/")->status, 200);
}

/* -- what operators ask ------------------------------------------------------------------------ */

Test(upgrade, and_reload_are_answered_when_they_are_done)
{
    rig_start();
    cr_assert_eq(weirctl_run("reload"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("Generation 2 serves, with 1 workers.\n");
    rig_write_conf((struct rig_conf){.top = "nonsense = 1;"});
    cr_assert_eq(weirctl_run("reload"), 1);
    WEIRCTL_SAYS("weir.conf:");
    WEIRCTL_SAYS("unknown setting nonsense");
    rig_write_conf((struct rig_conf){0});
    cr_assert_eq(weirctl_run("--json upgrade"), 0, "%s", weirctl_said());
    rig_await_log(" upgraded pid=");
    AWAIT(rig_count("master") == 1);
    cr_assert_eq(weirctl_run("logs reopen"), 0);
    rig_await_log("logs_reopened");
    cr_assert_eq(weirctl_run("drain"), 0, "%s", weirctl_said());
    AWAIT(rig_count("") == 0);
    rig_forget();
}

/* Those that come while one is under way are told by a process that ends with it. */
Test(upgrade, asked_for_several_times_at_once_answers_each)
{
    enum { MANY = 8 };
    struct talk *t[MANY];
    unsigned done = 0;
    rig_start();
    for (int i = 0; i < MANY; i++)
        t[i] = talk_open_unix(rig_path("admin.sock"));
    for (int i = 0; i < MANY; i++)
        talk_send(t[i], "POST /v1/upgrade HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
    for (int i = 0; i < MANY; i++) {
        const struct response *r = talk_response(t[i]);
        cr_assert(r->whole, "the %d. got none: %s", i, r->fault);
        cr_assert(r->status == 200 || (r->status == 503 && strstr(r->body.p, "ask again")),
                  "%d: %s", r->status, r->body.p);
        done += r->status == 200;
    }
    cr_assert_geq(done, 1);
    AWAIT(rig_count("master") == 1);
    cr_assert_eq(weirctl_run("drain"), 0, "%s", weirctl_said());
    AWAIT(rig_count("") == 0);
    rig_forget();
}
