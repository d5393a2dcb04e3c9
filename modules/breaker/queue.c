/* SPDX-License-Identifier: Apache-2.0 */
/* Gauges as exchanges use them, and requests that wait for room, oldest first. Each worker has a
 * queue of its own for each cluster and class. Room that a request of this worker leaves goes to
 * the next one at once; of what other workers leave it hears by looking, every `poll`, while
 * somebody waits. So a queue is fair within a worker, and nearly so over all of them.
 *
 * Who waits hasn't got the room yet; who serves it takes the room in its name and resumes it. If
 * the exchange ends before it runs again, on_done gives the room back like any other. */
#include "breaker/breaker.h"

static bool is_class(const struct breaker *b, unsigned class)
{
    return class == CLASS_USUAL || b->limits[class].place.file;
}

static uint32_t limit_of(const struct breaker *b, unsigned class, enum limits_gauge g)
{
    const struct limits_group *l = &b->limits[class];
    const int64_t most = g == LIMITS_REQUESTS  ? l->max_requests
                         : g == LIMITS_RETRIES ? l->max_retries
                                               : l->max_pending;
    return most || g == LIMITS_PENDING ? (uint32_t)most : UINT32_MAX;
}

static int column_of(const struct breaker_local *local, const struct breaker *b)
{
    return local ? local->columns[b->index] : LIMITS_NONE;
}

static bool take(const struct breaker_local *local, const struct breaker *b, unsigned class,
                 enum limits_gauge g)
{
    return !b->gauges ||
           limits_take(b->gauges, column_of(local, b), class, g, limit_of(b, class, g));
}

static struct waiters *waiters_of(const struct breaker_local *local, const struct breaker *b,
                                  unsigned class)
{
    return &local->waiters[b->index * LIMITS_CLASSES + class];
}

static void leave(struct waiters *all, struct waiter *w)
{
    *(w->previous ? &w->previous->next : &all->first) = w->next;
    *(w->next ? &w->next->previous : &all->last) = w->previous;
    w->next = w->previous = NULL;
    w->queued = false;
}

/* As many as there is room for. */
static void serve(const struct breaker_local *local, const struct breaker *b, unsigned class)
{
    struct waiters *all = waiters_of(local, b, class);
    struct waiter *w;
    while ((w = all->first) && take(local, b, class, LIMITS_REQUESTS)) {
        leave(all, w);
        w->granted = true;
        weir_resume(w->x);
    }
}

bool breaker_take(const struct weir_use *u, unsigned class, enum limits_gauge g)
{
    return take(u->local, u->conf, class, g);
}

void breaker_give(const struct weir_use *u, unsigned class, enum limits_gauge g)
{
    const struct breaker *b = u->conf;
    if (!b->gauges || !u->local)
        return;
    limits_give(b->gauges, column_of(u->local, b), class, g);
    if (g == LIMITS_REQUESTS)
        serve(u->local, b, class);
}

bool breaker_anybody_waits(const struct weir_use *u, unsigned class)
{
    return u->local && waiters_of(u->local, u->conf, class)->first;
}

bool breaker_wait(struct weir_exchange *x, const struct weir_use *u)
{
    const struct breaker *b = u->conf;
    struct breaker_local *local = u->local;
    struct breaker_state *st = u->state;
    struct waiter *w = &st->waiter;
    if (!local || !take(local, b, st->class, LIMITS_PENDING))
        return false;
    struct waiters *all = waiters_of(local, b, st->class);
    const uint64_t now = weir_now_us(local->process);
    *w = (struct waiter){.previous = all->last,
                         .x = x,
                         .since_us = now,
                         .until_us = now + b->limits[st->class].queue_timeout * 1000,
                         .queued = true};
    *(all->last ? &all->last->next : &all->first) = w;
    all->last = w;
    weir_timer_start(local->process, &local->timer, local->global->poll);
    return true;
}

void breaker_wait_end(const struct weir_use *u)
{
    struct breaker_state *st = u->state;
    if (!st->waiter.x)
        return;
    if (st->waiter.queued)
        leave(waiters_of(u->local, u->conf, st->class), &st->waiter);
    st->waiter.x = NULL;
    breaker_give(u, st->class, LIMITS_PENDING);
}

/* -- looking --------------------------------------------------------------------------------- */

static void end_late(struct waiters *all, uint64_t now_us)
{
    struct waiter *w;
    while ((w = all->first) && w->until_us <= now_us) {
        leave(all, w);
        w->late = true;
        weir_resume(w->x);
    }
}

void breaker_on_timer(struct weir_timer *t)
{
    struct breaker_local *local =
        (struct breaker_local *)((char *)t - offsetof(struct breaker_local, timer));
    const uint64_t now = weir_now_us(local->process);
    bool anybody = false;
    for (const struct breaker *b = local->global->first; b; b = b->next)
        for (unsigned class = 0; b->gauges && class < LIMITS_CLASSES && is_class(b, class);
             class ++) {
            serve(local, b, class);
            end_late(waiters_of(local, b, class), now);
            anybody = anybody || waiters_of(local, b, class)->first;
        }
    if (anybody)
        weir_timer_start(local->process, t, local->global->poll);
}
