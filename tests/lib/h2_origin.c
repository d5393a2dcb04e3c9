/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted HTTP/2 origin. */
#include "tests/lib/h2_origin.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/link.h"

enum { REQUESTS_MAX = 512, FIELDS_MAX = 200 };

struct h2_origin {
    struct peer *peer;
    struct link *link;
    nghttp2_session *session;
    struct h2_request *requests[REQUESTS_MAX];
    size_t requests_n, open;
    size_t pings;
    int64_t goaway;
    bool hold, closed;
    bool quiet;             /* SETTINGS haven't been sent */
    char *early;            /* what came until then */
    size_t early_n;
    struct h2_origin_how how;
};

static void append(char **to, size_t *n, const void *p, size_t more)
{
    *to = realloc(*to, *n + more + 1);
    memcpy(*to + *n, p, more);
    *n += more;
    (*to)[*n] = 0;
}

static struct h2_request *by_id(struct h2_origin *o, int32_t id)
{
    for (size_t i = 0; i < o->requests_n; i++)
        if (o->requests[i]->id == id)
            return o->requests[i];
    return NULL;
}

/* -- what comes in ----------------------------------------------------------------------------- */

static int on_begin(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    struct h2_origin *o = ctx;
    (void)session;
    if (f->hd.type != NGHTTP2_HEADERS || by_id(o, f->hd.stream_id))
        return 0;
    struct h2_request *r = calloc(1, sizeof *r);
    r->id = f->hd.stream_id;
    cr_assert(o->requests_n < REQUESTS_MAX);
    o->requests[o->requests_n++] = r;
    o->open++;
    append(&r->head, &r->head_n, "", 0);
    append(&r->body, &r->body_n, "", 0);
    append(&r->trailers, &r->trailers_n, "", 0);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *ctx)
{
    struct h2_request *r = by_id(ctx, f->hd.stream_id);
    (void)session;
    (void)flags;
    char **to = r->headed ? &r->trailers : &r->head;
    size_t *n = r->headed ? &r->trailers_n : &r->head_n;
    append(to, n, name, name_n);
    append(to, n, ": ", 2);
    append(to, n, value, value_n);
    append(to, n, "\n", 1);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    struct h2_origin *o = ctx;
    struct h2_request *r = by_id(o, f->hd.stream_id);
    (void)session;
    if (f->hd.type == NGHTTP2_HEADERS && r)
        r->headed = true;
    if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) && r &&
        (f->hd.flags & NGHTTP2_FLAG_END_STREAM))
        r->ended = true;
    if (f->hd.type == NGHTTP2_PING && !(f->hd.flags & NGHTTP2_FLAG_ACK))
        o->pings++;
    if (f->hd.type == NGHTTP2_GOAWAY)
        o->goaway = f->goaway.error_code;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *ctx)
{
    struct h2_request *r = by_id(ctx, id);
    (void)session;
    (void)flags;
    append(&r->body, &r->body_n, p, n);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    struct h2_origin *o = ctx;
    struct h2_request *r = by_id(o, id);
    (void)session;
    if (!r)
        return 0;
    r->closed = true;
    r->code = code;
    o->open--;
    return 0;
}

static void send_queued(struct h2_origin *o)
{
    const uint8_t *p;
    ssize_t n;
    if (o->hold || o->closed)
        return;
    while ((n = nghttp2_session_mem_send(o->session, &p)) > 0)
        cr_assert(bytes_copy(&o->link->out, slice_of((const char *)p, (size_t)n)));
    cr_assert_eq(n, 0, "%s", nghttp2_strerror((int)n));
    link_send(o->link);
}

/* SETTINGS come before anything else that the origin says, so until then it doesn't listen. */
static void receive(struct h2_origin *o, const char *p, size_t n)
{
    if (o->quiet) {
        append(&o->early, &o->early_n, p, n);
        return;
    }
    if (nghttp2_session_mem_recv(o->session, (const uint8_t *)p, n) < 0)
        o->closed = true;
    send_queued(o);
}

static void on_open(struct link *l)
{
    send_queued(l->owner);
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    (void)b;
    receive(l->owner, s.p, s.n);
}

static void on_eof(struct link *l)
{
    ((struct h2_origin *)l->owner)->closed = true;
}

static void on_fail(struct link *l, int err)
{
    (void)err;
    ((struct h2_origin *)l->owner)->closed = true;
}

static const struct link_events events = {
    .on_open = on_open, .on_bytes = on_bytes, .on_eof = on_eof, .on_fail = on_fail};

/* -- life -------------------------------------------------------------------------------------- */

static void session_new(struct h2_origin *o)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *opt;
    cr_assert_eq(nghttp2_session_callbacks_new(&cb), 0);
    cr_assert_eq(nghttp2_option_new(&opt), 0);
    nghttp2_option_set_no_auto_window_update(opt, o->how.manual);
    nghttp2_option_set_no_http_messaging(opt, o->how.lax);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
    cr_assert_eq(nghttp2_session_server_new2(&o->session, cb, o, opt), 0);
    nghttp2_session_callbacks_del(cb);
    nghttp2_option_del(opt);
}

static void settle(struct h2_origin *o)
{
    send_queued(o);
    loop_turn(o->link->loop);
}

struct h2_origin *h2_origin_new(struct peer *p, struct h2_origin_how how)
{
    cr_assert(p, "nothing was dialled");
    struct h2_origin *o = calloc(1, sizeof *o);
    *o = (struct h2_origin){.peer = p, .how = how, .goaway = -1};
    o->link = how.link ? how.link : p->link;
    session_new(o);
    link_start(o->link, &events, o);
    o->quiet = true;
    if (!how.link)
        receive(o, p->heard, p->heard_n);
    if (!how.silent)
        h2_origin_settings(o);
    return o;
}

void h2_origin_free(struct h2_origin *o)
{
    for (size_t i = 0; i < o->requests_n; i++) {
        struct h2_request *r = o->requests[i];
        free(r->head);
        free(r->body);
        free(r->trailers);
        free(r->out);
        free(r->out_trailers);
        free(r);
    }
    nghttp2_session_del(o->session);
    free(o->early);
    free(o);
}

/* -- looking ----------------------------------------------------------------------------------- */

struct h2_request *h2_origin_request(struct h2_origin *o, size_t i)
{
    return i < o->requests_n ? o->requests[i] : NULL;
}

size_t h2_origin_requests(const struct h2_origin *o)
{
    return o->requests_n;
}

size_t h2_origin_open(const struct h2_origin *o)
{
    return o->open;
}

static bool has_line(const char *head, const char *start, size_t n)
{
    for (const char *line = head; line && *line; line = strchr(line, '\n'), line += line != NULL)
        if (strncmp(line, start, n) == 0)
            return true;
    return false;
}

bool h2_request_has(const struct h2_request *r, const char *name, const char *value)
{
    char line[1024];
    const int n = snprintf(line, sizeof line, "%s: %s\n", name, value);
    return has_line(r->head, line, (size_t)n);
}

bool h2_request_has_name(const struct h2_request *r, const char *name)
{
    char line[256];
    const int n = snprintf(line, sizeof line, "%s: ", name);
    return has_line(r->head, line, (size_t)n);
}

size_t h2_origin_pings(const struct h2_origin *o)
{
    return o->pings;
}

int64_t h2_origin_goaway_code(const struct h2_origin *o)
{
    return o->goaway;
}

bool h2_origin_closed(const struct h2_origin *o)
{
    return o->closed;
}

uint32_t h2_origin_setting(const struct h2_origin *o, int32_t id)
{
    return nghttp2_session_get_remote_settings(o->session, (nghttp2_settings_id)id);
}

/* -- saying ------------------------------------------------------------------------------------ */

/* Cuts "name: value\n" ... into an array; `text` is written to. */
static size_t cut_fields(char *text, nghttp2_nv *nv)
{
    size_t n = 0;
    for (char *line = text; *line;) {
        char *colon = strstr(line + 1, ": "), *end = strchr(line, '\n');
        cr_assert(colon && end && n < FIELDS_MAX);
        nv[n++] = (nghttp2_nv){(uint8_t *)line, (uint8_t *)colon + 2, (size_t)(colon - line),
                               (size_t)(end - colon - 2), NGHTTP2_NV_FLAG_NONE};
        line = end + 1;
    }
    return n;
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t most,
                       uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct h2_request *r = source->ptr;
    const size_t left = r->out_n - r->out_at, n = left < most ? left : most;
    (void)ctx;
    if (n == 0 && !r->out_ends) {
        r->out_waits = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n)
        memcpy(buf, r->out + r->out_at, n);
    r->out_at += n;
    if (n == left && r->out_ends) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (r->out_trailers) {
            nghttp2_nv nv[FIELDS_MAX];
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            nghttp2_submit_trailer(session, id, nv, cut_fields(r->out_trailers, nv));
        }
    }
    return (ssize_t)n;
}

void h2_origin_head(struct h2_origin *o, struct h2_request *r, const char *status,
                    const char *fields, bool end)
{
    nghttp2_nv nv[FIELDS_MAX];
    char *text;
    const nghttp2_data_provider from = {.source.ptr = r, .read_callback = on_read};
    cr_assert(asprintf(&text, ":status: %s\n%s", status, fields) > 0);
    const size_t n = cut_fields(text, nv);
    if (status[0] == '1')
        nghttp2_submit_headers(o->session, NGHTTP2_FLAG_NONE, r->id, NULL, nv, n, NULL);
    else
        nghttp2_submit_response(o->session, r->id, nv, n, end ? NULL : &from);
    free(text);
    settle(o);
}

static void content_ready(struct h2_origin *o, struct h2_request *r)
{
    if (r->out_waits)
        nghttp2_session_resume_data(o->session, r->id);
    r->out_waits = false;
    settle(o);
}

void h2_origin_content(struct h2_origin *o, struct h2_request *r, const char *p, size_t n, bool end)
{
    append(&r->out, &r->out_n, p, n);
    r->out_ends = end;
    content_ready(o, r);
}

void h2_origin_trailers(struct h2_origin *o, struct h2_request *r, const char *fields)
{
    r->out_trailers = strdup(fields);
    r->out_ends = true;
    content_ready(o, r);
}

void h2_origin_answer(struct h2_origin *o, struct h2_request *r, const char *body)
{
    h2_origin_head(o, r, "200", "", false);
    h2_origin_content(o, r, body, strlen(body), true);
}

void h2_origin_reset(struct h2_origin *o, struct h2_request *r, uint32_t code)
{
    nghttp2_submit_rst_stream(o->session, NGHTTP2_FLAG_NONE, r->id, code);
    settle(o);
}

void h2_origin_goaway(struct h2_origin *o, int32_t last, uint32_t code)
{
    nghttp2_submit_goaway(o->session, NGHTTP2_FLAG_NONE, last, code, NULL, 0);
    settle(o);
}

void h2_origin_settings(struct h2_origin *o)
{
    nghttp2_settings_entry iv[3];
    size_t n = 0;
    if (o->how.streams)
        iv[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->how.streams};
    if (o->how.window)
        iv[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->how.window};
    if (o->how.connect_protocol)
        iv[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    nghttp2_submit_settings(o->session, NGHTTP2_FLAG_NONE, iv, n);
    o->quiet = false;
    if (o->early_n)
        receive(o, o->early, o->early_n);
    o->early_n = 0;
    settle(o);
}

void h2_origin_streams(struct h2_origin *o, uint32_t streams)
{
    const nghttp2_settings_entry iv = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};
    nghttp2_submit_settings(o->session, NGHTTP2_FLAG_NONE, &iv, 1);
    settle(o);
}

void h2_origin_consume(struct h2_origin *o, struct h2_request *r, size_t n)
{
    nghttp2_session_consume(o->session, r->id, n);
    settle(o);
}

void h2_origin_raw(struct h2_origin *o, const void *p, size_t n)
{
    send_queued(o);
    cr_assert(bytes_copy(&o->link->out, slice_of(p, n)));
    link_send(o->link);
    loop_turn(o->link->loop);
}

void h2_origin_hold(struct h2_origin *o, bool on)
{
    o->hold = on;
    settle(o);
}
