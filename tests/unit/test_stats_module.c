/* SPDX-License-Identifier: Apache-2.0 */
/* What modules count: that the cells of variants and counters obey what those of routes do (a slot
 * of its own for each process, sums that never go back), and what the page makes of them. */

#include "core/stats/exposition.h"
#include "core/stats/stats_module.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "core/generation.h"
#include "core/worker.h"
#include "io/shm.h"

enum { SLOTS = 20 };

static struct route_conf routes[2];
static struct cluster_conf clusters[1];
static struct config config;
static struct cluster_table *tables[1];
static struct module_plan plan;
static struct generation g;
static struct shm *shm;
static struct faults faults;
static struct text page;

static const struct weir_module canary = {.name = "canary"}, other = {.name = "canary_user"};
static const struct module canary_module = {.desc = &canary}, other_module = {.desc = &other};
static struct module_conf use = {.place = {.file = "weir.conf", .line = 7}};
static struct weir_load l;

static const struct weir_counter rows[] = {{"sent", "requests sent"},
                                           {"errors", "errors of \"it\", with \\ and\na line end"},
                                           {NULL, NULL}};
static const struct weir_counter more[] = {{"sent", "requests sent"}, {NULL, NULL}};

/* A new generation of the same configuration, in which nothing is registered yet. */
static void next_generation(void)
{
    arena_fini(&g.arena);
    arena_init(&g.arena, NULL, 0);
    plan = (struct module_plan){0};
    g.number++;
    shm_generation(shm, g.number);
}

static void begin(void)
{
    routes[0].name = SLICE("shop");
    routes[1].name = SLICE("help");
    clusters[0].place.name = SLICE("cart");
    config =
        (struct config){.routes = routes, .routes_n = 2, .clusters = clusters, .clusters_n = 1};
    tables[0] = calloc(1, sizeof(struct cluster_table) + sizeof(struct table_row));
    tables[0]->capacity = 1;
    g = (struct generation){.number = 0, .config = &config, .tables = tables, .modules = &plan};
    shm = shm_create(64 << 20);
    cr_assert(shm);
    arena_init(&g.arena, NULL, 0);
    next_generation();
    faults_init(&faults);
    text_init(&page);
    l = (struct weir_load){.g = &g,
                           .arena = &g.arena,
                           .faults = &faults,
                           .module = &canary_module,
                           .conf = &use,
                           .route = &routes[0]};
}

static void end(void)
{
    text_fini(&page);
    faults_fini(&faults);
    arena_fini(&g.arena);
    shm_detach(shm);
    free(tables[0]);
}

TestSuite(stats_module, .init = begin, .fini = end);

static struct stats *bind_slot(unsigned slot)
{
    struct stats *s = stats_bind(&g, shm, slot, &faults);
    cr_assert(s);
    return s;
}

static const char *text_of_page(void)
{
    page.n = 0;
    stats_show(&g, shm, SLOTS, &(struct exposition){.out = &page});
    text_char(&page, '\0');
    return page.p;
}

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static bool fault_says(const char *text)
{
    for (const struct fault *f = faults.first; f; f = f->next)
        if (strstr(f->text, text))
            return f->line == 7;
    return false;
}

/* As a process in this slot would. */
static void count(struct weir_counters *c, unsigned slot, unsigned index, uint64_t n)
{
    struct worker w = {.g = &g, .stats = bind_slot(slot)};
    weir_count(process_of(&w), c, index, n);
    stats_free(w.stats);
}

static uint64_t sum(const struct weir_counters *c, unsigned index)
{
    struct worker w = {.g = &g, .stats = bind_slot(SLOTS - 1)};
    const uint64_t n = weir_count_sum(process_of(&w), c, index);
    stats_free(w.stats);
    return n;
}

static void count_request(const struct weir_variant *v, unsigned slot, uint16_t status, uint64_t us)
{
    struct stats *s = bind_slot(slot);
    s->variants[v->index]->requests++;
    s->variants[v->index]->status[status_class(status)]++;
    histogram_add(&s->variants[v->index]->latency, s->bounds, us);
    stats_free(s);
}

static struct weir_traffic traffic_of(const struct weir_variant *v)
{
    struct worker w = {.g = &g, .stats = bind_slot(SLOTS - 1)};
    struct weir_traffic t;
    weir_variant_traffic(process_of(&w), v, &t);
    stats_free(w.stats);
    return t;
}

/* -- counters ---------------------------------------------------------------------------------- */

Test(stats_module, counts_in_the_column_of_the_process_and_adds_all_up)
{
    struct weir_counters *c = weir_counters(&l, rows, NULL, 0);

    cr_assert(c);
    count(c, 0, 0, 3);
    count(c, 1, 0, 4);
    count(c, 9, 1, 5); /* in another group */
    cr_assert(sum(c, 0) == 7 && sum(c, 1) == 5);
    cr_assert(strstr(text_of_page(), "\nweir_canary_sent_total{route=\"shop\"} 7\n"));
    cr_assert(strstr(page.p, "\nweir_canary_errors_total{route=\"shop\"} 5\n"));
}

static uint64_t read_twice(const void *ctx)
{
    return 2 * *(const uint64_t *)ctx;
}

Test(stats_module, shows_gauges_as_they_are_when_somebody_looks)
{
    static uint64_t state = 1;
    const struct weir_gauge g1 = {"open", "how open it is", read_twice, &state};
    const struct weir_label at[] = {{"endpoint", WEIR_SLICE("b")}};

    weir_gauge(&l, &g1, NULL, 0);
    weir_gauge(&l, &g1, at, 1);
    weir_gauge(&l, &g1, at, 1);
    cr_assert(strstr(text_of_page(), "# TYPE weir_canary_open gauge\n"
                                     "weir_canary_open{route=\"shop\"} 2\n"
                                     "weir_canary_open{route=\"shop\",endpoint=\"b\"} 2\n"));
    state = 4;
    cr_assert_eq(times(text_of_page(), "weir_canary_open{route=\"shop\",endpoint=\"b\"} 8\n"), 1);
    const struct weir_gauge wrong = {"op en", "", read_twice, &state};
    weir_gauge(&l, &wrong, NULL, 0);
    cr_assert(fault_says("the gauge \"op en\" can't be used"));
}

/* In OpenMetrics samples of one family may not be called like another family. */
Test(stats_module, refuses_names_that_samples_of_other_metrics_have)
{
    static uint64_t state;
    const struct weir_gauge same = {"sent", "", read_twice, &state},
                            total = {"open_total", "", read_twice, &state};

    cr_assert(weir_counters(&l, rows, NULL, 0));
    weir_gauge(&l, &same, NULL, 0);
    cr_assert(fault_says("a counter and a gauge can't have the same name"));
    weir_gauge(&l, &total, NULL, 0);
    cr_assert(fault_says("the gauge \"open_total\" can't be used"));
}

Test(stats_module, takes_only_what_the_module_names_where_it_names_something)
{
    static const struct weir_counter told[] = {{"sent", "requests sent"}, {NULL, NULL}};
    struct weir_module desc = *l.module->desc;
    struct module m = *l.module;

    desc.counters = told;
    m.desc = &desc;
    l.module = &m;
    cr_assert(weir_counters(&l, more, NULL, 0));
    cr_assert(!weir_counters(&l, rows, NULL, 0));
    cr_assert(fault_says("it is not among those that the module names"));
}

Test(stats_module, counts_nothing_where_there_is_nothing_to_count_in)
{
    struct weir_counters *c = weir_counters(&l, rows, NULL, 0);
    struct worker check = {.g = &g}, w = {.g = &g, .stats = bind_slot(0)};

    weir_count(process_of(&check), c, 0, 1); /* weir -t: no columns */
    weir_count(process_of(&w), NULL, 0, 1);  /* there was no room */
    weir_count(process_of(&w), c, 2, 1);     /* beyond the rows */
    cr_assert(weir_count_sum(process_of(&check), c, 0) == 0);
    cr_assert(weir_count_sum(process_of(&w), NULL, 0) == 0);
    cr_assert(weir_count_sum(process_of(&w), c, 2) == 0);
    cr_assert(sum(c, 0) == 0 && sum(c, 1) == 0);
    stats_free(w.stats);
}

Test(stats_module, shows_a_metric_once_whatever_uses_have_it)
{
    const struct weir_label to_cart[] = {{"to", WEIR_SLICE("ca\"r\nt")}};
    struct weir_counters *shop = weir_counters(&l, rows, NULL, 0);
    struct weir_counters *cart = weir_counters(&l, rows, to_cart, 1);
    l.route = &routes[1];
    struct weir_counters *help = weir_counters(&l, more, NULL, 0); /* other rows, the same name */
    l.route = NULL;
    l.cluster = &clusters[0];
    struct weir_counters *cluster = weir_counters(&l, rows, NULL, 0);
    l.cluster = NULL;
    struct weir_counters *global = weir_counters(&l, rows, NULL, 0);

    cr_assert(shop && cart && help && cluster && global);
    count(shop, 0, 0, 1);
    count(cart, 0, 0, 2);
    count(help, 0, 0, 3);
    count(cluster, 0, 0, 4);
    count(global, 0, 0, 5);
    cr_assert(strstr(text_of_page(), "# HELP weir_canary_sent_total requests sent\n"
                                     "# TYPE weir_canary_sent_total counter\n"
                                     "weir_canary_sent_total{route=\"shop\"} 1\n"
                                     "weir_canary_sent_total{route=\"shop\",to=\"ca\\\"r\\nt\"} 2\n"
                                     "weir_canary_sent_total{route=\"help\"} 3\n"
                                     "weir_canary_sent_total{cluster=\"cart\"} 4\n"
                                     "weir_canary_sent_total 5\n"),
              "%s", page.p);
    cr_assert(times(page.p, "# TYPE weir_canary_errors_total ") == 1);
    cr_assert(strstr(page.p, "# HELP weir_canary_errors_total errors of \"it\", with \\\\ and\\na "
                             "line end\n"));
}

Test(stats_module, gives_two_uses_that_count_the_same_the_same_counters)
{
    const struct weir_label a[] = {{"to", WEIR_SLICE("a")}}, b[] = {{"to", WEIR_SLICE("b")}};

    cr_assert(weir_counters(&l, rows, a, 1) == weir_counters(&l, rows, a, 1));
    cr_assert(weir_counters(&l, rows, a, 1) != weir_counters(&l, rows, b, 1));
    cr_assert(weir_counters(&l, rows, a, 1) != weir_counters(&l, more, a, 1));
    cr_assert(plan.counters_n == 3);
}

Test(stats_module, refuses_names_that_would_spoil_the_page)
{
    static const struct weir_counter bad_row[] = {{"a-b", "x"}, {NULL, NULL}};
    static const struct weir_counter taken[] = {{"user_sent", "x"}, {NULL, NULL}};
    static const struct weir_counter clash[] = {{"sent", "x"}, {NULL, NULL}};
    static const struct weir_module cluster = {.name = "cluster"};
    static const struct module cluster_module = {.desc = &cluster};
    const struct weir_label bad[] = {{"a b", WEIR_SLICE("x")}},
                            ours[] = {{"route", WEIR_SLICE("x")}},
                            twice[] = {{"a", WEIR_SLICE("x")}, {"a", WEIR_SLICE("y")}};

    cr_assert(!weir_counters(&l, bad_row, NULL, 0) && fault_says("the counter \"a-b\""));
    cr_assert(!weir_counters(&l, rows, bad, 1) && fault_says("the label \"a b\""));
    cr_assert(!weir_counters(&l, rows, ours, 1) && fault_says("the label \"route\""));
    cr_assert(!weir_counters(&l, rows, twice, 2) && fault_says("the label \"a\""));
    cr_assert(!weir_counters(&l, rows + 2, NULL, 0) && fault_says("the list of counters"));
    cr_assert(weir_counters(&l, taken, NULL, 0));
    l.module = &other_module; /* weir_canary_user_sent_total, too */
    cr_assert(!weir_counters(&l, clash, NULL, 0) && fault_says("another module"));
    l.module = &cluster_module;
    cr_assert(!weir_counters(&l, rows, NULL, 0) && fault_says("the gateway's own"));
}

Test(stats_module, keeps_what_dead_processes_and_old_generations_counted)
{
    struct weir_counters *c = weir_counters(&l, rows, NULL, 0);
    struct weir_variant *v = weir_variant(&l, (struct weir_slice)WEIR_SLICE("v2"));

    count(c, 0, 0, 1);
    count(c, 17, 0, 10);
    count_request(v, 0, 200, 1);
    count_request(v, 17, 200, 1);
    stats_slot_dead(&g, shm, 0);
    count(c, 0, 0, 100); /* who gets the slot next goes on from there */
    cr_assert(sum(c, 0) == 111);

    next_generation(); /* and a reload: other indexes, the same keys */
    l.route = &routes[1];
    cr_assert(weir_counters(&l, rows, NULL, 0) &&
              weir_variant(&l, (struct weir_slice)WEIR_SLICE("x")));
    l.route = &routes[0];
    c = weir_counters(&l, rows, NULL, 0);
    v = weir_variant(&l, (struct weir_slice)WEIR_SLICE("v2"));
    cr_assert(c->index == 1 && v->index == 1);
    count(c, 9, 0, 1000);
    stats_keep(&g, shm, SLOTS);
    shm_forget(shm, g.number);
    cr_assert(sum(c, 0) == 1111);
    cr_assert(traffic_of(v).requests == 2);

    next_generation(); /* one without them: its cells are forgotten */
    stats_keep(&g, shm, SLOTS);
    shm_forget(shm, g.number);
    c = weir_counters(&l, rows, NULL, 0);
    cr_assert(sum(c, 0) == 0);
}

Test(stats_module, keeps_apart_what_many_uses_count)
{
    enum { N = 100 };
    static char names[N][8];
    struct weir_counters *c[N];
    struct weir_variant *v[N];

    for (unsigned i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "v%u", i);
        const struct weir_slice name = {names[i], strlen(names[i])};
        const struct weir_label labels[] = {{"to", name}};
        c[i] = weir_counters(&l, rows, labels, 1);
        v[i] = weir_variant(&l, name);
        cr_assert(c[i]->index == i && v[i]->index == i);
    }
    for (unsigned i = 0; i < N; i++) {
        count(c[i], 1, 1, i + 1);
        count_request(v[i], 2, 200, i < 50 ? 1 : 1000000);
    }
    for (unsigned i = 0; i < N; i++) {
        cr_assert(plan.counters[i] == c[i] && plan.variants[i] == v[i]);
        cr_assert(sum(c[i], 1) == i + 1 && sum(c[i], 0) == 0);
        cr_assert(traffic_of(v[i]).p50_us == (i < 50 ? 500 : 1000000));
    }
}

/* -- variants ---------------------------------------------------------------------------------- */

Test(stats_module, gives_one_variant_to_all_uses_that_name_it_on_a_route)
{
    struct weir_variant *v = weir_variant(&l, (struct weir_slice)WEIR_SLICE("v2"));

    cr_assert(v && weir_variant(&l, (struct weir_slice)WEIR_SLICE("v2")) == v);
    l.route = &routes[1];
    cr_assert(weir_variant(&l, (struct weir_slice)WEIR_SLICE("v2")) != v);
    cr_assert(plan.variants_n == 2);
}

Test(stats_module, refuses_a_variant_without_a_route_or_with_a_name_that_is_none)
{
    static char longest[VARIANT_NAME_MAX + 1];

    memset(longest, 'x', sizeof longest);
    cr_assert(weir_variant(&l, (struct weir_slice){longest, VARIANT_NAME_MAX}));
    cr_assert(!weir_variant(&l, (struct weir_slice){longest, VARIANT_NAME_MAX + 1}));
    cr_assert(!weir_variant(&l, (struct weir_slice)WEIR_SLICE("")));
    cr_assert(!weir_variant(&l, (struct weir_slice)WEIR_SLICE("a/b")) && fault_says("no \"/\""));
    l.route = NULL;
    cr_assert(!weir_variant(&l, (struct weir_slice)WEIR_SLICE("v")) && fault_says("only a route"));
}

Test(stats_module, shows_a_variant_as_it_shows_a_route)
{
    struct weir_variant *v = weir_variant(&l, (struct weir_slice)WEIR_SLICE("v2"));

    cr_assert(v);
    count_request(v, 1, 200, 400);
    count_request(v, 12, 503, 2000000);
    const char *text = text_of_page();
#define SHOP_V2 "route=\"shop\",variant=\"v2\""
    cr_assert(strstr(text, "# TYPE weir_variant_requests_total counter\n"
                           "weir_variant_requests_total{" SHOP_V2 "} 2\n"));
    cr_assert(strstr(text, "weir_variant_responses_total{" SHOP_V2 ",code_class=\"2xx\"} 1\n"));
    cr_assert(strstr(text, "weir_variant_responses_total{" SHOP_V2 ",code_class=\"5xx\"} 1\n"));
    cr_assert(strstr(text, "weir_variant_request_duration_seconds_bucket{" SHOP_V2
                           ",le=\"0.0005\"} 1\n"));
    cr_assert(strstr(text, "weir_variant_request_duration_seconds_sum{" SHOP_V2 "} 2.0004\n"));
    cr_assert(strstr(text, "weir_variant_retries_total{" SHOP_V2 "} 0\n"));
}

Test(stats_module, shows_no_variants_where_there_are_none)
{
    struct stats *s = bind_slot(0);
    cr_assert(!strstr(text_of_page(), "variant"));
    g.modules = NULL;
    cr_assert(!strstr(text_of_page(), "variant"));
    stats_free(s);
    stats_free(bind_slot(0));
}

Test(stats_module, tells_the_traffic_of_a_variant)
{
    struct weir_variant *v = weir_variant(&l, (struct weir_slice)WEIR_SLICE("v2"));

    cr_assert(traffic_of(v).p50_us == 0 && traffic_of(v).requests == 0);
    for (unsigned i = 0; i < 99; i++)
        count_request(v, i % 3, 200, 900);
    count_request(v, 18, 502, 30000);
    struct weir_traffic t = traffic_of(v);
    cr_assert(t.requests == 100 && t.status[2] == 99 && t.status[5] == 1);
    cr_assert(t.p50_us == 1000 && t.p99_us == 1000);
    count_request(v, 18, 502, 30000);
    t = traffic_of(v);
    cr_assert(t.p50_us == 1000 && t.p99_us == 50000);
}

Test(stats_module, bounds_a_share_of_durations_from_above)
{
    const struct latency_bounds *b = &latency_bounds_default;
    struct histogram h = {0};

    cr_assert(histogram_share_us(&h, b, 0.5) == 0);
    histogram_add(&h, b, 600);
    cr_assert(histogram_share_us(&h, b, 0.01) == 1000 && histogram_share_us(&h, b, 1) == 1000);
    h = (struct histogram){0};
    histogram_add(&h, b, UINT64_MAX / 2); /* above the highest bound */
    cr_assert(histogram_share_us(&h, b, 0.5) == 10000000);
}
