/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server's life and its connections, each with one request at a time (admin_parts.h has
 * the states).
 *
 * There is one timer per connection: for the next whole request, for an answer that comes later,
 * and then for the reader to take some of the answer. What comes byte by byte doesn't push it. */

#include "control/admin/admin_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "io/sock.h"

enum {
    ACCEPT_BATCH = 16,
    ACCEPT_RETRY_MS = 100, /* after a lack of descriptors */
};

static void on_acceptable(struct ev_loop *ev, struct ev_io *w, int revents);
static void on_retry(struct timer *t);
static void on_open(struct link *l);
static void on_bytes(struct link *l, struct block *b, struct slice s);
static void on_eof(struct link *l);
static void on_room(struct link *l);
static void on_drained(struct link *l);
static void on_fail(struct link *l, int err);
static void on_timer(struct timer *t);
static void on_later(struct later *l);

static const struct link_events events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_room = on_room,
    .on_drained = on_drained,
    .on_fail = on_fail,
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
    list_init(&a->doors);
    return a;
}

void admin_listen(struct admin *a, const struct admin_socket *s)
{
    struct admin_door *d = calloc(1, sizeof *d);

    must(d);
    d->admin = a;
    d->tls = s->tls;
    d->access = (struct admin_access){.conf = s->conf, .counts = s->counts};
    list_init(&d->node);
    list_push(&a->doors, &d->node);
    timer_init(&d->retry, on_retry);
    ev_io_init(&d->watcher, on_acceptable, s->fd, EV_READ);
    d->listening = true;
    ev_io_start(a->loop->ev, &d->watcher);
}

void admin_stop(struct admin *a)
{
    list_each_safe (node, &a->doors) {
        struct admin_door *d = list_entry(node, struct admin_door, node);
        if (d->listening)
            ev_io_stop(a->loop->ev, &d->watcher);
        timer_stop(&d->retry);
        d->listening = false;
    }
}

static void free_admin(struct grave *g)
{
    struct admin *a = container_of(g, struct admin, grave);

    list_each_safe (node, &a->doors)
        free(list_entry(node, struct admin_door, node));
    free(a);
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    admin_stop(a);
    list_each_safe (node, &a->clients)
        admin_drop(list_entry(node, struct admin_client, node));
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
static void watch(struct admin_door *d)
{
    if (!d || !d->listening)
        return;
    if (d->clients_n < ADMIN_CONNECTIONS && !timer_running(&d->retry))
        ev_io_start(d->admin->loop->ev, &d->watcher);
    else
        ev_io_stop(d->admin->loop->ev, &d->watcher);
}

static struct admin_client *add(struct admin *a, struct link *l, struct admin_door *d)
{
    struct admin_client *c = calloc(1, sizeof *c);

    must(c);
    c->admin = a;
    c->door = d;
    c->link = l;
    arena_init(&c->arena, NULL, 0);
    text_init(&c->text);
    text_init(&c->body);
    bytes_init(&c->in, &a->loop->stock);
    timer_init(&c->timer, on_timer);
    later_init(&c->later, on_later);
    list_init(&c->node);
    list_push(&a->clients, &c->node);
    a->clients_n++;
    if (d)
        d->clients_n++;
    timer_start(a->loop, &c->timer, ADMIN_IDLE_MS);
    return c;
}

void admin_add(struct admin *a, struct link *l, bool may_change)
{
    struct admin_client *c = add(a, l, NULL);

    c->visitor.role = may_change ? ADMIN_ROLE_CHANGE : ADMIN_ROLE_READ;
    link_start(l, &events, c);
}

static void tell_source(const struct addr *peer, int fd, char out[ADDR_TEXT_MAX])
{
    const struct ip ip = addr_ip(peer);
    unsigned uid;

    if (peer->sa.sa_family != AF_UNIX)
        ip_print(&ip, out);
    else if (sock_peer_uid(fd, &uid))
        snprintf(out, ADDR_TEXT_MAX, "uid %u", uid);
    else
        snprintf(out, ADDR_TEXT_MAX, "uid unknown");
}

/* A link takes over the descriptor, also when none can be made. */
static void welcome(struct admin_door *d, int fd, const struct addr *peer)
{
    char source[ADDR_TEXT_MAX];

    tell_source(peer, fd, source);
    struct link *l = link_plain(d->admin->loop, fd);
    if (l && d->tls)
        l = link_tls_accept(l, d->tls);
    if (!l)
        return;
    struct admin_client *c = add(d->admin, l, d);
    admin_visitor_init(&c->visitor, &d->access, source);
    link_start(l, &events, c);
}

static void on_acceptable(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev, (void)revents;
    struct admin_door *d = container_of(w, struct admin_door, watcher);

    for (int i = 0; i < ACCEPT_BATCH && d->clients_n < ADMIN_CONNECTIONS; i++) {
        struct addr peer;
        const int fd = sock_accept(w->fd, &peer);
        if (fd >= 0) {
            welcome(d, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("admin_accept_failed", KV_ERRNO(errno));
            timer_start(d->admin->loop, &d->retry, ACCEPT_RETRY_MS);
            break;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            break;
        }
    }
    watch(d);
}

static void on_retry(struct timer *t)
{
    watch(container_of(t, struct admin_door, retry));
}

/* The handshake is done. Nobody is served without what his certificate says. */
static void on_open(struct link *l)
{
    struct admin_client *c = l->owner;
    struct tls_facts *facts = link_tls_take_facts(l);

    if (!facts) {
        admin_drop(c);
        return;
    }
    c->shaken = true;
    if (facts->peer)
        admin_visitor_certify(&c->visitor, facts->peer);
    tls_facts_free(facts);
}

static void free_client(struct grave *g)
{
    free(container_of(g, struct admin_client, grave));
}

void admin_drop(struct admin_client *c)
{
    struct admin *a = c->admin;

    admin_change_end(&c->change, c->judged.who, 0);
    admin_unpend(c);
    admin_stream_gone(c);
    admin_forget(c);
    admin_body_done(c);
    timer_stop(&c->timer);
    later_cancel(&c->later);
    bytes_clear(&c->in);
    link_close(c->link);
    list_remove(&c->node);
    a->clients_n--;
    if (c->door)
        c->door->clients_n--;
    loop_bury(a->loop, &c->grave, free_client);
    watch(c->door);
}

/* A reader that took something since the last look gets as long again. */
static void on_timer(struct timer *t)
{
    struct admin_client *c = container_of(t, struct admin_client, timer);

    if (c->state == ADMIN_WORKING) {
        admin_give_up(c);
        return;
    }
    const bool idle = c->state == ADMIN_STREAMING && link_unsent(c->link) == 0;
    if (c->link->bytes_out == c->seen_out && !idle) {
        admin_drop(c);
        return;
    }
    c->seen_out = c->link->bytes_out;
    timer_start(c->admin->loop, t, ADMIN_IDLE_MS);
}

static void on_fail(struct link *l, int err)
{
    struct admin_client *c = l->owner;
    (void)err;

    if (c->door && c->door->tls && !c->shaken && *link_tls_fault(l)) {
        snprintf(c->judged.who, sizeof c->judged.who, "%s", c->visitor.who);
        admin_deny(&c->judged, &c->door->access, ADMIN_DENIED_HANDSHAKE);
    }
    admin_drop(c);
}

void admin_end(struct admin_client *c)
{
    c->state = ADMIN_ENDING;
    bytes_clear(&c->in);
    link_resume(c->link);
    link_end(c->link);
}

static void drop_if_over(struct admin_client *c)
{
    if (c->state == ADMIN_ENDING && c->link->eof_in && !c->link->out.n)
        admin_drop(c);
}

/* Who has ended its direction still gets what it asked for: see on_later. */
static void on_eof(struct link *l)
{
    struct admin_client *c = l->owner;

    loop_later(c->admin->loop, &c->later);
}

static void on_drained(struct link *l)
{
    drop_if_over(l->owner);
}

static void on_room(struct link *l)
{
    struct admin_client *c = l->owner;

    if (c->state == ADMIN_ANSWERING)
        admin_feed(c);
}

static void on_bytes(struct link *l, struct block *b, struct slice s)
{
    struct admin_client *c = l->owner;

    if (c->state == ADMIN_ENDING || c->state == ADMIN_STREAMING)
        return; /* read and forgotten, until the other side ends */
    if (bytes_append(&c->in, b, s))
        admin_take(c);
    else
        admin_drop(c);
}

/* Something can go on: an answer has come, or the next request may be taken. */
static void on_later(struct later *l)
{
    struct admin_client *c = container_of(l, struct admin_client, later);

    link_resume(c->link);
    if (c->state == ADMIN_STREAMING) {
        /* Nobody reads a stream whose other end has closed. */
        if (admin_stream_is_broken(c) || c->link->eof_in)
            admin_drop(c);
        return;
    }
    if (!admin_send_pending(c))
        admin_take(c);
    if (!list_linked(&c->node))
        return; /* dropped */
    const bool asking = c->state == ADMIN_WAITING || c->state == ADMIN_READING;
    if (asking && c->link->eof_in && !list_linked(&c->later.node))
        admin_end(c); /* what it has begun to ask will never be complete */
    drop_if_over(c);
}
