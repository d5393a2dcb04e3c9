/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's groups of endpoints: made anew when the cell says that something has changed, or when
 * a time has come (a slow start goes on, a word of an endpoint ends). The facts are put together
 * here, what follows from them stands in core/cluster/weights.c. */
#include "core/cluster/cluster.h"

#include "base/event.h"

#include <stdlib.h>

/* A slot may have been given to another name meanwhile. */
static void find_slot(struct endpoint *ep)
{
    const struct endpoint_cell *cell = ep->cluster->cell;
    const struct slice name = slice_str(ep->name);
    if (ep->slot >= cell->capacity ||
        atomic_load(&cell->slots[ep->slot].owner) != cluster_owner(name))
        ep->slot = endpoint_cell_find(cell, name);
}

bool endpoint_awaits_check(const struct endpoint *ep)
{
    const struct cluster *cl = ep->cluster;
    if (cl->conf->health.initial != HEALTH_INITIAL_DOWN || !cl->cell->capacity)
        return false;
    return ep->slot >= cl->cell->capacity || endpoint_health(cl->cell, ep->slot) == HEALTH_PENDING;
}

static struct slow_start slow_start_of(const struct cluster_conf *conf)
{
    return (struct slow_start){
        .window_us = conf->slow_start.window * 1000,
        .min_share = conf->slow_start.min_share,
        .aggression = (uint32_t)conf->slow_start.aggression,
    };
}

static void sooner(uint64_t *due_us, uint64_t at_us, uint64_t now_us)
{
    if (at_us > now_us && at_us < *due_us)
        *due_us = at_us;
}

/* Who has which key follows from the weights in force. */
static void find_base(struct endpoint *ep)
{
    struct cluster *cl = ep->cluster;
    const uint32_t base = endpoint_base_weight(cl->cell, ep->slot, ep->configured);
    cl->keys_stale = cl->keys_stale || base != ep->base;
    ep->base = base;
}

/* What is known about it now, and when that ends by itself. */
static struct weight_facts facts_of(struct endpoint *ep, uint64_t *due_us)
{
    const struct cluster *cl = ep->cluster;
    const struct slow_start slow = slow_start_of(cl->conf);
    const uint64_t now = *cl->now_us;
    find_slot(ep);
    find_base(ep);
    struct weight_facts f = {.weight = ep->base, .share = SHARE_ALL, .ramp = SHARE_ALL,
                             .zone = ep->zone};
    f.priority = ep->conf ? (uint8_t)ep->conf->priority : 0;
    ep->guarded = endpoint_guarded(cl->arrays, ep->slot);
    f.draining = endpoint_awaits_check(ep);
    if (ep->slot >= cl->cell->capacity)
        return f;
    const struct endpoint_slot *s = &cl->cell->slots[ep->slot];
    const uint64_t joined = atomic_load(&s->joined_us);
    f.share = endpoint_share(cl->arrays, ep->slot);
    f.ramp = weights_ramp(&slow, joined, now);
    f.down = endpoint_health(cl->cell, ep->slot) == HEALTH_DOWN;
    f.draining = f.draining || endpoint_draining(cl->cell, ep->slot, now);
    f.degraded = endpoint_degraded(cl->cell, ep->slot, now);
    sooner(due_us, weights_ramp_due(&slow, joined, now), now);
    sooner(due_us, atomic_load(&s->draining_until_us), now);
    sooner(due_us, atomic_load(&s->degraded_until_us), now);
    return f;
}

static struct weight_rules rules_of(const struct cluster *cl)
{
    return (struct weight_rules){
        .panic = cl->conf->panic,
        .overprovision = (uint32_t)cl->conf->overprovision,
        .zones = cl->conf->zone_aware.enabled && cl->zone.n,
        .zone_endpoints = (size_t)cl->conf->zone_aware.min_endpoints,
    };
}

/* The group's endpoints in the order of the cluster's. */
static void fill_group(struct cluster *cl, size_t number, struct endpoint **into)
{
    struct pick_group *g = &cl->groups[number];
    g->endpoints = into;
    for (size_t i = 0; i < cl->n; i++) {
        struct endpoint *ep = cl->endpoints[i];
        if (ep->group != number)
            continue;
        into[g->n++] = ep;
        g->total_weight += ep->weight;
    }
}

static void make_groups(struct cluster *cl, const struct weight_groups *wg)
{
    cluster_groups_fini(cl);
    cl->panic = wg->panic;
    if (!wg->n)
        return;
    cl->groups = calloc(wg->n, sizeof *cl->groups);
    cl->grouped = calloc(cl->n, sizeof *cl->grouped);
    must(cl->groups && cl->grouped);
    struct endpoint **into = cl->grouped;
    for (size_t i = 0; i < wg->n; i++) {
        fill_group(cl, i, into);
        cl->groups[i].upto = wg->upto[i];
        into += cl->groups[i].n;
    }
    cl->groups_n = wg->n;
}

/* All processes weigh, each when it picks. Who finds it out first tells of it; one that weighed
 * what isn't so any more will weigh again, and leaves it. */
static void tell_panic(const struct cluster *cl)
{
    const uint32_t now = cl->panic;
    if (!cl->shared || atomic_load(&cl->shared->panic) == now ||
        cl->cell_seen != atomic_load(&cl->cell->version) ||
        atomic_exchange(&cl->shared->panic, now) == now)
        return;
    if (now)
        event_warn("cluster_panic", KV_SLICE("cluster", cl->conf->place.name),
                   KV_INT("endpoints", cl->n));
    else
        event_info("cluster_calm", KV_SLICE("cluster", cl->conf->place.name));
}

void cluster_weigh(struct cluster *cl)
{
    if (cl->picking)
        return;
    const struct weight_rules rules = rules_of(cl);
    struct weight_facts *facts = calloc(cl->n + 1, sizeof *facts);
    struct weight_result *results = calloc(cl->n + 1, sizeof *results);
    struct weight_groups groups;
    must(facts && results);
    cl->cell_seen = atomic_load_explicit(&cl->cell->version, memory_order_acquire);
    cl->due_us = UINT64_MAX;
    for (size_t i = 0; i < cl->n; i++)
        facts[i] = facts_of(cl->endpoints[i], &cl->due_us);
    weights_make(facts, cl->n, &rules, results, &groups);
    for (size_t i = 0; i < cl->n; i++) {
        cl->endpoints[i]->weight = results[i].weight;
        cl->endpoints[i]->group = results[i].group;
    }
    make_groups(cl, &groups);
    tell_panic(cl);
    free(facts);
    free(results);
}

void cluster_groups_fini(struct cluster *cl)
{
    free(cl->groups);
    free(cl->grouped);
    cl->groups = NULL;
    cl->grouped = NULL;
    cl->groups_n = 0;
}
