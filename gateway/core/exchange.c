/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange: its making and end, what clients tell it, and the driver that runs its steps. What
 * the steps do stands in exchange_steps.c.
 *
 * The on_* functions only write down a fact and wake the exchange. The driver is the only place
 * that moves x->step; it keeps the last sixteen steps as a trail. A step may be run again after
 * any wake-up: it looks at facts, never at which event woke it. */
#include "core/exchange.h"

#include "core/filter.h"
#include "core/grpc.h"
#include "core/hedge.h"
#include "core/module/hooks.h"
#include "core/retry.h"
#include "core/shadow.h"
#include "core/stats/stats.h"

static void on_run(struct later *l);
static void on_deadline(struct timer *t);

const char *step_name(enum step s)
{
    static const char *const names[] = {
#define STEP(name, what, next) #name,
        STEP_LIST(STEP)
#undef STEP
    };
    return names[s];
}

static struct exchange *exchange_make(struct worker *w, const struct client_ops *ops, void *client,
                                      const struct client_facts *facts)
{
    struct exchange *x = slab_get(&w->exchanges);
    if (!x) {
        w->stats->worker->exchanges_refused++;
        return NULL;
    }
    memset(x, 0, sizeof *x);
    arena_init(&x->arena, x + 1, EXCHANGE_SIZE - sizeof *x);
    x->w = w;
    x->client_ops = ops;
    x->client = client;
    x->facts = facts;
    x->id = ++w->next_id;
    x->source = facts->peer;
    x->scheme = facts->scheme;
    x->created_us = w->loop->clock.mono_us;
    x->created_wall_us = w->loop->clock.wall_us;
    later_init(&x->run, on_run);
    timer_init(&x->deadline, on_deadline);
    list_init(&x->attempts);
    list_init(&x->followers);
    bytes_init(&x->inward, &w->loop->stock);
    bytes_init(&x->kept, &w->loop->stock);
    bytes_init(&x->own, &w->loop->stock);
    list_init(&x->node);
    list_push(&w->active, &x->node);
    w->stats->worker->exchanges_active++;
    exchange_wake(x);
    return x;
}

struct exchange *exchange_new(struct worker *w, const struct client_ops *ops, void *client,
                              const struct client_facts *facts, const struct request_head *h,
                              struct slice raw)
{
    struct exchange *x = exchange_make(w, ops, client, facts);
    if (!x)
        return NULL;
    x->request = *h;
    head_keep_request(&x->request, raw, &x->arena, 0);
    x->request_done = h->body == BODY_NONE || (h->body == BODY_LENGTH && h->content_length == 0);
    x->grpc = grpc_is(&x->request.fields);
    x->kept_all = method_is_idempotent(h->method_id);
    return x;
}

struct exchange *exchange_new_bad(struct worker *w, const struct client_ops *ops, void *client,
                                  const struct client_facts *facts, enum why why,
                                  const char *detail)
{
    struct exchange *x = exchange_make(w, ops, client, facts);
    if (!x)
        return NULL;
    x->request.major = x->request.minor = 1;
    x->request_done = true;
    exchange_blame(x, why, detail);
    return x;
}

struct exchange *exchange_new_shadow(struct worker *w, const struct client_ops *ops,
                                     const struct client_facts *facts)
{
    struct exchange *x = exchange_make(w, ops, NULL, facts);
    if (x)
        x->step = STEP_PICK;
    return x;
}

void exchange_free(struct exchange *x)
{
    struct worker *w = x->w;
    must(x->step == STEP_FINISH);
    if (unlikely(!list_empty(&x->followers)))
        shadow_leave(x);
    list_each (node, &x->attempts) {
        struct attempt *at = list_entry(node, struct attempt, node);
        attempt_cancel(at);
        bytes_clear(&at->body);
    }
    timer_stop(&x->deadline);
    later_cancel(&x->run);
    if (unlikely(x->retry))
        retry_stop(x);
    if (unlikely(x->hedge))
        hedge_free(x);
    if (unlikely(x->content))
        filter_free(x);
    bytes_clear(&x->inward);
    bytes_clear(&x->kept);
    bytes_clear(&x->own);
    list_remove(&x->node);
    arena_fini(&x->arena);
    slab_put(&w->exchanges, x);
    w->stats->worker->exchanges_active--;
}

/* -- what clients tell ------------------------------------------------------------------------ */

/* Up to limits.queue of content is kept, by reference, until nothing can need it any more. Where a
 * hook judges attempts, that is when it has. */
static bool is_kept(const struct exchange *x, size_t n)
{
    const struct attempt *at = x->attempt;
    if (!x->kept_all || x->kept.n + n > exchange_limits(x)->queue)
        return false;
    return !at || hooks_any(x, MOMENT_RESULT) || (!at->headed && (at->reused || at->refusable));
}

static void stop_keeping(struct exchange *x)
{
    x->kept_all = false;
    bytes_clear(&x->kept);
}

void exchange_pass_body(struct exchange *x, struct bytes *from)
{
    if (!is_kept(x, from->n) || !bytes_share(&x->kept, from))
        stop_keeping(x);
    bytes_move(&x->inward, from);
}

void exchange_keep(struct exchange *x)
{
    if (!x->kept_all && x->inward.n <= exchange_limits(x)->queue)
        x->kept_all = bytes_share(&x->kept, &x->inward);
}

void exchange_on_body(struct exchange *x, struct block *b, struct slice s)
{
    x->bytes_in += s.n;
    x->body_us = x->w->loop->clock.mono_us;
    if (unlikely(!list_empty(&x->followers)))
        shadow_feed(x, b, s);
    if (x->why || (x->reply_done && !x->tunnel))
        return; /* nobody wants it any more */
    exchange_wake(x);
    if (unlikely(x->content) && filter_inward(x, b, s))
        return;
    if (!is_kept(x, s.n) || !bytes_append(&x->kept, b, s))
        stop_keeping(x);
    if (!bytes_append(&x->inward, b, s))
        exchange_blame(x, WHY_OVERLOAD, "blocks");
}

void exchange_on_body_end(struct exchange *x, const struct fields *trailers)
{
    x->request_done = true;
    if (trailers) {
        x->trailers = *trailers;
        hooks_strip(x, &x->trailers);
    }
    if (unlikely(x->content))
        filter_inward_end(x);
    if (unlikely(!list_empty(&x->followers)))
        shadow_feed_end(x, trailers);
    exchange_wake(x);
}

bool exchange_wants_pause(struct exchange *x)
{
    if (x->inward.n < exchange_limits(x)->queue)
        return false;
    x->body_paused = true;
    return true;
}

void exchange_tell_room(struct exchange *x)
{
    x->body_paused = true;
}

void exchange_on_room(struct exchange *x)
{
    exchange_wake(x);
}

void exchange_on_fault(struct exchange *x, enum why why, const char *detail)
{
    exchange_blame(x, why, detail);
    exchange_wake(x);
}

void exchange_on_gone(struct exchange *x, enum why why)
{
    exchange_blame(x, why, NULL);
    x->client_gone = true;
    exchange_wake(x);
}

static void on_deadline(struct timer *t)
{
    struct exchange *x = container_of(t, struct exchange, deadline);
    exchange_blame(x, WHY_TIMEOUT_REQUEST, x->plan.grpc_timeout ? "grpc_timeout" : NULL);
    exchange_wake(x);
}

/* -- the driver -------------------------------------------------------------------------------- */

void exchange_wake(struct exchange *x)
{
    loop_later(x->w->loop, &x->run);
}

void exchange_blame(struct exchange *x, enum why why, const char *detail)
{
    if (x->why)
        return;
    x->why = why;
    x->detail = detail;
}

static void on_run(struct later *l)
{
    struct exchange *x = container_of(l, struct exchange, run);
    struct worker *w = x->w;
    w->current = x;
    for (;;) {
        const int next = exchange_step(x, x->step);
        if (next == VERDICT_STAY || next == VERDICT_END)
            break;
        x->trail[x->trail_n++ % EXCHANGE_TRAIL] = (uint8_t)x->step;
        x->step = (enum step)next;
    }
    w->current = NULL;
}
