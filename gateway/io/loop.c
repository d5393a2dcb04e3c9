/* SPDX-License-Identifier: Apache-2.0 */
/* The turn. libev waits and calls; the end of a turn is a prepare watcher, which libev runs before
 * it tells the kernel about started and stopped watchers and before it works out how long to wait.
 * So what the end of a turn starts, stops or arms counts for the very next wait, and a watcher that
 * is stopped and started again in one turn costs no system call.
 *
 * The check watcher has the highest priority: libev runs it first after a wait, so that every event
 * of the turn sees the turn's time.
 *
 * The alarm only wakes: whether a timer runs is decided by the wheel and the loop's clock, which is
 * what lets tests stop the clock. It is armed again when a nearer slot has got a timer or when its
 * own time has passed, so a busy loop touches it at most once per slot. */

#include "io/loop.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/link.h"

static void on_after_wait(struct ev_loop *ev, struct ev_check *w, int revents);
static void on_before_wait(struct ev_loop *ev, struct ev_prepare *w, int revents);
static void on_alarm(struct ev_loop *ev, struct ev_timer *w, int revents);
static void on_breath(struct timer *t);
static void end_turn(struct loop *lp);
static void run_queues(struct loop *lp);
static bool feed_starved(struct loop *lp);
static void empty_graves(struct loop *lp);
static void arm_alarm(struct loop *lp);

/* A watcher rings a little after the slot: libev's clock was read just before ours, and an alarm
 * that is a microsecond early would cost a turn that does nothing. */
static const double alarm_slack_s = 0.0001;

static unsigned ev_flags(void)
{
    unsigned flags = EVFLAG_NOENV | EVBACKEND_EPOLL;
#if EV_VERSION_MAJOR > 4 || (EV_VERSION_MAJOR == 4 && EV_VERSION_MINOR >= 33)
    flags |= EVFLAG_NOTIMERFD; /* an enumerator: #ifdef doesn't see it */
#endif
    return flags;
}

void loop_init(struct loop *lp, size_t block_limit)
{
    *lp = (struct loop){.alarm_ms = UINT64_MAX};
    lp->ev = ev_loop_new(ev_flags());
    if (!lp->ev) {
        log_error("event_loop_failed", KV_ERRNO(errno));
        exit(EXIT_FAILURE);
    }
    clock_init(&lp->clock);
    wheel_init(&lp->wheel, clock_ms(&lp->clock));
    bytes_stock_init(&lp->stock, block_limit);
    slab_init(&lp->links, link_plain_size(), 0);
    list_init(&lp->later);
    list_init(&lp->dirty);
    list_init(&lp->starved);
    timer_init(&lp->breath, on_breath);

    ev_init(&lp->alarm, on_alarm);
    ev_prepare_init(&lp->before_wait, on_before_wait);
    ev_set_priority(&lp->before_wait, EV_MINPRI);
    ev_prepare_start(lp->ev, &lp->before_wait);
    ev_check_init(&lp->after_wait, on_after_wait);
    ev_set_priority(&lp->after_wait, EV_MAXPRI);
    ev_check_start(lp->ev, &lp->after_wait);
    ev_set_userdata(lp->ev, lp);
}

void loop_fini(struct loop *lp)
{
    timer_stop(&lp->breath);
    must(list_empty(&lp->later) && list_empty(&lp->dirty) && list_empty(&lp->starved));
    empty_graves(lp);
    ev_timer_stop(lp->ev, &lp->alarm);
    ev_prepare_stop(lp->ev, &lp->before_wait);
    ev_check_stop(lp->ev, &lp->after_wait);
    ev_loop_destroy(lp->ev);
    lp->ev = NULL;
    slab_fini(&lp->links);
    bytes_stock_fini(&lp->stock);
}

void loop_abandon(struct loop *lp)
{
    ev_loop_destroy(lp->ev); /* closes descriptors of this process; never touches the epoll set */
    lp->ev = NULL;
}

void loop_run(struct loop *lp)
{
    clock_update(&lp->clock);
    ev_run(lp->ev, 0);
    end_turn(lp); /* libev leaves right after the events of the last turn */
}

void loop_stop(struct loop *lp)
{
    ev_break(lp->ev, EVBREAK_ALL);
}

void loop_turn(struct loop *lp)
{
    clock_update(&lp->clock);
    for (unsigned i = 0; i < LOOP_ROUNDS; i++) {
        ev_run(lp->ev, EVRUN_NOWAIT);
        if (lp->events == 0 && list_empty(&lp->later) && list_empty(&lp->dirty))
            return;
    }
    end_turn(lp);
}

/* -- the turn ------------------------------------------------------------------------------- */

static void on_after_wait(struct ev_loop *ev, struct ev_check *w, int revents)
{
    (void)w, (void)revents;
    struct loop *lp = ev_userdata(ev);
    clock_update(&lp->clock);
    lp->events = ev_pending_count(ev);
    lp->turns++;
}

static void on_before_wait(struct ev_loop *ev, struct ev_prepare *w, int revents)
{
    (void)w, (void)revents;
    end_turn(ev_userdata(ev));
}

static void end_turn(struct loop *lp)
{
    wheel_run(&lp->wheel, clock_ms(&lp->clock));
    run_queues(lp);
    if (!list_empty(&lp->starved) && feed_starved(lp))
        run_queues(lp);
    empty_graves(lp);
    arm_alarm(lp);
}

/* What is queued while this runs still runs in this turn. That ends, because nothing queues itself
 * again without an event from outside. */
static void run_queues(struct loop *lp)
{
    struct list *node;
    do {
        while ((node = list_take(&lp->later))) {
            struct later *l = list_entry(node, struct later, node);
            l->fn(l);
        }
        while ((node = list_take(&lp->dirty))) {
            struct dirty *d = list_entry(node, struct dirty, node);
            d->flush(d);
        }
    } while (!list_empty(&lp->later));
}

static void empty_graves(struct loop *lp)
{
    while (lp->graves) {
        struct grave *g = lp->graves;
        lp->graves = g->next;
        g->fn(g);
    }
}

/* -- the alarm ------------------------------------------------------------------------------ */

static void arm_alarm(struct loop *lp)
{
    uint64_t next = wheel_next_ms(&lp->wheel);
    if (next >= lp->alarm_ms && lp->alarm_ms > clock_ms(&lp->clock))
        return;
    ev_timer_stop(lp->ev, &lp->alarm);
    lp->alarm_ms = next;
    if (next == UINT64_MAX)
        return;
    double after = (double)(next * 1000 - lp->clock.mono_us) / 1e6;
    ev_timer_set(&lp->alarm, after + alarm_slack_s, 0);
    ev_timer_start(lp->ev, &lp->alarm);
}

static void on_alarm(struct ev_loop *ev, struct ev_timer *w, int revents)
{
    (void)w, (void)revents;
    struct loop *lp = ev_userdata(ev);
    lp->alarm_ms = UINT64_MAX; /* the end of the turn runs the wheel and arms it again */
}

/* -- later, dirty, graves ------------------------------------------------------------------- */

void later_init(struct later *l, void (*fn)(struct later *l))
{
    list_init(&l->node);
    l->fn = fn;
}

void loop_later(struct loop *lp, struct later *l)
{
    if (!list_linked(&l->node))
        list_push(&lp->later, &l->node);
}

void later_cancel(struct later *l)
{
    list_remove(&l->node);
}

void dirty_init(struct dirty *d, void (*flush)(struct dirty *d))
{
    list_init(&d->node);
    d->flush = flush;
}

void loop_dirty(struct loop *lp, struct dirty *d)
{
    if (!list_linked(&d->node))
        list_push(&lp->dirty, &d->node);
}

void dirty_cancel(struct dirty *d)
{
    list_remove(&d->node);
}

void loop_bury(struct loop *lp, struct grave *g, void (*fn)(struct grave *g))
{
    g->fn = fn;
    g->next = lp->graves;
    lp->graves = g;
}

/* -- starved of blocks ---------------------------------------------------------------------- */

void loop_starve(struct loop *lp, struct later *l)
{
    if (list_linked(&l->node))
        return;
    list_push(&lp->starved, &l->node);
    if (!timer_running(&lp->breath))
        timer_start(lp, &lp->breath, WHEEL_SLOT_MS);
}

/* As many as there are blocks free: more would only come back. Without a limit it was malloc that
 * failed, and only time helps. */
static bool feed_starved(struct loop *lp)
{
    const struct slab *s = &lp->stock.blocks.slab;
    size_t room = s->limit > s->used ? s->limit - s->used : 0;
    bool fed = false;
    for (struct list *node; room > 0 && (node = list_take(&lp->starved)); room--) {
        list_push(&lp->later, node);
        fed = true;
    }
    return fed;
}

static void on_breath(struct timer *t)
{
    struct loop *lp = container_of(t, struct loop, breath);
    list_splice(&lp->later, &lp->starved);
}
