/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EDGE_CLIENT_H
#define WEIR_EDGE_CLIENT_H

/* One connection of a client: a link and the protocol spoken on it. The listener opens it, the
 * protocol makes exchanges from what comes in. A client lives until its link is closed and its last
 * exchange has finished; its memory goes at the end of that turn.
 *
 *     client_open ──► greeting ── ALPN, or the first bytes ──► h1 | h2 ──► client_free
 *                     (PROXY header; TLS; or which protocol is spoken)
 *
 * Most clients are idle most of the time, so what only an exchange needs lies in its arena. */

#include "base/addr.h"
#include "base/list.h"
#include "core/exchange.h"
#include "io/link.h"

struct client;
struct client_h2;
struct h1_state;
struct listener;

/* What a connection speaks at the moment: one for each file client_*.c, and greeting.c. */
struct client_protocol {
    /* Takes over the link's events, and what lies in c->in already. */
    void (*start)(struct client *c);
    /* The worker drains: end when idle for timeouts.drain_grace, else as soon as it can be done
     * without losing a request. */
    void (*drain)(struct client *c);
    /* At once, whatever is under way. */
    void (*close)(struct client *c, enum why why);
};
extern const struct client_protocol client_greeting, client_h1, client_h2;
/* Frees what a listener's HTTP/2 connections shared; none may be left. */
void client_h2_forget(struct listener *l);

struct client {
    struct list node;               /* in listener.clients */
    struct listener *listener;      /* borrowed */
    struct link *link;              /* owned; NULL when closed */
    const struct client_protocol *protocol;
    struct tls_facts *tls;          /* owned; NULL: not TLS. facts.tls is the same */
    struct proxy_header *proxy;     /* owned; NULL: none came. facts.proxy is the same */
    struct addr *local;             /* owned: where it connected to, on a listener for any address;
                                       NULL: nobody wants to know */
    struct client_facts facts;
    struct timer timer;             /* for the nearer of the two deadlines below */
    uint64_t read_due_ms;           /* something must have come in by then; 0: nothing is waited for */
    uint64_t write_due_ms;          /* something must have gone out by then; 0: nothing is queued */
    struct bytes in;                /* read and not yet understood: an incomplete head, pipelined requests */
    struct exchange *x;             /* under way; NULL: none */
    union {
        struct h1_state *h1;        /* of the exchange under way: in its arena */
        struct client_h2 *h2;       /* owned by client_h2.c */
    };
    union {
        struct later later;         /* goes on with what lies in `in` */
        struct grave grave;
    };
    int32_t source_entry;           /* place in the table of sources; -1: none */
    uint32_t requests;              /* so far, on this connection */
    uint32_t scanned;               /* of an incomplete head; lingering: bytes thrown away */
    uint8_t state;                  /* private to the protocol */
    bool keep_alive;                /* after the exchange under way */
    bool greeting_proxy;            /* its PROXY header is waited for */
    bool greeting_tls;              /* its handshake counts in listener.handshakes_n */
    bool cut;                       /* close with a reset: the response is not whole */
};

/* Takes over the link. NULL (the link is closed) when there is no memory. */
struct client *client_open(struct listener *l, struct link *link, const struct addr *peer,
                           int32_t source_entry);
/* Gives back what the connection held: link, place in the limits, timer, memory. No exchange may
 * be under way. */
void client_free(struct client *c);
/* Goes on with another protocol: the link, c->facts and c->in are handed over. */
void client_become(struct client *c, const struct client_protocol *protocol);

#endif
