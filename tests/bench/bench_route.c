/* SPDX-License-Identifier: Apache-2.0 */
/* How long one match takes, and how long the build, with 1 and with 10,000 routes. Requests go over
 * all routes in a random order, so that what 10,000 routes cost in cache misses is in the figure.
 *
 *     bench_route [ROUTES]
 *
 * Each figure is the least of 101 short rounds, as what else the machine does only adds.
 * "conditions" is a route with a method, a header and a query condition; "one path" has all routes
 * on one path, told apart by a header, which is searched linearly. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/route/route.h"

enum { ROUNDS = 101, BATCHES = 100, BATCH = 32 };

struct shape {
    const char *name, *host, *path, *prefix; /* formats of a number */
    enum path_form form;
    bool conditions, header_only;
};

static const struct shape shapes[] = {
    {"any host, prefix /", "www.example.com", "/api/v1/items/%u", "/", PATH_PREFIX},
    {"prefixes of any host", "www.example.com", "/service-%u/v1/items", "/service-%u", PATH_PREFIX},
    {"exact paths of any host", "www.example.com", "/v1/item/%u", "/v1/item/%u", PATH_EXACT},
    {"a host each", "h%u.example.com", "/api/v1/items/%u", "/", PATH_PREFIX},
    {"prefixes, conditions", "www.example.com", "/service-%u/v1/items", "/service-%u", PATH_PREFIX,
     .conditions = true},
    {"one path", "www.example.com", "/api/v1/items", "/api", PATH_PREFIX, .header_only = true},
};

static struct slice number(struct arena *a, const char *fmt, unsigned i)
{
    return slice_str(arena_printf(a, fmt, i));
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void add_conditions(struct route_conf *rc, const struct shape *s, unsigned i,
                           struct arena *a)
{
    struct slice *method = ARENA_NEW(a, struct slice);
    struct match_conf *m = ARENA_ARRAY(a, struct match_conf, 2);
    *method = SLICE("GET");
    m[0] = (struct match_conf){.name = SLICE("x-tenant"), .value = SLICE("t0")};
    m[1] = (struct match_conf){.name = SLICE("page"), .value = SLICE("2")};
    rc->match.headers = (struct matches_conf){.v = &m[0], .n = 1};
    if (s->header_only) {
        m[0].value = number(a, "t%u", i);
        return;
    }
    rc->match.methods = (struct texts){.v = method, .n = 1};
    rc->match.query = (struct matches_conf){.v = &m[1], .n = 1};
}

static struct config config_of(const struct shape *s, unsigned n, struct arena *a)
{
    struct config c = {.routes = ARENA_ARRAY(a, struct route_conf, n), .routes_n = n};
    for (unsigned i = 0; i < n; i++) {
        struct route_conf *rc = &c.routes[i];
        rc->name = number(a, "route-%u", i);
        rc->place = (struct place){.file = "bench", .line = (int)i + 1};
        rc->match.path_form = (int)s->form;
        rc->match.path = number(a, s->prefix, i);
        if (strchr(s->host, '%')) {
            rc->match.hosts = (struct texts){.v = ARENA_NEW(a, struct slice), .n = 1};
            rc->match.hosts.v[0] = number(a, s->host, i);
        }
        if (s->conditions || s->header_only)
            add_conditions(rc, s, i, a);
    }
    return c;
}

/* One request for route i, as it lies there when it was just parsed. */
static void request_fill(struct route_query *q, const struct shape *s, unsigned i, struct arena *a)
{
    static const struct ip source = {0};
    struct fields *f = ARENA_NEW(a, struct fields);
    fields_init(f, a, 8);
    fields_add(f, a, SLICE("Host"), SLICE("www.example.com"));
    fields_add(f, a, SLICE("User-Agent"), SLICE("curl/7.88.1"));
    fields_add(f, a, SLICE("Accept"), SLICE("*/*"));
    fields_add(f, a, SLICE("X-Tenant"), s->header_only ? number(a, "t%u", i) : SLICE("t0"));
    *q = (struct route_query){
        .host = number(a, s->host, i),
        .path = number(a, s->path, i),
        .query = SLICE("sort=name&page=2"),
        .method_id = METHOD_GET,
        .method = SLICE("GET"),
        .fields = f,
        .source = &source,
        .arena = a,
    };
}

static double least(const double *v, size_t n)
{
    double out = v[0];
    for (size_t i = 1; i < n; i++)
        out = v[i] < out ? v[i] : out;
    return out;
}

/* The time that a batch of requests for random routes takes: made outside of the time that is
 * measured, and few enough to lie in the cache as the request at hand does. */
static double batch_ns(const struct router *r, struct route_scratch *s, const struct shape *shape,
                       unsigned routes, uint64_t *random)
{
    static char memory[BATCH * 2048];
    struct route_query q[BATCH];
    struct arena a;
    unsigned found = 0;
    arena_init(&a, memory, sizeof memory);
    for (int i = 0; i < BATCH; i++) {
        *random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
        request_fill(&q[i], shape, (unsigned)(*random >> 32) % routes, &a);
    }
    const double begin = now_ns();
    for (int i = 0; i < BATCH; i++)
        found += router_match(r, s, &q[i]) != NULL;
    const double ns = now_ns() - begin;
    must(found == BATCH && a.total == 0);
    arena_fini(&a);
    return ns;
}

static double match_ns(const struct router *r, const struct shape *shape, unsigned routes,
                       int batches)
{
    struct route_scratch *s = route_scratch_new(r);
    double rounds[ROUNDS];
    uint64_t random = 88172645463325252u;
    for (int k = 0; k < ROUNDS; k++) {
        rounds[k] = 0;
        for (int i = 0; i < batches; i++)
            rounds[k] += batch_ns(r, s, shape, routes, &random) / batches / BATCH;
    }
    route_scratch_free(s);
    return least(rounds, ROUNDS);
}

static double run(const struct shape *s, unsigned routes, int batches, double *build_ms)
{
    struct arena a;
    struct faults faults;
    arena_init(&a, NULL, 0);
    faults_init(&faults);
    const struct config c = config_of(s, routes, &a);
    const double begin = now_ns();
    struct router *r = router_build(&c, &a, &faults);
    *build_ms = (now_ns() - begin) / 1e6;
    const double ns = match_ns(r, s, routes, batches);
    router_fini(r);
    faults_fini(&faults);
    arena_fini(&a);
    return ns;
}

int main(int argc, char **argv)
{
    const unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    if (n == 0)
        return fprintf(stderr, "usage: bench_route [ROUTES]\n"), 2;
    printf("%-26s %10s %12s %14s\n", "", "1 route", "many routes", "build (many)");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const struct shape *s = &shapes[i];
        const bool spread = strchr(s->prefix, '%') || strchr(s->host, '%') || s->header_only;
        const int batches = s->header_only ? BATCHES / 10 : BATCHES;
        double build_ms;
        const double one = run(s, 1, batches, &build_ms);
        const double many = spread ? run(s, n, batches, &build_ms) : 0;
        if (spread)
            printf("%-26s %7.0f ns %9.0f ns %11.1f ms\n", s->name, one, many, build_ms);
        else
            printf("%-26s %7.0f ns %12s %14s\n", s->name, one, "-", "-");
    }
    return 0;
}
