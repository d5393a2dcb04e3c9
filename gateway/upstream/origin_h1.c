/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 towards an endpoint: one connection, one attempt at a time. The head and the content of
 * the request go out through the link's queue, what comes in is parsed and told to the attempt.
 *
 * A connection is used again only when the response was read to its end, the request was sent to
 * its end, nothing came behind the response, and both sides agreed to keep it. In all other cases
 * it is closed: a connection in doubt is how responses get mixed up between clients. */
#include "upstream/origin.h"

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "http/h1_write.h"

#include <errno.h>

static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_room(struct link *l);
static void on_fail(struct link *l, int err);
static void fail(struct origin *o, enum why why, const char *detail);

static const struct link_events origin_link_events = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_fail = on_fail,
};

/* -- beginning and failing --------------------------------------------------------------------- */

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
    struct origin_h1 *h1 = &o->h1;
    o->requests++;
    h1->interims = 0;
    h1->chunked_out = p->body == BODY_CHUNKED;
    h1->request_done = h1->head_done = h1->tunnel = false;
    if (!h1_write_request(&o->link->out, p->method, p->target, o->at->fields, &how))
        return false;
    link_send(o->link);
    return true;
}

void origin_h1_begin(struct origin *o)
{
    o->h1.limits = (struct h1_limits){
        .head_size = (uint32_t)origin_conf(o)->limits.head_size,
        .target_size = UINT32_MAX,
        .field_count = (uint16_t)origin_conf(o)->limits.field_count,
    };
    link_start(o->link, &origin_link_events, o);
    if (start_request(o))
        attempt_on_open(o->at);
    else
        fail(o, WHY_OVERLOAD, "blocks");
}

enum origin_opened origin_h1_reuse(struct origin *o, struct attempt *at)
{
    o->at = at;
    at->origin = o;
    if (start_request(o))
        return ORIGIN_KEPT;
    at->origin = NULL;
    origin_close(o);
    return ORIGIN_REFUSED;
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

/* A tunnel has no framing: only how the connection ends tells whether all has come. */
static void cancel(struct attempt *at)
{
    struct origin *o = at->origin;
    const bool both_ended = o->h1.tunnel && o->h1.request_done && o->link->eof_in;
    at->origin = NULL;
    o->at = NULL;
    if (both_ended && link_unsent(o->link)) {
        origin_leave(o);
        return;
    }
    if (o->h1.tunnel && !both_ended)
        link_reset(o->link);
    origin_close(o);
}

/* -- the request goes out ---------------------------------------------------------------------- */

static void send_body(struct attempt *at, struct bytes *from)
{
    struct origin *o = at->origin;
    if (!h1_write_content(&o->link->out, from, link_room(o->link), o->h1.chunked_out)) {
        fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    link_send(o->link);
}

static void send_end(struct attempt *at, const struct fields *trailers)
{
    struct origin *o = at->origin;
    o->h1.request_done = true;
    if (o->h1.tunnel) {
        link_end(o->link);
        return;
    }
    if (!o->h1.chunked_out)
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
    .send_body = send_body,
    .send_end = send_end,
    .resume = resume,
    .cancel = cancel,
};

/* -- the response comes in --------------------------------------------------------------------- */

static void end_response(struct origin *o, bool clean)
{
    struct attempt *at = o->at;
    const bool again = clean && o->h1.keep_alive && o->h1.request_done && link_unsent(o->link) == 0;
    o->at = NULL;
    at->origin = NULL;
    attempt_on_end(at, &o->h1.body.trailers);
    if (again) {
        link_resume(o->link); /* the end came with the bytes that it was paused for */
        pool_give(o);
    } else {
        origin_close(o);
    }
}

/* Takes content out of *s. False when the origin is done with this response, one way or another. */
static bool take_body(struct origin *o, struct block *b, struct slice *s)
{
    for (;;) {
        struct slice data;
        switch (h1_body_next(&o->h1.body, s, &data)) {
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
            fail_parse(o, o->h1.body.fault);
            return false;
        }
    }
}

static void begin_body(struct origin *o, const struct response_head *h)
{
    o->h1.head_done = true;
    o->h1.keep_alive = h->keep_alive;
    o->h1.tunnel = h->body == BODY_TUNNEL;
    if (o->h1.tunnel)
        o->h1.chunked_out = false;
    h1_body_init(&o->h1.body, h->body, h->content_length, &o->h1.limits, &o->at->x->arena);
}

/* Takes heads (interim ones and the final one) off *s. False when no final head has come yet, or
 * the attempt is over. */
static bool take_head(struct origin *o, struct slice *s)
{
    const struct request_head *rq = &o->at->x->request;
    for (;;) {
        struct h1_parser p = {
            .limits = &o->h1.limits, .fields = o->pools->fields, .scanned = o->h1.scanned};
        struct response_head h;
        const ssize_t n =
            h1_parse_response(&p, *s, rq->method_id, o->at->x->plan.upgrade.n > 0, &h);
        if (n < 0) {
            fail_parse(o, p.fault);
            return false;
        }
        o->h1.scanned = n ? 0 : p.scanned;
        if (n == 0)
            return false;
        const struct slice raw = slice_of(s->p, (size_t)n);
        *s = slice_from(*s, (size_t)n);
        if (h.status == 101 && !o->h1.request_done) { /* RFC 9110 7.8 */
            fail(o, WHY_BAD_RESPONSE, "switched before the request's end");
            return false;
        }
        if (h.status >= 200 || h.status == 101) {
            begin_body(o, &h);
            attempt_on_head(o->at, &h, raw);
            return true;
        }
        if (++o->h1.interims > INTERIMS_MAX) {
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
    if (!o->h1.head_done && !take_head(o, &s))
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
    if (o->h1.in.n == 0) {
        const size_t taken = take(o, b, s);
        if (taken < s.n && !bytes_append(&o->h1.in, b, slice_from(s, taken)))
            fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    if (!bytes_append(&o->h1.in, b, s) || !bytes_flatten(&o->h1.in, BLOCK_SIZE)) {
        fail(o, WHY_OVERLOAD, "blocks");
        return;
    }
    /* The front may be shorter than what is queued when a head is followed by content. */
    while (o->state == ORIGIN_BUSY && o->h1.in.n) {
        struct block *held = block_ref(bytes_front_block(&o->h1.in));
        const size_t taken = take(o, held, bytes_front(&o->h1.in));
        block_unref(held);
        if (o->state == ORIGIN_CLOSED || taken == 0)
            return;
        bytes_consume(&o->h1.in, taken);
    }
    if (o->state == ORIGIN_IDLE && o->h1.in.n) /* more than the response that was asked for */
        origin_close(o);
}

/* -- other events ------------------------------------------------------------------------------ */

static void on_eof(struct link *l)
{
    struct origin *o = l->owner;
    if (!o->at) {
        origin_close(o);
    } else if (!o->h1.head_done) {
        fail(o, o->h1.in.n ? WHY_TRUNCATED : WHY_CLOSED, NULL);
    } else if (o->h1.tunnel) {
        attempt_on_end(o->at, NULL); /* our direction may go on */
    } else if (h1_body_eof_ok(&o->h1.body)) {
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

static void on_fail(struct link *l, int err)
{
    fail(l->owner, err == EPIPE ? WHY_CLOSED : WHY_RESET, NULL);
}
