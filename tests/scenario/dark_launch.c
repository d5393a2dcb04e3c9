/* SPDX-License-Identifier: Apache-2.0 */
/* Dark launches as testers and operators see them. Who doesn't get in is dark_doors.c's. */
#include "tests/scenario/dark_case.h"

#include <stdarg.h>

DARK_SUITE(dark_launch);

static void wait_for_reply_of(bool dark, const char *fields)
{
    AWAIT(body_is(dark_ask("%s", fields), dark ? "dark\n" : "app\n"));
}

/* -- who is a tester --------------------------------------------------------------------------- */

Test(dark_launch, takes_testers_by_subject)
{
    dark_start("subjects = [ \"alice\", \"bob@x\" ]; grants = false;");
    IS_DARK(dark_ask("X-Vouch: jwt|https://id|alice\r\n"));
    IS_DARK(dark_ask("X-Vouch: basic|local|bob@x\r\n"));
    IS_NORMAL(dark_ask("X-Vouch: jwt|https://id|carol\r\n"));
    IS_NORMAL(dark_ask(NOBODY));
    const char *line = rig_await_access("\"dark_launch.tester\":\"alice\"");
    cr_assert_str_eq(json_of(line, "dark_launch.by"), "subject");
    cr_assert_str_eq(json_of(line, "variant"), "dark");
    cr_assert_str_eq(json_of(line, "cluster"), "dark");
    cr_assert_eq(rig_metric("weir_dark_launch_sent_total{route=\"all\"}"), 2);
    cr_assert_eq(rig_metric("weir_variant_requests_total{route=\"all\",variant=\"dark\"}"), 2);
}

Test(dark_launch, takes_testers_by_a_value_of_a_claim)
{
    dark_start("claim = \"groups\"; any_of = [ \"testers\", \"qa\" ]; grants = false;");
    IS_DARK(dark_ask("X-Vouch: jwt|i|x|groups=staff|groups=testers\r\n"));
    IS_DARK(dark_ask("X-Vouch: jwt|i|x|groups=qa\r\n"));
    IS_NORMAL(dark_ask("X-Vouch: jwt|i|x|groups=testers2\r\n"));
    IS_NORMAL(dark_ask("X-Vouch: jwt|i|testers|group=testers|groups=\r\n"));
    cr_assert_str_eq(json_of(rig_await_access("\"dark_launch.tester\":\"x\""), "dark_launch.by"),
                     "claim");
}

Test(dark_launch, believes_the_issuers_and_methods_that_it_names)
{
    dark_start("subjects = [ \"alice\" ]; issuers = [ \"https://id\" ]; methods = [ \"jwt\" ];");
    IS_DARK(dark_ask("X-Vouch: jwt|https://id|alice\r\n"));
    IS_NORMAL(dark_ask("X-Vouch: basic|https://id|alice\r\n"));
    IS_NORMAL(dark_ask("X-Vouch: jwt|https://other|alice\r\n"));
}

Test(dark_launch, reads_its_list_again_when_it_changes)
{
    rig_write_file("testers", "# the team\nalice\n");
    dark_start("list_file = \"$dir/testers\"; grants = false;", .workers = 2);
    IS_DARK(dark_ask("X-Vouch: jwt|i|alice\r\n"));
    IS_NORMAL(dark_ask("X-Vouch: jwt|i|bob\r\n"));
    cr_assert_str_eq(
        json_of(rig_await_access("\"dark_launch.tester\":\"alice\""), "dark_launch.by"), "list");
    rig_write_file("testers.new", "bob\nwrong\x01\n");
    rename(rig_path("testers.new"), rig_path("testers"));
    wait_for_reply_of(true, "X-Vouch: jwt|i|bob\r\n");
    for (int i = 0; i < 8; i++) {
        IS_DARK(dark_ask("X-Vouch: jwt|i|bob\r\n"));
        IS_NORMAL(dark_ask("X-Vouch: jwt|i|alice\r\n"));
    }
    rig_await_log("dark_list_wrong");
    rig_await_log("line 2, the first of them, has a control character");
}

/* -- grants ------------------------------------------------------------------------------------ */

Test(dark_launch, takes_testers_with_a_grant)
{
    char token[TOKEN_ROOM];
    dark_start("");
    char id[32];
    snprintf(id, sizeof id, "%s", dark_grant("alice", 7200, token));
    IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", token));
    IS_DARK(dark_ask("Cookie: a=1; weir-grant=%s; b=2\r\n", token));
    IS_DARK(dark_ask("Cookie: a=1\r\nCookie: weir-grant=%s\r\n", token));
    struct h2_talk *t = h2_talk_open();
    char fields[256];
    snprintf(fields, sizeof fields, "cookie: a=1\ncookie: weir-grant=%s", token);
    cr_assert_str_eq(h2_answer(t, h2_ask(t, .fields = fields))->body.p, "dark\n");
    const char *line = rig_await_access("\"dark_launch.tester\":\"alice\"");
    cr_assert_str_eq(json_of(line, "dark_launch.by"), "grant");
    cr_assert_str_eq(json_of(line, "dark_launch.grant"), id);
    const struct response *r = dark_command("list", "{}");
    cr_assert_str_eq(json_of(r->body.p, "id"), id);
    cr_assert_str_eq(json_of(r->body.p, "uses"), "4");
    cr_assert_str_eq(json_of(r->body.p, "revoked"), "false");
    cr_assert_eq(rig_log_count("dark_grant_made"), 1);
    cr_assert_eq(rig_log_count("dark_grant_used"), 1, "once a minute");
    char *log = rig_read("stderr"), *access = rig_read("access.log");
    cr_assert(!strstr(log, token + 30) && !strstr(access, token + 30), "no log has the token");
    free(log);
    free(access);
}

Test(dark_launch, revokes_grants_at_once)
{
    char first[TOKEN_ROOM], second[TOKEN_ROOM], third[TOKEN_ROOM];
    dark_start("", .workers = 3);
    char id[32];
    snprintf(id, sizeof id, "%s", dark_grant("alice", 60, first));
    dark_grant("alice", 60, second);
    dark_grant("bob", 60, third);
    struct talk *t = talk_open();
    talk_send(t, "GET / HTTP/1.1\r\nHost: h\r\nX-Weir-Grant: %s\r\n\r\n", first);
    IS_DARK(talk_response(t));
    const struct response *r = dark_command("revoke", "{\"id\": \"%s\"}", id);
    cr_assert_eq(r->status, 200);
    cr_assert_str_eq(json_of(r->body.p, "revoked"), "1");
    talk_send(t, "GET / HTTP/1.1\r\nHost: h\r\nX-Weir-Grant: %s\r\n\r\n", first);
    IS_NORMAL(talk_response(t));
    for (int i = 0; i < 6; i++)
        IS_NORMAL(dark_ask("X-Weir-Grant: %s\r\n", first));
    IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", second));
    cr_assert_eq(dark_command("revoke", "{\"name\": \"alice\"}")->status, 200);
    for (int i = 0; i < 6; i++)
        IS_NORMAL(dark_ask("X-Weir-Grant: %s\r\n", second));
    IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", third));
    cr_assert_eq(dark_command("revoke", "{\"name\": \"alice\"}")->status, 404, "none is left");
    cr_assert_eq(rig_log_count("dark_grant_revoked"), 2);
}

Test(dark_launch, ends_grants_when_their_time_is_over)
{
    char token[TOKEN_ROOM];
    dark_start("");
    dark_grant("alice", 1, token);
    IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", token));
    AWAIT(body_is(dark_ask("X-Weir-Grant: %s\r\n", token), "app\n"));
}

Test(dark_launch, refuses_commands_that_make_no_sense)
{
    rig_start(.top = "modules = { dark_launch = { grants = 2; max_ttl = \"1h\"; }; };",
              .clusters = DARK_CLUSTERS, .routes = DARK_ROUTES(""));
    static const struct {
        const char *command, *json, *field;
        int status;
    } wrong[] = {
        {"grant", "{}", "name", 400},
        {"grant", "{\"name\": 7, \"ttl_s\": 60}", "name", 400},
        {"grant", "{\"name\": \"a b\", \"ttl_s\": 60}", "name", 400},
        {"grant", "{\"name\": \"alice\"}", "ttl_s", 400},
        {"grant", "{\"name\": \"alice\", \"ttl_s\": 0}", "ttl_s", 400},
        {"grant", "{\"name\": \"alice\", \"ttl_s\": -1}", "ttl_s", 400},
        {"grant", "{\"name\": \"alice\", \"ttl_s\": 1.5}", "ttl_s", 400},
        {"grant", "{\"name\": \"alice\", \"ttl_s\": 3601}", "ttl_s", 400},
        {"revoke", "{}", "id", 400},
        {"revoke", "{\"id\": \"x\"}", "id", 400},
        {"revoke", "{\"id\": \"0000000000000001\", \"name\": \"a\"}", "id", 400},
        {"revoke", "{\"id\": \"0000000000000001\"}", "id", 404},
        {"revoke", "{\"name\": \"nobody\"}", "name", 404},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct response *r = dark_command(wrong[i].command, "%s", wrong[i].json);
        cr_assert_eq(r->status, wrong[i].status, "%s: %s", wrong[i].json, r->body.p);
        cr_assert_str_eq(json_of(r->body.p, "field"), wrong[i].field);
    }
    char token[TOKEN_ROOM];
    dark_grant("alice", 3600, token);
    dark_grant("bob", 3600, token);
    const struct response *r = dark_command("grant", "{\"name\": \"carol\", \"ttl_s\": 60}");
    cr_assert_eq(r->status, 409);
    cr_assert(body_has(r, "2 grants are in force"));
    cr_assert_eq(dark_command("revoke", "{\"name\": \"alice\"}")->status, 200);
    dark_grant("carol", 60, token);
    IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", token));
}

Test(dark_launch, keeps_grants_over_reloads)
{
    char token[TOKEN_ROOM];
    dark_start("");
    dark_grant("alice", 600, token);
    for (int i = 0; i < 3; i++) {
        cr_assert(rig_reload(.top = DARK_MODULES(""), .clusters = DARK_CLUSTERS,
                             .routes = DARK_ROUTES("subjects = [ \"x\" ];")));
        IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", token));
    }
}

#define KEPT DARK_MODULES("grant_key_file = \"$dir/key\"; grants_file = \"$dir/grants.json\";")

Test(dark_launch, keeps_grants_over_restarts_in_a_file)
{
    char alice[TOKEN_ROOM], bob[TOKEN_ROOM];
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    chmod(rig_path("key"), 0600);
    const struct rig_conf conf = {
        .top = KEPT, .clusters = DARK_CLUSTERS, .routes = DARK_ROUTES("")};
    chmod(rig_path("."), 0777);
    rig_start_with(conf);
    dark_grant("alice", 600, alice);
    dark_grant("bob", 600, bob);
    cr_assert_eq(dark_command("revoke", "{\"name\": \"bob\"}")->status, 200);
    rig_stop();
    char *file = rig_read("grants.json");
    cr_assert(strstr(file, "\"alice\"") && !strstr(file, alice + 30), "%s", file);
    free(file);
    rig_start_with(conf);
    IS_DARK(dark_ask("X-Weir-Grant: %s\r\n", alice));
    IS_NORMAL(dark_ask("X-Weir-Grant: %s\r\n", bob));
    rig_stop();
    remove(rig_path("grants.json"));
    rig_start_with(conf);
    IS_NORMAL(dark_ask("X-Weir-Grant: %s\r\n", alice));
}

Test(dark_launch, grants_nothing_that_it_cant_keep)
{
    rig_write_file("key", "0123456789abcdef0123456789abcdef");
    rig_start(.top =
                  DARK_MODULES("grant_key_file = \"$dir/key\"; grants_file = \"$dir/no/where\";"),
              .clusters = DARK_CLUSTERS, .routes = DARK_ROUTES(""));
    const struct response *r = dark_command("grant", "{\"name\": \"alice\", \"ttl_s\": 60}");
    cr_assert_eq(r->status, 409);
    cr_assert(body_has(r, "nothing is granted") && body_has(r, "No such file or directory"));
    cr_assert(body_has(dark_command("list", "{}"), "{\"grants\":[]}"));
}

/* -- versions ---------------------------------------------------------------------------------- */

#define TWO                                                                                        \
    "( { name = \"all\"; cluster = \"app\"; dark_launch = { subjects = [ \"alice\" ]; "            \
    "versions = ( { name = \"v3\"; cluster = \"dark\"; }, { name = \"v4\"; cluster = \"four\"; } " \
    ");"                                                                                           \
    " choose_header = \"X-Version\"; choose_cookie = \"version\"; %s }; } )"

static void start_two(const char *settings)
{
    char routes[1024];
    origin_start("four");
    snprintf(routes, sizeof routes, TWO, settings);
    rig_start(.top = DARK_MODULES(""),
              .clusters = DARK_CLUSTERS " four = { endpoints = [ \"$four\" ]; };",
              .routes = routes);
}

#define ALICE "X-Vouch: jwt|i|alice\r\n"

Test(dark_launch, lets_testers_choose_a_version)
{
    start_two("");
    IS_DARK(dark_ask(ALICE));
    IS_DARK(dark_ask(ALICE "X-Version: v3\r\n"));
    cr_assert(body_is(dark_ask(ALICE "X-Version: v4\r\n"), "four\n"));
    cr_assert(body_is(dark_ask(ALICE "Cookie: version=v4\r\n"), "four\n"));
    cr_assert_str_eq(json_of(rig_await_access("\"variant\":\"v4\""), "cluster"), "four");
    IS_NORMAL(dark_ask(ALICE "X-Version: none\r\n"));
    IS_DARK(dark_ask(ALICE "X-Version: v5\r\n"));
    IS_DARK(dark_ask(ALICE "X-Version: v4\r\nX-Version: v4\r\n"));
    IS_NORMAL(dark_ask("X-Version: v4\r\nCookie: version=v4\r\n"));
}

Test(dark_launch, waits_for_testers_to_opt_in)
{
    start_two("opt_in = true;");
    IS_NORMAL(dark_ask(ALICE));
    IS_NORMAL(dark_ask(ALICE "X-Version: v5\r\n"));
    IS_DARK(dark_ask(ALICE "X-Version: v3\r\n"));
    cr_assert(body_is(dark_ask(ALICE "Cookie: version=v4\r\n"), "four\n"));
    IS_NORMAL(dark_ask("X-Version: v3\r\n"));
}

/* -- what goes inward, and what comes back ----------------------------------------------------- */

Test(dark_launch, keeps_credentials_and_choosers_to_itself)
{
    char token[TOKEN_ROOM], cookies[512];
    origin_script(dark_dark, "echo");
    origin_script(dark_app, "echo");
    dark_start("choose_header = \"X-Version\"; choose_cookie = \"version\";");
    dark_grant("alice", 600, token);
    const struct response *r = dark_ask("X-Version: dark\r\nX-Other: 1\r\nCookie: a=1;  b=\"2 3\"; "
                                        "version=x; weir-grant=%s; c=4\r\n"
                                        "Cookie: d=5\r\n",
                                        token);
    cr_assert(!body_has(r, "X-Version") && !body_has(r, "weir-grant") && !body_has(r, "version="));
    cr_assert(body_has(r, "X-Other: 1\r\n"));
    cr_assert(body_has(r, "a=1;  b=\"2 3\"; c=4"), "%s", r->body.p);
    cr_assert(body_has(r, "d=5"));
    r = dark_ask("X-Weir-Grant: %s\r\nCookie: version=none\r\n", token);
    cr_assert(body_has(r, "\r\n") && !body_has(r, "Grant") && !body_has(r, "ookie"), "%s",
              r->body.p);
    cr_assert_eq(origin_requests(dark_dark), 1);
    /* Who is no tester has these sent on, whatever they are. */
    snprintf(cookies, sizeof cookies, "version=dark; weir-grant=%s", "v1.wrong");
    r = dark_ask("X-Version: dark\r\nX-Weir-Grant: v1.no\r\nCookie: %s\r\n", cookies);
    cr_assert(body_has(r, "X-Version: dark\r\n") && body_has(r, "X-Weir-Grant: v1.no\r\n"));
    cr_assert(body_has(r, cookies));
}

Test(dark_launch, tells_shared_caches_to_keep_nothing)
{
    dark_start("subjects = [ \"alice\" ];");
    const struct response *r = dark_ask(ALICE);
    IS_DARK(r);
    cr_assert_str_eq(field_of(r, "Cache-Control"), "private");
    r = ask(
        "GET /?field=Cache-Control:public,s-maxage=9,max-age=60&field=CDN-Cache-Control:max-age=9 "
        "HTTP/1.1\r\nHost: h\r\n" ALICE "\r\n");
    cr_assert_eq(field_count(r, "Cache-Control"), 1);
    cr_assert_str_eq(field_of(r, "Cache-Control"), "private, max-age=60");
    cr_assert_eq(field_count(r, "CDN-Cache-Control"), 0);
    r = get("/?field=Cache-Control:public");
    cr_assert_str_eq(field_of(r, "Cache-Control"), "public");
}

/* -- when the version is not there ------------------------------------------------------------- */

Test(dark_launch, fails_when_the_version_does)
{
    dark_start("subjects = [ \"alice\" ];");
    origin_stop(dark_dark);
    const struct response *r = dark_ask(ALICE);
    cr_assert_eq(r->status, 503);
    cr_assert_str_eq(field_of(r, "Cache-Control"), "private, no-store");
    IS_NORMAL(dark_ask(NOBODY));
    cr_assert_eq(rig_metric("weir_dark_launch_failed_total{route=\"all\"}"), 2, "and its retry");
}

Test(dark_launch, falls_back_when_that_is_wished)
{
    dark_start("subjects = [ \"alice\" ]; on_failure = \"normal\";");
    const struct response *r = ask("GET /?status=500 HTTP/1.1\r\nHost: h\r\n" ALICE "\r\n");
    cr_assert_eq(r->status, 500, "its own failures are what testers want to see");
    cr_assert_eq(origin_requests(dark_app), 0);
    origin_script(dark_dark, "status=503");
    r = dark_ask(ALICE);
    IS_NORMAL(r);
    cr_assert_eq(field_count(r, "Cache-Control"), 0, "it is everybody's");
    const char *line = rig_await_access("\"dark_launch.fallback\":\"failed\"");
    cr_assert_str_eq(json_of(line, "dark_launch.tester"), "alice");
    cr_assert_str_eq(json_of(line, "cluster"), "app");
    origin_stop(dark_dark);
    IS_NORMAL(dark_ask(ALICE));
    r = ask("POST /?count HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n" ALICE "\r\nhello");
    cr_assert_eq(r->status, 200, "nothing of it had been sent");
    cr_assert(body_is(r, "5 of rubbish\n"), "%s", r->body.p);
}

/* Where all endpoints have no weight, there is none. */
Test(dark_launch, goes_by_on_unavailable_without_endpoints)
{
    rig_start(.top = DARK_MODULES(""),
              .clusters = "dark = { endpoints = ( { address = \"$dark\"; weight = 0; } ); };",
              .routes = DARK_ROUTES("subjects = [ \"alice\" ];"));
    cr_assert_eq(dark_ask(ALICE)->status, 503);
    rig_renew(.top = DARK_MODULES(""),
              .clusters = "dark = { endpoints = ( { address = \"$dark\"; weight = 0; } ); };",
              .routes = DARK_ROUTES("subjects = [ \"alice\" ]; on_unavailable = \"normal\";"));
    const struct response *r = dark_ask(ALICE);
    IS_NORMAL(r);
    cr_assert_eq(field_count(r, "Cache-Control"), 0);
    rig_await_access("\"dark_launch.fallback\":\"unavailable\"");
    cr_assert_eq(rig_metric("weir_dark_launch_unavailable_total{route=\"all\"}"), 2);
}

/* -- beside others ----------------------------------------------------------------------------- */

/* Testers are no part of what a canary divides. */
Test(dark_launch, comes_before_a_canary)
{
    origin_start("two");
    rig_start(.top = DARK_MODULES(""),
              .clusters = DARK_CLUSTERS " two = { endpoints = [ \"$two\" ]; };",
              .routes =
                  "( { name = \"all\"; canary = { split = ( { cluster = \"app\"; weight = 1; },"
                  " { cluster = \"two\"; weight = 1; } ); };"
                  " dark_launch = { cluster = \"dark\"; subjects = [ \"alice\" ]; }; } )");
    unsigned app = 0, two = 0;
    for (int i = 0; i < 20; i++) {
        IS_DARK(dark_ask(ALICE));
        const struct response *r = dark_ask(NOBODY);
        app += body_is(r, "app\n");
        two += body_is(r, "two\n");
    }
    cr_assert(app == 10 && two == 10, "%u and %u", app, two);
}

Test(dark_launch, shows_testers_what_others_dont_find)
{
    rig_start(.top = DARK_MODULES(""), .clusters = DARK_CLUSTERS,
              .routes = "( { name = \"preview\"; match = { path_prefix = \"/preview\"; };"
                        " respond = { status = 404; };"
                        " dark_launch = { cluster = \"dark\"; subjects = [ \"alice\" ]; }; },"
                        " { name = \"all\"; cluster = \"app\"; } )");
    IS_DARK(ask("GET /preview HTTP/1.1\r\nHost: h\r\n" ALICE "\r\n"));
    cr_assert_eq(get("/preview")->status, 404);
    IS_NORMAL(dark_ask(ALICE));
}

static const char *run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *run(const char *fmt, ...)
{
    static char said[4096];
    char args[256], command[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(args, sizeof args, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "exec 2>&1 </dev/null; timeout 30 %s -s %s dark %s",
             WEIRCTL_BINARY, rig_path("admin.sock"), args);
    FILE *f = popen(command, "r"); /* NOLINT: a fixed text */
    cr_assert(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    pclose(f);
    return said;
}

/* The way an operator goes. */
Test(dark_launch, is_opened_and_closed_by_weirctl)
{
    char header[256];
    dark_start("");
    cr_assert(strstr(run("list"), "There are no grants."));
    const char *said = run("grant alice --for 2h");
    const char *at = strstr(said, "X-Weir-Grant: ");
    cr_assert(at && strstr(said, "Granted to alice") && strstr(said, "weir-grant="), "%s", said);
    snprintf(header, sizeof header, "%.*s\r\n", (int)strcspn(at, "\n"), at);
    IS_DARK(dark_ask("%s", header));
    said = run("list");
    cr_assert(strstr(said, "alice") && strstr(said, "left"), "%s", said);
    cr_assert(strstr(run("grant alice --for 8d"), "max_ttl"));
    cr_assert(strstr(run("revoke --name alice"), "Revoked one grant."));
    IS_NORMAL(dark_ask("%s", header));
    cr_assert(strstr(run("list"), "revoked"));
}
