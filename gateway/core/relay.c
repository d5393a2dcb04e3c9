/* SPDX-License-Identifier: Apache-2.0 */
/* The relay: called by the steps whenever something may have changed; it moves what can be moved
 * and says nothing about what should happen next. Bytes are not copied: slices change queues. */
#include "core/relay.h"

#include "core/exchange.h"

static bool has_room_again(const struct limits *l, size_t queued)
{
    return queued <= l->queue / 2;
}

static void end_request(struct exchange *x, struct attempt *at)
{
    const uint64_t head_ms = x->plan.cluster->conf->timeouts.response_head;
    at->request_sent = true;
    at->ops->send_end(at, &x->trailers);
    if (head_ms && !at->headed && at->origin)
        timer_start(x->w->loop, &at->timer, head_ms);
}

/* Before the response begins, an origin that takes nothing of what waits for it is timed here: the
 * client isn't, since it was told to pause, and the whole request may have no limit. */
static void send_content(struct exchange *x, struct attempt *at)
{
    const uint64_t idle_ms = x->plan.cluster->conf->timeouts.body_idle;
    const size_t before = x->inward.n;
    if (before)
        at->ops->send_body(at, &x->inward);
    if (at->headed || at->request_sent || !at->origin)
        return;
    if (x->inward.n == 0)
        timer_stop(&at->timer);
    else if (idle_ms && (x->inward.n < before || !timer_running(&at->timer)))
        timer_start(x->w->loop, &at->timer, idle_ms);
}

void relay_inward(struct exchange *x, struct attempt *at)
{
    const uint64_t most = x->plan.body_size;
    if (most && !x->tunnel && x->bytes_in > most) {
        exchange_blame(x, WHY_BODY_TOO_LARGE, NULL);
        return;
    }
    if (!at->opened || !at->origin)
        return;
    send_content(x, at);
    if (x->body_paused && has_room_again(exchange_limits(x), x->inward.n)) {
        x->body_paused = false;
        x->client_ops->resume(x);
    }
    if (x->request_done && x->inward.n == 0 && !at->request_sent && at->origin)
        end_request(x, at);
}

void relay_outward(struct exchange *x, struct attempt *at)
{
    const struct limits *of_cluster = &x->plan.cluster->conf->limits;
    const size_t before = at->body.n;
    if (before)
        x->client_ops->send_body(x, &at->body);
    x->bytes_out += before - at->body.n;
    if (at->paused && at->origin && has_room_again(of_cluster, at->body.n)) {
        at->paused = false;
        at->ops->resume(at);
    }
}

void relay_own(struct exchange *x)
{
    const size_t before = x->own.n;
    if (before)
        x->client_ops->send_body(x, &x->own);
    x->bytes_out += before - x->own.n;
}

void relay_interims(struct exchange *x, struct attempt *at)
{
    for (; at->interims; at->interims = at->interims->next)
        if (x->request.minor >= 1) /* RFC 9110 15.2: not to an HTTP/1.0 client */
            x->client_ops->send_interim(x, at->interims->status, &at->interims->fields);
}

/* The origin is timed only while it is the one that is waited for: not while the client takes
 * nothing of what has come. */
void relay_watch(struct exchange *x, struct attempt *at)
{
    const struct timeouts *t = &x->plan.cluster->conf->timeouts;
    const uint64_t idle_ms = x->tunnel ? t->tunnel_idle : t->body_idle;
    if (idle_ms && at->origin && (x->tunnel || at->body.n == 0))
        timer_start(x->w->loop, &at->timer, idle_ms);
    else
        timer_stop(&at->timer);
}
