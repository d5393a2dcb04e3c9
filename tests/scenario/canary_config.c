/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of splits: what is wrong is said where it stands, and what to do. */
#include "canary_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CANARY_SUITE(canary_config);

static const struct rig_conf *conf_of(const char *routes)
{
    static struct rig_conf c;
    c = (struct rig_conf){.clusters = CANARY_CLUSTER("v1") CANARY_CLUSTER("v2"), .routes = routes};
    return &c;
}

static char *said; /* by the last check */

static int check(const char *routes)
{
    rig_write_conf(*conf_of(routes));
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    free(said);
    said = rig_read("output");
    return status;
}

Test(canary_config, that_is_wrong_says_what_is_right)
{
    static const char *const wrong[][2] = {
        {CANARY_ROUTE(""), "canary.split has 0 variants; it has 1 to 255"},
        {"( { canary = { }; } )", "split"},
        {"( { canary = { split = ( { cluster = \"app\"; weight = 1; canary = { split = ( "
         CANARY_ENTRY("v1", 1) " ); }; } ); }; } )",
         "can't stand within settings of another module"},
        {CANARY_TWO(0, 0), "canary.split can't be kept: the weights sum up to 0"},
        {CANARY_TWO(99999, 1), "make all weights multiples of one step"},
        {CANARY_TWO(-1, 1), "weight"},
        {CANARY_ROUTE("{ cluster = \"v1\"; }"), "weight"},
        {CANARY_ROUTE("{ weight = 1; }"), "cluster"},
        {CANARY_ROUTE(CANARY_ENTRY("v3", 1)), "v3"},
        {CANARY_ROUTE(CANARY_ENTRY("v1", 1) ", " CANARY_ENTRY("v1", 2)),
         "two variants are called \"v1\": give one of them another name"},
        {CANARY_ROUTE(CANARY_ENTRY("v1", 1, "name = \"a\\nb\";")), "can't stand in a header field"},
        {CANARY_ROUTE(CANARY_ENTRY("v1", 1, "name = \"a b\";"), "variant_cookie = \"c\";"),
         "can't stand in the cookie c"},
        {CANARY_TWO(1, 1, "primary = \"v3\";"),
         "canary.primary is \"v3\"; no variant has that name"},
        {CANARY_TWO(1, 1, "sticky = \"cokie:a\";"), "canary.sticky is \"cokie:a\"; allowed are"},
        {CANARY_TWO(1, 1, "stick = \"source\";"), "did you mean \"sticky\"?"},
        {CANARY_TWO(1, 1, "on_unavailable = \"first\";"), "primary"},
        {CANARY_TWO(1, 1, "failures = [ \"5xx\", \"slow\" ];"), "canary.failures[1] is \"slow\""},
        {CANARY_TWO(1, 1, "max_hidden = \"101%\";"), "max_hidden"},
        {CANARY_TWO(1, 1, "response_header = \"Host\";"), "canary.response_header is \"Host\""},
        {CANARY_TWO(1, 1, "response_header = \"a b\";"), "canary.response_header is \"a b\""},
        {CANARY_TWO(1, 1, "variant_cookie = \"a;b\";"), "can't be the name of a cookie"},
        {CANARY_TWO(1, 1, "variant_cookie = \"c\"; sticky = \"cookie:c\";"),
         "give it another name"},
        {CANARY_TWO(1, 1, "sticky = \"cookie:c\"; cookie = { same_site = \"none\"; };"),
         "only take with secure = true"},
        {CANARY_TWO(1, 1, "sticky = \"cookie:__Host-c\";"), "only with secure = true"},
        {CANARY_TWO(1, 1, "sticky = \"cookie:c\"; cookie = { path = \"x\"; };"),
         "canary.cookie: path"},
        {CANARY_TWO(1, 1, "sticky = \"cookie:c\"; cookie = { signed = true; };"), "needs a key"},
        {CANARY_TWO(1, 1, "sticky = \"cookie:c\"; cookie = { key_file = \"key\"; };"),
         "is for signed = true"},
        {CANARY_TWO(1, 1, "sticky = \"source\"; cookie = { signed = true; };"),
         "sticky names no cookie"},
        {CANARY_TWO(1, 1,
                    "sticky = \"cookie:c\"; cookie = { signed = true; key_file = \"none\"; };"),
         "cannot read the key of signed cookies"},
        {CANARY_TWO(1, 1,
                    "sticky = \"cookie:c\"; cookie = { signed = true; key_file = \"short\"; };"),
         "has 31 bytes; it needs 32 to 4096"},
        {"( { cluster = \"app\"; canary = { split = ( " CANARY_ENTRY("v1", 1) " ); }; } )",
         "cluster"},
        {CANARY_TWO(1, 1, "fleet_block = 9;"),
         "canary.fleet_block is 9; allowed are 0 and 10 to 65536"},
        {CANARY_TWO(1, 1, "fleet_block = 65537;"), "fleet_block"},
    };
    rig_write_file("short", "0123456789abcdef0123456789abcde");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(check(wrong[i][0]), 1, "%s", wrong[i][0]);
        cr_assert(strstr(said, "weir.conf:") && strstr(said, wrong[i][1]), "%s\n%s", wrong[i][0],
                  said);
    }
}

Test(canary_config, stands_where_it_is_wrong)
{
    cr_assert_eq(check("(\n { name = \"all\";\n   canary = { split = (\n" CANARY_ENTRY(
                     "v1", 1) ",\n" CANARY_ENTRY("v1", 1) "\n ); }; } )"),
                 1);
    cr_assert(strstr(said, "weir.conf:13: error: two variants"), "%s", said);
}

Test(canary_config, of_another_kind_is_one_mistake)
{
    cr_assert_eq(check("( { name = \"all\"; canary = \"v1\"; } )"), 1);
    cr_assert(strstr(said, "routes[0].canary is \"v1\"; a group") && strstr(said, "(1 errors"), "%s",
              said);
}

Test(canary_config, that_leases_without_a_fleet_is_warned_of)
{
    cr_assert_eq(check(CANARY_TWO(1, 1, "fleet_block = 10;")), 0);
    cr_assert(strstr(said, ": warning: canary.fleet_block does nothing: the configuration has no "
                           "group fleet"),
              "%s", said);
}

Test(canary_config, has_room_for_the_finest_weights)
{
    cr_assert_eq(check(CANARY_TWO(9999, 1)), 0);
    cr_assert_eq(check(CANARY_ROUTE(CANARY_ENTRY("v1", 3333) ", " CANARY_ENTRY(
                     "v2", 3333) ", " CANARY_ENTRY("app", 3334))),
                 0);
    cr_assert_eq(check(CANARY_TWO(990000, 10000)), 0);
}

Test(canary_config, of_a_reload_that_is_wrong_changes_nothing)
{
    canary_start(1, CANARY_TWO(1, 1));
    canary_send(10, 0, "/");
    cr_assert(!canary_reload(1, CANARY_TWO(0, 0)));
    cr_assert(!canary_reload(1, CANARY_TWO(2, 1, "sticky = \"x\";")));
    cr_assert_eq(canary_number(NULL, "position"), 10);
    cr_assert_eq(canary_number("v1", "weight"), 1);
    cr_assert_eq(get("/")->status, 200);
}

/* With a free port instead of the one that it names. */
Test(canary_config, of_the_examples_is_good)
{
    static const char named[] = "0.0.0.0:8080";
    static char text[16 * 1024], conf[sizeof text + 1024];
    FILE *f = fopen(TEST_SRCDIR "/conf/examples/canary.conf", "re");
    cr_assert(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *bind = strstr(text, named);
    cr_assert(bind);
    *bind = '\0';
    snprintf(conf, sizeof conf, "module_folders = [ \"%s\" ];\n%s127.0.0.1:$port%s", WEIR_MODULES,
             text, bind + strlen(named));
    rig_write_file("canary.key", "0123456789abcdef0123456789abcdef");
    rig_write_conf((struct rig_conf){.whole = conf});
    const int status = rig_run((const char *const[]){"-t", "-c", rig_path("weir.conf"), NULL});
    free(said);
    said = rig_read("output");
    cr_assert(status == 0 && strstr(said, "(0 errors, 0 warnings)"), "%s", said);
}
