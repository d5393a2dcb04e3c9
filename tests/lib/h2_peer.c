/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/h2_peer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/link.h"

enum { LINES_MAX = 64 };

/* Content of a request on its way. */
struct h2_upload {
    struct h2_upload *next;
    int32_t id;
    char *data;
    size_t n, at;
    bool end, deferred;
    char *trailers;
};

static void append(char **to, const char *text, size_t n)
{
    const size_t old = *to ? strlen(*to) : 0;
    *to = realloc(*to, old + n + 1);
    memcpy(*to + old, text, n);
    (*to)[old + n] = 0;
}

struct h2_answer *h2_answer(struct h2_peer *p, int32_t id)
{
    cr_assert(id > 0 && (size_t)(id - 1) / 2 < array_n(p->answers));
    return &p->answers[(id - 1) / 2];
}

/* -- what comes -------------------------------------------------------------------------------- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
    (void)session;
    (void)flags;
    struct h2_peer *p = user;
    struct h2_answer *a = h2_answer(p, frame->hd.stream_id);
    const struct slice n = slice_of((const char *)name, name_n);
    if (slice_eq(n, SLICE(":status"))) {
        snprintf(a->status, sizeof a->status, "%.*s", (int)value_n, value);
        return 0;
    }
    char **to = a->status[0] == '1' ? &a->interims
                : frame->headers.cat == NGHTTP2_HCAT_HEADERS && a->head ? &a->trailers
                                                                        : &a->head;
    if (a->status[0] == '1')
        append(to, a->status, 3), append(to, " ", 1);
    append(to, n.p, n.n);
    append(to, ": ", 2);
    append(to, (const char *)value, value_n);
    append(to, "\n", 1);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t n, void *user)
{
    (void)session;
    (void)flags;
    struct h2_answer *a = h2_answer(user, id);
    a->body = realloc(a->body, a->body_n + n + 1);
    memcpy(a->body + a->body_n, data, n);
    a->body_n += n;
    a->body[a->body_n] = 0;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    struct h2_peer *p = user;
    const bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    p->data_frames += frame->hd.type == NGHTTP2_DATA;
    p->settings_frames += frame->hd.type == NGHTTP2_SETTINGS;
    p->pings += frame->hd.type == NGHTTP2_PING && !(frame->hd.flags & NGHTTP2_FLAG_ACK);
    if (frame->hd.type == NGHTTP2_HEADERS) {
        struct h2_answer *a = h2_answer(p, frame->hd.stream_id);
        if (a->status[0] != '1')
            append(&a->head, "", 0);
        else if (!a->interims)
            append(&a->interims, a->status, 3);
    }
    if (message && frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        h2_answer(p, frame->hd.stream_id)->ended = true;
        h2_answer(p, frame->hd.stream_id)->order = ++p->ended_n;
    }
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        p->goaways++;
        p->goaway_last = frame->goaway.last_stream_id;
        p->goaway_code = frame->goaway.error_code;
    }
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    (void)session;
    struct h2_answer *a = h2_answer(user, id);
    a->closed = true;
    a->code = code;
    return 0;
}

static int on_invalid(nghttp2_session *session, const nghttp2_frame *frame, int err, void *user)
{
    (void)session;
    (void)frame;
    (void)err;
    ((struct h2_peer *)user)->broken = true;
    return 0;
}

/* -- life -------------------------------------------------------------------------------------- */

static nghttp2_session *make_session(struct h2_peer *p, const struct h2_peer_options *o)
{
    nghttp2_session *session;
    nghttp2_session_callbacks *cb;
    nghttp2_option *option;
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, o->hold_windows);
    nghttp2_option_set_no_auto_ping_ack(option, o->no_ping_ack);
    cr_assert_eq(nghttp2_session_client_new2(&session, cb, p, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cb);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->window ? o->window : 65535},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    nghttp2_submit_settings(session, 0, settings, 3);
    if (o->connection_window)
        nghttp2_session_set_local_window_size(session, 0, 0, (int32_t)o->connection_window);
    return session;
}

struct h2_peer *h2_peer_new(struct stack *s, const struct h2_peer_options *o)
{
    static const struct h2_peer_options none;
    struct h2_peer *p = calloc(1, sizeof *p);
    p->stack = s;
    p->peer = stack_client(s);
    cr_assert(p->peer);
    if (!o || !o->raw) {
        p->session = make_session(p, o ? o : &none);
        h2_peer_run(p);
    }
    return p;
}

void h2_peer_free(struct h2_peer *p)
{
    for (size_t i = 0; i < array_n(p->answers); i++) {
        struct h2_answer *a = &p->answers[i];
        free(a->head);
        free(a->trailers);
        free(a->interims);
        free(a->body);
    }
    while (p->uploads) {
        struct h2_upload *u = p->uploads;
        p->uploads = u->next;
        free(u->data);
        free(u->trailers);
        free(u);
    }
    nghttp2_session_del(p->session);
    free(p);
}

/* True: something went out. */
static bool push(struct h2_peer *p)
{
    const uint8_t *data;
    ssize_t n;
    bool any = false;
    if (!p->session || !p->peer->link)
        return false;
    while ((n = nghttp2_session_mem_send(p->session, &data)) > 0) {
        any = true;
        cr_assert(bytes_copy(&p->peer->link->out, slice_of((const char *)data, (size_t)n)));
    }
    if (any)
        link_send(p->peer->link);
    return any;
}

/* After a GOAWAY with nothing under way nghttp2 takes no more; the second one is of interest. */
static void look_at_goaway(struct h2_peer *p, const uint8_t *f, size_t n)
{
    if (n < 17 || f[3] != NGHTTP2_GOAWAY)
        return;
    p->goaways++;
    p->goaway_last = f[9] << 24 | f[10] << 16 | f[11] << 8 | f[12];
    p->goaway_code = (uint32_t)f[13] << 24 | f[14] << 16 | f[15] << 8 | f[16];
}

void h2_peer_run(struct h2_peer *p)
{
    for (int i = 0; i < 1000; i++) {
        const bool sent = push(p);
        stack_settle(p->stack);
        const size_t n = p->peer->heard_n;
        if (!sent && !n)
            return;
        if (!n)
            continue;
        const char *data = peer_take(p->peer);
        if (p->session && !nghttp2_session_want_read(p->session))
            look_at_goaway(p, (const uint8_t *)data, n);
        else if (p->session && nghttp2_session_mem_recv(p->session, (const uint8_t *)data, n) < 0)
            p->broken = true;
    }
}

bool h2_closed(const struct h2_peer *p)
{
    return peer_closed(p->peer);
}

/* -- requests ---------------------------------------------------------------------------------- */

static size_t read_lines(const char *lines, nghttp2_nv *nv)
{
    size_t n = 0;
    for (struct slice rest = slice_str(lines); rest.p && rest.n;) {
        const struct slice line = slice_cut(&rest, '\n');
        const size_t colon = 1 + slice_find(slice_from(line, 1), ':');
        const struct slice value = slice_trim(slice_from(line, colon + 1));
        cr_assert(n < LINES_MAX);
        nv[n++] = (nghttp2_nv){(uint8_t *)line.p, (uint8_t *)(value.n ? value.p : ""), colon,
                               value.n, 0};
    }
    return n;
}

static struct h2_upload *upload_of(struct h2_peer *p, int32_t id)
{
    struct h2_upload *u = p->uploads;
    while (u && u->id != id)
        u = u->next;
    cr_assert(u, "stream %d has no content", id);
    return u;
}

static ssize_t read_upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)user;
    struct h2_upload *u = source->ptr;
    const size_t left = u->n - u->at, n = left < length ? left : length;
    u->deferred = !n && !u->end;
    if (u->deferred)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(buf, u->data + u->at, n);
    u->at += n;
    if (u->end && u->at == u->n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (*flags & NGHTTP2_DATA_FLAG_EOF && u->trailers) {
        nghttp2_nv nv[LINES_MAX];
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, id, nv, read_lines(u->trailers, nv));
    }
    return (ssize_t)n;
}

int32_t h2_ask_lines(struct h2_peer *p, const char *lines, bool open)
{
    nghttp2_nv nv[LINES_MAX];
    struct h2_upload *u = open ? calloc(1, sizeof *u) : NULL;
    const nghttp2_data_provider content = {.source = {.ptr = u}, .read_callback = read_upload};
    const int32_t id = nghttp2_submit_request(p->session, NULL, nv, read_lines(lines, nv),
                                              open ? &content : NULL, NULL);
    cr_assert(id > 0);
    if (open) {
        u->id = id;
        u->next = p->uploads;
        p->uploads = u;
    }
    h2_peer_run(p);
    return id;
}

static int32_t ask(struct h2_peer *p, const char *method, const char *path, const char *lines,
                   bool open)
{
    char *text;
    cr_assert(asprintf(&text, ":method: %s\n:scheme: http\n:authority: a.example\n:path: %s\n%s",
                       method, path, lines ? lines : "") > 0);
    const int32_t id = h2_ask_lines(p, text, open);
    free(text);
    return id;
}

int32_t h2_ask(struct h2_peer *p, const char *method, const char *path, const char *lines)
{
    return ask(p, method, path, lines, false);
}

int32_t h2_ask_open(struct h2_peer *p, const char *method, const char *path, const char *lines)
{
    return ask(p, method, path, lines, true);
}

static void go_on(struct h2_peer *p, struct h2_upload *u)
{
    if (u->deferred)
        nghttp2_session_resume_data(p->session, u->id);
    h2_peer_run(p);
}

void h2_send(struct h2_peer *p, int32_t id, const char *data, size_t n, bool end)
{
    struct h2_upload *u = upload_of(p, id);
    u->data = realloc(u->data, u->n + n + 1);
    memcpy(u->data + u->n, data, n);
    u->n += n;
    u->end = end;
    go_on(p, u);
}

void h2_send_trailers(struct h2_peer *p, int32_t id, const char *lines)
{
    struct h2_upload *u = upload_of(p, id);
    append(&u->trailers, lines, strlen(lines));
    u->end = true;
    go_on(p, u);
}

void h2_cancel(struct h2_peer *p, int32_t id)
{
    nghttp2_submit_rst_stream(p->session, 0, id, NGHTTP2_CANCEL);
    h2_peer_run(p);
}

void h2_open(struct h2_peer *p, int32_t id, int32_t n)
{
    nghttp2_submit_window_update(p->session, 0, id, n);
    h2_peer_run(p);
}

/* -- raw --------------------------------------------------------------------------------------- */

void h2_raw(struct h2_peer *p, const char *bytes, size_t n)
{
    push(p);
    if (p->peer->link)
        peer_says_n(p->peer, bytes, n);
    h2_peer_run(p);
}

size_t h2_make_frame(char *to, uint8_t type, uint8_t flags, int32_t id, const char *payload,
                     size_t n)
{
    const char head[9] = {(char)(n >> 16), (char)(n >> 8),   (char)n,
                          (char)type,      (char)flags,      (char)((uint32_t)id >> 24),
                          (char)(id >> 16), (char)(id >> 8), (char)id};
    memcpy(to, head, 9);
    if (n)
        memcpy(to + 9, payload, n);
    return n + 9;
}

void h2_frame(struct h2_peer *p, uint8_t type, uint8_t flags, int32_t id, const char *payload,
              size_t n)
{
    char *frame = malloc(n + 9);
    h2_raw(p, frame, h2_make_frame(frame, type, flags, id, payload, n));
    free(frame);
}

size_t h2_make_block(char *to, const char *lines)
{
    nghttp2_nv nv[LINES_MAX];
    const size_t count = read_lines(lines, nv);
    char *p = to;
    for (size_t i = 0; i < count; i++) { /* RFC 7541 6.2.2, lengths below 127 */
        cr_assert(nv[i].namelen < 127 && nv[i].valuelen < 127);
        *p++ = 0;
        *p++ = (char)nv[i].namelen;
        memcpy(p, nv[i].name, nv[i].namelen);
        p += nv[i].namelen;
        *p++ = (char)nv[i].valuelen;
        memcpy(p, nv[i].value, nv[i].valuelen);
        p += nv[i].valuelen;
    }
    return (size_t)(p - to);
}
