/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to endpoints, whatever is spoken on them: how they are made and how they go. Until it
 * is known what a connection speaks its events come here, and again when all that is left to do is
 * to let its last bytes go. */
#include "upstream/origin_h2.h"

#include "base/log.h"
#include "core/exchange.h"
#include "core/stats/stats.h"

#include <errno.h>

static void on_open(struct link *l);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_fail(struct link *l, int err);
static void on_leaving_bytes(struct link *l, struct block *b, struct slice s);
static void on_leaving_eof(struct link *l);
static void on_leaving_stall(struct link *l);
static void on_leaving_drained(struct link *l);
static void on_leaving_fail(struct link *l, int err);
static void on_timer(struct timer *t);
static void begin_h2(struct origin *o);
static void begin_h1(struct origin *o);
static void not_made(struct origin *o, enum why why, const char *detail);
static void tls_failed(struct origin *o, const char *reason);

static const struct link_events connecting_events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_fail = on_fail,
};

static const struct link_events leaving_events = {
    .on_open = on_leaving_drained,
    .on_bytes = on_leaving_bytes,
    .on_eof = on_leaving_eof,
    .on_stall = on_leaving_stall,
    .on_drained = on_leaving_drained,
    .on_fail = on_leaving_fail,
};

/* -- opening ----------------------------------------------------------------------------------- */

struct slice origin_host(const struct endpoint *ep, char text[ADDR_TEXT_MAX])
{
    if (ep->conf && ep->conf->host.n)
        return ep->conf->host;
    if (ep->addr.sa.sa_family == AF_UNIX)
        return SLICE("localhost");
    const struct ip ip = addr_ip(&ep->addr);
    return slice_of(text, ip_print(&ip, text));
}

/* A PROXY header is the first that goes out, whatever follows. Only HTTP/1.1 has one, where each
 * connection is made for an attempt. False: there is no block for it. */
static bool begin_proxied(struct link *link, const struct endpoint *ep, const struct attempt *at)
{
    const int version = ep->cluster->conf->proxy_protocol;
    if (version == PROXY_PROTOCOL_OFF)
        return true;
    if (!proxy_out(&link->out, at->x, (enum proxy_protocol)version))
        return false;
    link_send(link);
    return true;
}

/* Health checks may go to another port. */
struct addr origin_address(const struct endpoint *ep)
{
    struct addr a = ep->addr;
    if (ep->cluster->port && a.sa.sa_family != AF_UNIX)
        addr_set_port(&a, ep->cluster->port);
    return a;
}

static struct link *dial(struct origin_pools *p, struct endpoint *ep, const struct attempt *at)
{
    const struct addr to = origin_address(ep);
    struct link *link = p->dial(p->dial_ctx, p->w->loop, &to);
    if (!link)
        return NULL;
    if (!begin_proxied(link, ep, at)) {
        link_close(link);
        return NULL;
    }
    if (!ep->cluster->conf->tls.set)
        return link;
    char text[ADDR_TEXT_MAX];
    const struct tls_client *tls = p->w->g->tls_clients[ep->cluster->conf->place.index];
    return link_tls_connect(link, tls, origin_host(ep, text), &ep->tls_resume);
}

static struct origin *begin(struct origin_pools *p, struct endpoint *ep, const struct attempt *at,
                            struct link **link)
{
    *link = dial(p, ep, at);
    struct origin *o = *link ? slab_get(&p->slab) : NULL;
    if (!o && *link)
        link_close(*link);
    return o;
}

struct origin *origin_connect(struct origin_pools *p, struct endpoint *ep, struct attempt *at)
{
    struct link *link;
    p->refused = WHY_CONNECTIONS;
    if (!pool_enter(p, ep))
        return NULL;
    p->refused = WHY_OVERLOAD;
    struct origin *o = begin(p, ep, at, &link);
    if (!o) {
        pool_leave(p, ep);
        return NULL;
    }
    *o = (struct origin){.pools = p, .endpoint = ep, .link = link, .at = at};
    if (at)
        o->client = proxy_client_of(at->x);
    o->state = ORIGIN_CONNECTING;
    list_init(&o->node);
    list_push(&p->busy, &o->node);
    timer_init(&o->timer, on_timer);
    bytes_init(&o->h1.in, &p->w->loop->stock);
    ep->open_n++;
    link->out_high = (uint32_t)origin_conf(o)->limits.queue;
    if (!at && origin_conf(o)->timeouts.connect) /* else it is the attempt that is timed */
        timer_start(p->w->loop, &o->timer, origin_conf(o)->timeouts.connect);
    link_start(link, &connecting_events, o);
    return o;
}

static enum origin_opened open_attempt(struct attempt *at)
{
    if (at->endpoint->protocol != PROTOCOL_H1)
        return pool_h2_open(at);
    struct origin *o = at->fresh ? NULL : pool_take(at->endpoint, at->x);
    at->ops = &origin_h1_ops;
    if (o)
        return origin_h1_reuse(o, at);
    at->origin = origin_connect(at->x->w->pools, at->endpoint, at);
    return at->origin ? ORIGIN_PENDING : pool_refusal(at->x->w->pools);
}

const struct origin_ops upstream_ops = {.open = open_attempt};

/* What both sides agreed to speak (RFC 7301). False: no memory to find out. */
static bool agree(struct origin *o, enum cluster_protocol *agreed)
{
    const enum cluster_protocol wanted = (enum cluster_protocol)origin_conf(o)->protocol;
    if (!origin_conf(o)->tls.set) {
        *agreed = wanted == PROTOCOL_H2 ? PROTOCOL_H2 : PROTOCOL_H1;
        return true;
    }
    struct tls_facts *facts = link_tls_take_facts(o->link);
    if (!facts)
        return false;
    const bool h2 = slice_eq(facts->alpn, SLICE("h2"));
    o->endpoint->stats->tls_handshakes++;
    o->endpoint->stats->tls_resumed += facts->resumed;
    tls_facts_free(facts);
    *agreed = h2 && wanted != PROTOCOL_H1 ? PROTOCOL_H2 : PROTOCOL_H1;
    return true;
}

/* Who wants nothing but HTTP/2 is not content with what AUTO is content with. */
static void on_open(struct link *l)
{
    struct origin *o = l->owner;
    enum cluster_protocol agreed;
    if (!agree(o, &agreed)) {
        not_made(o, WHY_OVERLOAD, "tls");
        return;
    }
    if (agreed == PROTOCOL_H1 && origin_conf(o)->protocol == PROTOCOL_H2) {
        tls_failed(o, "alpn");
        return;
    }
    timer_stop(&o->timer);
    o->state = ORIGIN_BUSY;
    o->endpoint->stats->connects++;
    o->endpoint->protocol = (uint8_t)agreed;
    if (agreed == PROTOCOL_H2)
        begin_h2(o);
    else
        begin_h1(o);
}

static void begin_h2(struct origin *o)
{
    if (origin_h2_begin(o))
        return;
    not_made(o, WHY_OVERLOAD, "session");
}

static void begin_h1(struct origin *o)
{
    pool_h2_withdraw(o);
    if (o->at)
        origin_h1_begin(o);
    else if (o->endpoint->waiting_n)
        pool_h2_disperse(o);
    else
        pool_give(o);
}

/* -- when that fails --------------------------------------------------------------------------- */

/* Whoever waits for the connection is told. */
static void not_made(struct origin *o, enum why why, const char *detail)
{
    struct endpoint *ep = o->endpoint;
    struct attempt *at = o->at;
    const bool shared = o->shared;
    o->at = NULL;
    endpoint_acquire(ep);
    origin_close(o);
    if (at) {
        at->origin = NULL;
        attempt_on_fail(at, why, detail);
    } else if (shared) {
        pool_h2_not_made(ep, why, detail);
    }
    endpoint_release(ep);
}

static void tls_failed(struct origin *o, const char *reason)
{
    o->endpoint->stats->tls_failures++;
    if (!o->endpoint->cluster->checks)
        log_warn("origin_tls_failed", KV("cluster", origin_conf(o)->place.name.p),
                 KV("endpoint", o->endpoint->name), KV("reason", reason));
    not_made(o, WHY_TLS, reason);
}

static void connect_failed(struct origin *o, int err)
{
    o->endpoint->stats->connect_failures++;
    if (!o->endpoint->cluster->checks)
        log_warn("origin_connect_failed", KV("cluster", origin_conf(o)->place.name.p),
                 KV("endpoint", o->endpoint->name), KV_ERRNO(err));
    not_made(o, err == ETIMEDOUT ? WHY_TIMEOUT_CONNECT : WHY_CONNECT, NULL);
}

static void on_fail(struct link *l, int err)
{
    struct origin *o = l->owner;
    const char *fault = origin_conf(o)->tls.set ? link_tls_fault(l) : "";
    if (*fault)
        tls_failed(o, fault);
    else
        connect_failed(o, err);
}

/* Nobody has asked for anything yet: these don't come before on_open. */
static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    (void)b;
    (void)s;
    connect_failed(l->owner, EPROTO);
}

static void on_eof(struct link *l)
{
    connect_failed(l->owner, ECONNRESET);
}

/* -- closing ----------------------------------------------------------------------------------- */

static void on_free(struct grave *g)
{
    struct origin *o = container_of(g, struct origin, grave);
    slab_put(&o->pools->slab, o);
}

void origin_close(struct origin *o)
{
    if (o->state == ORIGIN_CLOSED)
        return;
    struct endpoint *ep = o->endpoint;
    if (o->state == ORIGIN_IDLE)
        ep->idle_n--;
    o->state = ORIGIN_CLOSED;
    pool_h2_withdraw(o);
    list_remove(&o->node);
    timer_stop(&o->timer);
    bytes_clear(&o->h1.in);
    if (o->h2)
        origin_h2_free(o);
    link_close(o->link);
    ep->open_n--;
    pool_leave(o->pools, ep);
    loop_bury(o->pools->w->loop, &o->grave, on_free);
    endpoint_closed(ep); /* the last connection of an endpoint that left the table takes it along */
}

static void wait_for_progress(struct origin *o)
{
    if (origin_conf(o)->timeouts.body_idle)
        timer_start(o->pools->w->loop, &o->timer, origin_conf(o)->timeouts.body_idle);
}

void origin_leave(struct origin *o)
{
    pool_h2_withdraw(o);
    if (o->h2)
        origin_h2_free(o);
    if (!link_unsent(o->link)) {
        origin_close(o);
        return;
    }
    o->state = ORIGIN_LEAVING;
    link_start(o->link, &leaving_events, o);
    link_resume(o->link);
    wait_for_progress(o);
}

static void on_leaving_bytes(struct link *l, struct block *b, struct slice s)
{
    (void)l;
    (void)b;
    (void)s;
}

/* It may still be reading. */
static void on_leaving_eof(struct link *l)
{
    (void)l;
}

static void on_leaving_stall(struct link *l)
{
    wait_for_progress(l->owner);
}

static void on_leaving_drained(struct link *l)
{
    origin_close(l->owner);
}

static void on_leaving_fail(struct link *l, int err)
{
    (void)err;
    origin_close(l->owner);
}

static void on_timer(struct timer *t)
{
    struct origin *o = container_of(t, struct origin, timer);
    if (o->state == ORIGIN_CONNECTING)
        connect_failed(o, ETIMEDOUT);
    else if (o->h2)
        origin_h2_drain(o);
    else if (o->state != ORIGIN_BUSY) /* it was taken meanwhile; it starts anew when given back */
        origin_close(o);
}
