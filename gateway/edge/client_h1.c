/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 towards clients: one connection, its requests one after the other. Bytes that come in
 * become a head (then an exchange is made) and content (told to the exchange); what the exchange
 * says goes out through the link's queue.
 *
 *        ┌────────────────────────────────────────────────┐ kept alive
 *        ▼                                                │
 *      IDLE ──first byte──► HEAD ──complete──► BUSY ──────┴──► LINGER ──► closed
 *        └──────────────complete──────────────►┘
 *
 * Pipelined requests wait in c->in until the response before them has been queued, so responses
 * keep their order; when one head's worth of bytes waits there, reading pauses.
 *
 * LINGER (RFC 9112 9.6): our direction is ended, and what still comes is thrown away for a while,
 * since closing with unread bytes would reset the connection and take the response with it. */
#include "edge/client.h"

#include "core/stats/stats.h"
#include "edge/listener.h"
#include "http/h1_body.h"
#include "http/h1_write.h"

enum client_state { CLIENT_IDLE, CLIENT_HEAD, CLIENT_BUSY, CLIENT_LINGER };

enum {
    LINGER_MS = 2000,          /* a round trip and some, for the other side to see our end */
    LINGER_BYTES = 256 * 1024, /* and it should not go on sending meanwhile */
};

/* What only an exchange under way needs. */
struct h1_state {
    struct h1_body body; /* of the request, being read */
    bool reading;        /* its end has not come yet */
    bool deaf;           /* the request was refused: what follows it can't be understood */
    bool chunked_out, bodiless_out, tunnel, until_close;
};

static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_room(struct link *l);
static void on_stall(struct link *l);
static void on_drained(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);
static void on_later(struct later *l);
static size_t take_head(struct client *c, struct slice s);
static size_t take_body(struct client *c, struct block *b, struct slice s);
static void refuse(struct client *c, enum why why, const char *detail);
static void linger(struct client *c);
static void close_now(struct client *c, enum why why);

static const struct client_ops client_h1_ops;
static const struct link_events client_link_events = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_stall = on_stall,
    .on_drained = on_drained,
    .on_fail = on_fail,
};

static const struct timeouts *timeouts_of(const struct client *c)
{
    return &c->listener->conf->timeouts;
}

static struct worker *worker_of(const struct client *c)
{
    return c->listener->w;
}

/* -- deadlines --------------------------------------------------------------------------------- */

/* Only ever makes the timer run long enough: when it fires early, on_timer looks what is due. */
static void arm(struct client *c)
{
    uint64_t due = c->read_due_ms;
    if (c->write_due_ms && (!due || c->write_due_ms < due))
        due = c->write_due_ms;
    const uint64_t now = clock_ms(&worker_of(c)->loop->clock);
    if (due)
        timer_start(worker_of(c)->loop, &c->timer, due > now ? due - now : 0);
}

/* Something must come in within `ms`; 0: whenever it likes. */
static void expect_input(struct client *c, uint64_t ms)
{
    c->read_due_ms = ms ? clock_ms(&worker_of(c)->loop->clock) + ms : 0;
    arm(c);
}

/* A tunnel is timed by the exchange, both directions together. */
static void expect_content(struct client *c)
{
    if (!c->h1->tunnel)
        expect_input(c, timeouts_of(c)->body_idle);
}

static void on_input_due(struct client *c)
{
    c->read_due_ms = 0;
    switch ((enum client_state)c->state) {
    case CLIENT_IDLE:
        c->listener->stats->timeout_idle++;
        client_free(c);
        return;
    case CLIENT_HEAD:
        refuse(c, WHY_TIMEOUT_HEAD, NULL);
        return;
    case CLIENT_BUSY:
        /* While the exchange has told us to stop reading, it isn't the client that is slow. */
        if (c->link->paused)
            expect_content(c);
        else if (c->h1->reading && !c->h1->tunnel)
            exchange_on_fault(c->x, WHY_TIMEOUT_BODY, NULL);
        return;
    case CLIENT_LINGER:
        client_free(c);
        return;
    }
}

static void on_timer(struct timer *t)
{
    struct client *c = container_of(t, struct client, timer);
    const uint64_t now = clock_ms(&worker_of(c)->loop->clock);
    if (c->write_due_ms && c->write_due_ms <= now) {
        close_now(c, WHY_CLIENT_SLOW);
        return;
    }
    arm(c);
    if (c->read_due_ms && c->read_due_ms <= now)
        on_input_due(c);
}

/* -- beginning and end ------------------------------------------------------------------------- */

static void start(struct client *c)
{
    c->state = CLIENT_IDLE;
    c->keep_alive = true;
    timer_init(&c->timer, on_timer);
    later_init(&c->later, on_later);
    link_start(c->link, &client_link_events, c);
    /* A new connection is given as long for its first request as for a slow head. */
    expect_input(c, timeouts_of(c)->head);
    if (c->in.n)
        loop_later(worker_of(c)->loop, &c->later);
}

static void close_now(struct client *c, enum why why)
{
    timer_stop(&c->timer);
    if (!c->x) {
        client_free(c);
        return;
    }
    if (c->link)
        link_reset(c->link); /* whatever has gone out of a response isn't all of it */
    c->link = NULL;
    exchange_on_gone(c->x, why); /* c goes when the exchange has finished */
}

/* A request that is on its way when the drain begins should still be served. */
static uint64_t drain_grace(const struct client *c)
{
    return timeouts_of(c)->drain_grace ? timeouts_of(c)->drain_grace : 1;
}

static void drain(struct client *c)
{
    if (c->state == CLIENT_IDLE)
        expect_input(c, drain_grace(c));
}

/* Lingering, and all has been sent: what is left to wait for is the other side's end. */
static void await_end(struct client *c)
{
    if (c->link->eof_in || c->cut || c->link->failed)
        client_free(c);
    else
        expect_input(c, LINGER_MS);
}

static void linger(struct client *c)
{
    c->state = CLIENT_LINGER;
    c->scanned = 0;
    bytes_clear(&c->in);
    link_resume(c->link);
    if (!c->cut) /* else a reset follows what is queued, since it isn't all of the response */
        link_end(c->link);
    if (link_unsent(c->link) == 0)
        await_end(c);
    else
        c->read_due_ms = 0; /* until all has left only a stall matters: on_stall sees to it */
}

/* -- what comes in ----------------------------------------------------------------------------- */

/* Takes what can be understood now; returns how much that was. `s` lies in `b`. */
static size_t take(struct client *c, struct block *b, struct slice s)
{
    size_t taken = 0;
    while (taken < s.n && c->link) {
        const struct slice rest = slice_from(s, taken);
        size_t n = 0;
        if (c->state == CLIENT_IDLE || c->state == CLIENT_HEAD)
            n = take_head(c, rest);
        else if (c->state == CLIENT_LINGER || c->h1->deaf)
            n = rest.n;
        else if (c->h1->reading)
            n = take_body(c, b, rest);
        if (n == 0)
            break;
        taken += n;
    }
    return taken;
}

/* Goes on with what waits in c->in. */
static void take_held(struct client *c)
{
    while (c->in.n && c->link) {
        if (c->state == CLIENT_IDLE || c->state == CLIENT_HEAD)
            if (!bytes_flatten(&c->in, BLOCK_SIZE))
                return close_now(c, WHY_OVERLOAD);
        struct block *held = block_ref(bytes_front_block(&c->in));
        const size_t n = take(c, held, bytes_front(&c->in));
        block_unref(held);
        if (n == 0)
            return;
        bytes_consume(&c->in, n < c->in.n ? n : c->in.n);
    }
}

static void on_later(struct later *l)
{
    struct client *c = container_of(l, struct client, later);
    if (!c->link)
        return;
    take_held(c);
    const bool content_waits = c->x && c->x->body_paused;
    if (c->link && !content_waits && c->in.n < c->listener->h1_limits.head_size)
        link_resume(c->link);
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct client *c = l->owner;
    if (c->state == CLIENT_LINGER) {
        c->scanned += (uint32_t)s.n;
        if (c->scanned > LINGER_BYTES)
            client_free(c);
        return;
    }
    const size_t taken = c->in.n ? 0 : take(c, b, s);
    if (taken < s.n) {
        if (!bytes_append(&c->in, b, slice_from(s, taken)))
            return close_now(c, WHY_OVERLOAD);
        if (taken == 0)
            take_held(c);
    }
    if (!c->link || c->state != CLIENT_BUSY)
        return;
    if (c->h1->reading)
        expect_content(c);
    else if (c->in.n >= c->listener->h1_limits.head_size)
        link_pause(l);
}

static void refuse(struct client *c, enum why why, const char *detail)
{
    c->keep_alive = false;
    c->state = CLIENT_BUSY;
    c->read_due_ms = 0;
    c->x = exchange_new_bad(worker_of(c), &client_h1_ops, c, &c->facts, why, detail);
    if (!c->x) {
        client_free(c);
        return;
    }
    c->h1 = ARENA_NEW(&c->x->arena, struct h1_state);
    c->h1->deaf = true;
}

static enum why why_of_fault(enum h1_fault f)
{
    switch (h1_fault_status(f)) {
    case 413:
        return WHY_BODY_TOO_LARGE;
    case 414:
        return WHY_TARGET_TOO_LONG;
    case 417:
        return WHY_EXPECTATION;
    case 431:
        return WHY_HEAD_TOO_LARGE;
    case 505:
        return WHY_VERSION;
    default:
        return WHY_BAD_REQUEST;
    }
}

static void begin_exchange(struct client *c, const struct request_head *h, struct slice raw)
{
    struct listener *l = c->listener;
    c->requests++;
    c->state = CLIENT_BUSY;
    c->read_due_ms = 0;
    c->keep_alive = h->keep_alive && !l->w->draining;
    if (l->conf->limits.requests && c->requests >= l->conf->limits.requests) {
        l->stats->requests_limit += c->keep_alive;
        c->keep_alive = false;
    }
    c->x = exchange_new(l->w, &client_h1_ops, c, &c->facts, h, raw);
    if (!c->x) {
        client_free(c);
        return;
    }
    c->h1 = ARENA_NEW(&c->x->arena, struct h1_state);
    c->h1->reading = !c->x->request_done;
    if (c->h1->reading) {
        h1_body_init(&c->h1->body, h->body, h->content_length, &l->h1_limits, &c->x->arena);
        expect_content(c); /* also when the head has lain in c->in and no byte comes any more */
    }
}

static size_t take_head(struct client *c, struct slice s)
{
    struct listener *l = c->listener;
    struct h1_parser p = {.limits = &l->h1_limits, .fields = l->fields, .scanned = c->scanned};
    struct request_head h;
    const ssize_t n = h1_parse_request(&p, s, &h);
    if (n == 0) {
        c->scanned = (uint32_t)p.scanned;
        if (c->state == CLIENT_IDLE) {
            c->state = CLIENT_HEAD;
            expect_input(c, timeouts_of(c)->head);
        }
        return 0;
    }
    c->scanned = 0;
    if (n < 0) {
        l->w->stats->worker->h1_faults[p.fault]++;
        refuse(c, why_of_fault(p.fault), h1_fault_name(p.fault));
        return s.n;
    }
    begin_exchange(c, &h, slice_of(s.p, (size_t)n));
    return (size_t)n;
}

static size_t take_body(struct client *c, struct block *b, struct slice s)
{
    struct h1_state *h1 = c->h1;
    struct slice rest = s, data;
    for (;;) {
        switch (h1_body_next(&h1->body, &rest, &data)) {
        case H1_BODY_DATA:
            exchange_on_body(c->x, b, data);
            break;
        case H1_BODY_MORE:
            if (exchange_wants_pause(c->x))
                link_pause(c->link);
            return s.n;
        case H1_BODY_END:
            h1->reading = false;
            c->read_due_ms = 0;
            exchange_on_body_end(c->x, &h1->body.trailers);
            return s.n - rest.n;
        case H1_BODY_BAD:
            worker_of(c)->stats->worker->h1_faults[h1->body.fault]++;
            c->keep_alive = false;
            h1->deaf = true;
            exchange_on_fault(c->x, why_of_fault(h1->body.fault), h1_fault_name(h1->body.fault));
            return s.n;
        }
    }
}

/* -- other events ------------------------------------------------------------------------------ */

static void on_eof(struct link *l)
{
    struct client *c = l->owner;
    switch ((enum client_state)c->state) {
    case CLIENT_IDLE:
    case CLIENT_HEAD:
        client_free(c);
        return;
    case CLIENT_LINGER:
        if (link_unsent(l) == 0)
            client_free(c); /* else on_drained closes */
        return;
    case CLIENT_BUSY:
        if (c->h1->tunnel && c->h1->reading) {
            c->h1->reading = false;
            exchange_on_body_end(c->x, NULL);
        } else {
            /* The end of a client's direction can't be told from a client that went away, and a
             * backend should not work for nobody. */
            close_now(c, WHY_CLIENT_GONE);
        }
        return;
    }
}

static void on_room(struct link *l)
{
    struct client *c = l->owner;
    if (c->x)
        exchange_on_room(c->x);
}

static void on_stall(struct link *l)
{
    struct client *c = l->owner;
    const uint64_t ms = timeouts_of(c)->write_idle;
    if (!ms)
        return;
    c->write_due_ms = clock_ms(&worker_of(c)->loop->clock) + ms;
    arm(c);
}

static void on_drained(struct link *l)
{
    struct client *c = l->owner;
    c->write_due_ms = 0;
    if (c->state == CLIENT_LINGER)
        await_end(c);
}

static void on_fail(struct link *l, int err)
{
    (void)err;
    close_now(l->owner, WHY_CLIENT_GONE);
}

/* -- what the exchange says -------------------------------------------------------------------- */

/* No memory for what must go out: the connection is of no use any more. */
static void sent(struct client *c, bool ok)
{
    if (ok)
        link_send(c->link);
    else
        close_now(c, WHY_OVERLOAD);
}

static void send_interim(struct exchange *x, uint16_t status, const struct fields *f)
{
    struct client *c = x->client;
    const struct h1_out how = {.body = BODY_NONE};
    if (c->link)
        sent(c, h1_write_response(&c->link->out, status, slice_of(NULL, 0), f, &how));
}

/* How the client will find the end of the content (RFC 9112 6.3, 7). */
static void frame_reply(struct client *c, const struct exchange *x, const struct reply *r,
                        struct h1_out *how)
{
    struct h1_state *h1 = c->h1;
    how->body = r->body;
    how->content_length = r->content_length;
    h1->bodiless_out = x->request.method_id == METHOD_HEAD || r->body == BODY_NONE;
    if (h1->bodiless_out) {
        how->body = BODY_NONE;
        how->write_length = r->has_length && r->status != 204; /* RFC 9110 8.6 */
    } else if (r->body == BODY_TUNNEL) {
        how->upgrade = r->upgrade;
    } else if (r->body == BODY_CHUNKED || r->body == BODY_UNTIL_CLOSE) {
        h1->chunked_out = x->request.minor >= 1;
        h1->until_close = !h1->chunked_out;
        how->body = h1->chunked_out ? BODY_CHUNKED : BODY_UNTIL_CLOSE;
    }
}

static void send_head(struct exchange *x, const struct reply *r)
{
    struct client *c = x->client;
    struct h1_out how = {0};
    if (!c->link)
        return;
    frame_reply(c, x, r, &how);
    /* After a request that we refused as malformed nothing is certain, nor is it where content
     * ends that nobody reads: of a request that was answered before it was complete. */
    const bool answered = x->answering || (x->attempt && x->attempt->ended);
    const bool lost = (x->answering && r->status == 400) || (answered && !x->request_done);
    if (c->h1->until_close || worker_of(c)->draining || lost)
        c->keep_alive = false;
    if (r->body == BODY_TUNNEL) {
        c->keep_alive = false;
        c->h1->tunnel = c->h1->reading = true;
        h1_body_init(&c->h1->body, BODY_TUNNEL, 0, &c->listener->h1_limits, &x->arena);
        loop_later(worker_of(c)->loop, &c->later);
    } else {
        how.close = !c->keep_alive;
        how.keep_alive = c->keep_alive && x->request.minor == 0;
    }
    sent(c, h1_write_response(&c->link->out, r->status, r->reason, &r->fields, &how));
}

static void send_body(struct exchange *x, struct bytes *from)
{
    struct client *c = x->client;
    if (!c->link || c->h1->bodiless_out) {
        bytes_clear(from);
        return;
    }
    sent(c, h1_write_content(&c->link->out, from, link_room(c->link), c->h1->chunked_out));
}

static void send_end(struct exchange *x, const struct fields *trailers)
{
    struct client *c = x->client;
    if (!c->link)
        return;
    if (c->h1->tunnel)
        link_end(c->link);
    else if (c->h1->chunked_out)
        sent(c, h1_write_last_chunk(&c->link->out, trailers));
}

static void resume(struct exchange *x)
{
    struct client *c = x->client;
    if (!c->link)
        return;
    link_resume(c->link);
    expect_content(c);
}

static void abort_reply(struct exchange *x)
{
    struct client *c = x->client;
    c->keep_alive = false;
    c->cut = true;
}

static void finished(struct exchange *x)
{
    struct client *c = x->client;
    const bool whole = x->request_done && !c->h1->deaf && !c->h1->tunnel;
    c->x = NULL;
    c->h1 = NULL;
    if (!c->link) {
        client_free(c);
        return;
    }
    if (!c->keep_alive || !whole) {
        linger(c);
        return;
    }
    c->state = CLIENT_IDLE;
    expect_input(c, worker_of(c)->draining ? drain_grace(c) : timeouts_of(c)->keep_alive);
    if (c->in.n || c->link->paused)
        loop_later(worker_of(c)->loop, &c->later);
}

static const struct client_ops client_h1_ops = {
    .send_interim = send_interim,
    .send_head = send_head,
    .send_body = send_body,
    .send_end = send_end,
    .resume = resume,
    .abort = abort_reply,
    .finished = finished,
};

const struct client_protocol client_h1 = {.start = start, .drain = drain, .close = close_now};
