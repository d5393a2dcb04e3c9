/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a request gets: the Gateway API's precedence, from hosts down to the order of the
 * file. Each table is one set of routes, written in an order that would give the wrong answer if
 * the order decided. */

#include "core/route/route.h"

#include "core/route/route_regex.h"

#include "base/text.h"
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

/* -- against a naive ranking ------------------------------------------------------------------- */

/* Random routes over few words, so that much overlaps; each request is also put to every route one
 * by one, and the best is found by comparing ranks. */
enum { RANDOM_ROUTES = 24, RANDOM_REQUESTS = 200, RANDOM_ROUNDS = 40 };

static const char *const host_patterns[] = {"*", "*.com", "*.x.com", "a.x.com", "x.com"};
static const char *const hosts[] = {"a.x.com", "b.x.com", "x.com", "y.com", "org", ""};
static const char *const paths[] = {"/", "/a", "/a/b", "/a/b/", "/ab", "/b/a"};
static const char *const prefixes[] = {"/", "/a", "/a/b", "/b"};
static const char *const regexes[] = {".*", "/a.*", ".*b"};
static const char *const methods[] = {"GET", "PUT", "LINK"};
static const char *const values[] = {"1", "12", "2", NULL};

struct random_route {
    const char *host, *path, *method;
    enum path_form form;
    enum match_form header_form; /* of the header x */
    const char *header, *query;  /* NULL: none; query is exact, on the parameter x */
};

#define PICK(list) (list)[(size_t)rand() % array_n(list)]

static struct random_route random_route(void)
{
    struct random_route r = {.host = PICK(host_patterns), .form = (enum path_form)(rand() % 4)};
    r.path = r.form == PATH_EXACT    ? PICK(paths)
             : r.form == PATH_PREFIX ? PICK(prefixes)
                                     : PICK(regexes);
    r.method = rand() % 2 ? PICK(methods) : NULL;
    r.header = PICK(values);
    r.header_form = (enum match_form)(rand() % (MATCH_SUFFIX + 1));
    r.query = rand() % 2 ? PICK(values) : NULL;
    return r;
}

static void write_route(struct text *t, const struct random_route *r, int i)
{
    static const char *const forms[] = {NULL, "path", "path_prefix", "path_regex"};
    static const char *const header_forms[] = {"exact", "prefix", "suffix"};
    text_printf(t, "%d: host = '%s';", i, r->host);
    if (r->form != PATH_ANY)
        text_printf(t, " %s = '%s';", forms[r->form], r->path);
    if (r->method)
        text_printf(t, " method = '%s';", r->method);
    if (r->header)
        text_printf(t, " headers = ( { name = 'x'; %s = '%s'; } );", header_forms[r->header_form],
                    r->header);
    if (r->query)
        text_printf(t, " query = ( { name = 'x'; exact = '%s'; } );", r->query);
    text_char(t, '\n');
}

static bool ends(const char *s, const char *suffix)
{
    return slice_ends(slice_str(s), slice_str(suffix));
}

static bool starts(const char *s, const char *prefix)
{
    return slice_starts(slice_str(s), slice_str(prefix));
}

static bool host_fits(const struct random_route *r, const char *host)
{
    if (r->host[0] != '*')
        return strcmp(r->host, host) == 0;
    return r->host[1] == '\0' || ends(host, r->host + 1);
}

static bool path_fits(const struct random_route *r, const char *path)
{
    const size_t n = strlen(r->path);
    if (r->form == PATH_EXACT)
        return strcmp(r->path, path) == 0;
    if (r->form == PATH_PREFIX)
        return n == 1 || (starts(path, r->path) && (path[n] == '\0' || path[n] == '/'));
    if (r->form == PATH_REGEX && r->path == regexes[1])
        return starts(path, "/a");
    return r->form == PATH_ANY || r->path == regexes[0] || ends(path, "b");
}

static bool header_fits(const struct random_route *r, const char *value)
{
    if (!r->header || !value)
        return !r->header;
    if (r->header_form == MATCH_EXACT)
        return strcmp(value, r->header) == 0;
    return r->header_form == MATCH_PREFIX ? starts(value, r->header) : ends(value, r->header);
}

/* Larger is better; equals are decided by the order of the file. The order of expressions is that
 * of the first route under the same host that has the same one. */
static int rank(const struct random_route *routes, int i)
{
    const struct random_route *r = &routes[i];
    static const int form_ranks[] = {0, 3, 2, 1};
    int first = i, host = r->host[0] == '*' ? (int)strlen(r->host) : 100;
    for (int k = i; r->form == PATH_REGEX && k >= 0; k--)
        if (routes[k].form == PATH_REGEX && routes[k].path == r->path && routes[k].host == r->host)
            first = k;
    const int path = r->form == PATH_PREFIX  ? (int)strlen(r->path)
                     : r->form == PATH_REGEX ? RANDOM_ROUTES - first
                                             : 0;
    return ((host * 4 + form_ranks[r->form]) * 64 + path) * 8 + (r->method ? 4 : 0) +
           (r->header ? 2 : 0) + (r->query ? 1 : 0);
}

static int best_route(const struct random_route *routes, const struct ask *ask, const char *header,
                      const char *query)
{
    int best = -1;
    for (int i = 0; i < RANDOM_ROUTES; i++) {
        const struct random_route *r = &routes[i];
        const bool fits = host_fits(r, ask->host) && path_fits(r, ask->path) &&
                          (!r->method || strcmp(r->method, ask->method) == 0) &&
                          header_fits(r, header) &&
                          (!r->query || (query && strcmp(r->query, query) == 0));
        if (fits && (best < 0 || rank(routes, i) > rank(routes, best)))
            best = i;
    }
    return best;
}

/* Was the route said never to match? */
static bool is_covered(const struct route_rig *rig, const char *name)
{
    char begin[96];
    snprintf(begin, sizeof begin, "route \"%s\" can never match", name);
    for (const struct fault *f = rig->faults.first; f; f = f->next)
        if (starts(f->text, begin))
            return true;
    return false;
}

static void check_random(const struct route_rig *rig, const struct random_route *routes)
{
    for (int k = 0; k < RANDOM_REQUESTS; k++) {
        char fields[32] = "", query[32] = "", expected[16] = "none";
        const char *header = PICK(values), *parameter = PICK(values);
        if (header)
            snprintf(fields, sizeof fields, "X: %s", header);
        if (parameter)
            snprintf(query, sizeof query, "x=%s", parameter);
        const struct ask ask = {.host = PICK(hosts),
                                .path = PICK(paths),
                                .method = PICK(methods),
                                .fields = fields,
                                .query = query};
        const int best = best_route(routes, &ask, header, parameter);
        if (best >= 0)
            snprintf(expected, sizeof expected, "%d", best);
        const char *got = route_ask(rig, ask);
        cr_assert_str_eq(got, expected, "%s %s%s?%s %s: %s instead of %s", ask.method, ask.host,
                         ask.path, query, fields, got, expected);
        cr_assert_not(is_covered(rig, got), "%s matches", got);
    }
}

Test(route, agrees_with_a_naive_ranking)
{
    size_t covered = 0;
    srand(2);
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        struct random_route routes[RANDOM_ROUTES];
        struct text t;
        text_init(&t);
        for (int i = 0; i < RANDOM_ROUTES; i++) {
            routes[i] = random_route();
            write_route(&t, &routes[i], i);
        }
        text_char(&t, '\0');
        struct route_rig rig = route_rig_open(t.p);
        check_random(&rig, routes);
        covered += rig.faults.warnings;
        route_rig_close(&rig);
        text_fini(&t);
    }
    cr_assert_gt(covered, 20); /* or the check above says nothing */
}

/* -- groups of a path_regex -------------------------------------------------------------------- */

Test(route, gives_the_groups_of_the_regex_that_has_matched)
{
    struct route_rig rig = route_rig_open("v: path_regex = '/(v[0-9]+)/(?<rest>.*)'\n"
                                          "plain: path = '/a'\n");
    struct slice groups[ROUTE_GROUPS];
    cr_assert_eq(router_groups(rig.router, 0), 2);
    cr_assert_eq(router_groups(rig.router, 1), 0);
    cr_assert_eq(router_group_named(rig.router, 0, "rest"), 2);
    cr_assert_eq(router_group_named(rig.router, 1, "rest"), 0);
    router_captures(rig.router, rig.scratch, 0, SLICE("/v1/a/b"), groups);
    cr_assert(slice_eq(groups[0], SLICE("v1")) && slice_eq(groups[1], SLICE("a/b")));
    router_captures(rig.router, rig.scratch, 1, SLICE("/a"), groups);
    cr_assert(!groups[0].p && !groups[ROUTE_GROUPS - 1].p);
    route_rig_close(&rig);
}
