/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the admin server. A piece is a chunk of its own, so that a reader gets what was sent
 * together in one; to HTTP/1.0 the content goes as it is, and ends with the connection.
 *
 * Invariant: nothing here drops the client. What fails is noted, and seen to when the client's turn
 * comes (admin.c), so that who sends may be walking over its streams. */

#include "control/admin/admin_stream.h"

#include <stdlib.h>

#include "control/admin/admin_parts.h"
#include "http/h1_write.h"

enum { FRAME = 24 /* what stands around the content of a chunk, at most */ };

struct admin_stream {
    struct admin_client *client;
    void (*on_gone)(void *ctx);
    void *ctx;
    bool chunked;
    bool broken; /* no memory: what follows would make no sense */
};

static bool write_head(struct admin_client *c, const struct admin_stream *s, struct slice type)
{
    const struct h1_out o = {.body = s->chunked ? BODY_CHUNKED : BODY_UNTIL_CLOSE, .close = true};
    struct field room[3] = {
        {SLICE("Date"), clock_date(&c->admin->loop->clock), TOKEN_DATE},
        {SLICE("Cache-Control"), SLICE("no-store"), TOKEN_CACHE_CONTROL},
        {SLICE("Content-Type"), type, TOKEN_CONTENT_TYPE},
    };
    const struct fields f = {.v = room, .n = 3, .cap = array_n(room)};

    return h1_write_response(&c->link->out, 200, slice_of(NULL, 0), &f, &o);
}

struct admin_stream *admin_stream_open(const struct admin_request *rq, struct admin_answer *out,
                                       struct slice type, void (*on_gone)(void *ctx), void *ctx)
{
    struct admin_client *c = rq->client;
    struct admin *a = c->admin;

    out->type = type;
    if (rq->method == METHOD_HEAD)
        return NULL;
    if (a->streams_n == ADMIN_STREAMS) {
        admin_error(out, 503, NULL, "%d streams are being read already: end one of them",
                    ADMIN_STREAMS);
        return NULL;
    }
    struct admin_stream *s = calloc(1, sizeof *s);
    must(s && !c->stream && !c->pending);
    *s = (struct admin_stream){.client = c, .on_gone = on_gone, .ctx = ctx, .chunked = !c->http10};
    a->streams_n++;
    c->stream = s;
    c->keep_alive = false;
    c->state = ADMIN_STREAMING;
    c->seen_out = c->link->bytes_out;
    timer_start(a->loop, &c->timer, ADMIN_IDLE_MS);
    s->broken = !write_head(c, s, type);
    link_send(c->link);
    loop_later(a->loop, &c->later);
    return s;
}

static bool write_piece(struct admin_stream *s, struct slice data)
{
    struct bytes *out = &s->client->link->out;

    if (!s->chunked)
        return bytes_copy(out, data);
    return h1_write_chunk_begin(out, data.n) && bytes_copy(out, data) && h1_write_chunk_end(out);
}

size_t admin_stream_room(const struct admin_stream *s)
{
    const size_t room = s->broken ? 0 : link_room(s->client->link);

    return room > FRAME ? room - FRAME : 0;
}

bool admin_stream_send(struct admin_stream *s, struct slice data)
{
    struct admin_client *c = s->client;

    if (!data.n)
        return true;
    if (s->broken || link_room(c->link) < data.n + FRAME)
        return false;
    s->broken = !write_piece(s, data);
    if (s->broken)
        loop_later(c->admin->loop, &c->later);
    link_send(c->link);
    return !s->broken;
}

static void release(struct admin_client *c)
{
    free(c->stream);
    c->stream = NULL;
    c->admin->streams_n--;
}

void admin_stream_end(struct admin_stream *s)
{
    struct admin_client *c = s->client;

    if (s->chunked && !s->broken)
        s->broken = !h1_write_last_chunk(&c->link->out, NULL);
    release(c);
    admin_end(c);
}

bool admin_stream_is_broken(const struct admin_client *c)
{
    return c->stream && c->stream->broken;
}

void admin_stream_gone(struct admin_client *c)
{
    if (!c->stream)
        return;
    const struct admin_stream s = *c->stream;
    release(c);
    s.on_gone(s.ctx);
}
