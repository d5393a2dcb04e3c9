/* SPDX-License-Identifier: Apache-2.0 */
/* When an endpoint is checked, and what follows from it.
 *
 *     timer ──► waiting ──► running ──► outcome ──► state ──► slot, log, counters ──► timer
 *                 │  at most health.concurrency at a time
 *
 * Each check makes a connection of its own: what a kept one proves is that it was accepted once. */
#include "control/health/health_parts.h"

#include "base/event.h"
#include "control/health/health_request.h"
#include "core/cluster/endpoint_word.h"
#include "core/shadow.h"
#include "upstream/origin.h"

static void on_due(struct timer *t);
static void pump(struct health *h);
static void run(struct probe *p);
static void on_tcp(struct health_tcp *c, enum health_result result);
static void on_call(void *ctx, const struct weir_result *r);
static void take(struct probe *p, const struct health_outcome *o);
static void count_said(struct probe *p);
static void wait_for_next(struct probe *p);

/* -- when -------------------------------------------------------------------------------------- */

static void check_after(struct probe *p, uint64_t ms)
{
    struct health *h = p->hc->h;
    p->facts.next_ms = health_now_ms(h) + ms;
    timer_start(h->w->loop, &p->timer, ms);
}

void probe_begin(struct probe *p)
{
    struct checked *hc = p->hc;
    list_init(&p->waiting);
    timer_init(&p->timer, on_due);
    health_tcp_init(&p->tcp, hc->h->w->loop, on_tcp);
    p->facts.checked = true;
    p->share.follows = hc->shared; /* until it is known whose turn it is */
    if (probe_slot(p) != NO_SLOT)
        p->state.health = endpoint_health(hc->cell, p->slot);
    check_after(p, health_first(&p->state, &hc->conf.health, &hc->h->w->random));
}

void probe_end(struct probe *p)
{
    struct health *h = p->hc->h;
    if (p->call)
        shadow_cancel(p->call);
    p->call = NULL;
    health_tcp_cancel(&p->tcp);
    h->running -= p->running;
    p->running = false;
    list_remove(&p->waiting);
    timer_stop(&p->timer);
}

static void wait_for_next(struct probe *p)
{
    struct health *h = p->hc->h;
    check_after(p, health_pause(&p->state, &p->hc->conf.health, p->hc->quiet, &h->w->random));
}

void probe_soon(struct probe *p)
{
    check_after(p, 1);
}

void probe_hurry(struct probe *p)
{
    const struct checked *hc = p->hc;
    const uint64_t soon = health_now_ms(hc->h) + hc->conf.health.interval;
    if (timer_running(&p->timer) && p->facts.next_ms > soon)
        wait_for_next(p);
}

/* -- checks ------------------------------------------------------------------------------------ */

static void on_due(struct timer *timer)
{
    struct probe *p = container_of(timer, struct probe, timer);
    struct health *h = p->hc->h;
    p->facts.next_ms = 0;
    if (p->share.follows) {
        count_said(p);
        wait_for_next(p);
        return;
    }
    list_push(&h->waiting, &p->waiting);
    h->delayed += h->running >= h->limit;
    pump(h);
}

static void pump(struct health *h)
{
    while (!h->stopping && h->running < h->limit) {
        struct list *node = list_take(&h->waiting);
        if (!node)
            return;
        run(list_entry(node, struct probe, waiting));
    }
}

static struct health_tcp_how how_of(const struct probe *p, char name[ADDR_TEXT_MAX])
{
    const struct checked *hc = p->hc;
    struct health_tcp_how how = {
        .conf = &hc->conf.health,
        .to = origin_address(p->ep),
        .tls = hc->conf.tls.set ? hc->h->w->g->tls_clients[hc->index] : NULL,
        .tls_name = origin_host(p->ep, name),
        .proxy_protocol = hc->conf.proxy_protocol,
    };
    return how;
}

static bool begin(struct probe *p)
{
    if (p->hc->conf.health.type == HEALTH_TCP) {
        char name[ADDR_TEXT_MAX];
        const struct health_tcp_how how = how_of(p, name);
        return health_tcp_start(&p->tcp, &how);
    }
    p->call = health_request(p->hc->h->w, p->ep, on_call, p);
    return p->call != NULL;
}

static void run(struct probe *p)
{
    static const struct health_outcome not_made = {.result = HEALTH_NOT_MADE};
    p->running = true;
    p->hc->h->running++;
    if (!begin(p))
        take(p, &not_made);
}

static void on_tcp(struct health_tcp *c, enum health_result result)
{
    struct probe *p = container_of(c, struct probe, tcp);
    const struct health_outcome o = {.result = result};
    take(p, &o);
    pump(p->hc->h);
}

static void on_call(void *ctx, const struct weir_result *r)
{
    struct probe *p = ctx;
    const struct health_outcome o = health_judge(&p->hc->conf.health, &p->hc->matcher, r);
    p->call = NULL;
    pool_drop_idle(p->ep);
    take(p, &o);
    pump(p->hc->h);
}

uint32_t probe_slot(struct probe *p)
{
    const struct endpoint_cell *cell = p->hc->cell;
    const struct slice name = slice_str(p->ep->name);
    if (!cell)
        return NO_SLOT;
    if (p->slot >= cell->capacity ||
        atomic_load(&cell->slots[p->slot].owner) != cluster_owner(name))
        p->slot = endpoint_cell_find(cell, name);
    return p->slot;
}

/* -- what follows ------------------------------------------------------------------------------ */

static void log_change(const struct probe *p, const struct health_outcome *o)
{
    const struct slice cluster = p->hc->conf.place.name;
    if (p->state.health == HEALTH_UP)
        event_info("endpoint_up", KV_SLICE("cluster", cluster), KV("endpoint", p->ep->name),
                   KV_INT("checks", p->state.passed));
    else
        event_warn("endpoint_down", KV_SLICE("cluster", cluster), KV("endpoint", p->ep->name),
                   KV("check", health_result_word(o->result)), KV_INT("status", o->status),
                   KV_INT("checks", p->state.failed));
}

static void hear(struct probe *p, const struct health_outcome *o)
{
    const struct health_conf *conf = &p->hc->conf.health;
    const uint64_t now_us = p->hc->h->w->loop->clock.mono_us;
    if (endpoint_word_note(p->hc->cell, probe_slot(p), o->word, now_us, conf->header_for))
        event_info("endpoint_says", KV_SLICE("cluster", p->hc->conf.place.name),
                   KV("endpoint", p->ep->name), KV("word", endpoint_word_name(o->word)),
                   KV("in", "check"));
}

static void log_adopted(const struct probe *p)
{
    const struct slice cluster = p->hc->conf.place.name;
    if (p->state.health == HEALTH_UP)
        event_info("endpoint_up", KV_SLICE("cluster", cluster), KV("endpoint", p->ep->name),
                   KV("by", "fleet"));
    else
        event_warn("endpoint_down", KV_SLICE("cluster", cluster), KV("endpoint", p->ep->name),
                   KV("by", "fleet"));
}

static void count_change(struct probe *p)
{
    p->hc->totals.went_up += p->state.health == HEALTH_UP;
    p->hc->totals.went_down += p->state.health == HEALTH_DOWN;
}

/* Each time: the slot may be another one now. */
static void tell_workers(struct probe *p)
{
    const struct checked *hc = p->hc;
    if (probe_slot(p) == NO_SLOT)
        return;
    endpoint_health_set(hc->cell, p->slot, p->state.health, hc->h->w->loop->clock.mono_us);
    endpoint_passed_set(hc->cell, p->slot, p->state.passed);
}

static void note_state(struct probe *p, const struct health_outcome *o)
{
    if (health_note(&p->state, &p->hc->conf.health, o->result == HEALTH_PASSED)) {
        count_change(p);
        log_change(p, o);
    }
    p->share.own = true;
    tell_workers(p);
}

void probe_adopt(struct probe *p)
{
    const enum endpoint_health said = p->share.said.health;
    if (p->state.health == said)
        return;
    p->state = (struct health_state){
        .health = said, .passed = p->share.said.passed, .failed = !p->share.said.passed};
    count_change(p);
    log_adopted(p);
    tell_workers(p);
}

/* When a check would have been due. */
static void count_said(struct probe *p)
{
    const struct health_view *said = &p->share.said;
    if (said->health == HEALTH_UNKNOWN)
        return;
    p->state.passed = said->passed ? p->state.passed + 1 : 0;
    p->state.failed = said->passed ? 0 : 1;
    tell_workers(p);
    if (said->word >= 0)
        hear(p, &(struct health_outcome){.says = true, .word = (enum endpoint_word)said->word});
}

/* A check that could not be made says nothing about the endpoint. */
static void take(struct probe *p, const struct health_outcome *o)
{
    struct checked *hc = p->hc;
    p->running = false;
    hc->h->running--;
    hc->totals.results[o->result]++;
    p->facts.ended_ms = health_now_ms(hc->h);
    p->facts.any = true;
    p->facts.result = o->result;
    p->facts.status = o->status;
    p->share.word = o->says ? (int)o->word : -1;
    if (o->result != HEALTH_NOT_MADE && !p->share.follows)
        note_state(p, o);
    if (o->says)
        hear(p, o);
    wait_for_next(p);
}
