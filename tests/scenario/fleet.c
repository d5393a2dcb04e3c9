/* SPDX-License-Identifier: Apache-2.0 */
/* A real Weir beside a real Redis: it joins, shows itself, keeps its name, and serves whatever
 * becomes of Redis. */
#include "tests/lib/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/origin.h"
#include "tests/lib/redis_server.h"
#include "tests/lib/talk.h"

static struct redis_server *redis;

static void begin(void)
{
    rig_begin();
    redis = redis_server_start(NULL);
    rig_name("redis", "%s", redis_server_address(redis));
    origin_start("app");
}

static void end(void)
{
    redis_servers_end(); /* the rig wants no process left */
    rig_end();
}

TestSuite(fleet_scenario, .init = begin, .fini = end, .timeout = 120);

#define FLEET "fleet = { tick = \"20ms\"; hold = \"300ms\"; redis = { address = \"$redis\"; }; };\n"

static const char *members(void)
{
    return redis_server_say(redis, "HKEYS weir:b::members");
}

Test(fleet_scenario, shows_itself_to_operators)
{
    char command[512], said[4096];
    rig_start(.top = FLEET);
    AWAIT(rig_metric("weir_fleet_joined") == 1);
    snprintf(command, sizeof command, "exec 2>&1 </dev/null; timeout 30 %s -s %s fleet",
             WEIRCTL_BINARY, rig_path("admin.sock"));
    FILE *f = popen(command, "r"); /* NOLINT: a fixed text */
    cr_assert(f);
    said[fread(said, 1, sizeof said - 1, f)] = '\0';
    cr_assert_eq(pclose(f), 0, "%s", said);
    cr_assert(strstr(said, "joined\nserver 127.0.0.1:"), "%s", said);
    cr_assert(strstr(said, "this one"), "%s", said);
}

Test(fleet_scenario, joins_and_serves_without_redis_too)
{
    rig_start(.top = FLEET);
    AWAIT(rig_metric("weir_fleet_joined") == 1);
    cr_assert_eq(rig_metric("weir_fleet_connected"), 1);
    cr_assert_eq(rig_metric("weir_fleet_members"), 1);
    redis_server_hang(redis);
    AWAIT(rig_metric("weir_fleet_joined") == 0);
    cr_assert_eq(get("/")->status, 200);
    redis_server_kill(redis);
    AWAIT(rig_metric("weir_fleet_connected") == 0);
    cr_assert_eq(get("/")->status, 200);
    redis_server_again(redis);
    AWAIT(rig_metric("weir_fleet_joined") == 1);
    cr_assert_geq(rig_metric("weir_fleet_reconnects_total"), 1);
}

/* Over a reload, and over the death of the process that has it. */
Test(fleet_scenario, keeps_the_name_that_was_drawn)
{
    char name[256];
    rig_expect_deaths();
    rig_start(.top = FLEET);
    AWAIT(strchr(members(), '-'));
    snprintf(name, sizeof name, "%s", members());
    rig_renew(.top = FLEET);
    AWAIT(rig_metric("weir_fleet_joined") == 1);
    redis_server_again(redis); /* empty: what stands there from now on is new */
    AWAIT(strchr(members(), '-'));
    cr_assert_str_eq(members(), name);
    pid_t control;
    cr_assert_eq(rig_processes("control", &control, 1), 1);
    kill(control, SIGKILL);
    redis_server_again(redis);
    AWAIT(strchr(members(), '-'));
    cr_assert_str_eq(members(), name);
}
