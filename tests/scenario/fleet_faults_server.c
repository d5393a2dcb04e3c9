/* SPDX-License-Identifier: Apache-2.0 */
/* Redis itself fails: it hangs, dies, forgets, and refuses. */
#include "fleet_endure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FLEET_ENDURES_SUITE(fleet_faults_server);

#define CELL "weir:c:breaker:cluster/app"

static struct redis_server *redis(void)
{
    return rig_fleet_redis();
}

static void hang(void)
{
    redis_server_hang(redis());
}

static void go_ahead(void)
{
    redis_server_go_on(redis());
}

Test(fleet_faults_server, a_server_that_hangs)
{
    ENDURE(.begin = hang, .end = go_ahead, .effect = DISCONNECTED, .attempts = 1,
           .said = "no answer within 1000 ms");
}

static void die(void)
{
    redis_server_kill(redis());
}

static void start_again(void)
{
    redis_server_again(redis());
}

Test(fleet_faults_server, a_server_that_dies_and_comes_back_empty)
{
    ENDURE(.begin = die, .end = start_again, .effect = DISCONNECTED, .attempts = 10, .lost = true,
           .said = "it has closed the connection");
}

static void empty(void)
{
    redis_server_say(redis(), "FLUSHALL");
    fleet_look_again();
}

Test(fleet_faults_server, a_server_that_loses_all_keys)
{
    ENDURE(.begin = empty, .effect = UNHARMED, .lost = true, .said = "kind=message");
}

/* As from a copy of before the circuit had opened. */
static void start_with_old_data(void)
{
    redis_server_again(redis());
    redis_server_say(redis(), "HSET " CELL " f 1 n 5 since 5 by another at 5 run before "
                              ".state closed .openings 0 .lasts_ms 0 .cause operator");
    fleet_network_is_well();
}

static void die_behind_proxies(void)
{
    fleet_network_refuses();
    redis_server_kill(redis());
}

Test(fleet_faults_server, a_server_that_comes_back_with_old_data)
{
    ENDURE(.begin = die_behind_proxies, .end = start_with_old_data, .effect = DISCONNECTED,
           .attempts = 3, .lost = true, .said = "Connection reset");
}

static void end_news(void)
{
    redis_server_say(redis(), "CLIENT KILL TYPE pubsub");
    THREE_EACH(i)
    AWAIT(three_fleet("reconnects_total") >= 1);
}

Test(fleet_faults_server, the_loss_of_the_connection_for_messages_alone)
{
    ENDURE(.begin = end_news, .effect = UNHARMED, .said = "it has closed the connection");
}

static void forget_scripts(void)
{
    redis_server_say(redis(), "SCRIPT FLUSH");
}

Test(fleet_faults_server, a_server_that_forgets_the_scripts)
{
    ENDURE(.begin = forget_scripts, .effect = UNHARMED);
}

/* By somebody whose answer never comes. */
static void keep_busy(void)
{
    char command[256];
    redis_server_say(redis(), "CONFIG SET lua-time-limit 5");
    snprintf(command, sizeof command,
             "redis-cli -h 127.0.0.1 -p %u eval 'while true do end' 0 >/dev/null 2>&1 &",
             redis_server_port(redis()));
    cr_assert_eq(system(command), 0); /* NOLINT: a fixed text */
}

static void kill_script(void)
{
    redis_server_say(redis(), "SCRIPT KILL");
}

Test(fleet_faults_server, a_server_that_is_busy_with_a_script)
{
    ENDURE(.begin = keep_busy, .end = kill_script, .effect = APART,
           .error = "weir_fleet_errors_total{kind=\"busy\"}", .said = "kind=busy");
}

static void fill(void)
{
    redis_server_say(redis(), "CONFIG SET maxmemory 1");
}

static void make_room(void)
{
    redis_server_say(redis(), "CONFIG SET maxmemory 0");
    fleet_look_again();
}

Test(fleet_faults_server, a_server_without_memory)
{
    ENDURE(.begin = fill, .end = make_room, .effect = UNHARMED,
           .error = "weir_fleet_errors_total{kind=\"oom\"}", .said = "kind=oom",
           .told = FLEET_NOT_TAKEN);
}

static void follow_nobody(void)
{
    redis_server_say(redis(), "REPLICAOF 127.0.0.1 1");
}

static void lead(void)
{
    redis_server_say(redis(), "REPLICAOF NO ONE");
}

Test(fleet_faults_server, a_server_that_has_become_a_replica)
{
    ENDURE(.begin = follow_nobody, .end = lead, .effect = DISCONNECTED, .attempts = 10,
           .said = "it is a replica");
}

static void retype(void)
{
    redis_server_say(redis(), "DEL " CELL);
    redis_server_say(redis(), "SET " CELL " 1");
    fleet_look_again();
}

static void remove_it(void)
{
    redis_server_say(redis(), "DEL " CELL);
    fleet_look_again();
}

Test(fleet_faults_server, something_else_under_the_key)
{
    ENDURE(.begin = retype, .end = remove_it, .effect = ALONE, .said = "WRONGTYPE");
}

/* Of decisions, members, rows and all else. */
static void retype_all(void)
{
    char *keys = strdup(redis_server_say(redis(), "KEYS *"));
    for (char *key = strtok(keys, " "); key; key = strtok(NULL, " ")) {
        redis_server_say(redis(), "DEL %s", key);
        redis_server_say(redis(), "LPUSH %s x", key);
    }
    free(keys);
    fleet_look_again();
}

static void remove_all(void)
{
    redis_server_say(redis(), "FLUSHALL");
    fleet_look_again();
}

Test(fleet_faults_server, something_else_under_all_keys)
{
    ENDURE(.begin = retype_all, .end = remove_all, .effect = ALONE, .said = "WRONGTYPE",
           .told = FLEET_NOT_TAKEN);
}
