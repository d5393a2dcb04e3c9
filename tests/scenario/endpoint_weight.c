/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl endpoint weight: another weight than the file's, in all workers, over reloads, until the
 * file says something else. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

static struct origin *app, *bee;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
    bee = origin_start("bee");
}

TestSuite(endpoint_weight, .init = begin, .fini = rig_end, .timeout = 120);

#define EVEN "[ \"$app\", \"$bee\" ]"
#define FILE_SAYS_2 "( \"$app\", { address = \"$bee\"; weight = 2; } )"

/* How many of so many requests, each on a connection of its own, went there. */
static unsigned to_bee(unsigned n)
{
    const unsigned before = origin_requests(bee), all = before + origin_requests(app);
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(get("/")->status, 200);
    cr_assert_eq(origin_requests(bee) + origin_requests(app), all + n);
    return origin_requests(bee) - before;
}

static void weigh(const char *n)
{
    cr_assert_eq(weirctl_run("endpoint weight app 127.0.0.1:%u %s", origin_port(bee), n), 0, "%s",
                 weirctl_said());
}

static bool is_listed(const char *text)
{
    cr_assert_eq(weirctl_run("endpoints app"), 0);
    return strstr(weirctl_said(), text);
}

/* Round robin is exact within a worker; each of the two may be in the middle of a round. */
static void expect_share(unsigned of_bee, unsigned of_all)
{
    const unsigned n = 10 * of_all, got = to_bee(n);
    cr_assert(got + 4 >= 10 * of_bee && got <= 10 * of_bee + 4, "%u of %u", got, n);
}

Test(endpoint_weight, is_in_force_in_all_workers_and_stays_over_a_reload)
{
    rig_start(.workers = 2, .endpoints = EVEN);
    expect_share(1, 2);
    weigh("4");
    WEIRCTL_SAYS(" now has the weight 4; the file says 1.");
    expect_share(4, 5);
    cr_assert(is_listed("4 (file: 1)"), "%s", weirctl_said());
    cr_assert_eq(weirctl_run("clusters app"), 0);
    WEIRCTL_SAYS("4 (file: 1)");
    cr_assert_eq(weirctl_run("explain GET http://h/"), 0);
    WEIRCTL_SAYS("4 (file: 1)");
    rig_renew(.workers = 2, .endpoints = EVEN, .top = "regex_steps = 1000;");
    expect_share(4, 5);
    weigh("");
    WEIRCTL_SAYS(" now has the weight 1; the file says 1.");
    expect_share(1, 2);
    cr_assert(!is_listed("file:"));
}

Test(endpoint_weight, ends_where_the_file_gives_another_one)
{
    rig_start(.workers = 1, .endpoints = EVEN);
    weigh("9");
    rig_write_conf((struct rig_conf){.workers = 1, .endpoints = FILE_SAYS_2});
    setenv("WEIR", WEIR_BINARY, 1);
    cr_assert_eq(weirctl_run("diff %s", rig_path("weir.conf")), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("! clusters.app.endpoints.127.0.0.1:");
    WEIRCTL_SAYS(": the file changes it; the override of endpoint/weight/app/127.0.0.1:");
    rig_renew(.workers = 1, .endpoints = FILE_SAYS_2);
    cr_assert(strstr(rig_await_log("endpoint_weight_forgotten"), "weight=2 before=9 file=2"));
    expect_share(2, 3);
    cr_assert(!is_listed("file:"), "%s", weirctl_said());
    rig_renew(.workers = 1, .endpoints = EVEN);
    expect_share(1, 2);
}

/* As every other override: with its reason, until its time, and dropped by name. */
Test(endpoint_weight, is_listed_as_an_override_until_it_ends)
{
    rig_start(.workers = 1, .endpoints = EVEN);
    weigh("9 --reason 'new machine'");
    cr_assert_eq(weirctl_run("overrides"), 0);
    WEIRCTL_SAYS("endpoint/weight/app/127.0.0.1:");
    WEIRCTL_SAYS("new machine");
    cr_assert_eq(weirctl_run("overrides fragment"), 0);
    WEIRCTL_SAYS("# in clusters > app > endpoints > 127.0.0.1:");
    WEIRCTL_SAYS("\";\nweight = 9;\n");
    cr_assert_eq(weirctl_run("overrides drop endpoint/weight/app/127.0.0.1:%u", origin_port(bee)),
                 0);
    cr_assert(!is_listed("file:"), "%s", weirctl_said());
    weigh("9");
    weigh("1");
    cr_assert_eq(weirctl_run("overrides"), 0);
    WEIRCTL_SAYS("Nothing is overridden");
    weigh("9");
    rig_renew(.workers = 1, .endpoints = FILE_SAYS_2);
    AWAIT(weirctl_run("overrides") == 0 && strstr(weirctl_said(), "Nothing is overridden"));
    weigh("9 --expires 1s");
    AWAIT(!is_listed("file:"));
}

/* Who has which key follows from the weights. */
Test(endpoint_weight, moves_keys_as_well)
{
    unsigned moved;
    rig_start(.workers = 2, .endpoints = EVEN,
              .cluster = "balance = \"ring_hash\"; hash = { header = \"x-user\"; };");
    weigh("9");
    moved = origin_requests(bee);
    for (int i = 0; i < 60; i++) {
        const struct response *r = ask("GET / HTTP/1.1\r\nHost: a\r\nX-User: u%d\r\n\r\n", i);
        cr_assert_eq(r->status, 200);
    }
    moved = origin_requests(bee) - moved;
    cr_assert(moved >= 45, "%u of 60", moved);
}

Test(endpoint_weight, outlives_the_control_process_and_an_upgrade)
{
    pid_t control;
    rig_start(.workers = 1, .endpoints = EVEN);
    weigh("4");
    rig_expect_deaths();
    cr_assert_eq(rig_processes("control", &control, 1), 1);
    kill(control, SIGKILL);
    rig_await_log("process_died");
    AWAIT(weirctl_run("endpoints app") == 0 && strstr(weirctl_said(), "4 (file: 1)"));
    cr_assert(rig_upgrade());
    AWAIT(is_listed("4 (file: 1)"));
    expect_share(4, 5);
}

Test(endpoint_weight, is_refused_where_the_file_could_not_say_it)
{
    rig_start(.workers = 1, .endpoints = EVEN);
    cr_assert_eq(weirctl_run("endpoint weight app 127.0.0.1:%u 0", origin_port(bee)), 1);
    WEIRCTL_SAYS("drain the endpoint");
    cr_assert_eq(weirctl_run("endpoint weight app 127.0.0.1:%u 70000", origin_port(bee)), 1);
    WEIRCTL_SAYS("from 1 to 65535");
    cr_assert_eq(weirctl_run("endpoint weight app 127.0.0.1:%u x", origin_port(bee)), 2);
    cr_assert_eq(weirctl_run("endpoint weight app 10.0.0.9:80 2"), 1);
}
