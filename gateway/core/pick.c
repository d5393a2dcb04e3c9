/* SPDX-License-Identifier: Apache-2.0 */
/* The picking of endpoints. */
#include "core/pick.h"

#include "core/hooks.h"

struct asking {
    struct exchange *x;
    bool new_only;    /* only endpoints that were not tried yet */
    bool passed_over; /* one was tried already */
};

static bool is_tried(const struct exchange *x, const struct endpoint *ep)
{
    list_each (node, &x->attempts) {
        const struct attempt *at = list_entry(node, const struct attempt, node);
        if (at->cluster == ep->cluster && at->row == ep->row)
            return true;
    }
    return false;
}

static bool on_ask(void *ctx, const struct endpoint *ep)
{
    struct asking *a = ctx;
    if (a->new_only && is_tried(a->x, ep)) {
        a->passed_over = true;
        return false;
    }
    return !hooks_pick_any(a->x) || hooks_pick(a->x, ep);
}

static struct endpoint *ask(struct asking *a, bool *vetoed)
{
    return cluster_pick_if(a->x->plan.cluster, &a->x->w->random, on_ask, a, vetoed);
}

struct endpoint *pick_endpoint(struct exchange *x, bool *vetoed)
{
    struct asking a = {.x = x, .new_only = x->retried};
    x->veto = NULL;
    *vetoed = false;
    if (likely(!a.new_only && !hooks_pick_any(x)))
        return cluster_pick(x->plan.cluster, &x->w->random);
    struct endpoint *ep = ask(&a, vetoed);
    if (ep || !a.passed_over)
        return ep;
    a.new_only = false;
    return ask(&a, vetoed);
}

struct endpoint *pick_another(struct exchange *x)
{
    bool vetoed;
    struct asking a = {.x = x, .new_only = true};
    return ask(&a, &vetoed);
}
