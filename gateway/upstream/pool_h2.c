/* SPDX-License-Identifier: Apache-2.0 */
/* Which HTTP/2 connection an attempt goes to. An endpoint has a few connections that all attempts
 * share, and one queue of attempts that found no room. The first connection with room takes an
 * attempt, so that those at the end of the list fall idle and go when fewer are needed.
 *
 * A connection is opened when what waits is more than what those that are there, or are being
 * opened, will take: a hundred attempts at once open one connection. When there are
 * pool.connections of them the rest waits, first come first served, each as long as
 * timeouts.connect lets it; and when pool.waiting are waiting the next one is refused at once. */
#include "upstream/origin_h2.h"

#include "core/exchange.h"
#include "core/stats/stats.h"

static bool open_enough(struct origin_pools *p, struct endpoint *ep);

static const struct cluster_conf *conf_of(const struct endpoint *ep)
{
    return ep->cluster->conf;
}

static struct origin_pools *pools_of(const struct attempt *at)
{
    return at->x->w->pools;
}

/* -- attempts ---------------------------------------------------------------------------------- */

struct origin_stream *pool_h2_stream(struct attempt *at)
{
    struct origin_pools *p = pools_of(at);
    struct origin_stream *s = slab_get(&p->streams);
    if (!s)
        return NULL;
    *s = (struct origin_stream){.at = at, .connect = origin_h2_wants_tunnel(at)};
    list_init(&s->node);
    bytes_init(&s->out, &p->w->loop->stock);
    at->ops = &origin_h2_ops;
    at->origin = s;
    return s;
}

static void drop(struct attempt *at)
{
    struct origin_stream *s = at->origin;
    at->origin = NULL;
    slab_put(&pools_of(at)->streams, s);
}

static struct origin *find_room(const struct endpoint *ep, const struct attempt *at)
{
    list_each (node, &ep->shared) {
        struct origin *o = list_entry(node, struct origin, node);
        if (origin_h2_has_room(o, at))
            return o;
    }
    return NULL;
}

static struct origin *find_decliner(const struct endpoint *ep, const struct attempt *at)
{
    list_each (node, &ep->shared) {
        struct origin *o = list_entry(node, struct origin, node);
        if (origin_h2_declines(o, at))
            return o;
    }
    return NULL;
}

enum origin_opened pool_h2_open(struct attempt *at)
{
    struct endpoint *ep = at->endpoint;
    struct origin_stream *s = pool_h2_stream(at);
    if (!s)
        return ORIGIN_REFUSED;
    struct origin *o = ep->waiting_n ? NULL : find_room(ep, at);
    if (o) {
        if (origin_h2_start(o, s))
            return ORIGIN_KEPT;
        drop(at);
        return ORIGIN_REFUSED;
    }
    if (ep->waiting_n >= conf_of(ep)->pool.waiting) {
        ep->stats->h2_overflows++;
        drop(at);
        return ORIGIN_REFUSED;
    }
    list_push(&ep->waiting, &s->node);
    ep->waiting_n++;
    ep->stats->h2_waited++;
    o = find_decliner(ep, at);
    if (o) { /* which is told as late as everything else */
        origin_h2_look(o);
        return ORIGIN_PENDING;
    }
    if (open_enough(pools_of(at), ep) || ep->shared_n)
        return ORIGIN_PENDING;
    pool_h2_forget(s);
    return pool_refusal(pools_of(at));
}

static void unwait(struct origin_stream *s)
{
    list_remove(&s->node);
    s->at->endpoint->waiting_n--;
}

void pool_h2_forget(struct origin_stream *s)
{
    unwait(s);
    drop(s->at);
}

/* -- the queue --------------------------------------------------------------------------------- */

static void fail_waiting(struct origin_stream *s, enum why why, const char *detail)
{
    struct attempt *at = s->at;
    pool_h2_forget(s);
    attempt_on_fail(at, why, detail);
}

static void start_waiting(struct origin *o, struct origin_stream *s)
{
    struct attempt *at = s->at;
    const bool kept = o->requests > 0 && !at->fresh;
    unwait(s);
    if (!origin_h2_start(o, s)) {
        drop(at);
        attempt_on_fail(at, WHY_OVERLOAD, "stream");
        return;
    }
    if (kept) {
        at->reused = true;
        at->endpoint->stats->reused++;
    }
    attempt_on_open(at);
}

void pool_h2_serve(struct origin_pools *p, struct endpoint *ep)
{
    endpoint_acquire(ep); /* it may lose its last attempt here */
    list_each_safe (node, &ep->waiting) {
        struct origin_stream *s = list_entry(node, struct origin_stream, node);
        struct origin *o = find_room(ep, s->at);
        if (o)
            start_waiting(o, s);
        else if (find_decliner(ep, s->at))
            fail_waiting(s, WHY_UPGRADE, "extended_connect");
        else if (!s->connect)
            break;
    }
    if (!open_enough(p, ep) && !ep->shared_n)
        pool_h2_not_made(ep, p->refused, "origin");
    endpoint_release(ep);
}

void pool_h2_not_made(struct endpoint *ep, enum why why, const char *detail)
{
    if (ep->shared_n)
        return;
    endpoint_acquire(ep);
    list_each_safe (node, &ep->waiting)
        fail_waiting(list_entry(node, struct origin_stream, node), why, detail);
    endpoint_release(ep);
}

/* -- connections ------------------------------------------------------------------------------- */

static uint64_t expected_room(const struct endpoint *ep)
{
    const uint32_t conf = (uint32_t)conf_of(ep)->pool.streams;
    const uint32_t fresh = ep->streams_seen && ep->streams_seen < conf ? ep->streams_seen : conf;
    uint64_t room = 0;
    list_each (node, &ep->shared) {
        const struct origin *o = list_entry(node, struct origin, node);
        room += o->h2 ? origin_h2_room(o) : fresh;
    }
    return room;
}

/* False when a connection that is needed could not even be begun. */
static bool open_enough(struct origin_pools *p, struct endpoint *ep)
{
    while (ep->waiting_n && ep->shared_n < conf_of(ep)->pool.connections &&
           ep->waiting_n > expected_room(ep)) {
        struct origin *o = origin_connect(p, ep, NULL);
        if (!o)
            return false;
        pool_h2_share(o);
    }
    return true;
}

void pool_h2_share(struct origin *o)
{
    if (o->shared)
        return;
    o->shared = true;
    o->endpoint->shared_n++;
    list_remove(&o->node);
    list_push(&o->endpoint->shared, &o->node);
}

void pool_h2_withdraw(struct origin *o)
{
    if (!o->shared)
        return;
    o->shared = false;
    o->endpoint->shared_n--;
    list_remove(&o->node);
    list_push(&o->pools->busy, &o->node);
}

static void give_h1(struct attempt *at, struct origin *o)
{
    at->ops = &origin_h1_ops;
    at->origin = o;
    if (!o)
        attempt_on_fail(at, pools_of(at)->refused, "origin");
}

void pool_h2_disperse(struct origin *o)
{
    struct endpoint *ep = o->endpoint;
    struct origin_pools *p = o->pools;
    endpoint_acquire(ep);
    for (bool first = true; ep->waiting_n; first = false) {
        struct attempt *at = list_entry(ep->waiting.next, struct origin_stream, node)->at;
        pool_h2_forget(at->origin);
        if (!first) {
            give_h1(at, origin_connect(p, ep, at));
            continue;
        }
        o->at = at;
        give_h1(at, o);
        origin_h1_begin(o);
    }
    endpoint_release(ep);
}
