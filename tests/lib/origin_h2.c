/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted origin speaks HTTP/2, by nghttp2's server session: one thread for all streams of a
 * connection, so what a stream waits for is a time that it is due at. */
#include "tests/lib/origin_parts.h"
#include "tests/lib/pattern.h"
#include "tests/lib/wait.h"

#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

struct session {
    struct conn *conn;
    struct origin *o;
    struct h2_pipe pipe;
    struct stream *streams;
    uint64_t sipped; /* content since the last rest */
    unsigned sip_ms;
    bool over; /* close when everything is written */
};

struct stream {
    struct stream *next;
    struct session *c;
    int32_t id;
    /* the request */
    struct text head, fields;
    char *method, *path;
    bool tunnel, expects, ended, broken, turned_away;
    uint64_t content_n;
    struct text echo;
    struct script s;
    /* the response */
    bool answering;
    uint64_t due;     /* the response begins, or its content goes on */
    uint64_t n, at;   /* content: all of it, sent */
    char *own;        /* NULL: the pattern */
    int64_t rst;      /* RST_STREAM with this error at the next occasion; -1 */
    struct text back; /* of a tunnel: to be sent back from `at` */
};

/* -- streams ----------------------------------------------------------------------------------- */

static struct stream *stream_new(struct session *c, int32_t id)
{
    struct stream *s = calloc(1, sizeof *s);
    *s = (struct stream){.next = c->streams, .c = c, .id = id, .due = NEVER, .rst = -1};
    text_init(&s->head);
    text_init(&s->fields);
    text_init(&s->echo);
    text_init(&s->back);
    c->streams = s;
    nghttp2_session_set_stream_user_data(c->pipe.session, id, s);
    return s;
}

static void stream_free(struct stream *s)
{
    struct stream **at = &s->c->streams;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    text_fini(&s->head);
    text_fini(&s->fields);
    text_fini(&s->echo);
    text_fini(&s->back);
    free(s->method);
    free(s->path);
    free(s->own);
    free(s);
}

static struct stream *stream_of(struct session *c, int32_t id)
{
    return nghttp2_session_get_stream_user_data(c->pipe.session, id);
}

/* -- the response ------------------------------------------------------------------------------ */

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)(uintptr_t)value,
                        .valuelen = strlen(value)};
}

/* The script's fields ("Name: value" lines, or "Name:value") as pairs; cuts `text` into pieces. */
static size_t own_fields(nghttp2_nv *nv, size_t room, char *text)
{
    size_t n = 0;
    for (char *line, *rest = text; n < room && (line = strsep(&rest, "\n"));) {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        *value++ = 0;
        value += strspn(value, " ");
        value[strcspn(value, "\r")] = 0;
        for (char *p = line; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        nv[n++] = field(line, value);
    }
    return n;
}

/* What the stream may send now of n bytes; 0: it has to wait, or to stop. */
static size_t portion(struct stream *s, size_t n)
{
    const uint64_t stop = s->s.cuts || s->s.resets || s->s.shorts ? s->s.cut : NEVER;
    const size_t piece = s->s.piece ? s->s.piece : s->s.chunk ? (size_t)s->s.chunk : n;
    n = n < piece ? n : piece;
    n = n < s->n - s->at ? n : (size_t)(s->n - s->at);
    if (s->at < stop)
        return n < stop - s->at ? n : (size_t)(stop - s->at);
    if (s->s.resets)
        s->rst = NGHTTP2_INTERNAL_ERROR;
    else if (s->s.cuts)
        s->c->over = true;
    return 0;
}

static void end_content(nghttp2_session *session, struct stream *s, uint32_t *flags)
{
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->s.trailers || s->s.grpc) {
        const nghttp2_nv sum = s->s.grpc ? field("grpc-status", "0") : field("x-sum", "42");
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, s->id, &sum, 1);
    }
}

static ssize_t on_give(nghttp2_session *session, int32_t id, uint8_t *p, size_t n, uint32_t *flags,
                       nghttp2_data_source *source, void *ctx)
{
    struct stream *s = source->ptr;
    (void)ctx;
    (void)id;
    if (s->due != NEVER && now_ms() < s->due)
        return NGHTTP2_ERR_DEFERRED;
    s->due = NEVER;
    const size_t k = s->at < s->n ? portion(s, n) : 0;
    if (s->own)
        memcpy(p, s->own + s->at, k);
    else
        pattern_fill((char *)p, s->at, k);
    s->at += k;
    if (s->at == s->n || (!k && s->s.shorts))
        end_content(session, s, flags);
    else if (!k)
        return NGHTTP2_ERR_DEFERRED;
    else if (s->s.pause_ms)
        s->due = now_ms() + s->s.pause_ms;
    return (ssize_t)k;
}

static void make_content(struct stream *s)
{
    struct text t;
    s->n = s->s.size;
    if (s->s.sized)
        return;
    text_init(&t);
    if (s->s.grpc) {
        const char message[] = {0, 0, 0, 0, 2, 8, (char)s->s.serving};
        text_add(&t, slice_of(message, sizeof message));
    } else if (s->s.echo) {
        text_add(&t, text_slice(&s->head));
        text_add(&t, text_slice(&s->echo));
    } else if (s->s.count) {
        text_printf(&t, "%llu of %s\n", (unsigned long long)s->content_n,
                    s->broken ? "rubbish" : "pattern");
    } else {
        text_printf(&t, "%s\n", s->c->o->name);
    }
    s->own = t.p;
    s->n = t.n;
}

static void send_head(struct stream *s, const nghttp2_data_provider *content)
{
    nghttp2_nv nv[256];
    char status[16], length[32], *fields = strdup(s->s.fields);
    const struct script *say = &s->s;
    size_t n = 0;
    snprintf(status, sizeof status, "%d", say->status);
    snprintf(length, sizeof length, "%llu", (unsigned long long)s->n);
    nv[n++] = field(":status", status);
    n += own_fields(nv + n, 250, fields);
    if (!say->chunk && !say->until_close && !say->no_length && say->status != 204 && !s->tunnel)
        nv[n++] = field("content-length", length);
    if (say->trailers)
        nv[n++] = field("trailer", "x-sum");
    nghttp2_submit_response(s->c->pipe.session, s->id, nv, n, content);
    free(fields);
}

static void send_interims(struct stream *s)
{
    const nghttp2_nv nv[] = {field(":status", "103"), field("link", "</a.css>")};
    for (unsigned i = 0; i < s->s.interims; i++)
        nghttp2_submit_headers(s->c->pipe.session, NGHTTP2_FLAG_NONE, s->id, NULL, nv, 2, NULL);
}

static void send_raw(struct session *c)
{
    pthread_mutex_lock(&c->o->lock);
    const size_t n = c->o->raw_n;
    char *raw = malloc(n + 1);
    memcpy(raw, c->o->raw, n);
    pthread_mutex_unlock(&c->o->lock);
    wire_write(&c->conn->wire, raw, n, DEADLINE_MS);
    free(raw);
    c->over = true;
}

static void answer(struct stream *s)
{
    const nghttp2_data_provider content = {.source.ptr = s, .read_callback = on_give};
    const bool head_only = !strcmp(s->method, "HEAD") || s->s.status == 204 || s->s.status == 304;
    s->due = NEVER;
    if (s->s.hang)
        return;
    if (s->s.abort) {
        s->rst = NGHTTP2_INTERNAL_ERROR;
        return;
    }
    if (s->s.raw) {
        send_raw(s->c);
        return;
    }
    send_interims(s);
    make_content(s);
    send_head(s, head_only ? NULL : &content);
}

/* -- tunnels ----------------------------------------------------------------------------------- */

static ssize_t on_give_back(nghttp2_session *session, int32_t id, uint8_t *p, size_t n,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct stream *s = source->ptr;
    const size_t left = s->back.n - (size_t)s->at;
    (void)session;
    (void)id;
    (void)ctx;
    n = n < left ? n : left;
    if (n)
        memcpy(p, s->back.p + s->at, n);
    s->at += n;
    if (s->ended && s->at == s->back.n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (!n)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)n;
}

static void open_tunnel(struct stream *s)
{
    nghttp2_data_provider back = {.source.ptr = s, .read_callback = on_give_back};
    if (s->s.flood) {
        s->n = s->s.flood;
        back.read_callback = on_give;
    }
    s->answering = true;
    send_head(s, &back);
}

static void feed_tunnel(struct stream *s, const char *p, size_t n)
{
    if (s->s.flood)
        return;
    text_add(&s->back, slice_of(p, n));
    nghttp2_session_resume_data(s->c->pipe.session, s->id);
}

/* -- the request ------------------------------------------------------------------------------- */

/* Does the script have this request turned away? */
static bool turn_away(struct stream *s)
{
    struct origin *o = s->c->o;
    pthread_mutex_lock(&o->lock);
    const bool refused = o->refused < s->s.refuse, gone = o->refused < s->s.goaway;
    o->refused += refused || gone;
    pthread_mutex_unlock(&o->lock);
    if (refused)
        nghttp2_submit_rst_stream(s->c->pipe.session, NGHTTP2_FLAG_NONE, s->id,
                                  NGHTTP2_REFUSED_STREAM);
    else if (gone)
        nghttp2_submit_goaway(s->c->pipe.session, NGHTTP2_FLAG_NONE, s->id > 2 ? s->id - 2 : 0,
                              NGHTTP2_NO_ERROR, NULL, 0);
    return refused || gone;
}

static void begin_answer(struct stream *s)
{
    if (s->answering)
        return;
    s->answering = true;
    s->due = now_ms() + s->s.delay_ms;
}

static void on_head(struct stream *s)
{
    static const char *const none = "";
    struct text head = s->head;
    text_init(&s->head);
    text_printf(&s->head, "%s %s HTTP/2.0\r\n", s->method ? s->method : none,
                s->path ? s->path : none);
    text_add(&s->head, text_slice(&head));
    text_add(&s->head, text_slice(&s->fields));
    text_str(&s->head, "\r\n");
    text_char(&s->head, 0);
    s->head.n--;
    text_fini(&head);
    s->method = s->method ? s->method : strdup("");
    origin_note_head(s->c->o, s->head.p);
    origin_read_script(s->c->o, &s->s, s->path ? s->path : none, s->path ? strlen(s->path) : 0);
    s->turned_away = turn_away(s);
    if (s->turned_away)
        return;
    if (s->s.proceed && s->expects) {
        const nghttp2_nv nv = field(":status", "100");
        nghttp2_submit_headers(s->c->pipe.session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
    }
    s->c->sip_ms = s->s.sip_ms;
    if (s->tunnel && (s->s.upgrade || s->s.flood))
        open_tunnel(s);
    else if (s->s.early || s->tunnel)
        begin_answer(s);
}

static void on_request_end(struct stream *s)
{
    s->ended = true;
    if (s->tunnel && (s->s.upgrade || s->s.flood))
        feed_tunnel(s, "bye\n", 4);
    else if (!s->turned_away)
        begin_answer(s);
}

/* -- nghttp2 ----------------------------------------------------------------------------------- */

static int on_begin(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    (void)session;
    if (f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST)
        stream_new(ctx, f->hd.stream_id);
    return 0;
}

static void take_field(struct stream *s, const char *name, const char *value)
{
    if (!strcmp(name, ":method"))
        s->method = strdup(value);
    else if (!strcmp(name, ":path"))
        s->path = strdup(value);
    else if (!strcmp(name, ":authority"))
        text_printf(&s->head, "host: %s\r\n", value);
    else
        text_printf(*name == ':' ? &s->head : &s->fields, "%s: %s\r\n", name, value);
    s->tunnel = s->tunnel || !strcmp(name, ":protocol");
    s->expects = s->expects || !strcmp(name, "expect");
}

static int on_field(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t n,
                    const uint8_t *value, size_t m, uint8_t flags, void *ctx)
{
    struct stream *s = stream_of(ctx, f->hd.stream_id);
    (void)session;
    (void)n;
    (void)m;
    (void)flags;
    if (!s)
        return 0;
    if (f->headers.cat == NGHTTP2_HCAT_REQUEST)
        take_field(s, (const char *)name, (const char *)value);
    else if (s->s.echo)
        text_printf(&s->echo, "\ntrailer %s: %s", (const char *)name, (const char *)value);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    struct session *c = ctx;
    struct stream *s = stream_of(ctx, f->hd.stream_id);
    (void)session;
    if (f->hd.type == NGHTTP2_RST_STREAM)
        origin_note_abort(c->o);
    if (!s || (f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA))
        return 0;
    if (f->hd.type == NGHTTP2_HEADERS && f->headers.cat == NGHTTP2_HCAT_REQUEST)
        on_head(s);
    if (f->hd.flags & NGHTTP2_FLAG_END_STREAM)
        on_request_end(s);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *ctx)
{
    struct session *c = ctx;
    struct stream *s = stream_of(c, id);
    (void)session;
    (void)flags;
    if (!s)
        return 0;
    if (!s->tunnel && !pattern_holds((const char *)p, s->content_n, n))
        s->broken = true;
    s->content_n += n;
    if (s->s.echo && s->echo.n + n <= ORIGIN_ECHO_MAX)
        text_add(&s->echo, slice_of((const char *)p, n));
    if (s->tunnel)
        feed_tunnel(s, (const char *)p, n);
    c->sipped += n;
    return 0;
}

/* The response is out. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    struct session *c = ctx;
    struct stream *s = stream_of(c, f->hd.stream_id);
    if (!s || !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    if (s->s.early && !s->ended)
        s->rst = NGHTTP2_NO_ERROR; /* RFC 9113 8.1 */
    if (s->s.close)
        nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
                              NULL, 0);
    c->over = c->over || s->s.bye;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct stream *s = stream_of(ctx, id);
    (void)session;
    (void)code;
    if (s)
        stream_free(s);
    return 0;
}

static void open_session(struct session *c)
{
    nghttp2_session_callbacks *calls;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(calls, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_server_new(&c->pipe.session, calls, c);
    nghttp2_session_callbacks_del(calls);
    pthread_mutex_lock(&c->o->lock);
    const struct script say = c->o->script;
    pthread_mutex_unlock(&c->o->lock);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, say.max_streams ? say.max_streams : 100},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}};
    nghttp2_submit_settings(c->pipe.session, NGHTTP2_FLAG_NONE, settings,
                            say.upgrade || say.flood ? 2 : 1);
}

/* -- the connection ---------------------------------------------------------------------------- */

/* Does what is due, and says how long there is nothing to do. */
static int run_streams(struct session *c)
{
    const uint64_t now = now_ms();
    uint64_t next = NEVER;
    for (struct stream *s = c->streams; s; s = s->next) {
        const bool due = s->due <= now;
        if (s->rst >= 0)
            nghttp2_submit_rst_stream(c->pipe.session, NGHTTP2_FLAG_NONE, s->id, (uint32_t)s->rst);
        s->rst = -1;
        if (due && (s->n || s->own))
            nghttp2_session_resume_data(c->pipe.session, s->id);
        else if (due)
            answer(s);
        next = !due && s->due < next ? s->due : next;
    }
    return next == NEVER ? WIRE_FOREVER : (int)(next - now);
}

static bool something_is_waiting(const struct session *c)
{
    for (const struct stream *s = c->streams; s; s = s->next)
        if (s->rst >= 0)
            return true;
    return nghttp2_session_want_write(c->pipe.session);
}

void origin_serve_h2(struct conn *conn)
{
    struct session c = {.conn = conn, .o = conn->o};
    c.pipe.wire = &conn->wire;
    open_session(&c);
    for (bool ok = true; ok && !(c.over && !c.pipe.out_n);) {
        const uint64_t before = c.pipe.received;
        const int wait_ms = run_streams(&c);
        ok = h2_pump(&c.pipe, c.over || something_is_waiting(&c) ? 0 : wait_ms);
        origin_note_bytes(c.o, (size_t)(c.pipe.received - before));
        if (ok && c.sip_ms && c.sipped >= ORIGIN_SIP) {
            c.sipped = 0;
            ok = wire_rest(&conn->wire, c.sip_ms);
        }
    }
    for (; c.streams; stream_free(c.streams))
        if (!c.over)
            origin_note_abort(c.o);
    nghttp2_session_del(c.pipe.session);
}
