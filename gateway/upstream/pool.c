/* SPDX-License-Identifier: Apache-2.0 */
/* Idle connections of one worker, kept per endpoint, the most recently used first: so a pool that
 * is larger than the load needs shrinks by itself, from its cold end. */
#include "upstream/origin.h"

#include "core/stats.h"
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
}

static void drop_cluster(struct cluster *cl)
{
    for (size_t i = 0; i < cl->n; i++)
        pool_drop_idle(cl->endpoints[i]);
    list_each_safe (node, &cl->retired)
        pool_drop_idle(list_entry(node, struct endpoint, node));
}

void pools_fini(struct origin_pools *p)
{
    list_each_safe (node, &p->busy)
        origin_close(list_entry(node, struct origin, node));
    for (size_t i = 0; i < p->w->g->config->clusters_n; i++)
        drop_cluster(&p->w->clusters[i]);
    free(p->fields);
}

void pools_free_memory(struct origin_pools *p)
{
    slab_fini(&p->slab);
}

void pool_drop_idle(struct endpoint *ep)
{
    while (ep->idle_n) {
        const bool last = ep->idle_n == 1 && ep->active == 0; /* ep may go with it */
        origin_close(list_entry(ep->idle.next, struct origin, node));
        if (last)
            return;
    }
}

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
