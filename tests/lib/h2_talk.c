/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios' raw HTTP/2 client. */
#include "tests/lib/h2_talk.h"

#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct h2_talk *talks;

/* -- streams ----------------------------------------------------------------------------------- */

static void end_text(struct text *t)
{
    text_char(t, 0);
    t->n--;
}

static struct h2_stream *find(const struct h2_talk *t, int32_t id)
{
    struct h2_stream *s = t->streams;
    while (s && s->id != id)
        s = s->next;
    return s;
}

const struct h2_stream *h2_stream(const struct h2_talk *t, int32_t id)
{
    const struct h2_stream *s = find(t, id);
    cr_assert(s, "there is no stream %d", id);
    return s;
}

static void stream_free(struct h2_stream *s)
{
    text_fini(&s->head);
    text_fini(&s->body);
    text_fini(&s->trailers);
    text_fini(&s->out);
    free(s->trailers_out);
    free(s);
}

/* -- what nghttp2 calls ------------------------------------------------------------------------ */

static int on_begin(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    struct h2_stream *s = find(ctx, f->hd.stream_id);
    (void)session;
    if (s && !s->headed)
        s->head.n = 0;
    return 0;
}

static int on_field(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t n,
                    const uint8_t *value, size_t m, uint8_t flags, void *ctx)
{
    struct h2_stream *s = find(ctx, f->hd.stream_id);
    (void)session;
    (void)flags;
    if (!s)
        return 0;
    if (n == 7 && !memcmp(name, ":status", 7))
        s->status = atoi((const char *)value);
    else
        text_printf(s->headed ? &s->trailers : &s->head, "%.*s: %.*s\n", (int)n, (const char *)name,
                    (int)m, (const char *)value);
    end_text(&s->head);
    end_text(&s->trailers);
    return 0;
}

static void on_headers(struct h2_stream *s)
{
    s->interims += s->status < 200;
    s->headed = s->status >= 200;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    struct h2_talk *t = ctx;
    struct h2_stream *s = find(t, f->hd.stream_id);
    (void)session;
    if (f->hd.type == NGHTTP2_SETTINGS && !(f->hd.flags & NGHTTP2_FLAG_ACK))
        t->settled = true;
    else if (f->hd.type == NGHTTP2_PING && f->hd.flags & NGHTTP2_FLAG_ACK)
        t->pongs++;
    else if (f->hd.type == NGHTTP2_GOAWAY) {
        t->goaway = f->goaway.error_code;
        t->goaway_last = f->goaway.last_stream_id;
    }
    if (!s)
        return 0;
    if (f->hd.type == NGHTTP2_HEADERS)
        on_headers(s);
    else if (f->hd.type == NGHTTP2_RST_STREAM)
        s->reset = f->rst_stream.error_code;
    if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
        f->hd.flags & NGHTTP2_FLAG_END_STREAM)
        s->ended = true;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *ctx)
{
    struct h2_stream *s = find(ctx, id);
    (void)session;
    (void)flags;
    if (s) {
        text_add(&s->body, slice_of((const char *)p, n));
        end_text(&s->body);
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct h2_stream *s = find(ctx, id);
    (void)session;
    if (s) {
        s->closed = true;
        if (code && s->reset < 0)
            s->reset = code;
    }
    return 0;
}

/* -- sending ----------------------------------------------------------------------------------- */

static size_t split_lines(nghttp2_nv *nv, size_t room, char *lines)
{
    size_t n = 0;
    for (char *line, *rest = lines; n < room && (line = strsep(&rest, "\n"));) {
        char *value = *line ? strchr(line + 1, ':') : NULL;
        if (!value)
            continue;
        *value++ = 0;
        value += strspn(value, " ");
        nv[n++] = (nghttp2_nv){.name = (uint8_t *)line,
                               .namelen = strlen(line),
                               .value = (uint8_t *)value,
                               .valuelen = strlen(value)};
    }
    return n;
}

static void end_content(nghttp2_session *session, struct h2_stream *s, uint32_t *flags)
{
    nghttp2_nv nv[32];
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->trailers_out) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, s->id, nv, split_lines(nv, 32, s->trailers_out));
    }
}

static ssize_t on_give(nghttp2_session *session, int32_t id, uint8_t *p, size_t n, uint32_t *flags,
                       nghttp2_data_source *source, void *ctx)
{
    struct h2_stream *s = source->ptr;
    const uint64_t left = s->pattern ? s->pattern - s->pattern_at : s->out.n - s->out_at;
    (void)ctx;
    (void)id;
    n = n < left ? n : (size_t)left;
    if (s->pattern) {
        pattern_fill((char *)p, s->pattern_at, n);
        s->pattern_at += n;
    } else if (n) {
        memcpy(p, s->out.p + s->out_at, n);
        s->out_at += n;
    }
    if (n == left && !s->open)
        end_content(session, s, flags);
    else if (!n)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)n;
}

static void add_pseudo(struct text *t, const char *name, const char *value, const char *usual)
{
    value = value ? value : usual;
    if (*value)
        text_printf(t, "%s: %s\n", name, value);
}

static struct h2_stream *stream_new(struct h2_talk *t, const struct h2_ask_spec *ask)
{
    struct h2_stream *s = calloc(1, sizeof *s);
    s->talk = t;
    s->reset = -1;
    s->pattern = ask->pattern;
    s->open = ask->open;
    s->trailers_out = ask->trailers ? strdup(ask->trailers) : NULL;
    text_init(&s->head);
    text_init(&s->body);
    text_init(&s->trailers);
    text_init(&s->out);
    text_str(&s->out, ask->content ? ask->content : "");
    end_text(&s->head);
    end_text(&s->body);
    end_text(&s->trailers);
    s->next = t->streams;
    t->streams = s;
    return s;
}

int32_t h2_ask_with(struct h2_talk *t, const struct h2_ask_spec *ask)
{
    const bool content = ask->content || ask->pattern || ask->open || ask->trailers;
    nghttp2_nv nv[256];
    struct text lines;
    struct h2_stream *s = stream_new(t, ask);
    const nghttp2_data_provider give = {.source.ptr = s, .read_callback = on_give};
    text_init(&lines);
    add_pseudo(&lines, ":method", ask->method,
               ask->protocol ? "CONNECT"
               : content     ? "POST"
                             : "GET");
    add_pseudo(&lines, ":scheme", ask->scheme, t->tls ? "https" : "http");
    add_pseudo(&lines, ":authority", ask->authority, "site.test");
    add_pseudo(&lines, ":path", ask->path, "/");
    add_pseudo(&lines, ":protocol", ask->protocol, "");
    text_str(&lines, ask->fields ? ask->fields : "");
    end_text(&lines);
    const size_t n = split_lines(nv, 256, lines.p);
    s->id = nghttp2_submit_request(t->pipe.session, NULL, nv, n, content ? &give : NULL, NULL);
    text_fini(&lines);
    cr_assert_gt(s->id, 0, "the request can't be made: %s", nghttp2_strerror(s->id));
    return s->id;
}

void h2_send(struct h2_talk *t, int32_t id, const void *p, size_t n)
{
    struct h2_stream *s = find(t, id);
    cr_assert(s && s->open);
    text_add(&s->out, slice_of(p, n));
    nghttp2_session_resume_data(t->pipe.session, id);
}

void h2_end(struct h2_talk *t, int32_t id)
{
    struct h2_stream *s = find(t, id);
    cr_assert(s && s->open);
    s->open = false;
    nghttp2_session_resume_data(t->pipe.session, id);
}

void h2_reset(struct h2_talk *t, int32_t id, uint32_t code)
{
    nghttp2_submit_rst_stream(t->pipe.session, NGHTTP2_FLAG_NONE, id, code);
    h2_turn(t, 0);
}

void h2_ping(struct h2_talk *t)
{
    nghttp2_submit_ping(t->pipe.session, NGHTTP2_FLAG_NONE, NULL);
    h2_turn(t, 0);
}

void h2_take(struct h2_talk *t, int32_t id, size_t n)
{
    nghttp2_session_consume(t->pipe.session, id, n);
}

bool h2_raw(struct h2_talk *t, const void *p, size_t n)
{
    h2_turn(t, 0);
    return !t->over && !t->pipe.out_n && wire_write(&t->wire, p, n, DEADLINE_MS);
}

/* -- receiving --------------------------------------------------------------------------------- */

void h2_turn(struct h2_talk *t, int wait_ms)
{
    if (!t->over)
        t->over = !h2_pump(&t->pipe, wait_ms);
}

const struct h2_stream *h2_head(struct h2_talk *t, int32_t id)
{
    const struct h2_stream *s = h2_stream(t, id);
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (!s->headed && !s->closed && !t->over && now_ms() < end)
        h2_turn(t, 20);
    return s;
}

const struct h2_stream *h2_answer(struct h2_talk *t, int32_t id)
{
    const struct h2_stream *s = h2_stream(t, id);
    const uint64_t end = now_ms() + DEADLINE_MS;
    while (!s->ended && !s->closed && !t->over && now_ms() < end)
        h2_turn(t, 20);
    return s;
}

uint32_t h2_peer_setting(struct h2_talk *t, nghttp2_settings_id id)
{
    H2_AWAIT(t, t->settled);
    return nghttp2_session_get_remote_settings(t->pipe.session, id);
}

/* -- life -------------------------------------------------------------------------------------- */

static bool connect_to(struct wire *w, uint16_t port, const char *ca, const char *sni)
{
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    wire_init(w, fd);
    if (!ca)
        return true;
    SSL_CTX *tls = wire_client_tls(ca, "h2");
    const bool ok = wire_connect(w, tls, sni ? sni : "site.test") && !strcmp(wire_alpn(w), "h2");
    SSL_CTX_free(tls);
    if (!ok)
        wire_close(w);
    return ok;
}

static void open_session(struct h2_talk *t, const struct h2_talk_spec *spec)
{
    nghttp2_session_callbacks *calls;
    nghttp2_option *options;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, spec->keeps_window);
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    cr_assert_eq(nghttp2_session_client_new2(&t->pipe.session, calls, t, options), 0);
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(options);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, spec->window ? spec->window : 65535}};
    nghttp2_submit_settings(t->pipe.session, NGHTTP2_FLAG_NONE, settings, 2);
}

struct h2_talk *h2_talk_try(struct h2_talk_spec spec)
{
    struct h2_talk *t = calloc(1, sizeof *t);
    if (!connect_to(&t->wire, spec.port ? spec.port : rig_port("port"), spec.ca, spec.sni)) {
        free(t);
        return NULL;
    }
    t->tls = spec.ca;
    t->goaway = -1;
    t->pipe.wire = &t->wire;
    open_session(t, &spec);
    t->next = talks;
    talks = t;
    return t;
}

struct h2_talk *h2_talk_open_with(struct h2_talk_spec spec)
{
    struct h2_talk *t = h2_talk_try(spec);
    cr_assert(t, "can't connect");
    return t;
}

void h2_talk_close(struct h2_talk *t)
{
    for (struct h2_talk **at = &talks; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    nghttp2_session_del(t->pipe.session);
    while (t->streams) {
        struct h2_stream *s = t->streams;
        t->streams = s->next;
        stream_free(s);
    }
    wire_close(&t->wire);
    free(t);
}

void h2_talks_end(void)
{
    while (talks)
        h2_talk_close(talks);
}

/* -- what came --------------------------------------------------------------------------------- */

static const char *value_of(const struct text *lines, const char *name)
{
    static char values[4][8192];
    static unsigned turn;
    char *value = values[turn++ % 4];
    const size_t n = strlen(name);
    *value = 0;
    for (const char *p = lines->p, *end; (end = strchr(p, '\n')); p = end + 1) {
        if (strncmp(p, name, n) || p[n] != ':')
            continue;
        snprintf(value, sizeof values[0], "%.*s", (int)(end - p - (ptrdiff_t)n - 2), p + n + 2);
        break;
    }
    return value;
}

const char *h2_field(const struct h2_stream *s, const char *name)
{
    return value_of(&s->head, name);
}

const char *h2_trailer(const struct h2_stream *s, const char *name)
{
    return value_of(&s->trailers, name);
}

bool h2_is_pattern(const struct h2_stream *s, uint64_t n)
{
    return s->ended && s->reset < 0 && s->body.n == n && pattern_holds(s->body.p, 0, n);
}
