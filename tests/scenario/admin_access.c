/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what on the admin sockets of a real gateway: permissions, tokens, certificates, and
 * what guessing does. */
#include "tests/lib/certs.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/tls_talk.h"
#include "tests/lib/weirctl_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPS "0123456789abcdef-ops"
#define EYE "0123456789abcdef-eye"

static void begin(void)
{
    rig_begin();
    origin_start("app");
    rig_write_file("ops.token", OPS "\n");
    rig_write_file("eye.token", EYE "\n");
    chmod(rig_path("ops.token"), 0600);
    chmod(rig_path("eye.token"), 0600);
}

TestSuite(admin_access, .init = begin, .fini = rig_end, .timeout = 120);

#define REST                                                                                       \
    "default_modules = [ ];\n"                                                                     \
    "listeners = ( { name = \"a\"; bind = \"127.0.0.1:$port\"; } );\n"                             \
    "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"                                       \
    "routes = ( { cluster = \"app\"; } );\n"
#define TOKENS                                                                                     \
    "tokens = ( { name = \"ops\"; file = \"$dir/ops.token\"; role = \"read-write\"; },"            \
    " { name = \"eye\"; file = \"$dir/eye.token\"; } );"
#define ADMIN(socket, tcp)                                                                         \
    "admin = { bind = \"unix:$dir/admin.sock\"; " socket " listeners = ( {"                        \
    " bind = \"127.0.0.1:$portadmin\"; " tcp " } ); };\n" REST

/* The status of a request to a row that reads, and to one that changes. */
static const struct response *ask_admin(const char *method, const char *path, const char *token)
{
    struct talk *t = talk_open_port(rig_port("portadmin"));
    talk_send(t, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%sConnection: close\r\n\r\n", method,
              path, token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
    return talk_response(t);
}

#define READ(token) ask_admin("GET", "/v1/clusters", token)->status
#define CHANGE(token) ask_admin("POST", "/v1/logs/reopen", token)->status

/* -- tokens ------------------------------------------------------------------------------------ */

Test(admin_access, a_token_allows_what_its_role_says)
{
    rig_start(.whole = ADMIN("", TOKENS));
    cr_assert_eq(ask_admin("GET", "/healthz", NULL)->status, 200);
    cr_assert_eq(ask_admin("GET", "/metrics", NULL)->status, 200);
    const struct response *r = ask_admin("GET", "/v1/clusters", NULL);
    cr_assert_eq(r->status, 401);
    cr_assert_str_eq(field_of(r, "www-authenticate"), "Bearer realm=\"weir\"");
    cr_assert_eq(READ(EYE), 200);
    cr_assert_eq(CHANGE(EYE), 403);
    cr_assert_eq(READ(OPS), 200);
    cr_assert_eq(CHANGE(OPS), 200);
    r = ask_admin("GET", "/v1/clusters", "0123456789abcdef-oops");
    cr_assert_eq(r->status, 401);
    cr_assert_str_eq(field_of(r, "www-authenticate"),
                     "Bearer realm=\"weir\", error=\"invalid_token\"");
    cr_assert_eq(rig_metric("weir_admin_denied_total{reason=\"credential\"}"), 1);
    cr_assert_eq(rig_metric("weir_admin_denied_total{reason=\"role\"}"), 1);
    cr_assert_eq(rig_metric("weir_admin_denied_total{reason=\"token\"}"), 1);
    cr_assert(rig_logged("admin_denied why=token who=\"somebody at 127.0.0.1\""));
    cr_assert(!rig_logged("0123456789abcdef"));
}

Test(admin_access, a_new_token_counts_after_a_reload_and_the_old_one_no_more)
{
    rig_start(.whole = ADMIN("", TOKENS));
    cr_assert_eq(READ(OPS), 200);
    cr_assert_eq(READ("0123456789abcdef-oops"), 401);
    rig_write_file("ops.token", "another-0123456789\n");
    cr_assert_eq(READ(OPS), 200);
    rig_renew(.whole = ADMIN("", TOKENS));
    cr_assert_eq(READ("another-0123456789"), 200);
    cr_assert_eq(READ(OPS), 401);
    cr_assert_eq(rig_metric("weir_admin_denied_total{reason=\"token\"}"), 2, "it counts on");
    rig_write_file("ops.token", "short\n");
    cr_assert(!rig_reload(.whole = ADMIN("", TOKENS)), "a bad file fails the reload");
    cr_assert(rig_logged("what is there is no token"));
    cr_assert_eq(READ("another-0123456789"), 200);
}

Test(admin_access, a_token_may_come_from_the_environment)
{
    setenv("WEIR_OPS_TOKEN", OPS, 1);
    rig_start(.whole = ADMIN("", "role = \"none\"; tokens = ( { name = \"ops\"; "
                                 "env = \"WEIR_OPS_TOKEN\"; } );"));
    unsetenv("WEIR_OPS_TOKEN");
    cr_assert_eq(READ(OPS), 200);
    cr_assert_eq(ask_admin("GET", "/metrics", NULL)->status, 401);
    cr_assert_eq(ask_admin("GET", "/metrics", OPS)->status, 200);
}

Test(admin_access, weirctl_shows_the_token_of_a_file)
{
    char address[64];
    rig_start(.whole = ADMIN("", TOKENS));
    snprintf(address, sizeof address, "127.0.0.1:%u", rig_port("portadmin"));
    cr_assert_eq(weirctl_run("-s %s --token-file %s endpoint list", address, rig_path("eye.token")),
                 0, "%s", weirctl_said());
    WEIRCTL_SAYS("app");
    cr_assert_eq(weirctl_run("logs reopen -s %s --token-file %s", address, rig_path("eye.token")),
                 1);
    WEIRCTL_SAYS("may not do that");
    cr_assert_eq(weirctl_run("-s %s endpoint list", address), 1);
    WEIRCTL_SAYS("weirctl --token-file FILE");
    setenv("WEIR_TOKEN_FILE", rig_path("ops.token"), 1);
    cr_assert_eq(weirctl_run("-s %s logs reopen", address), 0, "%s", weirctl_said());
    unsetenv("WEIR_TOKEN_FILE");
    cr_assert_eq(weirctl_run("-s %s --token-file /nonexistent endpoint list", address), 2);
    WEIRCTL_SAYS("can't read the token in /nonexistent");
}

/* -- pages of others --------------------------------------------------------------------------- */

static int status_with(const char *method, const char *fields)
{
    struct talk *t = talk_open_port(rig_port("portadmin"));
    talk_send(t, "%s /v1/logs/reopen HTTP/1.1\r\nAuthorization: Bearer " OPS "\r\n%s\r\n", method,
              fields);
    return talk_response(t)->status;
}

Test(admin_access, a_page_of_somebody_elses_changes_nothing)
{
    rig_start(.whole = ADMIN("", TOKENS " hosts = [ \"weir.test\" ];"));
    cr_assert_eq(status_with("POST", "Host: weir.test\r\n"), 200);
    cr_assert_eq(status_with("POST", "Host: weir.test\r\nOrigin: http://weir.test\r\n"), 200);
    cr_assert_eq(status_with("POST", "Host: weir.test\r\nOrigin: http://evil.test\r\n"), 403);
    cr_assert_eq(status_with("POST", "Host: evil.test\r\nOrigin: http://evil.test\r\n"), 403);
    cr_assert_eq(status_with("GET", "Host: evil.test\r\n"), 403);
}

/* -- guessing ---------------------------------------------------------------------------------- */

Test(admin_access, who_guesses_waits_and_keeps_nobody_off)
{
    enum { GUESSES = 40, ANSWERED = 3 };
    struct talk *guesses[GUESSES];
    rig_start(.whole = ADMIN("", TOKENS));
    const uint64_t from = now_ms();
    for (unsigned i = 0; i < GUESSES; i++) {
        guesses[i] = talk_open_port(rig_port("portadmin"));
        talk_send(guesses[i],
                  "GET /v1/clusters HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                  "Authorization: Bearer 0123456789abcdef-%u\r\n\r\n",
                  i);
    }
    cr_assert_eq(READ(OPS), 200, "a right token waits for nothing");
    cr_assert_eq(weirctl_run("endpoint list"), 0, "nor does the unix socket");
    cr_assert_lt(now_ms() - from, 1500);
    for (unsigned i = 0; i < ANSWERED; i++)
        cr_assert_eq(talk_response(guesses[i])->status, 401);
    cr_assert_geq(now_ms() - from, 390, "each waits longer than the one before");
    cr_assert(talk_ended(guesses[0]), "one guess a connection");
    cr_assert(!talk_is_over(guesses[GUESSES - 1]));
    cr_assert_eq(rig_metric("weir_admin_denied_total{reason=\"token\"}"), GUESSES);
}

Test(admin_access, strangers_that_fill_tcp_keep_nobody_off_the_unix_socket)
{
    enum { STRANGERS = 100 };
    rig_start(.whole = ADMIN("", TOKENS));
    for (unsigned i = 0; i < STRANGERS; i++)
        talk_open_port(rig_port("portadmin"));
    cr_assert_eq(weirctl_run("endpoint list"), 0, "%s", weirctl_said());
}

Test(admin_access, of_a_flood_of_guesses_few_lines_are_logged)
{
    enum { GUESSES = 60, BURST = 10 };
    rig_start(.whole = ADMIN("", TOKENS)); /* log.burst is at its default */
    struct talk *t[GUESSES];
    for (unsigned i = 0; i < GUESSES; i++) {
        t[i] = talk_open_port(rig_port("portadmin"));
        talk_send(t[i], "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n");
    }
    AWAIT(rig_metric("weir_admin_denied_total{reason=\"token\"}") == GUESSES);
    cr_assert_leq(rig_log_count("admin_denied"), 3 * BURST);
}

/* -- unix sockets ------------------------------------------------------------------------------ */

static int unix_status(const char *file, const char *request)
{
    struct talk *t = talk_open_unix(rig_path(file));
    talk_send(t, "%s HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n", request);
    return talk_response(t)->status;
}

static struct stat rights_of(const char *file)
{
    struct stat st;
    cr_assert_eq(stat(rig_path(file), &st), 0);
    return st;
}

Test(admin_access, a_unix_socket_has_its_mode_and_group_and_new_ones_after_a_reload)
{
    enum { NOBODYS_GROUP = 4242 };
    if (geteuid() != 0)
        RIG_SKIP("only root may give a file to another group");
    rig_start(.whole = ADMIN("unix_mode = \"0620\"; unix_group = \"4242\";", ""));
    struct stat st = rights_of("admin.sock");
    cr_assert_eq(st.st_mode & 0777, 0620);
    cr_assert_eq(st.st_gid, NOBODYS_GROUP);
    cr_assert_eq(st.st_uid, geteuid());
    rig_renew(.whole = ADMIN("unix_mode = \"0600\"; unix_group = \"0\";", ""));
    st = rights_of("admin.sock");
    cr_assert_eq(st.st_mode & 0777, 0600);
    cr_assert_eq(st.st_gid, 0);
    cr_assert(!rig_reload(.whole = ADMIN("unix_mode = \"0666\";", "") "nonsense = 1;"));
    cr_assert_eq(rights_of("admin.sock").st_mode & 0777, 0600, "a failed reload changes nothing");
    rig_renew(.whole = ADMIN("unix_group = \"4242\";", ""));
    rig_renew(.whole = ADMIN("", ""));
    st = rights_of("admin.sock");
    cr_assert_eq(st.st_mode & 0777, 0660);
    cr_assert_eq(st.st_gid, getegid());
    cr_assert_eq(unix_status("admin.sock", "POST /v1/logs/reopen"), 200);
}

Test(admin_access, a_second_unix_socket_is_for_those_who_only_look)
{
    rig_start(.whole = "admin = { bind = \"unix:$dir/admin.sock\"; listeners = ("
                       " { bind = \"unix:$dir/look.sock\"; role = \"read-only\"; } ); };\n" REST);
    cr_assert_eq(unix_status("look.sock", "GET /v1/clusters"), 200);
    cr_assert_eq(unix_status("look.sock", "POST /v1/logs/reopen"), 403);
    cr_assert_eq(unix_status("admin.sock", "POST /v1/logs/reopen"), 200);
    rig_renew(.whole = "admin = { bind = \"unix:$dir/admin.sock\"; };\n" REST);
    cr_assert_neq(access(rig_path("look.sock"), F_OK), 0);
    cr_assert_eq(unix_status("admin.sock", "GET /v1/clusters"), 200);
}

Test(admin_access, all_sockets_go_on_over_an_upgrade)
{
    rig_start(.whole = ADMIN("", TOKENS));
    cr_assert(rig_upgrade());
    cr_assert_eq(READ(EYE), 200);
    cr_assert_eq(CHANGE(EYE), 403);
    cr_assert_eq(unix_status("admin.sock", "POST /v1/logs/reopen"), 200);
}

/* -- certificates ------------------------------------------------------------------------------ */

static void make_certificates(void)
{
    rig_name("certs", "%s", certs_begin());
    certs_make(&(struct cert_spec){.name = "ca", .ca = true});
    certs_make(&(struct cert_spec){.name = "strange_ca", .ca = true});
    certs_make(&(struct cert_spec){
        .name = "site", .issuer = "ca", .dns = {"site.test", "localhost"}, .ip = "127.0.0.1"});
    certs_make(&(struct cert_spec){.name = "ops", .issuer = "ca"});
    certs_make(&(struct cert_spec){.name = "eye", .issuer = "ca", .uri = "spiffe://test/eye"});
    certs_make(&(struct cert_spec){.name = "guest", .issuer = "ca"});
    certs_make(&(struct cert_spec){.name = "eve", .common = "ops", .issuer = "strange_ca"});
}

static void begin_tls(void)
{
    begin();
    make_certificates();
}

static void end_tls(void)
{
    rig_end();
    certs_end();
}

TestSuite(admin_certificates, .init = begin_tls, .fini = end_tls, .timeout = 120);

#define TLS(verify)                                                                                \
    "tls = { certificates = ( { certificate = \"$certs/site.crt\"; key = \"$certs/site.key\"; } "  \
    ");"                                                                                           \
    " client_certificates = { verify = \"" verify "\"; ca = \"$certs/ca.crt\"; }; };"
#define CLIENTS                                                                                    \
    "clients = ( { subjects = \"CN=ops,O=Weir tests\"; role = \"read-write\"; },"                  \
    " { names = \"spiffe://test/eye\"; } );"

/* 0: the handshake fails. */
static int status_by(const char *certificate, const char *request, const char *fields)
{
    char crt[64], key[64];
    snprintf(crt, sizeof crt, "%s.crt", certificate ? certificate : "");
    snprintf(key, sizeof key, "%s.key", certificate ? certificate : "");
    struct talk *t = tls_talk_try((struct tls_wish){
        .port = rig_port("portadmin"),
        .name = "site.test",
        .ca = certs_path("ca.crt"),
        .certificate = certificate ? certs_path(crt) : NULL,
        .key = certificate ? certs_path(key) : NULL,
    });
    if (!t)
        return 0;
    talk_send(t, "%s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sConnection: close\r\n\r\n", request, fields);
    const int status = talk_response(t)->status;
    talk_close(t);
    return status;
}

Test(admin_certificates, allow_what_their_names_say)
{
    rig_start(.whole = ADMIN("", TLS("required") CLIENTS));
    cr_assert_eq(status_by("ops", "POST /v1/logs/reopen", ""), 200);
    cr_assert_eq(status_by("eye", "GET /v1/clusters", ""), 200);
    cr_assert_eq(status_by("eye", "POST /v1/logs/reopen", ""), 403);
    cr_assert_eq(status_by("guest", "GET /v1/clusters", ""), 403);
    cr_assert_eq(status_by("guest", "GET /metrics", ""), 200);
    cr_assert_eq(status_by("eve", "GET /metrics", ""), 0);
    cr_assert_eq(status_by(NULL, "GET /metrics", ""), 0);
    cr_assert_eq(rig_metric("weir_admin_denied_total{reason=\"handshake\"}"), 2);
    rig_await_log("admin_denied why=role who=\"certificate CN=eye,O=Weir tests at 127.0.0.1\"");
}

Test(admin_certificates, and_tokens_go_together)
{
    rig_start(.whole = ADMIN("", TLS("optional") CLIENTS TOKENS));
    cr_assert_eq(status_by("ops", "POST /v1/logs/reopen", ""), 200);
    cr_assert_eq(status_by(NULL, "GET /v1/clusters", ""), 401);
    cr_assert_eq(status_by(NULL, "POST /v1/logs/reopen", "Authorization: Bearer " OPS "\r\n"), 200);
    cr_assert_eq(status_by("guest", "GET /v1/clusters", "Authorization: Bearer " EYE "\r\n"), 200);
    cr_assert_eq(status_by("ops", "GET /v1/clusters", "Authorization: Bearer wrong\r\n"), 401);
}

Test(admin_certificates, let_the_api_be_reached_from_elsewhere)
{
    rig_start(.whole =
                  "admin = { bind = \"0.0.0.0:$portadmin\"; " TLS("required") CLIENTS " };\n" REST);
    cr_assert_eq(status_by("ops", "POST /v1/logs/reopen", ""), 200);
    rig_write_file("bad.conf",
                   "admin = { bind = \"0.0.0.0:$portadmin\"; " TLS("optional") TOKENS " };\n" REST);
    const char *const args[] = {"-t", "-c", rig_path("bad.conf"), NULL};
    cr_assert_neq(rig_run(args), 0);
}

Test(admin_certificates, are_shown_by_weirctl)
{
    char at[64];
    rig_start(.whole = ADMIN("", TLS("required") CLIENTS));
    snprintf(at, sizeof at, "https://127.0.0.1:%u", rig_port("portadmin"));
    cr_assert_eq(weirctl_run("-s %s --ca %s --cert %s --key %s logs reopen", at,
                             certs_path("ca.crt"), certs_path("ops.crt"), certs_path("ops.key")),
                 0, "%s", weirctl_said());
    cr_assert_eq(weirctl_run("-s %s --ca %s --cert %s --key %s logs reopen", at,
                             certs_path("ca.crt"), certs_path("eye.crt"), certs_path("eye.key")),
                 1);
    WEIRCTL_SAYS(
        "certificate CN=eye,O=Weir tests at 127.0.0.1 may not do that: admin.clients says");
    cr_assert_eq(weirctl_run("-s %s --ca %s endpoint list", at, certs_path("ca.crt")), 3);
    WEIRCTL_SAYS("--cert and --key");
    cr_assert_eq(weirctl_run("-s %s --ca %s --cert %s --key %s endpoint list", at,
                             certs_path("strange_ca.crt"), certs_path("ops.crt"),
                             certs_path("ops.key")),
                 3);
    WEIRCTL_SAYS("is not believed");
}
