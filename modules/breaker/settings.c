/* SPDX-License-Identifier: Apache-2.0 */
/* The settings, and what is made of them in the master. Cells are named so that what is known stays
 * known over a reload: the state of a circuit has a cell of its own, which no setting changes; what
 * it has counted lies in another, whose name says how the window is made. */
#include <stdio.h>
#include <string.h>

#include <weir/fleet.h>

#include "breaker/breaker.h"
#include "common/slice.h"

/* -- tables ---------------------------------------------------------------------------------- */

static const char *const scope_names[] = {"cluster", "endpoint", NULL};
static const char *const over_names[] = {"503", "429", NULL};
static const char *const priority_names[] = {"usual", "high", NULL};

static void check_circuit(struct weir_load *l, void *group);
static void check_limits(struct weir_load *l, void *group);
static void check_fallback(struct weir_load *l, void *group);

static const struct weir_setting open_rows[] = {
    WEIR_ROW_PERCENT("error_rate", struct open_conf, error_rate, "50%",
                     "failures among the calls of the window; 0%: not judged by that"),
    WEIR_ROW_PERCENT("slow_rate", struct open_conf, slow_rate, "0%",
                     "slow calls among those of the window; 0%: not judged by that"),
    WEIR_ROW_MS("slow_after", struct open_conf, slow_after, "1s", 1, 3600000,
                "a call is slow when its response begins so late"),
    WEIR_ROW_INT("consecutive", struct open_conf, consecutive, "0", 0, 1000000,
                 "failures in a row, however few calls there are; 0: not judged by that"),
    WEIR_ROW_MS("window", struct open_conf, window, "10s", WINDOW_SPAN_MIN_MS, 3600000,
                "the time that slides"),
    WEIR_ROW_INT("window_calls", struct open_conf, window_calls, "0", 0, WINDOW_CALLS_MAX,
                 "the window is the last so many calls instead; 0: it is a time"),
    WEIR_ROW_INT("min_requests", struct open_conf, min_requests, "20", 1, 1000000,
                 "rates are judged from so many calls in the window on"),
    WEIR_ROW_TEXTS(
        "outcomes", struct open_conf, outcomes,
        "what is a failure: statuses such as 502, classes such as 5xx, connect, refused, "
        "reset, timeout, bad_response, grpc_unavailable and the like; absent: the five "
        "words and 5xx"),
    WEIR_ROW_END,
};

#define CIRCUIT_ROWS                                                                               \
    WEIR_ROW_GROUP("open_on", struct circuit_group, open_on, open_rows, "when it opens"),          \
        WEIR_ROW_MS("open_for", struct circuit_group, open_for, "5s", 1, 3600000,                  \
                    "how long it stays open the first time"),                                      \
        WEIR_ROW_INT("factor", struct circuit_group, factor, "2", 1, 100,                          \
                     "so many times longer each further time"),                                    \
        WEIR_ROW_MS("max_open", struct circuit_group, max_open, "1m", 1, 86400000,                 \
                    "but not longer than that"),                                                   \
        WEIR_ROW_PERCENT("jitter", struct circuit_group, jitter, "10%",                            \
                         "so much of the time is taken off at random, at most"),                   \
        WEIR_ROW_MS("calm", struct circuit_group, calm, "1m", 0, 86400000,                         \
                    "closed for so long, the next opening is a first one again"),                  \
        WEIR_ROW_INT("probes", struct circuit_group, probes, "3", 1, 10000,                        \
                     "requests that go through when the time is over, over all workers"),          \
        WEIR_ROW_INT("successes", struct circuit_group, successes, "0", 0, 10000,                  \
                     "so many of them have to be good; 0: all"),                                   \
        WEIR_ROW_MS("probe_timeout", struct circuit_group, probe_timeout, "30s", 1, 3600000,       \
                    "without a verdict for so long it opens again"),                               \
        WEIR_ROW_BOOL("slow_close", struct circuit_group, slow_close, "false",                     \
                      "let 10 %, 25 % and 50 % through before it closes"),                         \
        WEIR_ROW_MS("slow_step", struct circuit_group, slow_step, "5s", 10, 3600000,               \
                    "how long each of these steps takes"),                                         \
        WEIR_ROW_BOOL("shared", struct circuit_group, shared, "false",                             \
                      "it is one circuit for all instances of the fleet")

static const struct weir_setting route_circuit_rows[] = {CIRCUIT_ROWS, WEIR_ROW_END};
static const struct weir_setting cluster_circuit_rows[] = {
    WEIR_ROW_CHOICE("scope", struct circuit_group, scope, "cluster", scope_names,
                    "one circuit for all of it, or one for each endpoint"),
    CIRCUIT_ROWS, WEIR_ROW_END};

#define LIMIT_ROWS                                                                                 \
    WEIR_ROW_INT("max_requests", struct limits_group, max_requests, "0", 0, INT32_MAX,             \
                 "requests under way, over all workers; 0: no limit"),                             \
        WEIR_ROW_INT("max_pending", struct limits_group, max_pending, "0", 0, INT32_MAX,           \
                     "requests that may wait for room; 0: none waits"),                            \
        WEIR_ROW_MS("queue_timeout", struct limits_group, queue_timeout, "1s", 1, 3600000,         \
                    "how long one waits"),                                                         \
        WEIR_ROW_INT("max_retries", struct limits_group, max_retries, "0", 0, INT32_MAX,           \
                     "further attempts under way; 0: no limit"),                                   \
        WEIR_ROW_CHOICE("over", struct limits_group, over, "503", over_names,                      \
                        "the status of what is over a limit"),                                     \
        WEIR_ROW_MS("retry_after", struct limits_group, retry_after, "1s", 0, 86400000,            \
                    "Retry-After of that answer, in whole seconds; 0: the gateway's own")

static const struct weir_setting limits_rows[] = {
    WEIR_ROW_INT("max_connections", struct limits_group, max_connections, "0", 0, INT32_MAX,
                 "connections to its endpoints, over all workers; 0: no limit"),
    LIMIT_ROWS, WEIR_ROW_END};
static const struct weir_setting high_rows[] = {LIMIT_ROWS, WEIR_ROW_END};

static const struct weir_setting fallback_rows[] = {
    WEIR_ROW_CLUSTER("cluster", struct fallback_group, cluster,
                     "where requests go that an open circuit refuses"),
    WEIR_ROW_INT("status", struct fallback_group, status, "0", 0, 599,
                 "or the status they are answered with; 0: none"),
    WEIR_ROW_TEXT("body", struct fallback_group, body, "", "the content of that answer"),
    WEIR_ROW_TEXT("type", struct fallback_group, type, "text/plain; charset=utf-8",
                  "its Content-Type"),
    WEIR_ROW_END,
};

const struct weir_setting breaker_global_rows[] = {
    WEIR_ROW_MS("poll", struct breaker_global, poll, "5ms", 1, 1000,
                "how often a worker looks, for requests that wait, whether others have made room"),
    WEIR_ROW_END,
};

const struct weir_setting breaker_cluster_rows[] = {
    WEIR_ROW_GROUP("limits", struct breaker, limits[CLASS_USUAL], limits_rows,
                   "how much may be under way", .check = check_limits),
    WEIR_ROW_GROUP("limits_high", struct breaker, limits[CLASS_HIGH], high_rows,
                   "the same for requests of routes with priority = high; absent: they count with "
                   "the others",
                   .check = check_limits),
    WEIR_ROW_GROUP("circuit", struct breaker, circuit_group, cluster_circuit_rows,
                   "refuses what would fail; absent: there is none", .check = check_circuit),
    WEIR_ROW_GROUP("fallback", struct breaker, fallback, fallback_rows,
                   "instead of 503 while the circuit is open", .check = check_fallback),
    WEIR_ROW_END,
};

const struct weir_setting breaker_route_rows[] = {
    WEIR_ROW_CHOICE("priority", struct breaker, priority, "usual", priority_names,
                    "which limits of a cluster its requests count against"),
    WEIR_ROW_GROUP("circuit", struct breaker, circuit_group, route_circuit_rows,
                   "a circuit of the route: judged by what clients get; absent: there is none",
                   .check = check_circuit),
    WEIR_ROW_GROUP("fallback", struct breaker, fallback, fallback_rows,
                   "instead of 503 while the circuit is open", .check = check_fallback),
    WEIR_ROW_END,
};

/* -- checks ---------------------------------------------------------------------------------- */

static void check_shared(struct weir_load *l, const struct circuit_group *g)
{
    if (g->open_on.window_calls)
        weir_fault(l, &g->place,
                   "breaker.circuit.open_on.window_calls is of one instance, and the circuit is "
                   "shared: use window instead, which is a time");
    if (!weir_load_fleet(l))
        weir_warn(l, &g->place,
                  "breaker.circuit.shared does nothing without a fleet: add fleet = { redis = { }; "
                  "}; or leave it out");
}

static void check_circuit(struct weir_load *l, void *group)
{
    struct circuit_group *g = group;
    g->place = *weir_load_place(l);
    if (g->shared)
        check_shared(l, g);
    if (g->successes > g->probes)
        weir_fault(
            l, &g->place,
            "breaker.circuit.successes is %lld, and only %lld probes go out: raise probes, or "
            "lower successes",
            (long long)g->successes, (long long)g->probes);
    if (g->max_open < g->open_for)
        weir_fault(
            l, &g->place,
            "breaker.circuit.max_open is shorter than open_for: raise it, or lower open_for");
    if (!g->open_on.error_rate && !g->open_on.slow_rate && !g->open_on.consecutive)
        weir_fault(l, &g->place,
                   "breaker.circuit.open_on has nothing that would open it: set error_rate, "
                   "slow_rate or consecutive");
    if (g->open_on.window_calls && g->open_on.window_calls < g->open_on.min_requests &&
        (g->open_on.error_rate || g->open_on.slow_rate))
        weir_fault(
            l, &g->place,
            "breaker.circuit.open_on.window_calls is %lld, so there are never the %lld calls "
            "of min_requests: raise window_calls, or lower min_requests",
            (long long)g->open_on.window_calls, (long long)g->open_on.min_requests);
}

static void check_limits(struct weir_load *l, void *group)
{
    struct limits_group *g = group;
    g->place = *weir_load_place(l);
    if (g->max_pending && !g->max_requests)
        weir_fault(l, &g->place,
                   "breaker.limits.max_pending is about requests that wait for room, and there is "
                   "no max_requests: set that, too");
}

static void check_fallback(struct weir_load *l, void *group)
{
    struct fallback_group *g = group;
    g->place = *weir_load_place(l);
    if (g->status && g->status < 200)
        weir_fault(l, &g->place, "breaker.fallback.status is %lld; allowed are 200 to 599",
                   (long long)g->status);
    if (g->status && g->cluster != WEIR_NO_CLUSTER)
        weir_fault(l, &g->place,
                   "breaker.fallback has a cluster and a status: only one of them can answer");
    if (!g->status && g->body.n)
        weir_fault(l, &g->place, "breaker.fallback.body needs a status");
    if (!weir_value_ok(g->type))
        weir_fault(l, &g->place, "breaker.fallback.type can't stand in a header field");
}

/* -- circuits -------------------------------------------------------------------------------- */

static void read_outcomes(struct weir_load *l, struct breaker *b)
{
    const struct weir_texts *texts = &b->circuit_group.open_on.outcomes;
    if (!texts->n)
        outcomes_preset(&b->circuit.outcomes);
    for (size_t i = 0; i < texts->n; i++)
        if (!outcomes_add(&b->circuit.outcomes, texts->v[i]))
            weir_fault(l, &b->circuit_group.place,
                       "breaker.circuit.open_on.outcomes[%zu] is \"%.*s\"; allowed are %s", i,
                       SLICE_ARG(texts->v[i]), outcomes_form);
}

static void read_circuit(struct weir_load *l, struct breaker *b)
{
    const struct circuit_group *g = &b->circuit_group;
    const struct open_conf *o = &g->open_on;
    b->circuit = (struct circuit_conf){
        .machine = {.open_for_ms = g->open_for,
                    .max_open_ms = g->max_open,
                    .factor = (unsigned)g->factor,
                    .jitter = g->jitter,
                    .probes = (unsigned)g->probes,
                    .successes = (unsigned)(g->successes ? g->successes : g->probes),
                    .slow_close = g->slow_close,
                    .step_ms = g->slow_step,
                    .probe_ms = g->probe_timeout,
                    .calm_ms = g->calm,
                    .shared = g->shared && weir_load_fleet(l)},
        .window = {.span_ms = o->window, .calls = (uint32_t)o->window_calls},
        .error_rate = o->error_rate,
        .slow_rate = o->slow_rate,
        .slow_us = o->slow_after * 1000,
        .consecutive = (uint32_t)o->consecutive,
        .min_requests = (uint32_t)o->min_requests,
    };
    read_outcomes(l, b);
}

static void make_circuit(struct weir_load *l, struct breaker *b)
{
    char name[64];
    const struct window_conf w = b->circuit.window;
    snprintf(name, sizeof name, "window/%llu/%u", w.calls ? 0 : (unsigned long long)w.span_ms,
             w.calls);
    if (b->per_endpoint) {
        b->machines = weir_endpoint_cells(l, b->cluster, "circuit", sizeof(struct machine));
        b->windows = weir_endpoint_cells(l, b->cluster, name, window_size(w));
        b->worst = weir_cell(l, "worst", sizeof *b->worst);
    } else {
        b->machine = weir_cell(l, "circuit", sizeof(struct machine));
        b->window = weir_cell(l, name, window_size(w));
    }
}

static void register_circuit(struct weir_load *l, struct breaker *b)
{
    for (unsigned s = 0; s < MACHINE_STATES; s++) {
        const struct weir_label to = {"to", slice_str(machine_state_name((enum machine_state)s))};
        b->transitions[s] = weir_counters(l, breaker_transitions, &to, 1);
        if (b->circuit.machine.shared)
            b->adopted[s] = weir_counters(l, breaker_adoptions, &to, 1);
    }
}

static uint64_t read_state(const void *ctx)
{
    const struct breaker *b = ctx;
    if (b->per_endpoint)
        return b->worst ? atomic_load(b->worst) : 0;
    return b->machine ? breaker_state_number(machine_look(b->machine).state) : 0;
}

static void show_state(struct weir_load *l, struct breaker *b)
{
    const struct weir_gauge state = {
        .name = breaker_gauges[GAUGE_STATE].name,
        .help = breaker_gauges[GAUGE_STATE].help,
        .read = read_state,
        .ctx = b,
    };
    weir_gauge(l, &state, NULL, 0);
}

static uint64_t read_led(const void *ctx)
{
    const struct breaker *b = ctx;
    return b->led ? atomic_load(b->led) : 0;
}

static void show_led(struct weir_load *l, struct breaker *b)
{
    const struct weir_gauge led = {
        .name = breaker_gauges[GAUGE_SHARED_LED].name,
        .help = breaker_gauges[GAUGE_SHARED_LED].help,
        .read = read_led,
        .ctx = b,
    };
    if (!b->circuit.machine.shared)
        return;
    b->led = weir_cell(l, "led", sizeof *b->led);
    weir_gauge(l, &led, NULL, 0);
}

/* -- limits ---------------------------------------------------------------------------------- */

static void make_limits(struct weir_load *l, struct breaker *b)
{
    if (b->limits[CLASS_USUAL].max_connections)
        weir_load_connections(l, b->cluster, (uint64_t)b->limits[CLASS_USUAL].max_connections);
    for (unsigned i = 0; i < LIMITS_CLASSES; i++)
        b->has_limits = b->has_limits || b->limits[i].max_requests || b->limits[i].max_retries;
    if (!b->has_limits)
        return;
    b->gauges = weir_cell(l, "gauges", limits_size());
    if (b->gauges && !limits_init(b->gauges)) {
        weir_fault(l, weir_load_place(l), "this system has no robust mutexes between processes");
        b->gauges = NULL;
    }
}

/* A gauge of one class. */
struct shown {
    const struct limits *gauges;
    unsigned class;
    enum limits_gauge gauge;
};

static uint64_t read_gauge(const void *ctx)
{
    const struct shown *s = ctx;
    return limits_sum(s->gauges, s->class, s->gauge);
}

static void show_gauge(struct weir_load *l, const struct breaker *b, unsigned class,
                       enum limits_gauge g)
{
    const struct weir_counter *row = &breaker_gauges[GAUGE_LIMITS + g];
    const struct weir_label label = {"priority", slice_str(priority_names[class])};
    struct shown *s = weir_load_alloc(l, sizeof *s);
    *s = (struct shown){b->gauges, class, g};
    const struct weir_gauge gauge = {
        .name = row->name, .help = row->help, .read = read_gauge, .ctx = s};
    weir_gauge(l, &gauge, &label, 1);
}

static void show_gauges(struct weir_load *l, const struct breaker *b)
{
    for (unsigned class = 0; b->gauges && class < LIMITS_CLASSES; class ++)
        for (unsigned g = 0; g < LIMITS_GAUGES && (class == 0 || b->limits[class].place.file); g++)
            show_gauge(l, b, class, (enum limits_gauge)g);
}

/* -- the whole ------------------------------------------------------------------------------- */

void breaker_load(struct weir_load *l, void *global)
{
    struct breaker_global *g = global;
    (void)l;
    g->end = &g->first;
}

/* What both kinds have. */
static void load_use(struct weir_load *l, struct breaker *b, struct breaker_global *g)
{
    b->has_circuit = b->circuit_group.place.file != NULL;
    if (b->fallback.place.file && !b->has_circuit)
        weir_fault(l, &b->fallback.place,
                   "breaker.fallback is for what an open circuit refuses, and there is no circuit: "
                   "add circuit = { };");
    b->off = weir_cell(l, "off", sizeof *b->off);
    b->grpc_status = weir_name((struct weir_slice)WEIR_SLICE("grpc-status"));
    if (b->has_circuit) {
        b->per_endpoint = !b->is_route && b->circuit_group.scope == SCOPE_ENDPOINT;
        read_circuit(l, b);
        make_circuit(l, b);
        register_circuit(l, b);
        show_state(l, b);
        show_led(l, b);
    }
    for (unsigned r = 0; r < REJECT_N; r++) {
        const struct weir_label reason = {"reason",
                                          slice_str(breaker_reject_name((enum breaker_reject)r))};
        if (b->is_route ? r <= REJECT_RAMP : r > REJECT_RAMP || b->has_circuit)
            b->rejects[r] = weir_counters(l, breaker_rejects, &reason, 1);
    }
    b->counters = weir_counters(l, breaker_counters, NULL, 0);
    b->index = g->n++;
    *g->end = b;
    g->end = &b->next;
}

static void note_priority(struct weir_load *l, struct breaker_global *g)
{
    if (!g->high)
        g->high = weir_load_alloc(l, weir_load_routes(l) * sizeof *g->high);
    g->high[weir_load_route_of(l)] = true;
}

void breaker_load_route(struct weir_load *l, void *conf, void *global)
{
    struct breaker *b = conf;
    struct breaker_global *g = global;
    b->is_route = true;
    b->owner = weir_load_route(l);
    if (b->priority == CLASS_HIGH)
        note_priority(l, g);
    load_use(l, b, g);
}

void breaker_load_cluster(struct weir_load *l, void *conf, void *global)
{
    struct breaker *b = conf;
    b->cluster = weir_load_cluster_of(l);
    b->owner = weir_cluster_name(l, b->cluster);
    if (b->fallback.place.file && b->fallback.cluster == b->cluster)
        weir_fault(l, &b->fallback.place, "breaker.fallback.cluster is the cluster itself");
    load_use(l, b, global);
    make_limits(l, b);
    show_gauges(l, b);
}
