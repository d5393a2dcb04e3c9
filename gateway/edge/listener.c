/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting: a small batch per turn, each connection checked against the limits first. When
 * descriptors run out, the spare one is given up for a moment to take a connection off the queue
 * and close it, so that its client learns at once that it must come back later; and accepting
 * pauses, so that a full process doesn't spin. */
#include "edge/listener.h"

#include "base/log.h"
#include "core/stats/stats.h"
#include "edge/client.h"
#include "io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ACCEPT_BATCH = 16,     /* per turn and socket: others get a turn too */
    ACCEPT_RETRY_MS = 100, /* after a lack of descriptors or memory */
};

struct accept_socket {
    struct ev_io watcher;
    struct listener *listener;
};

static void on_acceptable(struct ev_loop *ev, struct ev_io *w, int revents);
static void on_retry(struct timer *t);

static bool is_wildcard(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET)
        return a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

static bool sends_proxy(const struct config *c)
{
    for (size_t i = 0; i < c->clusters_n; i++)
        if (c->clusters[i].proxy_protocol != PROXY_PROTOCOL_OFF)
            return true;
    return false;
}

void listener_init(struct listener *l, struct worker *w, uint32_t index,
                   struct source_mirror *mirror, const int *fds, size_t n)
{
    const struct listener_conf *conf = &w->g->config->listeners[index];
    *l = (struct listener){
        .w = w,
        .conf = conf,
        .index = index,
        .local = conf->bind,
        .stats = w->stats->listeners[index],
        .gauge = w->g->gauges[index],
        .sources = w->g->sources[index],
        .mirror = mirror,
        .h1_limits = {.head_size = (uint32_t)conf->limits.head_size,
                      .target_size = (uint32_t)conf->limits.target_size,
                      .field_count = (uint16_t)conf->limits.field_count},
        .sockets_n = n,
    };
    list_init(&l->clients);
    slab_init(&l->slab, sizeof(struct client), 0);
    timer_init(&l->retry, on_retry);
    l->fields = calloc(l->h1_limits.field_count, sizeof *l->fields);
    l->sockets = calloc(n ? n : 1, sizeof *l->sockets);
    must(l->fields && l->sockets);
    for (size_t i = 0; i < n; i++) {
        ev_io_init(&l->sockets[i].watcher, on_acceptable, fds[i], EV_READ);
        l->sockets[i].listener = l;
    }
    if (n && !sock_local(fds[0], &l->local))
        l->local = conf->bind;
    l->tells_local = is_wildcard(&l->local) && sends_proxy(w->g->config);
    l->spare_fd = n ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
}

void listener_fini(struct listener *l)
{
    must(list_empty(&l->clients));
    listener_stop(l);
    if (l->spare_fd >= 0)
        close(l->spare_fd);
    free(l->sockets);
    free(l->fields);
    client_h2_forget(l);
    slab_fini(&l->slab);
}

void listener_start(struct listener *l)
{
    l->accepting = true;
    for (size_t i = 0; i < l->sockets_n; i++)
        ev_io_start(l->w->loop->ev, &l->sockets[i].watcher);
}

static void pause_accepting(struct listener *l)
{
    for (size_t i = 0; i < l->sockets_n; i++)
        ev_io_stop(l->w->loop->ev, &l->sockets[i].watcher);
}

void listener_stop(struct listener *l)
{
    l->accepting = false;
    timer_stop(&l->retry);
    pause_accepting(l);
}

void listener_drain(struct listener *l)
{
    listener_stop(l);
    list_each_safe (node, &l->clients) {
        struct client *c = list_entry(node, struct client, node);
        c->protocol->drain(c);
    }
}

void listener_close_all(struct listener *l)
{
    list_each_safe (node, &l->clients) {
        struct client *c = list_entry(node, struct client, node);
        c->protocol->close(c, WHY_DRAIN);
    }
}

/* -- limits ------------------------------------------------------------------------------------ */

/* Takes a place for one more connection. False: over a limit, nothing was taken. */
static bool enter(struct listener *l, const struct addr *peer, int32_t *source_entry)
{
    const uint64_t others = atomic_fetch_add_explicit(&l->gauge->connections, 1,
                                                      memory_order_relaxed);
    *source_entry = -1;
    if (l->conf->limits.connections && others >= (uint64_t)l->conf->limits.connections) {
        l->stats->refused_limit++;
        log_warn("connections_limit", KV_SLICE("listener", l->conf->name),
                 KV_INT("limit", l->conf->limits.connections));
        goto refused;
    }
    if (!l->sources)
        return true;
    const struct ip ip = addr_ip(peer);
    switch (source_enter(l->sources, l->mirror, &ip,
                         (uint64_t)l->conf->limits.connections_per_source, source_entry)) {
    case SOURCE_OK:
        return true;
    case SOURCE_UNTRACKED:
        l->stats->sources_untracked++;
        return true;
    case SOURCE_LIMIT:
        l->stats->refused_source++;
        break;
    }
refused:
    atomic_fetch_sub_explicit(&l->gauge->connections, 1, memory_order_relaxed);
    return false;
}

void listener_leave(struct listener *l, int32_t source_entry)
{
    atomic_fetch_sub_explicit(&l->gauge->connections, 1, memory_order_relaxed);
    if (source_entry >= 0)
        source_leave(l->sources, l->mirror, source_entry);
}

struct client *listener_add(struct listener *l, struct link *link, const struct addr *peer)
{
    int32_t source_entry;
    if (!enter(l, peer, &source_entry)) {
        link_close(link);
        return NULL;
    }
    struct client *c = client_open(l, link, peer, source_entry);
    if (!c)
        listener_leave(l, source_entry);
    return c;
}

/* -- accepting --------------------------------------------------------------------------------- */

/* No descriptor or memory for the connection that waits first. */
static void shed(struct listener *l, int fd, int err)
{
    l->w->stats->worker->accept_errors++;
    log_warn("accept_failed", KV_SLICE("listener", l->conf->name), KV_ERRNO(err));
    if (l->spare_fd >= 0 && (err == EMFILE || err == ENFILE)) {
        struct addr peer;
        close(l->spare_fd);
        const int one = sock_accept(fd, &peer);
        if (one >= 0) {
            l->w->stats->worker->connections_shed++;
            close(one);
        }
        l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    pause_accepting(l);
    timer_start(l->w->loop, &l->retry, ACCEPT_RETRY_MS);
}

static void on_retry(struct timer *t)
{
    struct listener *l = container_of(t, struct listener, retry);
    if (l->accepting)
        listener_start(l);
}

static bool accept_one(struct listener *l, int fd)
{
    struct addr peer;
    const int one = sock_accept(fd, &peer);
    if (one < 0) {
        const int err = errno;
        if (err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM)
            shed(l, fd, err);
        /* What else can go wrong (ECONNABORTED, EPROTO, ...) is that connection's own affair. */
        return err == ECONNABORTED || err == EINTR || err == EPROTO;
    }
    l->w->stats->worker->connections_accepted++;
    l->stats->accepted++;
    struct link *link = link_plain(l->w->loop, one);
    if (!link) {
        l->w->stats->worker->connections_shed++;
        return true;
    }
    listener_add(l, link, &peer);
    return true;
}

static void on_acceptable(struct ev_loop *ev, struct ev_io *w, int revents)
{
    (void)ev;
    (void)revents;
    struct listener *l = container_of(w, struct accept_socket, watcher)->listener;
    for (int i = 0; i < ACCEPT_BATCH; i++)
        if (!accept_one(l, w->fd))
            return;
}
