/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_RIG_FLEET_H
#define WEIR_TESTS_LIB_RIG_FLEET_H

/* Instances of the rig beside one real Redis, "$redis":
 *
 *     rig_begin();
 *     rig_fleet_begin();
 *     for (unsigned i = 0; i < 2; i++) {
 *         rig_instance(i);
 *         rig_start(.top = RIG_FLEET);
 *     }
 *     rig_fleet_await_joined(2);
 *     ...
 *     rig_fleet_end();                  before rig_end(), which wants no process left
 */

#include "tests/lib/redis_server.h"
#include "tests/lib/rig.h"

#define RIG_FLEET RIG_FLEET_AT("address = \"$redis\";")
/* `where` are settings of fleet.redis. */
#define RIG_FLEET_AT(where)                                                                        \
    "fleet = { instance = \"$instance\"; tick = \"20ms\"; hold = \"2s\"; redis = { " where         \
    " timeout = \"1s\"; retry_min = \"50ms\"; retry_max = \"100ms\"; }; };\n"

void rig_fleet_begin(void);
struct redis_server *rig_fleet_redis(void);
/* Each of instances 0 to n - 1 sees all the others. The last one is chosen then. */
void rig_fleet_await_joined(unsigned n);
void rig_fleet_end(void);

#endif
