/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl explain --file: a configuration that isn't in force, for one request or for those of an
 * access log. */
#include "base/text.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

#include <stdlib.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
    origin_start("next");
    setenv("WEIR", WEIR_BINARY, 1);
}

static void end(void)
{
    unsetenv("WEIR");
    rig_end();
}

TestSuite(explain_file, .init = begin, .fini = end, .timeout = 120);

#define NEXT "next = { endpoints = [ \"$next\" ]; };"
#define SPLIT(a, b)                                                                                \
    "{ name = \"reviews\"; match = { path_prefix = \"/reviews\"; }; canary = { split = ( "         \
    "{ cluster = \"app\"; weight = " a "; }, { cluster = \"next\"; weight = " b                    \
    "; } ); sticky = \"source\"; }; }"
#define VERSIONED                                                                                  \
    "{ name = \"new\"; match = { path_prefix = \"/api\"; headers = ( { name = \"X-V\"; exact = "   \
    "\"2\"; } ); }; cluster = \"next\"; }"
#define REST "{ name = \"rest\"; cluster = \"app\"; }"

Test(explain_file, needs_no_gateway)
{
    rig_write_conf(
        (struct rig_conf){.clusters = NEXT, .routes = "( " SPLIT("1", "1") ", " REST " )"});
    cr_assert_eq(
        weirctl_run("explain --file %s GET http://a.test/reviews/1", rig_path("weir.conf")), 0,
        "%s", weirctl_said());
    WEIRCTL_SAYS("Route reviews: the whole request has ");
    WEIRCTL_SAYS("This file isn't in force.");
    cr_assert_eq(weirctl_run("--json explain --file %s GET http://a.test/x", rig_path("weir.conf")),
                 0);
    WEIRCTL_SAYS("\"live\":false");
    WEIRCTL_SAYS("\"route\":\"rest\"");
}

Test(explain_file, says_what_is_wrong_with_it)
{
    rig_write_conf((struct rig_conf){.top = "nonsense = 1;"});
    cr_assert_eq(weirctl_run("explain --file %s GET /", rig_path("weir.conf")), 1);
    WEIRCTL_SAYS("error: unknown setting nonsense");
    rig_write_conf((struct rig_conf){0});
    cr_assert_eq(weirctl_run("explain --file %s GET /%%zz", rig_path("weir.conf")), 1);
    WEIRCTL_SAYS("would be refused with 400");
    cr_assert_eq(weirctl_run("explain --file %s", rig_path("weir.conf")), 2);
    WEIRCTL_SAYS("--file needs METHOD URL, or --samples");
    cr_assert_eq(weirctl_run("explain --samples x"), 2);
    WEIRCTL_SAYS("--samples and --against need --file");
    cr_assert_eq(weirctl_run("explain --file x --samples y --listener z"), 2);
    WEIRCTL_SAYS("the headers, source and listener of the log");
}

static void ask_some(void)
{
    for (int i = 0; i < 3; i++)
        cr_assert_eq(get("/reviews/1?note=b")->status, 200);
    cr_assert_eq(get("/gone")->status, 200);
    cr_assert_eq(get("/api/1")->status, 200);
    cr_assert_eq(get("/same")->status, 200);
    cr_assert_eq(ask("GET /%%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")->status, 400);
    AWAIT(rig_access_lines() == 7);
}

#define CANDIDATE                                                                                  \
    "( { name = \"reviews\"; match = { path_prefix = \"/reviews\"; }; cluster = \"next\"; }, "     \
    "{ name = \"gone\"; match = { path = \"/gone\"; }; respond = { status = 410; }; }, " VERSIONED \
    ", " REST " )"

static void says_what_changes(void)
{
    WEIRCTL_SAYS("6 requests: 1 go the same way, 4 would go another, 1 can't be told\n");
    WEIRCTL_SAYS("1 lines are no requests that could be asked\n");
    WEIRCTL_SAYS("3 from route reviews to app or next\n  to route reviews to next\n  such as GET "
                 "http://");
    WEIRCTL_SAYS("/reviews/1?note=b\n");
    WEIRCTL_SAYS("1 from route rest to app\n  to route gone (respond 410)\n");
    WEIRCTL_SAYS("  1: route new asks for header x-v\n");
}

Test(explain_file, lists_requests_of_a_log_that_would_go_another_way)
{
    rig_start(.clusters = NEXT, .routes = "( " SPLIT("9", "1") ", " REST " )");
    ask_some();
    cr_assert_eq(weirctl_run("explain --file %s --samples %s", rig_path("weir.conf"),
                             rig_path("access.log")),
                 0, "%s", weirctl_said());
    WEIRCTL_SAYS("6 requests: 6 go the same way, 0 would go another, 0 can't be told\n");
    char *live = rig_read("weir.conf");
    rig_write_file("live.conf", live);
    free(live);
    rig_write_conf((struct rig_conf){.clusters = NEXT, .routes = CANDIDATE});
    cr_assert_eq(weirctl_run("explain --file %s --samples %s", rig_path("weir.conf"),
                             rig_path("access.log")),
                 0, "%s", weirctl_said());
    says_what_changes();
    cr_assert_eq(weirctl_run("explain --file %s --samples - --against %s <%s",
                             rig_path("weir.conf"), rig_path("live.conf"), rig_path("access.log")),
                 0, "%s", weirctl_said());
    says_what_changes();
    cr_assert_eq(weirctl_run("--json explain --file %s --samples %s", rig_path("weir.conf"),
                             rig_path("access.log")),
                 0);
    WEIRCTL_SAYS("\"changed\":4");
}

Test(explain_file, takes_other_weights_for_the_same_way)
{
    rig_start(.clusters = NEXT, .routes = "( " SPLIT("9", "1") ", " REST " )");
    ask_some();
    rig_write_conf(
        (struct rig_conf){.clusters = NEXT, .routes = "( " SPLIT("1", "9") ", " REST " )"});
    cr_assert_eq(weirctl_run("explain --file %s --samples %s", rig_path("weir.conf"),
                             rig_path("access.log")),
                 0, "%s", weirctl_said());
    WEIRCTL_SAYS("6 requests: 6 go the same way, 0 would go another, 0 can't be told\n");
}

Test(explain_file, reads_thousands_of_requests)
{
    enum { REQUESTS = 3000 };
    struct text log;
    rig_start(.clusters = NEXT, .routes = "( " REST " )");
    text_init(&log);
    for (int i = 0; i < REQUESTS; i++)
        text_printf(&log,
                    "{\"listener\":\"public\",\"method\":\"GET\",\"scheme\":\"http\",\"host\":"
                    "\"a.test\",\"path\":\"/%s/%d\"}\n",
                    i % 3 ? "same" : "gone", i);
    for (int i = 0; i < 3 << 20; i++)
        text_char(&log, 'x'); /* longer than a line may be */
    text_str(&log, "\n{\"listener\":\"public\",\"method\":\"GET\",\"scheme\":\"http\",\"host\":"
                   "\"a.test\",\"path\":\"/same/last\"}\n");
    text_char(&log, '\0');
    rig_write_file("big.log", log.p);
    text_fini(&log);
    rig_write_conf((struct rig_conf){
        .routes = "( { name = \"gone\"; match = { path_prefix = \"/gone\"; }; respond = { status = "
                  "410; }; }, " REST " )"});
    cr_assert_eq(
        weirctl_run("explain --file %s --samples %s", rig_path("weir.conf"), rig_path("big.log")),
        0, "%s", weirctl_said());
    WEIRCTL_SAYS("3001 requests: 2001 go the same way, 1000 would go another, 0 can't be told\n");
    WEIRCTL_SAYS("1 lines are no requests that could be asked\n");
}

Test(explain_file, refuses_logs_that_are_not_certain)
{
    rig_start(.log = "format = \"common\";");
    cr_assert_eq(get("/")->status, 200);
    AWAIT(rig_access_lines() == 1);
    cr_assert_eq(weirctl_run("explain --file %s --samples %s", rig_path("weir.conf"),
                             rig_path("access.log")),
                 1);
    WEIRCTL_SAYS("the first line is no JSON object");
    WEIRCTL_SAYS("log.format = \"json\" is needed");
    cr_assert_eq(weirctl_run("explain --file %s --samples /dev/zero", rig_path("weir.conf")), 1);
    WEIRCTL_SAYS("the first line is no JSON object");
    cr_assert_eq(weirctl_run("explain --file %s --samples /nowhere", rig_path("weir.conf")), 1);
    WEIRCTL_SAYS("can't read /nowhere");
    cr_assert_eq(weirctl_run("explain --file %s --samples /", rig_path("weir.conf")), 1);
    WEIRCTL_SAYS("can't read /: Is a directory");
}
