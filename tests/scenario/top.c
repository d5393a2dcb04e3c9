/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl top on a terminal of 80 columns and 24 lines, before a gateway with traffic. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/screen.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
    origin_start("v2");
}

static void end(void)
{
    screen_end();
    rig_end();
}

TestSuite(top, .init = begin, .fini = end, .timeout = 120);

static void start(unsigned workers)
{
    rig_start(.workers = workers, .cluster = "breaker = { circuit = { }; };",
              .clusters = "v2 = { endpoints = [ \"$v2\" ]; };",
              .routes =
                  "( { name = \"split\"; canary = { split = ( { cluster = \"app\"; weight = 75; "
                  "}, { cluster = \"v2\"; weight = 25; } ); }; }, { name = \"odd\"; match = { "
                  "path_prefix = \"/odd\"; }; cluster = \"app\"; } )");
}

/* rig_stop() would take weirctl for a process that is left. */
static void stop(void)
{
    rig_signal(SIGTERM);
    cr_assert_eq(rig_await_exit(), 0);
}

static void look(const char *options)
{
    char command[512];
    snprintf(command, sizeof command, "%s -s %s top %s", WEIRCTL_BINARY, rig_path("admin.sock"),
             options);
    screen_start(command, 80, 24);
}

/* A number of the row: 0 is the first behind its name; -1: there is none. */
static double number_of(const char *name, unsigned at)
{
    const char *line = screen_line(name);
    if (!line)
        return -1;
    line = strstr(line, name) + strlen(name);
    for (unsigned i = 0; *line; i++) {
        line += strspn(line, " ");
        if (i == at)
            return *line == '-' ? -1 : strtod(line, NULL);
        line += strcspn(line, " ");
    }
    return -1;
}

enum { SHARE, REQUESTS, C4, C5 };

/* What it shows of a load is what the load itself counts, and the split is exact. */
Test(top, shows_the_rates_of_a_known_load)
{
    start(2);
    load_start(.clients = 2, .pause_ms = 5);
    load_await(20);
    look("--interval 1");
    const uint64_t from_ms = now_ms();
    const unsigned from = load_done();
    AWAIT(number_of("split", REQUESTS) > 0);
    const double rate = (load_done() - from) * 1000.0 / (double)(now_ms() - from_ms);
    const double all = number_of("split", REQUESTS), v1 = number_of("  app", REQUESTS),
                 v2 = number_of("  v2", REQUESTS);
    cr_assert(all > rate * 0.5 && all < rate * 2, "%g, not %g", all, rate);
    cr_assert(v1 > v2 * 2.5 && v1 < v2 * 3.5, "%g, %g\n%s", v1, v2, screen_text());
    cr_assert_eq(number_of("  app", SHARE), 75, "%s", screen_text());
    cr_assert(number_of("split", C4) == 0 && number_of("split", C5) == 0);
    cr_assert_leq(screen_widest(), 80);
    load_stop();
    AWAIT(number_of("split", REQUESTS) == 0);
    cr_assert_eq(screen_clears(), 1, "it is drawn over, not cleared");
}

Test(top, obeys_its_keys)
{
    start(1);
    look("--interval 0.2");
    AWAIT(screen_shows("[routes]"));
    screen_type("c");
    AWAIT(screen_shows("[clusters]") && screen_shows("127.0.0.1:"));
    screen_type("b");
    AWAIT(screen_shows("[breakers]") && screen_shows("cluster app"));
    screen_type("w");
    AWAIT(screen_shows("worker/0") && screen_shows("master"));
    screen_type("e");
    AWAIT(screen_shows("[events]") && screen_shows(" started "));
    screen_type("w?");
    AWAIT(screen_shows("PROCESS    as ps names it"));
    screen_type("?");
    AWAIT(screen_shows("[workers]") && screen_shows("worker/0"));
    screen_type("r>>");
    AWAIT(screen_shows("REQ/Sv"));
    screen_type("S");
    AWAIT(screen_shows("REQ/S^"));
    screen_type("p");
    AWAIT(screen_shows("PAUSED"));
    screen_type("\033[B\033[A\033[99~\tq");
    cr_assert_eq(screen_await_exit(), 0);
    cr_assert(screen_is_usual());
    cr_assert_leq(screen_widest(), 80);
}

Test(top, shows_events_as_they_happen)
{
    start(1);
    look("--interval 0.2 --view events");
    AWAIT(screen_shows("[events]"));
    cr_assert_eq(weirctl_run("canary set split app=1"), 0);
    AWAIT(screen_shows(" canary_changed "));
    cr_assert_leq(screen_widest(), 80);
}

Test(top, follows_the_size_of_its_terminal)
{
    start(1);
    look("--interval 30");
    AWAIT(screen_shows("q quit") && screen_shows("RETRY/S"));
    screen_resize(70, 12);
    AWAIT(screen_shows("q quit") && !screen_shows("RETRY/S") && screen_shows("5XX/S"));
    screen_resize(120, 40);
    AWAIT(screen_shows("RETRY/S") && strlen(screen_line("q quit")) == 120);
}

Test(top, leaves_the_terminal_as_it_was_however_it_ends)
{
    static const struct {
        int signo, code;
    } ends[] = {{SIGINT, 0}, {SIGTERM, -SIGTERM}, {SIGHUP, -SIGHUP}};
    start(1);
    for (size_t i = 0; i < 3; i++) {
        look("");
        AWAIT(screen_shows("[routes]"));
        cr_assert(!screen_is_usual());
        screen_signal(ends[i].signo);
        cr_assert_eq(screen_await_exit(), ends[i].code);
        cr_assert(screen_is_usual(), "after signal %d", ends[i].signo);
        screen_end();
    }
    look("");
    AWAIT(screen_shows("[routes]"));
    screen_type("\003"); /* Ctrl-C */
    cr_assert_eq(screen_await_exit(), 0);
    cr_assert(screen_is_usual());
}

Test(top, stops_and_goes_on_as_the_shell_wants)
{
    start(1);
    look("--interval 0.2");
    AWAIT(screen_shows("[routes]"));
    screen_signal(SIGTSTP);
    AWAIT(screen_is_usual());
    screen_signal(SIGCONT);
    AWAIT(!screen_is_usual() && screen_shows("[routes]"));
    screen_type("w");
    AWAIT(screen_shows("worker/0"));
}

Test(top, says_that_the_gateway_is_gone_and_goes_on_when_it_is_back)
{
    start(1);
    look("--interval 0.2");
    AWAIT(screen_shows("[routes]"));
    stop();
    AWAIT(screen_shows("No answer: "));
    cr_assert(screen_shows("split"), "what was known last stays");
    cr_assert_leq(screen_widest(), 80);
    rig_launch();
    AWAIT(!screen_shows("No answer: ") && screen_shows("split"));
}

Test(top, waits_for_a_gateway_that_is_not_there_yet)
{
    start(1);
    rig_stop();
    look("--interval 0.2");
    AWAIT(screen_shows("weirctl top: asking ") && screen_shows("No answer: "));
    rig_launch();
    AWAIT(screen_shows("[routes]"));
}

/* -- without a terminal ------------------------------------------------------------------------ */

Test(top, prints_one_view_where_there_is_no_terminal)
{
    start(1);
    cr_assert_eq(weirctl_run("top --interval 0.1 --view workers"), 0);
    WEIRCTL_SAYS("[workers]");
    WEIRCTL_SAYS("worker/0");
    cr_assert(!strchr(weirctl_said(), 27), "%s", weirctl_said());
    cr_assert_eq(weirctl_run("--json top --once"), 2);
    WEIRCTL_SAYS("GET /v1/overview/stream");
    cr_assert_eq(weirctl_run("top --once --interval 0.1"), 0);
    WEIRCTL_SAYS("split");
}

Test(top, refuses_what_makes_no_sense)
{
    start(1);
    cr_assert_eq(weirctl_run("top --interval 0"), 2);
    WEIRCTL_SAYS("\"0\" is no interval");
    cr_assert_eq(weirctl_run("top --view everything"), 2);
    WEIRCTL_SAYS("is no view");
    cr_assert_eq(weirctl_run("top --sort x"), 2);
    cr_assert_eq(weirctl_run("top now"), 2);
    rig_stop();
    cr_assert_eq(weirctl_run("top --once"), 3);
}
