/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator does with signals and files: stop, rotate logs, look at processes, check. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <pwd.h>
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

TestSuite(signals, .init = begin, .fini = rig_end, .timeout = 120);

static unsigned lines_in(const char *file)
{
    char *all = rig_read(file);
    unsigned n = 0;
    for (const char *p = all; (p = strchr(p, '\n')); p++)
        n++;
    free(all);
    return n;
}

Test(signals, usr1_reopens_logs_and_no_line_is_lost)
{
    char old[32];
    unsigned lines = 0;
    rig_start(.workers = 2);
    load_start(.clients = 8);
    for (int i = 0; i < 5; i++) {
        load_await(50);
        snprintf(old, sizeof old, "access.%d", i);
        cr_assert_eq(rename(rig_path("access.log"), rig_path(old)), 0);
        rig_signal(SIGUSR1);
        rig_await_log("logs_reopened");
        AWAIT(lines_in("access.log") > 0);
    }
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%s", r.first);
    /* the line of the last request may still lie in a buffer */
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (lines != r.ok && now_ms() < end) {
        lines = lines_in("access.log");
        for (int i = 0; i < 5; i++) {
            snprintf(old, sizeof old, "access.%d", i);
            lines += lines_in(old);
        }
    }
    cr_assert_eq(lines, r.ok);
}

/* A line that a worker writes after the rotation has to stand in the new file. */
static void rotate_the_error_log(const char *top)
{
    rig_write_conf((struct rig_conf){.top = top, .log = "error = \"$dir/error.log\";"});
    rig_launch();
    AWAIT(lines_in("error.log") > 0);
    AWAIT(rig_count("worker/") == 1);
    cr_assert_eq(rename(rig_path("error.log"), rig_path("error.1")), 0);
    rig_signal(SIGUSR1);
    AWAIT(lines_in("error.log") > 0);
    origin_stop(app);
    AWAIT(get("/")->status == 503);
    const uint64_t end = now_ms() + DEADLINE_MS;
    char *all;
    while (!strstr(all = rig_read("error.log"), "origin_connect_failed")) {
        cr_assert(now_ms() < end, "%s", all);
        free(all);
    }
    free(all);
}

Test(signals, usr1_reopens_the_error_log)
{
    rotate_the_error_log(NULL);
}

Test(signals, usr1_reopens_the_error_log_of_workers_that_are_not_root)
{
    if (geteuid() != 0 || !getpwnam("nobody"))
        RIG_SKIP("only for root");
    rotate_the_error_log("user = \"nobody\";");
}

Test(signals, quit_lets_requests_under_way_finish)
{
    rig_start(.workers = 2);
    struct talk *busy = talk_open(), *idle = talk_open();
    talk_send(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(idle)->status, 200);
    talk_send(busy, "GET /?delay=600&size=1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 2);
    rig_signal(SIGQUIT);
    rig_await_log("stopping how=graceful");
    struct talk *late;
    AWAIT(!(late = talk_try(rig_port("port"))) || (talk_close(late), false));
    const struct response *r = talk_response(busy);
    cr_assert(r->whole && r->body.n == 1000 && r->closes);
    talk_close(busy);
    cr_assert(talk_ended(idle));
    cr_assert_eq(rig_await_exit(), 0);
    cr_assert_eq(rig_count(""), 0);
}

Test(signals, quit_serves_requests_that_are_on_their_way)
{
    rig_start(.top = "timeouts = { drain_grace = \"2s\"; };");
    struct talk *idle = talk_open();
    talk_send(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(talk_response(idle)->status, 200);
    rig_signal(SIGQUIT);
    rig_await_log("stopping how=graceful");
    talk_send(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const struct response *r = talk_response(idle);
    cr_assert_eq(r->status, 200);
    cr_assert(r->closes);
    talk_close(idle);
    cr_assert_eq(rig_await_exit(), 0);
}

static void expect_fast_end(int signo)
{
    rig_start(.workers = 2);
    struct talk *t = talk_open();
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    rig_signal(signo);
    cr_assert(talk_ended(t));
    cr_assert_eq(rig_await_exit(), 0);
    cr_assert_eq(rig_count(""), 0);
    AWAIT(origin_open(app) == 0);
    rig_await_access("\"path\":\"/\""); /* also what was cut is in the log */
}

Test(signals, term_stops_at_once)
{
    expect_fast_end(SIGTERM);
}

Test(signals, int_stops_at_once)
{
    expect_fast_end(SIGINT);
}

Test(signals, term_ends_a_graceful_stop_that_takes_too_long)
{
    rig_start();
    struct talk *t = talk_open();
    talk_send(t, "GET /?hang HTTP/1.1\r\nHost: a\r\n\r\n");
    AWAIT(origin_requests(app) == 1);
    rig_signal(SIGQUIT);
    rig_await_log("stopping how=graceful");
    rig_signal(SIGTERM);
    cr_assert_eq(rig_await_exit(), 0);
}

Test(signals, processes_have_titles)
{
    rig_start(.workers = 2);
    cr_assert_eq(rig_count("master"), 1);
    cr_assert_eq(rig_count("worker/0 (generation 1)"), 1);
    cr_assert_eq(rig_count("worker/1 (generation 1)"), 1);
    cr_assert_eq(rig_count("control (generation 1)"), 1);
    cr_assert(rig_reload(.workers = 1));
    AWAIT(rig_count("worker/") == 1);
    cr_assert_eq(rig_count("worker/0 (generation 2)"), 1);
}

Test(signals, the_pid_file_is_there_while_it_runs)
{
    rig_start(.top = "pid_file = \"weir.pid\";"); /* beside the configuration */
    char *text = rig_read("weir.pid");
    cr_assert_eq(atoi(text), rig_master());
    free(text);
    rig_stop();
    cr_assert_neq(access(rig_path("weir.pid"), F_OK), 0);
}

Test(signals, workers_drop_roots_privileges)
{
    struct stat st;
    const struct passwd *nobody = getpwnam("nobody");
    if (geteuid() != 0 || !nobody)
        RIG_SKIP("only for root");
    rig_start(.workers = 2, .top = "user = \"nobody\";");
    pid_t pids[8];
    const size_t n = rig_processes("worker/", pids, 8);
    cr_assert_eq(n, 2);
    AWAIT(rig_processes("control", pids + n, 8 - n) == 1);
    for (size_t i = 0; i < n + 1; i++) {
        cr_assert_eq(rig_status(pids[i], "Uid:"), (long)nobody->pw_uid);
        cr_assert_eq(rig_status(pids[i], "Gid:"), (long)nobody->pw_gid);
        cr_assert_eq(rig_status(pids[i], "NoNewPrivs:"), 1);
    }
    cr_assert_eq(rig_status(rig_master(), "Uid:"), 0);
    cr_assert_eq(get("/")->status, 200);
    rig_await_access("\"status\":200");
    cr_assert_eq(stat(rig_path("access.log"), &st), 0);
    cr_assert_eq(st.st_uid, nobody->pw_uid);
    rename(rig_path("access.log"), rig_path("old")); /* the folder isn't theirs to write */
    rig_signal(SIGUSR1);
    rig_await_log("logs_reopened");
    AWAIT(get("/again")->status == 200 && lines_in("access.log") > 0);
    cr_assert(!rig_logged("reopen_failed"));
    cr_assert(rig_metric("weir_workers_alive") == 2);
}

Test(signals, a_check_says_what_is_wrong_and_where)
{
    char file[256];
    const char *const check[] = {"-t", "-c", file, NULL};
    snprintf(file, sizeof file, "%s", rig_path("weir.conf"));
    rig_write_conf((struct rig_conf){0});
    cr_assert_eq(rig_run(check), 0);
    rig_write_file("weir.conf",
                   "workers = 0;\nlisteners = ( { name = \"a\"; bind = \"nowhere\"; } );\n"
                   "clusters = { app = { endpoints = [ \"$app\" ]; balanse = \"x\"; }; };\n"
                   "routes = ( { cluster = \"ap\"; } );\n");
    cr_assert_neq(rig_run(check), 0);
    char *out = rig_read("output");
    cr_assert(strstr(out, "weir.conf:1") && strstr(out, "weir.conf:2"), "%s", out);
    cr_assert(strstr(out, "weir.conf:3") && strstr(out, "balance"), "%s", out);
    cr_assert(strstr(out, "weir.conf:4"), "all at once: %s", out);
    free(out);
}

Test(signals, a_check_tries_the_address_of_admin_too)
{
    char file[256];
    const char *const check[] = {"-t", "-c", file, NULL};
    snprintf(file, sizeof file, "%s", rig_path("weir.conf"));
    rig_write_file("weir.conf", "admin = { bind = \"unix:$dir/missing/admin.sock\"; };\n"
                                "listeners = ( { name = \"a\"; bind = \"127.0.0.1:$port\"; } );\n"
                                "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"
                                "routes = ( { cluster = \"app\"; } );\n");
    cr_assert_neq(rig_run(check), 0);
    char *out = rig_read("output");
    cr_assert(strstr(out, "/missing/admin.sock"), "%s", out);
    free(out);
}
