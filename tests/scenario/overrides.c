/* SPDX-License-Identifier: Apache-2.0 */
/* What is changed at run time is marked, kept, and undone: by its time, by hand, or by a reload
 * that changes that very setting. */
#include "tests/lib/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/origin.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

static struct origin *v1, *v2;

static void begin(void)
{
    rig_begin();
    v1 = origin_start("v1");
    v2 = origin_start("v2");
    setenv("WEIR", WEIR_BINARY, 1); /* which weirctl diff runs */
    origin_start("app");
}

TestSuite(overrides_scenario, .init = begin, .fini = rig_end, .timeout = 120);

#define ROUTES(timeout, weight, percent)                                                           \
    "( { name = \"split\"; timeout = \"" timeout "\"; match = { path_prefix = \"/split\"; };"      \
    "    canary = { split = ( { cluster = \"v1\"; weight = 1; },"                                  \
    "                         { cluster = \"v2\"; weight = " weight "; } ); };"                    \
    "    fault = { name = \"f\"; percent = \"" percent "\"; enabled = false;"                      \
    "              abort = { status = 418; }; }; }, { name = \"all\"; cluster = \"app\"; } )"

static struct rig_conf conf(const char *routes)
{
    return (struct rig_conf){
        .workers = 2,
        .cluster =
            "breaker = { circuit = { open_for = \"1h\"; max_open = \"1h\"; }; }; outlier = { "
            "min_left = 0; max_ejection_percent = \"100%\"; };",
        .clusters = "v1 = { endpoints = [ \"$v1\" ]; }; v2 = { endpoints = [ \"$v2\" ]; };",
        .routes = routes};
}

static void start(void)
{
    rig_start_with(conf(ROUTES("3s", "0", "100%")));
}

#define CTL(...) cr_assert_eq(weirctl_run(__VA_ARGS__), 0, "%s", weirctl_said())
#define SAYS WEIRCTL_SAYS

/* Do all requests go there? */
static bool goes_to(struct origin *to)
{
    const unsigned before = origin_requests(to);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(get("/split")->status, 200);
    return origin_requests(to) == before + 4;
}

static bool says(const char *command, const char *text)
{
    return weirctl_run("%s", command) == 0 && strstr(weirctl_said(), text);
}

#define NOTHING says("overrides", "Nothing is overridden")

static void set_canary(const char *more)
{
    CTL("canary set split v1=0 v2=1 %s", more);
    cr_assert(goes_to(v2));
}

Test(overrides_scenario, say_who_when_and_why_in_the_list_and_in_status)
{
    start();
    cr_assert(NOTHING);
    cr_assert_eq(rig_metric("weir_overrides"), 0);
    set_canary("--reason 'v2 is due' --expires 2h");
    rig_await_log("override_set key=canary/weights/split ");
    CTL("overrides");
    SAYS("KEY                   SETTING ");
    SAYS("canary/weights/split  routes.split.canary.split  ");
    SAYS("uid ");
    SAYS("v2 is due");
    SAYS("{\"route\": \"split\", \"weights\": {\"v1\": 0, \"v2\": 1}}");
    CTL("status");
    SAYS("Overrides      1\n");
    SAYS("v2 is due");
    CTL("--json status");
    SAYS("\"reason\":\"v2 is due\"");
    cr_assert_eq(rig_metric("weir_overrides"), 1);
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t, "GET /v1/overview HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    cr_assert(strstr(talk_response(t)->body.p, "\"reason\":\"v2 is due\""));
    CTL("overrides drop canary/weights/split");
    SAYS("routes.split.canary.split is as the configuration says again.");
    cr_assert(goes_to(v1) && NOTHING);
    cr_assert_eq(weirctl_run("overrides drop canary/weights/split"), 1);
    SAYS("nothing is overridden under that key");
}

Test(overrides_scenario, are_kept_over_reloads_that_change_something_else)
{
    start();
    set_canary("--reason kept");
    CTL("log level trace");
    CTL("fault set split f on");
    CTL("fault stop-all");
    cr_assert(rig_reload_with(conf(ROUTES("4s", "0", "100%"))));
    cr_assert(goes_to(v2));
    CTL("overrides");
    SAYS("canary/weights/split");
    SAYS("kept");
    SAYS("log/level");
    SAYS("fault/fault/split/f");
    SAYS("fault/stopped");
    cr_assert(says("log level", "level trace; the configuration says info"));
    CTL("fault resume");
    cr_assert_eq(get("/split")->status, 418);
    CTL("fault set split f off");
    CTL("log level info");
    CTL("canary set split v1=1 v2=0");
    cr_assert(NOTHING, "%s", weirctl_said());
}

/* The diff says it before, the reload says it, and it is so. */
Test(overrides_scenario, end_when_a_reload_changes_that_very_setting)
{
    start();
    set_canary("");
    CTL("fault set split f 7%%");
    CTL("breaker open app");
    rig_write_conf(conf(ROUTES("3s", "0", "50%")));
    CTL("diff %s", rig_path("weir.conf"));
    SAYS("~ routes.split.fault.percent: \"100%\" -> \"50%\"\n");
    SAYS("! routes.split.fault.f: the file changes it; the override of fault/fault/split/f by ");
    cr_assert(!strstr(weirctl_said(), "canary/weights"), "%s", weirctl_said());
    CTL("reload");
    SAYS("routes.split.fault.f: the file changes it; the override of fault/fault/split/f by ");
    rig_await_log("override_ended key=fault/fault/split/f ");
    cr_assert(says("--json fault list split", "\"percent\":50"), "%s", weirctl_said());
    cr_assert(goes_to(v2));
    cr_assert_eq(get("/")->status, 503);
    cr_assert(rig_reload_with(conf(ROUTES("3s", "2", "50%"))));
    CTL("overrides");
    SAYS("breaker/state/app");
    cr_assert(!strstr(weirctl_said(), "canary"), "%s", weirctl_said());
    CTL("canary get split");
    SAYS("66.67%");
    rig_write_conf((struct rig_conf){.routes = "( { name = \"split\"; cluster = \"app\"; } )"});
    CTL("diff %s", rig_path("weir.conf"));
    SAYS("! clusters.app.breaker: the file has it no more; the override of breaker/state/app by ");
    CTL("reload");
    SAYS("clusters.app.breaker: the file has it no more; the override of breaker/state/app by ");
    cr_assert(NOTHING);
}

/* Back to weights whose split of before may still be there. */
Test(overrides_scenario, that_have_ended_do_not_come_back_with_the_file)
{
    start();
    set_canary("");
    cr_assert(rig_reload_with(conf(ROUTES("3s", "3", "100%"))));
    cr_assert(rig_reload_with(conf(ROUTES("3s", "0", "100%"))));
    cr_assert(NOTHING);
    AWAIT(goes_to(v1));
}

Test(overrides_scenario, end_at_their_time)
{
    start();
    set_canary("--expires 1s");
    CTL("fault set split f on --expires 1s");
    CTL("breaker disable app --expires 1s");
    CTL("breaker open app --expires 1s");
    CTL("endpoint drain v2 127.0.0.1:%u --expires 1s", origin_port(v2));
    CTL("log level trace --expires 1s");
    rig_await_log("override_ended key=canary/weights/split ");
    AWAIT(NOTHING);
    cr_assert(goes_to(v1));
    cr_assert_eq(get("/")->status, 200);
    cr_assert(says("log level", "up to level info."));
    CTL("--json endpoint list v2");
    SAYS("\"drained\":false");
    CTL("--json breaker list app");
    SAYS("\"enabled\":true");
    SAYS("\"mode\":\"auto\"");
    cr_assert_eq(weirctl_run("canary set split v1=1 --expires never"), 1);
    SAYS("\"expires\" says how long it lasts");
}

static void kill_control(void)
{
    pid_t pid;
    cr_assert_eq(rig_processes("control", &pid, 1), 1);
    kill(pid, SIGKILL);
}

static bool control_is_back(void)
{
    return rig_count("control") == 1 && weirctl_run("status") == 0;
}

Test(overrides_scenario, outlive_the_control_process_and_end_though_it_was_dead_by_then)
{
    rig_expect_deaths();
    start();
    set_canary("--expires 1s");
    CTL("fault set split f 7%% --reason stays");
    pid_t pid;
    cr_assert_eq(rig_processes("control", &pid, 1), 1);
    kill(pid, SIGSTOP); /* so that nobody replaces it before */
    usleep(1300000);
    kill(pid, SIGKILL);
    AWAIT(goes_to(v1));
    AWAIT(control_is_back());
    CTL("overrides");
    SAYS("stays");
    cr_assert(!strstr(weirctl_said(), "canary"), "%s", weirctl_said());
    kill_control();
    AWAIT(control_is_back());
    CTL("overrides");
    SAYS("stays");
}

Test(overrides_scenario, outlive_upgrades)
{
    start();
    set_canary("--reason 'over upgrades'");
    CTL("log level trace");
    cr_assert(rig_upgrade());
    cr_assert(goes_to(v2));
    AWAIT(says("overrides", "over upgrades"));
    cr_assert(says("log level", "up to level trace;"));
    rig_write_conf(conf(ROUTES("3s", "2", "100%")));
    cr_assert(rig_upgrade());
    AWAIT(weirctl_run("overrides") == 0 && !strstr(weirctl_said(), "canary"));
    CTL("canary get split");
    SAYS("66.67%");
}

Test(overrides_scenario, of_an_ejection_has_its_time)
{
    char address[32];
    start();
    snprintf(address, sizeof address, "127.0.0.1:%u", origin_port(v2));
    CTL("outlier eject v2 %s force --for 50s --reason slow", address);
    CTL("--json overrides");
    SAYS("\"key\":\"outlier/ejected/v2/");
    cr_assert(!strstr(weirctl_said(), "\"until\":null"), "%s", weirctl_said());
    cr_assert_eq(weirctl_run("outlier eject v2 %s force --for 50s --expires 1m", address), 1);
    SAYS("say the same here");
    CTL("outlier return v2 %s", address);
    cr_assert(NOTHING);
    CTL("outlier eject v2 %s force --expires 1m", address);
    CTL("overrides drop outlier/ejected/v2/%s", address);
    CTL("outlier list v2");
    cr_assert(!strstr(weirctl_said(), "ejected "), "%s", weirctl_said());
}

Test(overrides_scenario, are_so_many_at_most)
{
    struct rig_conf c = conf(ROUTES("3s", "0", "100%"));
    char *text;
    rig_write_conf(c);
    text = rig_read("weir.conf");
    char *at = strstr(text, "admin = {");
    cr_assert(at, "%s", text);
    char *whole;
    cr_assert(asprintf(&whole, "%.*sadmin = { overrides = 1; %s", (int)(at - text), text,
                       at + strlen("admin = {")) > 0);
    rig_start(.whole = whole);
    set_canary("");
    cr_assert_eq(weirctl_run("fault set split f on"), 1);
    SAYS("as many settings are overridden as admin.overrides allows");
    cr_assert_eq(get("/split")->status, 200);
    cr_assert_eq(rig_metric("weir_overrides_refused_total"), 1);
    CTL("canary set split v1=1 v2=0");
    CTL("fault set split f on");
    CTL("fault set split f off");
    free(text);
    free(whole);
}

/* -- fragments --------------------------------------------------------------------------------- */

/* The value of a setting that stands behind a place in the fragment. */
static const char *value_of(const char *fragment, const char *place, const char *name)
{
    static char value[64];
    char line[96];
    const char *at = strstr(fragment, place);
    cr_assert(at, "%s in %s", place, fragment);
    snprintf(line, sizeof line, "\n%s = ", name);
    at = strstr(at, line);
    cr_assert(at, "%s in %s", name, fragment);
    cr_assert_eq(sscanf(at + strlen(line), "%63[^;\n]", value), 1);
    return value;
}

/* What it says, put into the file, means the same; and then the file has won. */
Test(overrides_scenario, written_into_the_file_have_the_same_effect)
{
    char routes[2048], weight[64], percent[64];
    start();
    CTL("canary set split v1=0 v2=1 --reason 'for good'");
    CTL("fault set split f 2.5%%");
    CTL("endpoint drain v1 127.0.0.1:%u", origin_port(v1));
    CTL("overrides fragment");
    SAYS("for good");
    SAYS("# No file can say that: {\"cluster\":\"v1\",\"endpoint\":\"127.0.0.1:");
    char *fragment = strdup(weirctl_said());
    snprintf(weight, sizeof weight, "%s",
             value_of(fragment, "# in routes > split > canary > split > v2:", "weight"));
    snprintf(percent, sizeof percent, "%s",
             value_of(fragment, "# in routes > split > fault > f:", "percent"));
    const char *v1_weight =
        value_of(fragment, "# in routes > split > canary > split > v1:", "weight");
    cr_assert_str_eq(percent, "\"2.5%\"");
    snprintf(
        routes, sizeof routes,
        "( { name = \"split\"; timeout = \"3s\"; match = { path_prefix = \"/split\"; };"
        "    canary = { split = ( { cluster = \"v1\"; weight = %s; },"
        "                         { cluster = \"v2\"; weight = %s; } ); };"
        "    fault = { name = \"f\"; percent = %s; enabled = false;"
        "              abort = { status = 418; }; }; }, { name = \"all\"; cluster = \"app\"; } )",
        v1_weight, weight, percent);
    rig_write_conf(conf(routes));
    const char *const check[] = {"-t", "-c", rig_path("weir.conf"), NULL};
    cr_assert_eq(rig_run(check), 0);
    CTL("reload");
    SAYS("routes.split.canary.split: the file changes it");
    SAYS("routes.split.fault.f: the file changes it");
    cr_assert(goes_to(v2));
    cr_assert(says("--json fault list split", "\"percent\":2.5"), "%s", weirctl_said());
    CTL("overrides");
    SAYS("endpoint/drained/v1/");
    cr_assert(!strstr(weirctl_said(), "canary"));
    free(fragment);
}
