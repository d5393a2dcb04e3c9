/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: what exchanges say becomes frames that nghttp2 queues, and leaves with the pump.
 *
 * A stream lives until both have let go of it: nghttp2 (st->closed) and the exchange (st->x NULL).
 *
 *     head ──► exchange_new ──► send_head, send_body..., send_end ──► finished
 *                                     └─ out ─► DATA ... END_STREAM ─► on_stream_close */
#include "edge/client_h2_parts.h"

#include "http/websocket.h"

static const struct client_ops stream_ops;

void h2_reset(struct h2_stream *st, uint32_t code)
{
    struct client_h2 *h2 = st->c->h2;
    if (st->closed || !h2->session)
        return;
    nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, st->id, code);
    h2_pump_later(h2);
}

/* -- life -------------------------------------------------------------------------------------- */

static struct h2_stream *stream_new(struct client_h2 *h2, int32_t id)
{
    struct h2_stream *st = slab_get(&h2->shared->streams);
    if (!st)
        return NULL;
    *st = (struct h2_stream){.c = h2->c, .id = id, .priority = PRIORITY_DEFAULT};
    bytes_init(&st->out, &h2_worker(h2)->loop->stock);
    bytes_init(&st->held, &h2_worker(h2)->loop->stock);
    list_init(&st->node);
    list_init(&st->fed);
    list_init(&st->waiting);
    list_init(&st->reading);
    list_init(&st->stalled);
    list_push(&h2->streams, &st->node);
    h2->streams_n++;
    h2->idle_due_ms = 0;
    return st;
}

/* Nothing of it is sent or waited for any more. */
static void stream_silence(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    list_remove(&st->fed);
    list_remove(&st->waiting);
    list_remove(&st->reading);
    list_remove(&st->stalled);
    h2->queued -= st->out.n;
    bytes_clear(&st->out);
    bytes_clear(&st->held);
}

static void stream_free(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    stream_silence(st);
    h2_release(&h2->shared->memory, st->trailers);
    list_remove(&st->node);
    slab_put(&h2->shared->streams, st);
}

/* One stream less is under way. */
static void stream_over(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    const uint64_t idle_ms = h2_conf(h2)->timeouts.keep_alive;
    st->closed = true;
    if (--h2->streams_n == 0 && idle_ms)
        h2->idle_due_ms = h2_now(h2) + idle_ms;
}

void h2_stream_closed(struct h2_stream *st, enum why why)
{
    stream_over(st);
    stream_silence(st);
    if (!st->x)
        stream_free(st);
    else if (!st->end_sent || !st->ended_in)
        exchange_on_gone(st->x, why);
}

/* -- the request ------------------------------------------------------------------------------- */

static enum why why_of_fault(enum h2_fault f)
{
    switch (h2_fault_status(f)) {
    case 414:
        return WHY_TARGET_TOO_LONG;
    case 417:
        return WHY_EXPECTATION;
    case 431:
        return WHY_HEAD_TOO_LARGE;
    case 501:
        return WHY_PROTOCOL;
    default:
        return WHY_BAD_REQUEST;
    }
}

static struct exchange *make_exchange(struct h2_stream *st, bool ended)
{
    struct client_h2 *h2 = st->c->h2;
    struct worker *w = h2_worker(h2);
    struct request_head h;
    struct slice raw;
    char key[WEBSOCKET_KEY] = "";
    if (h2->block->pseudo[H2_PROTOCOL].p) {
        const uint64_t nonce[2] = {random_u64(&w->random), random_u64(&w->random)};
        websocket_key((const uint8_t *)nonce, key);
    }
    const enum h2_fault f = h2_block_request(h2->block, ended, key, &h, &raw);
    if (f != H2_FAULT_NONE) {
        w->stats->worker->h2_faults[f]++;
        return exchange_new_bad(w, &stream_ops, st, &st->c->facts, why_of_fault(f),
                                h2_fault_name(f));
    }
    const struct field *priority = fields_find_token(&h.fields, TOKEN_PRIORITY);
    if (priority)
        priority_parse(priority->value, &st->priority);
    st->upgrade = h.upgrade;
    return exchange_new(w, &stream_ops, st, &st->c->facts, &h, raw);
}

static void count_request(struct client_h2 *h2)
{
    struct listener *l = h2->shared->listener;
    const int64_t most = l->conf->limits.requests;
    h2->c->requests++;
    if (h2->drain != H2_SERVING || !most || h2->c->requests < most)
        return;
    l->stats->requests_limit++;
    h2_begin_drain(h2);
}

void h2_stream_begin(struct client_h2 *h2, int32_t id, bool ended)
{
    struct h2_stream *st = stream_new(h2, id);
    if (st)
        st->x = make_exchange(st, ended);
    if (!st || !st->x) {
        if (st) {
            stream_over(st);
            stream_free(st);
        }
        h2->refusals++; /* nothing was done for it: the client may ask again (RFC 9113 8.7) */
        nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
        return;
    }
    h2->exchanges_n++;
    st->ended_in = ended;
    nghttp2_session_set_stream_user_data(h2->session, id, st);
    if (!st->x->request_done && !ended && !st->upgrade)
        h2_expect_content(st);
    count_request(h2);
}

void h2_expect_content(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    const uint64_t ms = h2_conf(h2)->timeouts.body_idle;
    if (!ms)
        return;
    list_remove(&st->reading);
    st->reading_due_ms = h2_now(h2) + ms;
    list_push(&h2->reading, &st->reading);
}

/* -- content that came ------------------------------------------------------------------------- */

void h2_feed(struct h2_stream *st)
{
    if (!list_linked(&st->fed))
        list_push(&st->c->h2->fed, &st->fed);
    h2_pump_later(st->c->h2);
}

/* What a WebSocket's client said before it was answered. */
static void hand_on_held(struct h2_stream *st)
{
    while (st->held.n) {
        const struct slice s = bytes_front(&st->held);
        exchange_on_body(st->x, bytes_front_block(&st->held), s);
        bytes_consume(&st->held, s.n);
    }
    if (st->ended_in && !st->x->request_done)
        exchange_on_body_end(st->x, NULL);
}

/* The client may send as much again as the exchange has passed on; what it holds is told when it
 * has become less. Without an exchange nobody holds anything. */
static void acknowledge(struct h2_stream *st)
{
    const uint64_t kept = st->x ? st->x->inward.n + st->held.n : 0;
    if (st->received > st->consumed + kept) {
        const uint64_t n = st->received - st->consumed - kept;
        st->consumed += n;
        nghttp2_session_consume_stream(st->c->h2->session, st->id, n);
    }
    if (st->x && st->x->inward.n)
        exchange_tell_room(st->x);
}

void h2_settle_fed(struct client_h2 *h2)
{
    for (struct list *node; (node = list_take(&h2->fed));) {
        struct h2_stream *st = list_entry(node, struct h2_stream, fed);
        if (st->tunnel && st->x)
            hand_on_held(st);
        acknowledge(st);
    }
}

/* -- what the exchange says -------------------------------------------------------------------- */

/* NULL: there is nobody to hear it. */
static struct client_h2 *open_connection(const struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    return st->closed || !h2->session ? NULL : h2;
}

/* The exchange may be gone when nghttp2 writes the head: it takes a copy. */
static void let_copy(nghttp2_nv *nv, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nv[i].flags &= (uint8_t)~NGHTTP2_NV_FLAG_NO_COPY_VALUE;
}

static void send_interim(struct exchange *x, uint16_t status, const struct fields *f)
{
    struct h2_stream *st = x->client;
    struct client_h2 *h2 = open_connection(st);
    if (!h2)
        return;
    nghttp2_nv *nv = h2_nv(h2->shared, f->n + H2_NV_EXTRA);
    const size_t n = h2_write_response(nv, status, false, 0, f, &x->arena);
    let_copy(nv, n);
    nghttp2_submit_headers(h2->session, NGHTTP2_FLAG_NONE, st->id, NULL, nv, n, NULL);
    h2_pump_later(h2);
}

/* RFC 9218 8: what the origin says of the priority wins over what the client said. */
static void take_priority(struct client_h2 *h2, struct h2_stream *st, const struct fields *f)
{
    const struct field *priority = fields_find_token(f, TOKEN_PRIORITY);
    if (!priority || !priority_parse(priority->value, &st->priority))
        return;
    const nghttp2_extpri p = {.urgency = st->priority.urgency, .inc = st->priority.incremental};
    nghttp2_session_change_extpri_stream_priority(h2->session, st->id, &p, 1);
}

/* Nothing follows this head. A response whose length is 0 may still have trailers. */
static bool is_bodiless(const struct exchange *x, const struct reply *r)
{
    if (x->request.method_id == METHOD_HEAD || r->body == BODY_NONE)
        return true;
    return r->body == BODY_LENGTH && r->content_length == 0 &&
           (!x->attempt || (x->attempt->ended && x->attempt->trailers.n == 0));
}

static void send_head(struct exchange *x, const struct reply *r)
{
    struct h2_stream *st = x->client;
    struct client_h2 *h2 = open_connection(st);
    if (!h2)
        return;
    st->tunnel = r->body == BODY_TUNNEL;
    st->bodiless = !st->tunnel && is_bodiless(x, r);
    if (st->tunnel)
        h2_feed(st); /* what was held is for it */
    take_priority(h2, st, &r->fields);
    const bool length = r->status != 204 && !st->tunnel && (r->has_length || r->body == BODY_LENGTH);
    nghttp2_nv *nv = h2_nv(h2->shared, r->fields.n + H2_NV_EXTRA);
    const size_t n =
        h2_write_response(nv, r->status, length, r->content_length, &r->fields, &x->arena);
    let_copy(nv, n);
    const nghttp2_data_provider content = {.source = {.ptr = st}, .read_callback = h2_read_content};
    nghttp2_submit_response(h2->session, st->id, nv, n, st->bodiless ? NULL : &content);
    h2_pump_later(h2);
}

static void send_body(struct exchange *x, struct bytes *from)
{
    struct h2_stream *st = x->client;
    if (!open_connection(st) || st->bodiless)
        bytes_clear(from);
    else if (!h2_take_content(st, from))
        h2_close_now(st->c, WHY_OVERLOAD);
}

/* One run of memory: the array, and the text behind it. */
static bool keep_trailers(struct client_h2 *h2, struct h2_stream *st, const nghttp2_nv *nv, size_t n)
{
    size_t size = n * sizeof *nv;
    for (size_t i = 0; i < n; i++)
        size += nv[i].namelen + nv[i].valuelen;
    st->trailers = h2_alloc(&h2->shared->memory, size);
    if (!st->trailers)
        return false;
    uint8_t *p = (uint8_t *)(st->trailers + n);
    for (size_t i = 0; i < n; i++) {
        st->trailers[i] = nv[i];
        st->trailers[i].flags &= NGHTTP2_NV_FLAG_NO_INDEX;
        st->trailers[i].name = memcpy(p, nv[i].name, nv[i].namelen);
        p += nv[i].namelen;
        st->trailers[i].value = memcpy(p, nv[i].value, nv[i].valuelen);
        p += nv[i].valuelen;
    }
    st->trailers_n = n;
    return true;
}

static void send_end(struct exchange *x, const struct fields *trailers)
{
    struct h2_stream *st = x->client;
    struct client_h2 *h2 = open_connection(st);
    if (!h2)
        return;
    st->end_out = true;
    if (trailers && trailers->n && !st->bodiless && !st->tunnel) {
        nghttp2_nv *nv = h2_nv(h2->shared, trailers->n);
        const size_t n = h2_write_trailers(nv, trailers, &x->arena);
        let_copy(nv, n);
        st->cut = n && !keep_trailers(h2, st, nv, n);
    }
    h2_resume(st);
}

static void resume(struct exchange *x)
{
    struct h2_stream *st = x->client;
    if (!open_connection(st))
        return;
    h2_feed(st);
    if (list_linked(&st->reading))
        h2_expect_content(st);
}

static void abort_reply(struct exchange *x)
{
    struct h2_stream *st = x->client;
    if (!open_connection(st) || st->bodiless)
        return;
    st->cut = st->end_out = true;
    if (st->out.n)
        h2_resume(st);
    else
        h2_reset(st, NGHTTP2_INTERNAL_ERROR);
}

static void finished(struct exchange *x)
{
    struct h2_stream *st = x->client;
    struct client_h2 *h2 = st->c->h2;
    st->x = NULL;
    list_remove(&st->waiting);
    list_remove(&st->reading);
    bytes_clear(&st->held);
    if (!open_connection(st)) {
        stream_free(st);
        h2_exchange_left(h2);
        return;
    }
    h2->exchanges_n--;
    if (st->end_sent && !st->ended_in)
        h2_reset(st, NGHTTP2_NO_ERROR);
    else if (!st->end_sent)
        h2_stall(st); /* what is queued must leave some time */
    h2_feed(st);
}

static const struct client_ops stream_ops = {
    .send_interim = send_interim,
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .resume = resume,
    .abort = abort_reply,
    .finished = finished,
};
