/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to Redis, against a real redis-server. */
#include "tests/unit/redis_case.h"

TestSuite(redis, .init = redis_setup, .fini = redis_teardown);

Test(redis, comes_up_and_gives_replies_of_every_kind)
{
    begin_up(redis_server_address(redis_server_start(NULL)));
    cr_assert(redis_is_up(redis));
    cr_assert_str_eq(ask("SET a 1"), "status OK");
    cr_assert_str_eq(ask("GET a"), "text 1");
    cr_assert_str_eq(ask("GET b"), "nil");
    cr_assert_str_eq(ask("INCRBY a 41"), "integer 42");
    cr_assert_str_eq(ask("MGET a b a"), "list (text 42, nil, text 42)");
    cr_assert_str_eq(ask("HGET a x"),
                     "error WRONGTYPE Operation against a key holding the wrong kind of value");
    const struct redis_facts f = redis_facts(redis);
    cr_assert(f.up && !f.reason);
    cr_assert_eq(f.commands, 6);
    cr_assert_eq(f.errors, 1);
    cr_assert_eq(f.connects, 1);
    cr_assert_eq(f.failures, 0);
    cr_assert(f.bytes_in > 50 && f.bytes_out > 50);
    cr_assert_eq(downs, 0);
}

Test(redis, takes_bytes_of_any_kind)
{
    const struct slice zeros = slice_of("a\0\r\n\xff", 5), set[] = {SLICE("SET"), zeros, zeros},
                       get[] = {SLICE("GET"), zeros};
    begin_up(redis_server_address(redis_server_start(NULL)));
    cr_assert(redis_command(redis, on_reply, NULL, 3, set));
    cr_assert(redis_command(redis, on_reply, NULL, 2, get));
    TURN_UNTIL(replies == 2);
    cr_assert_arr_eq(reply, "text a", 6);
    cr_assert_str_eq(ask("STRLEN a"), "integer 0", "it isn't cut at the zero");
}

Test(redis, hears_what_is_published)
{
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_address(s));
    cr_assert_str_eq(redis_server_say(s, "PUBLISH weir:events %s", "news"), "1");
    TURN_UNTIL(messages == 1);
    cr_assert_str_eq(message, "news");
    cr_assert_str_eq(redis_server_say(s, "PUBLISH other:events x"), "0");
}

Test(redis, sends_what_is_asked_in_one_turn_in_one_write)
{
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_unix(s));
    redis_server_say(s, "CONFIG RESETSTAT");
    for (int i = 0; i < 100; i++)
        cr_assert(
            redis_command(redis, on_reply, NULL, 2, (struct slice[]){SLICE("INCR"), SLICE("n")}));
    TURN_UNTIL(replies == 100);
    cr_assert_str_eq(reply, "integer 100");
    const char *reads = strstr(redis_server_say(s, "INFO stats"), "total_reads_processed:");
    cr_assert(reads);
    cr_assert_leq(atoi(reads + strlen("total_reads_processed:")), 5, "%.40s", reads);
}
