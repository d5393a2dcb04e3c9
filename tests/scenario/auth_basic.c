/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords: what they let in, what they cost, and that nobody else pays for it. */
#include "tests/scenario/auth_case.h"

#include <stdlib.h>
#include <unistd.h>

AUTH_SUITE(auth_basic);

#define BASIC "basic = { file = \"$dir/users\"; };"
#define FORWARD "forward = ( { claim = \"sub\"; header = \"X-User\"; } );"
#define PLAIN                                                                                      \
    "( { name = \"plain\"; match = { path = \"/plain\"; }; cluster = \"app\"; },"                  \
    "  { name = \"all\"; cluster = \"app\"; auth = { }; } )"

static double checks(void)
{
    return rig_metric("weir_auth_checks_total");
}

/* Sends a request and doesn't wait for the answer. */
static struct talk *sent(const char *path, const char *lines)
{
    struct talk *t = talk_open();
    talk_send(t, "GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n", path, lines);
    return t;
}

Test(auth_basic, lets_in_who_knows_the_password)
{
    put_file("users", printed("%s%s", htpasswd_line("anna", "secret", 4),
                              htpasswd_line("otto", "open sesame: \xc3\xa4", 4)));
    rig_start(.top = MODULES(BASIC FORWARD), .routes = ROUTE(""));
    EXPECT(200, "/?echo", basic("anna", "secret"));
    cr_assert(body_has(got, "X-User: anna"));
    EXPECT(200, "/", basic("otto", "open sesame: \xc3\xa4"));
    EXPECT(401, "/", basic("anna", "open sesame: \xc3\xa4"));
    EXPECT(401, "/", basic("anna", ""));
    EXPECT(401, "/", basic("nobody", "secret"));
    cr_assert_str_eq(challenge(), "Basic realm=\"weir\", charset=\"UTF-8\"");
    EXPECT(401, "/", "Authorization: Basic !\r\n");
    cr_assert_eq(checks(), 5);
    cr_assert_eq(rig_metric("weir_auth_failed_total{reason=\"password_wrong\"}"), 3);
}

Test(auth_basic, hashes_a_password_once_as_long_as_it_is_remembered)
{
    put_file("users", htpasswd_line("anna", "secret", 4));
    rig_start(.top = MODULES(BASIC), .routes = ROUTE(""));
    for (int i = 0; i < 5; i++)
        EXPECT(200, "/", basic("anna", "secret"));
    cr_assert_eq(checks(), 1);
    for (int i = 0; i < 2; i++)
        EXPECT(401, "/", basic("anna", "secrets"));
    cr_assert_eq(checks(), 3, "what is wrong isn't remembered");
    cr_assert(rig_reload(.top = MODULES(BASIC "cache = { ttl = \"0s\"; };"), .routes = ROUTE("")));
    AWAIT(asked("/", basic("anna", "secret")) == 200 && checks() >= 4);
    const double before = checks();
    EXPECT(200, "/", basic("anna", "secret"));
    cr_assert_eq(checks(), before + 1);
}

Test(auth_basic, shares_one_check_among_those_who_wait_for_it)
{
    struct talk *t[8];
    put_file("users", htpasswd_line("anna", "secret", 10));
    rig_start(.top = MODULES(BASIC), .routes = ROUTE(""));
    for (size_t i = 0; i < array_n(t); i++)
        t[i] = sent("/", basic("anna", "secret"));
    talk_reset(t[0]);
    talk_reset(t[5]);
    for (size_t i = 0; i < array_n(t); i++)
        cr_assert(i == 0 || i == 5 || talk_response(t[i])->status == 200);
    cr_assert_eq(checks(), 1);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* One worker; fifty wrong passwords keep its helper threads busy for a while. */
Test(auth_basic, does_not_hold_up_other_requests)
{
    enum { GUESSES = 50, PLAINS = 100 };
    struct talk *t[GUESSES];
    int us[PLAINS];
    put_file("users", htpasswd_line("anna", "secret", 7));
    rig_start(.top = MODULES(BASIC), .routes = PLAIN);
    for (int i = 0; i < GUESSES; i++)
        t[i] = sent("/", basic("anna", printed("guess %d", i)));
    AWAIT(checks() == GUESSES);
    struct talk *plain = talk_open();
    for (int i = 0; i < PLAINS; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        talk_send(plain, "GET /plain HTTP/1.1\r\nHost: h\r\n\r\n");
        cr_assert_eq(talk_response(plain)->status, 200);
        clock_gettime(CLOCK_MONOTONIC, &to);
        us[i] = (int)((to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
    }
    cr_assert_lt(rig_metric("weir_auth_failed_total{reason=\"password_wrong\"}"), GUESSES,
                 "they are all through; this has shown nothing");
    qsort(us, PLAINS, sizeof us[0], compare);
    cr_log_info("plain requests beside checks: median %d us, most %d us", us[PLAINS / 2],
                us[PLAINS - 1]);
    cr_assert_lt(us[PLAINS / 2], 10000);
    for (int i = 0; i < GUESSES; i++)
        cr_assert_eq(talk_response(t[i])->status, 401);
}

Test(auth_basic, refuses_more_than_may_wait)
{
    enum { N = 6 };
    struct talk *t[N];
    int status[2] = {0};
    put_file("users", htpasswd_line("anna", "secret", 9));
    rig_start(.top = "offload = { threads = 1; queue = 2; };" MODULES(BASIC), .routes = ROUTE(""));
    for (int i = 0; i < N; i++)
        t[i] = sent("/", basic("anna", printed("guess %d", i)));
    for (int i = 0; i < N; i++) {
        const int s = talk_response(t[i])->status;
        cr_assert(s == 401 || s == 503, "%d", s);
        status[s == 503]++;
        if (s == 503) {
            cr_assert_str_eq(field_of(&t[i]->r, "Retry-After"), "1");
            cr_assert_eq(field_count(&t[i]->r, "Retry-After"), 1);
        }
    }
    cr_assert(status[0] >= 2 && status[1] >= 1, "%d %d", status[0], status[1]);
    cr_assert_eq(rig_metric("weir_auth_checks_refused_total"), status[1]);
    cr_assert_eq(rig_metric("weir_auth_failed_total{reason=\"busy\"}"), status[1]);
}

Test(auth_basic, reads_its_users_again_when_the_file_changes)
{
    const char *anna = htpasswd_line("anna", "secret", 4), *otto = htpasswd_line("otto", "x", 4);
    put_file("users", anna);
    rig_start(.workers = 2, .top = MODULES(BASIC), .routes = ROUTE(""));
    EXPECT(200, "/", basic("anna", "secret"));
    EXPECT(401, "/", basic("otto", "x"));
    put_file("users", otto);
    AWAIT(asked("/", basic("otto", "x")) == 200);
    for (int i = 0; i < 4; i++)
        EXPECT(401, "/", basic("anna", "secret"));
}

Test(auth_basic, keeps_its_users_when_the_file_is_spoilt)
{
    const char *anna = htpasswd_line("anna", "secret", 4);
    put_file("users", anna);
    rig_start(.top = MODULES(BASIC), .routes = ROUTE(""));
    put_file("users", printed("%sotto:plain\n", anna));
    cr_assert(strstr(rig_await_log("auth_file_wrong"), "users:2: "));
    EXPECT(200, "/", basic("anna", "secret"));
}

Test(auth_basic, ends_well_in_the_middle_of_a_check)
{
    put_file("users", htpasswd_line("anna", "secret", 11));
    rig_start(.top = MODULES(BASIC), .routes = ROUTE(""));
    for (int i = 0; i < 4; i++)
        sent("/", basic("anna", printed("guess %d", i)));
    AWAIT(checks() == 4);
    rig_stop();
}

static int checked(void)
{
    rig_write_conf((struct rig_conf){.top = MODULES(BASIC), .routes = ROUTE("")});
    return rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
}

Test(auth_basic, says_at_load_what_is_wrong_with_the_file)
{
    put_file("users",
             printed("%s%s", htpasswd_line("anna", "x", 4), htpasswd_line("otto", "x", 5)));
    cr_assert_eq(checked(), 0);
    cr_assert(strstr(output(), "hashes of cost 4 to 5"), "%s", output());
    put_file("users", "# users\nanna:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");
    cr_assert_neq(checked(), 0);
    cr_assert(strstr(output(), "users:2: "), "%s", output());
    cr_assert(strstr(output(), "htpasswd -B"));
    unlink(rig_path("users"));
    cr_assert_neq(checked(), 0);
    cr_assert(strstr(output(), "can't read the file"), "%s", output());
}
