/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics page as others read it: promtool and Prometheus' client library, in both formats;
 * what it holds over reloads and deaths, and that nothing a client sends makes it longer. Also what
 * lies in packaging/ for Prometheus and Grafana: it names only metrics that there are. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/peer_process.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct origin *app;

static void begin(void)
{
    rig_begin();
    app = origin_start("app");
}

static void end(void)
{
    peers_end();
    rig_end();
}

TestSuite(metrics_scenario, .init = begin, .fini = end, .timeout = 120);

/* -- what most of the tests start with --------------------------------------------------------- */

/* Something of everything that is counted: variants, circuits, checks, names, watched files. */
static const struct rig_conf rich = {
    .workers = 2,
    .cluster = "health = { interval = \"100ms\"; path = \"/health\"; }; breaker = { limits = { "
               "max_requests = 100; }; circuit = { }; }; outlier = { };",
    .clusters = "named = { endpoints = [ \"localhost:9\" ]; }; "
                "large = { endpoints = [ \"127.0.0.1:9\", \"127.0.0.2:9\" ]; };",
    .top = "metrics = { endpoints = 64; };",
    .routes = "( { name = \"all\"; cluster = \"app\"; retry = { }; headers = { }; }, "
              "{ name = \"split\"; match = { path_prefix = \"/split\"; }; canary = { split = ( { "
              "cluster = \"app\"; weight = 50; }, { cluster = \"large\"; weight = 50; } ); }; }, "
              "{ name = \"copied\"; match = { path_prefix = \"/copied\"; }; cluster = \"app\"; "
              "mirror = { cluster = \"app\"; percent = \"100%\"; }; } )",
};

static void serve_some(void)
{
    for (int i = 0; i < 5; i++)
        cr_assert_eq(get("/?size=100")->status, 200);
    cr_assert_eq(get("/?status=404")->status, 404);
    get("/split"), get("/split"), get("/copied");
}

/* The page in a file of the folder; `accept` NULL: without one. */
static const char *page_file(const char *name, const char *accept, const char *type)
{
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    char head[256];
    snprintf(head, sizeof head,
             "GET /metrics HTTP/1.1\r\nHost: admin\r\n%s%s%sConnection: close\r\n\r\n",
             accept ? "Accept: " : "", accept ? accept : "", accept ? "\r\n" : "");
    talk_send(t, head);
    const struct response *r = talk_response(t);
    cr_assert(r->whole && r->status == 200, "%s", r->fault);
    char field[128];
    snprintf(field, sizeof field, "\r\nContent-Type: %s\r\n", type);
    cr_assert(strstr(r->head.p, field), "%s", r->head.p);
    rig_write_file(name, r->body.p);
    talk_close(t);
    return rig_path(name);
}

static char output[64 * 1024];

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
    char command[2048], all[2200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    snprintf(all, sizeof all, "exec 2>&1; timeout 30 %s", command);
    FILE *f = popen(all, "re");
    cr_assert(f);
    const size_t n = fread(output, 1, sizeof output - 1, f);
    output[n] = 0;
    return pclose(f);
}

static const char in_text[] = "text/plain; version=0.0.4; charset=utf-8",
                  in_open[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/* -- the formats ------------------------------------------------------------------------------- */

Test(metrics_scenario, promtool_finds_nothing_wrong)
{
    rig_start_with(rich);
    serve_some();
    AWAIT(rig_metric("weir_health_endpoints{cluster=\"app\",health=\"up\"}") == 1);
    const char *page = page_file("page", NULL, in_text);
    cr_assert_eq(run("promtool check metrics <%s", page), 0, "%s", output);
    cr_assert_str_eq(output, "");
}

/* As Prometheus asks. */
Test(metrics_scenario, openmetrics_has_the_same_series_and_all_are_in_the_manual)
{
    rig_start_with(rich);
    serve_some();
    AWAIT(rig_metric("weir_health_endpoints{cluster=\"app\",health=\"up\"}") == 1);
    const char *open = page_file("open",
                                 "application/openmetrics-text;version=1.0.0,application/"
                                 "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;"
                                 "q=0.5,*/*;q=0.1",
                                 in_open);
    const char *text = page_file("text", "text/plain", in_text);
    const char *const args[] = {text, open, TEST_SRCDIR "/docs/metrics.md", NULL};
    struct peer_process *p = peer_start("openmetrics", args);
    const char *line = peer_line(p);
    cr_assert(line && !strncmp(line, "done ", 5), "%s", line ? line : "it failed");
    cr_assert_gt(atoi(line + 5), 300);
    cr_assert_eq(peer_end(p), 0);
}

/* -- what is counted --------------------------------------------------------------------------- */

#define COUNT "weir_request_duration_seconds_count{route=\"all\"}"
#define BUCKET(le) "weir_request_duration_seconds_bucket{route=\"all\",le=\"" le "\"}"
#define REQUESTS "weir_requests_total{route=\"all\",code_class=\"2xx\"}"

static void get_some(int n)
{
    while (n--)
        cr_assert_eq(get("/")->status, 200);
}

Test(metrics_scenario, other_buckets_begin_anew_and_counters_go_on)
{
    rig_expect_deaths();
    rig_start(.workers = 2, .top = "metrics = { buckets = [ \"1us\", \"60s\" ]; };");
    get_some(7);
    AWAIT(rig_metric(COUNT) == 7);
    cr_expect_eq(rig_metric(BUCKET("0.000001")), 0);
    cr_expect_eq(rig_metric(BUCKET("60.0")), 7);
    cr_expect_eq(rig_metric(BUCKET("+Inf")), 7);
    rig_renew(.workers = 2, .top = "metrics = { buckets = [ \"30s\", \"50s\" ]; };");
    cr_expect_eq(rig_metric(COUNT), -1);
    get_some(5);
    AWAIT(rig_metric(COUNT) == 5);
    cr_expect_eq(rig_metric(BUCKET("30.0")), 5);
    cr_expect_eq(rig_metric(BUCKET("60.0")), -1);
    cr_expect_eq(rig_metric(REQUESTS), 12);
    kill(rig_worker(0), SIGKILL);
    rig_await_log("process_restarted");
    get_some(4);
    rig_renew(.workers = 1, .top = "metrics = { buckets = [ \"30s\", \"50s\" ]; };");
    get_some(3);
    AWAIT(rig_metric(COUNT) == 12);
    cr_expect_eq(rig_metric(BUCKET("+Inf")), 12);
    cr_expect_eq(rig_metric(REQUESTS), 19);
}

static size_t lines_of(const char *begins)
{
    char *page = rig_metrics();
    size_t n = 0;
    for (const char *p = page; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        n += !strncmp(p, begins, strlen(begins));
    free(page);
    return n;
}

Test(metrics_scenario, nothing_that_clients_send_makes_more_series)
{
    rig_start(.workers = 1);
    for (int i = 0; i < 2; i++)
        get_some(1), get("/?status=404"), get("/?status=503"), get("/a b");
    const size_t before = lines_of("weir_");
    cr_assert_gt(before, 100);
    for (int i = 0; i < 60; i++) {
        struct talk *t = talk_open();
        char text[256];
        snprintf(text, sizeof text,
                 "M%d /p%d?status=%d HTTP/1.1\r\nHost: h%d.example\r\nUser-Agent: u%d\r\n"
                 "X-Forwarded-For: 10.0.0.%d\r\nConnection: close\r\n\r\n",
                 i, i, 200 + i % 2 * 204, i, i, i);
        talk_send(t, text);
        talk_response(t);
        talk_close(t);
    }
    cr_assert_eq(lines_of("weir_"), before);
}

Test(metrics_scenario, endpoints_of_large_clusters_have_no_series_and_are_counted)
{
    rig_start(.workers = 1, .top = "metrics = { endpoints = 1; };",
              .clusters = "large = { endpoints = [ \"127.0.0.1:9\", \"127.0.0.2:9\" ]; };");
    get_some(1);
    cr_expect_eq(rig_metric("weir_metrics_endpoints_left_out"), 2);
    cr_expect_eq(lines_of("weir_endpoint_attempts_total{cluster=\"app\""), 1);
    cr_expect_eq(lines_of("weir_endpoint_attempts_total{cluster=\"large\""), 0);
    rig_renew(.workers = 1, .top = "metrics = { endpoints = 0; };");
    cr_expect_eq(rig_metric("weir_metrics_endpoints_left_out"), 1);
    cr_expect_eq(lines_of("weir_endpoint_"), 0);
    cr_expect_eq(rig_metric("weir_cluster_requests_total{cluster=\"app\"}"), 1);
}

Test(metrics_scenario, processor_time_goes_on_over_reloads)
{
    rig_start(.workers = 2);
    AWAIT((get_some(20), rig_metric("process_cpu_seconds_total") > 0)); /* in hundredths */
    const double before = rig_metric("process_cpu_seconds_total");
    cr_assert_gt(before, 0);
    rig_renew(.workers = 2);
    cr_assert_geq(rig_metric("process_cpu_seconds_total"), before);
    cr_assert_gt(rig_metric("process_resident_memory_bytes"), 1 << 20);
    cr_assert_gt(rig_metric("process_open_fds"), 20);
    cr_assert_geq(rig_metric("process_threads"), 4);
}

/* -- what lies in packaging/ ------------------------------------------------------------------- */

Test(metrics_scenario, the_alert_rules_come_when_they_should)
{
    cr_assert_eq(run("promtool check rules %s/packaging/prometheus/weir_alerts.yml", TEST_SRCDIR),
                 0, "%s", output);
    cr_assert_eq(
        run("promtool test rules %s/packaging/prometheus/weir_alerts_test.yml", TEST_SRCDIR), 0,
        "%s", output);
}

static char *manual;

/* Each word of ours in the expression is a metric of the manual, or a sample of a histogram. */
static void expect_known(const char *expr)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    char name[128], row[160];
    for (size_t n; *expr; expr += n ? n : 1) {
        n = strspn(expr, word);
        snprintf(name, sizeof name, "%.*s", (int)n, expr);
        if (strncmp(name, "weir_", 5) != 0 && strncmp(name, "process_", 8) != 0)
            continue;
        for (size_t i = 0; i < 3; i++) {
            char *end = name + strlen(name) - strlen(suffixes[i]);
            if (end > name && !strcmp(end, suffixes[i]))
                *end = 0;
        }
        snprintf(row, sizeof row, "| `%s` |", name);
        cr_expect(strstr(manual, row), "%s isn't in docs/metrics.md", name);
    }
}

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s", path);
    char *text = calloc(1, 1 << 20);
    cr_assert(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    return text;
}

/* An expression as a rule; Grafana's variables stand where promtool wants text and a duration. */
static void put_rule(FILE *f, const char *expr, int n)
{
    fprintf(f, "  - record: expr:%d\n    expr: '", n);
    for (const char *p = expr; *p; p++)
        if (!strncmp(p, "$__rate_interval", 16))
            fputs("5m", f), p += 15;
        else
            fputc(*p, f);
    fputs("'\n", f);
}

static int put_panels(FILE *f, const json_t *panels)
{
    const json_t *panel, *target;
    size_t i, k;
    int n = 0;
    json_array_foreach(panels, i, panel)
    {
        cr_expect(json_string_value(json_object_get(panel, "title")));
        json_array_foreach(json_object_get(panel, "targets"), k, target)
        {
            const char *expr = json_string_value(json_object_get(target, "expr"));
            cr_assert(expr);
            expect_known(expr);
            put_rule(f, expr, n++);
        }
    }
    return n;
}

Test(metrics_scenario, the_dashboard_and_the_alerts_name_metrics_that_there_are)
{
    json_error_t e;
    manual = read_all(TEST_SRCDIR "/docs/metrics.md");
    char *alerts = read_all(TEST_SRCDIR "/packaging/prometheus/weir_alerts.yml");
    char *rest = alerts;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line != '#' && !strstr(line, "description:") && !strstr(line, "summary:"))
            expect_known(line);
    free(alerts);
    json_t *board = json_load_file(TEST_SRCDIR "/packaging/grafana/weir.json", 0, &e);
    cr_assert(board, "line %d: %s", e.line, e.text);
    const char *rules = rig_path("rules.yml");
    FILE *f = fopen(rules, "w");
    cr_assert(f);
    fputs("groups:\n- name: dashboard\n  rules:\n", f);
    cr_assert_gt(put_panels(f, json_object_get(board, "panels")), 40);
    fclose(f);
    cr_assert_eq(run("promtool check rules %s", rules), 0, "%s", output);
    json_decref(board);
    free(manual);
}
