/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations: what they say of conditions, and that they say the same as the router of any
 * request. */
#include "core/route/route_explain.h"

#include "base/random.h"
#include "route_rig.h"

/* What doesn't hold of the only route: "header x-v exact 2, not 1". */
static const char *missing(const char *match, struct ask ask)
{
    static char said[512];
    char line[512];
    struct arena a;
    struct ip source;
    struct route_look look;
    snprintf(line, sizeof line, "a: %s\n", match);
    struct route_rig rig = route_rig_open(line);
    arena_init(&a, NULL, 0);
    const struct route_query q = route_rig_query(ask, &a, &source);
    route_look(rig.router, rig.scratch, &q, 0, &look);
    const struct route_miss *m = &look.miss;
    snprintf(said, sizeof said, "%s%s%.*s%s%s%s%.*s%s%.*s", m->what ? m->what : "-",
             m->name.n ? " " : "", SLICE_ARG(m->name), m->form ? " " : "", m->form ? m->form : "",
             m->wanted.n ? " " : "", SLICE_ARG(m->wanted), m->present ? ", not " : "",
             SLICE_ARG(m->found));
    arena_fini(&a);
    route_rig_close(&rig);
    return said;
}

#define ASSERT_MISSING(match, said, ...)                                                           \
    cr_assert_str_eq(missing(match, (struct ask){__VA_ARGS__}), said)

Test(route_explain, names_the_first_condition_that_does_not_hold)
{
    ASSERT_MISSING("path = '/a'", "-", .path = "/a");
    ASSERT_MISSING("listener = 'l1'", "listener l1", .path = "/a");
    ASSERT_MISSING("host = [ 'a.test', '*.b.test' ]", "host a.test, *.b.test, not c.test",
                   .host = "c.test");
    ASSERT_MISSING("host = 'a.test'", "host a.test", .host = "");
    ASSERT_MISSING("path = '/a'", "path exact /a, not /b", .path = "/b");
    ASSERT_MISSING("path_prefix = '/a'", "path prefix /a, not /ab", .path = "/ab");
    ASSERT_MISSING("path_regex = '/[0-9]+'", "path regex /[0-9]+, not /x", .path = "/x");
    ASSERT_MISSING("method = [ 'GET', 'PURGE' ]", "method GET, PURGE, not PUT", .method = "PUT");
    ASSERT_MISSING("source = '10.0.0.0/8'", "source, not 127.0.0.1", .path = "/");
    ASSERT_MISSING("headers = ( { name = 'X-V'; exact = '2'; } )", "header x-v exact 2, not 1",
                   .fields = "X-V: 1");
    ASSERT_MISSING("headers = ( { name = 'X-V'; prefix = '2'; } )", "header x-v prefix 2",
                   .path = "/");
    ASSERT_MISSING("headers = ( { name = 'X-V'; present = false; } )", "header x-v absent, not 1",
                   .fields = "X-V: 1");
    ASSERT_MISSING("query = ( { name = 'q'; regex = '[a-c]'; } )", "query q regex [a-c], not d",
                   .query = "q=d");
    ASSERT_MISSING("cookies = ( { name = 'c'; suffix = 'z'; } )", "cookie c suffix z, not ay",
                   .fields = "Cookie: b=1; c=ay");
    ASSERT_MISSING("identity = ( { name = 'groups'; exact = 'testers'; } )",
                   "identity groups exact testers", .path = "/");
}

/* -- what is not known ------------------------------------------------------------------------- */

/* "no", "holds", or what it depends on: "header x-v". */
static const char *may(const char *match, struct ask ask)
{
    static char said[128];
    char line[512];
    struct arena a;
    struct ip source;
    struct route_look look;
    struct route_miss open;
    snprintf(line, sizeof line, "a: %s\n", match);
    struct route_rig rig = route_rig_open(line);
    arena_init(&a, NULL, 0);
    const struct route_query q = route_rig_query(ask, &a, &source);
    const bool yes = route_may(rig.router, rig.scratch, &q, 0, &look, &open);
    cr_assert(!open.what || route_may_be_open(rig.router, 0));
    snprintf(said, sizeof said, "%s%s%.*s", !yes ? "no" : open.what ? open.what : "holds",
             yes && open.what ? " " : "", yes ? (int)open.name.n : 0, open.name.p);
    arena_fini(&a);
    route_rig_close(&rig);
    return said;
}

#define ASSERT_MAY(match, want, ...)                                                               \
    cr_assert_str_eq(may(match, (struct ask){__VA_ARGS__}), want)

Test(route_explain, knows_what_it_can_not_know)
{
    ASSERT_MAY("path = '/a'", "holds", .path = "/a");
    ASSERT_MAY("path = '/a'; headers = ( { name = 'X-V'; exact = '2'; } )", "no", .path = "/b");
    ASSERT_MAY("headers = ( { name = 'X-V'; exact = '2'; } )", "header x-v", .path = "/");
    ASSERT_MAY("headers = ( { name = 'X-V'; present = false; } )", "header x-v", .path = "/");
    ASSERT_MAY("headers = ( { name = 'X-V'; exact = '2'; } )", "no", .fields = "X-V: 1");
    ASSERT_MAY("headers = ( { name = 'X-V'; exact = '2'; } )", "holds", .fields = "X-V: 2");
    ASSERT_MAY("headers = ( { name = 'X-V'; exact = '2'; } ); query = ( { name = 'q'; exact = '1'; "
               "} )",
               "no", .query = "q=2");
    ASSERT_MAY("cookies = ( { name = 'c'; exact = '1'; } )", "cookie c", .path = "/");
    ASSERT_MAY("cookies = ( { name = 'c'; exact = '1'; } )", "no", .fields = "Cookie: c=2");
    ASSERT_MAY("identity = ( { name = 'sub'; exact = 'ann'; } )", "identity sub", .path = "/");
    ASSERT_MAY("method = 'POST'; cookies = ( { name = 'c'; exact = '1'; } )", "no", .path = "/");
}

/* -- the same as the router -------------------------------------------------------------------- */

static const char *const hosts[] = {"",
                                    "host = 'a.b.test'; ",
                                    "host = '*.b.test'; ",
                                    "host = '*.test'; ",
                                    "host = '*'; ",
                                    "host = [ 'a.test', '*.b.test' ]; "};
static const char *const paths[] = {"",
                                    "path = '/a'; ",
                                    "path = '/a/b'; ",
                                    "path_prefix = '/'; ",
                                    "path_prefix = '/a'; ",
                                    "path_prefix = '/a/b'; ",
                                    "path_regex = '/a.*'; ",
                                    "path_regex = '/.*b'; ",
                                    "path_regex = '/a/?b?'; "};
static const char *const methods[] = {"", "", "method = 'GET'; ", "method = 'POST'; "};
static const char *const headers[] = {
    "", "", "headers = ( { name = 'x'; exact = '1'; } ); ",
    "headers = ( { name = 'x'; present = true; }, { name = 'y'; present = false; } ); "};
static const char *const queries[] = {"", "", "query = ( { name = 'q'; exact = '1'; } ); "};
static const char *const listeners[] = {"", "", "", "listener = 'l1'; "};

static const char *const ask_hosts[] = {"a.b.test", "b.test", "c.b.test", "a.test", "x", ""};
static const char *const ask_paths[] = {"/", "/a", "/a/b", "/ab", "/a/b/c", "/x/b", "/c"};
static const char *const ask_fields[] = {NULL, "x: 1", "x: 2", "x: 1\ny: 1"};
static const char *const ask_queries[] = {NULL, "q=1", "q=2"};

#define PICK(r, of) ((of)[random_below((r), array_n(of))])

static char *random_routes(struct random *r)
{
    struct text t;
    const unsigned n = 2 + (unsigned)random_below(r, 12);
    text_init(&t);
    for (unsigned i = 0; i < n; i++)
        text_printf(&t, "r%u: %s%s%s%s%s%s\n", i, PICK(r, hosts), PICK(r, paths), PICK(r, methods),
                    PICK(r, headers), PICK(r, queries), PICK(r, listeners));
    text_char(&t, '\0');
    return t.p;
}

/* By looking at each route and at who ranks before whom. */
static const struct route *winner(const struct route_rig *rig, const struct route_query *q)
{
    struct route_look best = {0}, look;
    for (size_t i = 0; i < router_routes_n(rig->router); i++) {
        route_look(rig->router, rig->scratch, q, i, &look);
        if (look.miss.what)
            continue;
        if (best.route)
            cr_assert(!route_outranks(rig->router, &look, &best) !=
                      !route_outranks(rig->router, &best, &look));
        if (!best.route || route_outranks(rig->router, &look, &best))
            best = look;
    }
    return best.route;
}

static void compare(struct random *r, const struct route_rig *rig, const char *routes)
{
    struct arena a;
    struct ip source;
    const struct ask ask = {.host = PICK(r, ask_hosts),
                            .path = PICK(r, ask_paths),
                            .method = random_below(r, 2) ? "GET" : "POST",
                            .fields = PICK(r, ask_fields),
                            .query = PICK(r, ask_queries),
                            .listener = (uint32_t)random_below(r, 2)};
    arena_init(&a, NULL, 0);
    const struct route_query q = route_rig_query(ask, &a, &source);
    const struct route *said = winner(rig, &q),
                       *taken = router_match(rig->router, rig->scratch, &q);
    cr_assert_eq(said, taken, "%s %s%s?%s: %.*s, not %.*s; of\n%s", ask.method, ask.host, ask.path,
                 ask.query ? ask.query : "", SLICE_ARG(said ? said->name : SLICE("none")),
                 SLICE_ARG(taken ? taken->name : SLICE("none")), routes);
    arena_fini(&a);
}

Test(route_explain, says_the_same_as_the_router_of_any_request)
{
    struct random r;
    random_seed(&r, 7);
    for (int i = 0; i < 300; i++) {
        char *routes = random_routes(&r);
        struct route_rig rig = route_rig_open(routes);
        for (int j = 0; j < 100; j++)
            compare(&r, &rig, routes);
        route_rig_close(&rig);
        free(routes);
    }
}
