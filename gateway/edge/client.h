/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EDGE_CLIENT_H
#define WEIR_EDGE_CLIENT_H

/* One connection of a client: a link and the protocol spoken on it. The listener opens it, the
 * protocol (client_h1.c) makes exchanges from what comes in. A client lives until its link is
 * closed and its last exchange has finished; its memory goes at the end of that turn.
 *
 * Most clients are idle most of the time, so what only an exchange needs lies in its arena. */

#include "base/addr.h"
#include "base/list.h"
#include "core/exchange.h"
#include "io/link.h"

struct h1_state;
struct listener;

struct client {
    struct list node;               /* in listener.clients */
    struct listener *listener;      /* borrowed */
    struct link *link;              /* owned; NULL when closed */
    struct client_facts facts;
    struct timer timer;             /* for the nearer of the two deadlines below */
    uint64_t read_due_ms;           /* something must have come in by then; 0: nothing is waited for */
    uint64_t write_due_ms;          /* something must have gone out by then; 0: nothing is queued */
    struct bytes in;                /* read and not yet understood: an incomplete head, pipelined requests */
    struct exchange *x;             /* under way; NULL: none */
    struct h1_state *h1;            /* of the exchange under way: in its arena */
    union {
        struct later later;         /* goes on with what lies in `in` */
        struct grave grave;
    };
    int32_t source_entry;           /* place in the table of sources; -1: none */
    uint32_t requests;              /* so far, on this connection */
    uint32_t scanned;               /* of an incomplete head; lingering: bytes thrown away */
    uint8_t state;                  /* enum client_state, private to client_h1.c */
    bool keep_alive;                /* after the exchange under way */
    bool cut;                       /* close with a reset: the response is not whole */
};

/* Takes over the link. NULL (the link is closed) when there is no memory. */
struct client *client_open(struct listener *l, struct link *link, const struct addr *peer,
                           int32_t source_entry);
/* Gives back what the connection held: link, place in the limits, timer, memory. No exchange may
 * be under way. */
void client_free(struct client *c);

/* -- client_h1.c: the protocol ---------------------------------------------------------------------- */

extern const struct client_ops client_h1_ops;
void client_h1_start(struct client *c);
/* The worker drains: close when idle for timeouts.drain_grace, else after the exchange. */
void client_h1_drain(struct client *c);
/* At once, whatever is under way: the drain timeout has passed. */
void client_h1_close(struct client *c, enum why why);

#endif
