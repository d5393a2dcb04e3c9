/* SPDX-License-Identifier: Apache-2.0 */
/* The manual of metrics, docs/metrics.md: made from the tables by which they are shown. */
#include "control/admin/admin_access.h"
#include "control/show/metrics.h"
#include "control/overrides/overrides.h"
#include "core/module/module.h"
#include "core/stats/stats.h"
#include "fleet/fleet.h"
#include "process/show.h"

static const char about[] =
    "# Metrics\n\n"
    "Made from the tables by `./dev docs`; don't edit by hand.\n\n"
    "`/metrics` of the admin socket (`admin.bind`) has everything below, in the Prometheus text "
    "format 0.0.4, or in OpenMetrics 1.0 where the request's Accept names "
    "`application/openmetrics-text` and doesn't like `text/plain` better. Series are called the "
    "same in both.\n\n"
    "- **Units** are seconds and bytes. Counters end in `_total`. Histograms are cumulative: "
    "`_bucket` with `le`, `_sum`, `_count`; their bounds are `metrics.buckets`.\n"
    "- **Sums** are over all worker processes. They go on over reloads, upgrades to another binary "
    "and deaths of workers: a dead worker's counts stay, its gauges are zeroed. A reload that "
    "changes `metrics.buckets` begins histograms anew, and nothing else; what older workers still "
    "finish is not added to them, so a histogram's `_count` may then be less than the requests.\n"
    "- **Labels** have values from the configuration and from fixed lists alone, never from "
    "requests; so their number is bounded: routes, clusters and listeners that are configured, "
    "variants, reasons. Endpoints can be many: those of clusters that have room for more "
    "than `metrics.endpoints` have no series, and `weir_metrics_endpoints_left_out` counts them; "
    "what they do still counts for their cluster.\n"
    "- **What was never used** (a route without a request, a gRPC code) shows its counters, but "
    "neither classes, codes nor latencies.\n\n"
    "A dashboard for Grafana is in `packaging/grafana/`, alert rules are in "
    "`packaging/prometheus/`.\n";

void metrics_manual(struct text *out, struct module_set *s)
{
    text_str(out, about);
    metrics_reference(out);
    health_metrics_reference(out);
    admin_metrics_reference(out);
    overrides_metrics_reference(out);
    fleet_metrics_reference(out);
    stats_reference(out);
    modules_metrics_reference(out, s);
}
