/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 towards clients: a connection, from its preface to its end. What comes in is given to
 * nghttp2 at once; what goes out is made by the pump, once a turn, behind the exchanges that had
 * something to say, so that all of it leaves in one write.
 *
 *     OPEN ──► drain: NOTICE ──ping, or 1 s──► LEAVING ──streams over──┐
 *       ├───── idle, or GOAWAY of the client's ───────────────────────┼──► LINGER ──► closed
 *       └───── a limit, a protocol error: GOAWAY ─────────────────────┘
 *
 * LINGER as in client_h1.c: closing with unread bytes would take the last frames with it. */
#include "edge/client_h2_parts.h"

#include "base/log.h"

enum {
    NOTICE_MS = 1000,          /* for the round trip of a GOAWAY that refuses nothing */
    LINGER_MS = 2000,
    LINGER_BYTES = 256 * 1024,
};

static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_room(struct link *l);
static void on_stall(struct link *l);
static void on_drained(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);
static void on_pump(struct later *l);

static const struct link_events link_events = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_stall = on_stall,
    .on_drained = on_drained,
    .on_fail = on_fail,
};

static const struct timeouts *timeouts_of(const struct client_h2 *h2)
{
    return &h2_conf(h2)->timeouts;
}

/* -- deadlines --------------------------------------------------------------------------------- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return b && (!a || b < a) ? b : a;
}

static uint64_t first_reading(const struct client_h2 *h2)
{
    return list_empty(&h2->reading)
               ? 0
               : list_entry(h2->reading.next, struct h2_stream, reading)->reading_due_ms;
}

static uint64_t first_stalled(const struct client_h2 *h2)
{
    const uint64_t due =
        list_empty(&h2->stalled)
            ? UINT64_MAX
            : list_entry(h2->stalled.next, struct h2_stream, stalled)->stalled_due_ms;
    return due == UINT64_MAX ? 0 : due;
}

/* The connection's own window is shut, and streams wait. */
static uint64_t waiting_due(const struct client_h2 *h2)
{
    const uint64_t ms = timeouts_of(h2)->write_idle;
    return ms && !list_empty(&h2->waiting) ? h2->moved_ms + ms : 0;
}

static uint64_t ping_due(const struct client_h2 *h2)
{
    const uint64_t every = h2_conf(h2)->h2.ping_interval;
    return h2->ping_due_ms ? h2->ping_due_ms : every ? h2->heard_ms + every : 0;
}

static uint64_t next_due(const struct client *c)
{
    const struct client_h2 *h2 = c->h2;
    uint64_t due = sooner(c->read_due_ms, c->write_due_ms);
    if (!h2->session)
        return due;
    due = sooner(due, h2->idle_due_ms);
    due = sooner(due, h2->head_due_ms);
    due = sooner(due, h2->drain_due_ms);
    due = sooner(due, first_reading(h2));
    due = sooner(due, first_stalled(h2));
    due = sooner(due, waiting_due(h2));
    return sooner(due, ping_due(h2));
}

/* Only ever makes the timer run long enough: when it fires early, on_timer looks what is due. */
static void arm(struct client *c)
{
    const uint64_t due = next_due(c), now = h2_now(c->h2);
    if (due)
        timer_start(h2_worker(c->h2)->loop, &c->timer, due > now ? due - now : 0);
}

/* -- the end ----------------------------------------------------------------------------------- */

/* The session goes; what it had under way is told. Exchanges may go on for a moment. */
static void end_session(struct client_h2 *h2, enum why why)
{
    if (!h2->session)
        return;
    list_each_safe (node, &h2->streams) {
        struct h2_stream *st = list_entry(node, struct h2_stream, node);
        if (!st->closed)
            h2_stream_closed(st, why);
    }
    nghttp2_session_del(h2->session);
    h2->session = NULL;
    if (h2->block)
        h2_block_give(h2->shared, h2->block);
    h2->block = NULL;
    bytes_clear(&h2->c->in);
}

static void leave(struct client *c)
{
    struct client_h2 *h2 = c->h2;
    struct h2_shared *s = h2->shared;
    end_session(h2, WHY_CLIENT_GONE);
    if (h2->exchanges_n) {
        timer_stop(&c->timer);
        if (c->link)
            link_close(c->link);
        c->link = NULL;
        return; /* c goes when the last exchange has finished */
    }
    slab_put(&s->connections, h2);
    c->h2 = NULL;
    h2_shared_leave(s);
    client_free(c);
}

void h2_close_now(struct client *c, enum why why)
{
    end_session(c->h2, why);
    if (c->link && c->h2->exchanges_n) {
        link_reset(c->link);
        c->link = NULL;
    }
    leave(c);
}

void h2_exchange_left(struct client_h2 *h2)
{
    h2->exchanges_n--;
    if (!h2->c->link && !h2->exchanges_n)
        leave(h2->c);
}

/* All has been sent: what is left to wait for is the other side's end. */
static void await_end(struct client *c)
{
    if (c->link->eof_in || c->link->failed) {
        leave(c);
        return;
    }
    c->read_due_ms = h2_now(c->h2) + LINGER_MS;
    arm(c);
}

static void linger(struct client *c, enum why why)
{
    end_session(c->h2, why);
    c->state = H2_LINGER;
    c->scanned = 0;
    c->read_due_ms = 0;
    link_resume(c->link);
    link_end(c->link);
    if (link_unsent(c->link) == 0)
        await_end(c); /* else on_drained does, or on_stall ends it */
}

static void count_calm(struct client_h2 *h2)
{
    struct listener_stats *stats = h2->shared->listener->stats;
    switch ((enum h2_event)h2->event) {
#define E(id, name)                                                                                \
    case H2_EVENT_##id:                                                                            \
        stats->h2_calm_##name++;                                                                   \
        return;
        H2_EVENT_LIST(E)
#undef E
    case H2_EVENT_N:
        stats->h2_calm_unread++;
        return;
    }
}

/* RFC 9113 6.8, written by hand: nghttp2 has been stopped in the middle of something, and the queue
 * ends behind a whole frame always. */
static void say_goaway(struct client *c, uint32_t code)
{
    const uint32_t last = (uint32_t)nghttp2_session_get_last_proc_stream_id(c->h2->session);
    const uint32_t words[2] = {__builtin_bswap32(last), __builtin_bswap32(code)};
    char frame[17] = {0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0};
    memcpy(frame + 9, words, sizeof words);
    if (bytes_copy(&c->link->out, slice_of(frame, sizeof frame)))
        link_send(c->link);
}

static void log_calm(struct client *c)
{
    char text[ADDR_TEXT_MAX];
    const enum h2_event e = (enum h2_event)c->h2->event;
    ip_print(&c->facts.peer, text);
    log_trace("h2_limit", KV_SLICE("listener", h2_conf(c->h2)->name), KV("client", text),
              KV("limit", e == H2_EVENT_N ? "unread" : h2_event_name(e)));
}

static void be_calm(struct client *c)
{
    count_calm(c->h2);
    log_calm(c);
    say_goaway(c, NGHTTP2_ENHANCE_YOUR_CALM);
    linger(c, WHY_CLIENT_GONE);
}

/* nghttp2 can't go on: what h2->fate says, or what it found itself. */
static void give_up(struct client *c, ssize_t err)
{
    struct client_h2 *h2 = c->h2;
    if (h2->fate == H2_NO_MEMORY || err == NGHTTP2_ERR_NOMEM) {
        h2_close_now(c, WHY_OVERLOAD);
        return;
    }
    if (h2->fate == H2_GOES_ON && err == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
        h2->shared->listener->stats->h2_protocol_errors++;
        say_goaway(c, NGHTTP2_PROTOCOL_ERROR);
        linger(c, WHY_CLIENT_GONE);
        return;
    }
    if (h2->fate == H2_GOES_ON)
        h2->event = H2_EVENT_N; /* NGHTTP2_ERR_FLOODED, or a bound of nghttp2's own */
    be_calm(c);
}

/* -- draining ---------------------------------------------------------------------------------- */

static const uint8_t drain_ping[8] = "drain";

void h2_begin_drain(struct client_h2 *h2)
{
    if (h2->drain != H2_SERVING)
        return;
    h2->drain = H2_NOTICE;
    h2->drain_due_ms = h2_now(h2) + NOTICE_MS;
    nghttp2_submit_shutdown_notice(h2->session);
    nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, drain_ping);
    h2_pump_later(h2);
}

static void go_on_draining(struct client_h2 *h2)
{
    if (h2->drain != H2_NOTICE_SEEN)
        return;
    h2->drain = H2_LEAVING;
    h2->drain_due_ms = 0;
    nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR,
                          NULL, 0);
}

static void drain(struct client *c)
{
    if (c->h2->session)
        h2_begin_drain(c->h2);
}

/* -- the pump ---------------------------------------------------------------------------------- */

/* False: the connection has ended. `s` lies in `b`. */
static bool feed(struct client *c, struct block *b, struct slice s)
{
    struct client_h2 *h2 = c->h2;
    h2->feeding = b;
    h2->heard_ms = h2_now(h2);
    h2->ping_due_ms = 0;
    const ssize_t n = nghttp2_session_mem_recv(h2->session, (const uint8_t *)s.p, s.n);
    h2->feeding = NULL;
    if (n >= 0)
        return true;
    give_up(c, n);
    return false;
}

/* What greeting.c had read. */
static bool feed_early(struct client *c)
{
    while (c->in.n) {
        const struct slice s = bytes_front(&c->in);
        struct block *b = block_ref(bytes_front_block(&c->in));
        const bool ok = feed(c, b, s);
        block_unref(b);
        if (!ok)
            return false;
        bytes_consume(&c->in, s.n);
    }
    return true;
}

/* Either side said GOAWAY and nothing is under way, or nghttp2 found the protocol broken. While the
 * first step of a drain waits for its round trip, a request may still be on its way. */
static bool is_over(const struct client_h2 *h2)
{
    if (h2->drain == H2_NOTICE && !h2->streams_n)
        return false;
    return !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session);
}

static void on_pump(struct later *l)
{
    struct client *c = container_of(l, struct client, later);
    struct client_h2 *h2 = c->h2;
    if (!c->link || !h2->session || !feed_early(c))
        return;
    go_on_draining(h2);
    h2_settle_fed(h2);
    if (!h2_write(h2)) {
        give_up(c, 0);
        return;
    }
    h2_wake_waiting(h2);
    if (is_over(h2)) {
        linger(c, WHY_CLIENT_GONE);
        return;
    }
    if (link_room(c->link) == 0)
        link_pause(c->link); /* who doesn't read may not ask for more */
    else
        link_resume(c->link);
    arm(c);
}

/* -- link events ------------------------------------------------------------------------------- */

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct client *c = l->owner;
    if (!c->h2->session) {
        c->scanned += (uint32_t)s.n;
        if (c->scanned > LINGER_BYTES)
            leave(c);
        return;
    }
    if (feed_early(c) && feed(c, b, s))
        h2_pump_later(c->h2);
}

/* A client that ended its direction can't acknowledge anything any more. */
static void on_eof(struct link *l)
{
    struct client *c = l->owner;
    if (c->h2->session)
        h2_close_now(c, WHY_CLIENT_GONE);
    else if (link_unsent(l) == 0)
        leave(c);
}

static void on_room(struct link *l)
{
    struct client *c = l->owner;
    if (c->h2->session)
        h2_pump_later(c->h2);
}

static void on_stall(struct link *l)
{
    struct client *c = l->owner;
    const uint64_t ms = timeouts_of(c->h2)->write_idle;
    c->h2->moved_ms = h2_now(c->h2); /* something has left, if slowly */
    if (!ms)
        return;
    c->write_due_ms = h2_now(c->h2) + ms;
    arm(c);
}

static void on_drained(struct link *l)
{
    struct client *c = l->owner;
    c->write_due_ms = 0;
    if (!c->h2->session)
        await_end(c);
}

static void on_fail(struct link *l, int err)
{
    (void)err;
    h2_close_now(l->owner, WHY_CLIENT_GONE);
}

/* -- timers ------------------------------------------------------------------------------------ */

/* As in client_h1.c: while the exchange holds what came, it isn't the client that is slow. */
static void check_reading(struct client_h2 *h2, uint64_t now)
{
    while (first_reading(h2) && first_reading(h2) <= now) {
        struct h2_stream *st = list_entry(h2->reading.next, struct h2_stream, reading);
        list_remove(&st->reading);
        if (st->x && st->x->inward.n)
            h2_expect_content(st);
        else if (st->x)
            exchange_on_fault(st->x, WHY_TIMEOUT_BODY, NULL);
    }
}

static void check_stalled(struct client_h2 *h2, uint64_t now)
{
    while (first_stalled(h2) && first_stalled(h2) <= now) {
        struct h2_stream *st = list_entry(h2->stalled.next, struct h2_stream, stalled);
        list_remove(&st->stalled);
        h2->shared->listener->stats->h2_stalled++;
        h2_reset(st, NGHTTP2_CANCEL);
        if (st->x)
            exchange_on_gone(st->x, WHY_CLIENT_SLOW);
    }
}

/* False: the connection has ended. */
static bool check_ping(struct client *c, uint64_t now)
{
    struct client_h2 *h2 = c->h2;
    if (!ping_due(h2) || ping_due(h2) > now)
        return true;
    if (h2->ping_due_ms) {
        h2->shared->listener->stats->h2_ping_timeouts++;
        h2_close_now(c, WHY_CLIENT_GONE);
        return false;
    }
    h2->ping_due_ms = now + h2_conf(h2)->h2.ping_timeout;
    nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
    return true;
}

static void check_idle(struct client_h2 *h2, uint64_t now)
{
    if (h2->idle_due_ms && h2->idle_due_ms <= now) {
        h2->idle_due_ms = 0;
        h2->shared->listener->stats->timeout_idle++;
        nghttp2_session_terminate_session(h2->session, NGHTTP2_NO_ERROR);
    }
    if (h2->drain_due_ms && h2->drain_due_ms <= now && h2->drain == H2_NOTICE)
        h2->drain = H2_NOTICE_SEEN;
}

static bool is_due(uint64_t due, uint64_t now)
{
    return due && due <= now;
}

static void on_timer(struct timer *t)
{
    struct client *c = container_of(t, struct client, timer);
    struct client_h2 *h2 = c->h2;
    const uint64_t now = h2_now(h2);
    if (!h2->session) {
        if (is_due(c->read_due_ms, now) || is_due(c->write_due_ms, now))
            leave(c);
        else
            arm(c);
        return;
    }
    if (is_due(c->write_due_ms, now) || is_due(waiting_due(h2), now)) {
        h2_close_now(c, WHY_CLIENT_SLOW);
        return;
    }
    if (is_due(h2->head_due_ms, now)) {
        h2->shared->listener->stats->h2_timeout_head++;
        say_goaway(c, NGHTTP2_ENHANCE_YOUR_CALM);
        linger(c, WHY_CLIENT_GONE);
        return;
    }
    check_reading(h2, now);
    check_stalled(h2, now);
    check_idle(h2, now);
    if (check_ping(c, now))
        h2_pump_later(h2);
}

/* -- beginning --------------------------------------------------------------------------------- */

/* What the client is told first. NO_RFC7540_PRIORITIES: RFC 9218 holds instead. */
static int submit_settings(struct client_h2 *h2)
{
    const struct h2_server_conf *conf = &h2_conf(h2)->h2;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)conf->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)conf->stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, h2->shared->limits.head_size},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    return nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, array_n(settings)) ||
           nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                 (int32_t)conf->connection_window);
}

static struct client_h2 *make(struct client *c)
{
    struct h2_shared *s = h2_shared_of(c->listener);
    struct client_h2 *h2 = slab_get(&s->connections);
    if (!h2)
        return NULL;
    *h2 = (struct client_h2){.c = c, .shared = s};
    if (nghttp2_session_server_new3(&h2->session, s->callbacks, h2, s->option, &s->memory.mem)) {
        slab_put(&s->connections, h2);
        return NULL;
    }
    list_init(&h2->streams);
    list_init(&h2->fed);
    list_init(&h2->waiting);
    list_init(&h2->reading);
    list_init(&h2->stalled);
    h2->heard_ms = h2->moved_ms = h2_now(h2);
    h2_guard_init(&h2->guard, h2->heard_ms);
    s->connections_n++;
    return h2;
}

static void start(struct client *c)
{
    struct client_h2 *h2 = make(c);
    if (!h2) {
        client_free(c);
        return;
    }
    c->h2 = h2;
    c->state = H2_OPEN;
    c->listener->stats->h2_connections++;
    timer_init(&c->timer, on_timer);
    later_init(&c->later, on_pump);
    link_start(c->link, &link_events, c);
    /* A new connection is given as long for its first request as for a slow head. */
    h2->idle_due_ms = h2_now(h2) + timeouts_of(h2)->head;
    if (submit_settings(h2)) {
        h2_close_now(c, WHY_OVERLOAD);
        return;
    }
    if (h2_worker(h2)->draining)
        h2_begin_drain(h2);
    h2_pump_later(h2);
}

const struct client_protocol client_h2 = {.start = start, .drain = drain, .close = h2_close_now};
