/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of modules in a configuration: where they may stand, what they refer to, and how they
 * stand beside the gateway's own ends of a route. */
#include "module_case.h"

struct pair {
    weir_cluster to;
    int64_t n;
};

static const struct weir_setting pair_rows[] = {
    WEIR_ROW_CLUSTER("to", struct pair, to, "where to"),
    WEIR_ROW_INT("n", struct pair, n, "5", 0, 9, "how many"),
    WEIR_ROW_END,
};
static const struct weir_setting needy_rows[] = {
    WEIR_ROW_INT("n", struct pair, n, NULL, 0, 9, "how many", .required = true),
    WEIR_ROW_END,
};

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return WEIR_NEXT;
}

#define PAIR                                                                                       \
    {                                                                                              \
        .rows = pair_rows, .size = sizeof(struct pair)                                             \
    }
#define NAMED(n) .abi = WEIR_ABI, .name = (n), .summary = "is a test's"

static const struct weir_module
    wide = {NAMED("wide"), .global = PAIR, .route = PAIR, .cluster = PAIR},
    many = {NAMED("many"), .route = {.rows = pair_rows, .size = sizeof(struct pair), .list = true}},
    last = {NAMED("last"), .route = PAIR, .on_plan = on_plan, .ends_route = true},
    final = {NAMED("final"), .route = PAIR, .on_plan = on_plan, .ends_route = true},
    needy = {NAMED("needy"), .route = PAIR,
             .global = {.rows = needy_rows, .size = sizeof(struct pair)}};

static void setup(void)
{
    modules_begin();
    module_add(&wide);
    module_add(&many);
    module_add(&last);
    module_add(&final);
    module_add(&needy);
}

TestSuite(config_modules, .init = setup, .fini = modules_end);

static int64_t n_of(const struct module_conf *conf)
{
    return ((const struct pair *)conf->conf)->n;
}

Test(config_modules, stand_in_three_scopes_in_the_order_of_the_file)
{
    struct config *c =
        module_conf("routes = ( { name = \"r\"; many = ( { n = 1; },\n{ n = 2; } ); cluster = "
                    "\"b\"; wide = { n "
                    "= 3; }; } );\n"
                    "modules = { wide = { n = 4; to = \"c\"; }; };\n" MODULE_LISTENERS
                    "clusters = { b = { endpoints = [ \"x:1\" ]; wide = { to = \"c\"; }; };\n"
                    "c = { endpoints = [ \"y:1\" ]; }; };");
    const struct module_conf *m = c->routes[0].modules;
    cr_assert(m->module->desc == &many && n_of(m) == 1 && m->place.index == 0);
    cr_assert_weir(m->place.name, "many");
    m = m->next;
    cr_assert(m->module->desc == &many && n_of(m) == 2 && m->place.index == 1 &&
              m->place.line == 2);
    m = m->next;
    cr_assert(m->module->desc == &wide && n_of(m) == 3 && m->scope == MODULE_ROUTE && !m->next);
    m = c->modules;
    cr_assert(m->module->desc == &wide && n_of(m) == 4 && m->scope == MODULE_GLOBAL && !m->next);
    cr_assert_eq(((const struct pair *)m->conf)->to, 1);
    m = c->clusters[0].modules;
    cr_assert(m->module->desc == &wide && n_of(m) == 5 && m->scope == MODULE_CLUSTER);
    cr_assert_eq(((const struct pair *)m->conf)->to, 1);
    config_free(c);
}

Test(config_modules, remember_which_clusters_they_name)
{
    struct config *c = module_conf(MODULE_ROUTE("many = ( { to = \"b\"; },\n{ to = \"c\"; } );"));
    const struct cluster_ref *ref = c->cluster_refs;
    cr_assert(ref->cluster == 1 && ref->place.line == 6 && ref->module->desc == &many);
    cr_assert_str_eq(ref->path, "routes[0].many[1].to");
    cr_assert_str_eq(ref->next->path, "routes[0].many[0].to");
    cr_assert_null(ref->next->next);
    config_free(c);
}

Test(config_modules, a_list_may_be_one_group)
{
    struct config *c = module_conf(MODULE_ROUTE("many = { n = 7; };"));
    cr_assert(n_of(c->routes[0].modules) == 7 && !c->routes[0].modules->next);
    config_free(c);
    MODULE_CONF_SAYS(
        MODULE_ROUTE("many = 7;"),
        "t.conf:5: error: routes[0].many is 7; a group, { ... }, or a list of groups: ( "
        "{ ... }, { ... } )");
    MODULE_CONF_SAYS(MODULE_ROUTE("many = ( 7 );"),
                     "t.conf:5: error: routes[0].many[0] is 7; a group: { ... }");
}

Test(config_modules, have_global_settings_though_none_are_written)
{
    struct config *c = module_conf(MODULE_ROUTE("wide = { };"));
    cr_assert(c->modules->module->desc == &wide && n_of(c->modules) == 5 && !c->modules->next);
    cr_assert_eq(c->modules->place.line, 0);
    config_free(c);
    c = module_conf(MODULE_ROUTE("many = ( );"));
    cr_assert(!c->modules && !c->routes[0].modules);
    config_free(c);
}

Test(config_modules, say_when_they_need_global_settings)
{
    MODULE_CONF_SAYS(
        MODULE_ROUTE("needy = { };"),
        "t.conf:5: error: needy needs settings that count everywhere: modules = { needy "
        "= { ... }; }; `weir --help-module needy` shows them");
    MODULE_CONF_SAYS(MODULE_ROUTE("needy = { };") "modules = { needy = { }; };",
                     "t.conf:6: error: modules.needy.n is missing: how many");
}

Test(config_modules, unknown_names_have_hints)
{
    MODULE_CONF_SAYS(MODULE_ROUTE("wied = { };"),
                     "t.conf:5: error: unknown setting routes[0].wied; did you mean \"wide\"?");
    MODULE_CONF_SAYS(MODULE_LISTENERS
                     "clusters = { b = { endpoints = [ \"x:1\" ]; wied = { }; }; };\n"
                     "routes = ( { cluster = \"b\"; } );\n",
                     "t.conf:2: error: unknown setting clusters.b.wied; did you mean \"wide\"?");
    MODULE_CONF_SAYS("modules = { wied = { }; };\n" MODULE_ROUTE(""),
                     "t.conf:1: error: unknown setting modules.wied; did you mean \"wide\"?");
}

#define END_ROUTE(part) MODULE_LISTENERS MODULE_CLUSTERS "routes = ( { " part " } );\n"

Test(config_modules, may_be_the_end_of_a_route)
{
    struct config *c = module_conf(END_ROUTE("last = { }; rewrite = { path = \"/x\"; };"));
    cr_assert_eq(c->routes[0].action, ACTION_MODULE);
    cr_assert_eq(c->routes[0].cluster_index, -1);
    config_free(c);
}

Test(config_modules, are_the_only_end_of_a_route)
{
    MODULE_CONF_SAYS(
        END_ROUTE("last = { };\ncluster = \"b\";"),
        "t.conf:4: error: routes[0] has last beside cluster (line 5); last chooses the "
        "cluster of every request, so it stands alone");
    MODULE_CONF_SAYS(
        END_ROUTE("respond = { };\nlast = { };"),
        "t.conf:5: error: routes[0] has last beside respond (line 4); last chooses the "
        "cluster of every request, so it stands alone");
    MODULE_CONF_SAYS(END_ROUTE("last = { };\nfinal = { };"),
                     "t.conf:5: error: routes[0] has final beside last (line 4); final chooses the "
                     "cluster of every request, so it stands alone");
    MODULE_CONF_SAYS(END_ROUTE("wide = { };"),
                     "t.conf:4: error: routes[0] says not what to do; exactly one of cluster, "
                     "redirect and respond");
}

/* What is missing may be what the unknown one would have brought. */
Test(config_modules, that_are_unknown_are_the_only_mistake)
{
    MODULE_CONF_SAYS(END_ROUTE("lats = { };"),
                     "t.conf:4: error: unknown setting routes[0].lats; did you mean \"last\"?");
}
