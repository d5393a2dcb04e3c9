/* SPDX-License-Identifier: Apache-2.0 */
/* What the HTTP/2 connections of one listener share, so that an idle one holds little: the callbacks
 * and options of nghttp2, the slabs that it allocates from, and memory that only one connection at
 * a time needs. */
#include "edge/client_h2_parts.h"

#include <stdlib.h>

/* -- shared ------------------------------------------------------------------------------------ */

/* Acknowledgements that a client may make us queue without reading them; with the limits of the
 * guard it takes many intervals to get there. */
enum { UNREAD_MAX = 1000 };

static nghttp2_option *make_option(const struct h2_server_conf *conf)
{
    nghttp2_option *o;
    must(nghttp2_option_new(&o) == 0);
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_max_outbound_ack(o, UNREAD_MAX);
    nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
    /* nghttp2's own bounds, where it has them, lie behind the guard's. */
#ifdef HAVE_NGHTTP2_OPTION_SET_MAX_CONTINUATIONS
    nghttp2_option_set_max_continuations(o, (size_t)conf->continuations + 1);
#endif
#ifdef HAVE_NGHTTP2_OPTION_SET_STREAM_RESET_RATE_LIMIT
    const uint64_t resets = 2 * (uint64_t)(conf->resets + conf->window_updates);
    nghttp2_option_set_stream_reset_rate_limit(o, resets, resets);
#endif
    (void)conf;
    return o;
}

static struct h2_guard_limits guard_limits(const struct h2_server_conf *conf)
{
    struct h2_guard_limits g = {.interval_ms = conf->interval};
#define E(id, name) g.most[H2_EVENT_##id] = (uint32_t)conf->name;
    H2_EVENT_LIST(E)
#undef E
    return g;
}

static struct h2_shared *make_shared(struct listener *l)
{
    struct h2_shared *s = calloc(1, sizeof *s);
    must(s);
    s->listener = l;
    s->limits = (struct h2_limits){.head_size = (uint32_t)l->conf->limits.head_size,
                                   .target_size = (uint32_t)l->conf->limits.target_size,
                                   .field_count = (uint16_t)l->conf->limits.field_count};
    s->guard = guard_limits(&l->conf->h2);
    s->option = make_option(&l->conf->h2);
    must(nghttp2_session_callbacks_new(&s->callbacks) == 0);
    h2_frames_callbacks(s->callbacks);
    h2_send_callbacks(s->callbacks);
    h2_memory_init(&s->memory);
    slab_init(&s->connections, sizeof(struct client_h2), 0);
    slab_init(&s->streams, sizeof(struct h2_stream), 0);
    return s;
}

struct h2_shared *h2_shared_of(struct listener *l)
{
    if (!l->h2)
        l->h2 = make_shared(l);
    return l->h2;
}

void client_h2_forget(struct listener *l)
{
    struct h2_shared *s = l->h2;
    if (!s)
        return;
    must(s->connections_n == 0);
    h2_memory_fini(&s->memory);
    slab_fini(&s->connections);
    slab_fini(&s->streams);
    nghttp2_session_callbacks_del(s->callbacks);
    nghttp2_option_del(s->option);
    free(s->nv);
    free(s);
    l->h2 = NULL;
}

nghttp2_nv *h2_nv(struct h2_shared *s, size_t n)
{
    if (n > s->nv_cap) {
        s->nv = realloc(s->nv, n * sizeof *s->nv);
        must(s->nv);
        s->nv_cap = n;
    }
    return s->nv;
}

struct h2_block *h2_block_take(struct h2_shared *s)
{
    struct h2_block *b = s->spare;
    s->spare = NULL;
    if (!b) {
        b = malloc(sizeof *b);
        if (!b)
            return NULL;
        h2_block_init(b, &s->limits);
    }
    h2_block_begin(b);
    return b;
}

static void drop_block(struct h2_block *b)
{
    if (!b)
        return;
    h2_block_fini(b);
    free(b);
}

void h2_block_give(struct h2_shared *s, struct h2_block *b)
{
    if (s->spare || !s->connections_n) {
        drop_block(b);
        return;
    }
    s->spare = b;
}

void h2_shared_leave(struct h2_shared *s)
{
    if (--s->connections_n)
        return;
    drop_block(s->spare);
    s->spare = NULL;
    block_unref(s->scratch);
    s->scratch = NULL;
}
