/* SPDX-License-Identifier: Apache-2.0 */
/* The settings, and what is made of them in the master. A cluster that doesn't name the module has
 * all of them at their defaults: nothing but failures to get a whole response counts then, since that is
 * the only thing that surely is no answer. */
#include "outlier/outlier.h"

#include <weir/fleet.h>

static const char *const single_names[] = {"auto", "refuse", "keep", NULL};
enum { FAILURES_PRESET = 5 };

#define KIND_ROWS                                                                                  \
    [COUNT_EJECTIONS] = {"ejections", "endpoints ejected, by kind of the reason"},                 \
    [COUNT_NOT_ENFORCED] = {"not_enforced", "ejections not made because of `enforcing`"},          \
    [COUNT_OVERFLOW] = {"overflow",                                                                \
                        "ejections not made because of max_ejection_percent or min_left"},         \
    [COUNT_SINGLE] = {"single", "ejections not made because the cluster has one endpoint"}
#define CLUSTER_ROWS(at)                                                                           \
    [(at) + COUNT_RETURNED] = {"returned", "endpoints that came back"},                            \
    [(at) + COUNT_PROBES] = {"probes", "requests let through to endpoints that were half-open"},   \
    [(at) + COUNT_PROBES_LOST] = {"probes_lost",                                                   \
                                  "times that reentry.probe_timeout has let further ones go"},     \
    [(at) + COUNT_REFUSED] = {"refused", "picks refused: half-open with probes under way, or the " \
                                         "cluster's only endpoint"},                               \
    [(at) + COUNT_CHECKED] = {"checked", "ejections that ended early as health checks had passed"}
#define SHARED_ROWS(at)                                                                            \
    [(at) + COUNT_UNSAID] = {"unsaid",                                                             \
                             "ejected endpoints that found no room in the note for the fleet"},    \
    [(at) + COUNT_NOTES_UNREAD] = {"notes_unread", "notes of other instances without any sense"}

static const struct weir_counter kind_counters[] = {KIND_ROWS, {0}};
static const struct weir_counter cluster_counters[] = {CLUSTER_ROWS(0), {0}};
static const struct weir_counter shared_counters[] = {SHARED_ROWS(0), {0}};
enum { KINDS = sizeof kind_counters / sizeof *kind_counters - 1, CLUSTERS = sizeof cluster_counters / sizeof *cluster_counters - 1 };
const struct weir_counter outlier_counters[] = {KIND_ROWS, CLUSTER_ROWS(KINDS),
                                                SHARED_ROWS(KINDS + CLUSTERS), {0}};
const struct weir_counter outlier_gauges[] = {{"ejected", "endpoints that are out, or half-open"},
                                              {0}};

/* -- tables ------------------------------------------------------------------------------------ */

static void success_rate_check(struct weir_load *l, void *group);
static void failure_percentage_check(struct weir_load *l, void *group);
static void fleet_check(struct weir_load *l, void *group);

static const struct weir_setting success_rate_rows[] = {
    WEIR_ROW_INT("min_hosts", struct success_rate_conf, min_hosts, "5", 2, 10000,
                 "endpoints that must have had min_requests before any is judged"),
    WEIR_ROW_INT("min_requests", struct success_rate_conf, min_requests, "100", 1, 1000000000,
                 "requests in an interval without which an endpoint isn't judged"),
    WEIR_ROW_INT("stdev_factor", struct success_rate_conf, stdev_factor, "1900", 0, 100000,
                 "thousandths of a standard deviation below the mean that are too many"),
    WEIR_ROW_PERCENT("margin", struct success_rate_conf, margin, "5%",
                     "difference to the mean below which nobody is ejected"),
    WEIR_ROW_PERCENT("enforcing", struct success_rate_conf, enforcing, "100%",
                     "share of these ejections that is made; the others are only counted"),
    WEIR_ROW_END,
};

static const struct weir_setting failure_percentage_rows[] = {
    WEIR_ROW_PERCENT("threshold", struct failure_percentage_conf, threshold, "85%",
                     "share of failed requests in an interval that is too much"),
    WEIR_ROW_INT("min_hosts", struct failure_percentage_conf, min_hosts, "1", 1, 10000,
                 "endpoints that must have had min_requests before any is judged"),
    WEIR_ROW_INT("min_requests", struct failure_percentage_conf, min_requests, "50", 1, 1000000000,
                 "requests in an interval without which an endpoint isn't judged"),
    WEIR_ROW_PERCENT("enforcing", struct failure_percentage_conf, enforcing, "100%",
                     "share of these ejections that is made; the others are only counted"),
    WEIR_ROW_END,
};

static const struct weir_setting reentry_rows[] = {
    WEIR_ROW_INT("probes", struct reentry_conf, probes, "2", 1, EJECTION_PROBES_MAX,
                 "requests at a time, over all workers, to an endpoint whose time is over"),
    WEIR_ROW_INT("successes", struct reentry_conf, successes, "3", 1, EJECTION_PROBES_MAX,
                 "how many of them must succeed; one that fails ejects it again, for longer"),
    WEIR_ROW_MS("probe_timeout", struct reentry_conf, probe_timeout_ms, "30s", 100, 3600000,
                "after so long without a word of them further ones may go"),
    WEIR_ROW_MS("ramp", struct reentry_conf, ramp_ms, "10s", 0, 3600000,
                "time in which it then gets 10, 25 and 50 % of its weight; 0: all of it at once"),
    WEIR_ROW_END,
};

static const struct weir_setting fleet_rows[] = {
    WEIR_ROW_INT("quorum", struct fleet_conf, quorum, "2", 1, 1000,
                 "how many other instances must have an endpoint ejected at the same time, each by "
                 "what it has seen itself, for it to be ejected here as well"),
    WEIR_ROW_END,
};

const struct weir_setting outlier_rows[] = {
    WEIR_ROW_BOOL("enabled", struct outlier, enabled, "true", "whether endpoints are ejected"),
    WEIR_ROW_INT("consecutive_failures", struct outlier, consecutive[RUN_FAILURES], "5", 0, 1000000,
                 "attempts without a whole response in a row: no connection, a reset, a time that "
                 "ran out; 0: off"),
    WEIR_ROW_INT("consecutive_gateway_errors", struct outlier, consecutive[RUN_GATEWAY], "0", 0,
                 1000000, "of these and statuses 502, 503, 504 in a row; 0: off"),
    WEIR_ROW_INT("consecutive_5xx", struct outlier, consecutive[RUN_5XX], "0", 0, 1000000,
                 "of these and statuses from 500 on in a row; 0: off"),
    WEIR_ROW_PERCENT("enforcing_failures", struct outlier, enforcing[RUN_FAILURES], "100%",
                     "share of ejections for consecutive_failures that is made; the others are "
                     "only counted"),
    WEIR_ROW_PERCENT("enforcing_gateway_errors", struct outlier, enforcing[RUN_GATEWAY], "100%",
                     "the same for consecutive_gateway_errors"),
    WEIR_ROW_PERCENT("enforcing_5xx", struct outlier, enforcing[RUN_5XX], "100%",
                     "the same for consecutive_5xx"),
    WEIR_ROW_BOOL("split", struct outlier, split, "false",
                  "attempts without a whole response count for consecutive_failures alone, and rates "
                  "are judged apart for them"),
    WEIR_ROW_BOOL(
        "grpc", struct outlier, grpc, "false",
        "a response's gRPC status counts as the HTTP status that it stands for"),
    WEIR_ROW_GROUP("success_rate", struct outlier, success_rate, success_rate_rows,
                   "ejects who succeeds far less often than the others; absent: off",
                   .check = success_rate_check),
    WEIR_ROW_GROUP("failure_percentage", struct outlier, failure_percentage,
                   failure_percentage_rows, "ejects who fails too often; absent: off",
                   .check = failure_percentage_check),
    WEIR_ROW_MS("interval", struct outlier, interval_ms, "10s", 100, 3600000,
                "how often these two are judged, and of how long a time"),
    WEIR_ROW_MS("ejection_time", struct outlier, ejection_ms, "30s", 1, 86400000,
                "how long an ejection lasts, times the number of ejections that aren't forgotten"),
    WEIR_ROW_MS("max_ejection_time", struct outlier, max_ejection_ms, "5m", 1, 604800000,
                "bound of that"),
    WEIR_ROW_MS("jitter", struct outlier, jitter_ms, "1s", 0, 3600000,
                "at most so much is added at random, so that not all come back at once"),
    WEIR_ROW_MS("forget", struct outlier, forget_ms, "1m", 1, 604800000,
                "time in use after which one ejection is forgotten"),
    WEIR_ROW_PERCENT(
        "max_ejection_percent", struct outlier, max_ejected, "50%",
        "share of the endpoints that may be ejected at a time, rounded down, but one in "
        "any case"),
    WEIR_ROW_INT("min_left", struct outlier, min_left, "1", 0, 10000,
                 "endpoints that can be used and are left alone in any case"),
    WEIR_ROW_CHOICE(
        "single", struct outlier, single, "auto", single_names,
        "what happens to a cluster's only endpoint: refuse: requests are refused for the "
        "time; keep: nothing; auto: refuse when one of the reasons is set here"),
    WEIR_ROW_BOOL("return_on_health_check", struct outlier, by_checks, "true",
                  "where endpoints are checked, an ejection is over when as many checks in a row "
                  "have passed since as there were ejections; then come probes"),
    WEIR_ROW_GROUP("fleet", struct outlier, fleet, fleet_rows,
                   "verdicts are shared with the other instances; absent: each has its own",
                   .check = fleet_check),
    WEIR_ROW_GROUP("reentry", struct outlier, reentry, reentry_rows, "how an endpoint comes back"),
    WEIR_ROW_END,
};

const struct weir_setting outliers_rows[] = {
    WEIR_ROW_BOOL("enabled", struct outliers, enabled, "true",
                  "whether endpoints are ejected on any cluster"),
    WEIR_ROW_END,
};

static void success_rate_check(struct weir_load *l, void *group)
{
    struct success_rate_conf *c = group;
    const uint32_t needed = verdict_hosts_needed((uint32_t)c->stdev_factor);
    c->present = true;
    if (c->min_hosts < needed)
        weir_warn(
            l, weir_load_place(l),
            "success_rate: none of fewer than %u endpoints can be %lld thousandths of a standard "
            "deviation from the mean: with min_hosts = %lld lower stdev_factor, or use "
            "failure_percentage",
            needed, (long long)c->stdev_factor, (long long)c->min_hosts);
}

static void failure_percentage_check(struct weir_load *l, void *group)
{
    (void)l;
    ((struct failure_percentage_conf *)group)->present = true;
}

static void fleet_check(struct weir_load *l, void *group)
{
    ((struct fleet_conf *)group)->present = true;
    if (!weir_load_fleet(l))
        weir_warn(l, weir_load_place(l),
                  "outlier.fleet does nothing: there is no group fleet at the top, so there are no "
                  "other instances");
}

/* -- loading ----------------------------------------------------------------------------------- */

static const char *const kind_words[KIND_N] = {
    [KIND_FAILURES] = "failures",
    [KIND_GATEWAY] = "gateway_errors",
    [KIND_5XX] = "5xx",
    [KIND_SUCCESS_RATE] = "success_rate",
    [KIND_LOCAL_SUCCESS_RATE] = "local_success_rate",
    [KIND_FAILURE_PERCENTAGE] = "failure_percentage",
    [KIND_LOCAL_FAILURE_PERCENTAGE] = "local_failure_percentage",
    [KIND_PROBE] = "probe",
    [KIND_OPERATOR] = "operator",
    [KIND_FLEET] = "fleet",
};

const char *kind_word(unsigned kind)
{
    return kind < KIND_N ? kind_words[kind] : "";
}

/* What nobody can reach isn't counted: the module is on everywhere, and so are its series. */
static bool can_happen(const struct outlier *o, enum kind kind)
{
    switch (kind) {
    case KIND_FAILURES:
    case KIND_GATEWAY:
    case KIND_5XX:
        return o->consecutive[kind] > 0;
    case KIND_SUCCESS_RATE:
        return o->success_rate.present;
    case KIND_LOCAL_SUCCESS_RATE:
        return o->success_rate.present && o->split;
    case KIND_FAILURE_PERCENTAGE:
        return o->failure_percentage.present;
    case KIND_LOCAL_FAILURE_PERCENTAGE:
        return o->failure_percentage.present && o->split;
    case KIND_FLEET:
        return o->fleet.present;
    default:
        return true;
    }
}

static uint64_t read_ejected(const void *shared)
{
    return atomic_load(&((const struct outlier_shared *)shared)->ejected);
}

static void show_ejected(struct weir_load *l, const struct outlier *o)
{
    const struct weir_gauge gauge = {outlier_gauges->name, outlier_gauges->help, read_ejected,
                                     o->shared};
    if (o->shared)
        weir_gauge(l, &gauge, NULL, 0);
}

static void count_kinds(struct weir_load *l, struct outlier *o)
{
    o->counters = weir_counters(l, cluster_counters, NULL, 0);
    if (o->fleet.present)
        o->shared_counters = weir_counters(l, shared_counters, NULL, 0);
    for (unsigned k = 0; k < KIND_N; k++) {
        const struct weir_label label = {"kind", slice_str(kind_words[k])};
        if (can_happen(o, k))
            o->kinds[k] = weir_counters(l, kind_counters, &label, 1);
    }
}

static void make_rules(struct outlier *o)
{
    o->rules = (struct ejection_rules){
        .base_ms = o->ejection_ms,
        .max_ms = o->max_ejection_ms,
        .forget_ms = o->forget_ms,
        .probes = (uint32_t)o->reentry.probes,
        .successes = (uint32_t)o->reentry.successes,
        .probe_timeout_ms = o->reentry.probe_timeout_ms,
        .ramp_ms = o->reentry.ramp_ms,
    };
    o->rates = o->success_rate.present || o->failure_percentage.present;
    o->grpc_status = weir_name((struct weir_slice)WEIR_SLICE("grpc-status"));
    o->bad[OUTCOME_FAILURE] = true;
    o->bad[OUTCOME_5XX] = o->rates || o->consecutive[RUN_5XX];
    o->bad[OUTCOME_GATEWAY] = o->bad[OUTCOME_5XX] || o->consecutive[RUN_GATEWAY];
}

/* A restart of the only backend must not be made longer for somebody who never asked for ejections;
 * who did means what is written. */
static void resolve_single(struct outlier *o)
{
    const bool preset = o->consecutive[RUN_FAILURES] == FAILURES_PRESET && !o->rates &&
                        !o->consecutive[RUN_GATEWAY] && !o->consecutive[RUN_5XX];
    if (o->single == SINGLE_AUTO)
        o->single = preset ? SINGLE_KEEP : SINGLE_REFUSE;
}

static void check(struct weir_load *l, const struct outlier *o)
{
    if (o->max_ejection_ms < o->ejection_ms)
        weir_fault(l, weir_load_place(l),
                   "outlier.max_ejection_time is %llu ms, less than ejection_time (%llu ms)",
                   (unsigned long long)o->max_ejection_ms, (unsigned long long)o->ejection_ms);
}

static void make_cells(struct weir_load *l, struct outlier *o)
{
    o->shared = weir_cell(l, "shared", sizeof *o->shared);
    o->cells = weir_endpoint_cells(l, o->cluster, "state", sizeof(struct outlier_cell));
    if (o->shared)
        o->generation = atomic_fetch_add(&o->shared->loads, 1) + 1;
    if (!o->shared || !o->enabled)
        return;
    if (o->rates || o->grpc)
        weir_load_all_results(l);
    else
        weir_load_results_while(l, &o->shared->watch);
}

void outlier_load(struct weir_load *l, void *global)
{
    struct outliers *all = global;
    (void)l;
    all->end = &all->first;
}

void outlier_load_cluster(struct weir_load *l, void *conf, void *global)
{
    struct outlier *o = conf;
    struct outliers *all = global;
    o->cluster = weir_load_cluster_of(l);
    o->name = weir_cluster_name(l, o->cluster);
    o->enabled = o->enabled && all->enabled;
    check(l, o);
    make_rules(o);
    resolve_single(o);
    make_cells(l, o);
    count_kinds(l, o);
    show_ejected(l, o);
    o->number = all->n++;
    *all->end = o;
    all->end = &o->next;
}
