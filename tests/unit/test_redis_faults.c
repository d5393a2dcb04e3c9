/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a connection to Redis when the server, or the network before it, fails. */
#include "tests/unit/redis_case.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "redis/redis_backoff.h"

TestSuite(redis_faults, .init = redis_setup, .fini = redis_teardown);

static size_t logged_times(const char *event)
{
    size_t n = 0;
    for (const char *at = logged; (at = strstr(at, event)); at++)
        n++;
    return n;
}

/* A server behind a proxy, and a connection that is up. */
static struct fault_proxy *begin_behind_proxy(struct redis_server **server)
{
    struct redis_server *s = redis_server_start(NULL);
    struct fault_proxy *p = fault_proxy_start(redis_server_address(s));
    conf.timeout = 100;
    begin_up(fault_proxy_address(p));
    if (server)
        *server = s;
    return p;
}

/* -- servers ----------------------------------------------------------------------------------- */

Test(redis_faults, tries_again_until_somebody_listens)
{
    struct redis_server *s = redis_server_start(NULL);
    redis_server_kill(s);
    cr_assert_str_eq(begin_down(redis_server_address(s)), "can't connect: Connection refused");
    TURN_UNTIL(redis_facts(redis).failures == 3);
    cr_assert_eq(downs, 1, "it is told once");
    cr_assert_eq(logged_times("fleet_redis_down"), 1, "and logged once");
    redis_server_again(s);
    TURN_UNTIL(ups == 1);
    cr_assert(!redis_facts(redis).reason);
    cr_assert_eq(logged_times("fleet_redis_up"), 1);
    cr_assert_eq(redis_facts(redis).connects, redis_facts(redis).failures + 1);
}

Test(redis_faults, comes_back_after_the_server_was_killed)
{
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_address(s));
    ask("SET a 1");
    redis_server_kill(s);
    TURN_UNTIL(downs == 1);
    cr_assert(!redis_is_up(redis));
    cr_assert_str_eq(ask("GET a"), "refused");
    redis_server_again(s);
    TURN_UNTIL(ups == 2);
    cr_assert_str_eq(ask("GET a"), "nil");
    cr_assert_eq(downs, 1);
}

Test(redis_faults, gives_up_what_a_hung_server_was_asked)
{
    struct redis_server *s = redis_server_start(NULL);
    conf.timeout = 100;
    begin_up(redis_server_address(s));
    redis_server_hang(s);
    const uint64_t from = now_ms();
    cr_assert_str_eq(ask("GET a"), "given up");
    cr_assert_geq(now_ms() - from, 95);
    cr_assert_eq(given_up, 1);
    TURN_UNTIL(downs == 1);
    cr_assert_str_eq(why, "no answer within 100 ms");
    TURN_UNTIL(redis_facts(redis).failures ==
               1); /* it hangs on: it connects, and nothing is said */
    cr_assert_str_eq(redis_facts(redis).reason, "no answer within 100 ms");
    redis_server_go_on(s);
    TURN_UNTIL(ups == 2);
    cr_assert_str_eq(ask("SET a 1"), "status OK");
}

/* Nothing can be written there, so it would only be given up and connected again. */
Test(redis_faults, is_down_while_it_is_a_replica)
{
    struct redis_server *s = redis_server_start("replicaof 127.0.0.1 1\n");
    cr_assert_str_eq(begin_down(redis_server_address(s)), "it is a replica");
    redis_server_say(s, "REPLICAOF NO ONE");
    TURN_UNTIL(ups == 1);
}

Test(redis_faults, is_down_while_a_replica_that_may_not_be_asked_has_no_master)
{
    has(begin_down(redis_server_address(
            redis_server_start("replicaof 127.0.0.1 1\nreplica-serve-stale-data no\n"
                               "user default on nopass ~* &* +@all -role\n"))),
        "MASTERDOWN");
}

Test(redis_faults, is_down_where_a_sentinel_is_taken_for_a_server)
{
    struct redis_server *s = redis_sentinel_start(redis_server_start(NULL), "weir", 60000);
    cr_assert_str_eq(begin_down(redis_server_address(s)), "it is a sentinel (redis.sentinels)");
}

Test(redis_faults, is_down_when_the_server_takes_no_more_connections)
{
    begin(redis_server_address(redis_server_start("maxclients 1\n")));
    TURN_UNTIL(downs == 1);
    has(why, "max number of clients");
}

/* -- the network ------------------------------------------------------------------------------- */

Test(redis_faults, comes_back_after_a_cut)
{
    struct fault_proxy *p = begin_behind_proxy(NULL);
    cr_assert_eq(fault_proxy_open(p), 2);
    fault_proxy_cut(p);
    TURN_UNTIL(downs == 1);
    has(why, "Connection reset");
    TURN_UNTIL(ups == 2);
    cr_assert_str_eq(ask("SET a 1"), "status OK");
}

Test(redis_faults, says_again_each_minute_that_nobody_listens)
{
    enum { STEP_US = 100 * 1000, MINUTES = 2 };
    struct redis_server *s = redis_server_start(NULL);
    redis_server_kill(s);
    begin_down(redis_server_address(s));
    const uint64_t from_us = lp.clock.mono_us;
    while (logged_times("fleet_redis_down") <= MINUTES) {
        clock_set(&lp.clock, lp.clock.mono_us + STEP_US, lp.clock.wall_us + STEP_US);
        loop_turn(&lp);
    }
    const uint64_t seconds = (lp.clock.mono_us - from_us) / 1000000;
    cr_assert(seconds >= 119 && seconds <= 125, "%llu", (unsigned long long)seconds);
    cr_assert_gt(redis_facts(redis).failures, 500);
}

Test(redis_faults, says_another_reason_at_once_and_not_each_of_many)
{
    static const char *const refusals[] = {"-ERR a\r\n", "-ERR b\r\n", "-ERR b\r\n", "-ERR c\r\n",
                                           "-ERR d\r\n"};
    struct fault_proxy *p = begin_behind_proxy(NULL);
    fault_proxy_cut(p);
    fault_proxy_set(p, FAULT_GARBAGE);
    for (size_t i = 0; i < array_n(refusals); i++) {
        const uint64_t failures = redis_facts(redis).failures;
        fault_proxy_garbage(p, refusals[i], strlen(refusals[i]));
        TURN_UNTIL(redis_facts(redis).failures > failures + 1);
    }
    has(logged, "Connection reset");
    has(logged, "ERR a");
    has(logged, "ERR b");
    cr_assert_eq(logged_times("fleet_redis_down"), 3);
    cr_assert_eq(downs, 1);
}

/* Else a server that takes connections and ends them would be asked without a pause. */
Test(redis_faults, waits_longer_as_long_as_it_is_never_up_for_long)
{
    struct fault_proxy *p = begin_behind_proxy(NULL);
    conf.retry_max = 60000;
    conf.retry_min = 1;
    for (unsigned n = 1; n <= 3; n++) {
        fault_proxy_cut(p);
        TURN_UNTIL(ups == n + 1);
        cr_assert_eq(redis_facts(redis).failed, n);
    }
    conf.retry_max = 1;
    sleep_ms(2);
    fault_proxy_cut(p);
    TURN_UNTIL(ups == 5);
    cr_assert_eq(redis_facts(redis).failed, 1);
}

Test(redis_faults, says_once_a_minute_that_it_comes_and_goes)
{
    struct fault_proxy *p = begin_behind_proxy(NULL);
    for (unsigned n = 1; n <= 5; n++) {
        fault_proxy_cut(p);
        TURN_UNTIL(ups == n + 1);
    }
    cr_assert_eq(downs, 5);
    cr_assert_eq(logged_times("fleet_redis_down"), 1);
    cr_assert_eq(logged_times("fleet_redis_up"), 2, "the first one, and the end of what was said");
}

Test(redis_faults, waits_for_what_is_slow)
{
    struct fault_proxy *p = begin_behind_proxy(NULL);
    fault_proxy_delay(p, 50);
    const uint64_t from = now_ms();
    cr_assert_str_eq(ask("SET a 1"), "status OK");
    cr_assert_geq(now_ms() - from, 50);
    cr_assert(redis_is_up(redis));
}

Test(redis_faults, gives_up_what_is_slower_than_the_timeout)
{
    struct fault_proxy *p = begin_behind_proxy(NULL);
    fault_proxy_delay(p, 250);
    cr_assert_str_eq(ask("SET a 1"), "given up");
    fault_proxy_delay(p, 0);
    TURN_UNTIL(ups == 2);
    cr_assert_str_eq(ask("GET a"), "text 1", "nobody heard that it was done");
}

/* Nobody asks for anything, and nothing has to be published. */
Test(redis_faults, notices_a_half_open_connection_that_is_idle)
{
    struct fault_proxy *p = begin_behind_proxy(NULL);
    const uint64_t from = now_ms();
    fault_proxy_set(p, FAULT_HALF_OPEN);
    TURN_UNTIL(downs == 1);
    cr_assert_leq(now_ms() - from, 1700, "a PING each second, 100 ms for its answer");
    cr_assert_str_eq(why, "no answer within 100 ms");
    fault_proxy_set(p, FAULT_NONE);
    TURN_UNTIL(ups == 2);
}

Test(redis_faults, is_down_before_a_network_that_swallows_everything)
{
    struct fault_proxy *p = fault_proxy_start(redis_server_address(redis_server_start(NULL)));
    conf.timeout = 50;
    fault_proxy_set(p, FAULT_HANG);
    cr_assert_str_eq(begin_down(fault_proxy_address(p)), "no answer within 50 ms");
    fault_proxy_set(p, FAULT_NONE);
    TURN_UNTIL(ups == 1);
}

Test(redis_faults, is_down_while_connections_are_reset)
{
    struct fault_proxy *p = fault_proxy_start(redis_server_address(redis_server_start(NULL)));
    fault_proxy_set(p, FAULT_REFUSE);
    has(begin_down(fault_proxy_address(p)), "Connection reset");
    TURN_UNTIL(fault_proxy_taken(p) >= 4);
    fault_proxy_set(p, FAULT_NONE);
    TURN_UNTIL(ups == 1);
}

/* -- garbage ----------------------------------------------------------------------------------- */

struct garbage_case {
    struct slice bytes;
    const char *why, * or ; /* it depends on which connection is first to hear it */
};

#define MASTER "*1\r\n$6\r\nmaster\r\n"

static const struct garbage_case garbage[] = {
    {SLICE_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"), "it doesn't speak RESP"},
    {SLICE_INIT("\0\0\0\0"), "it doesn't speak RESP"},
    {SLICE_INIT(MASTER "+OK\r\n+hello\r\n"), "it answers what nobody has asked",
     "it refuses the subscription: hello"},
    {SLICE_INIT(MASTER "+OK\r\n*1\r\n:1\r\n"), "it answers what nobody has asked",
     "it refuses the subscription: "},
    {SLICE_INIT(MASTER "+OK\r\n-ERR go away\r\n"), "it answers what nobody has asked: ERR go away",
     "it refuses the subscription: ERR go away"},
    {SLICE_INIT("$-5\r\n"), "it doesn't speak RESP"},
    {SLICE_INIT("*-7\r\n"), "it doesn't speak RESP"},
    {SLICE_INIT("*2147483647\r\n"), "a reply has more than 65536 items"},
    {SLICE_INIT("*65537\r\n"), "a reply has more than 65536 items"},
    {SLICE_INIT("*1\r\n*65536\r\n"), "a reply has more than 65536 items"},
    {SLICE_INIT("$99999999999999999999\r\n"), "it doesn't speak RESP"},
    {SLICE_INIT("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
     "it doesn't speak RESP"},
    {SLICE_INIT(MASTER "*1\r\n$4\r\nPING\r\n"), "it gives PING an answer that is none"},
    {SLICE_INIT(MASTER ":1\r\n"), "it gives PING an answer that is none"},
    {SLICE_INIT(MASTER "$-1\r\n"), "it gives PING an answer that is none"},
    {SLICE_INIT(MASTER "-\r\n"), "it refuses PING: "},
    {SLICE_INIT(":1\r\n"), "it gives ROLE an answer that is none"},
    {SLICE_INIT("*1\r\n:1\r\n"), "it gives ROLE an answer that is none"},
    {SLICE_INIT("*0\r\n"), "it gives ROLE an answer that is none"},
    {SLICE_INIT("-ERR go away\r\n"), "it refuses ROLE: ERR go away"},
    {SLICE_INIT("-ERR unknown command 'ROLE'\r\n:1\r\n"), "it gives PING an answer that is none"},
    {SLICE_INIT("$10\r\nabc"), "no answer within 50 ms"},
};

Test(redis_faults, survives_garbage_of_any_kind)
{
    struct fault_proxy *p = fault_proxy_start(redis_server_address(redis_server_start(NULL)));
    conf.timeout = 50;
    fault_proxy_set(p, FAULT_GARBAGE);
    for (size_t i = 0; i < array_n(garbage); i++) {
        fault_proxy_garbage(p, garbage[i].bytes.p, garbage[i].bytes.n);
        ups = downs = 0;
        const char *said = begin_down(fault_proxy_address(p)), * or = garbage[i].or ;
        cr_assert(strstr(said, garbage[i].why) || (or &&strstr(said, or)), "%zu: %s", i, said);
        redis_free(redis);
    }
    fault_proxy_set(p, FAULT_NONE);
    ups = 0;
    begin_up(fault_proxy_address(p));
    cr_assert_str_eq(ask("SET a 1"), "status OK");
}

/* Each list is short enough, and each item takes four bytes to say and many times that to keep. */
Test(redis_faults, counts_the_items_of_lists_in_lists)
{
    enum { LISTS = 3, ITEMS = 30000 };
    struct fault_proxy *p = fault_proxy_start(redis_server_address(redis_server_start(NULL)));
    struct text t;
    text_init(&t);
    text_printf(&t, "*%d\r\n", LISTS);
    for (int i = 0; i < LISTS; i++) {
        text_printf(&t, "*%d\r\n", ITEMS);
        for (int k = 0; k < ITEMS; k++)
            text_str(&t, ":1\r\n");
    }
    conf.reply_size = 8 << 20;
    fault_proxy_set(p, FAULT_GARBAGE);
    fault_proxy_garbage(p, t.p, t.n);
    cr_assert_str_eq(begin_down(fault_proxy_address(p)), "a reply has more than 65536 items");
    fault_proxies_end();
    text_fini(&t);
}

Test(redis_faults, comes_back_after_garbage_on_a_connection_that_was_up)
{
    struct fault_proxy *p = begin_behind_proxy(NULL);
    fault_proxy_set(p, FAULT_GARBAGE);
    cr_assert_str_eq(ask("GET a"), "given up");
    TURN_UNTIL(downs == 1);
    fault_proxy_set(p, FAULT_NONE);
    TURN_UNTIL(ups == 2);
    cr_assert_str_eq(ask("SET a 1"), "status OK");
}

/* A reply to what was published is no reply to a command: forms that "message" doesn't have. */
Test(redis_faults, takes_no_message_without_a_text)
{
    static const char forms[] = "*1\r\n$7\r\nmessage\r\n*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n"
                                "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$-1\r\n";
    struct fault_proxy *p = begin_behind_proxy(NULL);
    fault_proxy_garbage(p, forms, sizeof forms - 1);
    fault_proxy_set(p, FAULT_GARBAGE); /* the next PING of the channel's connection brings them */
    TURN_UNTIL(downs == 1);
    cr_assert_eq(messages, 0);
    cr_assert_str_eq(why, "no answer within 100 ms");
}

/* -- giving up, and the end -------------------------------------------------------------------- */

Test(redis_faults, begins_anew_when_it_is_given_up)
{
    begin_up(redis_server_address(redis_server_start(NULL)));
    redis_command(redis, on_reply, NULL, 1, &SLICE("TIME"));
    redis_give_up(redis, "it is a replica");
    cr_assert_eq(downs + replies, 0, "never from inside");
    cr_assert(!redis_is_up(redis));
    cr_assert_str_eq(ask("GET a"), "refused");
    TURN_UNTIL(downs == 1);
    cr_assert_str_eq(why, "it is a replica");
    cr_assert_eq(given_up, 1);
    redis_give_up(redis, "twice");
    TURN_UNTIL(ups == 2);
    cr_assert_eq(downs, 1);
}

static void give_up_in_reply(void *ctx, const struct redis_reply *r)
{
    on_reply(ctx, r);
    if (r)
        redis_give_up(redis, "said in a reply");
}

Test(redis_faults, may_be_given_up_in_a_reply)
{
    begin_up(redis_server_address(redis_server_start(NULL)));
    redis_command(redis, give_up_in_reply, NULL, 1, &SLICE("TIME"));
    TURN_UNTIL(ups == 2);
    cr_assert_eq(downs, 1);
    cr_assert_str_eq(why, "said in a reply");
}

static void free_in_reply(void *ctx, const struct redis_reply *r)
{
    on_reply(ctx, r);
    redis_free(redis);
    redis = NULL;
}

Test(redis_faults, may_be_freed_in_a_reply_and_nothing_comes_after)
{
    begin_up(redis_server_address(redis_server_start(NULL)));
    redis_command(redis, free_in_reply, NULL, 1, &SLICE("TIME"));
    redis_command(redis, on_reply, NULL, 1, &SLICE("TIME"));
    TURN_UNTIL(!redis);
    loop_turn(&lp);
    cr_assert_eq(replies, 1);
    cr_assert_eq(downs, 0);
}

Test(redis_faults, may_be_freed_when_a_reply_is_given_up)
{
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_address(s));
    redis_server_hang(s);
    redis_command(redis, free_in_reply, NULL, 1, &SLICE("TIME"));
    redis_command(redis, on_reply, NULL, 1, &SLICE("TIME"));
    redis_server_kill(s);
    TURN_UNTIL(!redis);
    loop_turn(&lp);
    cr_assert_eq(given_up, 1);
    cr_assert_eq(downs, 0);
}

static void free_when_down(void *ctx, const char *text)
{
    on_down(ctx, text);
    redis_free(redis);
    redis = NULL;
}

Test(redis_faults, may_be_freed_when_it_is_down)
{
    static const struct redis_events events = {
        .up = on_up, .down = free_when_down, .message = on_message};
    struct redis_server *s = redis_server_start(NULL);
    conf.address = slice_str(redis_server_address(s));
    redis = redis_new(&lp, NULL, &conf, SLICE("c"), &events, NULL);
    TURN_UNTIL(ups == 1);
    redis_server_kill(s);
    TURN_UNTIL(downs == 1);
    cr_assert_null(redis);
}

Test(redis_faults, may_be_freed_while_its_name_is_looked_up)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    char silent[32]; /* a server that never answers */
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert(bind(fd, (struct sockaddr *)&own, len) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&own, &len) == 0);
    snprintf(silent, sizeof silent, "127.0.0.1:%u", ntohs(own.sin_port));
    struct slice servers = slice_str(silent);
    const struct config c = {
        .resolver = {.timeout = 100, .tries = 1, .servers = {.v = &servers, .n = 1}}};
    dns = dns_start(&lp, &c);
    begin("redis.test:6379");
    for (int i = 0; i < 3 && !redis_facts(redis).connects; i++)
        loop_turn(&lp);
    redis_free(redis);
    redis = NULL;
    dns_stop(dns); /* c-ares answers all it was asked */
    dns = NULL;
    loop_turn(&lp);
    cr_assert_eq(downs, 0);
    close(fd);
}

/* -- times between attempts -------------------------------------------------------------------- */

Test(redis_backoff, is_random_between_bounds_that_grow)
{
    const struct redis_conf c = {.retry_min = 100, .retry_max = 10000};
    struct random random;
    random_seed(&random, 1);
    for (unsigned failed = 1; failed < 100; failed++) {
        uint64_t top = failed < 7 ? UINT64_C(100) << failed : 10000, least = UINT64_MAX, most = 0;
        for (int i = 0; i < 1000; i++) {
            const uint64_t ms = redis_backoff_ms(&c, failed, &random);
            least = ms < least ? ms : least;
            most = ms > most ? ms : most;
        }
        cr_assert(least >= 100 && most <= top, "%u: %llu to %llu", failed,
                  (unsigned long long)least, (unsigned long long)most);
        cr_assert(least < 100 + top / 20 && most > top - top / 20, "all of it is used: %u", failed);
    }
}

Test(redis_backoff, may_be_one_time_only)
{
    const struct redis_conf c = {.retry_min = 50, .retry_max = 50};
    struct random random;
    random_seed(&random, 1);
    cr_assert_eq(redis_backoff_ms(&c, 1, &random), 50);
    cr_assert_eq(redis_backoff_ms(&c, 1000000, &random), 50);
}
