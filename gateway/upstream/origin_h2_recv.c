/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards an endpoint: what comes in. nghttp2 takes the frames apart and checks their order,
 * their sizes and the windows; h2_head.c checks what a response says; here it becomes facts about
 * attempts.
 *
 * The connection's window is given back as content comes, so that one client that takes nothing
 * holds up nobody else; a stream's window only as long as its attempt takes more.
 *
 * What an origin could send for ever is counted: frames without content per second, bytes of one
 * head, interim responses. */
#include "upstream/origin_h2.h"

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "http/websocket.h"

enum {
    SECOND_US = 1000000,
    HEAD_SLACK = 65536, /* on the wire a head can be larger than what it says, if not by much */
};

static struct origin_stream *stream_of(struct origin_h2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

static void flood(struct origin_h2 *h, const char *detail)
{
    if (!h->doom)
        h->o->endpoint->stats->h2_floods++;
    origin_h2_doom(h, WHY_BAD_RESPONSE, detail, NGHTTP2_ENHANCE_YOUR_CALM);
}

void origin_h2_on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct origin *o = l->owner;
    struct origin_h2 *h = o->h2;
    h->heard_us = origin_h2_worker(h)->loop->clock.mono_us;
    h->in = b;
    const ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)s.p, s.n);
    h->in = NULL;
    h->head_bytes = h->in_head ? h->head_bytes + (uint32_t)s.n : 0;
    if (h->head_bytes > 4 * h->limits.head_size + HEAD_SLACK || n == NGHTTP2_ERR_FLOODED ||
        (n < 0 && h->in_head))
        flood(h, "endless head");
    else if (n < 0)
        origin_h2_doom(h, n == NGHTTP2_ERR_NOMEM ? WHY_OVERLOAD : WHY_BAD_RESPONSE, "protocol",
                       NGHTTP2_PROTOCOL_ERROR);
    if (h->doom)
        origin_h2_break(o, WHY_BAD_RESPONSE, "protocol");
    else
        loop_later(origin_h2_worker(h)->loop, &h->pump);
}

/* -- frames without content -------------------------------------------------------------------- */

static bool is_noise(struct origin_h2 *h, const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM: /* of streams that we opened */
        return false;
    case NGHTTP2_DATA:
        return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_WINDOW_UPDATE:
        if (!h->credit)
            return true;
        h->credit--;
        return false;
    default:
        return true;
    }
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx)
{
    struct origin_h2 *h = ctx;
    (void)session;
    if (!is_noise(h, hd))
        return 0;
    const uint64_t now_us = origin_h2_worker(h)->loop->clock.mono_us;
    if (now_us - h->second_us >= SECOND_US) {
        h->second_us = now_us;
        h->noise = 0;
    }
    if (++h->noise <= origin_conf(h->o)->h2.control_frames)
        return 0;
    flood(h, "flood");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* -- heads ------------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct origin_h2 *h = ctx;
    (void)session;
    (void)frame;
    h->in_head = true;
    h2_block_begin(&h->block);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *ctx)
{
    struct origin_h2 *h = ctx;
    (void)session;
    (void)frame;
    (void)flags;
    if (h2_block_add(&h->block, slice_of((const char *)name, name_n),
                     slice_of((const char *)value, value_n)))
        return 0;
    origin_h2_doom(h, WHY_OVERLOAD, "head", NGHTTP2_INTERNAL_ERROR);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* What nghttp2 would leave out in silence is malformed all the same. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_n, const uint8_t *value,
                             size_t value_n, uint8_t flags, void *ctx)
{
    (void)session;
    (void)frame;
    (void)name;
    (void)name_n;
    (void)value;
    (void)value_n;
    (void)flags;
    (void)ctx;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void malformed(struct origin_stream *s, const char *detail)
{
    origin_stream_fail(s, WHY_BAD_RESPONSE, detail, NGHTTP2_PROTOCOL_ERROR);
}

/* In a tunnel our direction may go on; else there is nothing more that the origin could want. */
static void end_response(struct origin_stream *s, const struct fields *trailers)
{
    s->response_done = true;
    if (s->tunnel) {
        attempt_on_end(s->at, NULL);
        return;
    }
    attempt_on_end(origin_h2_take_attempt(s), trailers);
    if (!s->end_sent)
        origin_stream_reset(s, NGHTTP2_CANCEL);
}

static void take_trailers(struct origin_h2 *h, struct origin_stream *s)
{
    struct fields trailers = {0};
    const enum h2_fault f = h2_block_trailers(&h->block, &s->at->x->arena, &trailers);
    if (f != H2_FAULT_NONE)
        malformed(s, h2_fault_name(f));
    else if (s->tunnel)
        malformed(s, "trailers in a tunnel");
    else
        end_response(s, &trailers);
}

/* RFC 8441 5: a 2xx stands for the 101 that the client waits for, and for its proof that the key
 * was read. Any other answer is an ordinary response to a request without content. */
static void settle_tunnel(struct origin_stream *s, const struct response_head *head)
{
    struct exchange *x = s->at->x;
    s->tunnel = head->body == BODY_TUNNEL;
    if (!s->tunnel) {
        s->connect = false;
        s->request_done = true;
        origin_stream_ready(s);
        return;
    }
    const struct field *key = fields_find(&x->request.fields, SLICE("Sec-WebSocket-Key"));
    char *accept = arena_alloc(&x->arena, WEBSOCKET_ACCEPT);
    if (!key)
        return;
    websocket_accept(key->value, accept);
    fields_add(&s->at->head.fields, &x->arena, SLICE("Sec-WebSocket-Accept"),
               slice_of(accept, WEBSOCKET_ACCEPT));
}

static void take_head(struct origin_h2 *h, struct origin_stream *s, bool ended)
{
    struct response_head head;
    struct slice raw;
    const enum h2_fault f =
        h2_block_response(&h->block, ended, s->at->x->request.method_id, s->connect, &head, &raw);
    if (f != H2_FAULT_NONE) {
        malformed(s, h2_fault_name(f));
        return;
    }
    if (head.status < 200 && head.status != 101) {
        if (++s->interims > INTERIMS_MAX)
            malformed(s, "too many interim responses");
        else
            attempt_on_interim(s->at, &head, raw);
        return;
    }
    s->head_done = true;
    attempt_on_head(s->at, &head, raw);
    if (s->connect)
        settle_tunnel(s, &head);
    if (ended)
        end_response(s, NULL);
}

static void on_headers(struct origin_h2 *h, const nghttp2_frame *frame)
{
    struct origin_stream *s = stream_of(h, frame->hd.stream_id);
    h->in_head = false;
    if (!s || !s->at)
        return;
    if (s->head_done)
        take_trailers(h, s);
    else
        take_head(h, s, frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
}

/* -- content ----------------------------------------------------------------------------------- */

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *ctx)
{
    struct origin_h2 *h = ctx;
    struct origin_stream *s = stream_of(h, id);
    (void)flags;
    nghttp2_session_consume_connection(session, n);
    if (!s || !s->at)
        return 0;
    attempt_on_body(s->at, h->in, slice_of((const char *)p, n));
    if (!s->at)
        return 0;
    s->held += (uint32_t)n;
    if (attempt_wants_pause(s->at))
        return 0;
    nghttp2_session_consume_stream(session, id, s->held);
    s->held = 0;
    return 0;
}

static void on_data_frame(struct origin_h2 *h, const nghttp2_frame *frame)
{
    struct origin_stream *s = stream_of(h, frame->hd.stream_id);
    if (s && s->at && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        end_response(s, NULL);
}

/* -- what concerns the connection -------------------------------------------------------------- */

static void on_settings(struct origin_h2 *h, const nghttp2_frame *frame)
{
    if (frame->hd.flags & NGHTTP2_FLAG_ACK)
        return;
    h->settled = h->freed = true;
    h->o->endpoint->streams_seen =
        nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

/* The session closes the streams that the origin won't serve, as refused. */
static void on_goaway(struct origin_h2 *h)
{
    h->o->endpoint->stats->h2_goaways += !h->draining;
    origin_h2_drain(h->o);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct origin_h2 *h = ctx;
    struct origin_stream *s;
    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        on_data_frame(h, frame);
        break;
    case NGHTTP2_HEADERS:
        on_headers(h, frame);
        break;
    case NGHTTP2_SETTINGS:
        on_settings(h, frame);
        break;
    case NGHTTP2_GOAWAY:
        on_goaway(h);
        break;
    case NGHTTP2_RST_STREAM:
        s = stream_of(h, frame->hd.stream_id);
        if (s)
            s->reset_in = true;
        break;
    default:
        break;
    }
    return 0;
}

/* -- streams end ------------------------------------------------------------------------------- */

static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error, void *ctx)
{
    struct origin_h2 *h = ctx;
    struct origin_stream *s = stream_of(h, frame->hd.stream_id);
    (void)session;
    (void)error;
    if (s && frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        s->unsent = true;
    return 0;
}

/* A refusal also says how many streams are too many; what ends well, that there may be one more. */
static void learn(struct origin_h2 *h, const struct origin_stream *s, bool refused)
{
    if (refused && s->reset_in)
        h->allowed = h->streams_n - 1;
    else if (s->response_done && h->allowed < UINT32_MAX)
        h->allowed++;
    if (h->allowed == 0)
        origin_h2_drain(h->o);
}

static void tell_closed(struct origin_stream *s, uint32_t code, bool refused)
{
    if (s->response_done && s->request_done && !s->reset_in) { /* a tunnel that ended both ways */
        origin_h2_take_attempt(s);
        return;
    }
    struct attempt *at = origin_h2_take_attempt(s);
    if (refused) {
        attempt_on_fail(at, WHY_REFUSED, s->reset_in ? "stream" : "goaway");
    } else if (!s->reset_in) {
        attempt_on_fail(at, WHY_BAD_RESPONSE, "protocol");
    } else {
        at->answered = true; /* it is alive, and says no: a stale connection looks otherwise */
        attempt_on_fail(at, s->head_done && !s->tunnel ? WHY_TRUNCATED : WHY_RESET,
                        nghttp2_http2_strerror(code));
    }
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct origin_h2 *h = ctx;
    struct origin_stream *s = stream_of(h, id);
    (void)session;
    if (!s)
        return 0;
    const bool refused = s->unsent || (code == NGHTTP2_REFUSED_STREAM && !s->head_done &&
                                       s->interims == 0 && !s->reset);
    h->o->endpoint->stats->h2_refused += refused;
    learn(h, s, refused);
    if (s->at)
        tell_closed(s, code, refused);
    origin_stream_gone(s);
    return 0;
}

void origin_h2_set_callbacks(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
}
