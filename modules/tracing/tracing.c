/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: which one a request belongs to, what backends are told of it, and spans of what happened
 * here, which a collector of OpenTelemetry gets.
 *
 *     worker    request.c ── a record ──► queue.c (shared)
 *     control                             queue.c ──► export.c ── otlp.c ──► collector
 *
 * A use on a route turns it on there; all settings but the sampling stand under `modules`. It comes
 * before other modules, so that copies of requests (mirror) belong to the trace, too. */
#include <weir/module.h>

#include <stdlib.h>

#include "tracing/export.h"
#include "tracing/request.h"

static const char *const log_fields[] = {
    [TRACING_LOG_TRACE_ID] = "trace_id",
    [TRACING_LOG_SPAN_ID] = "span_id",
    [TRACING_LOG_SAMPLED] = "sampled",
    NULL,
};

static void *tracing_start(struct weir_process *p, const void *global)
{
    struct tracing_process *tp = calloc(1, sizeof *tp);
    if (!tp) {
        weir_log(WEIR_LOG_ERROR, "tracing_not_started", "no memory: traces are not continued");
        return NULL;
    }
    tp->p = p;
    tp->t = global;
    if (weir_is_control(p) && tp->t->queue)
        tp->exporter = exporter_new(tp);
    return tp;
}

static void tracing_stop(struct weir_process *p, void *local)
{
    struct tracing_process *tp = local;
    (void)p;
    if (tp)
        exporter_free(tp->exporter);
    free(tp);
}

static void tracing_tick(struct weir_process *p, void *local)
{
    const struct tracing_process *tp = local;
    (void)p;
    if (tp && tp->exporter)
        exporter_tick(tp->exporter);
}

/* -- a request --------------------------------------------------------------------------------- */

static bool is_on(const struct weir_use *u)
{
    const struct tracing_route *r = u->conf;
    const struct tracing *t = u->global;
    return u->local && (r ? r->enabled : t->unrouted);
}

static enum weir_verdict tracing_on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    if (is_on(u))
        traced_forward(x, u);
    return WEIR_NEXT;
}

static void tracing_on_attempt(struct weir_exchange *x, const struct weir_use *u,
                               struct weir_attempt *at)
{
    if (is_on(u))
        traced_attempt(x, u, at);
}

static void tracing_on_done(struct weir_exchange *x, const struct weir_use *u)
{
    if (is_on(u))
        traced_done(x, u);
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "tracing",
    .summary = "continues traces, and exports spans to OpenTelemetry's collector",
    .order = -30,
    .global = {.rows = tracing_rows, .size = sizeof(struct tracing)},
    .route = {.rows = tracing_route_rows, .size = sizeof(struct tracing_route)},
    .state_size = sizeof(struct traced),
    .unrouted = true,
    .log_fields = log_fields,
    .counters = tracing_counters,
    .load = tracing_load,
    .load_route = tracing_load_route,
    .start = tracing_start,
    .stop = tracing_stop,
    .tick = tracing_tick,
    .explain = tracing_explain,
    .on_forward = tracing_on_forward,
    .on_attempt = tracing_on_attempt,
    .on_done = tracing_on_done,
};
