/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of weirctl: how they are found, and what they send for which arguments. */
#include "weirctl_case.h"

TestSuite(weirctl_commands, .init = begin, .fini = end);

/* -- the table --------------------------------------------------------------------------------- */

Test(weirctl_commands, are_found_by_their_words)
{
    size_t words;
    cr_assert_str_eq(command_find(WORDS("canary", "get", "reviews"), &words)->name, "canary get");
    cr_assert_eq(words, 2);
    cr_assert(!command_find(WORDS("canary"), &words));
    cr_assert(!command_find(WORDS("get", "canary"), &words));
    cr_assert(!command_find(WORDS("canary get"), &words));
}

Test(weirctl_commands, have_other_names)
{
    size_t words;
    cr_assert_eq(command_find(WORDS("endpoints", "web"), &words), command_named("endpoint list"));
    cr_assert_eq(words, 1);
    cr_assert_eq(command_find(WORDS("breakers"), &words), command_named("breaker list"));
    cr_assert_eq(command_find(WORDS("endpoint", "undrain"), &words),
                 command_named("endpoint enable"));
    cr_assert_eq(words, 2);
    command_help(command_named("endpoint list"), &t);
    cr_assert(strstr(said(), "\n\"weirctl endpoints\" is the same.\n"));
}

Test(weirctl_commands, are_guessed_when_misspelt)
{
    command_guess(WORDS("canary", "gte", "reviews"), &t);
    cr_assert_str_eq(said(), "canary get");
    command_guess(WORDS("drak", "list"), &t);
    cr_assert_str_eq(said(), "dark list");
    command_guess(WORDS("frobnicate"), &t);
    cr_assert_str_eq(said(), "");
}

Test(weirctl_commands, are_listed_all_or_by_their_first_word)
{
    cr_assert(command_list(NULL, &t));
    const char *all = said();
    for (size_t i = 0; commands[i]; i++)
        cr_assert(strstr(all, commands[i]->name) && strstr(all, commands[i]->summary));
    cr_assert(command_list("mirror", &t));
    cr_assert_str_eq(said(), "  mirror diffs [ROUTE]                    show how mirrors answer "
                             "differently\n");
    cr_assert(!command_list("mir", &t));
}

Test(weirctl_commands, have_a_help_that_says_how_they_are_called)
{
    command_help(command_named("dark grant"), &t);
    const char *help = said();
    cr_assert(strstr(help, "Usage: weirctl dark grant [--for DURATION] [--reason TEXT] [--expires "
                           "TIME] [--fleet] NAME\n") == help,
              "%s", help);
    cr_assert(strstr(help, "\nLet a tester into dark launches.\n"), "%s", help);
    cr_assert(strstr(help, "\n  --for DURATION  how long"), "%s", help);
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        cr_assert(c->operands_max >= c->operands_min, "%s", c->name);
        if (!c->path) {
            cr_assert(c->print || c->act, "%s does nothing", c->name);
            continue;
        }
        cr_assert_eq(!c->show + !c->show_line + !c->show_beside, c->added ? 1 : 2, "%s", c->name);
        cr_assert(slice_starts(slice_str(c->path), SLICE("/v1/")), "%s", c->name);
        cr_assert(c->operands_max == 0 || c->ask || c->show_beside,
                  "%s would not look at its operands", c->name);
    }
}

/* What a shell makes of it: tests/completion.sh. */
Test(weirctl_commands, are_completed_by_shells)
{
    char *words[] = {"bash"};
    const struct command_args args = {words, 1, {NULL}};
    const struct command *c = command_named("completion");
    cr_assert(c->print(&args, &t, &t));
    const char *script = said();
    for (size_t i = 0; commands[i]; i++)
        cr_assert(strstr(script, commands[i]->name), "%s", commands[i]->name);
    cr_assert(strstr(script, "\ncompletion fish\n"));
    cr_assert(strstr(script, " | --for"));
    cr_assert(strstr(
        script, "\"dark grant \"*) options=\"$options --for --reason --expires --fleet\" ;;\n"));
    words[0] = "ksh";
    cr_assert(!c->print(&args, &t, &t));
    cr_assert_str_eq(said(), "\"ksh\" is no shell that has completion here: bash, zsh or fish");
}

/* -- what is sent ------------------------------------------------------------------------------ */

Test(weirctl_commands, send_their_arguments_as_json)
{
    cr_assert_str_eq(ask("canary get", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("canary get", NULL, WORDS("reviews")), "{\"route\":\"reviews\"}");
    cr_assert_str_eq(ask("dark list", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("dark grant", NULL, WORDS("alice")),
                     "{\"name\":\"alice\",\"ttl_s\":3600}");
    cr_assert_str_eq(ask("dark grant", "2h", WORDS("alice")),
                     "{\"name\":\"alice\",\"ttl_s\":7200}");
    cr_assert_str_eq(ask("dark grant", "2x", WORDS("alice")),
                     "!--for \"2x\" is not a duration such as 30m, 2h or 7d");
    cr_assert_str_eq(ask("dark revoke", NULL, WORDS("7f")), "{\"id\":\"7f\"}");
    cr_assert_str_eq(ask("dark revoke", "alice", NULL, 0), "{\"name\":\"alice\"}");
    cr_assert(strstr(ask("dark revoke", "alice", WORDS("7f")), "!either"));
    cr_assert(strstr(ask("dark revoke", NULL, NULL, 0), "!either"));
    cr_assert_str_eq(ask("mirror diffs", NULL, WORDS("a")), "{\"route\":\"a\"}");
    cr_assert_str_eq(ask("endpoint list", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("endpoint list", NULL, WORDS("web")), "{\"cluster\":\"web\"}");
    for (const char *const *name = (const char *const[]){"endpoint drain", "endpoint enable", NULL};
         *name; name++)
        cr_assert_str_eq(ask(*name, NULL, WORDS("web", "10.0.0.1:80")),
                         "{\"cluster\":\"web\",\"endpoint\":\"10.0.0.1:80\"}");
    cr_assert_str_eq(ask("endpoint weight", NULL, WORDS("web", "a:1", "3")),
                     "{\"cluster\":\"web\",\"endpoint\":\"a:1\",\"weight\":3}");
    cr_assert_str_eq(ask("endpoint weight", NULL, WORDS("web", "a:1")),
                     "{\"cluster\":\"web\",\"endpoint\":\"a:1\",\"weight\":null}");
    cr_assert_str_eq(ask("endpoint weight", NULL, WORDS("web", "a:1", "1.5")),
                     "!\"1.5\" is no weight: a whole number, such as 3");
    cr_assert_str_eq(ask("clusters", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("clusters", NULL, WORDS("web")), "{\"cluster\":\"web\"}");
}

Test(weirctl_commands, send_filters_as_one_text)
{
    cr_assert_str_eq(ask("logs", NULL, NULL, 0), "{\"filter\":\"\"}");
    cr_assert_str_eq(ask("logs", "7", WORDS("route=shop", "status>=500")),
                     "{\"filter\":\"route=shop status>=500\",\"lines\":7}");
    cr_assert_str_eq(ask("logs", NULL, WORDS("user_agent=a \"b\"", "path!~x y")),
                     "{\"filter\":\"user_agent=\\\"a \\\\\\\"b\\\\\\\"\\\" path!~\\\"x y\\\"\"}");
    cr_assert(strstr(ask("logs", "0", NULL, 0), "!--lines is \"0\""));
    cr_assert_str_eq(ask("log level", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("log level", NULL, WORDS("trace")), "{\"level\":\"trace\"}");
}

Test(weirctl_commands, send_weights_as_they_are_written)
{
    static char *const weights[][2] = {
        {"v=90", "90"},
        {"v=10%", "10"},
        {"v=0.01", "0.01"},
        {"v=0.1%", "0.1"},
        {"v=33.34", "33.34"},
        {"v=0", "0"},
        {"v=123456789.123456", "123456789.123456"},
        {"v=90.0", "90.0"},
    };
    static char *const wrong[] = {"v=",   "v=x",     "v=-1",  "v=1e3", "v=.5",
                                  "v=5.", "v=1.2.3", "v=%",   "v=1%%", "v=+1",
                                  "v= 1", "v=0x10",  "v=inf", "v=nan", "v=1234567890123456"};
    for (size_t i = 0; i < array_n(weights); i++) {
        char want[64];
        snprintf(want, sizeof want, "{\"route\":\"r\",\"weights\":{\"v\":%s}}", weights[i][1]);
        cr_assert_str_eq(ask("canary set", NULL, WORDS("r", weights[i][0])), want);
    }
    for (size_t i = 0; i < array_n(wrong); i++)
        cr_assert(strstr(ask("canary set", NULL, WORDS("r", wrong[i])), "is not a weight"), "%s",
                  wrong[i]);
    cr_assert_str_eq(ask("canary set", NULL, WORDS("r", "a=1", "b=c=2")),
                     "{\"route\":\"r\",\"weights\":{\"a\":1,\"b=c\":2}}");
    cr_assert_str_eq(ask("canary set", NULL, WORDS("r", "a=1", "a=2")), "!\"a\" is given twice");
    cr_assert(strstr(ask("canary set", NULL, WORDS("r", "a")), "is not VARIANT=WEIGHT"));
    cr_assert(strstr(ask("canary set", NULL, WORDS("r", "=1")), "is not VARIANT=WEIGHT"));
}

Test(weirctl_commands, turn_faults_on_and_off)
{
    static char *const wrong[] = {"maybe", "5", "%", ".5%", "1.2.3%", "-1%", "5%%", "1e1%", "ON"};
    cr_assert_str_eq(ask("fault list", NULL, WORDS("r")), "{\"route\":\"r\"}");
    cr_assert_str_eq(ask("fault stop-all", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("fault on", NULL, WORDS("r", "f")),
                     "{\"enabled\":true,\"fault\":\"f\",\"route\":\"r\"}");
    cr_assert_str_eq(ask("fault off", NULL, WORDS("r", "f")),
                     "{\"enabled\":false,\"fault\":\"f\",\"route\":\"r\"}");
    cr_assert_str_eq(ask("fault set", NULL, WORDS("r", "f", "off")),
                     "{\"enabled\":false,\"fault\":\"f\",\"route\":\"r\"}");
    cr_assert_str_eq(ask("fault set", NULL, WORDS("r", "f", "2.5%", "on")),
                     "{\"enabled\":true,\"fault\":\"f\",\"percent\":2.5,\"route\":\"r\"}");
    for (size_t i = 0; i < array_n(wrong); i++)
        cr_assert(strstr(ask("fault set", NULL, WORDS("r", "f", wrong[i])), "is not on, off or"),
                  "%s", wrong[i]);
    cr_assert(strstr(ask("fault set", NULL, WORDS("r", "f", "on", "off")), "one too many"));
    cr_assert(strstr(ask("fault set", NULL, WORDS("r", "f", "1%", "2%")), "one too many"));
}

Test(weirctl_commands, name_a_cluster_or_a_route_whose_breaker_is_meant)
{
    static const char *const both[] = {"breaker open",    "breaker close",  "breaker auto",
                                       "breaker disable", "breaker enable", NULL};
    cr_assert_str_eq(ask("breaker list", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("breaker list", NULL, WORDS("app")), "{\"cluster\":\"app\"}");
    cr_assert_str_eq(ask("breaker list", "all", NULL, 0), "{\"route\":\"all\"}");
    cr_assert(strstr(ask("breaker list", "all", WORDS("app")), "!either a CLUSTER or --route"));
    for (const char *const *name = both; *name; name++) {
        cr_assert(strstr(ask(*name, "all", WORDS("app")), "!either a CLUSTER or --route"));
        cr_assert(strstr(ask(*name, NULL, NULL, 0), "!either a CLUSTER or --route"));
    }
    cr_assert_str_eq(ask("breaker open", NULL, WORDS("app")),
                     "{\"cluster\":\"app\",\"state\":\"open\"}");
    cr_assert_str_eq(ask("breaker close", NULL, WORDS("app", "a:1")),
                     "{\"cluster\":\"app\",\"endpoint\":\"a:1\",\"state\":\"closed\"}");
    cr_assert_str_eq(ask("breaker auto", "all", NULL, 0), "{\"route\":\"all\",\"state\":\"auto\"}");
    cr_assert_str_eq(ask("breaker disable", NULL, WORDS("app")), "{\"cluster\":\"app\"}");
    cr_assert_str_eq(ask("breaker enable", "all", NULL, 0), "{\"route\":\"all\"}");
}

Test(weirctl_commands, eject_endpoints_and_take_them_back)
{
    cr_assert_str_eq(ask("outlier list", NULL, NULL, 0), "{}");
    cr_assert_str_eq(ask("outlier list", NULL, WORDS("app")), "{\"cluster\":\"app\"}");
    cr_assert_str_eq(ask("outlier eject", NULL, WORDS("app", "a:1")),
                     "{\"cluster\":\"app\",\"endpoint\":\"a:1\"}");
    cr_assert_str_eq(ask("outlier eject", "10m", WORDS("app", "a:1", "force")),
                     "{\"cluster\":\"app\",\"endpoint\":\"a:1\",\"force\":true,\"seconds\":600}");
    cr_assert(strstr(ask("outlier eject", "10", WORDS("app", "a:1")), "!--for \"10\" is not a"));
    cr_assert(strstr(ask("outlier eject", NULL, WORDS("app", "a:1", "b:1")), "!\"b:1\" is not f"));
    cr_assert_str_eq(ask("outlier return", NULL, WORDS("app", "a:1")),
                     "{\"cluster\":\"app\",\"endpoint\":\"a:1\"}");
}
