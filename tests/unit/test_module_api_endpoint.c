/* SPDX-License-Identifier: Apache-2.0 */
/* What modules keep and say about endpoints: cells at load and over reloads, shares, guards, limits. */
#include "module_case.h"

#include <string.h>

#include "core/cluster/endpoint_cell.h"
#include "core/worker.h"
#include "io/shm.h"

struct watch {
    bool on;
    struct weir_endpoint_cells *cells;
    weir_cluster cluster;
};
static const struct weir_setting watch_rows[] = {
    WEIR_ROW_BOOL("on", struct watch, on, "true", "whether it is on"),
    WEIR_ROW_END,
};

static void watch_load_cluster(struct weir_load *l, void *conf, void *global)
{
    struct watch *w = conf;
    (void)global;
    w->cluster = weir_load_cluster_of(l);
    w->cells = weir_endpoint_cells(l, w->cluster, "state", 24);
    weir_load_connections(l, w->cluster, 30);
    weir_load_connections(l, w->cluster, 20);
    weir_load_connections(l, w->cluster, 0);
    weir_load_connections(l, w->cluster, 40);
}

static const struct weir_module watch = {
    .abi = WEIR_ABI,
    .name = "watch",
    .summary = "watches endpoints",
    .cluster = {.rows = watch_rows, .size = sizeof(struct watch)},
    .load_cluster = watch_load_cluster,
};

static struct shm *shm;
static struct loop lp;

static void setup(void)
{
    modules_begin();
    module_add(&watch);
    shm = shm_create(16 << 20);
    loop_init(&lp, 16);
}

static void teardown(void)
{
    loop_fini(&lp);
    shm_detach(shm);
    modules_end();
}

TestSuite(module_api_endpoint, .init = setup, .fini = teardown);

#define CONF(endpoints)                                                                            \
    MODULE_LISTENERS "clusters = { a = { endpoints = [ \"10.0.9.9:80\" ]; }; b = { endpoints = [ " \
                     "" endpoints " ]; watch = { }; }; };\n"                                       \
                     "routes = ( { name = \"r\"; cluster = \"b\"; } );\n"

static struct generation *build(const char *text, struct shm *region, uint64_t number)
{
    struct config *c = config_parse(text, "t.conf", &modules.source, &module_faults);
    if (region)
        shm_generation(region, number);
    struct generation *g = c ? generation_build(c, region, number, &module_faults) : NULL;
    print_module_faults();
    cr_assert(g);
    return g;
}

static const struct watch *watch_of(const struct generation *g)
{
    return g->config->clusters[1].modules->conf;
}

/* A process of the generation. */
static struct weir_process *begin(struct worker *w, const struct generation *g)
{
    struct stats *stats = stats_bind(g, shm, 0, &module_faults);
    cr_assert(stats);
    clock_set(&lp.clock, 1000000, 1);
    worker_init(w, &lp, g, stats, NULL);
    return process_of(w);
}

static void end(struct worker *w)
{
    struct stats *stats = w->stats;
    worker_fini(w);
    stats_free(stats);
}

static weir_slot slot_of(struct weir_process *p, const char *name, struct weir_endpoint_info *out)
{
    size_t at = 0;
    while (weir_endpoint_each(p, 1, &at, out))
        if (out->name.n == strlen(name) && memcmp(out->name.p, name, out->name.n) == 0)
            return out->slot;
    return WEIR_NO_SLOT;
}

Test(module_api_endpoint, a_cell_outlives_reloads_that_change_the_list)
{
    struct worker w;
    struct weir_endpoint_info info;
    struct generation *g = build(CONF("\"10.0.0.1:80\", \"10.0.0.2:80\""), shm, 1);
    struct weir_process *p = begin(&w, g);
    cr_assert_eq(watch_of(g)->cluster, 1);
    const weir_slot two = slot_of(p, "10.0.0.2:80", &info);
    cr_assert_neq(two, WEIR_NO_SLOT);
    char *cell = weir_endpoint_cell(watch_of(g)->cells, two);
    cr_assert(cell && (uintptr_t)cell % 64 == 0);
    memcpy(cell, "kept", 5);
    cr_assert_null(weir_endpoint_cell(watch_of(g)->cells, WEIR_NO_SLOT));
    weir_endpoint_share_set(watch_of(g)->cells, two, 100000);
    end(&w);

    struct generation *next =
        build(CONF("\"10.0.0.7:80\", \"10.0.0.2:80\", \"10.0.0.3:80\""), shm, 2);
    p = begin(&w, next);
    cr_assert_eq(slot_of(p, "10.0.0.2:80", &info), two);
    cr_assert_eq(info.share, 100000);
    cr_assert_str_eq(weir_endpoint_cell(watch_of(next)->cells, two), "kept");
    const weir_slot three = slot_of(p, "10.0.0.3:80", &info);
    cr_assert_eq(info.share, 1000000);
    cr_assert_str_eq(weir_endpoint_cell(watch_of(next)->cells, three), "");
    end(&w);
    generation_free(g);
    generation_free(next);
}

Test(module_api_endpoint, many_more_endpoints_leave_the_old_ones_as_they_are)
{
    struct worker w;
    struct weir_endpoint_info info;
    char text[8192];
    size_t n = 0;
    struct generation *g = build(CONF("\"10.0.0.1:80\""), shm, 1);
    struct weir_process *p = begin(&w, g);
    const weir_slot one = slot_of(p, "10.0.0.1:80", &info);
    memcpy(weir_endpoint_cell(watch_of(g)->cells, one), "kept", 5);
    end(&w);
    for (int i = 1; i <= 200; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"10.0.0.%d:80\"", i > 1 ? ", " : "", i);
    char *conf;
    cr_assert(asprintf(&conf, CONF("%s"), text) > 0);
    struct generation *next = build(conf, shm, 2);
    free(conf);
    p = begin(&w, next);
    cr_assert_eq(slot_of(p, "10.0.0.1:80", &info), one);
    cr_assert_str_eq(weir_endpoint_cell(watch_of(next)->cells, one), "kept");
    cr_assert_neq(slot_of(p, "10.0.0.200:80", &info), WEIR_NO_SLOT);
    end(&w);
    generation_free(g);
    generation_free(next);
}

Test(module_api_endpoint, when_the_module_goes_its_verdict_goes)
{
    struct worker w;
    struct weir_endpoint_info info;
    struct generation *g = build(CONF("\"10.0.0.1:80\", \"10.0.0.2:80\""), shm, 1);
    struct weir_process *p = begin(&w, g);
    weir_endpoint_share_set(watch_of(g)->cells, slot_of(p, "10.0.0.1:80", &info), 0);
    slot_of(p, "10.0.0.1:80", &info);
    cr_assert_eq(info.share, 0);
    end(&w);
    struct generation *next =
        build(MODULE_LISTENERS "clusters = { a = { endpoints = [ \"10.0.9.9:80\" ]; }; b = { "
                               "endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\" ]; }; };\n"
                               "routes = ( { name = \"r\"; cluster = \"b\"; } );\n",
              shm, 2);
    p = begin(&w, next);
    slot_of(p, "10.0.0.1:80", &info);
    cr_assert_eq(info.share, 1000000);
    end(&w);
    generation_free(g);
    generation_free(next);
}

Test(module_api_endpoint, tells_what_is_known)
{
    struct worker w;
    struct weir_endpoint_info info;
    struct generation *g = build(CONF("\"10.0.0.1:80\", \"10.0.0.2:80\""), shm, 1);
    struct weir_process *p = begin(&w, g);
    const weir_slot one = slot_of(p, "10.0.0.1:80", &info);
    cr_assert(info.healthy && !info.draining && info.weight == 1 && info.share == 1000000);
    cr_assert_eq(info.passed, 0);
    endpoint_health_set(g->cells[1], one, HEALTH_DOWN, 0);
    endpoint_passed_set(g->cells[1], one, 4);
    endpoint_drain_set(g->cells[1], one, true);
    slot_of(p, "10.0.0.1:80", &info);
    cr_assert(!info.healthy && info.draining && info.passed == 4);
    size_t at = 0;
    unsigned n = 0;
    while (weir_endpoint_each(p, 1, &at, &info))
        n++;
    cr_assert_eq(n, 2);
    at = 0;
    cr_assert_not(weir_endpoint_each(p, 9, &at, &info));
    weir_endpoint_guard_set(watch_of(g)->cells, one, true);
    cluster_follow(&w.clusters[1]);
    cr_assert(w.clusters[1].endpoints[0]->guarded);
    const struct endpoint *ep = w.clusters[1].endpoints[0];
    cr_assert_eq(weir_endpoint_slot((const struct weir_endpoint *)ep), one);
    end(&w);
    generation_free(g);
}

Test(module_api_endpoint, of_several_limits_the_smallest_counts)
{
    struct worker w;
    struct generation *g = build(CONF("\"10.0.0.1:80\""), shm, 1);
    struct weir_process *p = begin(&w, g);
    cr_assert_eq(g->connections_max[0], 0);
    cr_assert_eq(g->connections_max[1], 20);
    atomic_store(&g->shared[1]->connections, 7);
    cr_assert_eq(weir_connections(p, 1), 7);
    cr_assert_eq(weir_connections(p, 99), 0);
    atomic_store(&g->shared[1]->connections, 0);
    end(&w);
    generation_free(g);
}

Test(module_api_endpoint, trouble_is_known_to_all_until_the_next_load)
{
    struct worker w;
    struct generation *g = build(CONF("\"10.0.0.1:80\""), shm, 1);
    struct weir_process *p = begin(&w, g);
    cr_assert_not(weir_cluster_trouble(p, 1));
    weir_cluster_trouble_set(p, 1, true);
    weir_cluster_trouble_set(p, 99, true);
    cr_assert(weir_cluster_trouble(p, 1));
    cr_assert_not(weir_cluster_trouble(p, 0));
    end(&w);
    struct generation *next = build(CONF("\"10.0.0.1:80\""), shm, 2);
    p = begin(&w, next);
    cr_assert_not(weir_cluster_trouble(p, 1));
    end(&w);
    generation_free(g);
    generation_free(next);
}

Test(module_api_endpoint, a_check_has_cells_of_its_own)
{
    struct generation *g = build(CONF("\"10.0.0.1:80\""), NULL, 1);
    char *cell = weir_endpoint_cell(watch_of(g)->cells, 0);
    cr_assert(cell && (uintptr_t)cell % 64 == 0);
    memset(cell, 1, 24);
    generation_free(g);
}
