/* SPDX-License-Identifier: Apache-2.0 */
/* Idle connections of one worker, kept per endpoint, the most recently used first: so a pool that
 * is larger than the load needs shrinks by itself, from its cold end. */
#include "upstream/origin_h2.h"

#include "core/cluster/endpoint_cell.h"
#include "core/stats/stats.h"
#include "core/worker.h"

#include <stdlib.h>

void pools_init(struct origin_pools *p, struct worker *w, origin_dial *dial, void *dial_ctx)
{
    *p = (struct origin_pools){.w = w, .dial = dial, .dial_ctx = dial_ctx};
    list_init(&p->busy);
    slab_init(&p->slab, sizeof(struct origin), 0);
    int64_t most = 1;
    const struct config *c = w->g->config;
    for (size_t i = 0; i < c->clusters_n; i++)
        if (c->clusters[i].limits.field_count > most)
            most = c->clusters[i].limits.field_count;
    p->fields = calloc((size_t)most, sizeof *p->fields);
    must(p->fields);
    origin_h2_setup(p);
}

static void close_all(struct list *origins)
{
    list_each_safe (node, origins)
        origin_close(list_entry(node, struct origin, node));
}

static void close_endpoint(struct endpoint *ep)
{
    endpoint_acquire(ep);
    close_all(&ep->idle);
    close_all(&ep->shared);
    endpoint_release(ep);
}

void pools_close_cluster(struct cluster *cl)
{
    for (size_t i = 0; i < cl->n; i++)
        close_endpoint(cl->endpoints[i]);
    list_each_safe (node, &cl->retired)
        close_endpoint(list_entry(node, struct endpoint, node));
}

void pools_fini(struct origin_pools *p)
{
    close_all(&p->busy);
    for (size_t i = 0; i < p->w->g->config->clusters_n; i++)
        pools_close_cluster(&p->w->clusters[i]);
    free(p->fields);
    origin_h2_teardown(p);
}

void pools_free_memory(struct origin_pools *p)
{
    slab_fini(&p->slab);
    slab_fini(&p->sessions);
    slab_fini(&p->streams);
    h2_memory_fini(&p->memory);
}

void pool_drop_idle(struct endpoint *ep)
{
    endpoint_acquire(ep); /* it may go with its last connection */
    close_all(&ep->idle);
    list_each_safe (node, &ep->shared) {
        struct origin *o = list_entry(node, struct origin, node);
        if (o->h2 && ep->waiting_n == 0)
            origin_h2_drain(o);
    }
    endpoint_release(ep);
}

/* -- how many there may be --------------------------------------------------------------------- */

/* Health checks have no part in it: an endpoint must not fall because the cluster is full. */
static struct cluster_shared *shared_of(const struct origin_pools *p, const struct endpoint *ep)
{
    const struct generation *g = p->w->g;
    return g->shared && !ep->cluster->checks ? g->shared[ep->cluster->conf->place.index] : NULL;
}

/* The coldest idle connection of an endpoint goes, so that another endpoint may be reached. Other
 * workers' can't be reached from here. */
static bool close_idle(struct cluster *cl)
{
    for (size_t i = 0; i < cl->n; i++) {
        struct endpoint *ep = cl->endpoints[i];
        if (!ep->idle_n)
            continue;
        origin_close(list_entry(ep->idle.prev, struct origin, node));
        return true;
    }
    return false;
}

/* What the process has taken is noted in its own column first, so that the master can give it back
 * when the process dies (stats_slot_dead). */
bool pool_enter(struct origin_pools *p, struct endpoint *ep)
{
    struct cluster_shared *shared = shared_of(p, ep);
    ep->stats->open++;
    if (!shared)
        return true;
    const uint64_t max = p->w->g->connections_max[ep->cluster->conf->place.index];
    const uint64_t before = atomic_fetch_add(&shared->connections, 1);
    if (!max || before < max)
        return true;
    if (close_idle(ep->cluster) && atomic_load(&shared->connections) <= max)
        return true;
    ep->stats->connections_full++;
    pool_leave(p, ep);
    return false;
}

void pool_leave(struct origin_pools *p, struct endpoint *ep)
{
    struct cluster_shared *shared = shared_of(p, ep);
    if (shared)
        atomic_fetch_sub(&shared->connections, 1);
    ep->stats->open--;
}

/* -- what is idle ------------------------------------------------------------------------------ */

/* A connection that began with a PROXY header is that client's alone. */
static struct origin *find_idle(struct endpoint *ep, const struct exchange *x)
{
    const bool any = ep->cluster->conf->proxy_protocol == PROXY_PROTOCOL_OFF;
    list_each (node, &ep->idle) {
        struct origin *o = list_entry(node, struct origin, node);
        if (any || proxy_client_eq(o->client, proxy_client_of(x)))
            return o;
    }
    return NULL;
}

struct origin *pool_take(struct endpoint *ep, const struct exchange *x)
{
    struct origin *o = find_idle(ep, x);
    if (!o)
        return NULL;
    list_remove(&o->node);
    ep->idle_n--;
    list_push(&o->pools->busy, &o->node);
    o->state = ORIGIN_BUSY;
    return o;
}

void pool_give(struct origin *o)
{
    struct endpoint *ep = o->endpoint;
    const struct cluster_conf *conf = ep->cluster->conf;
    const bool used_up = conf->pool.max_requests && o->requests >= conf->pool.max_requests;
    if (ep->gone || used_up || conf->pool.max_idle == 0) {
        origin_close(o);
        return;
    }
    if (ep->idle_n >= conf->pool.max_idle)
        origin_close(list_entry(ep->idle.prev, struct origin, node));
    list_remove(&o->node);
    list_push_front(&ep->idle, &o->node);
    ep->idle_n++;
    o->state = ORIGIN_IDLE;
    if (conf->pool.idle_timeout)
        timer_start(o->pools->w->loop, &o->timer, conf->pool.idle_timeout);
}
