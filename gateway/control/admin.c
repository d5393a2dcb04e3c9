/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server: one request at a time per connection, each answered from the table at once.
 *
 *     WAITING ──whole head──► ANSWERING ──all of it queued──► WAITING     kept alive
 *                                  └─────────────────────────► ENDING     closed when the other
 *                                                                         side ends, or in time
 *
 * An answer may be larger than what a connection may queue (the metrics of ten thousand routes
 * are megabytes), so its content stays where it was made and follows into the link's queue as
 * there is room. How much all of them hold together is bounded.
 *
 * There is one timer per connection: for the next whole request, and then for the reader to take
 * some of the answer. A head that comes byte by byte doesn't push it. */

#include "control/admin.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "http/h1_parse.h"
#include "http/h1_write.h"
#include "http/status.h"
#include "http/target.h"
#include "io/sock.h"

enum {
    ACCEPT_BATCH = 16,
    ACCEPT_RETRY_MS = 100, /* after a lack of descriptors */
    TARGET_SIZE = 2048,
};

enum state { WAITING, ANSWERING, ENDING };

struct admin {
    struct loop *loop; /* borrowed */
    const struct admin_row *rows;
    size_t rows_n;
    struct ev_io watcher;
    struct timer retry;
    bool listening;
    struct list clients;
    size_t clients_n;
    size_t bodies; /* bytes that answers under way hold */
    size_t bodies_max;
    struct grave grave;
};

struct client {
    struct list node;
    struct admin *admin;
    struct link *link; /* owned */
    struct timer timer;
    struct later later; /* looks for the next request in `in` */
    struct grave grave;
    enum state state;
    bool keep_alive;
    struct bytes in;
    size_t scanned;    /* of the parser */
    struct text body;  /* of the answer under way */
    size_t queued;     /* of body */
    uint64_t seen_out; /* the link's count when the timer was set */
};

static void on_acceptable(struct ev_loop *ev, struct ev_io *w, int revents);
static void on_retry(struct timer *t);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_room(struct link *l);
static void on_drained(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);
static void on_later(struct later *l);
static void drop(struct client *c);
static void take_requests(struct client *c);
static bool answer_fault(struct client *c, enum h1_fault fault);
static bool answer_request(struct client *c, const struct request_head *h);
static bool send_answer(struct client *c, const struct request_head *h, struct admin_answer *r);
static void feed(struct client *c);

static const struct link_events events = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_drained = on_drained,
    .on_fail = on_fail,
};

static const struct h1_limits limits = {
    .head_size = ADMIN_HEAD_SIZE,
    .target_size = TARGET_SIZE,
    .field_count = ADMIN_FIELDS,
};

/* -- life -------------------------------------------------------------------------------------- */

struct admin *admin_new(struct loop *lp, const struct admin_row *rows, size_t n)
{
    struct admin *a = calloc(1, sizeof *a);

    must(a);
    a->loop = lp;
    a->rows = rows;
    a->rows_n = n;
    a->bodies_max = ADMIN_BODIES;
    list_init(&a->clients);
    timer_init(&a->retry, on_retry);
    return a;
}

void admin_listen(struct admin *a, int fd)
{
    ev_io_init(&a->watcher, on_acceptable, fd, EV_READ);
    a->listening = true;
    ev_io_start(a->loop->ev, &a->watcher);
}

void admin_stop(struct admin *a)
{
    if (a->listening)
        ev_io_stop(a->loop->ev, &a->watcher);
    timer_stop(&a->retry);
    a->listening = false;
}

static void free_admin(struct grave *g)
{
    free(container_of(g, struct admin, grave));
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    admin_stop(a);
    list_each_safe (node, &a->clients)
        drop(list_entry(node, struct client, node));
    loop_bury(a->loop, &a->grave, free_admin);
}

size_t admin_connections(const struct admin *a)
{
    return a->clients_n;
}

void admin_limit_bodies(struct admin *a, size_t bytes)
{
    a->bodies_max = bytes;
}

/* -- connections ------------------------------------------------------------------------------- */

/* At the limit nothing is accepted: who waits is served as soon as a connection ends. */
static void watch(struct admin *a)
{
    if (!a->listening)
        return;
    if (a->clients_n < ADMIN_CONNECTIONS && !timer_running(&a->retry))
        ev_io_start(a->loop->ev, &a->watcher);
    else
        ev_io_stop(a->loop->ev, &a->watcher);
}

static void on_acceptable(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev, (void)revents;
    struct admin *a = container_of(w, struct admin, watcher);

    for (int i = 0; i < ACCEPT_BATCH && a->clients_n < ADMIN_CONNECTIONS; i++) {
        struct addr peer;
        const int fd = sock_accept(w->fd, &peer);
        if (fd >= 0) {
            struct link *l = link_plain(a->loop, fd);
            if (l)
                admin_add(a, l);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("admin_accept_failed", KV_ERRNO(errno));
            timer_start(a->loop, &a->retry, ACCEPT_RETRY_MS);
            break;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            break;
        }
    }
    watch(a);
}

static void on_retry(struct timer *t)
{
    watch(container_of(t, struct admin, retry));
}

void admin_add(struct admin *a, struct link *l)
{
    struct client *c = calloc(1, sizeof *c);

    must(c);
    c->admin = a;
    c->link = l;
    bytes_init(&c->in, &a->loop->stock);
    timer_init(&c->timer, on_timer);
    later_init(&c->later, on_later);
    list_init(&c->node);
    list_push(&a->clients, &c->node);
    a->clients_n++;
    timer_start(a->loop, &c->timer, ADMIN_IDLE_MS);
    link_start(l, &events, c);
}

static void free_client(struct grave *g)
{
    free(container_of(g, struct client, grave));
}

static void body_done(struct client *c)
{
    c->admin->bodies -= c->body.n;
    text_fini(&c->body);
    c->queued = 0;
}

static void drop(struct client *c)
{
    struct admin *a = c->admin;

    body_done(c);
    timer_stop(&c->timer);
    later_cancel(&c->later);
    bytes_clear(&c->in);
    link_close(c->link);
    list_remove(&c->node);
    a->clients_n--;
    loop_bury(a->loop, &c->grave, free_client);
    watch(a);
}

/* A reader that took something since the last look gets as long again. */
static void on_timer(struct timer *t)
{
    struct client *c = container_of(t, struct client, timer);

    if (c->link->bytes_out == c->seen_out) {
        drop(c);
        return;
    }
    c->seen_out = c->link->bytes_out;
    timer_start(c->admin->loop, t, ADMIN_IDLE_MS);
}

static void on_fail(struct link *l, int err)
{
    (void)err;
    drop(l->owner);
}

/* Our direction ends when everything has left; what still comes in is thrown away. */
static void end(struct client *c)
{
    c->state = ENDING;
    bytes_clear(&c->in);
    link_resume(c->link);
    link_end(c->link);
}

static void drop_if_over(struct client *c)
{
    if (c->state == ENDING && c->link->eof_in && !c->link->out.n)
        drop(c);
}

/* Who has ended its direction still gets what it asked for: see on_later. */
static void on_eof(struct link *l)
{
    struct client *c = l->owner;

    loop_later(c->admin->loop, &c->later);
}

static void on_drained(struct link *l)
{
    drop_if_over(l->owner);
}

/* -- requests ---------------------------------------------------------------------------------- */

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct client *c = l->owner;

    if (c->state == ENDING)
        return; /* read and forgotten, until the other side ends */
    if (!bytes_append(&c->in, b, s)) {
        drop(c);
        return;
    }
    take_requests(c);
}

static void on_later(struct later *l)
{
    struct client *c = container_of(l, struct client, later);

    link_resume(c->link);
    take_requests(c);
    if (!list_linked(&c->node))
        return; /* dropped */
    if (c->state == WAITING && c->link->eof_in && !list_linked(&c->later.node))
        end(c);
    drop_if_over(c);
}

/* The next request, if its head is complete and no answer is under way. What follows an answer
 * that has all been queued waits for the next turn, so that nobody keeps the loop to himself. */
static void take_requests(struct client *c)
{
    struct field room[ADMIN_FIELDS];
    struct h1_parser p = {.limits = &limits, .fields = room, .scanned = c->scanned};
    struct request_head h;

    if (c->state != WAITING || !c->in.n) {
        if (c->in.n >= ADMIN_HEAD_SIZE)
            link_pause(c->link);
        return;
    }
    if (!bytes_flatten(&c->in, c->in.n < BLOCK_SIZE ? c->in.n : BLOCK_SIZE)) {
        drop(c);
        return;
    }
    const ssize_t n = h1_parse_request(&p, bytes_front(&c->in), &h);
    c->scanned = p.scanned;
    if (n == 0)
        return;
    c->state = ANSWERING;
    if (!(n < 0 ? answer_fault(c, p.fault) : answer_request(c, &h))) {
        drop(c);
        return;
    }
    if (n > 0)
        bytes_consume(&c->in, (size_t)n);
    feed(c);
}

static bool answer_fault(struct client *c, enum h1_fault fault)
{
    struct admin_answer r = {.status = h1_fault_status(fault)};

    c->keep_alive = false;
    text_init(&r.body);
    text_str(&r.body, h1_fault_text(fault));
    text_char(&r.body, '\n');
    return send_answer(c, NULL, &r);
}

static void say_status(struct admin_answer *r, uint16_t status)
{
    text_fini(&r->body);
    text_init(&r->body);
    r->status = status;
    r->type = slice_of(NULL, 0);
    text_uint(&r->body, status);
    text_char(&r->body, ' ');
    text_add(&r->body, status_reason(status));
    text_char(&r->body, '\n');
}

static const struct admin_row *find_row(const struct admin *a, struct slice path)
{
    for (size_t i = 0; i < a->rows_n; i++)
        if (slice_eq(path, slice_str(a->rows[i].path)))
            return &a->rows[i];
    return NULL;
}

/* A request with content is answered like another one, and the connection ends with it: what
 * follows is not read as a request. */
static bool answer_request(struct client *c, const struct request_head *h)
{
    struct admin *a = c->admin;
    static const struct target_rules rules = {.duplicate_slashes = SLASH_KEEP};
    struct admin_answer r = {.status = 200};
    struct target t;
    struct arena arena;

    c->keep_alive = h->keep_alive && h->body == BODY_NONE;
    arena_init(&arena, NULL, 0);
    text_init(&r.body);
    if (h->method_id != METHOD_GET && h->method_id != METHOD_HEAD) {
        say_status(&r, 405);
    } else if (target_parse(h->target, h->method_id, &rules, &arena, &t) != TARGET_FAULT_NONE) {
        say_status(&r, 400);
    } else {
        const struct admin_request rq = {.method = h->method_id, .path = t.path, .query = t.query};
        const struct admin_row *row = find_row(a, t.path);
        if (row)
            row->answer(row->ctx, &rq, &r);
        else
            say_status(&r, 404);
    }
    /* What the link's queue takes whole is not held here. */
    if (r.body.n > LINK_OUT_HIGH && a->bodies + r.body.n > a->bodies_max)
        say_status(&r, 503);
    const bool sent = send_answer(c, h, &r);
    arena_fini(&arena);
    return sent;
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Queues the head and takes over the body. False, with nothing queued, when memory is out. */
static bool send_answer(struct client *c, const struct request_head *h, struct admin_answer *r)
{
    const bool head_only = h && h->method_id == METHOD_HEAD;
    const struct h1_out o = {
        .body = head_only ? BODY_NONE : BODY_LENGTH,
        .content_length = r->body.n,
        .write_length = true,
        .close = !c->keep_alive,
        .keep_alive = c->keep_alive && h && h->minor == 0,
    };
    struct field room[5] = {
        {SLICE("Date"), clock_date(&c->admin->loop->clock), TOKEN_DATE},
        {SLICE("Cache-Control"), SLICE("no-store"), TOKEN_CACHE_CONTROL},
        {SLICE("Content-Type"), r->type.n ? r->type : SLICE("text/plain; charset=utf-8"),
         TOKEN_CONTENT_TYPE},
    };
    struct fields f = {.v = room, .n = 3, .cap = array_n(room)};

    if (r->status == 405)
        room[f.n++] = (struct field){SLICE("Allow"), SLICE("GET, HEAD"), TOKEN_OTHER};
    if (r->status == 503)
        room[f.n++] = (struct field){SLICE("Retry-After"), SLICE("1"), TOKEN_RETRY_AFTER};
    if (head_only) {
        text_fini(&r->body);
        text_init(&r->body);
    }
    c->body = r->body;
    c->queued = 0;
    c->admin->bodies += c->body.n;
    return h1_write_response(&c->link->out, r->status, slice_of(NULL, 0), &f, &o);
}

static void on_room(struct link *l)
{
    struct client *c = l->owner;

    if (c->state == ANSWERING)
        feed(c);
}

/* As much of the answer as there is room for; then the next request, or the end. */
static void feed(struct client *c)
{
    const struct slice rest = slice_from(text_slice(&c->body), c->queued);
    size_t n = link_room(c->link);

    if (n > rest.n)
        n = rest.n;
    if (n && !bytes_copy(&c->link->out, slice_of(rest.p, n))) {
        drop(c);
        return;
    }
    c->queued += n;
    link_send(c->link);
    if (n < rest.n)
        return; /* the queue is full: on_room comes */
    body_done(c);
    c->seen_out = c->link->bytes_out;
    timer_start(c->admin->loop, &c->timer, ADMIN_IDLE_MS);
    if (c->keep_alive) {
        c->state = WAITING;
        loop_later(c->admin->loop, &c->later);
        return;
    }
    end(c);
}

void admin_healthz(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    (void)ctx, (void)rq;
    text_str(&out->body, "ok\n");
}
