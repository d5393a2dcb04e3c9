/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 towards an endpoint: one connection, one attempt at a time. The head and the content of
 * the request go out through the link's queue, what comes in is parsed and told to the attempt.
 *
 * A connection is used again only when the response was read to its end, the request was sent to
 * its end, nothing came behind the response, and both sides agreed to keep it. In all other cases
 * it is closed: a connection in doubt is how responses get mixed up between clients. */
#include "upstream/origin.h"

#include "base/log.h"
#include "core/exchange.h"
#include "core/stats.h"
#include "http/h1_write.h"

#include <errno.h>

static void on_open(struct link *l);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_room(struct link *l);
static void on_stall(struct link *l);
static void on_drained(struct link *l);
static void on_fail(struct link *l, int err);
static void on_idle_timer(struct timer *t);

static const struct link_events origin_link_events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_stall = on_stall,
    .on_drained = on_drained,
    .on_fail = on_fail,
};

/* A misbehaving origin could send interim responses for ever. */
enum { INTERIMS_MAX = 32 };

static const struct cluster_conf *conf_of(const struct origin *o)
{
    return o->endpoint->cluster->conf;
}

/* -- opening and closing --------------------------------------------------------------------------
 */

static bool start_request(struct origin *o)
{
    const struct plan *p = &o->at->x->plan;
    const enum method m = o->at->x->request.method_id;
    const bool wants_length = m == METHOD_POST || m == METHOD_PUT || m == METHOD_PATCH;
    const struct h1_out how = {
        .body = p->body,
        .content_length = p->content_length,
        .write_length = p->body == BODY_NONE && wants_length,
        .upgrade = p->upgrade,
        .te_trailers = p->te_trailers,
    };
    o->requests++;
    o->interims = 0;
    o->chunked_out = p->body == BODY_CHUNKED;
    o->request_done = o->head_done = o->tunnel = false;
    if (!h1_write_request(&o->link->out, p->method, p->target, &p->fields, &how))
        return false;
    link_send(o->link);
    return true;
}

/* A PROXY header is the first that goes out, whatever follows. */
static struct link *dial(struct origin_pools *p, struct attempt *at)
{
    const int version = at->endpoint->cluster->conf->proxy_protocol;
    struct link *link = p->dial(p->dial_ctx, p->w->loop, &at->endpoint->addr);
    if (!link || version == PROXY_PROTOCOL_OFF)
        return link;
    if (!proxy_out(&link->out, at->x, (enum proxy_protocol)version)) {
        link_close(link);
        return NULL;
    }
    link_send(link);
    return link;
}

static struct origin *origin_connect(struct origin_pools *p, struct attempt *at)
{
    struct link *link = dial(p, at);
    if (!link)
        return NULL;
    struct origin *o = slab_get(&p->slab);
    if (!o) {
        link_close(link);
        return NULL;
    }
    *o = (struct origin){.pools = p, .endpoint = at->endpoint, .link = link, .at = at};
    o->client = proxy_client_of(at->x);
    o->state = ORIGIN_CONNECTING;
    o->limits = (struct h1_limits){
        .head_size = (uint32_t)conf_of(o)->limits.head_size,
        .target_size = UINT32_MAX,
        .field_count = (uint16_t)conf_of(o)->limits.field_count,
    };
    list_init(&o->node);
    list_push(&p->busy, &o->node);
    timer_init(&o->timer, on_idle_timer);
    bytes_init(&o->in, &p->w->loop->stock);
    o->endpoint->open_n++;
    o->endpoint->stats->open++;
    link->out_high = (uint32_t)conf_of(o)->limits.queue;
    link_start(link, &origin_link_events, o);
    return o;
}

static enum origin_opened open_attempt(struct attempt *at)
{
    struct origin_pools *p = at->x->w->pools;
    struct origin *o = at->fresh ? NULL : pool_take(at->endpoint, at->x);
    if (!o) {
        at->origin = origin_connect(p, at);
        return at->origin ? ORIGIN_PENDING : ORIGIN_REFUSED;
    }
    o->at = at;
    at->origin = o;
    if (start_request(o))
        return ORIGIN_KEPT;
    at->origin = NULL;
    origin_close(o);
    return ORIGIN_REFUSED;
}

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
    list_remove(&o->node);
    timer_stop(&o->timer);
    bytes_clear(&o->in);
    link_close(o->link);
    ep->open_n--;
    ep->stats->open--;
    loop_bury(o->pools->w->loop, &o->grave, on_free);
    endpoint_closed(ep); /* the last connection of an endpoint that left the table takes it along */
}

/* The attempt learns what happened, the connection is of no use any more. */
static void fail(struct origin *o, enum why why, const char *detail)
{
    struct attempt *at = o->at;
    o->at = NULL;
    if (at) {
        at->origin = NULL;
        attempt_on_fail(at, why, detail);
    }
    origin_close(o);
}

static void fail_parse(struct origin *o, enum h1_fault fault)
{
    o->pools->w->stats->worker->h1_faults[fault]++;
    fail(o, WHY_BAD_RESPONSE, h1_fault_name(fault));
}

/* What is queued still leaves, as long as the origin takes some of it now and then. */
static void leave(struct origin *o)
{
    o->state = ORIGIN_LEAVING;
    if (conf_of(o)->timeouts.body_idle)
        timer_start(o->pools->w->loop, &o->timer, conf_of(o)->timeouts.body_idle);
}

/* A tunnel has no framing: only how the connection ends tells whether all has come. */
static void cancel(struct attempt *at)
{
    struct origin *o = at->origin;
    const bool both_ended = o->tunnel && o->request_done && o->link->eof_in;
    at->origin = NULL;
    o->at = NULL;
    if (both_ended && link_unsent(o->link)) {
        leave(o);
        return;
    }
    if (o->tunnel && !both_ended)
        link_reset(o->link);
    origin_close(o);
}

/* -- the request goes out
 * -------------------------------------------------------------------------- */

static void send_body(struct attempt *at, struct bytes *from)
{
    struct origin *o = at->origin;
    if (!h1_write_content(&o->link->out, from, link_room(o->link), o->chunked_out)) {
        fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    link_send(o->link);
}

static void send_end(struct attempt *at, const struct fields *trailers)
{
    struct origin *o = at->origin;
    o->request_done = true;
    if (o->tunnel) {
        link_end(o->link);
        return;
    }
    if (!o->chunked_out)
        return;
    if (!h1_write_last_chunk(&o->link->out, trailers)) {
        fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    link_send(o->link);
}

static void resume(struct attempt *at)
{
    link_resume(((struct origin *)at->origin)->link);
}

const struct origin_ops origin_h1_ops = {
    .open = open_attempt,
    .send_body = send_body,
    .send_end = send_end,
    .resume = resume,
    .cancel = cancel,
};

/* -- the response comes in
 * --------------------------------------------------------------------------- */

static void end_response(struct origin *o, bool clean)
{
    struct attempt *at = o->at;
    const bool again = clean && o->keep_alive && o->request_done && link_unsent(o->link) == 0;
    o->at = NULL;
    at->origin = NULL;
    attempt_on_end(at, &o->body.trailers);
    if (again)
        pool_give(o);
    else
        origin_close(o);
}

/* Takes content out of *s. False when the origin is done with this response, one way or another. */
static bool take_body(struct origin *o, struct block *b, struct slice *s)
{
    for (;;) {
        struct slice data;
        switch (h1_body_next(&o->body, s, &data)) {
        case H1_BODY_DATA:
            attempt_on_body(o->at, b, data);
            if (!o->at)
                return false;
            break;
        case H1_BODY_MORE:
            if (attempt_wants_pause(o->at))
                link_pause(o->link);
            return true;
        case H1_BODY_END:
            end_response(o, s->n == 0);
            return false;
        case H1_BODY_BAD:
            fail_parse(o, o->body.fault);
            return false;
        }
    }
}

static void begin_body(struct origin *o, const struct response_head *h)
{
    o->head_done = true;
    o->keep_alive = h->keep_alive;
    o->tunnel = h->body == BODY_TUNNEL;
    if (o->tunnel)
        o->chunked_out = false;
    h1_body_init(&o->body, h->body, h->content_length, &o->limits, &o->at->x->arena);
}

/* Takes heads (interim ones and the final one) off *s. False when no final head has come yet, or
 * the attempt is over. */
static bool take_head(struct origin *o, struct slice *s)
{
    const struct request_head *rq = &o->at->x->request;
    for (;;) {
        struct h1_parser p = {
            .limits = &o->limits, .fields = o->pools->fields, .scanned = o->scanned};
        struct response_head h;
        const ssize_t n =
            h1_parse_response(&p, *s, rq->method_id, o->at->x->plan.upgrade.n > 0, &h);
        if (n < 0) {
            fail_parse(o, p.fault);
            return false;
        }
        o->scanned = n ? 0 : p.scanned;
        if (n == 0)
            return false;
        const struct slice raw = slice_of(s->p, (size_t)n);
        *s = slice_from(*s, (size_t)n);
        if (h.status == 101 && !o->request_done) { /* RFC 9110 7.8 */
            fail(o, WHY_BAD_RESPONSE, "switched before the request's end");
            return false;
        }
        if (h.status >= 200 || h.status == 101) {
            begin_body(o, &h);
            attempt_on_head(o->at, &h, raw);
            return true;
        }
        if (++o->interims > INTERIMS_MAX) {
            fail(o, WHY_BAD_RESPONSE, "too many interim responses");
            return false;
        }
        attempt_on_interim(o->at, &h, raw);
    }
}

/* Returns how much of `s` was taken; what is left is an incomplete head. */
static size_t take(struct origin *o, struct block *b, struct slice s)
{
    const size_t whole = s.n;
    if (!o->head_done && !take_head(o, &s))
        return o->state == ORIGIN_CLOSED ? whole : whole - s.n;
    take_body(o, b, &s);
    return whole;
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct origin *o = l->owner;
    if (!o->at) { /* bytes that nobody asked for */
        origin_close(o);
        return;
    }
    o->at->answered = true;
    if (o->in.n == 0) {
        const size_t taken = take(o, b, s);
        if (taken < s.n && !bytes_append(&o->in, b, slice_from(s, taken)))
            fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    if (!bytes_append(&o->in, b, s) || !bytes_flatten(&o->in, BLOCK_SIZE)) {
        fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    /* The front may be shorter than what is queued when a head is followed by content. */
    while (o->state == ORIGIN_BUSY && o->in.n) {
        struct block *held = block_ref(bytes_front_block(&o->in));
        const size_t taken = take(o, held, bytes_front(&o->in));
        block_unref(held);
        if (o->state == ORIGIN_CLOSED || taken == 0)
            return;
        bytes_consume(&o->in, taken);
    }
    if (o->state == ORIGIN_IDLE && o->in.n) /* more than the response that was asked for */
        origin_close(o);
}

/* -- other events
 * ------------------------------------------------------------------------------------ */

static void on_open(struct link *l)
{
    struct origin *o = l->owner;
    o->state = ORIGIN_BUSY;
    o->endpoint->stats->connects++;
    if (!start_request(o)) {
        fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    attempt_on_open(o->at);
}

static void on_eof(struct link *l)
{
    struct origin *o = l->owner;
    if (!o->at) {
        origin_close(o);
    } else if (!o->head_done) {
        fail(o, o->in.n ? WHY_TRUNCATED : WHY_CLOSED, NULL);
    } else if (o->tunnel) {
        attempt_on_end(o->at, NULL); /* our direction may go on */
    } else if (h1_body_eof_ok(&o->body)) {
        end_response(o, false);
    } else {
        fail(o, WHY_TRUNCATED, NULL);
    }
}

static void on_room(struct link *l)
{
    struct origin *o = l->owner;
    if (o->at)
        attempt_on_room(o->at);
}

static void on_stall(struct link *l)
{
    struct origin *o = l->owner;
    if (o->state == ORIGIN_LEAVING)
        leave(o);
}

static void on_drained(struct link *l)
{
    struct origin *o = l->owner;
    if (o->state == ORIGIN_LEAVING)
        origin_close(o);
}

static void on_fail(struct link *l, int err)
{
    struct origin *o = l->owner;
    if (o->state != ORIGIN_CONNECTING) {
        fail(o, err == EPIPE ? WHY_CLOSED : WHY_RESET, NULL);
        return;
    }
    o->endpoint->stats->connect_failures++;
    log_warn("origin_connect_failed", KV("cluster", conf_of(o)->place.name.p),
             KV("endpoint", o->endpoint->name), KV_ERRNO(err));
    fail(o, err == ETIMEDOUT ? WHY_TIMEOUT_CONNECT : WHY_CONNECT, NULL);
}

static void on_idle_timer(struct timer *t)
{
    struct origin *o = container_of(t, struct origin, timer);
    /* Else it was taken meanwhile, and the timer starts anew when it is given back. */
    if (o->state == ORIGIN_IDLE || o->state == ORIGIN_LEAVING)
        origin_close(o);
}
