/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to Redis, against a real redis-server. */
#include "tests/unit/redis_case.h"

#include "redis/redis_conn.h"
#include "tests/lib/certs.h"

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

/* -- where it is ------------------------------------------------------------------------------- */

static void start_dns(void)
{
    static const struct config c = {.resolver = {.timeout = 100, .tries = 1}};
    dns = dns_start(&lp, &c);
    cr_assert(dns);
}

Test(redis, is_reached_over_a_unix_socket)
{
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_unix(s));
    cr_assert_str_eq(ask("SET a 1"), "status OK");
    cr_assert(slice_eq(redis_facts(redis).server, slice_str(redis_server_unix(s))));
}

Test(redis, is_reached_by_name)
{
    char address[64];
    snprintf(address, sizeof address, "localhost:%u", redis_server_port(redis_server_start(NULL)));
    start_dns();
    begin_up(address);
    cr_assert_str_eq(ask("SET a 1"), "status OK");
}

Test(redis, says_that_a_name_has_no_address)
{
    start_dns();
    has(begin_down("nothing.invalid:1"), "not"); /* c-ares's words */
    cr_assert_eq(redis_facts(redis).failures, 1);
}

Test(redis, works_in_the_database_that_is_meant)
{
    struct redis_server *s = redis_server_start(NULL);
    conf.database = 3;
    begin_up(redis_server_address(s));
    ask("SET a 1");
    cr_assert_str_eq(redis_server_say(s, "GET a"), "(nil)");
    redis_server_say(s, "SELECT 3");
    cr_assert_str_eq(redis_server_say(s, "GET a"), "1");
}

Test(redis, is_down_without_its_database)
{
    conf.database = 99;
    cr_assert_str_eq(begin_down(redis_server_address(redis_server_start(NULL))),
                     "it refuses the database: ERR DB index is out of range");
}

/* -- who Weir is ------------------------------------------------------------------------------- */

#define ACL                                                                                        \
    "user default off\nuser weir on >s3cret ~weir:* &weir:* +@all\n"                               \
    "user deaf on >s3cret ~weir:* resetchannels +@all\n"

static const char *account(const char *user, const char *password)
{
    conf.account.user = slice_str(user);
    conf.account.password = slice_str(password);
    return redis_server_address(redis_server_start(ACL));
}

Test(redis, comes_as_a_user_of_the_acl)
{
    begin_up(account("weir", "s3cret"));
    cr_assert_str_eq(ask("SET weir:a 1"), "status OK");
    cr_assert_str_eq(ask("ACL WHOAMI"), "text weir");
    has(ask("SET other 1"), "error NOPERM");
    has_not(logged, "s3cret");
}

Test(redis, gives_a_password_alone_to_the_default_user)
{
    conf.account.password = SLICE("s3cret");
    begin_up(redis_server_address(redis_server_start("requirepass s3cret\n")));
    cr_assert_str_eq(ask("SET a 1"), "status OK");
}

Test(redis, is_down_with_a_wrong_password_which_nobody_gets_to_see)
{
    cr_assert_str_eq(begin_down(account("weir", "wrong-s3cret")),
                     "it refuses the password (WRONGPASS)");
    has(logged, "fleet_redis_down");
    has(logged, "it refuses the password (WRONGPASS)");
    has_not(logged, "s3cret");
}

Test(redis, is_down_without_the_password_that_is_wanted)
{
    has(begin_down(account("", "")), "NOAUTH");
}

Test(redis, is_down_when_it_may_not_listen)
{
    has(begin_down(account("deaf", "s3cret")), "it refuses the subscription: NOPERM");
}

/* Whoever repeats what it was told doesn't get it into the log. */
Test(redis, is_down_when_it_hears_its_password_again)
{
    struct fault_proxy *p = fault_proxy_start("127.0.0.1:1");
    const char *echo = "-ERR unknown command 'AUTH s3cret'\r\n";
    struct redis_server *s = redis_server_start(NULL);
    fault_proxy_to(p, redis_server_address(s));
    fault_proxy_garbage(p, echo, strlen(echo));
    fault_proxy_set(p, FAULT_GARBAGE);
    conf.account.password = SLICE("s3cret");
    cr_assert_str_eq(begin_down(fault_proxy_address(p)), "it refuses the password (ERR)");
    has_not(logged, "s3cret");
}

/* -- bounds ------------------------------------------------------------------------------------ */

Test(redis, refuses_commands_while_it_is_not_up)
{
    begin(redis_server_address(redis_server_start(NULL)));
    cr_assert_str_eq(ask("GET a"), "refused");
    TURN_UNTIL(ups == 1);
    cr_assert_str_eq(ask("GET a"), "nil");
}

Test(redis, bounds_how_many_replies_may_be_waited_for)
{
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_address(s));
    unsigned n = 0;
    while (redis_command(redis, on_reply, NULL, 1, &SLICE("PING")))
        n++;
    cr_assert_eq(n, REDIS_ASKED_MAX);
    TURN_UNTIL(replies == n);
    cr_assert_str_eq(ask("GET a"), "nil");
}

Test(redis, bounds_what_may_wait_to_be_sent)
{
    static char large[1024 * 1024];
    const struct slice set[] = {SLICE("SET"), SLICE("a"), slice_of(large, sizeof large)};
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_address(s));
    unsigned n = 0;
    while (redis_command(redis, on_reply, NULL, 3, set))
        n++;
    cr_assert_eq(n, REDIS_UNSENT_MAX / sizeof large);
    TURN_UNTIL(replies == n);
}

Test(redis, gives_up_a_reply_that_is_too_large)
{
    struct redis_server *s = redis_server_start(NULL);
    begin_up(redis_server_address(s));
    redis_server_say(s, "SETRANGE a 65000 x");
    redis_server_say(s, "SETRANGE b 300000 x");
    has(ask("GET a"), "text ");
    cr_assert_str_eq(ask("GET b"), "given up");
    TURN_UNTIL(downs == 1);
    cr_assert_str_eq(why, "a reply has more than 65536 bytes (redis.reply_size)");
}

/* -- TLS --------------------------------------------------------------------------------------- */

static struct redis_server *tls_server(void)
{
    char lines[512];
    certs_begin();
    certs_make(&(struct cert_spec){.name = "root", .ca = true});
    certs_make(&(struct cert_spec){.name = "redis", .issuer = "root", .dns = {"redis.test"}});
    snprintf(lines, sizeof lines,
             "tls-port %s\ntls-cert-file %s\ntls-key-file %s\ntls-auth-clients no\ntls-replication "
             "no\n",
             "%u", certs_path("redis.crt"), certs_path("redis.key"));
    return redis_server_start(lines);
}

/* By a name that the certificate is for, or is not. */
static const char *begin_tls(const char *name, bool good)
{
    struct faults faults;
    char address[64];
    struct redis_server *s = tls_server();
    faults_init(&faults);
    conf.tls = (struct tls_client_conf){
        .set = true, .verify = true, .ca = certs_slice("root.crt"), .server_name = slice_str(name)};
    struct tls_client *tls = tls_client_new(&conf.tls, (struct tls_alpn){0}, &faults);
    cr_assert(tls);
    snprintf(address, sizeof address, "127.0.0.1:%u", redis_server_tls_port(s));
    begin(address);
    redis_use_tls(redis, tls);
    TURN_UNTIL(good ? ups == 1 : downs == 1);
    if (good)
        cr_assert_str_eq(ask("SET a 1"), "status OK");
    redis_free(redis);
    loop_turn(&lp);
    redis = NULL;
    tls_client_free(tls);
    faults_fini(&faults);
    certs_end();
    return why;
}

Test(redis, speaks_tls)
{
    begin_tls("redis.test", true);
}

Test(redis, is_down_when_the_certificate_is_for_another)
{
    cr_assert_str_eq(begin_tls("other.test", false), "TLS: certificate");
}
