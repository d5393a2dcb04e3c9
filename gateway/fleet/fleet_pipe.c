/* SPDX-License-Identifier: Apache-2.0 */
/* One tick's commands, and who waits for which answer. Redis answers in the order of asking, so an
 * array and a position are all there is; it is empty again before the next tick fills it. */
#include "fleet/fleet_parts.h"

#include "base/log.h"

#include <stdlib.h>

static void on_reply(void *ctx, const struct redis_reply *r);

static bool make_room(struct fleet_pipe *p)
{
    if (p->n < p->cap)
        return true;
    const size_t cap = p->cap ? 2 * p->cap : 64;
    struct fleet_ask *asks = realloc(p->asks, cap * sizeof *asks);
    if (!asks)
        return false;
    p->asks = asks;
    p->cap = cap;
    return true;
}

bool fleet_ask(struct fleet_thing *t, fleet_reply_fn *fn, size_t n, const struct slice *args)
{
    struct fleet *f = t->fleet;
    struct fleet_pipe *p = &f->pipe;
    if (!make_room(p) || !redis_command(f->redis, on_reply, f, n, args)) {
        p->failed = true;
        return false;
    }
    p->asks[p->n++] = (struct fleet_ask){fn, t};
    t->asked++;
    return true;
}

/* -- answers ----------------------------------------------------------------------------------- */

static void settle(struct fleet_thing *t)
{
    if (--t->asked)
        return;
    if (t->closed)
        loop_later(t->fleet->loop, &t->fleet->sweep);
    else if (t->settled)
        t->settled(t);
}

static void on_reply(void *ctx, const struct redis_reply *r)
{
    struct fleet *f = ctx;
    struct fleet_pipe *p = &f->pipe;
    if (!fleet_pipe_busy(f))
        return;
    const struct fleet_ask ask = p->asks[p->next++];
    if (!r)
        p->failed = true;
    else if (r->kind == REDIS_ERROR)
        fleet_note_error(f, fleet_error_kind(r->text), r->text);
    if (r && ask.fn && !ask.thing->closed)
        ask.fn(ask.thing, r);
    settle(ask.thing);
    if (p->next < p->n)
        return;
    const bool failed = p->failed;
    p->n = p->next = 0;
    p->failed = false;
    if (!failed)
        fleet_answered(f);
}

void fleet_pipe_forget(struct fleet *f)
{
    for (size_t i = f->pipe.next; i < f->pipe.n; i++)
        f->pipe.asks[i].fn = NULL;
    f->pipe.failed = true;
}

void fleet_pipe_end(struct fleet *f)
{
    fleet_pipe_forget(f);
    while (fleet_pipe_busy(f))
        on_reply(f, NULL);
    f->pipe.n = f->pipe.next = 0;
    f->pipe.failed = false;
}

/* -- errors ------------------------------------------------------------------------------------ */

/* What only another server can do. */
static const char *useless(enum fleet_error kind)
{
    if (kind == FLEET_ERROR_READONLY)
        return "it is a replica";
    return kind == FLEET_ERROR_MASTERDOWN ? "it is a replica that has lost its master" : NULL;
}

void fleet_note_error(struct fleet *f, enum fleet_error kind, struct slice text)
{
    enum { SHOWN_MAX = 200 };
    const uint64_t now_ms = fleet_now_ms(f);
    f->errors[kind]++;
    if (useless(kind))
        f->give_up = useless(kind);
    if (kind == FLEET_ERROR_NOSCRIPT)
        f->server.offer[0] = f->server.take[0] = '\0'; /* healed with the next tick */
    else if (!f->errors_said_ms[kind] || now_ms - f->errors_said_ms[kind] >= FLEET_SAY_AGAIN_MS) {
        f->errors_said_ms[kind] = now_ms ? now_ms : 1;
        log_warn("fleet_error", KV("kind", fleet_error_word(kind)),
                 KV_SLICE("text", slice_of(text.p, text.n < SHOWN_MAX ? text.n : SHOWN_MAX)),
                 KV_INT("errors", f->errors[kind]));
    }
}

bool fleet_is(const struct fleet_thing *t, const struct redis_reply *r, enum redis_kind kind)
{
    if (r->kind == kind)
        return true;
    if (r->kind != REDIS_ERROR)
        fleet_note_error(t->fleet, FLEET_ERROR_ANSWER, t->key);
    return false;
}
