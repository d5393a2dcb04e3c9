/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_three.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "breaker_case.h"
#include "tests/lib/weirctl_run.h"

struct origin *three_v1, *three_v2;
struct fault_proxy *three_proxy[THREE];

/* Of six calls half: none that sees three opens by itself. */
#define CIRCUIT(lasts)                                                                             \
    "breaker = { circuit = { shared = true; open_on = { min_requests = 6; }; jitter = \"0%\"; "    \
    "probes = 1; open_for = \"" lasts "\"; max_open = \"1h\"; }; };"

static struct rig_conf conf = {
    .workers = 2,
    .cluster = CIRCUIT("1h"),
    .clusters = "spare = { endpoints = [ \"$spare\" ]; " CIRCUIT(
        "$lasts") " };"
                  "v1 = { endpoints = [ \"$v1\" ]; }; v2 = { endpoints = [ \"$v2\" ]; };",
    .routes = "( { name = \"split\"; match = { path_prefix = \"/split\"; }; canary = { split = ( "
              "{ cluster = \"v1\"; weight = 1; }, { cluster = \"v2\"; weight = 0; } ); }; },"
              "{ name = \"spare\"; match = { path_prefix = \"/spare\"; }; cluster = \"spare\"; },"
              "{ name = \"all\"; cluster = \"app\"; } )",
};

/* -- life -------------------------------------------------------------------------------------- */

void three_begin(void)
{
    breaker_begin();
    rig_fleet_begin();
    rig_name("lasts", "1h");
    three_v1 = origin_start("v1");
    three_v2 = origin_start("v2");
    for (unsigned i = 0; i < THREE; i++)
        three_proxy[i] = fault_proxy_start(redis_server_address(rig_fleet_redis()));
}

void three_end(void)
{
    rig_fleet_end();
    breaker_end();
    fault_proxies_end();
}

void three_launch(const char *top)
{
    conf.top = top;
    THREE_EACH(i)
    {
        char hours[16];
        snprintf(hours, sizeof hours, "%d", ((int)i - 1) * 3600); /* for who asks for it */
        setenv("WEIR_TEST_SKEW", hours, 1);
        rig_name("redis", "%s", fault_proxy_address(three_proxy[i]));
        rig_start_with(conf);
    }
}

/* -- looking ----------------------------------------------------------------------------------- */

double three_fleet(const char *name)
{
    char series[128];
    snprintf(series, sizeof series, "weir_fleet_%s", name);
    return rig_metric(series);
}

static bool leads(const char *labels)
{
    return breaker_metric("shared_led", labels) == 1;
}

bool three_follows(void)
{
    return three_fleet("connected") == 1 && three_fleet("joined") == 1 &&
           leads("cluster=\"app\"") && leads("cluster=\"spare\"");
}

static bool all_follow(void)
{
    THREE_EACH(i)
    if (!three_follows())
        return false;
    return true;
}

bool three_are(enum three_state state, const char *cluster)
{
    char labels[64];
    snprintf(labels, sizeof labels, "cluster=\"%s\"", cluster);
    THREE_EACH(i)
    if (breaker_metric("state", labels) != state)
        return false;
    return true;
}

bool three_go_to(struct origin *to)
{
    enum { TIMES = 3 };
    const unsigned before = origin_requests(to);
    THREE_EACH(i)
    for (int k = 0; k < TIMES; k++)
        cr_assert_eq(get("/split")->status, 200);
    return origin_requests(to) == before + TIMES * THREE;
}

/* Over all instances, and all states. */
unsigned three_changes(const char *counter, const char *cluster)
{
    static const char *const states[] = {"closed",  "open",    "half_open",
                                         "ramp_10", "ramp_25", "ramp_50"};
    char labels[64];
    unsigned n = 0;
    THREE_EACH(i)
    for (size_t s = 0; s < sizeof states / sizeof states[0]; s++) {
        snprintf(labels, sizeof labels, "cluster=\"%s\",to=\"%s\"", cluster, states[s]);
        const double v = breaker_metric(counter, labels);
        n += v > 0 ? (unsigned)v : 0;
    }
    return n;
}

static void expect_opened_once(const char *cluster)
{
    cr_assert_eq(three_changes("transitions_total", cluster), 1, "%s: %u", cluster,
                 three_changes("transitions_total", cluster));
    cr_assert_eq(three_changes("adopted_total", cluster), THREE - 1, "%s: %u", cluster,
                 three_changes("adopted_total", cluster));
}

unsigned three_logged(void)
{
    return rig_log_count(" fleet_");
}

/* -- doing ------------------------------------------------------------------------------------- */

void three_serve(void)
{
    enum { TIMES = 4 };
    THREE_EACH(i)
    {
        cr_assert_eq(breaker_send(TIMES, "/", 503), TIMES, "edge-%u", i);
        cr_assert_eq(breaker_send(TIMES, "/split", 200), TIMES, "edge-%u", i);
        cr_assert_eq(breaker_send(1, "/spare", 200), 1, "edge-%u", i);
    }
}

const char *three_decide(const struct origin *v)
{
    const int one = v == three_v1;
    cr_assert_eq(weirctl_run("canary set --fleet split v1=%d v2=%d", one, !one), 0, "%s",
                 weirctl_said());
    return weirctl_said();
}

void three_fail(const char *target)
{
    THREE_EACH(i)
    cr_assert_eq(breaker_send(3, target, 500), 3);
}

void three_start(const char *top)
{
    three_launch(top);
    rig_fleet_await_joined(THREE);
    AWAIT(all_follow());
    three_fail("/?status=500");
    AWAIT(three_are(THREE_OPEN, "app"));
    rig_instance(0);
    three_decide(three_v2);
    three_agree(three_v2);
}

/* Each cell is looked at each ten seconds, and what was refused is tried again as often. */
void three_agree(struct origin *v)
{
    AWAIT_FOR(3 * DEADLINE_MS, all_follow() && three_go_to(v));
    cr_assert(three_are(THREE_OPEN, "app"));
    expect_opened_once("app");
}

void three_work(void)
{
    three_fail("/spare?status=500");
    AWAIT(three_are(THREE_OPEN, "spare"));
    expect_opened_once("spare");
    rig_instance(THREE - 1);
    three_decide(three_v2);
    AWAIT(three_go_to(three_v2));
}
