/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of settings, and what is made of them in the master. A route that doesn't name the
 * module has it all the same, at these defaults. */
#include "retry/retry.h"

#include <stdio.h>

#include "common/slice.h"

enum { CELL_NAME = 48 };

const struct weir_counter retry_counters[COUNT_N + 1] = {
    [COUNT_REPEATED] = {"repeated", "attempts that a failed one has led to"},
    [COUNT_RECOVERED] = {"recovered", "requests that failed at first and were answered well in the "
                                      "end"},
    [COUNT_EXHAUSTED] = {"exhausted",
                         "requests whose last attempt failed, too, and had no other one left"},
    [COUNT_REFUSED] = {"refused", "failed attempts that could have been repeated but for the "
                                  "request's method or content, its time, or the cluster's state"},
    [COUNT_BUDGET] = {"budget", "failed attempts that weren't repeated as the cluster's retry "
                                "budget was used up"},
    [COUNT_ASKED] = {"asked", "retries that waited as long as the backend had asked for"},
    [COUNT_TOO_LONG] = {"too_long",
                        "failed attempts that weren't repeated as the backend had asked "
                        "for more time than retry_after.max"},
    [COUNT_FELL_BACK] = {"fell_back", "requests that went to the cluster of `then`"},
    [COUNT_HEDGES] = {"hedges", "second attempts that started beside a slow first one"},
    [COUNT_HEDGES_WON] = {"hedges_won", "hedges whose answer the client got"},
    [COUNT_HEDGES_WASTED] = {"hedges_wasted", "hedges that came too late, or failed"},
    {NULL, NULL},
};

/* -- tables ---------------------------------------------------------------------------------- */

static const char *const format_names[] = {"auto", "seconds", "unix", NULL};

static void field_check(struct weir_load *l, void *group);
static void reset_check(struct weir_load *l, void *group);

static const struct weir_setting field_rows[] = {
    WEIR_ROW_TEXT("name", struct field_conf, name, NULL, "the response's header field",
                  .required = true),
    VALUE_MATCH_ROWS(struct field_conf, value),
    WEIR_ROW_BOOL("present", struct field_conf, present, "false", "true: any value"),
    WEIR_ROW_END,
};

static const struct weir_setting backoff_rows[] = {
    WEIR_ROW_MS("base", struct backoff, base_ms, "25ms", 0, 60000,
                "the nth retry waits a random time of up to (2^n - 1) times this; 0: none"),
    WEIR_ROW_MS("max", struct backoff, max_ms, "250ms", 0, 600000, "and never longer than this"),
    WEIR_ROW_END,
};

static const struct weir_setting reset_rows[] = {
    WEIR_ROW_TEXT("name", struct reset_conf, name, NULL, "the header field", .required = true),
    WEIR_ROW_CHOICE("format", struct reset_conf, format, "auto", format_names,
                    "what its number is: seconds from now on, or since 1970 (unix); auto: since "
                    "1970 from 1000000000 on"),
    WEIR_ROW_END,
};

static const struct weir_setting after_rows[] = {
    WEIR_ROW_BOOL("honour", struct retry_after_conf, honour, "true",
                  "wait as long as a backend asks for"),
    WEIR_ROW_MS("max", struct retry_after_conf, max_ms, "5s", 0, 3600000,
                "a backend that asks for more gets no retry"),
    WEIR_ROW_LIST("reset_fields", struct retry_after_conf, reset_fields, reset_rows,
                  struct reset_conf,
                  "fields of a 429 that say the same, when it has no Retry-After; absent: "
                  "RateLimit-Reset and X-RateLimit-Reset",
                  .check = reset_check),
    WEIR_ROW_END,
};

static const struct weir_setting hedge_rows[] = {
    WEIR_ROW_TEXT("delay", struct hedge_conf, delay_text, "",
                  "a request without a response by then gets a second attempt: a time such as "
                  "\"50ms\", or a percentile of the route's recent latency such as \"p95\"; empty: "
                  "no hedges"),
    WEIR_ROW_MS("min", struct hedge_conf, min_ms, "1ms", 1, 3600000,
                "the shortest delay that a percentile gives"),
    WEIR_ROW_MS("max", struct hedge_conf, max_ms, "10s", 1, 3600000,
                "the longest delay that a percentile gives"),
    WEIR_ROW_MS("window", struct hedge_conf, window_ms, "30s", 1000, 3600000,
                "what recent means: the percentile is of the last one to two windows"),
    WEIR_ROW_INT("min_samples", struct hedge_conf, min_samples, "100", 1, 1000000,
                 "with fewer attempts than this a percentile says nothing, and nothing is hedged"),
    WEIR_ROW_END,
};

static const struct weir_setting then_rows[] = {
    WEIR_ROW_CLUSTER("cluster", struct then_conf, cluster,
                     "where a request goes when its attempts are used up, or none can start"),
    WEIR_ROW_CHAIN(struct then_conf, chain),
    WEIR_ROW_END,
};

const struct weir_setting retry_rows[] = {
    WEIR_ROW_BOOL("enabled", struct retry, enabled, "true", "false: nothing is repeated"),
    WEIR_ROW_INT("attempts", struct retry, attempts, "2", 1, 10,
                 "how often a request is tried, the first time included"),
    WEIR_ROW_TEXTS("on", struct retry, on_texts,
                   "after what: connect_failed, refused_stream, reset_unsent, reset, timeout, "
                   "bad_response, gateway_error, 5xx, 4xx, retriable_4xx, statuses such as 503, "
                   "grpc_unavailable and others of gRPC; absent: connect_failed, refused_stream, "
                   "reset"),
    WEIR_ROW_LIST("on_headers", struct retry, on_headers, field_rows, struct field_conf,
                  "and after responses with one of these header fields", .check = field_check),
    WEIR_ROW_TEXTS("methods", struct retry, methods,
                   "requests that may be repeated though they may have been processed; absent: "
                   "idempotent ones (GET, HEAD, OPTIONS, PUT, DELETE)"),
    WEIR_ROW_MS("per_try_timeout", struct retry, per_try_timeout_ms, "0s", 0, 86400000,
                "how long one attempt may take until the response's head; 0s: as long as the "
                "request may"),
    WEIR_ROW_MS("per_try_idle_timeout", struct retry, per_try_idle_timeout_ms, "0s", 0, 86400000,
                "how long nothing may move in an attempt until the response's head; 0s: no limit"),
    WEIR_ROW_GROUP("backoff", struct retry, backoff, backoff_rows, "how long a retry waits"),
    WEIR_ROW_GROUP("retry_after", struct retry, after, after_rows,
                   "what backends ask for with Retry-After"),
    WEIR_ROW_GROUP("hedge", struct retry, hedge, hedge_rows,
                   "second attempts beside slow ones; the first good answer counts"),
    WEIR_ROW_GROUP("then", struct retry, then, then_rows, "the last resort: another cluster"),
    WEIR_ROW_TEXT("attempt_header", struct retry, attempt_header_text, "X-Weir-Attempt",
                  "header field that tells the backend which attempt this is, from the second on; "
                  "empty: none"),
    WEIR_ROW_END,
};

const struct weir_setting retry_global_rows[] = {
    WEIR_ROW_BOOL("enabled", struct retry_global, enabled, "true",
                  "false: nothing is repeated, on no route"),
    WEIR_ROW_END,
};

/* -- parts ----------------------------------------------------------------------------------- */

static void field_check(struct weir_load *l, void *group)
{
    struct field_conf *f = group;
    char reason[VALUE_REGEX_REASON];
    if (!f->name.p)
        return; /* that was said */
    f->field = weir_name(f->name);
    if (!f->field.text.p)
        weir_fault(l, &f->place, "retry.on_headers: \"%.*s\" is no name of a header field",
                   SLICE_ARG(f->name));
    else if (value_match_forms(&f->value) + f->present != 1)
        weir_fault(l, &f->place,
                   "retry.on_headers: %.*s needs exactly one of exact, prefix, suffix, regex and "
                   "present = true",
                   SLICE_ARG(f->name));
    else if (!value_match_make(&f->value, reason))
        weir_fault(l, &f->place, "retry.on_headers: the regex of %.*s: %s", SLICE_ARG(f->name),
                   reason);
}

static void reset_check(struct weir_load *l, void *group)
{
    struct reset_conf *r = group;
    if (!r->name.p)
        return; /* that was said */
    r->field = weir_name(r->name);
    if (!r->field.text.p)
        weir_fault(l, &r->place,
                   "retry.retry_after.reset_fields: \"%.*s\" is no name of a header field",
                   SLICE_ARG(r->name));
}

static void preset_resets(struct weir_load *l, struct retry *c)
{
    static const char *const names[] = {"ratelimit-reset", "x-ratelimit-reset"};
    enum { N = sizeof names / sizeof names[0] };
    struct reset_conf *r = weir_load_alloc(l, N * sizeof *r);
    for (size_t i = 0; i < N; i++)
        r[i] = (struct reset_conf){.field = weir_name(slice_str(names[i])), .format = RESET_AUTO};
    c->resets = r;
    c->resets_n = N;
}

static void read_on(struct weir_load *l, struct retry *c)
{
    if (!c->on_texts.v)
        conditions_preset(&c->on);
    for (size_t i = 0; i < c->on_texts.n; i++)
        if (!conditions_add(&c->on, c->on_texts.v[i]))
            weir_fault(l, weir_load_place(l), "retry.on[%zu] is \"%.*s\"; allowed are %s", i,
                       SLICE_ARG(c->on_texts.v[i]), conditions_form);
    for (size_t i = 0; i < c->methods.n; i++)
        if (!conditions_method_ok(c->methods.v[i]))
            weir_fault(l, weir_load_place(l),
                       "retry.methods[%zu] is \"%.*s\"; that is no method which could be repeated: "
                       "methods are names such as \"POST\", in capitals",
                       i, SLICE_ARG(c->methods.v[i]));
}

/* Of one window's length: another length has another cell. */
static void make_latency(struct weir_load *l, struct hedge_conf *h)
{
    char name[CELL_NAME];
    snprintf(name, sizeof name, "latency/%llu", (unsigned long long)h->window_ms);
    h->latency = weir_cell(l, name, sizeof *h->latency);
    h->percentile = (struct percentile){.part = h->delay.part,
                                        .window_us = h->window_ms * 1000,
                                        .min_samples = (uint64_t)h->min_samples};
}

static void read_hedge(struct weir_load *l, struct hedge_conf *h)
{
    if (!h->delay_text.n)
        return;
    if (!hedge_delay_read(h->delay_text, &h->delay))
        weir_fault(l, weir_load_place(l),
                   "retry.hedge.delay is \"%.*s\"; allowed is a time of up to an hour, such as "
                   "\"50ms\", or a percentile from p50 on, such as \"p95\" or \"p99.9\"",
                   SLICE_ARG(h->delay_text));
    else if (h->delay.part && h->min_ms > h->max_ms)
        weir_fault(l, weir_load_place(l), "retry.hedge.min is longer than retry.hedge.max");
    else if (h->delay.part)
        make_latency(l, h);
}

static void read_then(struct weir_load *l, struct retry *c)
{
    if (c->then.cluster == WEIR_NO_CLUSTER) {
        if (c->then.chain)
            weir_fault(l, weir_load_place(l), "retry.then has settings of modules, but no cluster");
        return;
    }
    c->then.cluster_name = weir_cluster_name(l, c->then.cluster);
    if (c->then.cluster == weir_load_route_cluster(l))
        weir_fault(l, weir_load_place(l),
                   "retry.then.cluster is the route's own, %.*s: name another one, or raise "
                   "retry.attempts",
                   SLICE_ARG(c->then.cluster_name));
}

static void read_header(struct weir_load *l, struct retry *c)
{
    if (!c->attempt_header_text.n)
        return;
    c->attempt_header = weir_name(c->attempt_header_text);
    if (!weir_field_settable(c->attempt_header_text))
        weir_fault(l, weir_load_place(l),
                   "retry.attempt_header is \"%.*s\"; it isn't a field name, or the gateway "
                   "decides on it",
                   SLICE_ARG(c->attempt_header_text));
    else
        weir_load_strip(l, c->attempt_header_text);
}

static void check_try_limits(struct weir_load *l, const struct retry *c)
{
    const struct outcome o = {.failure = WEIR_FAILURE_TIMEOUT_HEAD, .sent = true, .grpc = -1};
    const char *word;
    if ((c->per_try_timeout_ms || c->per_try_idle_timeout_ms) && c->attempts > 1 &&
        conditions_match(&c->on, &o, &word) == WORTH_NOTHING)
        weir_warn(l, weir_load_place(l),
                  "retry limits the time of an attempt, but repeats none that takes longer: add "
                  "\"timeout\" to retry.on");
}

/* Is a good status one of those after which another attempt is worth it? */
static bool wants_good_ones(const struct retry *c)
{
    bool good = c->hedge.delay_text.n || c->on_headers.n || c->on.grpc;
    for (int status = 200; status < 400; status++) {
        const struct outcome o = {.status = status, .sent = true, .grpc = -1};
        const char *word;
        good = good || conditions_match(&c->on, &o, &word) != WORTH_NOTHING;
    }
    return good;
}

/* -- the whole ------------------------------------------------------------------------------- */

void retry_load(struct weir_load *l, void *global)
{
    struct retry_global *g = global;
    (void)l;
    g->retry_after = weir_name((struct weir_slice)WEIR_SLICE("retry-after"));
    g->date = weir_name((struct weir_slice)WEIR_SLICE("date"));
    g->grpc_status = weir_name((struct weir_slice)WEIR_SLICE("grpc-status"));
}

void retry_load_route(struct weir_load *l, void *conf, void *global)
{
    struct retry *c = conf;
    const struct retry_global *g = global;
    c->resets = c->after.reset_fields.v;
    c->resets_n = c->after.reset_fields.n;
    if (!c->resets_n)
        preset_resets(l, c);
    read_on(l, c);
    read_hedge(l, &c->hedge);
    read_then(l, c);
    read_header(l, c);
    check_try_limits(l, c);
    if (c->backoff.base_ms > c->backoff.max_ms)
        weir_fault(l, weir_load_place(l), "retry.backoff.base is longer than retry.backoff.max");
    c->enabled = c->enabled && g->enabled;
    c->counters = weir_counters(l, retry_counters, NULL, 0);
    if (c->enabled && wants_good_ones(c))
        weir_load_all_results(l);
    if (!c->hedge.delay_text.n && !c->per_try_timeout_ms && !c->per_try_idle_timeout_ms)
        weir_load_late(l);
    if (c->enabled && (c->attempts > 1 || c->then.cluster != WEIR_NO_CLUSTER))
        weir_load_keep(l);
}

void retry_unload_use(void *conf)
{
    const struct retry *c = conf;
    struct field_conf *f = c->on_headers.v;
    for (size_t i = 0; i < c->on_headers.n; i++)
        value_match_free(&f[i].value);
}
