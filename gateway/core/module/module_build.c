/* SPDX-License-Identifier: Apache-2.0 */
/* From the settings of modules to what exchanges run: which modules a generation has, their load
 * functions, and a chain for every place where settings of modules stand.
 *
 *   1. number the modules, in the order in which the configuration names them
 *   2. load(), once each; then load_route() and load_cluster() of each use, in the order of the
 * file
 *   3. build the chains: uses sorted by the module's order, with room for state and log fields
 *   4. hold clusters that a module reserved against everything else that names them
 *
 * Load functions get cells and counters by names; what is built here is what decides that two uses
 * of a module in one place never get the same. */
#include "core/module/module.h"

#include <stdlib.h>

#include "core/generation.h"

static void number_modules(struct module_plan *p, const struct config *c, struct arena *a);
static void load_modules(struct weir_load *l);
static void load_uses(struct weir_load *l, struct module_conf *uses, const char *inner);
static const struct chain *chain_build(struct generation *g, const struct module_conf *uses);
static const struct chain *globals_build(struct generation *g,
                                         bool (*takes)(const struct weir_module *desc));
static bool identifies(const struct weir_module *desc);
static bool hears_of_unrouted(const struct weir_module *desc);
static void check_reserved(const struct weir_load *l);

/* Uses of a place, and of all chains within them, in the order of the file. */
static void each_use(const struct module_conf *uses,
                     void (*fn)(void *ctx, const struct module_conf *use), void *ctx)
{
    for (const struct module_conf *use = uses; use; use = use->next) {
        fn(ctx, use);
        for (const struct module_chain *chain = use->chains; chain; chain = chain->next)
            each_use(chain->confs, fn, ctx);
    }
}

static void each_place(const struct config *c, void (*fn)(void *ctx, const struct module_conf *use),
                       void *ctx)
{
    each_use(c->modules, fn, ctx);
    for (size_t i = 0; i < c->clusters_n; i++)
        each_use(c->clusters[i].modules, fn, ctx);
    for (size_t i = 0; i < c->routes_n; i++)
        each_use(c->routes[i].modules, fn, ctx);
}

/* Must it be known who asks before a request of this route goes to its cluster? */
static bool cluster_asks(const struct module_plan *p, const struct config *c,
                         const struct route_conf *rc)
{
    if (rc->action != ACTION_CLUSTER)
        return false;
    const size_t cluster = (size_t)rc->cluster_index;
    return c->clusters[cluster].hash.by == HASH_BY_IDENTITY ||
           (p->clusters[cluster] && p->clusters[cluster]->wants_identity);
}

/* The same chain, or one without uses, that wants the identity. */
static const struct chain *chain_asking(struct generation *g, const struct chain *from)
{
    struct chain *c = ARENA_NEW(&g->arena, struct chain);
    if (from)
        *c = *from;
    c->wants_identity = true;
    return c;
}

void module_plan_build(struct generation *g, struct shm *shm, struct faults *faults)
{
    const struct config *c = g->config;
    struct module_plan *p = g->modules = ARENA_NEW(&g->arena, struct module_plan);
    p->routes = ARENA_ARRAY(&g->arena, const struct chain *, c->routes_n);
    p->clusters = ARENA_ARRAY(&g->arena, const struct chain *, c->clusters_n);
    p->reserved = ARENA_ARRAY(&g->arena, struct module *, c->clusters_n);
    number_modules(p, c, &g->arena);
    if (p->n == 0)
        return;
    struct weir_load l = {.g = g,
                          .shm = shm,
                          .arena = &g->arena,
                          .faults = faults,
                          .reserved = ARENA_ARRAY(&faults->arena, struct place, c->clusters_n)};
    load_modules(&l);
    for (size_t i = 0; i < c->clusters_n; i++) {
        l.cluster = &c->clusters[i];
        load_uses(&l, l.cluster->modules, "");
        p->clusters[i] = chain_build(g, l.cluster->modules);
    }
    l.cluster = NULL;
    for (size_t i = 0; i < c->routes_n; i++) {
        l.route = &c->routes[i];
        load_uses(&l, l.route->modules, "");
        p->routes[i] = chain_build(g, l.route->modules);
        if (cluster_asks(p, c, l.route))
            p->routes[i] = chain_asking(g, p->routes[i]);
    }
    p->identify = globals_build(g, identifies);
    p->unrouted = globals_build(g, hears_of_unrouted);
    check_reserved(&l);
}

/* -- which modules ----------------------------------------------------------------------------- */

static uint32_t index_of(const struct module_plan *p, const struct module *m)
{
    uint32_t i = 0;
    while (i < p->n && p->modules[i].module != m)
        i++;
    return i;
}

static void add_module(void *ctx, const struct module_conf *use)
{
    struct module_plan *p = ctx;
    const uint32_t i = index_of(p, use->module);
    if (i == p->n) {
        must(p->n < MODULES_MAX);
        p->modules[p->n++].module = use->module;
    }
    if (use->scope == MODULE_GLOBAL)
        p->modules[i].global = use->conf;
}

static void number_modules(struct module_plan *p, const struct config *c, struct arena *a)
{
    p->modules = ARENA_ARRAY(a, struct loaded_module, MODULES_MAX);
    each_place(c, add_module, p);
}

/* -- loading ----------------------------------------------------------------------------------- */

static const struct module_conf *global_conf(const struct config *c, const struct module *m)
{
    const struct module_conf *g = c->modules;
    while (g && g->module != m)
        g = g->next;
    return g;
}

static void load_modules(struct weir_load *l)
{
    const struct module_plan *p = l->g->modules;
    for (size_t i = 0; i < p->n; i++) {
        const struct weir_module *desc = p->modules[i].module->desc;
        const struct module_conf *conf = global_conf(l->g->config, p->modules[i].module);
        l->module = p->modules[i].module;
        l->place = conf ? conf->place : (struct place){.file = l->g->config->file.p};
        l->key = arena_printf(l->arena, "module/%s/", desc->name);
        if (desc->load)
            desc->load(l, p->modules[i].global);
    }
}

/* "module/canary/route/reviews/"; a second use in a list adds its index, and one within the
 * settings of another module says in whose: so a use keeps its cells when others come. */
static const char *use_key(const struct weir_load *l, const struct module_conf *use,
                           const char *inner)
{
    const char *name = use->module->desc->name;
    const char *index = use->place.index ? arena_printf(l->arena, "%zu/", use->place.index) : "";
    if (l->route)
        return arena_printf(l->arena, "module/%s/route/%.*s/%s%s", name, SLICE_ARG(l->route->name),
                            inner, index);
    if (l->cluster)
        return arena_printf(l->arena, "module/%s/cluster/%.*s/%s%s", name,
                            SLICE_ARG(l->cluster->place.name), inner, index);
    return arena_printf(l->arena, "module/%s/%s%s", name, inner, index);
}

static void load_use(struct weir_load *l, struct module_conf *use, const char *inner)
{
    const struct weir_module *desc = use->module->desc;
    const struct module_plan *p = l->g->modules;
    void *global = p->modules[index_of(p, use->module)].global;
    l->module = use->module;
    l->conf = use;
    l->place = use->place;
    l->key = use_key(l, use, inner);
    if (*inner && desc->ends_route)
        weir_fault(l, weir_load_place(l),
                   "%s chooses the cluster of all of a route's requests, so it can't stand within "
                   "settings of another module; put it on the route",
                   desc->name);
    if (use->scope == MODULE_ROUTE && desc->load_route)
        desc->load_route(l, use->conf, global);
    if (use->scope == MODULE_CLUSTER && desc->load_cluster)
        desc->load_cluster(l, use->conf, global);
    l->conf = NULL;
}

static void load_uses(struct weir_load *l, struct module_conf *uses, const char *inner)
{
    for (struct module_conf *use = uses; use; use = use->next) {
        size_t nth = 0;
        if (use->scope != MODULE_GLOBAL)
            load_use(l, use, inner);
        for (struct module_chain *chain = use->chains; chain; chain = chain->next, nth++) {
            const char *in = arena_printf(l->arena, "%sin/%s.%zu.%zu/", inner,
                                          use->module->desc->name, use->place.index, nth);
            load_uses(l, chain->confs, in);
            chain->built = chain_build(l->g, chain->confs);
        }
    }
}

/* -- chains ------------------------------------------------------------------------------------ */

static bool has_hook(const struct weir_module *desc, enum moment m)
{
    switch (m) {
#define M(id, hook)                                                                                \
    case MOMENT_##id:                                                                              \
        return desc->hook != NULL;
        MOMENT_LIST(M)
#undef M
    default:
        return false;
    }
}

/* By the modules' order; equal ones stay as they are. */
static void sort_uses(struct module_use *uses, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct module_use one = uses[i];
        size_t at = i;
        for (; at > 0 && uses[at - 1].module->desc->order > one.module->desc->order; at--)
            uses[at] = uses[at - 1];
        uses[at] = one;
    }
}

/* By its hooks, by a text of its settings, or by settings of modules within them. */
static bool wants_identity(const struct module_use *use)
{
    if (use->module->desc->wants_identity || !use->conf)
        return use->module->desc->wants_identity;
    for (const struct module_chain *in = use->conf->chains; in; in = in->next) {
        const struct chain *c = in->built;
        if (c && c->wants_identity)
            return true;
    }
    return use->conf->wants_identity;
}

static void place_state(struct chain *c, struct module_use *use)
{
    enum { ALIGNED = 16 }; /* as memory of malloc is */
    const struct weir_module *desc = use->module->desc;
    use->state_at = c->state_size;
    c->state_size += (uint32_t)((desc->state_size + ALIGNED - 1) & ~(size_t)(ALIGNED - 1));
    use->log_at = c->log_fields;
    for (const char *const *f = desc->log_fields; f && *f; f++)
        c->log_fields++;
    c->wants_identity = c->wants_identity || wants_identity(use);
}

static void collect_moment(struct chain *c, enum moment m, struct arena *a)
{
    struct moment_uses *at = &c->at[m];
    at->v = ARENA_ARRAY(a, const struct module_use *, c->uses_n);
    for (size_t i = 0; i < c->uses_n; i++) {
        const struct module_use *use = &c->uses[i];
        if (!has_hook(use->module->desc, m))
            continue;
        at->v[at->n++] = use;
        const uint32_t bit = m == MOMENT_PICK && use->module->desc->guards ? CHAIN_GUARDS : 1u << m;
        if (use->late && !(MOMENTS_WAKING >> m & 1))
            c->late_moments |= bit;
        else
            c->moments |= bit;
        if ((m == MOMENT_RESULT || m == MOMENT_END) && use->all_results)
            c->moments |= CHAIN_ALL_RESULTS;
    }
}

static void collect_words(struct chain *c, struct arena *a)
{
    c->words = ARENA_ARRAY(a, const _Atomic uint32_t *, c->uses_n);
    for (size_t i = 0; i < c->uses_n; i++)
        if (c->uses[i].results_while)
            c->words[c->words_n++] = c->uses[i].results_while;
    if (c->words_n)
        c->moments |= CHAIN_SOME_RESULTS;
}

void chain_collect(struct chain *c, struct arena *a)
{
    for (int m = 0; m < MOMENT_N; m++)
        collect_moment(c, (enum moment)m, a);
    collect_words(c, a);
    for (size_t i = 0; i < c->uses_n; i++)
        if (c->uses[i].conf && c->uses[i].conf->keeps)
            c->moments |= CHAIN_KEEPS;
}

static const struct chain *chain_of_uses(struct generation *g, struct module_use *uses, size_t n)
{
    if (n == 0)
        return NULL;
    struct chain *c = ARENA_NEW(&g->arena, struct chain);
    c->uses = uses;
    c->uses_n = n;
    sort_uses(uses, n);
    for (size_t i = 0; i < n; i++)
        place_state(c, &uses[i]);
    chain_collect(c, &g->arena);
    return c;
}

/* NULL when nothing stands there. */
static const struct chain *chain_build(struct generation *g, const struct module_conf *confs)
{
    size_t n = 0;
    for (const struct module_conf *conf = confs; conf; conf = conf->next)
        n++;
    struct module_use *uses = ARENA_ARRAY(&g->arena, struct module_use, n);
    n = 0;
    for (const struct module_conf *conf = confs; conf; conf = conf->next) {
        const uint32_t index = index_of(g->modules, conf->module);
        uses[n++] = (struct module_use){.module = conf->module,
                                        .conf = conf,
                                        .settings = conf->conf,
                                        .global = g->modules->modules[index].global,
                                        .all_results = conf->all_results ||
                                                       !conf->module->desc->failures_only,
                                        .results_while = conf->results_while,
                                        .late = conf->late,
                                        .index = index};
    }
    return chain_of_uses(g, uses, n);
}

static bool identifies(const struct weir_module *desc)
{
    return desc->on_identify;
}

static bool hears_of_unrouted(const struct weir_module *desc)
{
    return desc->unrouted && desc->on_done;
}

/* Of those with global settings, without a route: in the order of the modules. */
static const struct chain *globals_build(struct generation *g,
                                         bool (*takes)(const struct weir_module *desc))
{
    const struct module_plan *p = g->modules;
    struct module_use *uses = ARENA_ARRAY(&g->arena, struct module_use, p->n);
    size_t n = 0;
    for (uint32_t i = 0; i < p->n; i++)
        if (takes(p->modules[i].module->desc) && p->modules[i].global)
            uses[n++] = (struct module_use){
                .module = p->modules[i].module, .global = p->modules[i].global, .index = i};
    return chain_of_uses(g, uses, n);
}

/* -- reserved clusters ------------------------------------------------------------------------- */

static void report_reserved(const struct weir_load *l, uint32_t cluster, const struct place *place,
                            const char *what)
{
    const struct module *owner = l->g->modules->reserved[cluster];
    const struct place *said = &l->reserved[cluster];
    const struct slice name = l->g->config->clusters[cluster].place.name;
    faults_add(l->faults, place->file, place->line,
               "%s is \"%.*s\"; %s keeps that cluster to itself (%s:%d), so nothing else may send "
               "requests there",
               what, SLICE_ARG(name), owner->desc->name, said->file, said->line);
}

static void check_reserved(const struct weir_load *l)
{
    const struct config *c = l->g->config;
    struct module *const *reserved = l->g->modules->reserved;
    for (size_t i = 0; i < c->routes_n; i++) {
        const struct route_conf *rc = &c->routes[i];
        if (rc->action == ACTION_CLUSTER && reserved[rc->cluster_index])
            report_reserved(l, (uint32_t)rc->cluster_index, &rc->place,
                            arena_printf(&l->faults->arena, "routes[%zu].cluster", i));
    }
    for (const struct cluster_ref *ref = c->cluster_refs; ref; ref = ref->next)
        if (reserved[ref->cluster] && reserved[ref->cluster] != ref->module)
            report_reserved(l, ref->cluster, &ref->place, ref->path);
}

/* -- the end ----------------------------------------------------------------------------------- */

static void unload_use(void *ctx, const struct module_conf *use)
{
    (void)ctx;
    if (use->scope != MODULE_GLOBAL && use->module->desc->unload_use)
        use->module->desc->unload_use(use->conf);
}

void modules_forget(const struct config *c)
{
    each_place(c, unload_use, NULL);
    for (const struct module_conf *g = c->modules; g; g = g->next)
        if (g->module->desc->unload)
            g->module->desc->unload(g->conf);
}

void module_plan_free(struct generation *g)
{
    const struct module_plan *p = g->modules;
    if (!p) {
        if (g->config)
            modules_forget(g->config);
        return;
    }
    each_place(g->config, unload_use, NULL);
    for (size_t i = 0; i < p->n; i++)
        if (p->modules[i].module->desc->unload)
            p->modules[i].module->desc->unload(p->modules[i].global);
}
