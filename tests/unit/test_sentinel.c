/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the master by real sentinels, before and after a failover. */
#include "tests/unit/redis_case.h"

TestSuite(sentinel, .init = redis_setup, .fini = redis_teardown);

enum { DOWN_MS = 100 };

static struct slice sentinels[3];

static void ask_sentinels(size_t n)
{
    conf.sentinels = (struct texts){.v = sentinels, .n = n};
    conf.master = SLICE("weir");
    begin("");
}

static bool serves(const struct redis_server *s)
{
    return slice_eq(redis_facts(redis).server, slice_str(redis_server_address(s)));
}

Test(sentinel, names_the_master)
{
    struct redis_server *s = redis_server_start(NULL);
    sentinels[0] = slice_str(redis_server_address(redis_sentinel_start(s, "weir", DOWN_MS)));
    ask_sentinels(1);
    TURN_UNTIL(ups == 1);
    cr_assert(serves(s));
    cr_assert_str_eq(ask("SET a 1"), "status OK");
    cr_assert_str_eq(redis_server_say(s, "GET a"), "1");
}

Test(sentinel, is_asked_in_turn_until_one_knows)
{
    struct redis_server *s = redis_server_start(NULL);
    sentinels[0] = SLICE("127.0.0.1:1");
    sentinels[1] = slice_str(redis_server_address(redis_sentinel_start(s, "other", DOWN_MS)));
    sentinels[2] = slice_str(redis_server_address(redis_sentinel_start(s, "weir", DOWN_MS)));
    ask_sentinels(3);
    TURN_UNTIL(ups == 1);
    cr_assert_eq(redis_facts(redis).failures, 0, "all in one attempt");
}

Test(sentinel, of_which_none_knows_leaves_it_down_and_is_asked_again)
{
    struct redis_server *s = redis_server_start(NULL);
    struct redis_server *sentinel = redis_sentinel_start(s, "other", DOWN_MS);
    char expected[128];
    sentinels[0] = slice_str(redis_server_address(sentinel));
    snprintf(expected, sizeof expected, "sentinel %s: it knows no master \"weir\"",
             redis_server_address(sentinel));
    ask_sentinels(1);
    TURN_UNTIL(downs == 1);
    cr_assert_str_eq(why, expected);
    redis_server_say(sentinel, "SENTINEL MONITOR weir 127.0.0.1 %u 1",
                     (unsigned)redis_server_port(s));
    TURN_UNTIL(ups == 1);
}

Test(sentinel, has_an_account_of_its_own)
{
    struct redis_server *s = redis_server_start("requirepass of-redis\n");
    struct redis_server *sentinel = redis_sentinel_start(s, "weir", DOWN_MS);
    sentinels[0] = slice_str(redis_server_address(sentinel));
    redis_server_say(sentinel, "CONFIG SET requirepass x"); /* of the configuration file alone */
    redis_server_say(sentinel, "ACL SETUSER asker on >of-sentinel +@all");
    conf.account.password = SLICE("of-redis");
    conf.sentinel_account =
        (struct redis_account){.user = SLICE_INIT("asker"), .password = SLICE_INIT("of-sentinel")};
    ask_sentinels(1);
    TURN_UNTIL(ups == 1);
    has_not(logged, "of-");
}

Test(sentinel, that_names_a_replica_is_not_believed)
{
    struct redis_server *master = redis_server_start(NULL);
    struct redis_server *replica = redis_replica_start(master);
    struct redis_server *sentinel = redis_sentinel_start(master, "weir", 60000);
    struct fault_proxy *p = fault_proxy_start(redis_server_address(sentinel));
    static char answer[256];
    char port[8];
    snprintf(port, sizeof port, "%u", redis_server_port(replica));
    snprintf(answer, sizeof answer, "+PONG\r\n*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n",
             strlen(port), port);
    fault_proxy_garbage(p, answer, strlen(answer));
    sentinels[0] = slice_str(fault_proxy_address(p));
    fault_proxy_set(p, FAULT_GARBAGE);
    ask_sentinels(1);
    TURN_UNTIL(downs == 1);
    has(why, "it isn't the master that the sentinel took it for");
    fault_proxy_set(p, FAULT_NONE);
    TURN_UNTIL(ups == 1);
    cr_assert(serves(master));
}

/* The sentinel needs some seconds: it looks at its servers each second, and at replicas each ten.
 */
Test(sentinel, leads_to_the_new_master_after_a_failover, .timeout = 30)
{
    struct redis_server *master = redis_server_start(NULL);
    struct redis_server *replica = redis_replica_start(master);
    struct redis_server *sentinel = redis_sentinel_start(master, "weir", DOWN_MS);
    sentinels[0] = slice_str(redis_server_address(sentinel));
    AWAIT(strstr(redis_server_say(sentinel, "INFO sentinel"), "slaves=1"));
    ask_sentinels(1);
    TURN_UNTIL(ups == 1);
    cr_assert(serves(master));
    ask("SET a 1");
    AWAIT(strcmp(redis_server_say(replica, "GET a"), "1") == 0);
    redis_server_kill(master);
    TURN_UNTIL(downs == 1);
    TURN_UNTIL(ups == 2);
    cr_assert(serves(replica));
    cr_assert_str_eq(ask("GET a"), "text 1");
    cr_assert_str_eq(ask("SET a 2"), "status OK");
}
