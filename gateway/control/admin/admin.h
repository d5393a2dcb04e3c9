/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ADMIN_H
#define WEIR_CONTROL_ADMIN_H

/* The admin sockets: a small HTTP/1.1 server of the control process, for scrapers and operators.
 * What it serves is a table of paths:
 *
 *     static const struct admin_row rows[] = {
 *         {"/healthz", admin_healthz, NULL},
 *         {"/metrics", metrics_answer, &metrics},
 *         {"/v1/things/", things_answer, &things, .methods = ADMIN_POST, .prefix = true},
 *     };
 *     struct admin *a = admin_new(&loop, rows, 3);
 *     admin_listen(a, &(struct admin_socket){.fd = fd, .conf = conf});
 *
 * A path that is not in the table is 404, a method that its row doesn't take 405. Errors are JSON:
 * {"error": "what is wrong, and what to do"}, with "field": "name" when a member of the request is
 * to blame. Everything is bounded: connections, the head and the content of a request, the time
 * that a connection may do nothing, the time that an answer may take, the memory that answers take
 * which nobody fetches.
 *
 * Each socket says what whoever comes by it may do, and which tokens and certificates allow more
 * (admin_access.h). Connections are bounded for each by itself, so that strangers on one keep
 * nobody off another. */

#include <jansson.h>

#include "base/text.h"
#include "control/admin/admin_access.h"
#include "http/head.h"
#include "io/link.h"

enum {
    ADMIN_CONNECTIONS = 64,     /* of each socket; more wait in its queue until one ends */
    ADMIN_HEAD_SIZE = 8192,     /* bytes; then 431 */
    ADMIN_FIELDS = 64,          /* field lines; then 431 */
    ADMIN_CONTENT_SIZE = 65536, /* bytes of a request's content; then 413 */
    ADMIN_IDLE_MS = 10000,      /* without a whole request, or without taking of an answer */
    ADMIN_WORK_MS = 5000,       /* until an answer that comes later must be there; then 504 (unless
                                   its function sets another time) */
    ADMIN_BODIES = 128 << 20,   /* bytes that answers under way hold together; then 503 */
};

struct admin;
struct admin_client;

/* Why something is to be changed: it is asked for; or what was asked for is undone, and what the
 * configuration says is to be in force again; or it is asked for again, and nobody is told. */
enum admin_how { ADMIN_ASKED, ADMIN_UNDO, ADMIN_AGAIN };

/* Borrowed for the call of the row's function. */
struct admin_request {
    enum method method; /* GET, HEAD or POST */
    struct slice path, query;
    struct slice rest; /* of the path, behind the row's; empty unless the row is a prefix */
    struct slice content;
    struct slice accept;         /* all lines of Accept, joined by commas */
    struct slice if_none_match;  /* likewise */
    bool may_change;             /* see admin_may_change() */
    struct slice who;            /* asks: "uid 0", "token ops at 127.0.0.1"; for logs. Empty: not
                                    known (tests) */
    struct slice said;           /* the key (decide.h) under which another instance has said it;
                                    empty: an operator asks */
    enum admin_how how;
    struct admin_client *client; /* private: for admin_pend() */
};

/* What a function of the table fills; it begins as 200 with no content. */
struct admin_answer {
    uint16_t status;
    struct slice type; /* Content-Type; static. Empty: plain text */
    /* More lines of the head, which outlive the server; the answer may then be kept as they say.
     * Without them it is never kept. */
    const struct field *fields;
    uint8_t fields_n;
    struct text body; /* grows */
};

enum { ADMIN_GET = 1 /* and HEAD */, ADMIN_POST = 2 };
enum { ADMIN_ANSWER_FIELDS = 6 };

/* The first row that fits is taken. */
struct admin_row {
    const char *path; /* the whole of it, as it is asked for; or what it begins with */
    void (*answer)(void *ctx, const struct admin_request *rq, struct admin_answer *out);
    void *ctx;
    unsigned methods; /* ADMIN_GET | ADMIN_POST; 0 is ADMIN_GET */
    bool prefix;      /* `path` is what paths begin with, its last slash included */
    bool open;        /* ADMIN_ROLE_METRICS is enough */
    bool blank;       /* no role is needed: it tells nothing of this gateway */
};

/* The rows are borrowed. */
struct admin *admin_new(struct loop *lp, const struct admin_row *rows, size_t n);
/* Accepts on this listening socket, which stays the caller's, as the rest does. */
struct admin_socket {
    int fd;
    const struct admin_listener_conf *conf;
    const struct tls_server *tls; /* NULL: in clear */
    struct admin_counts *counts;  /* NULL: nobody counts */
};
void admin_listen(struct admin *a, const struct admin_socket *s);
/* Accepts no more; connections go on. */
void admin_stop(struct admin *a);
/* Takes over a connection that came by another way than accept (tests: a memory link). */
void admin_add(struct admin *a, struct link *l, bool may_change);
size_t admin_connections(const struct admin *a);
/* Another bound than ADMIN_BODIES. */
void admin_limit_bodies(struct admin *a, size_t bytes);
/* Closes everything; the memory goes at the end of the turn. NULL is harmless. */
void admin_free(struct admin *a);

/* -- for the functions of the table ----------------------------------------------------------- */

/* Makes the answer an error instead of what it was. `field` (may be NULL) is the member of the
 * request that is wrong; the text says what to do. */
void admin_error(struct admin_answer *out, uint16_t status, const char *field, const char *fmt, ...)
    printf_like(4, 5);
/* May this request change something? False: the answer is the 403 that says how it could. */
bool admin_may_change(const struct admin_request *rq, struct admin_answer *out) nodiscard;

/* An answer that comes later. A function that has to wait for something gets one of these and
 * returns; what it left in `out` doesn't count. admin_complete() must follow, exactly once, on the
 * loop of the server (from inside the function is allowed), and ends it. Whoever asked may be gone
 * by then, or have got 504 after wait_ms, or the server may be freed: then the answer is
 * dropped. */
struct admin_pending {
    struct admin_answer answer; /* begins as that of the function */
    uint32_t wait_ms; /* begins as ADMIN_WORK_MS; may be set before the function returns */
    struct admin_client *client; /* private; NULL: nobody waits any more */
    bool complete, held;         /* private; held: it is there, and is sent after wait_ms */
};
struct admin_pending *admin_pend(const struct admin_request *rq) nodiscard;
void admin_complete(struct admin_pending *p);

/* What the content says, whatever that is; NULL: it is no JSON, or there is none. Owned. */
json_t *admin_asked(const struct admin_request *rq);
/* The same where it has to be an object, and none says as much as {}. NULL with an error. */
json_t *admin_asked_object(const struct admin_request *rq, struct admin_answer *out);

/* "ok": the control process turns. */
void admin_healthz(void *ctx, const struct admin_request *rq, struct admin_answer *out);
/* Who asks, and what there is to ask for: the table, as JSON. */
void admin_index(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
