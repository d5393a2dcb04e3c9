/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics page: its parts are there, in the format that scrapers read. What the workers'
 * counters show is tested in test_stats.c. */

#include "control/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "control/resolver.h"
#include "core/module/watched_file.h"
#include "io/loop.h"
#include "io/shm.h"

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
    metrics_text(&m, &page);
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
#define COUNTER(field, name, help) HAS("counter", name)
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

static void write_part(void *ctx, struct text *out)
{
    metrics_value(out, ctx, "gauge", "a part", 5);
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

Test(metrics, answers_with_the_content_type_of_the_format)
{
    const struct admin_request rq = {.method = METHOD_GET, .path = SLICE("/metrics")};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    metrics_answer(&m, &rq, &out);
    cr_assert(slice_starts(out.type, SLICE("text/plain; version=0.0.4")));
    metrics_text(&m, &page);
    cr_assert(slice_eq(text_slice(&out.body), text_slice(&page)));
    text_fini(&out.body);
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
