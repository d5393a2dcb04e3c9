/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/exchange.h>, "where to": the plan, as modules shape it. */
#include "core/module/module_api.h"

#include "core/hedge.h"

static bool is_cluster(const struct exchange *x, weir_cluster cluster)
{
    return cluster < x->w->g->config->clusters_n;
}

weir_cluster weir_cluster_of(const struct weir_exchange *x)
{
    const struct cluster *cl = exchange_of(x)->plan.cluster;
    return cl ? (weir_cluster)cl->conf->place.index : WEIR_NO_CLUSTER;
}

bool weir_cluster_set(struct weir_exchange *wx, weir_cluster cluster)
{
    struct exchange *x = exchange_of(wx);
    if (!is_moment(x, MOMENT_PLAN) || !is_cluster(x, cluster))
        return false;
    const struct plan before = x->plan;
    x->plan.cluster = &x->w->clusters[cluster];
    x->plan.chosen_by = x->hook->module;
    if (!plan_reserved(x))
        return true;
    x->plan = before;
    return false;
}

bool weir_cluster_chosen(const struct weir_exchange *x)
{
    return exchange_of(x)->plan.chosen_by != NULL;
}

enum weir_verdict weir_veto(struct weir_exchange *wx, const char *reason)
{
    struct exchange *x = exchange_of(wx);
    if (!is_moment(x, MOMENT_PICK))
        return WEIR_NEXT;
    if (reason)
        x->veto = reason;
    return WEIR_VETO;
}

const char *weir_veto_reason(const struct weir_exchange *x)
{
    return exchange_of(x)->veto;
}

bool weir_cluster_ready(const struct weir_exchange *wx, weir_cluster cluster)
{
    const struct exchange *x = exchange_of(wx);
    return is_cluster(x, cluster) && cluster_ready(&x->w->clusters[cluster]);
}

/* The chain takes the place of one that was chosen before; but not under the feet of its own hooks.
 */
void weir_chain_use(struct weir_exchange *wx, struct weir_chain *chain)
{
    struct exchange *x = exchange_of(wx);
    const struct module_chain *c = (const struct module_chain *)chain;
    if (!is_moment(x, MOMENT_PLAN))
        return;
    if (x->hooks_at.chain == CHAIN_CHOICE)
        hooks_mistake(x, "settings that were chosen can't choose others");
    else
        hooks_set(x, CHAIN_CHOICE, c ? c->built : NULL);
}

void weir_try_limits(struct weir_exchange *wx, uint64_t timeout_ms, uint64_t idle_ms)
{
    struct exchange *x = exchange_of(wx);
    if ((x->hook && x->moment == MOMENT_FORWARD) || is_moment(x, MOMENT_PLAN)) {
        x->plan.try_ms = timeout_ms;
        x->plan.try_idle_ms = idle_ms;
    }
}

void weir_hedge(struct weir_exchange *wx, uint64_t delay_ms)
{
    struct exchange *x = exchange_of(wx);
    if (is_moment(x, MOMENT_FORWARD))
        hedge_ask(x, delay_ms);
}

void weir_keep_request(struct weir_exchange *wx)
{
    struct exchange *x = exchange_of(wx);
    if (x->hook && x->moment == MOMENT_FORWARD)
        exchange_keep(x);
    else if (is_moment(x, MOMENT_PLAN))
        exchange_keep(x);
}
