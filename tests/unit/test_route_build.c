/* SPDX-License-Identifier: Apache-2.0 */
/* Building: none, many and wrong routes. Ten thousand of them are built and asked in every shape
 * that could make a build slow: all on one host, a host each, all expressions, all on one path. */

#include "route_rig.h"

enum { MANY = 10000 };

/* A router from route_confs made by hand: reading so many from a text is the configuration's
 * work. Everything lies in `arena`. */
struct many {
    struct arena arena;
    struct faults faults;
    struct config config;
    struct router *router;
    struct route_scratch *scratch;
};

static struct route_conf *many_begin(struct many *m)
{
    *m = (struct many){0};
    arena_init(&m->arena, NULL, 0);
    faults_init(&m->faults);
    m->config.routes = ARENA_ARRAY(&m->arena, struct route_conf, MANY);
    m->config.routes_n = MANY;
    for (int i = 0; i < MANY; i++) {
        m->config.routes[i].name = slice_str(arena_printf(&m->arena, "%d", i));
        m->config.routes[i].place = (struct place){.file = "weir.conf", .line = i + 1};
    }
    return m->config.routes;
}

static struct slice number(struct many *m, const char *fmt, int i)
{
    char text[64];
    snprintf(text, sizeof text, fmt, i);
    return arena_dup(&m->arena, slice_str(text));
}

static void many_build(struct many *m)
{
    m->router = router_build(&m->config, &m->arena, &m->faults);
    cr_assert(m->router);
    m->scratch = route_scratch_new(m->router);
}

static int many_ask(const struct many *m, const char *host, const char *path, const char *fields)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    const struct fields f = route_rig_fields(fields, &a);
    const struct ip source = {0};
    const struct route *r = router_match(m->router, m->scratch,
                                         &(struct route_query){
                                             .host = slice_str(host),
                                             .path = slice_str(path),
                                             .method_id = METHOD_GET,
                                             .method = SLICE("GET"),
                                             .fields = &f,
                                             .source = &source,
                                             .arena = &a,
                                         });
    arena_fini(&a);
    return r ? (int)r->index : -1;
}

static void many_end(struct many *m)
{
    route_scratch_free(m->scratch);
    router_fini(m->router);
    faults_fini(&m->faults);
    arena_fini(&m->arena);
}

Test(route_build, builds_a_router_without_routes)
{
    const struct config config = {0};
    struct arena a;
    struct faults faults;
    arena_init(&a, NULL, 0);
    faults_init(&faults);
    struct router *r = router_build(&config, &a, &faults);
    cr_assert(r);
    struct route_scratch *s = route_scratch_new(r);
    const struct fields fields = {0};
    cr_assert_null(router_match(
        r, s, &(struct route_query){.path = SLICE("/"), .fields = &fields, .arena = &a}));
    cr_assert_eq(router_routes_n(r), 0);
    route_scratch_free(s);
    router_fini(r);
    faults_fini(&faults);
    arena_fini(&a);
}

/* The configuration has looked at expressions too; the router doesn't count on it. */
Test(route_build, reports_every_bad_regex_and_builds_nothing)
{
    struct many m;
    struct route_conf *rc = many_begin(&m);
    struct match_conf header = {.name = SLICE("x"), .form = MATCH_REGEX, .value = SLICE("(*UTF)b")};
    m.config.routes_n = 3;
    for (int i = 0; i < 3; i++)
        rc[i].match.path_form = PATH_REGEX;
    rc[0].match.path = SLICE("/a(");
    rc[1].match.path = rc[2].match.path = SLICE("/ok");
    rc[2].match.headers = (struct matches_conf){.v = &header, .n = 1};
    header.place = (struct place){.file = "weir.conf", .line = 33};
    cr_assert_null(router_build(&m.config, &m.arena, &m.faults));
    cr_assert_eq(m.faults.errors, 2);
    cr_assert_eq(m.faults.first->line, 1);
    cr_assert(strstr(m.faults.first->text, "match.path_regex: \"/a(\""), "%s",
              m.faults.first->text);
    cr_assert_eq(m.faults.first->next->line, 33);
    cr_assert(strstr(m.faults.first->next->text, "match.headers: \"(*UTF)b\""), "%s",
              m.faults.first->next->text);
    faults_fini(&m.faults);
    arena_fini(&m.arena);
}

Test(route_build, refuses_a_listener_that_is_not_there)
{
    struct many m;
    struct route_conf *rc = many_begin(&m);
    struct slice name = SLICE("nobody");
    m.config.routes_n = 1;
    rc[0].match.listeners = (struct texts){.v = &name, .n = 1};
    cr_assert_null(router_build(&m.config, &m.arena, &m.faults));
    cr_assert_eq(m.faults.errors, 1);
    cr_assert_str_eq(m.faults.first->text, "match.listener: there is no listener \"nobody\"");
    faults_fini(&m.faults);
    arena_fini(&m.arena);
}

Test(route_build, builds_ten_thousand_prefixes_of_one_host)
{
    struct many m;
    struct route_conf *rc = many_begin(&m);
    for (int i = 0; i < MANY; i++) {
        rc[i].match.path_form = PATH_PREFIX;
        rc[i].match.path = number(&m, "/service-%d/api", i);
    }
    many_build(&m);
    cr_assert_eq(many_ask(&m, "a", "/service-0/api", NULL), 0);
    cr_assert_eq(many_ask(&m, "a", "/service-9999/api/x", NULL), 9999);
    cr_assert_eq(many_ask(&m, "a", "/service-999/api/x", NULL), 999);
    cr_assert_eq(many_ask(&m, "a", "/service-10000/api/x", NULL), -1);
    many_end(&m);
}

Test(route_build, builds_ten_thousand_hosts)
{
    struct many m;
    struct route_conf *rc = many_begin(&m);
    struct slice hosts[MANY];
    for (int i = 0; i < MANY; i++) {
        hosts[i] = number(&m, i % 2 ? "h%d.example.com" : "*.h%d.example.com", i);
        rc[i].match.hosts = (struct texts){.v = &hosts[i], .n = 1};
    }
    many_build(&m);
    cr_assert_eq(many_ask(&m, "h9999.example.com", "/", NULL), 9999);
    cr_assert_eq(many_ask(&m, "x.y.h42.example.com", "/", NULL), 42);
    cr_assert_eq(many_ask(&m, "h42.example.com", "/", NULL), -1);
    many_end(&m);
}

Test(route_build, builds_ten_thousand_regexes_of_one_host)
{
    struct many m;
    struct route_conf *rc = many_begin(&m);
    for (int i = 0; i < MANY; i++) {
        rc[i].match.path_form = PATH_REGEX;
        rc[i].match.path = number(&m, "/s%d/.*", i % 5000 * 2);
    }
    many_build(&m);
    cr_assert_eq(many_ask(&m, "a", "/s9998/x", NULL), 4999);
    cr_assert_eq(many_ask(&m, "a", "/s9997/x", NULL), -1);
    cr_assert_eq(m.faults.warnings, 5000); /* the second half repeats the first */
    many_end(&m);
}

/* One leaf with ten thousand routes, each with one condition on the same header. */
static void one_leaf(struct many *m, enum match_form form, const char *value)
{
    struct route_conf *rc = many_begin(m);
    struct match_conf *headers = ARENA_ARRAY(&m->arena, struct match_conf, MANY);
    for (int i = 0; i < MANY; i++) {
        headers[i] = (struct match_conf){
            .name = SLICE("x-tenant"), .form = (int)form, .value = number(m, value, i)};
        rc[i].match.headers = (struct matches_conf){.v = &headers[i], .n = 1};
    }
    many_build(m);
}

Test(route_build, builds_ten_thousand_routes_on_one_path)
{
    struct many m;
    one_leaf(&m, MATCH_EXACT, "t%d");
    cr_assert_eq(many_ask(&m, "a", "/", "x-tenant: t9999"), 9999);
    cr_assert_eq(many_ask(&m, "a", "/", "x-tenant: t10000"), -1);
    cr_assert_eq(m.faults.warnings, 0);
    many_end(&m);
}

Test(route_build, builds_ten_thousand_loose_conditions_on_one_path)
{
    struct many m;
    one_leaf(&m, MATCH_PREFIX, "t%d-");
    cr_assert_eq(many_ask(&m, "a", "/", "x-tenant: t9999-x"), 9999);
    cr_assert_eq(m.faults.warnings, 0);
    many_end(&m);
}

Test(route_build, builds_ten_thousand_copies_of_one_route)
{
    struct many m;
    one_leaf(&m, MATCH_REGEX, "t.*");
    cr_assert_eq(many_ask(&m, "a", "/", "x-tenant: t1"), 0);
    cr_assert_eq(m.faults.warnings, MANY - 1);
    many_end(&m);
}
