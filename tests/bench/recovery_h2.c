/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 of recovery_load, in cleartext by prior knowledge: a few connections that take turns. One
 * that takes no further requests (GOAWAY) is replaced and ends when its streams have. */
#include "tests/bench/recovery_load.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum { CONNECTIONS = 4, ROOM = 65536 };

struct h2 {
    struct watched watched;
    nghttp2_session *session;
    int fd;
};

static struct h2 *conns[CONNECTIONS];

/* -- what nghttp2 calls ------------------------------------------------------------------------ */

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *ctx)
{
    (void)ctx;
    struct ask *a = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
    if (a && !a->failed && f->hd.flags & NGHTTP2_FLAG_END_STREAM &&
        (f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS))
        ask_end(a, true);
    return 0;
}

static int on_field(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t n,
                    const uint8_t *value, size_t m, uint8_t flags, void *ctx)
{
    (void)flags;
    (void)ctx;
    struct ask *a = nghttp2_session_get_stream_user_data(session, f->hd.stream_id);
    if (a && n == 7 && memcmp(name, ":status", 7) == 0 && (m != 3 || memcmp(value, "200", 3) != 0))
        ask_end(a, false);
    return 0;
}

/* A stream that wasn't ended by its answer has failed. */
static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    (void)code;
    (void)ctx;
    struct ask *a = nghttp2_session_get_stream_user_data(session, id);
    if (a) {
        ask_end(a, false);
        a->by = NULL;
    }
    return 0;
}

/* -- connections ------------------------------------------------------------------------------- */

static void leave(struct h2 *c)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        if (conns[i] == c)
            conns[i] = NULL;
}

/* nghttp2 says nothing of the streams of a session that is deleted: they are told by `by`. */
static void h2_close(struct h2 *c)
{
    leave(c);
    asks_lost(&c->watched);
    nghttp2_session_del(c->session);
    close(c->fd);
    free(c);
}

/* False: the connection is gone. */
static bool flush(struct h2 *c)
{
    const uint8_t *p;
    for (ssize_t n; (n = nghttp2_session_mem_send(c->session, &p)) > 0;)
        if (send(c->fd, p, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
            return false;
    return nghttp2_session_want_read(c->session) || nghttp2_session_want_write(c->session);
}

static void on_readable(struct watched *w)
{
    static uint8_t in[ROOM];
    struct h2 *c = (struct h2 *)w;
    const ssize_t n = recv(c->fd, in, sizeof in, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || nghttp2_session_mem_recv(c->session, in, (size_t)n) < 0 || !flush(c))
        h2_close(c);
}

static nghttp2_session *new_session(struct h2 *c)
{
    nghttp2_session_callbacks *calls;
    nghttp2_session *session;
    const nghttp2_settings_entry none[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    if (nghttp2_session_callbacks_new(&calls) != 0)
        net_die("no memory");
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_field);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    if (nghttp2_session_client_new(&session, calls, c) != 0)
        net_die("no memory");
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, none, 1);
    return session;
}

static struct h2 *h2_open(unsigned port)
{
    const int fd = net_connect(port);
    struct h2 *c = fd < 0 ? NULL : calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct h2){.watched = {on_readable}, .session = new_session(c), .fd = fd};
    watch(fd, &c->watched);
    return c;
}

static struct h2 *take(unsigned port)
{
    static unsigned turn;
    struct h2 **at = &conns[turn++ % CONNECTIONS];
    if (*at && !nghttp2_session_check_request_allowed((*at)->session))
        *at = NULL;
    if (!*at)
        *at = h2_open(port);
    return *at;
}

/* -- requests ---------------------------------------------------------------------------------- */

#define FIELD(n, v)                                                                                \
    {                                                                                              \
        .name = (uint8_t *)(n), .namelen = sizeof(n) - 1, .value = (uint8_t *)(v),                 \
        .valuelen = sizeof(v) - 1                                                                  \
    }

void h2_send(unsigned port, struct ask *a)
{
    static const nghttp2_nv head[] = {FIELD(":method", "GET"), FIELD(":scheme", "http"),
                                      FIELD(":authority", "bench.example.com"),
                                      FIELD(":path", "/item")};
    struct h2 *c = take(port);
    if (!c) {
        ask_end(a, false);
        return;
    }
    a->stream = nghttp2_submit_request(c->session, NULL, head, 4, NULL, a);
    if (a->stream < 0) {
        ask_end(a, false);
        return;
    }
    a->by = &c->watched;
    if (!flush(c))
        h2_close(c);
}

void h2_give_up(struct ask *a)
{
    struct h2 *c = (struct h2 *)a->by;
    if (!c)
        return;
    nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, a->stream, NGHTTP2_CANCEL);
    if (!flush(c))
        h2_close(c);
}
