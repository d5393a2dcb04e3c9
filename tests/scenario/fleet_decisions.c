/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator says on one instance with --fleet is done on all, beside a real Redis. */
#include "tests/lib/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/lib/origin.h"
#include "tests/lib/rig_fleet.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

static struct origin *v1, *v2, *app, *other;
static unsigned instances;

static void begin(void)
{
    rig_begin();
    rig_fleet_begin();
    v1 = origin_start("v1");
    v2 = origin_start("v2");
    app = origin_start("app");
    other = origin_start("other");
}

static void end(void)
{
    rig_fleet_end();
    rig_end();
}

TestSuite(fleet_decisions_scenario, .init = begin, .fini = end, .timeout = 120);

#define FLEET RIG_FLEET

static struct rig_conf conf = {
    .workers = 2,
    .top = FLEET,
    .endpoints = "[ \"$app\", \"$other\" ]",
    .cluster = "breaker = { circuit = { open_for = \"1h\"; max_open = \"1h\"; }; }; outlier = { "
               "min_left = 0; "
               "max_ejection_percent = \"100%\"; };",
    .clusters = "v1 = { endpoints = [ \"$v1\" ]; }; v2 = { endpoints = [ \"$v2\" ]; };",
    .routes = "( { name = \"split\"; match = { path_prefix = \"/split\"; }; canary = { split = ( "
              "{ cluster = \"v1\"; weight = 1; }, { cluster = \"v2\"; weight = 0; } ); }; },"
              "{ name = \"all\"; cluster = \"app\"; fault = { name = \"f\"; enabled = false; abort "
              "= { status = 418; }; }; } )",
};

#define EACH(i) (unsigned i = 0; i < instances && (rig_instance(i), true); i++)

static bool is_joined(void)
{
    return rig_metric("weir_fleet_joined") == 1;
}

static void start_one(void)
{
    rig_instance(instances++);
    rig_start_with(conf);
    AWAIT(is_joined());
}

static void start(unsigned n)
{
    while (instances < n)
        start_one();
}

/* Of an endpoint of the cluster "app". */
static const char *address(void)
{
    static char text[32];
    snprintf(text, sizeof text, "127.0.0.1:%u", origin_port(other));
    return text;
}

/* With these arguments, on this instance. */
#define SAY(i, ...) (rig_instance(i), weirctl_run(__VA_ARGS__))
#define DECIDE(i, ...)                                                                             \
    do {                                                                                           \
        cr_assert_eq(SAY(i, __VA_ARGS__), 0, "%s", weirctl_said());                                \
        WEIRCTL_SAYS("The fleet: told.");                                                          \
    } while (0)

/* Does the answer have that text on all of them? */
static bool all_say(const char *command, const char *text)
{
    for
        EACH(i)
    if (weirctl_run("--json %s", command) != 0 || !strstr(weirctl_said(), text))
        return false;
    return true;
}

static bool all_go_to(struct origin *to)
{
    const unsigned before = origin_requests(to);
    unsigned n = 0;
    for
        EACH(i)
    for (int k = 0; k < 4; k++, n++)
        cr_assert_eq(get("/split")->status, 200);
    return origin_requests(to) == before + n;
}

Test(fleet_decisions_scenario, are_in_force_on_all_and_on_who_starts_later)
{
    start(2);
    cr_assert(all_go_to(v1));
    DECIDE(0, "canary set --fleet split v1=0 v2=1");
    AWAIT(all_go_to(v2));
    DECIDE(1, "endpoint drain --fleet app %s", address());
    AWAIT(all_say("endpoint list app", "\"drained\":true"));
    start_one();
    rig_await_log(" decision_applied ");
    AWAIT(all_go_to(v2) && all_say("endpoint list app", "\"drained\":true"));
    cr_assert_eq(SAY(2, "fleet decisions"), 0);
    WEIRCTL_SAYS("canary/weights/split ");
    WEIRCTL_SAYS("set {\"route\": \"split\", \"weights\": {\"v1\": 0, \"v2\": 1}}");
    DECIDE(2, "endpoint undrain --fleet app %s", address());
    AWAIT(!all_say("endpoint list app", "\"drained\":true"));
    cr_assert_eq(SAY(2, "fleet forget canary/weights/split"), 0, "%s", weirctl_said());
    AWAIT(all_say("fleet decisions", "\"key\":\"endpoint/drained/app/") &&
          !all_say("fleet decisions", "canary/weights"));
    cr_assert(all_go_to(v2), "nothing is undone");
}

Test(fleet_decisions_scenario, are_of_every_kind)
{
    start(2);
    DECIDE(0, "breaker open --fleet app");
    AWAIT(all_say("breaker list app", "\"mode\":\"forced_open\""));
    DECIDE(1, "breaker auto --fleet app");
    AWAIT(all_say("breaker list app", "\"mode\":\"auto\""));
    DECIDE(0, "breaker disable --fleet app");
    AWAIT(all_say("breaker list app", "\"enabled\":false"));
    DECIDE(1, "fault set --fleet all f on 100%%");
    AWAIT(all_say("fault list all", "\"state\":\"on\",\"percent\":100"));
    DECIDE(0, "fault stop-all --fleet");
    AWAIT(all_say("fault list", "\"stopped\":true"));
    DECIDE(0, "fault resume --fleet");
    AWAIT(all_say("fault list", "\"stopped\":false"));
    DECIDE(0, "endpoint weight --fleet app %s 7", address());
    AWAIT(all_say("endpoint list app", "\"weight\":7,\"file_weight\":1"));
    DECIDE(1, "endpoint weight --fleet app %s", address());
    AWAIT(!all_say("endpoint list app", "file_weight") &&
          all_say("fleet decisions", "endpoint/weight/app/"));
    DECIDE(1, "outlier eject --fleet app %s --for 1h", address());
    AWAIT(all_say("outlier list app", "\"state\":\"ejected\""));
    DECIDE(0, "outlier return --fleet app %s", address());
    AWAIT(all_say("outlier list app", "\"ejected\":0"));
}

/* On the instance itself an operator has said it, on the others that instance has. */
Test(fleet_decisions_scenario, are_marked_as_overrides_with_the_instance_that_made_them)
{
    start(2);
    DECIDE(0, "canary set --fleet split v1=0 v2=1 --reason 'all of them' --expires 1h");
    AWAIT(all_say("overrides", "\"key\":\"canary/weights/split\""));
    cr_assert(all_say("overrides", "\"reason\":\"all of them\""));
    cr_assert(!all_say("overrides", "\"until\":null"));
    cr_assert_eq(SAY(0, "--json overrides"), 0);
    cr_assert_str_eq(json_of(weirctl_said(), "who"), "uid 0");
    cr_assert_eq(SAY(1, "--json overrides"), 0);
    cr_assert(strstr(json_of(weirctl_said(), "who"), "edge-0"), "%s", weirctl_said());
    DECIDE(0, "canary set --fleet split v1=0 v2=1 --expires 1s");
    AWAIT(all_go_to(v1));
    AWAIT(all_say("overrides", "\"overrides\":[]"));
}

static bool all_answer(const char *token, int status)
{
    for
        EACH(i)
    if (ask("GET / HTTP/1.1\r\nHost: a\r\nX-Weir-Grant: %s\r\n\r\n", token)->status != status)
        return false;
    return true;
}

/* Its token is shown once, and never told. */
Test(fleet_decisions_scenario, let_a_tester_in_on_all)
{
    char token[256], id[32];
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    chmod(rig_path("key"), 0600);
    rig_name("key", "%s", rig_path("key"));
    origin_script(v2, "status=299");
    conf.top = FLEET "modules = { dark_launch = { grant_key_file = \"$key\"; }; };\n";
    conf.routes =
        "( { name = \"all\"; cluster = \"v1\"; dark_launch = { cluster = \"v2\"; grants = "
        "true; }; } )";
    start(2);
    cr_assert_eq(SAY(0, "--json dark grant --fleet alice --for 1h"), 0, "%s", weirctl_said());
    snprintf(token, sizeof token, "%s", json_of(weirctl_said(), "token"));
    snprintf(id, sizeof id, "%s", json_of(weirctl_said(), "id"));
    AWAIT(all_answer(token, 299));
    start_one();
    AWAIT(all_answer(token, 299));
    cr_assert(!all_say("fleet decisions", token));
    DECIDE(2, "dark revoke --fleet %s", id);
    AWAIT(all_answer(token, 200));
    cr_assert_eq(SAY(1, "dark revoke --fleet --name alice"), 1);
    WEIRCTL_SAYS("by their ids");
}

Test(fleet_decisions_scenario, made_while_redis_is_away_are_told_later)
{
    start(2);
    redis_server_kill(rig_fleet_redis());
    for
        EACH(i)
    AWAIT(!is_joined());
    cr_assert_eq(SAY(0, "canary set --fleet split v1=0 v2=1"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("The fleet: apart, told when Redis is back.");
    rig_renew_with(conf); /* another control process tells it */
    redis_server_again(rig_fleet_redis());
    AWAIT(all_go_to(v2));
}

/* Both run before either is awaited. */
static void decide_both_at_once(void)
{
    char sockets[2][256], command[2048];
    for (unsigned i = 0; i < 2; i++) {
        rig_instance(i);
        snprintf(sockets[i], sizeof sockets[i], "%s", rig_path("admin.sock"));
    }
    snprintf(command, sizeof command,
             "(%s -s %s canary set --fleet split v1=0 v2=1 & a=$!; %s -s %s canary set --fleet "
             "split v1=1 v2=0 && wait $a) >/dev/null",
             WEIRCTL_BINARY, sockets[0], WEIRCTL_BINARY, sockets[1]);
    cr_assert_eq(system(command), 0); /* NOLINT: a fixed text */
}

Test(fleet_decisions_scenario, of_two_operators_at_once_end_alike)
{
    start(2);
    for (int round = 0; round < 5; round++) {
        decide_both_at_once();
        AWAIT(all_go_to(v1) || all_go_to(v2));
    }
}

Test(fleet_decisions_scenario, leave_what_was_set_here_since_over_a_reload)
{
    start(2);
    DECIDE(0, "canary set --fleet split v1=0 v2=1");
    AWAIT(all_go_to(v2));
    for
        EACH(i)
        {
            cr_assert_eq(SAY(i, "canary set split v1=1 v2=0"), 0);
            rig_renew_with(conf);
            AWAIT(is_joined());
        }
    cr_assert(all_say("fleet decisions", "\"here\":\"done\""));
    cr_assert(all_go_to(v1));
    DECIDE(1, "canary set --fleet split v1=0 v2=1");
    AWAIT(all_go_to(v2));
}

Test(fleet_decisions_scenario, are_refused_without_a_fleet_and_where_they_make_no_sense)
{
    rig_start(.routes = "( { name = \"split\"; cluster = \"app\"; } )");
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", origin_port(app));
    cr_assert_eq(weirctl_run("endpoint drain --fleet app %s", endpoint), 1);
    WEIRCTL_SAYS("there is no fleet: ");
    cr_assert_eq(weirctl_run("endpoint list --fleet app"), 2);
    cr_assert_eq(weirctl_run("fleet forget x"), 1);
    WEIRCTL_SAYS("there is no fleet: ");
    cr_assert_eq(weirctl_run("fleet decisions"), 0);
    WEIRCTL_SAYS("Nothing is decided for all instances.");
}
