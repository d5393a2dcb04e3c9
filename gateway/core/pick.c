/* SPDX-License-Identifier: Apache-2.0 */
/* The picking of endpoints: what the exchange adds to the balancer's choice. */
#include "core/pick.h"

#include "core/module/hooks.h"
#include "core/pick_key.h"

static bool is_tried(void *ctx, const struct endpoint *ep)
{
    const struct exchange *x = ctx;
    list_each (node, &x->attempts) {
        const struct attempt *at = list_entry(node, const struct attempt, node);
        if (at->cluster == ep->cluster && at->row == ep->row)
            return true;
    }
    return false;
}

static bool ask_hooks(void *ctx, const struct endpoint *ep)
{
    return !hooks_asks(ctx, ep) || hooks_pick(ctx, ep);
}

static bool ask_for_another(void *ctx, const struct endpoint *ep)
{
    return !is_tried(ctx, ep) && ask_hooks(ctx, ep);
}

static struct endpoint *pick(struct exchange *x, struct pick_how *how, bool *vetoed)
{
    how->ctx = x;
    how->hashed = pick_key(x, &how->hash);
    return cluster_pick_how(x->plan.cluster, &x->w->random, how, vetoed);
}

/* As a rule the balancer is asked alone; only when what it gives is guarded and vetoed, or is to be
 * asked about in any case, conditions come in. */
struct endpoint *pick_endpoint(struct exchange *x, bool *vetoed)
{
    x->veto = NULL;
    *vetoed = false;
    if (unlikely(x->plan.only))
        return x->plan.only;
    if (likely(!hooks_any(x, MOMENT_PICK) && !x->retried && !x->plan.cluster->conf->hash.by)) {
        struct endpoint *ep = cluster_pick(x->plan.cluster, &x->w->random);
        if (likely(!ep || ask_hooks(x, ep)))
            return ep;
    }
    struct pick_how how = {.ask = ask_hooks, .tried = x->retried ? is_tried : NULL};
    return pick(x, &how, vetoed);
}

struct endpoint *pick_another(struct exchange *x)
{
    bool vetoed;
    struct pick_how how = {.ask = ask_for_another};
    return pick(x, &how, &vetoed);
}
