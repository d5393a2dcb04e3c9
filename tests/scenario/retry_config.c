/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of retries: what is wrong is said where it stands, and what to do. */
#include "retry_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

RETRY_SUITE(retry_config);

static char *said; /* by the last check */

static int check(struct rig_conf c)
{
    rig_write_conf(c);
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    free(said);
    said = rig_read("output");
    return status;
}

Test(retry_config, that_is_wrong_says_what_is_right)
{
    static const char *const wrong[][2] = {
        {"attempts = 0;", "1 to 10"},
        {"attempts = 11;", "1 to 10"},
        {"on = [ \"reset\", \"conect\" ];", "retry.on[1] is \"conect\"; allowed are"},
        {"on = \"199\";", "retry.on[0] is \"199\""},
        {"attempt = 3;", "did you mean \"attempts\"?"},
        {"methods = [ \"GET\", \"CONNECT\" ];", "retry.methods[1] is \"CONNECT\""},
        {"methods = [ \"a b\" ];", "retry.methods[0] is \"a b\""},
        {"on_headers = ( { exact = \"a\"; } );", "name"},
        {"on_headers = ( { name = \"a b\"; present = true; } );",
         "\"a b\" is no name of a header field"},
        {"on_headers = ( { name = \"a\"; } );", "a needs exactly one of exact, prefix, suffix"},
        {"on_headers = ( { name = \"a\"; exact = \"\"; prefix = \"b\"; } );",
         "a needs exactly one of"},
        {"on_headers = ( { name = \"a\"; regex = \"(\"; } );",
         "the regex of a: it is no regular expression"},
        {"backoff = { base = \"2s\"; max = \"1s\"; };",
         "retry.backoff.base is longer than retry.backoff.max"},
        {"retry_after = { reset_fields = ( { name = \"a:\"; } ); };",
         "\"a:\" is no name of a header field"},
        {"retry_after = { reset_fields = ( { name = \"a\"; format = \"hours\"; } ); };", "seconds"},
        {"hedge = { delay = \"p101\"; };", "retry.hedge.delay is \"p101\"; allowed is"},
        {"hedge = { delay = \"soon\"; };", "retry.hedge.delay is \"soon\""},
        {"hedge = { delay = \"p95\"; min = \"2s\"; max = \"1s\"; };",
         "retry.hedge.min is longer than retry.hedge.max"},
        {"then = { cluster = \"none\"; };", "none"},
        {"then = { cluster = \"app\"; };", "retry.then.cluster is the route's own, app"},
        {"then = { headers = { request = { remove = [ \"a\" ]; }; }; };",
         "retry.then has settings of modules, but no cluster"},
        {"attempt_header = \"Host\";", "retry.attempt_header is \"Host\""},
        {"per_try_timeout = \"2x\";", "per_try_timeout"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char routes[512];
        snprintf(routes, sizeof routes, RETRY_ROUTE("app", "%s"), wrong[i][0]);
        cr_assert_eq(check((struct rig_conf){.routes = routes}), 1, "%s", wrong[i][0]);
        cr_assert(strstr(said, "weir.conf:") && strstr(said, wrong[i][1]), "%s\n%s", wrong[i][0],
                  said);
    }
}

Test(retry_config, that_repeats_nothing_that_it_ends_is_warned_of)
{
    static const char warning[] = "add \"timeout\" to retry.on";
    cr_assert_eq(
        check((struct rig_conf){
            .routes = RETRY_ROUTE("app", "per_try_timeout = \"1s\"; on = [ \"timeout\" ];")}),
        0);
    cr_assert(!strstr(said, warning), "%s", said);
    cr_assert_eq(
        check((struct rig_conf){.routes = RETRY_ROUTE("app", "per_try_timeout = \"1s\";")}), 0);
    cr_assert(strstr(said, warning), "%s", said);
}

Test(retry_config, stands_where_it_is_wrong)
{
    cr_assert_eq(check((struct rig_conf){
                     .routes = "(\n { name = \"all\"; cluster = \"app\"; retry = {\n on_headers = "
                               "(\n { name = \"a\";\n } ); }; } )"}),
                 1);
    cr_assert(strstr(said, "weir.conf:13: error: retry.on_headers: a needs"), "%s", said);
}

/* With a free port instead of the one that it names. */
Test(retry_config, of_the_examples_is_good)
{
    static const char named[] = "0.0.0.0:8080";
    static char text[16 * 1024], conf[sizeof text + 1024];
    FILE *f = fopen(TEST_SRCDIR "/conf/examples/retry.conf", "re");
    cr_assert(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *bind = strstr(text, named);
    cr_assert(bind);
    *bind = '\0';
    snprintf(conf, sizeof conf, "module_folders = [ \"%s\" ];\n%s127.0.0.1:$port%s", WEIR_MODULES,
             text, bind + strlen(named));
    cr_assert_eq(check((struct rig_conf){.whole = conf}), 0, "%s", said);
    cr_assert(strstr(said, "(0 errors, 0 warnings)"), "%s", said);
}
