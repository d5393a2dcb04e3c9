/* SPDX-License-Identifier: Apache-2.0 */
/* Hedging: the second attempt's life beside the first. */
#include "core/hedge.h"

#include "core/cluster/endpoint_cell.h"
#include "core/exchange.h"
#include "core/module/hooks.h"
#include "core/pick.h"
#include "core/relay.h"
#include "core/retry.h"
#include "core/stats/stats.h"

static void on_due(struct timer *t)
{
    struct hedge *h = container_of(t, struct hedge, timer);
    h->due = true;
    exchange_wake(h->x);
}

void hedge_ask(struct exchange *x, uint64_t delay_ms)
{
    if (x->shadow || x->attempt)
        return;
    if (!x->hedge) {
        x->hedge = ARENA_NEW(&x->arena, struct hedge);
        x->hedge->x = x;
        timer_init(&x->hedge->timer, on_due);
        bytes_init(&x->hedge->content, &x->w->loop->stock);
    }
    x->hedge->delay_ms = delay_ms;
}

void hedge_begin(struct exchange *x)
{
    struct hedge *h = x->hedge;
    if (h->second)
        return;
    h->due = false;
    timer_start(x->w->loop, &h->timer, h->delay_ms ? h->delay_ms : 1);
}

static bool has_come(const struct attempt *at)
{
    return at->headed || at->why;
}

static struct traffic_stats *counts_of_route(struct exchange *x)
{
    return x->route ? x->w->stats->routes[x->route->index] : x->w->stats->unrouted;
}

/* A breaker of the cluster is not closed. */
static bool is_troubled(const struct exchange *x)
{
    struct cluster_shared *const *shared = x->w->g->shared;
    return shared && atomic_load(&shared[x->plan.cluster->conf->place.index]->trouble);
}

/* Content may only be sent twice when it is whole, and what was sent may be repeated. */
static bool is_possible(const struct exchange *x)
{
    return !x->why && !x->head_sent && x->request_done && (x->kept_all || x->bytes_in == 0) &&
           method_is_idempotent(x->request.method_id) && !x->plan.upgrade.n &&
           !is_troubled(x);
}

static void start_second(struct exchange *x)
{
    struct hedge *h = x->hedge;
    struct attempt *const first = x->attempt;
    if (!is_possible(x))
        return;
    if (!retry_budget_take(x, x->plan.cluster, BUDGET_HEDGE)) {
        counts_of_route(x)->hedges_refused++;
        return;
    }
    /* First what may fail: an endpoint that hooks have agreed to gets its attempt. */
    struct endpoint *ep = bytes_share(&h->content, &x->kept) ? pick_another(x) : NULL;
    if (!ep) {
        budget_give_back(x->w->g->budgets[x->plan.cluster->conf->place.index], BUDGET_HEDGE,
                         x->w->loop->clock.mono_us);
        return;
    }
    h->rival = h->second = attempt_start(x, ep, false);
    h->second->content = &h->content;
    x->attempt = first;
    x->retried = true;
    counts_of_route(x)->hedges++;
}

void hedge_turn(struct exchange *x)
{
    struct hedge *h = x->hedge;
    if (h->due && !has_come(x->attempt)) {
        h->due = false;
        start_second(x);
    }
    if (!h->rival)
        return;
    relay_inward(x, h->rival);
    if (has_come(x->attempt) || !has_come(h->rival))
        return;
    struct attempt *const other = x->attempt;
    x->attempt = h->rival;
    h->rival = other;
}

bool hedge_fall_back(struct exchange *x)
{
    struct hedge *h = x->hedge;
    if (!h || !h->rival)
        return false;
    retry_forget(x);
    retry_hold(x);
    x->attempt = h->rival;
    h->rival = NULL;
    return true;
}

void hedge_win(struct exchange *x)
{
    if (x->attempt == x->hedge->second)
        counts_of_route(x)->hedges_won++;
    hedge_settle(x);
}

void hedge_settle(struct exchange *x)
{
    struct hedge *h = x->hedge;
    struct attempt *const lost = h->rival;
    timer_stop(&h->timer);
    h->due = false;
    if (!lost)
        return;
    h->rival = NULL;
    attempt_lose(lost);
    if (!lost->judged && hooks_judge(x, lost)) {
        attempt_judge(lost);
        hooks_result(x, lost);
    }
    bytes_clear(&lost->body);
}

void hedge_free(struct exchange *x)
{
    timer_stop(&x->hedge->timer);
    bytes_clear(&x->hedge->content);
}
