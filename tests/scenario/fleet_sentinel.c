/* SPDX-License-Identifier: Apache-2.0 */
/* A master, a replica and a sentinel: when the master dies, the instances go to the new one, and
 * what they have decided goes with them. */
#include "fleet_three.h"

#include <stdio.h>
#include <string.h>

enum { DOWN_MS = 500, FAILOVER_MS = 60000 /* at most; it takes some seconds */ };

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

static bool replica_has(const char *key)
{
    return strcmp(redis_server_say(replica, "EXISTS %s", key), "1") == 0;
}

static bool serves_replica(void)
{
    char line[64];
    snprintf(line, sizeof line, "server=%s", redis_server_address(replica));
    return rig_logged(line);
}

Test(fleet_sentinel, leads_to_the_new_master_where_all_goes_on)
{
    unsigned lines[THREE];
    three_start(FLEET);
    AWAIT(replica_has("weir:c:breaker:cluster/app"));
    THREE_EACH(i)
    lines[i] = three_logged();
    redis_server_kill(rig_fleet_redis());
    THREE_EACH(i)
    AWAIT(three_fleet("connected") == 0 && three_fleet("joined") == 0);
    three_serve();
    rig_instance(0);
    three_decide(three_v1);
    AWAIT_FOR(FAILOVER_MS, strncmp(redis_server_say(replica, "ROLE"), "master ", 7) == 0);
    three_agree(three_v1);
    THREE_EACH(i)
    {
        cr_assert(serves_replica());
        cr_assert_leq(three_logged() - lines[i], 10);
    }
    three_work();
}
