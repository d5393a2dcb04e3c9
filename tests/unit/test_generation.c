/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a configuration to a generation, and from one generation to the next. */

#include "core/generation.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "base/fault.h"
#include "core/budget.h"
#include "core/module/module.h"

static struct shm *shm;
static struct faults faults;

static void setup(void)
{
    shm = shm_create(16 << 20);
    faults_init(&faults);
}

static void teardown(void)
{
    faults_fini(&faults);
    shm_detach(shm);
}

TestSuite(generation, .init = setup, .fini = teardown);

/* Two listeners, of which one limits its sources, and one cluster. */
static struct config *parse(const char *endpoints)
{
    char text[2048];
    snprintf(text, sizeof text,
             "listeners = ( { name = \"public\"; bind = \"127.0.0.1:8080\";\n"
             "                limits = { connections_per_source = 10; }; },\n"
             "              { name = \"inner\"; bind = \"127.0.0.1:8081\"; } );\n"
             "clusters = { web = { endpoints = [ %s ]; }; };\n"
             "routes = ( { name = \"all\"; cluster = \"web\"; } );\n",
             endpoints);
    struct config *c = config_parse(text, "t.conf", NULL, &faults);
    cr_assert(c, "%s", faults.first ? faults.first->text : "");
    return c;
}

static struct generation *build(const char *endpoints, uint64_t number)
{
    struct generation *g = generation_build(parse(endpoints), shm, number, &faults);
    cr_assert(g, "%s", faults.first ? faults.first->text : "");
    return g;
}

Test(generation, has_everything_that_its_processes_need)
{
    struct generation *g = build("\"10.0.0.1:80\", \"10.0.0.2:80\"", 1);
    cr_assert_eq(g->number, 1);
    cr_assert_eq(router_routes_n(g->router), 1);
    cr_assert_str_eq(g->tables[0]->rows[1].name, "10.0.0.2:80");
    cr_assert(g->gauges[0] && g->gauges[1]);
    cr_assert(g->sources[0]);
    cr_assert_null(g->sources[1]);
    cr_assert_eq(shm_find(shm, SLICE("listener/inner/connections"), NULL), g->gauges[1]);
    cr_assert_eq(shm_find(shm, SLICE("listener/public/sources"), NULL), g->sources[0]);
    generation_free(g);
}

Test(generation, finds_the_cells_of_the_one_before)
{
    struct generation *g = build("\"10.0.0.1:80\"", 1);
    atomic_store(&g->gauges[1]->connections, 7);
    struct generation *next = build("\"10.0.0.1:80\"", 2);
    cr_assert_eq(next->gauges[1], g->gauges[1]);
    cr_assert_eq(next->sources[0], g->sources[0]);
    cr_assert_eq(next->tables[0], g->tables[0]);
    generation_free(g);
    shm_forget(shm, 2);
    cr_assert_eq(atomic_load(&next->gauges[1]->connections), 7);
    cr_assert_eq(next->tables[0]->rows[0].state, ROW_UP);
    generation_free(next);
}

Test(generation, leaves_the_one_before_as_it_is_when_endpoints_change)
{
    struct generation *g = build("\"10.0.0.1:80\"", 1);
    struct generation *next = build("\"10.0.0.2:80\", \"10.0.0.3:80\"", 2);
    cr_assert_neq(next->tables[0], g->tables[0]);
    cr_assert_str_eq(g->tables[0]->rows[0].name, "10.0.0.1:80");
    cr_assert_eq(g->tables[0]->rows[0].state, ROW_UP);
    cr_assert_eq(g->tables[0]->rows[1].state, ROW_FREE);
    generation_free(next);
    generation_free(g);
}

Test(generation, follows_endpoints_that_come_and_go_over_many_reloads)
{
    struct generation *g = NULL;
    for (unsigned i = 1; i <= 100; i++) {
        char endpoints[64];
        snprintf(endpoints, sizeof endpoints, "\"10.0.0.%u:80\", \"10.0.0.%u:80\"", i, i + 1);
        struct generation *next = build(endpoints, i);
        generation_free(g);
        shm_forget(shm, i);
        g = next;
        size_t up = 0;
        for (uint32_t at = 0; at < g->tables[0]->capacity; at++)
            up += g->tables[0]->rows[at].state == ROW_UP;
        cr_assert_eq(up, 2);
    }
    cr_assert_lt(shm_usage(shm).cells, 20);
    generation_free(g);
}

Test(generation, makes_no_cells_for_a_check)
{
    struct generation *g = generation_build(parse("\"10.0.0.1:80\""), NULL, 1, &faults);
    cr_assert(g);
    cr_assert(g->router);
    cr_assert_null(g->tables);
    generation_free(g);
    generation_free(NULL);
}

Test(generation, reports_everything_that_finds_no_room)
{
    shm_detach(shm);
    /* Just what the region needs for itself, and a little for the cluster's cells. */
    for (size_t size = 4096;; size += 4096) {
        shm = shm_create(size);
        if (shm)
            break;
    }
    cr_assert_null(generation_build(parse("\"a.test:80\""), shm, 1, &faults));
    cr_assert_geq(faults.errors, 2);
    for (const struct fault *f = faults.first; f; f = f->next) {
        cr_assert(strstr(f->text, "memory.shared"), "%s", f->text);
        cr_assert_str_eq(f->file, "t.conf");
    }
}

/* The configuration's own check lets no such expression through. */
Test(generation, makes_no_cells_when_the_router_fails)
{
    struct config *c = parse("\"10.0.0.1:80\"");
    c->routes[0].match.path_form = PATH_REGEX;
    c->routes[0].match.path = SLICE("(");
    cr_assert_null(generation_build(c, shm, 1, &faults));
    cr_assert_gt(faults.errors, 0);
    cr_assert_null(shm_find(shm, SLICE("listener/public/connections"), NULL));
}

Test(generation, has_a_retry_budget_for_each_cluster_that_lives_on)
{
    struct generation *a = build("\"10.0.0.1:80\"", 1);
    struct generation *b = build("\"10.0.0.2:80\"", 2);
    cr_assert(a->budgets[0]);
    cr_assert_eq(a->budgets[0], b->budgets[0]);
    cr_assert_eq(a->budgets[0], shm_find(shm, SLICE("cluster/web/budgets"), NULL));
    generation_free(a);
    generation_free(b);
}

Test(generation, has_a_word_of_other_instances_where_a_fleet_shares_the_budget)
{
    static struct config *c;
    for (unsigned i = 0; i < 4; i++) {
        c = parse("\"10.0.0.1:80\"");
        c->fleet.set = i & 1;
        c->clusters[0].retry_budget.shared = i & 2;
        struct generation *g = generation_build(c, shm, i + 1, &faults);
        cr_assert(g);
        cr_assert_eq(g->elsewheres[0] != NULL, i == 3);
        generation_free(g);
    }
}

Test(generation, refuses_to_balance_by_an_identity_that_nobody_establishes)
{
    struct config *c = config_parse(
        "listeners = ( { name = \"a\"; bind = \"127.0.0.1:80\"; } );\n"
        "clusters = { web = { endpoints = [ \"10.0.0.1:80\" ]; balance = \"maglev\";\n"
        "                    hash = { identity = true; }; }; };\n"
        "routes = ( { name = \"all\"; cluster = \"web\"; } );\n",
        "t.conf", NULL, &faults);
    struct generation *g = generation_build(c, shm, 1, &faults);
    cr_assert(g);
    generation_check_identity(g, &faults);
    cr_assert_eq(faults.errors, 1);
    cr_assert_str_eq(fault_line(faults.first, &faults.arena),
                     "t.conf:2: error: cluster \"web\" has hash.identity, and no module establishes "
                     "identities: no request would have a key; configure one, such as modules.auth");
    generation_free(g);
}

Test(generation, refuses_conditions_on_an_identity_that_nobody_establishes)
{
    struct config *c =
        config_parse("listeners = ( { name = \"a\"; bind = \"127.0.0.1:80\"; } );\n"
                     "clusters = { web = { endpoints = [ \"10.0.0.1:80\" ]; }; };\n"
                     "routes = ( { name = \"staff\"; cluster = \"web\";\n"
                     "  match = { identity = ( { name = \"sub\"; present = true; } ); }; } );\n",
                     "t.conf", NULL, &faults);
    struct generation *g = generation_build(c, shm, 1, &faults);
    cr_assert(g);
    struct chain identify = {0};
    g->modules->identify = &identify;
    generation_check_identity(g, &faults);
    cr_assert_eq(faults.errors, 0);
    g->modules->identify = NULL;
    generation_check_identity(g, &faults);
    cr_assert_eq(faults.errors, 1);
    cr_assert_str_eq(fault_line(faults.first, &faults.arena),
                     "t.conf:4: error: route \"staff\" has match.identity, and no module "
                     "establishes identities: it could never match; configure one, such as "
                     "modules.auth");
    generation_free(g);
}
