/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts: started by the core, told about by the origin's protocol. Each attempt_on_*() writes
 * down one fact and wakes the exchange; the steps decide.
 *
 * An attempt has one timer. What it means follows from how far the attempt has come: connecting,
 * waiting for the head, or waiting for the next piece of content. */
#include "core/attempt.h"

#include "core/attempt_fault.h"
#include "core/budget.h"
#include "core/cluster/endpoint_word.h"
#include "core/exchange.h"
#include "core/module/hooks.h"
#include "core/stats/stats.h"

/* Less than the time that a backend, or what is before it, leaves to who reads nothing. */
enum { HELD_UP_US = 1000000 };

static void start_limit(struct attempt *at);
static void on_timer(struct timer *t);

static uint64_t now_us(const struct attempt *at)
{
    return at->x->w->loop->clock.mono_us;
}

struct attempt *attempt_start(struct exchange *x, struct endpoint *ep, bool fresh)
{
    struct worker *w = x->w;
    struct attempt *at = ARENA_NEW(&x->arena, struct attempt);
    at->x = x;
    at->endpoint = ep;
    at->cluster = ep->cluster;
    at->row = ep->row;
    at->fields = &x->plan.fields;
    at->content = &x->inward;
    at->endpoint_name = arena_dup(&x->arena, slice_str(ep->name));
    at->slot = ep->slot;
    at->number = ++x->attempts_n;
    at->fresh = fresh;
    at->started_us = w->loop->clock.mono_us;
    at->ops = w->origin_ops;
    at->refusable = ep->protocol != PROTOCOL_H1;
    bytes_init(&at->body, &w->loop->stock);
    timer_init(&at->timer, on_timer);
    list_init(&at->node);
    list_push(&x->attempts, &at->node);
    x->attempt = at;
    if (unlikely(w->tallies) && at->number == 1 && !x->plan.only) {
        const size_t cluster = ep->cluster->conf->place.index;
        budget_first(w->g->budgets[cluster], &w->tallies[cluster], at->started_us);
    }
    endpoint_acquire(ep);
    ep->stats->attempts++;
    ep->stats->active++;
    if (hooks_any(x, MOMENT_ATTEMPT))
        hooks_attempt(x, at);
    if (unlikely(x->plan.try_ms))
        start_limit(at);
    if (likely(!at->fault) || !attempt_fault_open(at))
        attempt_open(at);
    return at;
}

static void on_limit(struct timer *t)
{
    struct attempt *at = container_of(t, struct try_timer, timer)->at;
    if (at->origin)
        at->ops->cancel(at);
    attempt_on_fail(at, WHY_TIMEOUT_TRY, NULL);
}

static void start_limit(struct attempt *at)
{
    at->limit = ARENA_NEW(&at->x->arena, struct try_timer);
    at->limit->at = at;
    timer_init(&at->limit->timer, on_limit);
    attempt_time(at);
}

/* Is it the origin that is waited for? Not while the client still sends, unless it waits itself to be
 * told to go on (RFC 9110 10.1.1). */
static bool is_waited_for(const struct attempt *at)
{
    const struct exchange *x = at->x;
    return x->request_done || (x->plan.expect_continue && !at->answered && x->bytes_in == 0);
}

void attempt_time(struct attempt *at)
{
    if (likely(!at->limit) || !at->endpoint || at->headed)
        return;
    struct timer *const t = &at->limit->timer;
    if (!is_waited_for(at))
        timer_stop(t);
    else if (!timer_running(t))
        timer_start(at->x->w->loop, t, at->x->plan.try_ms);
}

void attempt_open(struct attempt *at)
{
    const uint64_t connect_ms =
        attempt_ms(at->endpoint->cluster->conf->timeouts.connect, at->x->plan.try_idle_ms);
    switch (at->ops->open(at)) {
    case ORIGIN_KEPT:
        at->opened = at->reused = true;
        at->opened_us = now_us(at);
        at->endpoint->stats->reused++;
        break;
    case ORIGIN_PENDING:
        if (connect_ms)
            timer_start(at->x->w->loop, &at->timer, connect_ms);
        break;
    case ORIGIN_REFUSED:
        attempt_on_fail(at, WHY_OVERLOAD, "origin");
        break;
    case ORIGIN_FULL:
        attempt_on_fail(at, WHY_CONNECTIONS, NULL);
        break;
    }
}

struct fields *attempt_own_head(struct attempt *at)
{
    struct exchange *x = at->x;
    if (at->fields == &x->plan.fields) {
        at->fields = ARENA_NEW(&x->arena, struct fields);
        *at->fields = fields_copy(&x->plan.fields, &x->arena);
    }
    return at->fields;
}

/* A kept connection that is closed before anything has come was stale, as a rule. */
static bool may_be_stale(const struct attempt *at)
{
    return at->reused && !at->answered && why_facts(at->why)->again == AGAIN_STALE;
}

static enum took what_it_took(const struct attempt *at)
{
    if (at->lost || (!at->headed && !at->why) || may_be_stale(at))
        return TOOK_LONGER;
    if (at->why)
        return TOOK_TO_FAIL;
    return at->head.status >= 500 ? TOOK_TO_ERR : TOOK_WELL;
}

static void count_end(struct attempt *at)
{
    struct endpoint_stats *es = at->endpoint->stats;
    es->active--;
    if (unlikely(at->injected) && attempt_fault_is_cause(at))
        return;
    es->status[status_class(at->headed ? at->head.status : 0)]++;
    if ((at->why || !at->ended) && !at->lost)
        es->failures++;
    histogram_add(&es->latency, at->x->w->stats->bounds, now_us(at) - at->started_us);
    endpoint_took(at->endpoint, (at->headed_us ? at->headed_us : now_us(at)) - at->started_us,
                  what_it_took(at));
}

/* The endpoint is given back exactly once, when the attempt has ended one way or another. */
static void release(struct attempt *at)
{
    timer_stop(&at->timer);
    if (unlikely(at->limit))
        timer_stop(&at->limit->timer);
    if (unlikely(at->fault))
        attempt_fault_stop(at);
    at->origin = NULL;
    if (!at->endpoint)
        return;
    at->done_us = now_us(at);
    count_end(at);
    endpoint_release(at->endpoint);
    at->endpoint = NULL;
}

enum why attempt_why(const struct attempt *at)
{
    return at->why || at->headed ? at->why : at->x->why;
}

void attempt_cancel(struct attempt *at)
{
    if (at->origin)
        at->ops->cancel(at);
    release(at);
}

void attempt_lose(struct attempt *at)
{
    at->lost = true;
    if (!at->why)
        at->why = WHY_HEDGE_LOST;
    attempt_cancel(at);
}

static void on_timer(struct timer *t)
{
    struct attempt *at = container_of(t, struct attempt, timer);
    enum why why = WHY_TIMEOUT_CONNECT;
    if (at->x->tunnel)
        why = WHY_TIMEOUT_TUNNEL;
    else if (at->headed)
        why = WHY_TIMEOUT_RESPONSE_BODY;
    else if (at->opened || (unlikely(at->fault) && attempt_fault_delays(at)))
        why = WHY_TIMEOUT_RESPONSE_HEAD;
    if (at->origin)
        at->ops->cancel(at);
    attempt_on_fail(at, why, NULL);
}

/* -- what origins tell ------------------------------------------------------------------------- */

void attempt_on_open(struct attempt *at)
{
    at->opened = true;
    at->opened_us = now_us(at);
    timer_stop(&at->timer);
    exchange_wake(at->x);
}

void attempt_on_interim(struct attempt *at, const struct response_head *h, struct slice raw)
{
    struct response_head kept = *h;
    head_keep_response(&kept, raw, &at->x->arena, 0);
    struct interim *in = ARENA_NEW(&at->x->arena, struct interim);
    in->status = kept.status;
    in->fields = kept.fields;
    struct interim **last = &at->interims;
    while (*last)
        last = &(*last)->next;
    *last = in;
    at->answered = true;
    exchange_wake(at->x);
}

void attempt_on_head(struct attempt *at, const struct response_head *h, struct slice raw)
{
    timer_stop(&at->timer);
    if (unlikely(at->limit))
        timer_stop(&at->limit->timer);
    at->head = *h;
    head_keep_response(&at->head, raw, &at->x->arena, 0);
    if (unlikely(at->cluster->conf->health.header.n) && !at->cluster->checks)
        endpoint_word_hear(at, &at->cluster->conf->health);
    at->headed = at->answered = true;
    at->headed_us = now_us(at);
    exchange_wake(at->x);
}

void attempt_on_body(struct attempt *at, struct block *b, struct slice s)
{
    at->bytes_received += s.n;
    if (unlikely(at->fault) && attempt_fault_body(at, b, s))
        return;
    if (!bytes_append(&at->body, b, s)) {
        if (at->origin)
            at->ops->cancel(at);
        attempt_on_fail(at, WHY_OVERLOAD, "blocks");
        return;
    }
    exchange_wake(at->x);
}

void attempt_on_end(struct attempt *at, const struct fields *trailers)
{
    if (unlikely(at->fault) && attempt_fault_end(at, trailers))
        return;
    at->ended = true;
    at->ended_us = now_us(at);
    if (trailers)
        at->trailers = *trailers;
    if (at->head.body != BODY_TUNNEL) /* our direction may go on; the exchange may not know yet */
        release(at);
    exchange_wake(at->x);
}

static void end_pause(struct attempt *at)
{
    at->held_up = at->held_up || now_us(at) - at->paused_us >= HELD_UP_US;
    at->paused = false;
}

void attempt_resume(struct attempt *at)
{
    end_pause(at);
    at->ops->resume(at);
}

/* Has the origin waited for content that the client keeps back? */
static bool is_starved(const struct attempt *at)
{
    const struct exchange *x = at->x;
    const uint64_t since_us = x->body_us > at->opened_us ? x->body_us : at->opened_us;
    return at->opened && !x->request_done && !at->content->n &&
           now_us(at) - since_us >= HELD_UP_US;
}

void attempt_on_fail(struct attempt *at, enum why why, const char *detail)
{
    if (at->paused)
        end_pause(at);
    at->starved = is_starved(at);
    if (!at->why) {
        at->why = why;
        at->detail = detail;
    }
    if (unlikely(at->fault))
        attempt_fault_let_go(at);
    release(at);
    exchange_wake(at->x);
}

void attempt_on_room(struct attempt *at)
{
    exchange_wake(at->x);
}

bool attempt_wants_pause(struct attempt *at)
{
    if (attempt_queued(at) < at->cluster->conf->limits.queue)
        return false;
    at->paused = true;
    at->paused_us = now_us(at);
    return true;
}
