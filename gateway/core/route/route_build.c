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

#include "core/route/route.h"

#include <stdlib.h>

#include "core/route/route_cover.h"
#include "core/route/route_table.h"

struct placement {
    struct host_routes *host;
    const struct route_entry *entry;
};

struct build {
    struct router *router;
    struct arena *arena;
    struct placement *placements; /* owned while building */
    size_t placements_n;
    uint32_t order_n; /* of router.order */
    uint32_t hosts_n;
    struct route_tree_draft draft; /* of the host pattern at hand */
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

/* On cache lines: the arena's own alignment is less. */
static struct route_entry *aligned_entries(struct arena *a, size_t n)
{
    const size_t align = _Alignof(struct route_entry);
    const uintptr_t p = (uintptr_t)arena_zalloc(a, n * sizeof(struct route_entry) + align);
    return (struct route_entry *)((p + align - 1) & ~(uintptr_t)(align - 1));
}

static bool build_entries(struct build *b, const struct config *c, struct faults *faults)
{
    struct router *r = b->router;
    struct conditions_builder cb;
    bool ok = true;

    r->entries = aligned_entries(b->arena, c->routes_n);
    r->entries_n = c->routes_n;
    r->listeners_n = c->listeners_n;
    r->regex_steps = c->regex_steps ? (uint32_t)c->regex_steps : REGEX_STEPS_DEFAULT;
    conditions_builder_init(&cb, c, &r->regexes, b->arena, faults);
    for (size_t i = 0; i < c->routes_n; i++)
        ok = build_entry(b, &cb, &c->routes[i], &r->entries[i]) && ok;
    r->lookups = conditions_builder_fini(&cb);
    return ok;
}

/* -- hosts ------------------------------------------------------------------------------------- */

static struct host_routes *new_host(struct build *b, struct slice name)
{
    struct host_routes *h = arena_zalloc(b->arena, sizeof *h + name.n);
    h->index = b->hosts_n++;
    if (name.n)
        memcpy(h->name, name.p, name.n);
    return h;
}

static struct host_routes *host_in(struct build *b, struct host_table *t, struct slice name)
{
    struct host_routes *h = map_find(&t->by_name, name);
    if (!h) {
        h = new_host(b, name);
        map_set(&t->by_name, slice_of(h->name, name.n), h);
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
        r->any_host = new_host(b, SLICE(""));
    return r->any_host;
}

static void place_all(struct build *b, const struct config *c)
{
    static const struct slice any = SLICE_INIT("*");
    size_t n = 0;
    for (size_t i = 0; i < c->routes_n; i++)
        n += c->routes[i].match.hosts.n ? c->routes[i].match.hosts.n : 1;
    b->placements = calloc(n + 1, sizeof *b->placements);
    must(b->placements && n <= UINT32_MAX);
    b->router->order = ARENA_ARRAY(b->arena, uint32_t, n);

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

static int on_compare_regexes(const void *a, const void *b)
{
    const struct path_regex *pa = a, *pb = b;
    return more_first(pb->rank, pa->rank);
}

/* -- leaves ------------------------------------------------------------------------------------ */

/* The leaf of the placements that begin at `p`; *n placements are there, and *n become the leaf's.
 */
static struct path_routes take_leaf(struct build *b, const struct placement *p, size_t *n)
{
    struct path_routes leaf = {.first = b->order_n};
    size_t len = 0;
    for (; len < *n && compare_leaf(&p[0], &p[len]) == 0; len++)
        if (len == 0 || p[len].entry != p[len - 1].entry) /* a host that a route names twice */
            b->router->order[b->order_n++] = p[len].entry->route.index;
    *n = len;
    leaf.n = b->order_n - leaf.first;
    return leaf;
}

/* Expressions are ordered by the first route that has them. */
static struct path_regex regex_leaf(const struct router *r, const struct path_routes *leaf)
{
    struct path_regex out = {
        .regex = leaf_entry(r, leaf, 0)->path, .rank = UINT32_MAX, .routes = *leaf};
    for (uint32_t i = 0; i < leaf->n; i++) {
        const uint32_t index = leaf_entry(r, leaf, i)->route.index;
        out.rank = index < out.rank ? index : out.rank;
    }
    return out;
}

/* Puts a leaf where matching looks for it. */
static void place_leaf(struct build *b, struct host_routes *h, const struct route_conf *rc,
                       struct path_routes leaf)
{
    const enum path_form form = (enum path_form)rc->match.path_form;
    if (form == PATH_REGEX) { /* shown to the cover when they are in order */
        h->regexes[h->regexes_n++] = regex_leaf(b->router, &leaf);
        return;
    }
    if (form == PATH_EXACT)
        *route_tree_draft_exact(&b->draft, rc->match.path) = leaf;
    else if (form == PATH_ANY)
        h->any = leaf;
    else if (slice_eq(rc->match.path, SLICE("/")))
        h->root = leaf;
    else
        *route_tree_draft_prefix(&b->draft, rc->match.path) = leaf;
    if (form != PATH_ANY)
        cover_leaf(&b->cover, form, rc->match.path, &leaf);
}

static void finish_regexes(struct build *b, struct host_routes *h)
{
    if (h->regexes_n)
        qsort(h->regexes, h->regexes_n, sizeof *h->regexes, on_compare_regexes);
    for (uint32_t i = 0; i < h->regexes_n; i++) {
        const struct path_routes *leaf = &h->regexes[i].routes;
        const struct slice path = leaf_entry(b->router, leaf, 0)->route.conf->match.path;
        cover_leaf(&b->cover, PATH_REGEX, path, leaf);
    }
}

/* The listeners on which the host has some route. */
static uint64_t *listeners_of(struct build *b, const struct placement *p, size_t n)
{
    const size_t words = b->router->listeners_n / 64 + 1;
    uint64_t *bits = ARENA_ARRAY(b->arena, uint64_t, words);
    for (size_t i = 0; i < n; i++) {
        const uint64_t *some = p[i].entry->conditions.listeners;
        if (!some)
            return NULL;
        for (size_t k = 0; k < words; k++)
            bits[k] |= some[k];
    }
    return bits;
}

/* The leaves of one host pattern. */
static void build_host(struct build *b, const struct placement *p, size_t n)
{
    struct host_routes *h = p->host;
    size_t regexes = 0;
    for (size_t i = 0; i < n; i++)
        regexes += p[i].entry->path != NULL;
    h->regexes = ARENA_ARRAY(b->arena, struct path_regex, regexes);
    h->listeners = listeners_of(b, p, n);

    cover_host(&b->cover);
    route_tree_draft_init(&b->draft);
    for (size_t left = n, len; left > 0; p += len, left -= len) {
        len = left;
        const struct path_routes leaf = take_leaf(b, p, &len);
        place_leaf(b, h, p->entry->route.conf, leaf);
    }
    h->tree = route_tree_pack(&b->draft, b->arena);
    route_tree_draft_fini(&b->draft);
    finish_regexes(b, h);
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
