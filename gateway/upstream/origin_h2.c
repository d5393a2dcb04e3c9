/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards an endpoint: the lives of a connection and of its streams. A stream lives until
 * the session has closed it; when its attempt lets go before, it is reset. A connection lives until
 * it is idle for too long, until the origin or a limit says that it takes no more streams and the
 * last one has ended, or until something breaks. */
#include "upstream/origin_h2.h"

#include <errno.h>
#include <stdlib.h>

#include "core/exchange.h"
#include "core/stats/stats.h"

static void on_eof(struct link *l);
static void on_room(struct link *l);
static void on_fail(struct link *l, int err);
static void on_pump(struct later *l);
static void on_ping(struct timer *t);
static void leave(struct origin *o, uint32_t code);

static const struct link_events origin_h2_link_events = {
    .on_bytes = origin_h2_on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_fail = on_fail,
};

void origin_h2_wake(struct origin_h2 *h)
{
    loop_later(origin_h2_worker(h)->loop, &h->pump);
}

/* -- sessions ---------------------------------------------------------------------------------- */

void origin_h2_setup(struct origin_pools *p)
{
    slab_init(&p->sessions, sizeof(struct origin_h2), 0);
    slab_init(&p->streams, sizeof(struct origin_stream), 0);
    h2_memory_init(&p->memory);
    must(nghttp2_session_callbacks_new(&p->callbacks) == 0);
    must(nghttp2_option_new(&p->option) == 0);
    nghttp2_option_set_no_auto_window_update(p->option, 1);
    origin_h2_set_send_callbacks(p->callbacks);
    origin_h2_set_callbacks(p->callbacks);
}

void origin_h2_teardown(struct origin_pools *p)
{
    nghttp2_session_callbacks_del(p->callbacks);
    nghttp2_option_del(p->option);
    free(p->nv);
}

static bool submit_settings(struct origin_h2 *h)
{
    const struct cluster_conf *conf = origin_conf(h->o);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)conf->h2.stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)conf->limits.head_size},
    };
    return nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof *settings) == 0 &&
           nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)conf->h2.connection_window) == 0;
}

static bool session_begin(struct origin *o, struct origin_h2 *h)
{
    *h = (struct origin_h2){.o = o, .allowed = UINT32_MAX};
    h->limits = (struct h2_limits){
        .head_size = (uint32_t)origin_conf(o)->limits.head_size,
        .field_count = (uint16_t)origin_conf(o)->limits.field_count,
    };
    list_init(&h->streams);
    later_init(&h->pump, on_pump);
    timer_init(&h->ping, on_ping);
    h2_block_init(&h->block, &h->limits);
    if (nghttp2_session_client_new3(&h->session, o->pools->callbacks, h, o->pools->option,
                                    &o->pools->memory.mem) == 0 &&
        submit_settings(h))
        return true;
    nghttp2_session_del(h->session);
    h2_block_fini(&h->block);
    return false;
}

/* Who it was made for comes first. */
static bool bring_own(struct origin *o)
{
    struct attempt *at = o->at;
    struct origin_stream *s = pool_h2_stream(at);
    if (!s)
        return false;
    o->at = NULL;
    list_push_front(&o->endpoint->waiting, &s->node);
    o->endpoint->waiting_n++;
    return true;
}

bool origin_h2_begin(struct origin *o)
{
    struct origin_h2 *h = slab_get(&o->pools->sessions);
    if (!h)
        return false;
    if (!session_begin(o, h)) {
        slab_put(&o->pools->sessions, h);
        return false;
    }
    o->h2 = h;
    if (o->at && !bring_own(o))
        return false;
    pool_h2_share(o);
    link_start(o->link, &origin_h2_link_events, o);
    h->freed = true;
    origin_h2_wait_idle(h);
    origin_h2_wake(h);
    return true;
}

static void free_stream(struct origin_stream *s)
{
    struct origin_h2 *h = s->o->h2;
    list_remove(&s->node);
    h->streams_n--;
    bytes_clear(&s->out);
    slab_put(&s->o->pools->streams, s);
}

void origin_h2_free(struct origin *o)
{
    struct origin_h2 *h = o->h2;
    o->h2 = NULL;
    later_cancel(&h->pump);
    timer_stop(&h->ping);
    list_each_safe (node, &h->streams) {
        struct origin_stream *s = list_entry(node, struct origin_stream, node);
        if (s->at)
            s->at->origin = NULL;
        list_remove(&s->node);
        bytes_clear(&s->out);
        slab_put(&o->pools->streams, s);
    }
    nghttp2_session_del(h->session);
    h2_block_fini(&h->block);
    slab_put(&o->pools->sessions, h);
    if (o->pools->sessions.used == 0) {
        block_unref(o->pools->scratch);
        o->pools->scratch = NULL;
    }
}

/* -- how much it takes ------------------------------------------------------------------------- */

bool origin_h2_wants_tunnel(const struct attempt *at)
{
    const struct plan *p = &at->x->plan;
    const bool content = p->body != BODY_NONE && !(p->body == BODY_LENGTH && !p->content_length);
    return !content && slice_ieq(p->upgrade, SLICE("websocket"));
}

/* Before the origin has said how many streams it takes, there is one. */
static uint32_t streams_limit(const struct origin_h2 *h)
{
    uint32_t most = (uint32_t)origin_conf(h->o)->pool.streams;
    if (!h->settled)
        return 1;
    const uint32_t remote =
        nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    most = remote < most ? remote : most;
    return h->allowed < most ? h->allowed : most;
}

static bool takes_tunnels(const struct origin_h2 *h)
{
    return nghttp2_session_get_remote_settings(h->session,
                                               NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool origin_h2_has_room(const struct origin *o, const struct attempt *at)
{
    const struct origin_h2 *h = o->h2;
    if (!h || h->draining || h->doom || h->streams_n >= streams_limit(h))
        return false;
    return !origin_h2_wants_tunnel(at) || (h->settled && takes_tunnels(h));
}

bool origin_h2_declines(const struct origin *o, const struct attempt *at)
{
    const struct origin_h2 *h = o->h2;
    return h && h->settled && origin_h2_wants_tunnel(at) && !takes_tunnels(h);
}

void origin_h2_look(struct origin *o)
{
    o->h2->freed = true;
    origin_h2_wake(o->h2);
}

uint32_t origin_h2_room(const struct origin *o)
{
    const struct origin_h2 *h = o->h2;
    const struct endpoint *ep = o->endpoint;
    uint32_t limit = streams_limit(h);
    if (!h->settled) { /* likely the same as the last one said */
        limit = (uint32_t)origin_conf(o)->pool.streams;
        if (ep->streams_seen && ep->streams_seen < limit)
            limit = ep->streams_seen;
    }
    if (h->draining || h->doom || h->streams_n >= limit)
        return 0;
    return limit - h->streams_n;
}

/* -- the pump ---------------------------------------------------------------------------------- */

/* Once at the end of a turn in which anything has changed. */
static void on_pump(struct later *l)
{
    struct origin_h2 *h = container_of(l, struct origin_h2, pump);
    struct origin *o = h->o;
    struct endpoint *ep = o->endpoint;
    if (h->freed) {
        h->freed = false;
        pool_h2_serve(o->pools, ep);
    }
    if (!origin_h2_send_frames(h)) {
        origin_h2_break(o, WHY_OVERLOAD, "blocks");
        return;
    }
    const bool unwanted = h->draining || (ep->gone && ep->waiting_n == 0);
    /* The session gives up after a breach of the protocol, when its GOAWAY has gone out. */
    if (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session))
        origin_h2_doom(h, WHY_BAD_RESPONSE, "protocol", NGHTTP2_PROTOCOL_ERROR);
    if (h->doom)
        origin_h2_break(o, WHY_BAD_RESPONSE, "protocol");
    else if (unwanted && h->streams_n == 0)
        leave(o, NGHTTP2_NO_ERROR);
}

/* -- streams end ------------------------------------------------------------------------------- */

struct attempt *origin_h2_take_attempt(struct origin_stream *s)
{
    struct attempt *at = s->at;
    s->at = NULL;
    s->trailers = NULL;
    at->origin = NULL;
    return at;
}

void origin_stream_reset(struct origin_stream *s, uint32_t code)
{
    struct origin_h2 *h = s->o->h2;
    s->reset = true;
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, code);
    origin_h2_wake(h);
}

void origin_stream_fail(struct origin_stream *s, enum why why, const char *detail, uint32_t code)
{
    attempt_on_fail(origin_h2_take_attempt(s), why, detail);
    origin_stream_reset(s, code);
}

void origin_h2_wait_idle(struct origin_h2 *h)
{
    const uint64_t idle_ms = origin_conf(h->o)->pool.idle_timeout;
    if (idle_ms && h->streams_n == 0)
        timer_start(origin_h2_worker(h)->loop, &h->o->timer, idle_ms);
}

void origin_stream_gone(struct origin_stream *s)
{
    struct origin_h2 *h = s->o->h2;
    free_stream(s);
    if (h->streams_n == 0) {
        timer_stop(&h->ping);
        h->pinged_us = 0;
        origin_h2_wait_idle(h);
    }
    h->freed = true;
    origin_h2_wake(h);
}

/* -- the connection ends ----------------------------------------------------------------------- */

void origin_h2_doom(struct origin_h2 *h, enum why why, const char *detail, uint32_t code)
{
    if (h->doom)
        return;
    h->doom = (uint8_t)why;
    h->doom_detail = detail;
    h->doom_code = code;
}

void origin_h2_drain(struct origin *o)
{
    o->h2->draining = true;
    pool_h2_withdraw(o);
    origin_h2_wake(o->h2);
}

/* Says goodbye and goes. */
static void leave(struct origin *o, uint32_t code)
{
    nghttp2_session_terminate_session(o->h2->session, code);
    if (origin_h2_send_frames(o->h2))
        origin_leave(o);
    else
        origin_close(o);
}

/* What a stream's attempt learns when its connection breaks. Where the head has come the response
 * is cut off; a tunnel has no framing that would tell. */
static void tell_broken(struct origin_stream *s, enum why why, const char *detail)
{
    if (!s->at)
        return;
    const bool cut = s->head_done && !s->tunnel && why != WHY_BAD_RESPONSE;
    attempt_on_fail(origin_h2_take_attempt(s), cut ? WHY_TRUNCATED : why, detail);
}

void origin_h2_break(struct origin *o, enum why why, const char *detail)
{
    struct origin_h2 *h = o->h2;
    struct endpoint *ep = o->endpoint;
    struct origin_pools *p = o->pools;
    const bool polite = h->doom != WHY_NONE;
    endpoint_acquire(ep); /* those that wait go elsewhere */
    if (polite) {
        why = (enum why)h->doom;
        detail = h->doom_detail;
    }
    list_each (node, &h->streams)
        tell_broken(list_entry(node, struct origin_stream, node), why, detail);
    if (polite)
        leave(o, h->doom_code);
    else
        origin_close(o);
    pool_h2_serve(p, ep);
    endpoint_release(ep);
}

static void on_eof(struct link *l)
{
    origin_h2_break(l->owner, WHY_CLOSED, NULL);
}

static void on_fail(struct link *l, int err)
{
    origin_h2_break(l->owner, err == EPIPE ? WHY_CLOSED : WHY_RESET, NULL);
}

static void on_room(struct link *l)
{
    origin_h2_wake(((struct origin *)l->owner)->h2);
}

/* -- pings ------------------------------------------------------------------------------------- */

static void ping(struct origin_h2 *h, uint64_t now_us)
{
    if (nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL) != 0)
        return;
    h->pinged_us = now_us;
    timer_start(origin_h2_worker(h)->loop, &h->ping, origin_conf(h->o)->h2.ping_timeout);
    origin_h2_wake(h);
}

/* While there are streams: whoever is silent for too long is asked whether it is there. Anything
 * that comes is an answer. */
static void on_ping(struct timer *t)
{
    struct origin_h2 *h = container_of(t, struct origin_h2, ping);
    struct loop *lp = origin_h2_worker(h)->loop;
    const uint64_t now_us = lp->clock.mono_us;
    const uint64_t interval_ms = origin_conf(h->o)->h2.ping_interval;
    const uint64_t silent_ms = (now_us - h->heard_us) / 1000;
    if (h->pinged_us && h->heard_us < h->pinged_us) {
        h->o->endpoint->stats->h2_pings_lost++;
        origin_h2_break(h->o, WHY_RESET, "ping");
        return;
    }
    h->pinged_us = 0;
    if (silent_ms >= interval_ms)
        ping(h, now_us);
    else
        timer_start(lp, t, interval_ms - silent_ms);
}
