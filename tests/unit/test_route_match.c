/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: every form on headers, query parameters and cookies, and methods, sources and
 * listeners. */

#include "core/route/route_match.h"

#include "route_rig.h"

#define ON(kind, condition) "a: " kind " = ( { " condition " } )\n"

/* A route with this one condition: does a request with these fields and query match it? */
static bool holds(const char *route, const char *fields, const char *query)
{
    struct route_rig rig = route_rig_open(route);
    const bool yes =
        strcmp(route_ask(&rig, (struct ask){.fields = fields, .query = query}), "a") == 0;
    route_rig_close(&rig);
    return yes;
}

/* All forms behave alike on headers, parameters and cookies. A value of NULL: x isn't there. */
static const struct {
    const char *condition, *value;
    bool holds;
} forms[] = {
    {"exact = 'abc'", "abc", true},      {"exact = 'abc'", "abcd", false},
    {"exact = 'abc'", "ABC", false},     {"exact = 'abc'", "", false},
    {"exact = 'abc'", NULL, false},      {"exact = ''", "", true},
    {"exact = ''", NULL, false},         {"prefix = 'ab'", "abc", true},
    {"prefix = 'ab'", "ab", true},       {"prefix = 'ab'", "a", false},
    {"prefix = 'ab'", "xab", false},     {"prefix = 'ab'", NULL, false},
    {"suffix = 'bc'", "abc", true},      {"suffix = 'bc'", "abcd", false},
    {"suffix = 'bc'", NULL, false},      {"regex = '[a-c]+'", "abc", true},
    {"regex = '[a-c]+'", "abcd", false}, {"regex = '.*'", "", true},
    {"regex = '.*'", NULL, false},       {"present = true", "abc", true},
    {"present = true", "", true},        {"present = true", NULL, false},
    {"present = false", NULL, true},     {"present = false", "", false},
    {"present = false", "abc", false},
};

/* `fields` and `query` are formats that take "x=abc", or "x: abc" for headers. */
static void check_forms(const char *kind, const char *assign, const char *fields, const char *query)
{
    for (size_t i = 0; i < array_n(forms); i++) {
        char route[128], pair[32] = "w=abc", with_fields[64], with_query[64];
        snprintf(route, sizeof route, "a: %s = ( { name = 'x'; %s; } )\n", kind,
                 forms[i].condition);
        if (forms[i].value)
            snprintf(pair, sizeof pair, "x%s%s", assign, forms[i].value);
        snprintf(with_fields, sizeof with_fields, fields, pair);
        snprintf(with_query, sizeof with_query, query, pair);
        cr_expect_eq(holds(route, with_fields, with_query), forms[i].holds, "%s: %s, %s?%s", kind,
                     forms[i].condition, with_fields, with_query);
    }
}

Test(route_match, compares_headers)
{
    check_forms("headers", ": ", "y: abc\n%s\nz: abc\ncookie: x=abc", "x=abc");
}

Test(route_match, compares_query_parameters)
{
    check_forms("query", "=", "x: abc\ncookie: x=abc", "y=abc&%s&z=abc");
}

Test(route_match, compares_cookies)
{
    check_forms("cookies", "=", "x: abc\ncookie: y=abc; %s; z=abc", "x=abc");
}

Test(route_match, ignores_the_case_of_header_names_only)
{
    cr_assert(holds(ON("headers", "name = 'X-Version'; exact = 'a';"), "x-vERSION: a", ""));
    cr_assert(holds(ON("headers", "name = 'uSER-agent'; exact = 'a';"), "User-Agent: a", ""));
    cr_assert_not(holds(ON("query", "name = 'X'; exact = 'a';"), "", "x=a"));
    cr_assert_not(holds(ON("cookies", "name = 'X'; exact = 'a';"), "cookie: x=a", ""));
}

Test(route_match, joins_the_lines_of_one_name)
{
    const char *lines = "x: a\ny: q\nX: b\nx:";
    cr_assert(holds(ON("headers", "name = 'x'; exact = 'a, b, ';"), lines, ""));
    cr_assert_not(holds(ON("headers", "name = 'x'; exact = 'a';"), lines, ""));
    cr_assert_not(holds(ON("headers", "name = 'x'; exact = 'b';"), lines, ""));
    cr_assert(holds(ON("headers", "name = 'x'; prefix = 'a, b';"), lines, ""));
    cr_assert(holds(ON("headers", "name = 'x'; regex = '.*\\\\bb\\\\b.*';"), lines, ""));
    cr_assert(holds(ON("headers", "name = 'cookie'; exact = 'a=1; b=2';"),
                    "Cookie: a=1\ncookie: b=2", ""));
}

Test(route_match, decodes_query_parameters_and_takes_the_first)
{
    cr_assert(holds(ON("query", "name = 'a b'; exact = '1 &';"), "", "a+b=1%20%26"));
    cr_assert(holds(ON("query", "name = 'x'; exact = '1';"), "", "x=1&x=2"));
    cr_assert_not(holds(ON("query", "name = 'x'; exact = '2';"), "", "x=1&x=2"));
    cr_assert(holds(ON("query", "name = 'x'; present = true;"), "", "a&x&b"));
}

Test(route_match, needs_all_conditions)
{
    const char *route =
        "a: headers = ( { name = 'x'; exact = '1'; }, { name = 'y'; regex = '2'; } ); "
        "query = ( { name = 'p'; exact = '3'; } ); "
        "cookies = ( { name = 'c'; exact = '4'; } )\n";
    cr_assert(holds(route, "x: 1\ny: 2\ncookie: c=4", "p=3"));
    cr_assert_not(holds(route, "x: 0\ny: 2\ncookie: c=4", "p=3"));
    cr_assert_not(holds(route, "x: 1\ny: 0\ncookie: c=4", "p=3"));
    cr_assert_not(holds(route, "x: 1\ny: 2\ncookie: c=0", "p=3"));
    cr_assert_not(holds(route, "x: 1\ny: 2\ncookie: c=4", "p=0"));
}

Test(route_match, takes_one_name_as_header_parameter_and_cookie)
{
    const char *route = "a: headers = ( { name = 'x'; exact = '1'; } ); "
                        "query = ( { name = 'x'; exact = '2'; } ); "
                        "cookies = ( { name = 'x'; exact = '3'; } )\n";
    cr_assert(holds(route, "x: 1\ncookie: x=3", "x=2"));
    cr_assert_not(holds(route, "x: 1\ncookie: x=1", "x=1"));
}

Test(route_match, compares_methods_with_case)
{
    struct route_rig rig = route_rig_open("a: method = [ 'PUT', 'PURGE', 'put' ]\n");
    ASSERT_ROUTE(&rig, "a", .method = "PUT");
    ASSERT_ROUTE(&rig, "a", .method = "PURGE");
    ASSERT_ROUTE(&rig, "a", .method = "put");
    ASSERT_ROUTE(&rig, "none", .method = "purge");
    ASSERT_ROUTE(&rig, "none", .method = "GET");
    ASSERT_ROUTE(&rig, "none", .method = "PATCH");
    route_rig_close(&rig);
}

Test(route_match, does_not_take_head_for_get)
{
    struct route_rig rig = route_rig_open("a: method = 'GET'\n");
    ASSERT_ROUTE(&rig, "a", .method = "GET");
    ASSERT_ROUTE(&rig, "none", .method = "HEAD");
    ASSERT_ROUTE(&rig, "none", .method = "LINK");
    route_rig_close(&rig);
}

Test(route_match, looks_for_the_source_in_all_ranges)
{
    struct route_rig rig =
        route_rig_open("a: source = [ '10.0.0.0/8', '192.0.2.1', '2001:db8::/32' ]\n");
    ASSERT_ROUTE(&rig, "a", .source = "10.255.0.1");
    ASSERT_ROUTE(&rig, "a", .source = "192.0.2.1");
    ASSERT_ROUTE(&rig, "a", .source = "2001:db8:1::1");
    ASSERT_ROUTE(&rig, "none", .source = "11.0.0.1");
    ASSERT_ROUTE(&rig, "none", .source = "192.0.2.2");
    ASSERT_ROUTE(&rig, "none", .source = "2001:db9::1");
    route_rig_close(&rig);
}

Test(route_match, looks_at_the_listener)
{
    struct route_rig rig = route_rig_open("a: listener = 'l1'\n");
    ASSERT_ROUTE(&rig, "a", .listener = 1);
    ASSERT_ROUTE(&rig, "none", .listener = 0);
    route_rig_close(&rig);
}

/* Each name is searched once per request, however many routes ask: seen by what is allocated,
 * as joining the lines takes room in the request's arena each time that it is done. */
Test(route_match, looks_each_name_up_once_per_request)
{
    char routes[16384] = "", memory[64];
    for (int i = 0; i < 100; i++)
        snprintf(routes + strlen(routes), sizeof routes - strlen(routes),
                 "r%d: headers = ( { name = '%s'; exact = '%d'; } )\n", i, i % 2 ? "X-a" : "x-A",
                 i);
    struct route_rig rig = route_rig_open(routes);
    struct arena fields_arena, a;
    arena_init(&fields_arena, NULL, 0);
    arena_init(&a, memory, sizeof memory);
    const struct fields fields = route_rig_fields("x-a: 1\nx-a: 2", &fields_arena);
    const struct ip source = {0};
    cr_assert_null(router_match(rig.router, rig.scratch,
                                &(struct route_query){.path = SLICE("/"),
                                                      .method_id = METHOD_GET,
                                                      .method = SLICE("GET"),
                                                      .fields = &fields,
                                                      .source = &source,
                                                      .arena = &a}));
    cr_assert_leq((size_t)(a.cur - memory), 48, "%zu", (size_t)(a.cur - memory));
    cr_assert_eq(a.total, 0);
    arena_fini(&a);
    arena_fini(&fields_arena);
    route_rig_close(&rig);
}

/* -- identity ---------------------------------------------------------------------------------- */

static const struct claim claims[] = {{SLICE_INIT("groups"), SLICE_INIT("staff")},
                                      {SLICE_INIT("groups"), SLICE_INIT("testers")},
                                      {SLICE_INIT("mail"), SLICE_INIT("ann@example.com")}};
static const struct identity ann = {
    .subject = SLICE_INIT("ann"), .claims = claims, .claims_n = array_n(claims)};

static void expect_identity(const char *conditions, bool of_ann, bool of_nobody)
{
    char text[256];
    snprintf(text, sizeof text, "a: path = '/a'; identity = ( %s )\nrest:\n", conditions);
    struct route_rig rig = route_rig_open(text);
    ASSERT_ROUTE(&rig, of_ann ? "a" : "rest", .path = "/a", .identity = &ann);
    ASSERT_ROUTE(&rig, of_nobody ? "a" : "rest", .path = "/a");
    ASSERT_ROUTE(&rig, "identity?", .path = "/a", .unidentified = true);
    route_rig_close(&rig);
}

Test(route_match, compares_any_value_of_a_claim)
{
    expect_identity("{ name = 'groups'; exact = 'testers'; }", true, false);
    expect_identity("{ name = 'groups'; exact = 'tester'; }", false, false);
    expect_identity("{ name = 'groups'; prefix = 'st'; }", true, false);
    expect_identity("{ name = 'mail'; suffix = '@example.com'; }", true, false);
    expect_identity("{ name = 'groups'; regex = 't.*rs'; }", true, false);
    expect_identity("{ name = 'groups'; regex = 't'; }", false, false);
    expect_identity("{ name = 'groups'; present = true; }", true, false);
    expect_identity("{ name = 'none'; present = false; }", true, true);
    expect_identity("{ name = 'groups'; present = false; }", false, true);
}

Test(route_match, knows_the_subject_as_a_claim)
{
    expect_identity("{ name = 'sub'; exact = 'ann'; }", true, false);
    expect_identity("{ name = 'sub'; present = true; }", true, false);
    expect_identity("{ name = 'sub'; present = false; }", false, true);
}

Test(route_match, wants_all_conditions_on_the_identity)
{
    expect_identity("{ name = 'sub'; exact = 'ann'; }, { name = 'groups'; exact = 'staff'; }", true,
                    false);
    expect_identity("{ name = 'sub'; exact = 'ann'; }, { name = 'groups'; exact = 'x'; }", false,
                    false);
}

Test(route_match, asks_for_the_identity_only_where_all_else_holds)
{
    struct route_rig rig = route_rig_open(
        "a: path = '/a'; method = 'PUT'; identity = ( { name = 'sub'; present = "
        "true; } )\n"
        "b: path_regex = '/r[0-9]'; identity = ( { name = 'sub'; present = true; } )\n"
        "rest:\n");
    ASSERT_ROUTE(&rig, "rest", .path = "/a", .unidentified = true);
    ASSERT_ROUTE(&rig, "identity?", .path = "/a", .method = "PUT", .unidentified = true);
    ASSERT_ROUTE(&rig, "rest", .path = "/rx", .unidentified = true);
    ASSERT_ROUTE(&rig, "identity?", .path = "/r1", .unidentified = true);
    ASSERT_ROUTE(&rig, "b", .path = "/r1", .identity = &ann);
    ASSERT_ROUTE(&rig, "rest", .path = "/other", .unidentified = true);
    route_rig_close(&rig);
}

Test(route_match, does_not_rank_by_identity)
{
    struct route_rig rig = route_rig_open("a: path = '/a'\n"
                                          "b: path = '/a'; method = 'GET'; identity = ( { name = "
                                          "'sub'; present = true; } )\n");
    ASSERT_ROUTE(&rig, "b", .path = "/a", .identity = &ann);
    ASSERT_ROUTE(&rig, "a", .path = "/a", .method = "PUT", .unidentified = true);
    route_rig_close(&rig);
    rig = route_rig_open("a: path = '/a'\n"
                         "b: path = '/a'; identity = ( { name = 'sub'; present = true; } )\n");
    ASSERT_ROUTE(&rig, "a", .path = "/a", .identity = &ann);
    route_rig_close(&rig);
}
