/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EDGE_LISTENER_H
#define WEIR_EDGE_LISTENER_H

/* One listener in one worker: accepts on the sockets that are this worker's, up to the limits, and
 * opens a client for each connection. Usually it has one socket; more when the number of workers
 * has shrunk and sockets were left over, so that nothing that waits in their queues is lost. */

#include "base/list.h"
#include "core/worker.h"
#include "http/h1_parse.h"
#include "io/link.h"

struct listener {
    struct worker *w;               /* borrowed */
    const struct listener_conf *conf;
    uint32_t index;                 /* in config.listeners */
    struct addr local;              /* as bound */
    struct listener_stats *stats;   /* shared: this process's column */
    struct listener_gauge *gauge;   /* shared */
    struct source_table *sources;   /* shared; NULL: no limit per source */
    struct source_mirror *mirror;   /* shared: this process's column */
    struct list clients;            /* all of them */
    size_t clients_n;
    size_t handshakes_n;            /* of them, in a TLS handshake */
    struct slab slab;               /* of struct client */
    struct h1_limits h1_limits;     /* conf's, as the parser wants them */
    struct h2_shared *h2;           /* owned by client_h2_shared.c; NULL: no HTTP/2 yet */
    struct field *fields;           /* owned: what a parser fills, for one head at a time */
    struct accept_socket *sockets;  /* owned */
    size_t sockets_n;
    struct timer retry;             /* after a lack of descriptors */
    int spare_fd;                   /* given up to accept and close when descriptors run out */
    uint64_t next_connection;
    bool accepting;
    bool tells_local;               /* a cluster is told where clients connected to: proxy_protocol */
};

/* `fds` are listening sockets, inherited; they stay open when the listener closes. n may be 0. */
void listener_init(struct listener *l, struct worker *w, uint32_t index, struct source_mirror *mirror,
                   const int *fds, size_t n);
void listener_start(struct listener *l);
/* Stops accepting; connections go on. */
void listener_stop(struct listener *l);
/* Stops accepting and drains every client. */
void listener_drain(struct listener *l);
/* Closes every client at once. */
void listener_close_all(struct listener *l);
/* Nothing may be left. */
void listener_fini(struct listener *l);
/* Gives back the place that a client held in the limits. */
void listener_leave(struct listener *l, int32_t source_entry);
/* A connection that came by another way than accept (tests: a memory link). */
struct client *listener_add(struct listener *l, struct link *link, const struct addr *peer);

#endif
