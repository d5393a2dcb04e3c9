/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way out.
 *
 * Content is taken from an exchange only when it can leave: as far as the windows of the stream and
 * of the connection are open and the link has room. What doesn't fit stays in the exchange, whose
 * queue tells the origin to stop; here a stalled stream holds nothing. Who finds no room waits:
 *
 *     the stream's window is shut ──► stalled, until the client opens it (or write_idle passes)
 *     no room on the connection   ──► waiting, in the order in which they get a turn:
 *         by urgency (RFC 9218); those that are not incremental one after the other, in the order
 *         of their requests; the incremental ones behind them, by turns
 *
 * DATA frames are made of slices: nghttp2 writes the frame's nine bytes, the content moves from the
 * stream's queue to the link's. */
#include "edge/client_h2_parts.h"

enum { PIECE = 16384 }; /* content of one DATA frame at most */

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How much content may be taken for any stream of the connection. */
static int64_t connection_room(const struct client_h2 *h2)
{
    const int64_t window = nghttp2_session_get_remote_window_size(h2->session);
    return at_most(window, (int64_t)link_room(h2->c->link)) - (int64_t)h2->queued;
}

static int64_t stream_room(const struct h2_stream *st)
{
    const struct client_h2 *h2 = st->c->h2;
    return nghttp2_session_get_stream_remote_window_size(h2->session, st->id) -
           (int64_t)st->out.n;
}

/* -- turns ------------------------------------------------------------------------------------- */

static bool goes_before(const struct h2_stream *a, const struct h2_stream *b)
{
    if (a->priority.urgency != b->priority.urgency)
        return a->priority.urgency < b->priority.urgency;
    if (a->priority.incremental != b->priority.incremental)
        return !a->priority.incremental;
    return a->priority.incremental ? a->turn < b->turn : a->id < b->id;
}

static void take_place(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    list_remove(&st->waiting);
    struct list *at = h2->waiting.prev;
    while (at != &h2->waiting && goes_before(st, list_entry(at, struct h2_stream, waiting)))
        at = at->prev;
    list_insert_after(at, &st->waiting);
}

static void wait_for_turn(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    if (list_empty(&h2->waiting))
        h2->moved_ms = h2_now(h2);
    st->turn = ++h2->turns;
    take_place(st);
}

void h2_set_priority(struct h2_stream *st, struct priority p)
{
    st->priority = p;
    if (list_linked(&st->waiting))
        take_place(st);
}

void h2_stall(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    const uint64_t ms = h2_conf(h2)->timeouts.write_idle;
    list_remove(&st->stalled);
    st->stalled_due_ms = ms ? h2_now(h2) + ms : UINT64_MAX;
    list_push(&h2->stalled, &st->stalled);
}

void h2_unblock(struct h2_stream *st)
{
    if (!list_linked(&st->stalled) || !st->x)
        return;
    list_remove(&st->stalled);
    exchange_on_room(st->x);
}

/* As many as there are pieces of room: each takes at least one, or waits for its own window. */
void h2_wake_waiting(struct client_h2 *h2)
{
    if (list_empty(&h2->waiting))
        return;
    int64_t room = connection_room(h2);
    for (; room > 0 && !list_empty(&h2->waiting); room -= PIECE) {
        struct h2_stream *st = list_entry(list_take(&h2->waiting), struct h2_stream, waiting);
        if (st->x)
            exchange_on_room(st->x);
    }
}

bool h2_take_content(struct h2_stream *st, struct bytes *from)
{
    struct client_h2 *h2 = st->c->h2;
    const int64_t of_stream = stream_room(st);
    const int64_t room = at_most(of_stream, connection_room(h2));
    const size_t n = room <= 0 ? 0 : from->n < (size_t)room ? from->n : (size_t)room;
    list_remove(&st->waiting);
    list_remove(&st->stalled);
    if (n && !bytes_move_n(&st->out, from, n))
        return false;
    h2->queued += n;
    if (n)
        h2_resume(st);
    if (from->n == 0)
        return true;
    if ((int64_t)n >= of_stream)
        h2_stall(st);
    else
        wait_for_turn(st);
    return true;
}

void h2_resume(struct h2_stream *st)
{
    struct client_h2 *h2 = st->c->h2;
    if (st->deferred)
        nghttp2_session_resume_data(h2->session, st->id);
    st->deferred = false;
    h2_pump_later(h2);
}

/* -- DATA -------------------------------------------------------------------------------------- */

static ssize_t read_content(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)buf;
    struct client_h2 *h2 = user;
    struct h2_stream *st = source->ptr;
    const size_t n = length < st->out.n ? length : st->out.n;
    if (n && link_room(h2->c->link) == 0)
        return NGHTTP2_ERR_PAUSE;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n < st->out.n || (n && !st->end_out))
        return (ssize_t)n;
    if (!st->end_out) {
        st->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (st->cut && !n)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* nghttp2 resets with INTERNAL_ERROR */
    if (st->cut)
        return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (st->trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, id, st->trailers, st->trailers_n);
    }
    return (ssize_t)n;
}
const nghttp2_data_source_read_callback h2_read_content = read_content;

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                        size_t length, nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)frame; /* nothing is padded: no callback asks for it */
    struct client_h2 *h2 = user;
    struct h2_stream *st = source->ptr;
    struct bytes *out = &h2->c->link->out;
    if (!bytes_copy_aside(out, &h2->shared->scratch, slice_of((const char *)head, 9)) ||
        (length && !bytes_move_n(out, &st->out, length))) {
        h2->fate = H2_NO_MEMORY;
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    h2->queued -= length;
    h2->moved_ms = h2_now(h2);
    h2_guard_data_sent(&h2->guard);
    if (list_linked(&st->stalled))
        h2_stall(st);
    return 0;
}

/* -- frames that left -------------------------------------------------------------------------- */

/* Did the client bring this reset about? Making the server reset streams costs as much as
 * resetting them (CVE-2025-8671), so these count like its own. */
static bool is_provoked(struct client_h2 *h2, const nghttp2_frame *frame)
{
    switch (frame->rst_stream.error_code) {
    case NGHTTP2_NO_ERROR:
    case NGHTTP2_INTERNAL_ERROR:
    case NGHTTP2_CANCEL:
        return false;
    case NGHTTP2_REFUSED_STREAM:
        if (h2->refusals) {
            h2->refusals--;
            return false;
        }
        h2->shared->listener->stats->h2_streams_refused++;
        return true;
    default:
        return true;
    }
}

static void end_left(struct h2_stream *st)
{
    st->end_sent = true;
    /* RFC 9113 8.1: the rest of the request isn't wanted, and the response is whole. */
    if (!st->ended_in && !st->x)
        h2_reset(st, NGHTTP2_NO_ERROR);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct client_h2 *h2 = user;
    const bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (may_end && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        struct h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
        if (st)
            end_left(st);
    }
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        h2->shared->listener->stats->h2_protocol_errors++;
    if (frame->hd.type == NGHTTP2_RST_STREAM && is_provoked(h2, frame) &&
        !h2_count(h2, H2_EVENT_RESET))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return 0;
}

/* Modules may make a head larger than the 64 KiB that nghttp2 sends. It leaves the frame out then, and
 * the stream as it is: the client would wait for a response that doesn't come. */
static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error,
                             void *user)
{
    struct h2_stream *st = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    (void)user;
    if (st && frame->hd.type == NGHTTP2_HEADERS && error == NGHTTP2_ERR_FRAME_SIZE_ERROR)
        h2_reset(st, NGHTTP2_INTERNAL_ERROR);
    return 0;
}

void h2_send_callbacks(nghttp2_session_callbacks *cb)
{
    nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_send);
}

bool h2_write(struct client_h2 *h2)
{
    struct link *link = h2->c->link;
    const size_t before = link->out.n;
    ssize_t n = 0;
    while (link_room(link) > 0) {
        const uint8_t *frame;
        n = nghttp2_session_mem_send(h2->session, &frame);
        if (n <= 0)
            break;
        if (!bytes_copy_aside(&link->out, &h2->shared->scratch,
                              slice_of((const char *)frame, (size_t)n))) {
            h2->fate = H2_NO_MEMORY;
            return false;
        }
    }
    if (n == NGHTTP2_ERR_NOMEM)
        h2->fate = H2_NO_MEMORY;
    if (link->out.n > before)
        link_send(link);
    return n >= 0;
}
