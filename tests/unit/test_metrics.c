/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics page: its parts are there, in the format that scrapers read. What the workers'
 * counters show is tested in test_stats.c. */

#include "control/show/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "control/dns/resolver.h"
#include "core/module/module.h"
#include "core/module/watched_file.h"
#include "io/loop.h"
#include "io/shm.h"
#include "process/show.h"

static struct config config;
static struct generation g = {.config = &config};
static struct shm *shm;
static struct metrics m;
static struct text page;

static void facts(void *ctx, struct process_facts *out)
{
    uint64_t n = *(uint64_t *)ctx;
#define SET(field, name, help) out->field = n++;
    PROCESS_METRICS(SET, SET)
#undef SET
    out->slots_n = 1;
}

static uint64_t first = 100;

static void begin(void)
{
    shm = shm_create(8 << 20);
    cr_assert(shm);
    shm_generation(shm, 1);
    text_init(&page);
    metrics_init(&m, &g, shm, "1.2\"3", facts, &first);
}

static void end(void)
{
    text_fini(&page);
    shm_detach(shm);
}

TestSuite(metrics, .init = begin, .fini = end);

static bool has_line(const char *line)
{
    page.n = 0;
    metrics_write(&m, &(struct exposition){.out = &page});
    text_char(&page, '\0');
    const char *at = strstr(page.p, line);
    return at && (at == page.p || at[-1] == '\n') && at[strlen(line)] == '\n';
}

Test(metrics, shows_every_fact_of_the_process)
{
    uint64_t n = first;
    char line[128];
#define HAS(type, metric)                                                                          \
    snprintf(line, sizeof line, "# TYPE %s " type, metric);                                        \
    cr_assert(has_line(line), "%s", line);                                                         \
    snprintf(line, sizeof line, "%s %llu", metric, (unsigned long long)n++);                       \
    cr_assert(has_line(line), "%s", line);
#define COUNTER(field, name, help) HAS("counter", name "_total")
#define GAUGE(field, name, help) HAS("gauge", name)
    PROCESS_METRICS(COUNTER, GAUGE)
    cr_assert(has_line("weir_build_info{version=\"1.2\\\"3\"} 1"));
}

Test(metrics, shows_shared_memory_the_parts_and_the_counters_of_the_workers)
{
    struct faults faults;
    faults_init(&faults);
    struct stats *s = stats_bind(&g, shm, 0, &faults);
    cr_assert(s);
    s->worker->connections_accepted = 7;
    stats_free(s);
    cr_assert(has_line("weir_connections_accepted_total 7"));
    snprintf(page.p, page.cap, "weir_shared_memory_limit_bytes %zu", shm_usage(shm).limit);
    char line[128];
    memcpy(line, page.p, strlen(page.p) + 1);
    cr_assert(has_line(line));
    faults_fini(&faults);
}

static void write_part(void *ctx, struct exposition *e)
{
    const struct metric metric = {ctx, METRIC_GAUGE, NULL, "a part"};
    expose_value(e, &metric, 5);
}

Test(metrics, shows_what_parts_add_in_their_order)
{
    metrics_add(&m, write_part, "part_one");
    metrics_add(&m, write_part, "part_two");
    cr_assert(has_line("# HELP part_one a part") && has_line("# TYPE part_one gauge"));
    cr_assert(has_line("part_one 5") && has_line("part_two 5"));
    cr_assert(strstr(page.p, "part_one 5") < strstr(page.p, "part_two 5"));
    cr_assert(strstr(page.p, "part_two 5") < strstr(page.p, "weir_connections_accepted_total"));
}

static void answers(const char *accept, const char *type, bool ended)
{
    const struct admin_request rq = {
        .method = METHOD_GET, .path = SLICE("/metrics"), .accept = slice_str(accept)};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    metrics_answer(&m, &rq, &out);
    cr_assert(slice_eq(out.type, slice_str(type)));
    cr_assert_eq(slice_ends(text_slice(&out.body), SLICE("\n# EOF\n")), ended);
    text_fini(&out.body);
}

Test(metrics, answers_in_the_format_that_is_asked_for)
{
    static const char text[] = "text/plain; version=0.0.4; charset=utf-8",
                      open[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    answers("", text, false);
    answers("*/*", text, false);
    answers("application/openmetrics-text; version=1.0.0", open, true);
}

static void facts_of_this(void *ctx, struct process_facts *out)
{
    (void)ctx;
    *out = (struct process_facts){.master = (uint64_t)getpid(), .slots_n = 1};
}

static double value_of(const char *series)
{
    page.n = 0;
    metrics_write(&m, &(struct exposition){.out = &page});
    text_char(&page, '\0');
    const char *at = strstr(page.p, series);
    return at ? strtod(at + strlen(series), NULL) : -1;
}

Test(metrics, shows_what_the_processes_use_and_never_less_processor_time_than_before)
{
    static const char cpu[] = "\nprocess_cpu_seconds_total ";
    m.facts = facts_of_this;
    cr_assert(value_of("\nprocess_resident_memory_bytes ") > 1 << 20);
    cr_assert(value_of("\nprocess_open_fds ") >= 3);
    cr_assert(value_of("\nprocess_max_fds ") >= 3);
    cr_assert(value_of(cpu) >= 0 && value_of(cpu) < 1000);
    m.cpu_us = 123456789000;
    cr_assert(value_of(cpu) == 123456.789);
}

Test(metrics, the_manual_is_up_to_date)
{
    struct slice built = SLICE_INIT(TEST_BUILDDIR "/modules");
    struct module_set modules;
    struct text now;
    static char file[1 << 18];

    text_init(&now);
    module_set_init(&modules);
    modules.folders = (struct texts){.v = &built, .n = 1};
    metrics_manual(&now, &modules);
    module_set_fini(&modules);
    FILE *f = fopen(TEST_SRCDIR "/docs/metrics.md", "r");
    cr_assert(f);
    const size_t n = fread(file, 1, sizeof file, f);
    fclose(f);
    cr_assert(slice_eq(text_slice(&now), slice_of(file, n)),
              "docs/metrics.md is not what the tables say; ./dev docs makes it again");
    text_fini(&now);
}

Test(metrics, shows_the_names_that_the_resolver_looks_up)
{
    struct endpoint_conf ep = {.address = SLICE_INIT("api.test:80"),
                               .host = SLICE_INIT("api.test"),
                               .port = 80,
                               .weight = 1};
    struct cluster_conf cl = {
        .place.name = SLICE_INIT("api"), .endpoints = &ep, .endpoints_n = 1, .dns.capacity = 4};
    struct slice server = SLICE_INIT("127.0.0.1:9"); /* never asked: the loop doesn't turn */
    struct faults faults;
    struct loop loop;

    config.clusters = &cl;
    config.clusters_n = 1;
    config.resolver.servers = (struct texts){.v = &server, .n = 1};
    config.resolver.timeout = 1000;
    config.resolver.tries = 1;
    faults_init(&faults);
    struct cluster_table *table = cluster_table_prepare(shm, &cl, &faults);
    cr_assert(table);
    g.tables = &table;
    loop_init(&loop, 0);
    struct resolver *r = resolver_start(&loop, &g);
    cr_assert(r);
    metrics_add(&m, metrics_of_resolver, r);
    metrics_add(&m, metrics_of_resolver, NULL); /* none: nothing is shown */
    cr_assert(has_line("weir_resolver_names 1"));
    cr_assert(has_line("weir_resolver_lookups_total 0") ||
              has_line("weir_resolver_lookups_total 1"));
    cr_assert(has_line("weir_resolver_addresses{cluster=\"api\",name=\"api.test:80\"} 0"));
    resolver_stop(r);
    loop_turn(&loop);
    loop_fini(&loop);
    faults_fini(&faults);
}

Test(metrics, shows_watched_files_where_there_are_some)
{
    char path[] = "/tmp/weir-metrics-XXXXXX";
    const int fd = mkstemp(path);
    cr_assert(fd >= 0);
    struct weir_file file = {.path = path, .module = "auth"}, *files[1] = {&file};
    struct module_plan plan = {.files = files, .files_n = 1};
    struct loop loop;
    loop_init(&loop, 0);

    struct file_watch *none = file_watch_start(&loop, &g);
    metrics_add(&m, metrics_of_files, none);
    cr_assert(!has_line("weir_files 0"));
    g.modules = &plan;
    struct file_watch *fw = file_watch_start(&loop, &g);
    m.parts[0].ctx = fw;
    cr_assert(has_line("weir_files 1") && has_line("weir_files_failing 0"));
    cr_assert(has_line("weir_files_changed_total 0") && has_line("weir_files_failed_total 0"));
    unlink(path);
    clock_set(&loop.clock, loop.clock.mono_us + 2000000, loop.clock.wall_us + 2000000);
    loop_turn(&loop);
    cr_assert(has_line("weir_files_failing 1") && has_line("weir_files_failed_total 1"));
    file_watch_stop(fw);
    file_watch_stop(none);
    loop_fini(&loop);
    close(fd);
}
