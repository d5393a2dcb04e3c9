/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl, the program, before a scripted admin server and before a real weir: what it sends, what
 * it prints, and its exit codes. */
#include "tests/lib/admin_script.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct admin_script *script;
static char path[256];
static char said[64 * 1024]; /* by the last run, on both outputs */

static void begin(void)
{
    rig_begin();
    snprintf(path, sizeof path, "%s", rig_path("script.sock"));
}

static void end(void)
{
    if (script)
        admin_script_end(script);
    rig_end();
}

TestSuite(weirctl, .init = begin, .fini = end, .timeout = 120);

static void answer(int status, const char *json)
{
    if (script)
        admin_script_end(script);
    script = admin_script(path, status, json);
}

/* Runs "weirctl ..." with WEIR_SOCKET set to the script's; its exit status. */
static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...)
{
    char args[1024], command[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(args, sizeof args, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "exec 2>&1 </dev/null; WEIR_SOCKET=%s timeout 30 %s %s", path,
             WEIRCTL_BINARY, args);
    FILE *f = popen(command, "r"); /* NOLINT: a fixed text */
    cr_assert(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    const int status = pclose(f);
    cr_assert(WIFEXITED(status), "%x: %s", (unsigned)status, said);
    return WEXITSTATUS(status);
}

#define SAYS(text) cr_assert(strstr(said, text), "%s", said)

Test(weirctl, shows_what_the_gateway_says)
{
    answer(200, "{\"grants\":[{\"id\":\"7f\",\"name\":\"alice\",\"uses\":2}]}");
    cr_assert_eq(run("dark list"), 0, "%s", said);
    SAYS("ID  NAME ");
    SAYS("7f  alice ");
    cr_assert(strstr(admin_script_request(script), "POST /v1/modules/dark_launch/list HTTP/1.1"));
    cr_assert_str_eq(admin_script_content(script), "{}");
    cr_assert_eq(run("--json dark list"), 0);
    cr_assert_str_eq(said, "{\"grants\":[{\"id\":\"7f\",\"name\":\"alice\",\"uses\":2}]}");
    cr_assert_eq(run("dark list --json"), 0);
    cr_assert_str_eq(said, "{\"grants\":[{\"id\":\"7f\",\"name\":\"alice\",\"uses\":2}]}");
}

Test(weirctl, sends_what_the_operator_says)
{
    answer(200, "{\"splits\":[]}");
    cr_assert_eq(run("canary set reviews reviews-v1=99.99%% reviews-v2=0.01"), 0, "%s", said);
    cr_assert_str_eq(
        admin_script_content(script),
        "{\"weights\":{\"reviews-v1\":99.99,\"reviews-v2\":0.01},\"route\":\"reviews\"}");
    answer(200, "{\"name\":\"alice\"}");
    cr_assert_eq(run("dark grant --for 2h alice"), 0, "%s", said);
    cr_assert_str_eq(admin_script_content(script), "{\"name\":\"alice\",\"ttl_s\":7200}");
    cr_assert_eq(run("dark grant alice --for=30m"), 0, "%s", said);
    cr_assert_str_eq(admin_script_content(script), "{\"name\":\"alice\",\"ttl_s\":1800}");
    cr_assert_eq(run("dark grant -- --for"), 0, "%s", said);
    cr_assert_str_eq(admin_script_content(script), "{\"name\":\"--for\",\"ttl_s\":3600}");
}

Test(weirctl, ends_with_1_when_the_gateway_refuses)
{
    answer(409, "{\"error\":\"the weights sum to\\u001b zero\",\"field\":\"weights\"}");
    cr_assert_eq(run("canary set reviews a=0"), 1);
    cr_assert_str_eq(said, "weirctl: refused: the weights sum to\\x1b zero (weights)\n");
    answer(500, "<html>");
    cr_assert_eq(run("dark list"), 1);
    SAYS("it says 500 and no reason: is this the admin socket of a weir?");
    answer(200, "<html>");
    cr_assert_eq(run("--json dark list"), 1);
    SAYS("the answer is no JSON object");
    answer(200, "{}");
    cr_assert_eq(run("dark list >/dev/full"), 1);
    SAYS("can't write the answer");
}

Test(weirctl, ends_with_2_when_the_command_line_is_wrong)
{
    static const char *const cases[][2] = {
        {"", "which command?"},
        {"frobnicate", "there is no command \"frobnicate\"; \"weirctl help\" lists all"},
        {"canary gte reviews", "there is no command \"canary gte\"; did you mean \"canary get\"?"},
        {"canary", "there is no command \"canary\"; there are:\n  canary get [ROUTE]"},
        {"canary get a b", "that is too much\nUsage: weirctl canary get [ROUTE]"},
        {"canary set a", "something is missing\nUsage: weirctl canary set [--reason TEXT] "
                         "[--expires TIME] [--fleet] "
                         "ROUTE VARIANT=WEIGHT..."},
        {"canary set a b", "\"b\" is not VARIANT=WEIGHT"},
        {"canary get \xff", "an argument is not UTF-8"},
        {"dark revoke --name \xc3", "an argument is not UTF-8"},
        {"dark grant alice --for ever", "--for \"ever\" is not a duration"},
        {"dark grant alice --fro 2h", "unrecognized option '--fro'"},
        {"--jsno dark list", "unrecognized option '--jsno'"},
        {"-s nowhere:0 dark list", "\"nowhere:0\" is neither the path of a socket nor HOST:PORT"},
    };
    answer(200, "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(run("%s", cases[i][0]), 2, "%s: %s", cases[i][0], said);
        SAYS(cases[i][1]);
    }
    cr_assert_str_eq(admin_script_request(script), "");
}

Test(weirctl, ends_with_3_when_no_gateway_answers)
{
    cr_assert_eq(run("dark list"), 3);
    SAYS("there is no socket ");
    SAYS("/script.sock: is weir running");
    answer(200, "{}");
    cr_assert_eq(run("-s %s/missing dark list", path), 3);
    SAYS("nobody answers on ");
    cr_assert_eq(run("-s 127.0.0.1:%u dark list", rig_port("portless")), 3);
    SAYS("Connection refused");
    admin_script_end(script);
    script = admin_script_raw(path, "not HTTP");
    cr_assert_eq(run("dark list"), 3);
    SAYS("no usable answer from ");
}

Test(weirctl, has_help_for_itself_and_each_command)
{
    static const char *const cases[][2] = {
        {"help", "Commands (weirctl help COMMAND tells more):\n  status "},
        {"--help", "Exit codes: 0 done"},
        {"help dark grant",
         "Usage: weirctl dark grant [--for DURATION] [--reason TEXT] [--expires TIME] "
         "[--fleet] NAME\n"},
        {"dark grant --help",
         "Usage: weirctl dark grant [--for DURATION] [--reason TEXT] [--expires TIME] "
         "[--fleet] NAME\n"},
        {"--help dark grant",
         "Usage: weirctl dark grant [--for DURATION] [--reason TEXT] [--expires TIME] "
         "[--fleet] NAME\n"},
        {"dark --help", "  dark revoke [ID] "},
        {"help dark", "  dark revoke [ID] "},
        {"--version", "weirctl "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(run("%s", cases[i][0]), 0, "%s: %s", cases[i][0], said);
        SAYS(cases[i][1]);
    }
}

Test(weirctl, reaches_a_weir_by_socket_and_by_port)
{
    origin_start("app");
    rig_start();
    cr_assert_eq(run("-s %s canary get", rig_path("admin.sock")), 1);
    SAYS("weirctl: refused: ");
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t, "POST /metrics HTTP/1.1\r\nHost: admin\r\n\r\n");
    cr_assert_eq(talk_response(t)->status, 405);
    cr_assert_str_eq(field_of(&t->r, "allow"), "GET, HEAD");
    talk_send(t, "GET /healthz HTTP/1.1\r\nHost: admin\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "1\r\nx\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: admin\r\n\r\n");
    cr_assert(body_is(talk_response(t), "ok\n"));
    cr_assert(body_is(talk_response(t), "ok\n"));
    rig_stop();
    rig_start(.whole = "admin = { bind = \"127.0.0.1:$portadmin\"; role = \"read-only\"; };\n"
                       "listeners = ( { name = \"a\"; bind = \"127.0.0.1:$port\"; } );\n"
                       "clusters = { app = { endpoints = [ \"$app\" ]; }; };\n"
                       "routes = ( { cluster = \"app\"; } );\n");
    cr_assert_eq(run("-s 127.0.0.1:%u canary get", rig_port("portadmin")), 1);
    SAYS("weirctl: refused: ");
}
