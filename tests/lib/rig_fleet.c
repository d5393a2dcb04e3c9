/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/rig_fleet.h"

#include <criterion/criterion.h>

static struct redis_server *redis;

void rig_fleet_begin(void)
{
    redis = redis_server_start(NULL);
    rig_name("redis", "%s", redis_server_address(redis));
}

struct redis_server *rig_fleet_redis(void)
{
    return redis;
}

void rig_fleet_await_joined(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rig_instance(i);
        AWAIT(rig_metric("weir_fleet_members") == n);
    }
}

void rig_fleet_end(void)
{
    redis_servers_end();
}
