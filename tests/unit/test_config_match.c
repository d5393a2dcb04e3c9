/* SPDX-License-Identifier: Apache-2.0 */
/* What routes match: spelling of hosts and paths, conditions, and what can't match. */
#include "config_case.h"

#define ROUTE(part) WITH_ROUTE("cluster = \"b\"; match = { " part " };")

Test(config_match, everything_absent_matches_everything)
{
    struct config *c = conf_of(ROUTE(""));
    const struct route_conf *r = c->routes;
    cr_assert_eq(r->match.path_form, PATH_ANY);
    cr_assert_eq(r->match.hosts.n + r->match.methods.n + r->match.listeners.n, 0);
    cr_assert_eq(r->match.headers.n + r->match.query.n + r->match.cookies.n, 0);
    cr_assert_eq(r->match.sources_n, 0);
    config_free(c);
}

Test(config_match, values_are_stored)
{
    struct config *c = conf_of(ROUTE(
        "host = [ \"A.Example.COM\", \"*.Example.com.\", \"*\", \"[::1]\" ]; path = \"/x\"; method "
        "= [ \"GET\", \"PURGE\" ]; listener = \"a\"; source = [ \"10.0.0.0/8\", \"unix\" ];"
        "headers = ( { name = \"X-V\"; exact = \"\"; }, { name = \"b\"; present = false; } );"
        "query = ( { name = \"a[]\"; prefix = \"p\"; }, { name = \"b\"; regex = \"^v[12]$\"; } );"
        "cookies = ( { name = \"c\"; suffix = \"s\"; }, { name = \"d\"; present = true; } );"
        "identity = ( { name = \"urn:x/groups\"; exact = \"testers\"; } );"));
    const struct route_conf *r = c->routes;
    cr_assert_eq(r->match.hosts.n, 4);
    cr_assert_slice(r->match.hosts.v[0], "a.example.com");
    cr_assert_slice(r->match.hosts.v[1], "*.example.com");
    cr_assert_slice(r->match.hosts.v[2], "*");
    cr_assert_slice(r->match.hosts.v[3], "[::1]");
    cr_assert_eq(r->match.path_form, PATH_EXACT);
    cr_assert_slice(r->match.path, "/x");
    cr_assert_eq(r->match.methods.n, 2);
    cr_assert_slice(r->match.methods.v[1], "PURGE");
    cr_assert_slice(r->match.listeners.v[0], "a");
    cr_assert_eq(r->match.sources_n, 2);
    cr_assert_eq(r->match.headers.v[0].form, MATCH_EXACT);
    cr_assert_slice(r->match.headers.v[0].name, "X-V");
    cr_assert_eq(r->match.headers.v[1].form, MATCH_ABSENT);
    cr_assert_eq(r->match.query.v[0].form, MATCH_PREFIX);
    cr_assert_slice(r->match.query.v[0].value, "p");
    cr_assert_eq(r->match.query.v[1].form, MATCH_REGEX);
    cr_assert_eq(r->match.cookies.v[0].form, MATCH_SUFFIX);
    cr_assert_eq(r->match.cookies.v[1].form, MATCH_PRESENT);
    cr_assert_eq(r->match.cookies.v[1].place.line, 4);
    cr_assert_eq(r->match.identity.n, 1);
    cr_assert_slice(r->match.identity.v[0].name, "urn:x/groups");
    cr_assert_slice(r->match.identity.v[0].value, "testers");
    config_free(c);
}

Test(config_match, paths_have_the_spelling_of_requests)
{
    static const struct {
        const char *part, *path;
        int form;
    } cases[] = {
        {"path = \"/a//b/./c/../%64%c3%a4\";", "/a/b/d%C3%A4", PATH_EXACT},
        {"path = \"/a/\";", "/a/", PATH_EXACT},
        {"path_prefix = \"/a/\";", "/a", PATH_PREFIX},
        {"path_prefix = \"/a\";", "/a", PATH_PREFIX},
        {"path_prefix = \"/\";", "/", PATH_PREFIX},
        {"path_prefix = \"//\";", "/", PATH_PREFIX},
        {"path_regex = \"/a//[0-9]+\";", "/a//[0-9]+", PATH_REGEX},
    };
    for (size_t i = 0; i < array_n(cases); i++) {
        char text[512];
        snprintf(text, sizeof text,
                 LISTENERS CLUSTERS "routes = ( { cluster = \"b\"; match = { %s }; } );",
                 cases[i].part);
        struct config *c = conf_of(text);
        cr_assert(slice_eq(c->routes[0].match.path, slice_str(cases[i].path)), "%s", cases[i].part);
        cr_assert_eq(c->routes[0].match.path_form, cases[i].form);
        config_free(c);
    }
}

/* The rules stand further down in the file, and hold all the same. */
Test(config_match, paths_follow_the_rules_of_the_top)
{
    struct config *c =
        conf_of(ROUTE("path = \"/a//b%2fc\";") "paths = { duplicate_slashes = \"keep\"; "
                                               "keep_encoded_slashes = true; };");
    cr_assert_slice(c->routes[0].match.path, "/a//b%2Fc");
    config_free(c);
    CONF_CASES({ROUTE("path = \"/a//b\";") "paths = { duplicate_slashes = \"refuse\"; };",
                "t.conf:4: error: routes[0].match.path is \"/a//b\"; no request can have that "
                "path: an empty path segment"});
}

Test(config_match, paths_are_checked)
{
    CONF_CASES(
        {ROUTE("path = \"a\";"), "t.conf:4: error: routes[0].match.path is \"a\"; a path that "
                                 "begins with \"/\""},
        {ROUTE("path = \"/a?b=1\";"),
         "t.conf:4: error: routes[0].match.path is \"/a?b=1\"; a path has no \"?\": conditions on "
         "the query stand in match.query"},
        {ROUTE("path_prefix = \"/../a\";"),
         "t.conf:4: error: routes[0].match.path_prefix is \"/../a\"; no request can have that "
         "path: dot segments that go above the root"},
        {ROUTE("path = \"/%2f\";"),
         "t.conf:4: error: routes[0].match.path is \"/%2f\"; no request can have that path: an "
         "encoded slash or backslash"},
        {ROUTE("path = \"/a\"; path_prefix = \"/a\";"),
         "t.conf:4: error: routes[0].match has both path and path_prefix; one of them"},
        {ROUTE("path_regex = \"/(a\";"),
         "t.conf:4: error: routes[0].match.path_regex is \"/(a\"; missing closing parenthesis (at "
         "offset 3 of the expression)"},
        {ROUTE("path_regex = 1;"), "t.conf:4: error: routes[0].match.path_regex is 1; a regular "
                                   "expression (PCRE2)"});
}

#define HOST "a host without a port: \"a.example.com\", \"*.example.com\" or \"*\""
Test(config_match, hosts_are_checked)
{
    const char *const bad[] = {"",     "a:80",     "*.a:80", "a b", "*a.b",
                               "a.*",  "a.*.b",    "*.*.a",  "*.",  "*.[::1]",
                               "[::1", "http://a", "a/b",    ".",   "a@b"};
    for (size_t i = 0; i < array_n(bad); i++) {
        char text[512];
        struct faults faults;
        snprintf(text, sizeof text,
                 LISTENERS CLUSTERS
                 "routes = ( { cluster = \"b\"; match = { host = [ \"ok\", \"%s\" ]; }; } );",
                 bad[i]);
        faults_init(&faults);
        cr_assert_null(config_parse(text, "t.conf", NULL, &faults), "%s", bad[i]);
        cr_assert_eq(faults.errors, 1);
        cr_assert(strstr(faults.first->text, "routes[0].match.host[1] is \""));
        cr_assert(strstr(faults.first->text, "; " HOST));
        faults_fini(&faults);
    }
    CONF_CASES(
        {ROUTE("host = 3;"), "t.conf:4: error: routes[0].match.host is 3; a text or a list "
                             "of texts: [ \"a\", \"b\" ]"},
        {ROUTE("host = \"a:80\";"), "t.conf:4: error: routes[0].match.host is \"a:80\"; " HOST});
}

Test(config_match, methods_are_checked)
{
    CONF_CASES(
        {ROUTE("method = \"GE T\";"),
         "t.conf:4: error: routes[0].match.method is \"GE T\"; a method is a token, such as "
         "\"GET\""},
        {ROUTE("method = [ \"GET\", \"\" ];"),
         "t.conf:4: error: routes[0].match.method[1] is \"\"; a method is a token, such as "
         "\"GET\""},
        {ROUTE("method = [ \"POST\", \"get\" ];"),
         "t.conf:4: warning: routes[0].match.method[1] is \"get\"; methods are case-sensitive, did "
         "you mean \"GET\"?"},
        {ROUTE("method = \"Options\";"),
         "t.conf:4: warning: routes[0].match.method is \"Options\"; methods are case-sensitive, "
         "did you mean \"OPTIONS\"?"});
    config_free(conf_of(ROUTE("method = [ \"purge\", \"x-a-very-long-method-of-our-own\" ];")));
}

Test(config_match, listeners_exist)
{
    CONF_CASES({ROUTE("listener = \"x\";"),
                "t.conf:4: error: routes[0].match.listener is \"x\"; no listener has that name"},
               {"listeners = ( { name = \"public\"; bind = \"[::1]:1\"; } );\n" CLUSTERS
                "routes = ( { cluster = \"b\"; match = { listener = [ \"public\", \"pubilc\" ]; }; "
                "} );",
                "t.conf:3: error: routes[0].match.listener[1] is \"pubilc\"; no listener has that "
                "name; did you mean \"public\"?"});
}

#define ONE "of exact, prefix, suffix, regex and present; exactly one"
Test(config_match, conditions_are_checked)
{
    CONF_CASES(
        {ROUTE("headers = ( { name = \"a\"; } );"),
         "t.conf:4: error: routes[0].match.headers[0] has none " ONE},
        {ROUTE("query = ( { name = \"a\"; exact = \"1\"; prefix = \"1\"; } );"),
         "t.conf:4: error: routes[0].match.query[0] has several " ONE},
        {ROUTE("cookies = ( { exact = \"1\"; } );"),
         "t.conf:4: error: routes[0].match.cookies[0].name is missing: the name to look at"},
        {ROUTE("headers = ( { name = \"a b\"; present = true; } );"),
         "t.conf:4: error: routes[0].match.headers[0].name is \"a b\"; a header name is a token, "
         "such as \"x-version\""},
        {ROUTE("headers = ( { name = \"a\"; exact = \"b\\r\\nc\"; } );"),
         "t.conf:4: error: routes[0].match.headers[0].exact is \"b\\x0d\\x0ac\"; no header value "
         "has control characters"},
        {ROUTE("query = ( { name = \"\"; present = true; } );"),
         "t.conf:4: error: routes[0].match.query[0].name is \"\"; a name that isn't empty"},
        {ROUTE("cookies = ( { name = \"a=b\"; present = true; } );"),
         "t.conf:4: error: routes[0].match.cookies[0].name is \"a=b\"; a cookie name is a token, "
         "such as \"session\""},
        {ROUTE("headers = ( { name = \"a\"; prefix = \"\"; } );"),
         "t.conf:4: error: routes[0].match.headers[0].prefix is \"\"; every value has that; say "
         "present = true"},
        {ROUTE("headers = ( { name = \"a\"; present = 1; } );"),
         "t.conf:4: error: routes[0].match.headers[0].present is 1; true or false"},
        {ROUTE("headers = ( { name = \"a\"; exact = 2; } );"),
         "t.conf:4: error: routes[0].match.headers[0].exact is 2; a text in quotes"},
        {ROUTE("headers = ( { name = \"a\"; regex = \"\\\\C\"; } );"),
         "t.conf:4: error: routes[0].match.headers[0].regex is \"\\C\"; using \\C is disabled by "
         "the application (at offset 2 of the expression)"},
        {ROUTE("headers = ( { name = \"a\"; exakt = \"2\"; exact = \"2\"; } );"),
         "t.conf:4: error: unknown setting routes[0].match.headers[0].exakt; did you mean "
         "\"exact\"?"},
        {ROUTE("source = \"10.0.0.0/8x\";"),
         "t.conf:4: error: routes[0].match.source is \"10.0.0.0/8x\"; a network such as "
         "\"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\" or \"unix\""});
}

Test(config_match, claims_have_names_and_one_form)
{
    CONF_CASES(
        {ROUTE("identity = ( { name = \"\"; exact = \"a\"; } );"),
         "t.conf:4: error: routes[0].match.identity[0].name is \"\"; a claim has a name, such as "
         "\"groups\""},
        {ROUTE("identity = ( { name = \"sub\"; } );"),
         "t.conf:4: error: routes[0].match.identity[0] has none of exact, prefix, suffix, regex "
         "and "
         "present; exactly one"});
}
