/* SPDX-License-Identifier: Apache-2.0 */
/* What nghttp2 tells of what came in. Frames are counted as they begin, before nghttp2 has done
 * anything for them; a header block is collected line by line and becomes an exchange when it is
 * complete; content is handed on where it lies. */
#include "edge/client_h2_parts.h"

static struct h2_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return id ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

/* -- counting ---------------------------------------------------------------------------------- */

bool h2_count(struct client_h2 *h2, enum h2_event e)
{
    if (h2_guard_count(&h2->guard, &h2->shared->guard, e, h2_now(h2)))
        return true;
    h2->fate = H2_TOO_MUCH;
    h2->event = (uint8_t)e;
    return false;
}

/* Which event a frame is; H2_EVENT_N: none. */
static enum h2_event event_of(const nghttp2_frame_hd *hd)
{
    switch (hd->type) {
    case NGHTTP2_DATA:
        return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM) ? H2_EVENT_EMPTY
                                                                          : H2_EVENT_N;
    case NGHTTP2_PRIORITY:
    case NGHTTP2_PRIORITY_UPDATE:
        return H2_EVENT_PRIORITY;
    case NGHTTP2_RST_STREAM:
        return H2_EVENT_RESET;
    case NGHTTP2_SETTINGS:
        return H2_EVENT_SETTINGS;
    case NGHTTP2_PING:
        return H2_EVENT_PING;
    case NGHTTP2_WINDOW_UPDATE:
        return H2_EVENT_WINDOW;
    case NGHTTP2_CONTINUATION:
        return H2_EVENT_CONTINUATION;
    default: /* frames of unknown types are thrown away unseen, and cost as little */
        return H2_EVENT_N;
    }
}

/* A stream above the limit by a client that knows it. Of one that can't know it yet nghttp2 refuses
 * the stream alone. */
static bool is_one_too_many(struct client_h2 *h2, const nghttp2_frame_hd *hd)
{
    return h2->settled && h2->opened_n >= (uint32_t)h2_conf(h2)->h2.streams &&
           hd->stream_id > nghttp2_session_get_last_proc_stream_id(h2->session);
}

/* Some clients reset a request that they have cancelled once more for each of its frames that was
 * under way. That ends nothing: like WINDOW_UPDATE it answers DATA. */
static enum h2_event event_on(nghttp2_session *session, const nghttp2_frame_hd *hd)
{
    const enum h2_event e = event_of(hd);
    return e == H2_EVENT_RESET && !stream_of(session, hd->stream_id) ? H2_EVENT_WINDOW : e;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
    struct client_h2 *h2 = user;
    const enum h2_event e = event_on(session, hd);
    if (hd->type == NGHTTP2_HEADERS) {
        h2_guard_block(&h2->guard);
        if (is_one_too_many(h2, hd)) {
            h2->fate = H2_TOO_MUCH;
            h2->event = H2_EVENT_STREAMS;
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    }
    if (e == H2_EVENT_RESET)
        h2->shared->listener->stats->h2_client_resets++;
    return e == H2_EVENT_N || h2_count(h2, e) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* -- heads ------------------------------------------------------------------------------------- */

static void block_over(struct client_h2 *h2)
{
    if (h2->block)
        h2_block_give(h2->shared, h2->block);
    h2->block = NULL;
    h2->head_due_ms = 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct client_h2 *h2 = user;
    h2->opened_n += frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (h2->block)
        h2_block_begin(h2->block);
    else
        h2->block = h2_block_take(h2->shared);
    if (!h2->block)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    h2->head_due_ms = h2_now(h2) + h2_conf(h2)->timeouts.head;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
    (void)session;
    (void)frame;
    (void)flags;
    struct client_h2 *h2 = user;
    if (h2_block_add(h2->block, slice_of((const char *)name, name_n),
                     slice_of((const char *)value, value_n)))
        return 0;
    block_over(h2);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* the stream is reset, the rest ignored */
}

/* nghttp2 would leave the line out; the whole head is refused instead. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             const uint8_t *name, size_t name_n, const uint8_t *value,
                             size_t value_n, uint8_t flags, void *user)
{
    struct client_h2 *h2 = user;
    const int rv = on_header(session, frame, name, name_n, value, value_n, flags, user);
    if (!rv && h2->block->fault == H2_FAULT_NONE)
        h2->block->fault = H2_FAULT_VALUE;
    return rv;
}

/* nghttp2 has reset the stream because of its head or its length, and tells what is left of it. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int err,
                            void *user)
{
    (void)session;
    (void)err;
    if (frame->hd.type == NGHTTP2_HEADERS)
        block_over(user);
    return 0;
}

/* -- content ----------------------------------------------------------------------------------- */

static void content_ended(struct h2_stream *st, const struct fields *trailers)
{
    st->ended_in = true;
    list_remove(&st->reading);
    if (!st->x)
        return;
    if (!st->upgrade || st->tunnel)
        exchange_on_body_end(st->x, trailers);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t n, void *user)
{
    (void)flags;
    struct client_h2 *h2 = user;
    struct h2_stream *st = stream_of(session, id);
    const struct slice s = slice_of((const char *)data, n);
    /* The connection's window is for all: a stream that stalls must not shut it for the others. */
    nghttp2_session_consume_connection(session, n);
    if (!st)
        return 0;
    st->received += n;
    h2_feed(st);
    if (!st->x)
        return 0;
    if (st->upgrade && !st->tunnel) {
        if (!bytes_append(&st->held, h2->feeding, s))
            h2_reset(st, NGHTTP2_INTERNAL_ERROR);
        return 0;
    }
    exchange_on_body(st->x, h2->feeding, s);
    if (!st->tunnel)
        h2_expect_content(st);
    return 0;
}

static void take_trailers(struct client_h2 *h2, struct h2_stream *st)
{
    struct fields trailers;
    if (!st->x) {
        content_ended(st, NULL);
        return;
    }
    const enum h2_fault f = h2_block_trailers(h2->block, &st->x->arena, &trailers);
    if (f == H2_FAULT_NONE) {
        content_ended(st, &trailers);
        return;
    }
    h2_worker(h2)->stats->worker->h2_faults[f]++;
    h2_reset(st, NGHTTP2_PROTOCOL_ERROR);
}

/* -- frames ------------------------------------------------------------------------------------ */

static void take_head(struct client_h2 *h2, const nghttp2_frame *frame)
{
    const bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    struct h2_stream *st = stream_of(h2->session, frame->hd.stream_id);
    if (!h2->block)
        return;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        h2_stream_begin(h2, frame->hd.stream_id, ended);
    else if (st)
        take_trailers(h2, st);
    block_over(h2);
}

/* DATA that is padding only says as little as an empty one. */
static int take_data_end(struct client_h2 *h2, const nghttp2_frame *frame)
{
    const size_t padding = frame->data.padlen;
    struct h2_stream *st = stream_of(h2->session, frame->hd.stream_id);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        if (st)
            content_ended(st, NULL);
    } else if (padding && frame->hd.length <= padding && !h2_count(h2, H2_EVENT_EMPTY)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
}

static void take_priority(struct client_h2 *h2, const nghttp2_frame *frame)
{
    const nghttp2_ext_priority_update *u = frame->ext.payload;
    struct h2_stream *st = stream_of(h2->session, u->stream_id);
    struct priority p = PRIORITY_DEFAULT;
    if (st && priority_parse(slice_of((const char *)u->field_value, u->field_value_len), &p))
        h2_set_priority(st, p);
}

static void take_window(struct client_h2 *h2, const nghttp2_frame *frame)
{
    struct h2_stream *st = stream_of(h2->session, frame->hd.stream_id);
    if (st)
        h2_unblock(st);
}

/* The client may have changed the windows of all streams. */
static void take_settings(struct client_h2 *h2, const nghttp2_frame *frame)
{
    if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
        h2->settled = true;
        return;
    }
    list_each_safe (node, &h2->stalled)
        h2_unblock(list_entry(node, struct h2_stream, stalled));
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct client_h2 *h2 = user;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        take_head(h2, frame);
        break;
    case NGHTTP2_DATA:
        return take_data_end(h2, frame);
    case NGHTTP2_PRIORITY_UPDATE:
        take_priority(h2, frame);
        break;
    case NGHTTP2_WINDOW_UPDATE:
        take_window(h2, frame);
        break;
    case NGHTTP2_SETTINGS:
        take_settings(h2, frame);
        break;
    case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK && h2->drain == H2_NOTICE)
            h2->drain = H2_NOTICE_SEEN;
        break;
    default:
        break;
    }
    return 0;
}

/* A reset that the client sent, or that a fault of its brought about, or the end of both sides. */
static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct client_h2 *h2 = user;
    struct h2_stream *st = stream_of(session, id);
    h2->opened_n--;
    if (st)
        h2_stream_closed(st, code == NGHTTP2_PROTOCOL_ERROR ? WHY_BAD_REQUEST : WHY_CLIENT_GONE);
    return 0;
}

void h2_frames_callbacks(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(cb, on_invalid_header);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
}
