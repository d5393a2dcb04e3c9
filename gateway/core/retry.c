/* SPDX-License-Identifier: Apache-2.0 */
/* Retries: whether one is possible is decided when a hook asks, so that it hears the answer; it
 * begins when all hooks have heard of the attempt. */
#include "core/retry.h"

#include "core/exchange.h"
#include "core/hedge.h"
#include "core/module/hooks.h"
#include "core/stats/stats.h"

static void on_time(struct timer *t)
{
    exchange_wake(container_of(t, struct retry, timer)->x);
}

static struct retry *retry_of(struct exchange *x)
{
    if (!x->retry) {
        x->retry = ARENA_NEW(&x->arena, struct retry);
        x->retry->x = x;
        timer_init(&x->retry->timer, on_time);
    }
    return x->retry;
}

static bool filters(const struct chain *c)
{
    return c && c->moments >> MOMENT_CONTENT & 1;
}

/* Content that a cluster's modules have filtered, or were to filter, can't be that of another one;
 * nor what modules have that were chosen with it. */
static bool content_bound(const struct exchange *x, const struct retry_request *r)
{
    const struct module_plan *m = x->w->g->modules;
    if (r->cluster == x->plan.cluster || !m || !m->clusters)
        return false;
    return filters(m->clusters[x->plan.cluster->conf->place.index]) ||
           filters(m->clusters[r->cluster->conf->place.index]) || filters(r->chain) ||
           filters(x->chains[CHAIN_CHOICE].chain);
}

/* Would the request's time be up before the attempt could begin? */
static bool comes_too_late(const struct exchange *x, uint64_t delay_ms)
{
    const uint64_t now_ms = x->w->loop->clock.mono_us / 1000;
    return timer_running(&x->deadline) && now_ms + delay_ms >= x->deadline.due_ms;
}

/* A second attempt runs anyway (core/hedge.h): it needs nobody else, and costs no more. */
static bool is_under_way(const struct exchange *x)
{
    return x->hedge && x->hedge->rival;
}

/* What is in the way: a word of weir_retry_refused(); NULL: nothing. */
static const char *obstacle(const struct exchange *x, const struct retry_request *r)
{
    const bool whole = x->kept_all || (x->request_done && x->bytes_in == 0);
    if (x->why || x->head_sent)
        return "over";
    if (retry_wanted(x->retry))
        return "taken";
    if (!r->unsafe && !method_is_idempotent(x->request.method_id))
        return "method";
    if (!whole || content_bound(x, r))
        return "content";
    if (comes_too_late(x, r->delay_ms))
        return "time";
    return is_under_way(x) || cluster_ready(r->cluster) ? NULL : "no_endpoint";
}

bool retry_budget_take(struct exchange *x, const struct cluster *to, enum budget_kind kind)
{
    const size_t index = to->conf->place.index;
    struct budget *b = x->w->g->budgets[index];
    if (x->w->tallies)
        budget_flush(b, &x->w->tallies[index]);
    const uint64_t now_us = x->w->loop->clock.mono_us;
    if (kind == BUDGET_HEDGE)
        return budget_take(b, kind, &to->conf->hedge_budget, NULL, now_us);
    return budget_take(b, kind, &to->conf->retry_budget, x->w->g->elsewheres[index], now_us);
}

static bool has_budget(struct exchange *x, const struct cluster *to)
{
    const size_t index = to->conf->place.index;
    if (is_under_way(x) || retry_budget_take(x, to, BUDGET_RETRY))
        return true;
    x->w->stats->clusters[index]->retries_refused++;
    if (x->route)
        x->w->stats->routes[x->route->index]->retries_refused++;
    return false;
}

static void arrange(struct exchange *x, struct retry *re, const struct retry_request *r)
{
    re->wanted = true;
    re->cluster = r->cluster;
    re->chain = r->chain;
    re->by = x->hook->module;
    re->delay_ms = r->delay_ms;
}

bool retry_ask(struct exchange *x, const struct retry_request *r)
{
    x->retry_refused = obstacle(x, r);
    if (!x->retry_refused && !has_budget(x, r->cluster))
        x->retry_refused = "budget";
    if (x->retry_refused)
        return false;
    arrange(x, retry_of(x), r);
    return true;
}

bool retry_rescue(struct exchange *x, struct cluster *to, const struct chain *chain)
{
    enum { RESCUES_MAX = 4 };
    const struct retry_request r = {.cluster = to, .chain = chain};
    const bool whole = !x->attempt || x->kept_all || (x->request_done && x->bytes_in == 0);
    if (x->why || x->head_sent || to == x->plan.cluster || !whole || content_bound(x, &r) ||
        retry_wanted(x->retry) || !cluster_ready(to))
        return false;
    struct retry *re = retry_of(x);
    if (re->rescues == RESCUES_MAX)
        return false;
    re->rescues++;
    arrange(x, re, &r);
    return true;
}

void retry_forget(struct exchange *x)
{
    if (x->retry)
        x->retry->wanted = false;
}

bool retry_rewind(struct exchange *x)
{
    bytes_clear(&x->inward);
    return bytes_share(&x->inward, &x->kept);
}

static void let_go(struct attempt *at)
{
    attempt_cancel(at);
    bytes_clear(&at->body);
}

void retry_drop_held(struct exchange *x)
{
    if (x->retry->held)
        let_go(x->retry->held);
    x->retry->held = NULL;
}

void retry_hold(struct exchange *x)
{
    struct attempt *at = x->attempt;
    if (x->retry && x->retry->held == at)
        return; /* its successor couldn't start, and this is the successor of that */
    if (!at->headed || at->why || at->head.body == BODY_TUNNEL) {
        let_go(at);
        return;
    }
    struct retry *r = retry_of(x);
    retry_drop_held(x);
    r->held = at;
    r->held_choice = x->chains[CHAIN_CHOICE].chain;
}

/* What has broken meanwhile is no whole answer any more. */
bool retry_take_held(struct exchange *x)
{
    struct retry *r = x->retry;
    struct attempt *at = r ? r->held : NULL;
    if (!at || at->why)
        return false;
    r->held = NULL;
    if (at->cluster != x->plan.cluster)
        plan_move(x, at->cluster, r->held_choice);
    x->attempt = at;
    return true;
}

bool retry_begin(struct exchange *x)
{
    struct retry *r = x->retry;
    r->wanted = false;
    if (x->attempt) {
        retry_hold(x);
        x->retried = true;
        if (!retry_rewind(x))
            return false;
    }
    r->moved = r->cluster != x->plan.cluster;
    if (r->moved) {
        x->plan.chosen_by = r->by;
        plan_move(x, r->cluster, r->chain);
    }
    if (r->delay_ms)
        timer_start(x->w->loop, &r->timer, r->delay_ms);
    return true;
}

void retry_stop(struct exchange *x)
{
    timer_stop(&x->retry->timer);
    retry_drop_held(x);
}
