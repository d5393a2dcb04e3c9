/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl explain: what it says of a request is what then happens to it, and asking changes
 * nothing. */
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"
#include "tests/lib/weirctl_run.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
    origin_start("next");
}

static json_t *said;

static void end(void)
{
    json_decref(said);
    said = NULL;
    rig_end();
}

TestSuite(explain, .init = begin, .fini = end, .timeout = 120);

#define NEXT "next = { endpoints = [ \"$next\" ]; };"
#define SPLIT                                                                                      \
    "{ name = \"reviews\"; match = { path_prefix = \"/reviews\"; }; canary = { split = ( "         \
    "{ cluster = \"app\"; weight = 60; }, { cluster = \"next\"; weight = 40; } ); "                \
    "sticky = \"cookie:user\"; response_header = \"X-Variant\"; }; "                               \
    "retry = { attempts = 3; on = [ \"5xx\" ]; }; timeout = \"3s\"; }"
#define ROUTES                                                                                     \
    "( " SPLIT ", { name = \"exact\"; match = { host = \"a.test\"; path = \"/reviews/1\"; "        \
    "headers = ( { name = \"X-V\"; exact = \"2\"; } ); }; cluster = \"app\"; }, "                  \
    "{ name = \"rest\"; cluster = \"app\"; } )"

/* What weirctl --json says of it; the answer stays until the next call. */
static const json_t *explain(const char *words)
{
    json_decref(said);
    cr_assert_eq(weirctl_run("--json explain %s", words), 0, "%s", weirctl_said());
    said = json_loads(weirctl_said(), 0, NULL);
    cr_assert(said);
    return said;
}

static const char *text(const json_t *o, const char *key)
{
    const char *value = json_string_value(json_object_get(o, key));
    return value ? value : "";
}

/* What is said of one of the routes. */
static const json_t *of_route(const json_t *answer, const char *name)
{
    const json_t *routes = json_object_get(answer, "routes"), *route;
    size_t i;
    json_array_foreach(routes, i, route) if (!strcmp(text(route, "name"), name)) return route;
    cr_assert_fail("nothing is said of %s", name);
    return NULL;
}

Test(explain, says_of_each_route_why_it_is_taken_or_not)
{
    rig_start(.clusters = NEXT, .routes = ROUTES);
    const json_t *a = explain("GET http://a.test/reviews/1 -H 'X-V: 1'");
    cr_assert_str_eq(text(a, "route"), "reviews");
    cr_assert_str_eq(text(of_route(a, "reviews"), "verdict"), "taken");
    const json_t *miss = json_object_get(of_route(a, "exact"), "miss");
    cr_assert_str_eq(text(miss, "condition"), "header");
    cr_assert_str_eq(text(miss, "name"), "x-v");
    cr_assert_str_eq(text(miss, "found"), "1");
    cr_assert_str_eq(text(of_route(a, "rest"), "verdict"), "outranked");
    cr_assert_str_eq(text(of_route(a, "rest"), "by"), "the more specific kind of path");
    a = explain("GET http://A.TEST/reviews/./1 -H 'X-V: 2'");
    cr_assert_str_eq(text(a, "route"), "exact");
    cr_assert_str_eq(text(a, "path"), "/reviews/1");
    cr_assert_str_eq(text(of_route(a, "reviews"), "by"), "the narrower host");
}

Test(explain, gives_the_odds_of_a_split_and_takes_no_ticket)
{
    rig_start(.clusters = NEXT, .routes = ROUTES);
    for (int i = 0; i < 3; i++) {
        const json_t *clusters = json_object_get(explain("GET /reviews"), "clusters");
        cr_assert_eq(json_array_size(clusters), 2);
        const json_t *app = json_array_get(clusters, 0);
        cr_assert_eq(json_integer_value(json_object_get(app, "millionths")), 600000);
        cr_assert_str_eq(text(app, "chosen_by"), "canary");
        cr_assert_eq(json_array_size(json_object_get(app, "endpoints")), 1);
    }
    cr_assert_eq(weirctl_run("--json canary get reviews"), 0);
    WEIRCTL_SAYS("\"position\":0,");
}

/* Users are where it says that they are. */
Test(explain, says_where_a_user_goes_then)
{
    unsigned next = 0;
    rig_start(.clusters = NEXT, .routes = ROUTES);
    for (int i = 0; i < 30; i++) {
        char words[128];
        snprintf(words, sizeof words, "GET /reviews -H 'Cookie: user=%d'", i);
        const json_t *clusters = json_object_get(explain(words), "clusters");
        cr_assert_eq(json_array_size(clusters), 1);
        const char *variant = text(json_array_get(clusters, 0), "variant");
        const struct response *r =
            ask("GET /reviews HTTP/1.1\r\nHost: b\r\nCookie: user=%d\r\n\r\n", i);
        cr_assert_str_eq(field_of(r, "x-variant"), variant);
        next += !strcmp(variant, "next");
    }
    cr_assert(next > 3 && next < 27, "%u", next);
}

Test(explain, tells_people_the_whole_way)
{
    rig_start(.clusters = NEXT, .routes = ROUTES,
              .cluster = "breaker = { circuit = { open_on = { min_requests = 10; }; }; };");
    cr_assert_eq(weirctl_run("breaker open app"), 0, "%s", weirctl_said());
    cr_assert_eq(weirctl_run("explain GET http://a.test/reviews/1"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("Listener  public (127.0.0.1:");
    WEIRCTL_SAYS("Request   GET, host a.test, path /reviews/1\n");
    WEIRCTL_SAYS("no: header x-v wants exact 2; there is none");
    WEIRCTL_SAYS("Route reviews: the whole request has 3000 ms\n");
    WEIRCTL_SAYS("  retry: up to 3 attempts, on: 5xx\n");
    WEIRCTL_SAYS("Cluster app: 60% of such requests, as app, by canary");
    WEIRCTL_SAYS("  breaker: the circuit is open, as an operator says: it lets nothing through\n");
    WEIRCTL_SAYS("Cluster next: 40% of such requests, as next, by canary");
}

Test(explain, tells_the_defaults_of_retries)
{
    rig_start(.routes =
                  "( { name = \"all\"; cluster = \"app\"; }, { name = \"none\"; cluster = \"app\"; "
                  "match = { path = \"/none\"; }; retry = { on = [ ]; }; } )");
    cr_assert_eq(weirctl_run("explain GET http://a.test/"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("  retry: up to 2 attempts, on: connect_failed, refused_stream, reset\n");
    cr_assert_eq(weirctl_run("explain GET http://a.test/none"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("  retry: up to 2 attempts, on: nothing but what on_headers names\n");
}

Test(explain, tells_of_own_answers_and_of_no_route)
{
    rig_start(.routes = "( { name = \"r\"; match = { host = \"a.test\"; }; respond = { status = "
                        "418; }; } )");
    cr_assert_eq(weirctl_run("explain GET http://a.test/"), 0);
    WEIRCTL_SAYS("Route r: weir answers itself (respond, 418)");
    cr_assert_eq(weirctl_run("explain GET http://b.test/"), 0);
    WEIRCTL_SAYS("No route: answered with 404.\n");
}

Test(explain, knows_who_asks)
{
    rig_start(.top = "modules = { vouch = { }; };",
              .routes =
                  "( { name = \"testers\"; match = { identity = ( { name = \"groups\"; exact = "
                  "\"testers\"; } ); }; cluster = \"app\"; }, { name = \"rest\"; cluster = "
                  "\"app\"; } )");
    cr_assert_str_eq(text(explain("GET /"), "route"), "rest");
    cr_assert_str_eq(
        text(explain("GET / --identity 'sub=ann groups=users groups=testers'"), "route"),
        "testers");
}

Test(explain, refuses_what_the_gateway_would_refuse)
{
    rig_start();
    cr_assert_eq(weirctl_run("explain GET /%%zz"), 1);
    WEIRCTL_SAYS("would be refused with 400: a percent sign without two hexadecimal digits (url)");
    cr_assert_eq(weirctl_run("explain 'G T' /"), 1);
    WEIRCTL_SAYS("is no method");
    cr_assert_eq(weirctl_run("explain GET / --listener pubic"), 1);
    WEIRCTL_SAYS("there is no listener \"pubic\"; did you mean \"public\"?");
    cr_assert_eq(weirctl_run("explain GET / -H nonsense"), 1);
    WEIRCTL_SAYS("is not \"Name: value\"");
    cr_assert_eq(weirctl_run("explain GET / --identity nonsense"), 2);
    WEIRCTL_SAYS("\"nonsense\" is not CLAIM=VALUE");
    cr_assert_eq(weirctl_run("explain GET / --source x"), 1);
    WEIRCTL_SAYS("is no IP address");
}

Test(explain, lets_modules_say_what_they_would_do)
{
    rig_name("c4", "$c4");
    rig_write_file("users", "anna:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n");
    rig_start(.top = "modules = { auth = { basic = { file = \"$dir/users\"; }; }; };",
              .endpoints = "[ \"$app\", \"$next\" ]", .clusters = NEXT,
              .routes = "( { name = \"all\"; cluster = \"app\"; "
                        "auth = { require = ( { claim = \"groups\"; any_of = [ \"testers\" ]; } ); "
                        "}; mirror = ( { cluster = \"next\"; percent = \"20%\"; methods = [ "
                        "\"GET\" ]; } ); tracing = { sampling = { ratio = \"10%\"; }; }; "
                        "headers = { request = { remove = [ \"X-A\" ]; set = ( { name = "
                        "\"X-User\"; value = \"u %{claim.sub|nobody}\"; } ); }; "
                        "response = { add = ( { name = \"X-B\"; value = \"b\"; } ); }; }; } )");
    cr_assert_eq(weirctl_run("explain GET /"), 0, "%s", weirctl_said());
    WEIRCTL_SAYS("auth: an identity is required, by: basic\n");
    WEIRCTL_SAYS("whoever shows no credentials is asked for them (401, credentials_missing)");
    WEIRCTL_SAYS("mirror: 20% of such requests are copied to next, at most ");
    WEIRCTL_SAYS("headers: request: removes X-A\n");
    WEIRCTL_SAYS("request: sets X-User: u %{claim.sub|nobody}\n");
    WEIRCTL_SAYS("response: adds X-B: b\n");
    WEIRCTL_SAYS("tracing: a trace begins here: 10% of such traces are recorded, by their ids\n");
    WEIRCTL_SAYS("there is no collector: spans go nowhere");
    WEIRCTL_SAYS("outlier: 2 endpoints are in use\n");
    cr_assert_eq(weirctl_run("explain POST / --identity sub=ann -H 'traceparent: "
                             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'"),
                 0);
    WEIRCTL_SAYS("this identity is refused (403, claim_missing): its claim groups has none of");
    WEIRCTL_SAYS("mirror: not copied to next: it isn't for POST\n");
    WEIRCTL_SAYS("its parent has decided (if a trusted proxy sends it): it is recorded\n");
    cr_assert_eq(weirctl_run("explain GET / --identity 'sub=ann groups=testers'"), 0);
    WEIRCTL_SAYS("this identity passes, if it is shown in one of these ways");
}

Test(explain, names_endpoints_that_are_ejected)
{
    rig_start(.endpoints = "[ \"$app\", \"$next\" ]");
    cr_assert_eq(weirctl_run("--json endpoint list"), 0);
    json_t *list = json_loads(weirctl_said(), 0, NULL);
    const json_t *endpoints =
        json_object_get(json_array_get(json_object_get(list, "clusters"), 0), "endpoints");
    const char *name = text(json_array_get(endpoints, 0), "name");
    cr_assert_eq(weirctl_run("outlier eject app %s --for 60s", name), 0, "%s", weirctl_said());
    json_decref(list);
    cr_assert_eq(weirctl_run("explain GET /"), 0);
    WEIRCTL_SAYS(" is ejected (operator), for ");
    WEIRCTL_SAYS(" s still, 1 times of late");
    WEIRCTL_SAYS("1 endpoints are in use");
}
