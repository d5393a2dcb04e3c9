/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ADMIN_H
#define WEIR_CONTROL_ADMIN_H

/* The admin socket: a small HTTP/1.1 server of the control process, for scrapers and operators.
 * What it serves is a table of paths:
 *
 *     static const struct admin_row rows[] = {
 *         {"/healthz", admin_healthz, NULL},
 *         {"/metrics", metrics_answer, &metrics},
 *     };
 *     struct admin *a = admin_new(&loop, rows, 2);
 *     admin_listen(a, fd);
 *
 * Only GET and HEAD; a path that is not in the table is 404. Everything is bounded: connections,
 * the head of a request, the time that a connection may do nothing, the memory that answers take
 * which nobody fetches. */

#include "base/text.h"
#include "http/head.h"
#include "io/link.h"

enum {
    ADMIN_CONNECTIONS = 64,   /* more wait in the socket's queue until one ends */
    ADMIN_HEAD_SIZE = 8192,   /* bytes; then 431 */
    ADMIN_FIELDS = 64,        /* field lines; then 431 */
    ADMIN_IDLE_MS = 10000,    /* without a whole request, or without taking of an answer */
    ADMIN_BODIES = 128 << 20, /* bytes that answers under way hold together; then 503 */
};

struct admin;

struct admin_request {
    enum method method; /* GET or HEAD */
    struct slice path, query;
};

/* What a function of the table fills; it begins as 200 with no content. */
struct admin_answer {
    uint16_t status;
    struct slice type; /* Content-Type; static. Empty: plain text */
    struct text body;  /* grows */
};

struct admin_row {
    const char *path; /* the whole of it, as it is asked for */
    void (*answer)(void *ctx, const struct admin_request *rq, struct admin_answer *out);
    void *ctx;
};

/* The rows are borrowed. */
struct admin *admin_new(struct loop *lp, const struct admin_row *rows, size_t n);
/* Accepts on this listening socket, which stays the caller's. Once. */
void admin_listen(struct admin *a, int fd);
/* Accepts no more; connections go on. */
void admin_stop(struct admin *a);
/* Takes over a connection that came by another way than accept (tests: a memory link). */
void admin_add(struct admin *a, struct link *l);
size_t admin_connections(const struct admin *a);
/* Another bound than ADMIN_BODIES. */
void admin_limit_bodies(struct admin *a, size_t bytes);
/* Closes everything; the memory goes at the end of the turn. NULL is harmless. */
void admin_free(struct admin *a);

/* "ok": the control process turns. */
void admin_healthz(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
