/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a request gets: the Gateway API's precedence, from hosts down to the order of the
 * file. Each table is one set of routes, written in an order that would give the wrong answer if
 * the order decided. */

#include "core/route.h"

#include "core/route_regex.h"

#include "route_rig.h"

struct question {
    struct ask ask;
    const char *route;
};

static void check(const char *routes, const struct question *questions, size_t n)
{
    struct route_rig rig = route_rig_open(routes);
    for (size_t i = 0; i < n; i++) {
        const struct question *q = &questions[i];
        const char *got = route_ask(&rig, q->ask);
        cr_expect_str_eq(got, q->route, "question %zu (%s %s %s?%s): %s instead of %s", i,
                         q->ask.method, q->ask.host, q->ask.path, q->ask.query, got, q->route);
    }
    route_rig_close(&rig);
}
#define CHECK(routes, ...)                                                                         \
    do {                                                                                           \
        static const struct question questions_[] = {__VA_ARGS__};                                 \
        check((routes), questions_, array_n(questions_));                                          \
    } while (0)

Test(route, gives_no_route_where_nothing_matches)
{
    CHECK("a: host = 'a.example.com'; path = '/a'\n",
          {{.host = "a.example.com", .path = "/a"}, "a"},
          {{.host = "a.example.com", .path = "/b"}, "none"},
          {{.host = "b.example.com", .path = "/a"}, "none"}, {{.host = "", .path = "/a"}, "none"});
}

Test(route, takes_exact_hosts_then_the_longest_suffix_then_any)
{
    CHECK("any: host = '*'\n"
          "com: host = '*.com'\n"
          "example: host = '*.example.com'\n"
          "deep: host = '*.a.example.com'\n"
          "exact: host = 'a.example.com'\n",
          {{.host = "a.example.com"}, "exact"}, {{.host = "b.example.com"}, "example"},
          {{.host = "x.a.example.com"}, "deep"}, {{.host = "y.x.a.example.com"}, "deep"},
          {{.host = "x.y.example.com"}, "example"}, {{.host = "example.com"}, "com"},
          {{.host = "com"}, "any"}, {{.host = "aexample.com"}, "com"}, {{.host = "org"}, "any"},
          {{.host = ""}, "any"}, {{.host = "[::1]"}, "any"});
}

Test(route, needs_a_label_before_a_suffix)
{
    CHECK("wild: host = '*.example.com'\n", {{.host = "example.com"}, "none"},
          {{.host = "a.example.com"}, "wild"}, {{.host = "aexample.com"}, "none"});
}

Test(route, knows_hosts_of_every_length)
{
    static char text[1024], host[254];
    for (size_t n = 1; n < 254; n++) { /* one label of at most 63 bytes after the other */
        for (size_t i = 0; i < n; i++)
            host[i] = i % 60 == 59 ? '.' : 'h';
        if (host[n - 1] == '.')
            continue;
        host[n] = '\0';
        snprintf(text, sizeof text, "a: host = '%s'\n", host);
        struct route_rig rig = route_rig_open(text);
        ASSERT_ROUTE(&rig, "a", .host = host);
        host[n - 1] = 'x';
        ASSERT_ROUTE(&rig, "none", .host = host);
        route_rig_close(&rig);
    }
}

Test(route, goes_on_to_a_wider_host_when_nothing_matches)
{
    CHECK(
        "exact: host = 'a.example.com'; path_prefix = '/exact'\n"
        "deep: host = '*.example.com'; path_prefix = '/deep'; method = 'GET'\n"
        "com: host = '*.com'; path_prefix = '/'; headers = ( { name = 'x-c'; present = true; } )\n"
        "any: path_prefix = '/deep'\n",
        {{.host = "a.example.com", .path = "/exact/x"}, "exact"},
        {{.host = "a.example.com", .path = "/deep/x"}, "deep"},
        {{.host = "a.example.com", .path = "/deep", .method = "POST"}, "any"},
        {{.host = "a.example.com", .path = "/other", .fields = "X-C: 1"}, "com"},
        {{.host = "a.example.com", .path = "/other"}, "none"});
}

Test(route, lets_a_narrow_host_win_over_a_better_path)
{
    CHECK("path: path = '/a/b'; method = 'GET'\n"
          "host: host = 'a.example.com'\n",
          {{.host = "a.example.com", .path = "/a/b"}, "host"},
          {{.host = "b.example.com", .path = "/a/b"}, "path"});
}

Test(route, takes_exact_paths_then_long_prefixes_then_regexes_then_any)
{
    CHECK("any: method = 'GET'\n"
          "regex2: path_regex = '/a/.*'\n"
          "regex3: path_regex = '/r/.*'; method = 'GET'\n"
          "regex4: path_regex = '/r/x.*'; method = 'GET'\n"
          "a: path_prefix = '/a'\n"
          "abc: path_prefix = '/a/b/c'\n"
          "ab: path_prefix = '/a/b/'\n"
          "exact: path = '/a/b/c'\n",
          {{.path = "/a/b/c"}, "exact"}, {{.path = "/a/b/c/"}, "abc"},
          {{.path = "/a/b/c/d"}, "abc"}, {{.path = "/a/b/cc"}, "ab"}, {{.path = "/a/b"}, "ab"},
          {{.path = "/a/bb"}, "a"}, {{.path = "/ab"}, "any"}, {{.path = "/r/x"}, "regex3"},
          {{.path = "/"}, "any"});
}

Test(route, goes_on_to_the_next_path_when_the_other_conditions_fail)
{
    CHECK("exact: path = '/a/b'; method = 'PUT'\n"
          "long: path_prefix = '/a/b'; method = 'POST'\n"
          "short: path_prefix = '/a'; method = 'PATCH'\n"
          "root: path_prefix = '/'; method = 'DELETE'\n"
          "regex: path_regex = '/a/.*'; method = 'HEAD'\n"
          "any:\n",
          {{.path = "/a/b", .method = "PUT"}, "exact"},
          {{.path = "/a/b", .method = "POST"}, "long"},
          {{.path = "/a/b", .method = "PATCH"}, "short"},
          {{.path = "/a/b", .method = "DELETE"}, "root"},
          {{.path = "/a/b", .method = "HEAD"}, "regex"}, {{.path = "/a/b", .method = "GET"}, "any"},
          {{.path = "/c", .method = "HEAD"}, "any"});
}

Test(route, matches_everything_with_the_root_prefix)
{
    CHECK("root: path_prefix = '/'\n", {{.path = "/"}, "root"}, {{.path = "/a/b"}, "root"},
          {{.path = "*", .method = "OPTIONS"}, "root"});
}

Test(route, takes_regexes_in_the_order_of_the_file_per_host)
{
    /* "/[b]" stands first under the host y, though "/[a-z]" stands before it in the file. */
    CHECK("1: host = 'x.com'; path_regex = '/[a-z]'\n"
          "2: host = [ 'y.com', 'x.com' ]; path_regex = '/[b]'\n"
          "3: host = 'y.com'; path_regex = '/[a-z]'\n",
          {{.host = "x.com", .path = "/b"}, "1"}, {{.host = "y.com", .path = "/b"}, "2"},
          {{.host = "y.com", .path = "/a"}, "3"}, {{.host = "x.com", .path = "/a"}, "1"},
          {{.host = "x.com", .path = "/aa"}, "none"}, {{.host = "x.com", .path = "/1"}, "none"});
}

Test(route, ranks_routes_of_the_same_regex_by_their_conditions)
{
    CHECK("plain: path_regex = '/a.*'\n"
          "b: path_regex = '/ab.*'; method = 'GET'\n"
          "get: path_regex = '/a.*'; method = 'GET'\n",
          {{.path = "/ab"}, "get"}, {{.path = "/ab", .method = "PUT"}, "plain"});
}

Test(route, ranks_method_then_headers_then_query_then_the_file)
{
    CHECK(
        "plain: path = '/'\n"
        "cookie: path = '/'; cookies = ( { name = 'c'; present = true; } )\n"
        "q1: path = '/'; query = ( { name = 'p'; exact = '1'; } )\n"
        "q2: path = '/'; query = ( { name = 'p'; exact = '1'; }, { name = 'q'; exact = '1'; } )\n"
        "h1: path = '/'; headers = ( { name = 'a'; exact = '1'; } )\n"
        "h1q1: path = '/'; headers = ( { name = 'a'; exact = '1'; } );"
        "                  query = ( { name = 'p'; exact = '1'; } )\n"
        "h2: path = '/'; headers = ( { name = 'a'; exact = '1'; }, { name = 'b'; exact = '1'; } )\n"
        "get: path = '/'; method = 'GET'\n",
        {{.method = "GET", .query = "p=1&q=1", .fields = "a: 1\nb: 1"}, "get"},
        {{.method = "PUT", .query = "p=1&q=1", .fields = "a: 1\nb: 1"}, "h2"},
        {{.method = "PUT", .query = "p=1&q=1", .fields = "a: 1"}, "h1q1"},
        {{.method = "PUT", .query = "", .fields = "a: 1"}, "h1"},
        {{.method = "PUT", .query = "p=1&q=1"}, "q2"}, {{.method = "PUT", .query = "p=1"}, "q1"},
        {{.method = "PUT", .query = "", .fields = "cookie: c=1"}, "plain"});
}

Test(route, takes_the_first_of_equals_in_the_file)
{
    CHECK("first: path = '/'; headers = ( { name = 'x'; prefix = 'a'; } )\n"
          "second: path = '/'; headers = ( { name = 'x'; exact = 'ab'; } )\n",
          {{.path = "/", .fields = "x: ab"}, "first"});
}

Test(route, does_not_rank_cookies_sources_and_listeners)
{
    CHECK("first: path = '/'; source = '10.0.0.0/8'\n"
          "cookie: path = '/'; cookies = ( { name = 'c'; exact = '1'; } )\n"
          "listener: path = '/'; listener = 'l1'\n"
          "rest: path = '/'\n",
          {{.source = "10.1.2.3", .fields = "cookie: c=1", .listener = 1}, "first"},
          {{.source = "11.1.2.3", .fields = "cookie: c=1", .listener = 1}, "cookie"},
          {{.source = "11.1.2.3", .fields = "cookie: c=2", .listener = 1}, "listener"},
          {{.source = "11.1.2.3", .fields = "cookie: c=2"}, "rest"});
}

Test(route, stands_under_each_of_its_hosts)
{
    CHECK("a: host = [ 'a.com', '*.b.com', 'a.com' ]; path_prefix = '/x'\n"
          "rest:\n",
          {{.host = "a.com", .path = "/x"}, "a"}, {{.host = "q.b.com", .path = "/x/y"}, "a"},
          {{.host = "b.com", .path = "/x"}, "rest"});
}

Test(route, remembers_nothing_of_the_request_before)
{
    CHECK("a: headers = ( { name = 'x'; exact = '1'; } )\n"
          "rest:\n",
          {{.fields = "x: 1"}, "a"}, {{.fields = "x: 2"}, "rest"}, {{.fields = ""}, "rest"},
          {{.fields = "x: 1"}, "a"});
}

Test(route, counts_regexes_that_hit_their_limit_as_not_matching)
{
    struct route_rig rig = route_rig_open("evil: path_regex = '/(a|a)*b'\n"
                                          "rest:\n");
    char path[4002] = "/";
    memset(path + 1, 'a', 4000);
    memcpy(path + 3999, "ba", 3);
    ASSERT_ROUTE(&rig, "evil", .path = "/aab");
    cr_assert_eq(route_scratch_limit_hits(rig.scratch), 0);
    ASSERT_ROUTE(&rig, "rest", .path = path);
    cr_assert_eq(route_scratch_limit_hits(rig.scratch), 1);
    route_rig_close(&rig);
}

Test(route, takes_the_regex_limit_from_the_configuration)
{
    struct route_rig rig = route_rig_open("a: path_regex = '/(a|b|ab)*c'\n");
    cr_assert_eq(rig.config->regex_steps, REGEX_STEPS_DEFAULT);
    rig.config->regex_steps = 100;
    struct router *strict = router_build(rig.config, &rig.arena, &rig.faults);
    cr_assert(strict);
    router_fini(rig.router);
    route_scratch_free(rig.scratch);
    rig.router = strict;
    rig.scratch = route_scratch_new(strict);
    ASSERT_ROUTE(&rig, "none", .path = "/ababababababababababca");
    cr_assert_eq(route_scratch_limit_hits(rig.scratch), 1);
    route_rig_close(&rig);
}

Test(route, gives_name_index_and_place)
{
    struct route_rig rig = route_rig_open("a: path = '/a'\n"
                                          "b:\n");
    cr_assert_eq(router_routes_n(rig.router), 2);
    const struct route *b = router_route(rig.router, 1);
    cr_assert_eq(b->index, 1);
    cr_assert(slice_eq(b->name, SLICE("b")));
    cr_assert(slice_eq(b->place, SLICE("weir.conf:6")), "%.*s", SLICE_ARG(b->place));
    cr_assert_eq(b->conf, &rig.config->routes[1]);
    route_rig_close(&rig);
}
