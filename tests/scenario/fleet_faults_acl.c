/* SPDX-License-Identifier: Apache-2.0 */
/* Redis lets nobody in, or to nothing; and nobody gets to see the password. */
#include "fleet_endure.h"

#include <stdlib.h>

#include "tests/lib/talk.h"

FLEET_ENDURES_SUITE(fleet_faults_acl);

static struct redis_server *redis(void)
{
    return rig_fleet_redis();
}

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

static void endure_as_weir(const struct fleet_fault *f)
{
    setenv("WEIR_TEST_PASSWORD", SECRET, 1);
    let_in();
    fleet_endure(f, AS_WEIR);
    expect_secrecy();
}
#define ENDURE_AS_WEIR(...) endure_as_weir(&(struct fleet_fault){__VA_ARGS__})

static void change_password(void)
{
    redis_server_say(redis(), "ACL SETUSER weir resetpass >another");
    redis_server_say(redis(), "CLIENT KILL USER weir");
}

Test(fleet_faults_acl, another_password)
{
    ENDURE_AS_WEIR(.begin = change_password, .end = let_in, .effect = DISCONNECTED, .attempts = 10,
                   .said = "it refuses the password (WRONGPASS)");
}

static void delete_user(void)
{
    redis_server_say(redis(), "ACL DELUSER weir");
}

Test(fleet_faults_acl, a_user_who_is_deleted)
{
    ENDURE_AS_WEIR(.begin = delete_user, .end = let_in, .effect = DISCONNECTED, .attempts = 10,
                   .said = "it refuses the password (WRONGPASS)");
}

static void let_write(void)
{
    let_in();
    fleet_look_again();
}

static void forbid(void)
{
    redis_server_say(redis(), "ACL SETUSER weir -@all +ping");
}

Test(fleet_faults_acl, a_user_who_may_do_nothing_any_more)
{
    ENDURE_AS_WEIR(.begin = forbid, .end = let_write, .effect = APART,
                   .error = "weir_fleet_errors_total{kind=\"noperm\"}", .said = "kind=noperm");
}

static void forbid_writing(void)
{
    redis_server_say(redis(), "ACL SETUSER weir -@write -@scripting");
}

Test(fleet_faults_acl, a_user_who_may_not_write_any_more)
{
    ENDURE_AS_WEIR(.begin = forbid_writing, .end = let_write, .effect = UNHARMED,
                   .error = "weir_fleet_errors_total{kind=\"noperm\"}", .said = "kind=noperm",
                   .told = FLEET_NOT_TAKEN);
}

Test(fleet_faults_acl, a_wrong_password_from_the_start)
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
