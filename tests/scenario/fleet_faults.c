/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever Redis does, or the network before it: requests are answered, what was decided holds, and
 * afterwards the instances agree again, without a storm of transitions and of lines in the log. One
 * story for all faults; what differs is how they begin and end, and how they show. */
#include "fleet_three.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/talk.h"

TestSuite(fleet_faults, .init = three_begin, .fini = three_end, .timeout = 120);

/* What the log has of one fault, at most: that the connection and the fleet are lost, and are there
 * again, and what was refused or lost, by kind. */
enum { LINES_MAX = 10 };

enum effect {
    DISCONNECTED, /* Redis is given up, and looked for again */
    APART,        /* the instance is on its own; the connection may be there or not */
    ALONE,        /* it is joined, and its circuit alone is on its own */
    UNHARMED,     /* it stays joined, and is led */
};

struct fault {
    void (*begin)(void), (*end)(void); /* NULL: nothing has to be done */
    void (*look)(void);                /* at what else is to be seen while it lasts; NULL */
    enum effect effect;
    unsigned victims;  /* instances from 0; 0: all of them */
    unsigned attempts; /* to connect, of each, during which it goes on */
    const char *error; /* a series of errors that go on instead */
    const char *said;  /* in the log; NULL: nothing at all */
    bool lost;         /* Redis has lost what was shared */
};

static struct redis_server *redis(void)
{
    return rig_fleet_redis();
}

static bool shows(enum effect effect)
{
    switch (effect) {
    case DISCONNECTED:
        return three_fleet("connected") == 0 && three_fleet("joined") == 0;
    case APART:
        return three_fleet("joined") == 0;
    case ALONE:
        return three_fleet("joined") == 1 && !three_follows();
    default:
        return three_follows();
    }
}

static bool is_victim(const struct fault *f, unsigned i)
{
    return !f->victims || i < f->victims;
}

/* Long enough for whatever is done, or said, again and again. */
static void go_on(const struct fault *f)
{
    unsigned before[THREE];
    enum { ERRORS = 4 };
    for (unsigned i = 0; i < THREE; i++)
        before[i] = fault_proxy_taken(three_proxy[i]);
    THREE_EACH(i)
    {
        if (!is_victim(f, i))
            continue;
        if (f->attempts)
            AWAIT(fault_proxy_taken(three_proxy[i]) >= before[i] + 2 * f->attempts);
        if (f->error)
            AWAIT(rig_metric(f->error) >= ERRORS);
    }
}

static void expect_few_lines(const struct fault *f, const unsigned before[THREE])
{
    THREE_EACH(i)
    {
        const unsigned lines = three_logged() - before[i];
        char *log = rig_read("stderr");
        cr_assert_leq(lines, LINES_MAX, "%s", log);
        cr_assert(!is_victim(f, i) || !f->said || strstr(log, f->said), "%s", log);
        cr_assert(f->said || !lines, "%s", log);
        free(log);
    }
}

/* By one instance each, whoever was first, and the same at most once. */
static void expect_put_back(void)
{
    enum { RECORDS = 2 }; /* the circuit's and the decision's */
    unsigned back = 0, lost = 0;
    THREE_EACH(i)
    {
        back += (unsigned)three_fleet("put_back_total");
        lost += rig_log_count(" fleet_cell_lost ") > 0;
    }
    cr_assert(back >= 1 && back <= RECORDS, "%u", back);
    cr_assert_geq(lost, 1);
}

static void expect_effect(const struct fault *f)
{
    THREE_EACH(i)
    if (is_victim(f, i))
        AWAIT(shows(f->effect));
    else
        cr_assert(three_follows());
}

static void endure_as(const struct fault *f, const char *top)
{
    unsigned lines[THREE];
    three_start(top);
    THREE_EACH(i)
    lines[i] = three_logged();
    if (f->begin)
        f->begin();
    expect_effect(f);
    three_serve();
    rig_instance(0);
    const char *said = three_decide(three_v1);
    cr_assert(strstr(said, f->effect <= APART ? "The fleet: apart, told when Redis is back."
                                              : "The fleet: told."),
              "%s", said);
    go_on(f);
    if (f->look)
        f->look();
    three_serve();
    if (f->end)
        f->end();
    three_agree(three_v1);
    expect_few_lines(f, lines);
    if (f->lost)
        expect_put_back();
    three_work();
}

#define ENDURE(...) endure_as(&(struct fault){__VA_ARGS__}, RIG_FLEET)

/* -- the network ------------------------------------------------------------------------------- */

static void all_proxies(enum proxy_fault fault)
{
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_set(three_proxy[i], fault);
}

static void none(void)
{
    all_proxies(FAULT_NONE);
}

static void hang_network(void)
{
    all_proxies(FAULT_HANG);
}

Test(fleet_faults, a_network_that_takes_connections_and_no_byte)
{
    ENDURE(.begin = hang_network, .end = none, .effect = DISCONNECTED, .attempts = 1,
           .said = "no answer within 1000 ms");
}

static void half_open(void)
{
    all_proxies(FAULT_HALF_OPEN);
}

Test(fleet_faults, a_network_that_loses_everything_and_says_nothing)
{
    ENDURE(.begin = half_open, .end = none, .effect = DISCONNECTED, .attempts = 1,
           .said = "no answer within 1000 ms");
}

static void refuse(void)
{
    all_proxies(FAULT_REFUSE);
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_cut(three_proxy[i]);
}

Test(fleet_faults, a_network_that_refuses_connections)
{
    ENDURE(.begin = refuse, .end = none, .effect = DISCONNECTED, .attempts = 10,
           .said = "Connection reset");
}

static void tear(void)
{
    all_proxies(FAULT_TEAR);
}

Test(fleet_faults, replies_that_are_cut_in_the_middle)
{
    ENDURE(.begin = tear, .end = none, .effect = DISCONNECTED, .attempts = 10,
           .said = "Connection reset");
}

/* Each time until it is joined again, which is worth a line only once. */
static void come_and_go(void)
{
    enum { TIMES = 8 };
    for (int t = 0; t < TIMES; t++) {
        THREE_EACH(i)
        fault_proxy_cut(three_proxy[i]);
        THREE_EACH(i)
        AWAIT(three_fleet("reconnects_total") > t && three_fleet("joined") == 1);
    }
}

Test(fleet_faults, connections_that_are_cut_again_and_again)
{
    ENDURE(.begin = come_and_go, .effect = UNHARMED, .said = "Connection reset");
}

static void part_one(void)
{
    fault_proxy_set(three_proxy[0], FAULT_HALF_OPEN);
}

Test(fleet_faults, a_partition_from_one_of_three)
{
    ENDURE(.begin = part_one, .end = none, .effect = DISCONNECTED, .victims = 1, .attempts = 1,
           .said = "no answer within 1000 ms");
}

static void slow_to(unsigned ms)
{
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_delay(three_proxy[i], ms);
}

static void slow_beyond_timeout(void)
{
    slow_to(1500);
}

static void fast(void)
{
    slow_to(0);
}

Test(fleet_faults, answers_that_come_after_the_timeout)
{
    ENDURE(.begin = slow_beyond_timeout, .end = fast, .effect = DISCONNECTED, .attempts = 1,
           .said = "no answer within 1000 ms");
}

static void slow(void)
{
    slow_to(200);
    THREE_EACH(i)
    AWAIT(three_fleet("lag_seconds") >= 0.2);
}

Test(fleet_faults, answers_that_are_slow)
{
    ENDURE(.begin = slow, .end = fast, .effect = UNHARMED);
}

static void garble(void)
{
    all_proxies(FAULT_GARBAGE);
}

Test(fleet_faults, garbage_instead_of_answers)
{
    ENDURE(.begin = garble, .end = none, .effect = DISCONNECTED, .attempts = 10,
           .said = "it doesn't speak RESP");
}

/* More than redis.reply_size, and nobody keeps any of it. */
static void exaggerate(void)
{
    static char huge[9 << 20] = "$100000000\r\n";
    memset(huge + strlen(huge), 'x', sizeof huge - strlen(huge));
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_garbage(three_proxy[i], huge, sizeof huge);
    all_proxies(FAULT_GARBAGE);
}

static void look_at_memory(void)
{
    enum { KB_MAX = 64 * 1024 };
    pid_t control[THREE];
    const size_t n = rig_processes("control", control, THREE);
    cr_assert_eq(n, THREE);
    for (size_t i = 0; RIG_FIGURES && i < n; i++)
        cr_assert_lt(rig_private_kb(control[i]), KB_MAX);
}

Test(fleet_faults, answers_without_an_end)
{
    ENDURE(.begin = exaggerate, .end = none, .effect = DISCONNECTED, .attempts = 3,
           .look = look_at_memory, .said = "a reply has more than 8388608 bytes");
}

/* -- the server -------------------------------------------------------------------------------- */

#define CELL "weir:c:breaker:cluster/app"

/* Something may have been missed: each cell is looked at again, without waiting for its turn. */
static void look_again(void)
{
    redis_server_say(redis(), "PUBLISH weir:events x");
}

static void hang(void)
{
    redis_server_hang(redis());
}

static void go_ahead(void)
{
    redis_server_go_on(redis());
}

Test(fleet_faults, a_server_that_hangs)
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

Test(fleet_faults, a_server_that_dies_and_comes_back_empty)
{
    ENDURE(.begin = die, .end = start_again, .effect = DISCONNECTED, .attempts = 10, .lost = true,
           .said = "it has closed the connection");
}

static void empty(void)
{
    redis_server_say(redis(), "FLUSHALL");
    look_again();
}

Test(fleet_faults, a_server_that_loses_all_keys)
{
    ENDURE(.begin = empty, .effect = UNHARMED, .lost = true, .said = "kind=message");
}

/* As from a copy of before the circuit had opened. */
static void start_with_old_data(void)
{
    redis_server_again(redis());
    redis_server_say(redis(), "HSET " CELL " f 1 n 5 since 5 by another at 5 run before "
                              ".state closed .openings 0 .lasts_ms 0 .cause operator");
    none();
}

static void die_behind_proxies(void)
{
    refuse();
    redis_server_kill(redis());
}

Test(fleet_faults, a_server_that_comes_back_with_old_data)
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

Test(fleet_faults, the_loss_of_the_connection_for_messages_alone)
{
    ENDURE(.begin = end_news, .effect = UNHARMED, .said = "it has closed the connection");
}

static void forget_scripts(void)
{
    redis_server_say(redis(), "SCRIPT FLUSH");
}

Test(fleet_faults, a_server_that_forgets_the_scripts)
{
    ENDURE(.begin = forget_scripts, .effect = UNHARMED);
}

static void fill(void)
{
    redis_server_say(redis(), "CONFIG SET maxmemory 1");
}

static void make_room(void)
{
    redis_server_say(redis(), "CONFIG SET maxmemory 0");
    look_again();
}

Test(fleet_faults, a_server_without_memory)
{
    ENDURE(.begin = fill, .end = make_room, .effect = UNHARMED,
           .error = "weir_fleet_errors_total{kind=\"oom\"}", .said = "kind=oom");
}

static void follow_nobody(void)
{
    redis_server_say(redis(), "REPLICAOF 127.0.0.1 1");
}

static void lead(void)
{
    redis_server_say(redis(), "REPLICAOF NO ONE");
}

Test(fleet_faults, a_server_that_has_become_a_replica)
{
    ENDURE(.begin = follow_nobody, .end = lead, .effect = DISCONNECTED, .attempts = 10,
           .said = "it is a replica");
}

static void retype(void)
{
    redis_server_say(redis(), "DEL " CELL);
    redis_server_say(redis(), "SET " CELL " 1");
    look_again();
}

static void remove_it(void)
{
    redis_server_say(redis(), "DEL " CELL);
    look_again();
}

Test(fleet_faults, something_else_under_the_key)
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
    look_again();
}

static void remove_all(void)
{
    redis_server_say(redis(), "FLUSHALL");
    look_again();
}

Test(fleet_faults, something_else_under_all_keys)
{
    ENDURE(.begin = retype_all, .end = remove_all, .effect = ALONE, .said = "WRONGTYPE");
}

/* -- who may what ------------------------------------------------------------------------------ */

#define SECRET "well-kept-secret"
#define AS_WEIR                                                                                    \
    RIG_FLEET_AT("address = \"$redis\"; user = \"weir\"; password_env = \"WEIR_TEST_PASSWORD\";")

static void let_in(void)
{
    redis_server_say(redis(), "ACL SETUSER weir reset on >" SECRET " ~weir:* &weir:events +@all");
}

static void expect_secrecy(void)
{
    THREE_EACH(i)
    cr_assert_eq(rig_log_count(SECRET), 0);
}

static void endure_as_weir(const struct fault *f)
{
    setenv("WEIR_TEST_PASSWORD", SECRET, 1);
    let_in();
    endure_as(f, AS_WEIR);
    expect_secrecy();
}
#define ENDURE_AS_WEIR(...) endure_as_weir(&(struct fault){__VA_ARGS__})

static void change_password(void)
{
    redis_server_say(redis(), "ACL SETUSER weir resetpass >another");
    redis_server_say(redis(), "CLIENT KILL USER weir");
}

Test(fleet_faults, another_password)
{
    ENDURE_AS_WEIR(.begin = change_password, .end = let_in, .effect = DISCONNECTED, .attempts = 10,
                   .said = "it refuses the password (WRONGPASS)");
}

static void delete_user(void)
{
    redis_server_say(redis(), "ACL DELUSER weir");
}

Test(fleet_faults, a_user_who_is_deleted)
{
    ENDURE_AS_WEIR(.begin = delete_user, .end = let_in, .effect = DISCONNECTED, .attempts = 10,
                   .said = "it refuses the password (WRONGPASS)");
}

static void let_write(void)
{
    let_in();
    look_again();
}

static void forbid(void)
{
    redis_server_say(redis(), "ACL SETUSER weir -@all +ping");
}

Test(fleet_faults, a_user_who_may_do_nothing_any_more)
{
    ENDURE_AS_WEIR(.begin = forbid, .end = let_write, .effect = APART,
                   .error = "weir_fleet_errors_total{kind=\"noperm\"}", .said = "kind=noperm");
}

static void forbid_writing(void)
{
    redis_server_say(redis(), "ACL SETUSER weir -@write -@scripting");
}

Test(fleet_faults, a_user_who_may_not_write_any_more)
{
    ENDURE_AS_WEIR(.begin = forbid_writing, .end = let_write, .effect = UNHARMED,
                   .error = "weir_fleet_errors_total{kind=\"noperm\"}", .said = "kind=noperm");
}

Test(fleet_faults, a_wrong_password_from_the_start)
{
    setenv("WEIR_TEST_PASSWORD", SECRET, 1);
    redis_server_say(redis(), "ACL SETUSER weir on >another ~weir:* &weir:events +@all");
    three_launch(AS_WEIR);
    THREE_EACH(i)
    {
        rig_await_log("it refuses the password (WRONGPASS)");
        cr_assert_eq(get("/")->status, 200);
        AWAIT(fault_proxy_taken(three_proxy[i]) >= 10);
        cr_assert_eq(three_logged(), 1);
        cr_assert_eq(three_fleet("connected"), 0);
    }
    let_in();
    THREE_EACH(i)
    AWAIT(three_follows());
    three_work();
    expect_secrecy();
}
