/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl config and diff: what is in force, and what a file would change. */
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
    setenv("WEIR", WEIR_BINARY, 1);
}

static void end(void)
{
    unsetenv("WEIR");
    rig_end();
}

TestSuite(config_show, .init = begin, .fini = end, .timeout = 60);

#define ROUTE(timeout)                                                                             \
    "( { name = \"all\"; retry = { attempts = 3; }; cluster = \"app\"; timeout = \"" timeout       \
    "\"; } )"

Test(config_show, prints_what_is_in_force_with_defaults)
{
    rig_start(.routes = ROUTE("3s"));
    cr_assert_eq(weirctl_run("config"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("\"timeout\": \"3s\"");
    WEIRCTL_SAYS("\"attempts\": 3");
    WEIRCTL_SAYS("\"keep_alive\": \"75s\"");
    cr_assert(rig_reload(.routes = ROUTE("4s")));
    AWAIT(weirctl_run("config") == 0 && strstr(weirctl_said(), "\"timeout\": \"4s\""));
}

Test(config_show, tells_what_a_file_would_change)
{
    rig_start(.routes = ROUTE("3s"));
    cr_assert_eq(weirctl_run("diff %s", rig_path("weir.conf")), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("Nothing would change.\n");
    rig_write_conf((struct rig_conf){.routes = ROUTE("5s"),
                                     .clusters = "more = { endpoints = [ \"$app\" ]; }"});
    cr_assert_eq(weirctl_run("diff %s", rig_path("weir.conf")), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("~ routes.all.timeout: \"3s\" -> \"5s\"\n");
    WEIRCTL_SAYS("+ clusters.more\n");
    rig_write_conf((struct rig_conf){.top = "nonsense = 1;"});
    cr_assert_eq(weirctl_run("diff %s", rig_path("weir.conf")), 1);
    WEIRCTL_SAYS("unknown setting nonsense");
}

Test(config_show, tells_what_is_going_on)
{
    rig_start(.workers = 2, .routes = ROUTE("3s"));
    cr_assert_eq(get("/")->status, 200);
    cr_assert(rig_reload(.workers = 2, .routes = ROUTE("3s")));
    AWAIT(rig_count("worker/") == 2);
    cr_assert_eq(weirctl_run("status"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS(", generation 2, loaded ");
    WEIRCTL_SAYS("1 listeners, 1 routes, 1 clusters; digest ");
    WEIRCTL_SAYS("Workers        2 of 2 alive, 0 of older generations draining\n");
    WEIRCTL_SAYS(
        "Reloads        1, 0 refused; upgrades: 0, 0 given up; 0 processes were replaced\n");
    WEIRCTL_SAYS("Requests       1, 0 under way\n");
    WEIRCTL_SAYS("Endpoints      1: 0 up and 0 down by health checks, 0 drained, 0 held back");
}

Test(config_show, lists_the_routes)
{
    rig_start(.routes =
                  "( { name = \"a\"; match = { host = \"a.test\"; path_prefix = \"/x\"; method = "
                  "\"GET\"; headers = ( { name = \"v\"; present = true; } ); }; retry = { "
                  "attempts = 2; }; cluster = \"app\"; }, { name = \"b\"; match = { path_regex "
                  "= \"/[0-9]+\"; }; respond = { }; } )");
    cr_assert_eq(weirctl_run("routes"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS(" GET      a.test  /x/* +1   app      retry\n");
    WEIRCTL_SAYS(" *        *       ~/[0-9]+  respond  -\n");
}
