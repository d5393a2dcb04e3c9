/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing/settings.h"

#include <stdio.h>

#include "common/slice.h"

#define DROPPED                                                                                    \
    {                                                                                              \
        "dropped", "spans that were lost, by reason"                                               \
    }
#define COUNTED                                                                                    \
    [COUNT_EXPORTED] = {"exported", "spans that the collector has taken"},                         \
    [COUNT_BATCHES] = {"batches", "requests that the collector was sent"},                         \
    [COUNT_FAILURES] = {"failures", "requests that the collector did not take"},                   \
    [COUNT_INVALID] = {"invalid", "traces that were not continued: their fields are malformed"},   \
    [COUNT_STATES_LEFT] = {"tracestate_left",                                                      \
                           "tracestate fields that are malformed or too long, and not passed on"}

const struct weir_counter tracing_counters[] = {COUNTED, DROPPED, {0}};
static const struct weir_counter counted[] = {COUNTED, {0}};
static const struct weir_counter dropped[] = {DROPPED, {0}};
static const char *const drop_names[DROP_N] = {
    [DROP_QUEUE] = "queue",     [DROP_LOST] = "lost",         [DROP_UNREACHABLE] = "unreachable",
    [DROP_REFUSED] = "refused", [DROP_REJECTED] = "rejected", [DROP_RECORD] = "record",
    [DROP_MEMORY] = "memory",
};

/* -- the tables ------------------------------------------------------------------------------- */

static const char *const trust_names[] = {"proxies", "always", "never", NULL};
static const char *const b3_names[] = {"read", "pass", "off", NULL};

static const struct weir_setting sampling_rows[] = {
    WEIR_ROW_PERCENT("ratio", struct sampling, ratio, "1%",
                     "share of the traces that begin here, by their ids; also of those whose "
                     "parent doesn't count"),
    WEIR_ROW_BOOL("parent", struct sampling, parent, "true",
                  "what the caller has decided counts, where its fields are trusted"),
    WEIR_ROW_BOOL("errors", struct sampling, errors, "true",
                  "requests that fail are exported whatever was decided"),
    WEIR_ROW_END,
};

static const struct weir_setting header_rows[] = {
    WEIR_ROW_TEXT("name", struct tracing_pair, name, NULL, "name of the header field",
                  .required = true),
    WEIR_ROW_TEXT("value", struct tracing_pair, value, NULL, "its value", .required = true,
                  .secret = true),
    WEIR_ROW_END,
};

static const struct weir_setting resource_rows[] = {
    WEIR_ROW_TEXT("name", struct tracing_pair, name, NULL,
                  "name of the attribute, such as \"deployment.environment.name\"",
                  .required = true),
    WEIR_ROW_TEXT("value", struct tracing_pair, value, NULL, "its value", .required = true),
    WEIR_ROW_END,
};

static const struct weir_setting export_rows[] = {
    WEIR_ROW_INT("spans", struct tracing_export, spans, "512", 1, 10000,
                 "spans of a batch; one that has as many is sent at once"),
    WEIR_ROW_MS("delay", struct tracing_export, delay_ms, "1s", 0, 60000,
                "how long spans wait for others at most"),
    WEIR_ROW_MS("timeout", struct tracing_export, timeout_ms, "10s", 10, 60000,
                "how long the collector may take for a batch"),
    WEIR_ROW_MS("keep", struct tracing_export, keep_ms, "1m", 0, 3600000,
                "how long a batch is sent again and again when the collector doesn't take it"),
    WEIR_ROW_END,
};

const struct weir_setting tracing_rows[] = {
    WEIR_ROW_URL("collector", struct tracing, url,
                 "where spans are sent, such as \"http://127.0.0.1:4318/v1/traces\"; absent: "
                 "traces are passed on, and nothing is recorded"),
    WEIR_ROW_CLUSTER("collector_cluster", struct tracing, cluster,
                     "cluster by which they are sent, for an authority or several collectors; "
                     "absent: one made from the URL"),
    WEIR_ROW_LIST("headers", struct tracing, headers, header_rows, struct tracing_pair,
                  "header fields that the collector gets"),
    WEIR_ROW_TEXT("service", struct tracing, service, "weir", "service.name of the spans"),
    WEIR_ROW_LIST("resource", struct tracing, resource, resource_rows, struct tracing_pair,
                  "further attributes of who sends the spans"),
    WEIR_ROW_CHOICE("trust", struct tracing, trust, "proxies", trust_names,
                    "whose traces are continued: of forwarding.trusted_proxies, everybody's, or "
                    "nobody's; for others a new one begins"),
    WEIR_ROW_CHOICE("b3", struct tracing, b3, "read", b3_names,
                    "B3 fields of requests without traceparent: read and taken off, read and "
                    "passed on as they are, or left alone"),
    WEIR_ROW_SIZE("tracestate_max", struct tracing, tracestate_max, "1k", 512, 8192,
                  "how long tracestate may be to be passed on"),
    WEIR_ROW_BOOL("unrouted", struct tracing, unrouted, "true",
                  "are requests that no route takes traced, too?"),
    WEIR_ROW_GROUP("sampling", struct tracing, sampling, sampling_rows,
                   "which traces are recorded"),
    WEIR_ROW_GROUP("export", struct tracing, export, export_rows, "how spans are sent"),
    WEIR_ROW_INT("queue", struct tracing, slots, "1024", 16, 65536,
                 "requests whose spans may wait to be sent, of 3 KiB each; further ones are "
                 "dropped"),
    WEIR_ROW_END,
};

/* Only called for a group that is there. */
static void sampling_check(struct weir_load *l, void *group)
{
    (void)l;
    ((struct sampling *)group)->present = true;
}

const struct weir_setting tracing_route_rows[] = {
    WEIR_ROW_BOOL("enabled", struct tracing_route, enabled, "true",
                  "false: its requests have no spans, and their fields are left alone"),
    WEIR_ROW_GROUP("sampling", struct tracing_route, sampling, sampling_rows,
                   "which of its traces are recorded; absent: as modules.tracing says",
                   .check = sampling_check),
    WEIR_ROW_END,
};

/* -- loading ---------------------------------------------------------------------------------- */

static void load_names(struct weir_load *l, struct tracing *t)
{
    t->traceparent = weir_name(WEIR_SLICE("traceparent"));
    t->tracestate = weir_name(WEIR_SLICE("tracestate"));
    t->b3_name = weir_name(WEIR_SLICE("b3"));
    t->user_agent = weir_name(WEIR_SLICE("user-agent"));
    while (weir_cluster_name(l, (weir_cluster)t->clusters_n).p)
        t->clusters_n++;
    t->cluster_names = weir_load_alloc(l, (t->clusters_n + 1) * sizeof *t->cluster_names);
    for (size_t i = 0; i < t->clusters_n; i++)
        t->cluster_names[i] = weir_cluster_name(l, (weir_cluster)i);
}

static void load_counters(struct weir_load *l, struct tracing *t)
{
    t->counts = weir_counters(l, counted, NULL, 0);
    for (int i = 0; i < DROP_N; i++) {
        const struct weir_label reason = {"reason", slice_str(drop_names[i])};
        t->drops[i] = weir_counters(l, dropped, &reason, 1);
    }
}

static void check_headers(struct weir_load *l, const struct tracing *t)
{
    const struct tracing_pair *pair = t->headers.v;
    for (size_t i = 0; i < t->headers.n; i++)
        if (!weir_field_settable(pair[i].name) || !weir_value_ok(pair[i].value))
            weir_fault(l, &pair[i].place,
                       "tracing.headers has \"%s\", which is no field that can be sent, or has a "
                       "value that can't",
                       pair[i].name.p);
}

static void check_collector(struct weir_load *l, const struct tracing *t)
{
    if (!t->url.text.n && t->cluster != WEIR_NO_CLUSTER)
        weir_fault(l, weir_load_place(l),
                   "tracing.collector_cluster goes with collector only, which has the path that "
                   "spans are sent to: collector = \"http://collector:4318/v1/traces\"");
    if (!t->url.text.n && t->headers.n)
        weir_fault(l, weir_load_place(l), "tracing.headers goes with collector only");
}

static uint64_t read_length(const void *queue)
{
    return queue_length(queue);
}

/* The name says what the content is: records of this version, in so many slots. */
static void load_queue(struct weir_load *l, struct tracing *t)
{
    char name[40];
    if (!t->url.text.n)
        return;
    snprintf(name, sizeof name, "queue-1-%u", (unsigned)t->slots);
    t->queue = weir_cell(l, weir_load_dup(l, slice_str(name)).p, queue_size((unsigned)t->slots));
    if (t->queue)
        weir_gauge(l,
                   &(struct weir_gauge){"queued", "requests whose spans wait to be sent",
                                        read_length, t->queue},
                   NULL, 0);
}

void tracing_load(struct weir_load *l, void *global)
{
    struct tracing *t = global;
    check_collector(l, t);
    check_headers(l, t);
    if (t->cluster == WEIR_NO_CLUSTER)
        t->cluster = t->url.cluster;
    t->sampling.bound = sampling_bound(t->sampling.ratio);
    load_names(l, t);
    load_counters(l, t);
    load_queue(l, t);
}

void tracing_load_route(struct weir_load *l, void *conf, void *global)
{
    (void)l;
    struct tracing_route *r = conf;
    const struct tracing *t = global;
    if (!r->sampling.present)
        r->sampling = t->sampling;
    r->sampling.bound = sampling_bound(r->sampling.ratio);
}
