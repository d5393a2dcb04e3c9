/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks on the metrics page. Counters begin anew with each control process, as those of the
 * resolver do; states come from the slots and don't. */
#include "control/health.h"
#include "control/health_state.h"

#include "control/metrics.h"

static void write_head(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_label(struct text *out, const char *label, struct slice value)
{
    text_str(out, label);
    text_str(out, "=\"");
    text_label_escaped(out, value);
    text_char(out, '"');
}

static void write_results(const struct health *h, struct text *out)
{
    write_head(out, "weir_health_checks_total", "counter", "health checks, by how they ended");
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        const struct health_totals t = health_totals(h, i);
        for (int r = 0; r < HEALTH_RESULTS_N; r++) {
            text_str(out, "weir_health_checks_total{");
            write_label(out, "cluster", t.cluster);
            write_label(out, ",result", slice_str(health_result_word((enum health_result)r)));
            text_str(out, "} ");
            text_uint(out, t.results[r]);
            text_char(out, '\n');
        }
    }
}

static void write_change(struct text *out, struct slice cluster, const char *to, uint64_t n)
{
    text_str(out, "weir_health_changes_total{");
    write_label(out, "cluster", cluster);
    write_label(out, ",to", slice_str(to));
    text_str(out, "} ");
    text_uint(out, n);
    text_char(out, '\n');
}

static void write_changes(const struct health *h, struct text *out)
{
    write_head(out, "weir_health_changes_total", "counter",
               "endpoints that health checks have found up, or down, after they were not");
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        const struct health_totals t = health_totals(h, i);
        write_change(out, t.cluster, "up", t.went_up);
        write_change(out, t.cluster, "down", t.went_down);
    }
}

/* What nobody has checked yet has no line. */
static void write_endpoints(const struct health *h, struct text *out)
{
    struct slice name;
    enum endpoint_health health;
    write_head(out, "weir_endpoint_health", "gauge", "1: health checks say it is up, 0: down");
    for (size_t i = 0; i < health_clusters_n(h); i++)
        for (size_t at = 0; health_endpoint(h, i, at, &name, &health); at++) {
            if (!health_is_known(health))
                continue;
            text_str(out, "weir_endpoint_health{");
            write_label(out, "cluster", health_totals(h, i).cluster);
            write_label(out, ",endpoint", name);
            text_str(out, health == HEALTH_UP ? "} 1\n" : "} 0\n");
        }
}

static void write_shared(const struct health *h, struct text *out, const char *name,
                         const char *type, const char *help, uint64_t (*value)(const struct health_totals *))
{
    bool headed = false;
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        const struct health_totals t = health_totals(h, i);
        if (!t.shared)
            continue;
        if (!headed)
            write_head(out, name, type, help);
        headed = true;
        text_str(out, name);
        write_label(out, "{cluster", t.cluster);
        text_str(out, "} ");
        text_uint(out, value(&t));
        text_char(out, '\n');
    }
}

static uint64_t path_faults(const struct health_totals *t)
{
    return t->path_faults;
}

static uint64_t followed(const struct health_totals *t)
{
    return t->followed;
}

static uint64_t unsaid(const struct health_totals *t)
{
    return t->unsaid;
}

/* Of clusters with health.fleet_checkers. */
static void write_fleet(const struct health *h, struct text *out)
{
    write_shared(h, out, "weir_health_path_faults_total", "counter",
                 "endpoints that some instances saw up and others down", path_faults);
    write_shared(h, out, "weir_health_followed", "gauge",
                 "endpoints that other instances check for this one", followed);
    write_shared(h, out, "weir_health_unsaid", "gauge",
                 "endpoints that found no room in what the fleet is told", unsaid);
}

void metrics_of_health(void *health, struct text *out)
{
    const struct health *h = health;
    if (!health_clusters_n(h))
        return;
    write_endpoints(h, out);
    write_results(h, out);
    write_changes(h, out);
    write_fleet(h, out);
    metrics_value(out, "weir_health_checks_running", "gauge", "health checks under way",
                  health_running(h));
    metrics_value(out, "weir_health_checks_delayed_total", "counter",
                  "health checks that had to wait because health.concurrency were under way",
                  health_delayed(h));
}
