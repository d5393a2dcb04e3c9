/* SPDX-License-Identifier: Apache-2.0 */
/* The relay: called by the steps whenever something may have changed; it moves what can be moved
 * and says nothing about what should happen next. Bytes are not copied: slices change queues. */
#include "core/relay.h"

#include "core/attempt_fault.h"
#include "core/exchange.h"
#include "core/filter.h"

static bool has_room_again(const struct limits *l, size_t queued)
{
    return queued <= l->queue / 2;
}

static void end_request(struct exchange *x, struct attempt *at)
{
    const uint64_t head_ms = attempt_head_ms(
        at, attempt_ms(at->cluster->conf->timeouts.response_head, x->plan.try_idle_ms));
    at->request_sent = true;
    at->sent_us = x->w->loop->clock.mono_us;
    at->ops->send_end(at, &x->trailers);
    if (head_ms && !at->headed && at->origin)
        timer_start(x->w->loop, &at->timer, head_ms);
}

/* Before the response begins, an origin that takes nothing of what waits for it is timed here: the
 * client isn't, since it was told to pause, and the whole request may have no limit. */
static void send_content(struct exchange *x, struct attempt *at)
{
    const uint64_t idle_ms = attempt_ms(at->cluster->conf->timeouts.body_idle, x->plan.try_idle_ms);
    const size_t before = at->content->n;
    if (before)
        at->ops->send_body(at, at->content);
    if (at->headed || at->request_sent || !at->origin)
        return;
    if (at->content->n == 0)
        timer_stop(&at->timer);
    else if (idle_ms && (at->content->n < before || !timer_running(&at->timer)))
        timer_start(x->w->loop, &at->timer, idle_ms);
}

void relay_inward(struct exchange *x, struct attempt *at)
{
    const uint64_t most = x->plan.body_size;
    if (most && !x->tunnel && x->bytes_in > most) {
        exchange_blame(x, WHY_BODY_TOO_LARGE, NULL);
        return;
    }
    attempt_time(at);
    if (!at->opened || !at->origin)
        return;
    send_content(x, at);
    if (x->body_paused && has_room_again(exchange_limits(x), x->inward.n)) {
        x->body_paused = false;
        x->client_ops->resume(x);
    }
    if (x->request_done && at->content->n == 0 && !at->request_sent && at->origin)
        end_request(x, at);
}

static size_t send_outward(struct exchange *x, struct bytes *from)
{
    const size_t before = from->n;
    if (before)
        x->client_ops->send_body(x, from);
    x->bytes_out += before - from->n;
    return before - from->n;
}

/* As long as filters give something and the client takes it: what waits before them is nobody's to
 * wake us for. */
static void send_filtered(struct exchange *x, struct attempt *at, size_t limit)
{
    struct bytes *from;
    do
        from = filter_outward(x, at, limit);
    while (from && send_outward(x, from));
    if (!from)
        send_outward(x, &at->body);
}

void relay_outward(struct exchange *x, struct attempt *at)
{
    const struct limits *of_cluster = &at->cluster->conf->limits;
    if (unlikely(x->content))
        send_filtered(x, at, of_cluster->queue);
    else
        send_outward(x, &at->body);
    if (at->paused && at->origin && has_room_again(of_cluster, attempt_queued(at)))
        attempt_resume(at);
}

void relay_own(struct exchange *x)
{
    send_outward(x, &x->own);
}

void relay_interims(struct exchange *x, struct attempt *at)
{
    for (; at->interims; at->interims = at->interims->next)
        if (x->request.minor >= 1) /* RFC 9110 15.2: not to an HTTP/1.0 client */
            x->client_ops->send_interim(x, at->interims->status, &at->interims->fields);
}

/* Does nothing that came of the response wait for the client? */
static bool has_taken_all(const struct exchange *x, const struct attempt *at)
{
    bool ended;
    return unlikely(x->content) ? filter_left(x, at, &ended) == 0 : at->body.n == 0;
}

/* The origin is timed only while it is the one that is waited for: not while the client takes
 * nothing of what has come. */
void relay_watch(struct exchange *x, struct attempt *at)
{
    const struct timeouts *t = &at->cluster->conf->timeouts;
    const uint64_t idle_ms =
        x->tunnel ? t->tunnel_idle : attempt_ms(t->body_idle, x->plan.try_idle_ms);
    if (idle_ms && at->origin && (x->tunnel || has_taken_all(x, at)))
        timer_start(x->w->loop, &at->timer, idle_ms);
    else
        timer_stop(&at->timer);
}
