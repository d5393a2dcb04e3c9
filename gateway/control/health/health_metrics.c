/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks on the metrics page. Counters begin anew with each control process, as those of the
 * resolver do; states come from the slots and don't. */
#include "control/health/health.h"
#include "control/health/health_parts.h"
#include "control/health/health_state.h"

#include "control/show/metrics.h"
#include "core/stats/stats.h"

enum { HEALTH, ENDPOINTS, CHECKS, CHANGES, PATH_FAULTS, FOLLOWED, UNSAID, RUNNING, DELAYED };
static const struct metric metrics[] = {
    [HEALTH] = {"weir_endpoint_health", METRIC_GAUGE, "cluster, endpoint",
                "1: health checks say it is up, 0: down; where metrics.endpoints allows it"},
    [ENDPOINTS] = {"weir_health_endpoints", METRIC_GAUGE, "cluster, health",
                   "endpoints by what health checks say: up, down, unknown"},
    [CHECKS] = {"weir_health_checks", METRIC_COUNTER, "cluster, result",
                "health checks, by how they ended"},
    [CHANGES] = {"weir_health_changes", METRIC_COUNTER, "cluster, to",
                 "endpoints that health checks have found up, or down, after they were not"},
    [PATH_FAULTS] = {"weir_health_path_faults", METRIC_COUNTER, "cluster",
                     "endpoints that some instances saw up and others down"},
    [FOLLOWED] = {"weir_health_followed", METRIC_GAUGE, "cluster",
                  "endpoints that other instances check for this one"},
    [UNSAID] = {"weir_health_unsaid", METRIC_GAUGE, "cluster",
                "endpoints that found no room in what the fleet is told"},
    [RUNNING] = {"weir_health_checks_running", METRIC_GAUGE, NULL, "health checks under way"},
    [DELAYED] = {"weir_health_checks_delayed", METRIC_COUNTER, NULL,
                 "health checks that had to wait because health.concurrency were under way"},
};

/* One sample of a cluster; `value` NULL: the cluster's label alone. */
static void show(struct exposition *e, const struct metric *m, struct slice cluster,
                 const char *name, struct slice value, uint64_t n)
{
    struct text labels;
    text_init(&labels);
    label_add(&labels, "cluster", cluster);
    if (name)
        label_add(&labels, name, value);
    expose_sample(e, m, text_slice(&labels), (struct slice){0}, (int64_t)n);
    text_fini(&labels);
}

static void write_results(const struct health *h, struct exposition *e)
{
    expose_head(e, &metrics[CHECKS]);
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        const struct health_totals t = health_totals(h, i);
        for (int r = 0; r < HEALTH_RESULTS_N; r++)
            show(e, &metrics[CHECKS], t.cluster, "result",
                 slice_str(health_result_word((enum health_result)r)), t.results[r]);
    }
}

static void write_changes(const struct health *h, struct exposition *e)
{
    expose_head(e, &metrics[CHANGES]);
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        const struct health_totals t = health_totals(h, i);
        show(e, &metrics[CHANGES], t.cluster, "to", SLICE("up"), t.went_up);
        show(e, &metrics[CHANGES], t.cluster, "to", SLICE("down"), t.went_down);
    }
}

/* What nobody has checked yet has no line. */
static void write_endpoints(const struct health *h, struct exposition *e)
{
    struct slice name;
    enum endpoint_health health;
    expose_head(e, &metrics[HEALTH]);
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        if (!stats_shows_endpoints(h->w->g, h->clusters[i].index))
            continue;
        for (size_t at = 0; health_endpoint(h, i, at, &name, &health); at++)
            if (health_is_known(health))
                show(e, &metrics[HEALTH], health_totals(h, i).cluster, "endpoint", name,
                     health == HEALTH_UP);
    }
}

static void write_summary(const struct health *h, struct exposition *e)
{
    static const char *const words[] = {"up", "down", "unknown"};
    struct slice name;
    enum endpoint_health health;
    expose_head(e, &metrics[ENDPOINTS]);
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        uint64_t n[array_n(words)] = {0};
        for (size_t at = 0; health_endpoint(h, i, at, &name, &health); at++)
            n[!health_is_known(health) ? 2 : health == HEALTH_UP ? 0 : 1]++;
        for (size_t k = 0; k < array_n(words); k++)
            show(e, &metrics[ENDPOINTS], health_totals(h, i).cluster, "health",
                 slice_str(words[k]), n[k]);
    }
}

static void write_shared(const struct health *h, struct exposition *e, const struct metric *m,
                         uint64_t (*value)(const struct health_totals *))
{
    bool headed = false;
    for (size_t i = 0; i < health_clusters_n(h); i++) {
        const struct health_totals t = health_totals(h, i);
        if (!t.shared)
            continue;
        if (!headed)
            expose_head(e, m);
        headed = true;
        show(e, m, t.cluster, NULL, (struct slice){0}, value(&t));
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
static void write_fleet(const struct health *h, struct exposition *e)
{
    write_shared(h, e, &metrics[PATH_FAULTS], path_faults);
    write_shared(h, e, &metrics[FOLLOWED], followed);
    write_shared(h, e, &metrics[UNSAID], unsaid);
}

void metrics_of_health(void *health, struct exposition *e)
{
    const struct health *h = health;
    if (!health_clusters_n(h))
        return;
    write_endpoints(h, e);
    write_summary(h, e);
    write_results(h, e);
    write_changes(h, e);
    write_fleet(h, e);
    expose_value(e, &metrics[RUNNING], health_running(h));
    expose_value(e, &metrics[DELAYED], health_delayed(h));
}

void health_metrics_reference(struct text *out)
{
    metrics_table(out, "Health checks",
                  "Only where clusters are checked; path faults, followed and unsaid only of "
                  "clusters with `health.fleet_checkers`.",
                  metrics, array_n(metrics));
}
