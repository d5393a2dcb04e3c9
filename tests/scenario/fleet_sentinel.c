/* SPDX-License-Identifier: Apache-2.0 */
/* A master, a replica and a sentinel: when the master dies, the instances go to the new one, and
 * what they have decided goes with them. */
#include "fleet_three.h"

#include <stdio.h>
#include <string.h>

enum {
    DOWN_MS = 500,
    FAILOVER_MS = 60000, /* at most; it takes some seconds */
    LINES_MAX = 10,      /* of the log, of what happens then */
};

#define FLEET RIG_FLEET_AT("sentinels = [ \"$sentinel\" ]; master = \"weir\";")

static struct redis_server *replica, *sentinel;

static void begin(void)
{
    three_begin();
    replica = redis_replica_start(rig_fleet_redis());
    sentinel = redis_sentinel_start(rig_fleet_redis(), "weir", DOWN_MS);
    rig_name("sentinel", "%s", redis_server_address(sentinel));
    AWAIT(strstr(redis_server_say(sentinel, "INFO sentinel"), "slaves=1"));
}

TestSuite(fleet_sentinel, .init = begin, .fini = three_end, .timeout = 180);

/* It does, or has done. */
static bool serves(const struct redis_server *s)
{
    char line[64];
    snprintf(line, sizeof line, "fleet_redis_up server=%s", redis_server_address(s));
    return rig_logged(line);
}

static bool is_master(struct redis_server *s)
{
    return strncmp(redis_server_say(s, "ROLE"), "master ", strlen("master ")) == 0;
}

static void start(unsigned lines[THREE])
{
    three_start(FLEET);
    AWAIT(strcmp(redis_server_say(replica, "EXISTS weir:c:breaker:cluster/app"), "1") == 0);
    THREE_EACH(i)
    {
        cr_assert(serves(rig_fleet_redis()));
        lines[i] = three_logged();
    }
}

static void expect_all_goes_on(const unsigned lines[THREE])
{
    AWAIT_FOR(FAILOVER_MS, is_master(replica));
    THREE_EACH(i)
    AWAIT_FOR(FAILOVER_MS, serves(replica));
    three_agree(three_v1);
    THREE_EACH(i)
    cr_assert_leq(three_logged() - lines[i], LINES_MAX);
    three_work();
}

Test(fleet_sentinel, leads_to_the_new_master_where_all_goes_on)
{
    unsigned lines[THREE];
    start(lines);
    redis_server_kill(rig_fleet_redis());
    THREE_EACH(i)
    AWAIT(three_fleet("connected") == 0 && three_fleet("joined") == 0);
    three_serve();
    rig_instance(0);
    three_decide(three_v1);
    expect_all_goes_on(lines);
}

/* The old master lives on, as a replica. */
Test(fleet_sentinel, may_be_told_to_take_another_master)
{
    unsigned lines[THREE];
    start(lines);
    cr_assert_str_eq(redis_server_say(sentinel, "SENTINEL FAILOVER weir"), "OK");
    three_serve();
    rig_instance(0);
    three_decide(three_v1);
    expect_all_goes_on(lines);
}
