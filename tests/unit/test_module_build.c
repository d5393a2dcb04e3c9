/* SPDX-License-Identifier: Apache-2.0 */
/* From settings of modules to chains: the order of loading and of running, cells, reserved
 * clusters, and the end. */
#include "module_case.h"

#include "base/text.h"
#include "io/shm.h"

/* What load and unload functions were called, in their order. */
static struct text seen;
static struct shm *shm;

struct note {
    struct weir_slice name;
    weir_cluster only;
    struct weir_chain *chain;
    uint64_t *cell;
};

static const struct weir_setting note_rows[] = {
    WEIR_ROW_TEXT("name", struct note, name, "", "a name"),
    WEIR_ROW_CLUSTER("only", struct note, only, "a cluster that is reserved"),
    WEIR_ROW_CHAIN(struct note, chain),
    WEIR_ROW_END,
};
static const struct weir_setting plain_rows[] = {
    WEIR_ROW_TEXT("name", struct note, name, "", "a name"),
    WEIR_ROW_CLUSTER("to", struct note, only, "a cluster"),
    WEIR_ROW_END,
};

static void note(struct weir_load *l, const char *what, struct note *n)
{
    const struct weir_slice route = weir_load_route(l);
    text_printf(&seen, "%s %.*s@%.*s:%d;", what, (int)n->name.n, n->name.p, (int)route.n, route.p,
                weir_load_place(l)->line);
    n->cell = weir_cell(l, "count", sizeof *n->cell);
    if (n->only != WEIR_NO_CLUSTER && n->chain)
        weir_load_strip(l, (struct weir_slice)WEIR_SLICE("X-Secret"));
}

static void load(struct weir_load *l, void *global)
{
    note(l, "load", global);
}

static void load_route(struct weir_load *l, void *conf, void *global)
{
    struct note *n = conf;
    cr_assert(global);
    note(l, "route", n);
    if (n->only != WEIR_NO_CLUSTER)
        weir_load_reserve(l, n->only);
    if (n->name.n && n->name.p[0] == '!')
        weir_fault(l, weir_load_place(l), "no, not %.*s", (int)n->name.n, n->name.p);
    if (n->name.n && n->name.p[0] == '?')
        weir_fault(l, NULL, "no");
}

static void load_cluster(struct weir_load *l, void *conf, void *global)
{
    cr_assert(global);
    note(l, "cluster", conf);
}

static void unload(void *global)
{
    const struct note *n = global;
    text_printf(&seen, "unload %.*s;", (int)n->name.n, n->name.p);
}

static void unload_use(void *conf)
{
    const struct note *n = conf;
    text_printf(&seen, "unload_use %.*s;", (int)n->name.n, n->name.p);
}

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
}

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return WEIR_NEXT;
}

#define SCOPE(table)                                                                               \
    {                                                                                              \
        .rows = (table), .size = sizeof(struct note)                                               \
    }
static const char *const fields[] = {"a", "b", NULL};
static const struct weir_module noted =
                                    {
                                        .abi = WEIR_ABI,
                                        .name = "noted",
                                        .summary = "notes what happens",
                                        .state_size = 20,
                                        .log_fields = fields,
                                        .wants_identity = true,
                                        .global = SCOPE(note_rows),
                                        .route = {.rows = note_rows,
                                                  .size = sizeof(struct note),
                                                  .list = true},
                                        .cluster = SCOPE(note_rows),
                                        .load = load,
                                        .load_route = load_route,
                                        .load_cluster = load_cluster,
                                        .unload = unload,
                                        .unload_use = unload_use,
                                        .on_identify = on_plan,
                                        .on_done = on_done,
},
                                early = {.abi = WEIR_ABI,
                                         .name = "early",
                                         .summary = "runs first",
                                         .order = -10,
                                         .state_size = 8,
                                         .route = SCOPE(plain_rows),
                                         .on_plan = on_plan,
                                         .on_done = on_done},
                                rival = {.abi = WEIR_ABI,
                                         .name = "rival",
                                         .summary = "wants the same",
                                         .global = SCOPE(plain_rows),
                                         .route = SCOPE(note_rows),
                                         .load_route = load_route};

struct says {
    const struct weir_template *text;
    struct weir_chain *inner;
};
static const struct weir_setting says_rows[] = {
    WEIR_ROW_TEMPLATE("text", struct says, text, WEIR_AT_FORWARD, "a text"),
    WEIR_ROW_CHAIN(struct says, inner),
    WEIR_ROW_END,
};
static const struct weir_module says = {
    .abi = WEIR_ABI,
    .name = "says",
    .summary = "has a text",
    .route = {.rows = says_rows, .size = sizeof(struct says)},
};

static void setup(void)
{
    modules_begin();
    module_add(&says);
    module_add(&noted);
    module_add(&early);
    module_add(&rival);
    text_init(&seen);
    shm = shm_create(16 << 20);
}

static void teardown(void)
{
    text_fini(&seen);
    shm_detach(shm);
    modules_end();
}

TestSuite(module_build, .init = setup, .fini = teardown);

static struct generation *try_build(const char *text, struct shm *region)
{
    struct config *c = config_parse(text, "t.conf", &modules.source, &module_faults);
    struct generation *g = c ? generation_build(c, region, 1, &module_faults) : NULL;
    return g;
}

static struct generation *build(const char *text)
{
    struct generation *g = try_build(text, shm);
    print_module_faults();
    cr_assert(g);
    return g;
}

static const char *take_seen(void)
{
    text_char(&seen, 0);
    seen.n = 0;
    return seen.p;
}

static void build_says(const char *text, const char *const *expected)
{
    cr_assert_null(try_build(text, shm));
    const struct fault *f = module_faults.first;
    for (; *expected; expected++, f = f->next) {
        cr_assert(f, "missing: %s", *expected);
        cr_assert_str_eq(fault_line(f, &module_faults.arena), *expected);
    }
    cr_assert(!f, "not expected: %s", f ? fault_line(f, &module_faults.arena) : "");
}
#define BUILD_SAYS(text, ...) build_says(text, (const char *const[]){__VA_ARGS__, NULL})

Test(module_build, without_modules_is_an_empty_plan)
{
    struct generation *g = build(MODULE_ROUTE(""));
    cr_assert(g->modules && g->modules->n == 0 && !g->modules->routes[0] &&
              !g->modules->clusters[0]);
    cr_assert(!g->modules->identify && g->modules->strip.n == 0);
    generation_free(g);
    cr_assert_str_eq(take_seen(), "");
}

Test(module_build, loads_once_and_then_each_use_in_the_order_of_the_file)
{
    struct generation *g =
        build(MODULE_LISTENERS
              "clusters = { b = { endpoints = [ \"x:1\" ];\nnoted = { name = \"c\"; }; }; };\n"
              "routes = ( { name = \"r\"; cluster = \"b\"; noted = ( { name = \"1\"; },\n"
              "{ name = \"2\"; noted = { name = \"in\"; }; } ); },\n"
              "{ name = \"s\"; cluster = \"b\"; noted = { name = \"3\"; }; } );\n"
              "modules = { noted = { name = \"g\"; }; };");
    cr_assert_str_eq(take_seen(),
                     "load g@:7;cluster c@:3;route 1@r:4;route 2@r:5;route in@r:5;route 3@s:6;");
    generation_free(g);
    cr_assert_str_eq(take_seen(),
                     "unload_use c;unload_use 1;unload_use 2;unload_use in;unload_use 3;"
                     "unload g;");
}

Test(module_build, makes_chains_in_the_order_of_running)
{
    struct generation *g =
        build(MODULE_ROUTE("noted = ( { name = \"1\"; }, { name = \"2\"; } ); early "
                           "= { name = \"e\"; }; },\n{ cluster = \"c\"; early = { };"));
    const struct module_plan *p = g->modules;
    cr_assert_eq(p->n, 2);
    const struct chain *c = p->routes[0];
    cr_assert_eq(c->uses_n, 3);
    cr_assert_eq(c->uses[0].module->desc, &early);
    cr_assert_weir(((const struct note *)c->uses[1].settings)->name, "1");
    cr_assert_weir(((const struct note *)c->uses[2].settings)->name, "2");
    cr_assert_eq(p->modules[c->uses[0].index].module->desc, &early);
    cr_assert_eq(c->uses[1].global, p->modules[c->uses[1].index].global);
    cr_assert_null(c->uses[0].global);
    cr_assert_eq(c->moments, 1u << MOMENT_IDENTIFY | 1u << MOMENT_PLAN | 1u << MOMENT_DONE);
    cr_assert_eq(c->at[MOMENT_DONE].n, 3);
    cr_assert(c->at[MOMENT_PLAN].n == 1 && c->at[MOMENT_PLAN].v[0] == &c->uses[0]);
    cr_assert(c->uses[0].state_at == 0 && c->uses[1].state_at == 16 && c->uses[2].state_at == 48);
    cr_assert_eq(c->state_size, 80);
    cr_assert(c->uses[1].log_at == 0 && c->uses[2].log_at == 2 && c->log_fields == 4);
    cr_assert(c->wants_identity && !p->routes[1]->wants_identity);
    cr_assert_eq(p->routes[1]->state_size, 16);
    generation_free(g);
}

static void load_route_wants(struct weir_load *l, void *conf, void *global)
{
    (void)conf, (void)global;
    if (weir_load_route(l).n == 1)
        weir_load_wants_identity(l);
    cr_assert_eq((uintptr_t)weir_cell(l, "x", 100) % 64, 0);
}
static const struct weir_module picky = {.abi = WEIR_ABI,
                                         .name = "picky",
                                         .summary = "sometimes wants an identity",
                                         .route = SCOPE(plain_rows),
                                         .load_route = load_route_wants};

Test(module_build, asks_for_the_identity_where_a_use_wants_it)
{
    module_add(&picky);
    struct generation *g =
        build(MODULE_LISTENERS MODULE_CLUSTERS
              "routes = ( { name = \"r\"; cluster = \"b\"; picky = { }; },\n"
              "{ name = \"rest\"; match = { path = \"/b\"; }; cluster = \"b\"; picky = { }; } );");
    cr_assert(g->modules->routes[0]->wants_identity);
    cr_assert(!g->modules->routes[1]->wants_identity);
    generation_free(g);
}

Test(module_build, warns_where_nobody_establishes_the_identity_that_a_use_wants)
{
    module_add(&picky);
    struct generation *g = build(MODULE_ROUTE("picky = { };"));
    generation_check_identity(g, &module_faults);
    cr_assert(module_faults.errors == 0 && module_faults.warnings == 1);
    cr_assert(strstr(fault_line(module_faults.first, &module_faults.arena),
                     "t.conf:5: warning: picky of route \"r\" looks at who asks"));
    generation_free(g);
}

Test(module_build, asks_for_the_identity_where_the_cluster_wants_it)
{
    module_add(&picky);
    struct generation *g =
        build(MODULE_LISTENERS
              "clusters = { b = { endpoints = [ \"10.0.0.1:80\" ]; balance = \"maglev\"; "
              "hash = { identity = true; }; };\n"
              "             c = { endpoints = [ \"10.0.0.2:80\" ]; }; };\n"
              "routes = ( { name = \"all\"; cluster = \"b\"; },\n"
              "  { name = \"rest\"; match = { path = \"/b\"; }; cluster = \"c\"; picky = { }; } );");
    cr_assert(g->modules->routes[0]->wants_identity && g->modules->routes[0]->uses_n == 0);
    cr_assert(!g->modules->routes[1]->wants_identity);
    generation_free(g);
}

Test(module_build, makes_one_chain_of_who_establishes_identities)
{
    struct generation *g = build(MODULE_ROUTE("early = { };") "modules = { noted = { }; };");
    const struct chain *c = g->modules->identify;
    cr_assert(c->uses_n == 1 && c->uses[0].module->desc == &noted);
    cr_assert(!c->uses[0].conf && !c->uses[0].settings && c->uses[0].global);
    cr_assert_eq(c->at[MOMENT_IDENTIFY].n, 1);
    generation_free(g);
}

Test(module_build, makes_chains_within_settings)
{
    struct generation *g =
        build(MODULE_ROUTE("noted = ( { early = { }; noted = { name = \"in\"; }; }, { } );"));
    const struct chain *outer = g->modules->routes[0];
    const struct note *first = outer->uses[0].settings, *second = outer->uses[1].settings;
    const struct chain *inner = chain_of(first->chain);
    cr_assert_eq(outer->uses_n, 2);
    cr_assert(inner->uses_n == 2 && inner->uses[0].module->desc == &early);
    cr_assert_null(chain_of(second->chain));
    generation_free(g);
}

Test(module_build, gives_each_use_its_cells)
{
    struct generation *g =
        build(MODULE_LISTENERS "clusters = { b = { endpoints = [ \"x:1\" ]; noted = { }; }; };\n"
                               "routes = ( { name = \"r\"; cluster = \"b\"; noted = ( { },\n"
                               "{ noted = ( { }, { } ); } ); } );");
    const char *const keys[] = {"module/noted/count",
                                "module/noted/cluster/b/count",
                                "module/noted/route/r/count",
                                "module/noted/route/r/1/count",
                                "module/noted/route/r/in/noted.1.0/count",
                                "module/noted/route/r/in/noted.1.0/1/count"};
    for (size_t i = 0; i < array_n(keys); i++)
        cr_assert(shm_find(shm, slice_str(keys[i]), NULL), "%s", keys[i]);
    const struct note *first = g->modules->routes[0]->uses[0].settings;
    cr_assert_eq(first->cell, shm_find(shm, slice_str(keys[2]), NULL));
    *first->cell = 42;
    generation_free(g);
    g = build(MODULE_ROUTE("noted = { };"));
    cr_assert_eq(*((const struct note *)g->modules->routes[0]->uses[0].settings)->cell, 42);
    generation_free(g);
}

Test(module_build, a_check_has_cells_of_its_own)
{
    struct generation *g = try_build(MODULE_ROUTE("noted = { };"), NULL);
    cr_assert_eq(*((const struct note *)g->modules->routes[0]->uses[0].settings)->cell, 0);
    cr_assert_null(shm_find(shm, SLICE("module/noted/count"), NULL));
    generation_free(g);
}

Test(module_build, says_when_the_region_is_full)
{
    struct config *c =
        config_parse(MODULE_ROUTE("noted = { };"), "t.conf", &modules.source, &module_faults);
    struct generation *g = generation_build(c, NULL, 1, &module_faults);
    const struct module_conf *use = g->config->routes[0].modules;
    struct weir_load l = {.g = g,
                          .shm = shm,
                          .arena = &g->arena,
                          .faults = &module_faults,
                          .module = use->module,
                          .place = use->place,
                          .key = "module/noted/"};
    cr_assert_null(weir_cell(&l, "huge", 1 << 30));
    cr_assert_str_eq(fault_line(module_faults.first, &module_faults.arena),
                     "t.conf:5: error: no room in the shared region for huge of the module noted "
                     "(1073741824 bytes), or an older generation has it with another size; raise "
                     "memory.shared and restart");
    generation_free(g);
}

Test(module_build, a_fault_of_a_module_fails_the_generation_and_unloads_all)
{
    BUILD_SAYS(
        MODULE_ROUTE("noted = ( { name = \"1\"; },\n{ name = \"!2\"; }, { name = \"?3\"; } );"),
        "t.conf:6: error: no, not !2", "t.conf: error: module noted: no");
    cr_assert_str_eq(take_seen(), "load @:0;route 1@r:5;route !2@r:6;route ?3@r:6;"
                                  "unload_use 1;unload_use !2;unload_use ?3;unload ;");
}

Test(module_build, settings_of_a_configuration_that_is_refused_are_unloaded)
{
    MODULE_CONF_SAYS(MODULE_ROUTE("noted = { name = \"1\"; }; timeout = 5;"),
                     "t.conf:5: error: routes[0].timeout is 5; a duration such as \"250ms\", \"3s\" or "
                     "\"5m\", from 0s to 1d (a number alone has no unit)");
    cr_assert_str_eq(take_seen(), "unload_use 1;unload ;");
}

Test(module_build, what_fails_beside_modules_is_reported_with_them)
{
    BUILD_SAYS(MODULE_LISTENERS
               "clusters = { b = { endpoints = [ \"x:1\" ]; tls = { ca = \"/none\"; }; }; };\n"
               "routes = ( { cluster = \"b\";\nnoted = { name = \"!\"; }; } );",
               "t.conf:2: error: ca /none: No such file or directory",
               "t.conf:4: error: no, not !");
}

/* -- reserved clusters ------------------------------------------------------------------------- */

Test(module_build, a_reserved_cluster_is_the_modules_alone)
{
    struct generation *g =
        build(MODULE_ROUTE("noted = ( { only = \"c\"; early = { }; }, { only = \"c\"; } );"));
    cr_assert_eq(g->modules->reserved[1]->desc, &noted);
    cr_assert_null(g->modules->reserved[0]);
    cr_assert_eq(g->modules->strip.n, 1);
    cr_assert(slice_eq(g->modules->strip.v[0], SLICE("x-secret")));
    generation_free(g);
}

Test(module_build, a_route_can_not_name_a_reserved_cluster)
{
    BUILD_SAYS(MODULE_ROUTE(
                   "noted = { only = \"c\"; }; },\n{ cluster = \"c\"; match = { path = \"/x\"; };"),
               "t.conf:6: error: routes[1].cluster is \"c\"; noted keeps that cluster to itself "
               "(t.conf:5), so nothing else may send requests there");
}

Test(module_build, another_module_can_not_name_a_reserved_cluster)
{
    BUILD_SAYS(MODULE_ROUTE("early = { to = \"c\"; };\nnoted = { only = \"c\"; };"),
               "t.conf:5: error: routes[0].early.to is \"c\"; noted keeps that cluster to itself "
               "(t.conf:6), so nothing else may send requests there");
}

Test(module_build, two_modules_can_not_reserve_a_cluster)
{
    BUILD_SAYS(MODULE_ROUTE("noted = { only = \"c\"; };\nrival = { only = \"c\"; };"),
               "t.conf:6: error: rival wants the cluster c to itself, and so does noted (t.conf:5)",
               "t.conf:6: error: routes[0].rival.only is \"c\"; noted keeps that cluster to itself "
               "(t.conf:5), so nothing else may send requests there");
}

Test(module_build, tells_what_it_knows)
{
    struct config *c =
        config_parse(MODULE_ROUTE("noted = { };"), "t.conf", &modules.source, &module_faults);
    struct generation *g = generation_build(c, shm, 1, &module_faults);
    struct weir_load l = {.g = g,
                          .shm = shm,
                          .arena = &g->arena,
                          .faults = &module_faults,
                          .route = &c->routes[0],
                          .module = c->routes[0].modules->module};
    cr_assert_eq(weir_load_route_of(&l), 0);
    cr_assert_eq(weir_load_routes(&l), c->routes_n);
    cr_assert_eq(weir_load_route_cluster(&l), 0);
    cr_assert_weir(weir_cluster_name(&l, 1), "c");
    cr_assert_null(weir_cluster_name(&l, 7).p);
    cr_assert_not(weir_load_is_check(&l));
    weir_fault(&l, weir_load_place(&l), "lacks %s", "something");
    cr_assert_str_eq(fault_line(module_faults.first, &module_faults.arena),
                     "t.conf: error: module noted: lacks something");
    weir_load_strip(&l, (struct weir_slice)WEIR_SLICE("x y"));
    cr_assert_str_eq(module_faults.first->next->text,
                     "module noted: \"x y\" is no name of a header field");
    generation_free(g);
}

Test(module_build, asks_who_it_is_where_a_text_names_it)
{
    struct generation *g =
        build(MODULE_ROUTE("says = { text = \"%{claim.groups}\"; }; }, "
                           "{ name = \"plain\"; cluster = \"b\"; match = { path = \"/p\"; };"
                           "  says = { text = \"%{path}\"; }; }, "
                           "{ name = \"inner\"; cluster = \"b\"; match = { path = \"/i\"; };"
                           "  says = { says = { text = \"%{identity.subject}\"; }; };"));
    cr_assert(g->modules->routes[0]->wants_identity);
    cr_assert(!g->modules->routes[1]->wants_identity);
    cr_assert(g->modules->routes[2]->wants_identity);
    generation_free(g);
}
