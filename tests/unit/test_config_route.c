/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: their ends, rewriting, and what fits together. What they match has a test of its own. */
#include "config_case.h"

Test(config_route, a_route_goes_to_a_cluster_by_its_index)
{
    struct config *c = conf_of(
        "routes = ( { name = \"r\"; cluster = \"b\"; rewrite = { prefix = \"/\"; host = "
        "\"x.y:80\"; }; match = { path_prefix = \"/a\"; }; timeout = \"0s\"; body_size = 0; }, "
        "{ cluster = \"a\"; rewrite = { path = \"/p?q=1\"; }; } );\n" LISTENERS
        "clusters = { a = { endpoints = [ \"x:1\" ]; }; b = { endpoints = [ \"x:1\" ]; }; };");
    const struct route_conf *r = c->routes;
    cr_assert_eq(r[0].action, ACTION_CLUSTER);
    cr_assert_slice(r[0].cluster, "b");
    cr_assert_eq(r[0].cluster_index, 1);
    cr_assert_eq(r[1].cluster_index, 0);
    cr_assert_slice(r[0].name, "r");
    cr_assert_slice(r[1].name, "route-2");
    cr_assert_slice(r[0].rewrite.prefix, "/");
    cr_assert_slice(r[0].rewrite.host, "x.y:80");
    cr_assert_slice(r[1].rewrite.path, "/p?q=1");
    cr_assert_eq(r[0].timeout, 0);
    cr_assert_eq(r[0].body_size, 0);
    cr_assert_eq(r[1].timeout, UINT64_MAX);
    cr_assert_eq(r[1].body_size, UINT64_MAX);
    cr_assert(!r[0].redirect.set && !r[0].respond.set);
    config_free(c);
}

Test(config_route, redirects)
{
    struct config *c = conf_of(WITH_ROUTE(
        "redirect = { scheme = \"https\"; host = \"WWW.Example.com\"; port = 8443; path = "
        "\"/new?x\"; status = 308; }; }, { redirect = { host = \"[::1]\"; };"));
    const struct route_conf *r = c->routes;
    cr_assert_eq(r[0].action, ACTION_REDIRECT);
    cr_assert(r[0].redirect.set);
    cr_assert_slice(r[0].redirect.scheme, "https");
    cr_assert_slice(r[0].redirect.host, "www.example.com");
    cr_assert_eq(r[0].redirect.port, 8443);
    cr_assert_slice(r[0].redirect.path, "/new?x");
    cr_assert_eq(r[0].redirect.status, 308);
    cr_assert_slice(r[1].redirect.host, "[::1]");
    cr_assert_eq(r[1].redirect.port, 0);
    cr_assert_eq(r[1].redirect.status, 302);
    config_free(c);
}

Test(config_route, responses)
{
    struct config *c = conf_of(WITH_ROUTE("respond = { status = 503; body = \"{}\"; type = "
                                          "\"application/json\"; }; }, { respond = { };"));
    const struct route_conf *r = c->routes;
    cr_assert_eq(r[0].action, ACTION_RESPOND);
    cr_assert(r[0].respond.set);
    cr_assert_eq(r[0].respond.status, 503);
    cr_assert_slice(r[0].respond.body, "{}");
    cr_assert_slice(r[0].respond.type, "application/json");
    cr_assert_eq(r[1].respond.status, 200);
    cr_assert_eq(r[1].respond.body.n, 0);
    cr_assert_slice(r[1].respond.type, "text/plain; charset=utf-8");
    config_free(c);
}

Test(config_route, exactly_one_end)
{
    CONF_CASES(
        {WITH_ROUTE("name = \"r\";"), "t.conf:4: error: routes[0] says not what to do; exactly one "
                                      "of cluster, redirect and respond"},
        {WITH_ROUTE("cluster = \"b\";\nrespond = { };"),
         "t.conf:5: error: routes[0] has respond beside cluster (line 4); exactly one of cluster, "
         "redirect and respond"},
        {WITH_ROUTE("redirect = { path = \"/x\"; };\n\nrespond = { };"),
         "t.conf:6: error: routes[0] has respond beside redirect (line 4); exactly one of cluster, "
         "redirect and respond"});
}

Test(config_route, clusters_exist)
{
    CONF_CASES(
        {WITH_ROUTE("cluster = \"c\";"),
         "t.conf:4: error: routes[0].cluster is \"c\"; no cluster has that name"},
        {"clusters = { reviews-v1 = { endpoints = [ \"a:1\" ]; }; };\n" LISTENERS
         "routes = ( { cluster = \"reviews_v1\"; } );",
         "t.conf:3: error: routes[0].cluster is \"reviews_v1\"; no cluster has that name; did you "
         "mean \"reviews-v1\"?"},
        {LISTENERS "routes = ( { cluster = \"b\"; } );",
         "t.conf:2: error: routes[0].cluster is \"b\"; no cluster has that name"},
        {WITH_ROUTE("cluster = 3;"), "t.conf:4: error: routes[0].cluster is 3; a text in quotes"});
}

Test(config_route, names_are_unique_also_those_that_are_made)
{
    CONF_CASES(
        {WITH_ROUTE("name = \"r\"; cluster = \"b\"; },\n{ name = \"r\"; cluster = \"b\";"),
         "t.conf:5: error: routes[1].name is \"r\"; the route of line 4 has that name already"},
        {WITH_ROUTE("name = \"route-2\"; cluster = \"b\"; },\n{ cluster = \"b\";"),
         "t.conf:5: error: routes[1].name is \"route-2\" when none is given; the route of line 4 "
         "has that name already"},
        {WITH_ROUTE("cluster = \"b\"; },\n{ name = \"route-1\"; cluster = \"b\";"),
         "t.conf:5: error: routes[1].name is \"route-1\"; the route of line 4 has that name "
         "already"},
        {WITH_ROUTE("name = \"a/b\"; cluster = \"b\";"),
         "t.conf:4: error: routes[0].name is \"a/b\"; 1 to 64 letters, digits, \".\", \"_\" and "
         "\"-\""});
}

#define NEW_PATH "a path that begins with \"/\", escaped as in a URL; it may bring a query"
#define NEW_PREFIX "a path that begins with \"/\", escaped as in a URL, without a query"
Test(config_route, redirects_are_checked)
{
    CONF_CASES(
        {WITH_ROUTE("redirect = { };"),
         "t.conf:4: error: routes[0].redirect leads back to the same URL; at least one of scheme, "
         "host, port, path and prefix"},
        {WITH_ROUTE("redirect = { path = \"/\"; status = 305; };"),
         "t.conf:4: error: routes[0].redirect.status is 305; one of 301, 302, 303, 307 and 308"},
        {WITH_ROUTE("redirect = { path = \"/\"; status = \"301\"; };"),
         "t.conf:4: error: routes[0].redirect.status is \"301\"; one of 301, 302, 303, 307 and "
         "308"},
        {WITH_ROUTE("redirect = { scheme = \"HTTPS\"; };"),
         "t.conf:4: error: routes[0].redirect.scheme is \"HTTPS\"; \"http\" or \"https\""},
        {WITH_ROUTE("redirect = { host = \"a:80\"; };"),
         "t.conf:4: error: routes[0].redirect.host is \"a:80\"; a host such as \"example.com\"; "
         "its port has a setting of its own"},
        {WITH_ROUTE("redirect = { host = \"a\\r\\nSet-Cookie: x\"; };"),
         "t.conf:4: error: routes[0].redirect.host is \"a\\x0d\\x0aSet-Cookie: x\"; a host such as "
         "\"example.com\"; its port has a setting of its own"},
        {WITH_ROUTE("redirect = { host = \"*.example.com\"; };"),
         "t.conf:4: error: routes[0].redirect.host is \"*.example.com\"; a host such as "
         "\"example.com\"; its port has a setting of its own"},
        {WITH_ROUTE("redirect = { port = 0; };"),
         "t.conf:4: error: routes[0].redirect.port is 0; a whole number from 1 to 65535"},
        {WITH_ROUTE("redirect = { path = \"x\"; };"),
         "t.conf:4: error: routes[0].redirect.path is \"x\"; " NEW_PATH},
        {WITH_ROUTE("redirect = { path = \"/a b\"; };"),
         "t.conf:4: error: routes[0].redirect.path is \"/a b\"; " NEW_PATH},
        {WITH_ROUTE("redirect = { path = \"/a\\r\\n\"; };"),
         "t.conf:4: error: routes[0].redirect.path is \"/a\\x0d\\x0a\"; " NEW_PATH},
        {WITH_ROUTE("redirect = { path = \"/é\"; };"),
         "t.conf:4: error: routes[0].redirect.path is \"/é\"; " NEW_PATH},
        {WITH_ROUTE("redirect = { path = \"/a#b\"; };"),
         "t.conf:4: error: routes[0].redirect.path is \"/a#b\"; " NEW_PATH},
        {WITH_ROUTE("match = { path_prefix = \"/a\"; }; redirect = { prefix = \"/b?c\"; };"),
         "t.conf:4: error: routes[0].redirect.prefix is \"/b?c\"; " NEW_PREFIX},
        {WITH_ROUTE("match = { path = \"/a\"; }; redirect = { prefix = \"/b\"; };"),
         "t.conf:4: error: routes[0].redirect.prefix needs match.path_prefix in the same route"},
        {WITH_ROUTE("redirect = { prefix = \"/b\"; };\nmatch = { path_regex = \"/a.*\"; };"),
         "t.conf:4: error: routes[0].redirect.prefix needs match.path_prefix in the same route"},
        {WITH_ROUTE("match = { path_prefix = \"/a\"; };\nredirect = { path = \"/\";\nprefix = "
                    "\"/b\"; };"),
         "t.conf:6: error: routes[0].redirect has both path and prefix; one of them"},
        {WITH_ROUTE("redirect = \"/x\";"),
         "t.conf:4: error: routes[0].redirect is \"/x\"; a group: { ... }"});
}

Test(config_route, responses_are_checked)
{
    CONF_CASES(
        {WITH_ROUTE("respond = { status = 199; };"),
         "t.conf:4: error: routes[0].respond.status is 199; a whole number from 200 to 599"},
        {WITH_ROUTE("respond = { status = 600; };"),
         "t.conf:4: error: routes[0].respond.status is 600; a whole number from 200 to 599"},
        {WITH_ROUTE("respond = { status = 204;\nbody = \"x\"; };"),
         "t.conf:5: error: routes[0].respond has a body; a response with status 204 has none"},
        {WITH_ROUTE("respond = { status = 304; body = \"x\"; };"),
         "t.conf:4: error: routes[0].respond has a body; a response with status 304 has none"},
        {WITH_ROUTE("respond = { type = \"text\"; };"),
         "t.conf:4: error: routes[0].respond.type is \"text\"; a media type such as \"text/plain; "
         "charset=utf-8\""},
        {WITH_ROUTE("respond = { type = \"text/x\\r\\ny\"; };"),
         "t.conf:4: error: routes[0].respond.type is \"text/x\\x0d\\x0ay\"; a media type such as "
         "\"text/plain; charset=utf-8\""});
    config_free(conf_of(WITH_ROUTE("respond = { status = 204; body = \"\"; };")));
}

Test(config_route, rewriting_is_checked)
{
    CONF_CASES(
        {WITH_ROUTE("respond = { }; rewrite = { path = \"/x\"; };"),
         "t.conf:4: error: routes[0].rewrite has no effect without cluster"},
        {WITH_ROUTE("cluster = \"b\"; rewrite = { prefix = \"/x\"; };"),
         "t.conf:4: error: routes[0].rewrite.prefix needs match.path_prefix in the same route"},
        {WITH_ROUTE("cluster = \"b\"; match = { path_prefix = \"/a\"; }; rewrite = { prefix = "
                    "\"/x\"; path = \"/y\"; };"),
         "t.conf:4: error: routes[0].rewrite has both path and prefix; one of them"},
        {WITH_ROUTE("cluster = \"b\"; rewrite = { host = \"a b\"; };"),
         "t.conf:4: error: routes[0].rewrite.host is \"a b\"; a host such as \"example.com\" or "
         "\"example.com:8080\""},
        {WITH_ROUTE("cluster = \"b\"; rewrite = { path = \"*\"; };"),
         "t.conf:4: error: routes[0].rewrite.path is \"*\"; " NEW_PATH},
        {WITH_ROUTE("cluster = \"b\"; timeout = 3;"),
         "t.conf:4: error: routes[0].timeout is 3; a duration such as \"250ms\", \"3s\" or \"5m\", "
         "from 0s to 1d (a number alone has no unit)"},
        {WITH_ROUTE("cluster = \"b\"; mach = { };"),
         "t.conf:4: error: unknown setting routes[0].mach; did you mean \"match\"?"});
}
