/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards an endpoint: what goes out. A request's content waits in its stream's own queue, a
 * little of it, until the session's windows and the link have room; then slices of it move behind a
 * frame header into the link's queue, uncopied. A link that is full stops the session between two
 * frames (NGHTTP2_ERR_PAUSE), and goes on when there is room. */
#include "upstream/origin_h2.h"

#include <stdlib.h>

#include "core/exchange.h"

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t most,
                       uint32_t *flags, nghttp2_data_source *source, void *ctx);

/* Stream numbers end at 2^31; long before that a connection is not worth keeping. */
enum { STREAMS_EVER = 1 << 29 };
/* A window update for so few bytes is not counted as a flood yet. */
enum { UPDATE_BYTES = 256 };

/* -- requests go out --------------------------------------------------------------------------- */

/* Room for a head of so many fields. */
static nghttp2_nv *scratch(struct origin_pools *p, size_t fields_n)
{
    const size_t need = fields_n + H2_NV_EXTRA;
    if (p->nv_cap < need) {
        free(p->nv);
        p->nv = calloc(need, sizeof(nghttp2_nv));
        p->nv_cap = need;
        must(p->nv);
    }
    return p->nv;
}

/* RFC 8441 5: an extended CONNECT has no key. */
static size_t without_key(nghttp2_nv *nv, size_t n)
{
    static const struct slice key = SLICE_INIT("sec-websocket-key");
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!slice_eq(slice_of((const char *)nv[i].name, nv[i].namelen), key))
            nv[kept++] = nv[i];
    return kept;
}

static int32_t submit(struct origin_h2 *h, struct origin_stream *s)
{
    struct exchange *x = s->at->x;
    const struct plan *p = &x->plan;
    const bool tls = origin_conf(h->o)->tls.set;
    const struct h2_out_request how = {
        .method = s->connect ? SLICE("CONNECT") : p->method,
        .scheme = tls ? SLICE("https") : SLICE("http"),
        .target = p->target,
        .protocol = s->connect ? SLICE("websocket") : slice_of(NULL, 0),
        .te_trailers = p->te_trailers,
        .write_length = p->body == BODY_LENGTH && !s->connect,
        .content_length = p->content_length,
    };
    nghttp2_nv *nv = scratch(h->o->pools, s->at->fields->n);
    size_t n = h2_write_request(nv, &how, s->at->fields, &x->arena);
    if (s->connect)
        n = without_key(nv, n);
    const bool content =
        s->connect || p->body == BODY_CHUNKED || (p->body == BODY_LENGTH && p->content_length > 0);
    const nghttp2_data_provider from = {.source.ptr = s, .read_callback = on_read};
    s->end_sent = !content;
    return nghttp2_submit_request(h->session, NULL, nv, n, content ? &from : NULL, s);
}

bool origin_h2_start(struct origin *o, struct origin_stream *s)
{
    struct origin_h2 *h = o->h2;
    const uint64_t ping_ms = origin_conf(o)->h2.ping_interval;
    const int64_t most = origin_conf(o)->pool.max_requests;
    s->id = submit(h, s);
    if (s->id < 0)
        return false;
    s->o = o;
    list_push(&h->streams, &s->node);
    if (h->streams_n++ == 0) {
        timer_stop(&o->timer);
        if (ping_ms)
            timer_start(origin_h2_worker(h)->loop, &h->ping, ping_ms);
    }
    if (++o->requests >= STREAMS_EVER || (most && o->requests >= most))
        origin_h2_drain(o);
    origin_h2_wake(h);
    return true;
}

static void send_body(struct attempt *at, struct bytes *from)
{
    struct origin_stream *s = at->origin;
    const size_t room = s->out.n < STREAM_AHEAD ? STREAM_AHEAD - s->out.n : 0;
    s->full = from->n > room;
    if (!bytes_move_n(&s->out, from, room)) {
        origin_stream_fail(s, WHY_OVERLOAD, "pieces", NGHTTP2_CANCEL);
        return;
    }
    origin_stream_ready(s);
}

static void send_end(struct attempt *at, const struct fields *trailers)
{
    struct origin_stream *s = at->origin;
    if (s->connect && !s->tunnel) /* the end of a GET that became a CONNECT: nothing has begun */
        return;
    s->request_done = true;
    s->trailers = trailers && trailers->n ? trailers : NULL;
    origin_stream_ready(s);
}

static void resume(struct attempt *at)
{
    struct origin_stream *s = at->origin;
    nghttp2_session_consume_stream(s->o->h2->session, s->id, s->held);
    s->held = 0;
    origin_h2_wake(s->o->h2);
}

/* A tunnel whose ends have both come needs no reset: what is queued still leaves. */
static void cancel(struct attempt *at)
{
    struct origin_stream *s = at->origin;
    if (!s->o) {
        pool_h2_forget(s);
        return;
    }
    origin_h2_take_attempt(s);
    if (!(s->response_done && s->request_done))
        origin_stream_reset(s, NGHTTP2_CANCEL);
}

const struct origin_ops origin_h2_ops = {
    .open = pool_h2_open,
    .send_body = send_body,
    .send_end = send_end,
    .resume = resume,
    .cancel = cancel,
};

/* -- frames go out ----------------------------------------------------------------------------- */

void origin_stream_ready(struct origin_stream *s)
{
    struct origin_h2 *h = s->o->h2;
    if (!s->deferred || (s->out.n == 0 && !s->request_done))
        return;
    s->deferred = false;
    nghttp2_session_resume_data(h->session, s->id);
    origin_h2_wake(h);
}

/* The end of the content, with trailers or without. The frame of trailers is made later, when the
 * exchange may be gone: the session copies them. */
static bool end_content(struct origin_h2 *h, struct origin_stream *s, uint32_t *flags)
{
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    s->end_sent = true;
    if (!s->trailers)
        return true;
    nghttp2_nv *nv = scratch(h->o->pools, s->trailers->n);
    const size_t n = h2_write_trailers(nv, s->trailers, &s->at->x->arena);
    for (size_t i = 0; i < n; i++)
        nv[i].flags &= (uint8_t) ~(NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
    s->trailers = NULL;
    if (n == 0)
        return true;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    return nghttp2_submit_trailer(h->session, s->id, nv, n) == 0;
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t most,
                       uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct origin_h2 *h = ctx;
    struct origin_stream *s = source->ptr;
    const size_t n = s->out.n < most ? s->out.n : most;
    (void)session;
    (void)id;
    (void)buf;
    if (s->reset || (n == 0 && !s->request_done)) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (link_room(h->o->link) == 0)
        return NGHTTP2_ERR_PAUSE;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == s->out.n && s->request_done && !end_content(h, s, flags))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return (ssize_t)n;
}

/* Right after on_read: what it promised. */
static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t n, nghttp2_data_source *source, void *ctx)
{
    enum { FRAME_HEAD = 9 };
    struct origin_h2 *h = ctx;
    struct origin_stream *s = source->ptr;
    struct bytes *out = &h->o->link->out;
    (void)session;
    (void)frame;
    if (!bytes_copy_aside(out, &h->o->pools->scratch, slice_of((const char *)head, FRAME_HEAD)) ||
        !bytes_move_n(out, &s->out, n))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    h->credit += 2 + n / UPDATE_BYTES; /* of the stream's window and of the connection's */
    if (s->full && s->out.n <= STREAM_AHEAD / 2 && s->at) {
        s->full = false;
        attempt_on_room(s->at);
    }
    return 0;
}

bool origin_h2_send_frames(struct origin_h2 *h)
{
    struct link *link = h->o->link;
    ssize_t n = 1;
    while (n > 0 && link_room(link) > 0) {
        const uint8_t *p;
        n = nghttp2_session_mem_send(h->session, &p);
        if (n < 0 || !bytes_copy_aside(&link->out, &h->o->pools->scratch,
                                       slice_of((const char *)p, (size_t)n)))
            return false;
    }
    if (link->out.n)
        link_send(link);
    return true;
}

void origin_h2_set_send_callbacks(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
}
