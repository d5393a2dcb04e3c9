/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EDGE_CLIENT_H
#define WEIR_EDGE_CLIENT_H

/* One connection of a client: a link and the protocol spoken on it. The listener opens it, the
 * protocol (client_h1.c) makes exchanges from what comes in. A client lives until its link is
 * closed and its last exchange has finished; its memory goes at the end of that turn. */

#include "base/addr.h"
#include "base/list.h"
#include "core/exchange.h"
#include "io/link.h"

struct listener;

struct client {
    struct list node;               /* in listener.clients */
    struct listener *listener;      /* borrowed */
    struct link *link;              /* owned; NULL when closed */
    struct client_facts facts;
    struct timer timer;             /* one for all: head, body_idle, keep_alive, write_idle, linger */
    struct bytes in;                /* read and not yet understood: an incomplete head, pipelined requests */
    struct exchange *x;             /* under way; NULL: idle */
    struct h1_state *h1;            /* of an exchange under way: in its arena */
    struct later later;             /* goes on with what lies in `in` */
    struct grave grave;
    int32_t source_entry;           /* place in the table of sources; -1: none */
    uint32_t requests;              /* so far, on this connection */
    uint32_t scanned;               /* of an incomplete head */
    uint8_t state;                  /* enum client_state, private to client_h1.c */
    bool keep_alive;                /* after the exchange under way */
    bool drain_seen;                /* a grace period for a last request is running */
};

/* Takes over the link. NULL (the link is closed) when there is no memory. */
struct client *client_open(struct listener *l, struct link *link, const struct addr *peer);
/* The worker drains: close when idle for drain_grace, else after the exchange. */
void client_drain(struct client *c);
/* At once, whatever is under way: the drain timeout has passed. */
void client_close(struct client *c);

/* client_h1.c */
void client_h1_start(struct client *c);
void client_h1_drain(struct client *c);
/* Gives back what the connection held: link, place in the limits, timer, memory. */
void client_free(struct client *c);

#endif
