/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps requests from a backend that would fail them, or that has enough to do:
 *
 *     breaker = { limits  = { max_requests = 200; max_pending = 100; };
 *                 circuit = { open_on = { error_rate = "50%"; }; open_for = "5s"; probes = 3; };
 *                 fallback = { cluster = "reviews-static"; }; };
 *
 * docs/breaker.md is the guide. Uses on a cluster (cluster.c) and on a route (route.c) have the
 * same struct, of which each fills its part. */
#include <stdlib.h>

#include "breaker/breaker.h"
#include "breaker/shared.h"

static const char *const log_fields[] = {
    [LOG_DECISION] = "decision", [LOG_STATE] = "state", [LOG_WAITED] = "waited_ms", NULL};

static bool is_cluster(const struct weir_use *u)
{
    return !((const struct breaker *)u->conf)->is_route;
}

/* -- hooks ----------------------------------------------------------------------------------- */

static enum weir_verdict on_plan(struct weir_exchange *x, const struct weir_use *u)
{
    return is_cluster(u) ? WEIR_NEXT : breaker_route_plan(x, u);
}

static enum weir_verdict on_enter(struct weir_exchange *x, const struct weir_use *u)
{
    return breaker_cluster_enter(x, u);
}

static enum weir_verdict on_pick(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_endpoint *ep)
{
    return is_cluster(u) ? breaker_cluster_pick(x, u, ep) : WEIR_NEXT;
}

static void on_unpick(struct weir_exchange *x, const struct weir_use *u,
                      const struct weir_endpoint *ep)
{
    (void)x, (void)ep;
    if (is_cluster(u))
        breaker_cluster_unpick(u);
}

static void on_attempt(struct weir_exchange *x, const struct weir_use *u, struct weir_attempt *at)
{
    if (is_cluster(u))
        breaker_cluster_attempt(x, u, at);
}

static enum weir_verdict on_unavailable(struct weir_exchange *x, const struct weir_use *u)
{
    return is_cluster(u) ? breaker_cluster_unavailable(x, u) : WEIR_NEXT;
}

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    if (is_cluster(u))
        breaker_cluster_result(x, u, at);
    return WEIR_NEXT;
}

static void on_end(struct weir_exchange *x, const struct weir_use *u, const struct weir_attempt *at)
{
    if (is_cluster(u))
        breaker_cluster_end(x, u, at);
    else
        breaker_route_end(x, u, at);
}

static void on_response(struct weir_exchange *x, const struct weir_use *u)
{
    if (!is_cluster(u))
        breaker_route_response(x, u);
}

static void on_done(struct weir_exchange *x, const struct weir_use *u)
{
    if (is_cluster(u))
        breaker_cluster_done(u);
    else
        breaker_route_done(x, u);
}

/* -- processes ------------------------------------------------------------------------------- */

static void sit_down(struct breaker_local *local)
{
    for (const struct breaker *b = local->global->first; b; b = b->next) {
        local->columns[b->index] = LIMITS_NONE;
        if (!b->gauges || weir_is_control(local->process))
            continue;
        local->columns[b->index] = limits_sit(b->gauges);
        if (local->columns[b->index] == LIMITS_NONE)
            weir_log(
                WEIR_LOG_ERROR, "breaker_unlimited",
                "cluster %.*s: over %d processes count its requests; those of this one are not "
                "limited",
                (int)b->owner.n, b->owner.p, LIMITS_COLUMNS);
    }
}

static void *start(struct weir_process *p, const void *global)
{
    const struct breaker_global *g = global;
    struct breaker_local *local = calloc(1, sizeof *local);
    int *columns = calloc(g->n + 1, sizeof *columns);
    struct waiters *waiters = calloc((size_t)g->n * LIMITS_CLASSES + 1, sizeof *waiters);
    if (!local || !columns || !waiters) {
        free(local);
        free(columns);
        free(waiters);
        return NULL;
    }
    *local = (struct breaker_local){.global = g,
                                    .process = p,
                                    .columns = columns,
                                    .waiters = waiters,
                                    .timer = {.fn = breaker_on_timer}};
    sit_down(local);
    return local;
}

static void stop(struct weir_process *p, void *opaque)
{
    struct breaker_local *local = opaque;
    (void)p;
    if (!local)
        return;
    weir_timer_stop(&local->timer);
    shared_end(local);
    for (const struct breaker *b = local->global->first; b; b = b->next)
        if (b->gauges)
            limits_leave(b->gauges, local->columns[b->index]);
    free(local->columns);
    free(local->waiters);
    free(local);
}

/* -- the control process --------------------------------------------------------------------- */

void breaker_pass_time(struct weir_process *p, const struct breaker *b, struct weir_slice endpoint,
                       const struct circuit *c)
{
    struct circuit_event event;
    if (!breaker_is_on(b))
        return;
    circuit_tick(*c, breaker_clock(p), &event);
    breaker_report(p, b, endpoint, &event);
}

static uint32_t pass(struct weir_process *p, const struct breaker *b, struct weir_slice endpoint,
                     const struct circuit *c)
{
    breaker_pass_time(p, b, endpoint, c);
    return breaker_state_number(machine_look(c->machine).state);
}

/* What time brings to its circuits; what the worst of them is then. */
static uint32_t pass_all(struct weir_process *p, const struct breaker *b)
{
    static const struct weir_slice nobody = {NULL, 0};
    struct weir_endpoint_info e;
    struct circuit c;
    uint32_t worst = 0;
    if (!b->per_endpoint)
        return breaker_circuit_at(b, WEIR_NO_SLOT, &c) ? pass(p, b, nobody, &c) : 0;
    for (size_t at = 0; weir_endpoint_each(p, b->cluster, &at, &e);) {
        const uint32_t one = breaker_circuit_at(b, e.slot, &c) ? pass(p, b, e.name, &c) : 0;
        worst = one > worst ? one : worst;
    }
    if (b->worst)
        atomic_store(b->worst, worst);
    return worst;
}

/* Workers say at once when a circuit opens; that all is well again is said here. And what is due is
 * done here where no request comes to do it. */
static void tick(struct weir_process *p, void *opaque)
{
    struct breaker_local *local = opaque;
    if (local)
        shared_tick(local);
    for (const struct breaker *b = local ? local->global->first : NULL; b; b = b->next) {
        if (b->gauges)
            limits_mend(b->gauges);
        const uint32_t worst = b->has_circuit ? pass_all(p, b) : 0;
        if (b->has_circuit && !b->is_route)
            weir_cluster_trouble_set(p, b->cluster, worst != 0 && breaker_is_on(b));
    }
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "breaker",
    .summary = "limits what a cluster has in hand, and refuses what would fail",
    .order = -15, /* after who checks identities, before who chooses among clusters */
    .global = {.rows = breaker_global_rows, .size = sizeof(struct breaker_global)},
    .route = {.rows = breaker_route_rows, .size = sizeof(struct breaker)},
    .cluster = {.rows = breaker_cluster_rows, .size = sizeof(struct breaker)},
    .state_size = sizeof(struct breaker_state),
    .log_fields = log_fields,
    .counters = breaker_all_counters,
    .gauges = breaker_gauges,
    .commands = breaker_commands,
    .explain = breaker_explain,
    .load = breaker_load,
    .load_route = breaker_load_route,
    .load_cluster = breaker_load_cluster,
    .start = start,
    .stop = stop,
    .tick = tick,
    .on_plan = on_plan,
    .on_enter = on_enter,
    .on_pick = on_pick,
    .on_unpick = on_unpick,
    .on_attempt = on_attempt,
    .on_unavailable = on_unavailable,
    .on_result = on_result,
    .on_response = on_response,
    .on_end = on_end,
    .on_done = on_done,
};
