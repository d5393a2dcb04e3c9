/* SPDX-License-Identifier: Apache-2.0 */
/* Picks: first a group, by its share of the traffic, then one of its endpoints by the balancer.
 *
 * A pick with conditions lets the balancer choose a few times, so that an endpoint that is passed
 * over leaves its share to the others as the balancer has it; then it looks at those that are left,
 * one after the other: of the group, of the other groups, and at last at those that were tried
 * before. A pick by key walks the table of keys instead, where the next member is the one that
 * would have had the key without the others. */
#include "core/cluster/cluster.h"

#include <stdlib.h>

enum {
    PICKS_MAX = 8, /* by the balancer, before those that are left are asked one after the other */
    MILLION = 1000000,
};

struct pick {
    struct cluster *cl;
    struct random *random;
    const struct pick_how *how;
    uint64_t key;
    uint64_t round;
    bool *vetoed;
};

static struct endpoint *balance(struct cluster *cl, struct pick_group *g, struct random *r);

static inline bool is_hashing(const struct cluster *cl)
{
    return cl->conf->balance == BALANCE_RING_HASH || cl->conf->balance == BALANCE_MAGLEV;
}

static struct pick_group *group_at(struct cluster *cl, uint32_t at)
{
    size_t i = 0;
    while (i + 1 < cl->groups_n && at >= cl->groups[i].upto)
        i++;
    return &cl->groups[i];
}

static void count_panic(const struct endpoint *ep)
{
    if (ep && ep->stats)
        ep->stats->panic++;
}

struct endpoint *cluster_pick(struct cluster *cl, struct random *r)
{
    cluster_follow(cl);
    if (unlikely(!cl->groups_n || cl->groups[0].upto < MILLION || cl->panic || is_hashing(cl))) {
        const struct pick_how any = {0};
        bool vetoed;
        return cluster_pick_how(cl, r, &any, &vetoed);
    }
    return balance(cl, &cl->groups[0], r);
}

struct endpoint *cluster_pick_if(struct cluster *cl, struct random *r,
                                 bool (*ask)(void *ctx, const struct endpoint *ep), void *ctx,
                                 bool *vetoed)
{
    const struct pick_how how = {.ask = ask, .ctx = ctx};
    return cluster_pick_how(cl, r, &how, vetoed);
}

/* -- balancers without a key ------------------------------------------------------------------- */

/* Workers that start at the same time begin the round at different places, else each of them would
 * send its first request to the first endpoint. */
static void scatter(struct cluster *cl, const struct pick_group *g, struct random *r)
{
    cl->fresh = false;
    for (uint64_t skip = random_below(r, g->n); skip; skip--)
        balance_round_robin(g->endpoints, g->n, g->total_weight);
}

static size_t balance_other(const struct cluster *cl, const struct pick_group *g, struct random *r)
{
    const struct cluster_conf *conf = cl->conf;
    const struct draw two = {.choices = 2, .bias = 100};
    const struct draw draw = {.choices = (size_t)conf->least_request.choices,
                              .bias = (uint32_t)conf->least_request.bias};
    const struct ewma ewma = {.now_us = *cl->now_us, .decay_us = conf->ewma_decay * 1000};
    switch (conf->balance) {
    case BALANCE_LEAST_REQUEST:
        return balance_least_request(g->endpoints, g->n, g->total_weight, &draw, r);
    case BALANCE_PEAK_EWMA:
        return balance_peak_ewma(g->endpoints, g->n, g->total_weight, &ewma, r);
    default:
        return balance_least_request(g->endpoints, g->n, g->total_weight, &two, r);
    }
}

static struct endpoint *balance(struct cluster *cl, struct pick_group *g, struct random *r)
{
    if (g->n == 1)
        return g->endpoints[0];
    if (cl->conf->balance != BALANCE_ROUND_ROBIN)
        return g->endpoints[balance_other(cl, g, r)];
    if (unlikely(cl->fresh))
        scatter(cl, g, r);
    return g->endpoints[balance_round_robin(g->endpoints, g->n, g->total_weight)];
}

/* -- with conditions --------------------------------------------------------------------------- */

/* Each is looked at once; one that was tried before may still come last. */
static bool is_taken(const struct pick *p, struct endpoint *ep, bool again)
{
    const struct pick_how *how = p->how;
    if (ep->asked == p->round || (!again && how->tried && how->tried(how->ctx, ep)))
        return false;
    ep->asked = p->round;
    if (!how->ask || how->ask(how->ctx, ep))
        return true;
    *p->vetoed = true;
    return false;
}

static struct endpoint *balance_some(const struct pick *p, struct pick_group *g)
{
    for (int i = 0; i < PICKS_MAX; i++) {
        struct endpoint *ep = balance(p->cl, g, p->random);
        if (is_taken(p, ep, false))
            return ep;
        if (g->n == 1)
            break;
    }
    return NULL;
}

static struct endpoint *one_by_one(const struct pick *p, const struct pick_group *g, bool again)
{
    const size_t from = random_below(p->random, g->n);
    for (size_t i = 0; i < g->n; i++) {
        struct endpoint *ep = g->endpoints[(from + i) % g->n];
        if (is_taken(p, ep, again))
            return ep;
    }
    return NULL;
}

static struct endpoint *of_the_rest(const struct pick *p, const struct pick_group *first)
{
    struct cluster *cl = p->cl;
    struct endpoint *ep = one_by_one(p, first, false);
    for (size_t i = 0; !ep && i < cl->groups_n; i++)
        ep = &cl->groups[i] == first ? NULL : one_by_one(p, &cl->groups[i], false);
    if (!ep && p->how->tried)
        ep = one_by_one(p, first, true);
    for (size_t i = 0; !ep && p->how->tried && i < cl->groups_n; i++)
        ep = &cl->groups[i] == first ? NULL : one_by_one(p, &cl->groups[i], true);
    return ep;
}

/* -- by key ------------------------------------------------------------------------------------ */

/* Members are the endpoints with the weights in force, in all groups and whatever their health: so
 * the table stays when that changes. */
static void make_keys(struct cluster *cl)
{
    const struct hash_conf *h = &cl->conf->hash;
    const struct hash_sizes sizes = {.ring_min = (size_t)h->ring_min,
                                     .ring_max = (size_t)h->ring_max,
                                     .places = (size_t)h->places};
    struct hash_member *members = calloc(cl->n + 1, sizeof *members);
    must(members);
    for (size_t i = 0; i < cl->n; i++)
        members[i] = (struct hash_member){.owner = cluster_owner(slice_str(cl->endpoints[i]->name)),
                                          .weight = cl->endpoints[i]->base};
    hash_table_make(&cl->table_of_keys,
                    cl->conf->balance == BALANCE_MAGLEV ? HASH_MAGLEV : HASH_RING, &sizes, members,
                    cl->n);
    cl->keys_stale = false;
    free(members);
}

/* One with a part of its weight takes that part of its keys, always the same ones. */
static bool has_key(const struct pick *p, const struct endpoint *ep)
{
    const uint64_t whole = (uint64_t)ep->base * WEIGHT_ONE;
    if (ep->weight >= whole)
        return true;
    return hash_mix(p->key, cluster_owner(slice_str(ep->name))) % whole < ep->weight;
}

static uint64_t active_in(const struct pick_group *g)
{
    uint64_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += g->endpoints[i]->active;
    return n;
}

/* How much is asked of the one that gets a key. */
enum fit { FIT_ROOM, FIT_SHARE, FIT_ANY };

static bool fits(const struct pick *p, const struct pick_group *g, const struct endpoint *ep,
                 enum fit fit, uint64_t active)
{
    const uint32_t factor = (uint32_t)p->cl->conf->hash.load_factor;
    if (ep->group != g - p->cl->groups)
        return false;
    if (fit == FIT_ROOM && !balance_has_room(ep, active, g->total_weight, factor))
        return false;
    return fit == FIT_ANY || has_key(p, ep);
}

/* From the key on, the first that fits and is taken. */
static struct endpoint *walk(const struct pick *p, const struct pick_group *g, enum fit fit)
{
    struct cluster *cl = p->cl;
    const struct hash_table *t = &cl->table_of_keys;
    const uint64_t active = fit == FIT_ROOM ? active_in(g) : 0, id = ++cl->round;
    size_t at = hash_table_at(t, p->key), left = cl->n;
    for (size_t i = 0; i < t->n && left; i++, at = hash_table_next(t, at)) {
        struct endpoint *ep = cl->endpoints[hash_table_member(t, at)];
        if (ep->walked == id)
            continue;
        ep->walked = id;
        left--;
        if (fits(p, g, ep, fit, active) && is_taken(p, ep, false))
            return ep;
    }
    return NULL;
}

static struct endpoint *by_key(const struct pick *p, const struct pick_group *g)
{
    struct cluster *cl = p->cl;
    struct endpoint *ep = NULL;
    if (unlikely(cl->keys_stale))
        make_keys(cl);
    for (int fit = cl->conf->hash.load_factor ? FIT_ROOM : FIT_SHARE; !ep && fit <= FIT_ANY; fit++)
        ep = cl->table_of_keys.n ? walk(p, g, (enum fit)fit) : NULL;
    return ep;
}

/* -- a pick ------------------------------------------------------------------------------------ */

struct endpoint *cluster_pick_how(struct cluster *cl, struct random *r, const struct pick_how *how,
                                  bool *vetoed)
{
    *vetoed = false;
    cluster_follow(cl);
    if (unlikely(!cl->groups_n))
        return NULL;
    const struct pick p = {.cl = cl,
                           .random = r,
                           .how = how,
                           .key = how->hashed ? how->hash : random_u64(r),
                           .round = ++cl->round,
                           .vetoed = vetoed};
    struct pick_group *g = group_at(cl, (uint32_t)(hash_mix(p.key, MILLION) % MILLION));
    cl->picking = true;
    struct endpoint *ep = is_hashing(cl) ? by_key(&p, g) : balance_some(&p, g);
    if (!ep)
        ep = of_the_rest(&p, g);
    cl->picking = false;
    if (unlikely(cl->panic))
        count_panic(ep);
    return ep;
}

void endpoint_took(struct endpoint *ep, uint64_t took_us, enum took how)
{
    const struct cluster *cl = ep->cluster;
    if (likely(cl->conf->balance != BALANCE_PEAK_EWMA))
        return;
    const struct ewma ewma = {.now_us = *cl->now_us, .decay_us = cl->conf->ewma_decay * 1000};
    ewma_add(ep, &ewma, took_us, how);
}
