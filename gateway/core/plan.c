/* SPDX-License-Identifier: Apache-2.0 */
/* The making of a plan, in the order in which STEP_PLAN calls it. */
#include "core/plan.h"

#include "core/filter.h"
#include "core/forward.h"
#include "core/grpc.h"
#include "core/module/hooks.h"

uint64_t plan_timeout_ms(struct exchange *x)
{
    const struct route_conf *rc = x->route->conf;
    const uint64_t route_ms =
        rc->timeout == UINT64_MAX ? exchange_timeouts(x)->request : rc->timeout;
    if (!x->grpc)
        return route_ms;
    const uint64_t ms = grpc_timeout_bound(&x->request.fields, route_ms);
    x->plan.grpc_timeout = ms != route_ms;
    return ms;
}

void plan_begin(struct exchange *x)
{
    const struct route_conf *rc = x->route->conf;
    struct plan *p = &x->plan;
    p->body_size = rc->body_size == UINT64_MAX ? exchange_limits(x)->body_size : rc->body_size;
    p->timeout_ms = plan_timeout_ms(x);
    if (rc->action == ACTION_CLUSTER)
        p->cluster = &x->w->clusters[rc->cluster_index];
}

void plan_use_cluster(struct exchange *x)
{
    const struct chain *c = hooks_of_cluster(x);
    if (unlikely(c || x->chains[CHAIN_CLUSTER].chain))
        hooks_set(x, CHAIN_CLUSTER, c);
}

void plan_head(struct exchange *x)
{
    forward_request(x);
    /* Such an origin may refuse a request of any method. */
    if (x->plan.cluster->conf->protocol != PROTOCOL_H1 || x->moments & CHAIN_KEEPS)
        exchange_keep(x);
}

void plan_keep_head(struct exchange *x)
{
    struct plan *p = &x->plan;
    if (!p->for_any.cap && (hooks_any(x, MOMENT_RESULT) || hooks_any(x, MOMENT_UNAVAILABLE)))
        p->for_any = fields_copy(&p->fields, &x->arena);
}

/* The time began to run when the head was complete, if a hook had to be waited for. */
static void start_deadline(struct exchange *x)
{
    const uint64_t ms = x->plan.timeout_ms;
    if (likely(!timer_running(&x->deadline))) {
        if (ms)
            timer_start(x->w->loop, &x->deadline, ms);
        return;
    }
    const uint64_t passed = (x->w->loop->clock.mono_us - x->created_us) / 1000;
    timer_stop(&x->deadline);
    if (ms)
        timer_start(x->w->loop, &x->deadline, passed < ms ? ms - passed : 1);
}

void plan_end(struct exchange *x)
{
    if (unlikely(x->content))
        filter_inward_begin(x);
    start_deadline(x);
}

void plan_move(struct exchange *x, struct cluster *cl, const struct chain *choice)
{
    struct plan *p = &x->plan;
    p->cluster = cl;
    if (p->for_any.cap)
        p->fields = fields_copy(&p->for_any, &x->arena);
    if (choice || x->chains[CHAIN_CHOICE].chain)
        hooks_set(x, CHAIN_CHOICE, choice);
    plan_use_cluster(x);
}

bool plan_reserved(const struct exchange *x)
{
    return module_plan_reserves(x->w->g->modules, x->plan.cluster->conf->place.index,
                                x->plan.chosen_by);
}
