/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ADMIN_PARTS_H
#define WEIR_CONTROL_ADMIN_PARTS_H

/* Private to the admin server: admin.c has its life and its connections, admin_request.c reads
 * requests and finds who answers them, admin_answer.c sends the answers. Who may do what is
 * admin_access.c's.
 *
 *     WAITING ──head──► READING ──content──┬──────────────► ANSWERING ──all queued──► WAITING
 *                          │               └──► WORKING ──────▲  │             kept alive
 *                          └──────────refused─────────────────┘  └──────────────────► ENDING
 *
 * The answer to a wrong token WORKS for a while, too.
 *
 * A function may open a stream instead of an answer: READING ──► STREAMING ──► ENDING.
 *
 * ENDING is closed when the other side ends, or in time.
 *
 * Every function below that answers or reads may have dropped the client when it returns: who goes
 * on with it looks whether list_linked(&c->node). */

#include "control/admin/admin.h"
#include "control/admin/admin_change.h"
#include "http/h1_body.h"

enum admin_state {
    ADMIN_WAITING,   /* for a head */
    ADMIN_READING,   /* the content */
    ADMIN_WORKING,   /* the function of the row answers later */
    ADMIN_ANSWERING, /* some of the answer isn't queued yet */
    ADMIN_STREAMING, /* the answer goes on: control/admin/admin_stream.h */
    ADMIN_ENDING,
};

/* One listening socket. */
struct admin_door {
    struct list node;
    struct admin *admin;
    struct ev_io watcher;
    struct timer retry;
    bool listening;
    size_t clients_n;
    const struct tls_server *tls; /* NULL: in clear */
    struct admin_access access;
};

struct admin {
    struct loop *loop; /* borrowed */
    const struct admin_row *rows;
    size_t rows_n;
    struct list doors;
    struct list clients;
    size_t clients_n;
    size_t streams_n;
    size_t bodies; /* bytes that answers under way hold */
    size_t bodies_max;
    struct grave grave;
};

struct admin_client {
    struct list node;
    struct admin *admin;
    struct admin_door *door; /* NULL: came by another way */
    struct admin_visitor visitor;
    struct link *link; /* owned */
    struct timer timer;
    struct later later; /* looks for what can go on */
    struct grave grave;
    enum admin_state state;
    bool shaken; /* on TLS: the handshake is done */
    struct bytes in;
    size_t scanned; /* of the parser */

    /* The request, until it is answered. */
    bool keep_alive, head_only, http10;
    const struct admin_row *row; /* NULL: none was found */
    struct admin_request rq;
    struct admin_judgement judged;
    struct arena arena; /* of its target and trailers */
    struct h1_body content;
    struct text text; /* the content so far */
    struct admin_change change;
    struct admin_pending *pending; /* WORKING: what is waited for */
    struct admin_stream *stream;   /* STREAMING; owned */

    /* The answer under way. */
    struct text body;
    size_t queued;     /* of body */
    uint64_t seen_out; /* the link's count when the timer was set */
};

/* -- admin.c -- */
/* Closes the connection; the memory goes at the end of the turn. */
void admin_drop(struct admin_client *c);
/* Our direction ends when everything has left; what still comes in is thrown away. */
void admin_end(struct admin_client *c);

/* -- admin_request.c -- */
extern const struct h1_limits admin_limits;
/* As far as what has come in allows. */
void admin_take(struct admin_client *c);
/* Frees what belongs to the request. Harmless when there is none. */
void admin_forget(struct admin_client *c);

/* -- admin_answer.c -- */
void admin_answer_init(struct admin_answer *r);
/* The error that says why somebody may not do it, and how he could. */
void admin_denied(const struct admin_client *c, enum admin_denial why, struct admin_answer *out);
/* Queues the head, takes over the body and begins to queue it. */
void admin_send(struct admin_client *c, struct admin_answer *r);
/* As much of the answer as there is room for; then the next request, or the end. */
void admin_feed(struct admin_client *c);
/* The answer that was waited for, if it is there. True: it was. */
bool admin_send_pending(struct admin_client *c);
/* It has taken too long: 504. */
void admin_give_up(struct admin_client *c);
/* Nobody waits for it any more. Harmless when nothing is pending. */
void admin_unpend(struct admin_client *c);
/* Frees the answer under way. */
void admin_body_done(struct admin_client *c);

/* -- admin_stream.c -- */
bool admin_stream_is_broken(const struct admin_client *c);
/* The reader is gone, and its owner is told. Harmless when there is no stream. */
void admin_stream_gone(struct admin_client *c);

#endif
