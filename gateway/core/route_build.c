/* SPDX-License-Identifier: Apache-2.0 */
/* Building the router: from the routes of a configuration to tables.
 *
 * Each route is placed once under each of its host patterns. All placements are sorted by host
 * pattern, path and rank, whereupon the leaves lie one behind the other: every run of placements
 * with the same host pattern and the same path is one leaf, in its order already. So the time is
 * that of sorting, however the routes are spread over hosts and paths.
 *
 * The rank within a leaf is the Gateway API's: a method given, then more header conditions, then
 * more query conditions, then the order of the file. */

#include "core/route.h"

#include <stdlib.h>

#include "core/route_cover.h"
#include "core/route_table.h"

struct placement {
    struct host_routes *host;
    const struct route_entry *entry;
};

struct build {
    struct router *router;
    struct arena *arena;
    struct placement *placements; /* owned while building */
    size_t placements_n;
    uint32_t hosts_n;
    struct cover cover;
};

static bool build_entries(struct build *b, const struct config *c, struct faults *faults);
static void place_all(struct build *b, const struct config *c);
static void build_leaves(struct build *b);

struct router *router_build(const struct config *c, struct arena *a, struct faults *faults)
{
    struct build b = {.router = ARENA_NEW(a, struct router), .arena = a};
    map_init(&b.router->exact.by_name);
    map_init(&b.router->wild.by_name);
    regex_set_init(&b.router->regexes);
    if (!build_entries(&b, c, faults)) {
        router_fini(b.router);
        return NULL;
    }
    place_all(&b, c);
    cover_init(&b.cover, b.router);
    build_leaves(&b);
    cover_report(&b.cover, faults);
    cover_fini(&b.cover);
    free(b.placements);
    return b.router;
}

/* -- routes ------------------------------------------------------------------------------------ */

static bool build_entry(struct build *b, struct conditions_builder *cb, const struct route_conf *rc,
                        struct route_entry *e)
{
    const struct place *at = &rc->place;
    e->route = (struct route){
        .conf = rc,
        .index = (uint32_t)(e - b->router->entries),
        .name = rc->name,
        .place = slice_str(arena_printf(b->arena, "%s:%d", at->file ? at->file : "-", at->line)),
    };
    bool ok = conditions_build(cb, rc, &e->conditions);
    if (rc->match.path_form == PATH_REGEX) {
        e->path =
            regex_get(cb->regexes, rc->match.path, "match.path_regex", at, b->arena, cb->faults);
        ok = ok && e->path;
    }
    return ok;
}

static bool build_entries(struct build *b, const struct config *c, struct faults *faults)
{
    struct router *r = b->router;
    struct conditions_builder cb;
    bool ok = true;

    r->entries = ARENA_ARRAY(b->arena, struct route_entry, c->routes_n);
    r->entries_n = c->routes_n;
    r->listeners_n = c->listeners_n;
    conditions_builder_init(&cb, c, &r->regexes, b->arena, faults);
    for (size_t i = 0; i < c->routes_n; i++)
        ok = build_entry(b, &cb, &c->routes[i], &r->entries[i]) && ok;
    r->lookups = conditions_builder_fini(&cb);
    return ok;
}

/* -- hosts ------------------------------------------------------------------------------------- */

static struct host_routes *new_host(struct build *b)
{
    struct host_routes *h = ARENA_NEW(b->arena, struct host_routes);
    h->index = b->hosts_n++;
    route_tree_init(&h->tree, b->arena);
    return h;
}

static struct host_routes *host_in(struct build *b, struct host_table *t, struct slice name)
{
    struct host_routes *h = map_find(&t->by_name, name);
    if (!h) {
        h = new_host(b);
        map_set(&t->by_name, name, h);
        t->lengths[host_length_class(name)] = true;
    }
    return h;
}

static struct host_routes *host_of(struct build *b, struct slice pattern)
{
    struct router *r = b->router;
    if (slice_starts(pattern, SLICE("*.")))
        return host_in(b, &r->wild, slice_from(pattern, 2));
    if (!slice_eq(pattern, SLICE("*")))
        return host_in(b, &r->exact, pattern);
    if (!r->any_host)
        r->any_host = new_host(b);
    return r->any_host;
}

static void place_all(struct build *b, const struct config *c)
{
    static const struct slice any = SLICE_INIT("*");
    size_t n = 0;
    for (size_t i = 0; i < c->routes_n; i++)
        n += c->routes[i].match.hosts.n ? c->routes[i].match.hosts.n : 1;
    b->placements = calloc(n + 1, sizeof *b->placements);
    must(b->placements);

    for (size_t i = 0; i < c->routes_n; i++) {
        const struct texts *hosts = &c->routes[i].match.hosts;
        for (size_t k = 0; k < (hosts->n ? hosts->n : 1); k++)
            b->placements[b->placements_n++] = (struct placement){
                .host = host_of(b, hosts->n ? hosts->v[k] : any),
                .entry = &b->router->entries[i],
            };
    }
}

/* -- the order --------------------------------------------------------------------------------- */

/* Negative when `a` comes before `b`, for values that rank downwards. */
static int more_first(size_t a, size_t b)
{
    return (a < b) - (a > b);
}

/* The order in which matching looks at path forms. */
static int form_rank(const struct route_entry *e)
{
    static const uint8_t ranks[] = {
        [PATH_EXACT] = 0, [PATH_PREFIX] = 1, [PATH_REGEX] = 2, [PATH_ANY] = 3};
    return ranks[e->route.conf->match.path_form];
}

static int compare_leaf(const struct placement *a, const struct placement *b)
{
    if (a->host != b->host)
        return a->host->index < b->host->index ? -1 : 1;
    const int form = form_rank(a->entry) - form_rank(b->entry);
    if (form || a->entry->route.conf->match.path_form == PATH_ANY)
        return form;
    return slice_cmp(a->entry->route.conf->match.path, b->entry->route.conf->match.path);
}

static int compare_rank(const struct route_entry *a, const struct route_entry *b)
{
    const struct route_conf *ca = a->route.conf, *cb = b->route.conf;
    int order = more_first(ca->match.methods.n > 0, cb->match.methods.n > 0);
    if (!order)
        order = more_first(ca->match.headers.n, cb->match.headers.n);
    if (!order)
        order = more_first(ca->match.query.n, cb->match.query.n);
    return order ? order : more_first(b->route.index, a->route.index);
}

static int on_compare(const void *a, const void *b)
{
    const struct placement *pa = a, *pb = b;
    const int order = compare_leaf(pa, pb);
    return order ? order : compare_rank(pa->entry, pb->entry);
}

/* Expressions in the order of the first route that has them. */
static uint32_t first_index(const struct path_routes *routes)
{
    uint32_t first = UINT32_MAX;
    for (uint32_t i = 0; i < routes->n; i++)
        if (routes->v[i]->route.index < first)
            first = routes->v[i]->route.index;
    return first;
}

static int on_compare_regexes(const void *a, const void *b)
{
    const struct path_regex *pa = a, *pb = b;
    return more_first(pb->first, pa->first);
}

/* -- leaves ------------------------------------------------------------------------------------ */

/* The leaf of placements that begins at `p`; *n placements are there, and *n become the leaf's. */
static struct path_routes take_leaf(struct build *b, const struct placement *p, size_t *n)
{
    size_t len = 1;
    while (len < *n && compare_leaf(&p[0], &p[len]) == 0)
        len++;
    const struct route_entry **v = ARENA_ARRAY(b->arena, const struct route_entry *, len);
    uint32_t routes_n = 0;
    for (size_t i = 0; i < len; i++)
        if (i == 0 || p[i].entry != p[i - 1].entry) /* a host that a route names twice */
            v[routes_n++] = p[i].entry;
    *n = len;
    return (struct path_routes){.v = v, .n = routes_n};
}

static void add_regex(struct build *b, struct host_routes *h, const struct path_routes *routes)
{
    if (h->regexes_n == h->regexes_cap) {
        h->regexes_cap = h->regexes_cap ? h->regexes_cap * 2 : 4;
        struct path_regex *more = ARENA_ARRAY(b->arena, struct path_regex, h->regexes_cap);
        if (h->regexes_n)
            memcpy(more, h->regexes, h->regexes_n * sizeof *more);
        h->regexes = more;
    }
    h->regexes[h->regexes_n++] = (struct path_regex){
        .regex = routes->v[0]->path, .first = first_index(routes), .routes = *routes};
}

/* The leaves of one host pattern. */
static void build_host(struct build *b, const struct placement *p, size_t n)
{
    struct host_routes *h = p->host;
    cover_host(&b->cover);
    for (size_t left = n, len; left > 0; p += len, left -= len) {
        len = left;
        const struct path_routes routes = take_leaf(b, p, &len);
        const struct route_conf *rc = p->entry->route.conf;
        const enum path_form form = (enum path_form)rc->match.path_form;
        if (form == PATH_EXACT)
            *route_tree_exact(&h->tree, rc->match.path, b->arena) = routes;
        else if (form == PATH_PREFIX)
            *route_tree_prefix(&h->tree, rc->match.path, b->arena) = routes;
        else if (form == PATH_REGEX)
            add_regex(b, h, &routes);
        else
            h->any = routes;
        if (form == PATH_EXACT || form == PATH_PREFIX)
            cover_leaf(&b->cover, form, rc->match.path, &routes);
    }
    if (h->regexes_n)
        qsort(h->regexes, h->regexes_n, sizeof *h->regexes, on_compare_regexes);
    for (uint32_t i = 0; i < h->regexes_n; i++) {
        const struct path_routes *routes = &h->regexes[i].routes;
        cover_leaf(&b->cover, PATH_REGEX, routes->v[0]->route.conf->match.path, routes);
    }
    cover_leaf(&b->cover, PATH_ANY, SLICE(""), &h->any);
}

static void build_leaves(struct build *b)
{
    struct placement *p = b->placements;
    qsort(p, b->placements_n, sizeof *p, on_compare);
    for (size_t from = 0, to; from < b->placements_n; from = to) {
        to = from + 1;
        while (to < b->placements_n && p[to].host == p[from].host)
            to++;
        build_host(b, &p[from], to - from);
    }
}
