/* SPDX-License-Identifier: Apache-2.0 */
/* The timer of an endpoint goes on while others check it: instead of a check it then counts what
 * was said last as one, so checks in a row are as many as they would be here (outlier goes by
 * them). */
#include "control/health/health_share.h"

#include "base/event.h"
#include "control/health/health_parts.h"

uint32_t health_checkers(const struct health *h, size_t i)
{
    return (uint32_t)h->clusters[i].conf.health.fleet_checkers;
}

bool health_view(const struct health *h, size_t i, size_t at, struct slice *name,
                 struct health_view *view)
{
    const struct checked *hc = &h->clusters[i];
    if (at >= hc->n)
        return false;
    const struct probe *p = hc->probes[at];
    *name = slice_str(p->ep->name);
    *view = (struct health_view){HEALTH_UNKNOWN, false, -1};
    if (p->share.own && !p->share.follows)
        *view = (struct health_view){p->state.health, p->state.failed == 0, p->share.word};
    return true;
}

void health_unsaid(struct health *h, size_t i, size_t n)
{
    struct checked *hc = &h->clusters[i];
    if (n > hc->totals.unsaid)
        event_warn("health_unsaid", KV_SLICE("cluster", hc->conf.place.name),
                   KV_INT("endpoints", n));
    hc->totals.unsaid = n;
}

/* -- path faults ------------------------------------------------------------------------------- */

/* In which all who check it have noticed what one of them has. */
static uint64_t turns_ms(const struct health_conf *c)
{
    const uint64_t checks = (uint64_t)(c->fall > c->rise ? c->fall : c->rise);
    return c->interval + c->timeout + checks * (c->unhealthy_interval + c->timeout);
}

static void say_path(const struct probe *p, unsigned up, unsigned down)
{
    const struct slice cluster = p->hc->conf.place.name;
    if (p->share.torn)
        event_warn("endpoint_path_fault", KV_SLICE("cluster", cluster), KV("endpoint", p->ep->name),
                   KV_INT("up", up), KV_INT("down", down));
    else
        event_info("endpoint_path_ok", KV_SLICE("cluster", cluster), KV("endpoint", p->ep->name));
}

static void look_for_path_fault(struct probe *p, const struct health_views *v)
{
    const bool known = v->mine && p->share.own && !p->share.follows;
    const unsigned up = v->up + (known && p->state.health == HEALTH_UP);
    const unsigned down = v->down + (known && p->state.health == HEALTH_DOWN);
    const uint64_t now_ms = health_now_ms(p->hc->h);
    const bool split = up && down;
    if (!split || !p->share.split_ms)
        p->share.split_ms = split ? now_ms : 0;
    const bool torn = split && now_ms - p->share.split_ms >= turns_ms(&p->hc->conf.health);
    if (torn == p->share.torn || (split && !torn))
        return;
    p->share.torn = torn;
    p->hc->totals.path_faults += torn;
    say_path(p, up, down);
}

/* -- who checks -------------------------------------------------------------------------------- */

/* One of which nothing is known is asked at once; else its turn is what it was. */
static void lead(struct probe *p)
{
    if (!p->share.follows)
        return;
    p->share.follows = p->share.own = false;
    if (!health_is_known(p->state.health) && timer_running(&p->timer))
        probe_soon(p);
}

static void follow(struct probe *p, const struct health_views *v)
{
    p->share.follows = true;
    p->share.said = v->best;
    p->share.said.health = v->up ? HEALTH_UP : HEALTH_DOWN;
    probe_adopt(p);
}

/* Until whoever is new among them, or checks it for the first time, has had its turn. */
static bool waits(struct probe *p)
{
    const struct health_conf *c = &p->hc->conf.health;
    const uint64_t now_ms = health_now_ms(p->hc->h);
    const uint64_t patience =
        c->timeout + (health_is_known(p->state.health) ? 2 * c->interval : 1000);
    if (!p->share.silent_ms)
        p->share.silent_ms = now_ms;
    p->share.said.health = HEALTH_UNKNOWN;
    return now_ms - p->share.silent_ms < patience;
}

void health_share(struct health *h, size_t i, size_t at, const struct health_views *v)
{
    static const struct health_views nobody = {.mine = true};
    struct checked *hc = &h->clusters[i];
    struct probe *p = hc->probes[at];
    hc->shared = v != NULL;
    v = v ? v : &nobody;
    if (v->mine || v->up || v->down)
        p->share.silent_ms = 0;
    if (v->mine)
        lead(p);
    else if (v->up || v->down)
        follow(p, v);
    else if (!waits(p))
        lead(p);
    look_for_path_fault(p, v);
}
