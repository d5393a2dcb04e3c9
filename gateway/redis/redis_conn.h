/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REDIS_REDIS_CONN_H
#define WEIR_REDIS_REDIS_CONN_H

/* One connection to a Redis server or a sentinel: commands out, each with who gets its reply, and
 * replies in, in the same order.
 *
 *     redis_conn_init(&c, &loop, &events);
 *     if (redis_conn_start(&c, &how))           then events.opened, or events.ended
 *         redis_conn_ask(&c, fn, ctx, 1, (struct slice[]){SLICE("PING")});
 *     redis_conn_close(&c);
 *
 * hiredis parses the replies and writes the commands; bytes go over a link, as all others do. So it
 * speaks TLS with whatever hiredis there is, and hiredis's asynchronous half isn't used: it aborts
 * the process when a peer says something that nobody has asked for.
 *
 * A member of who owns it; that memory has to stay until the end of a turn in which it was closed.
 */

#include "base/addr.h"
#include "redis/redis.h"
#include "io/link.h"

enum {
    REDIS_WHY_MAX = 160,
    REDIS_ASKED_MAX = 65536,             /* replies that may be waited for */
    REDIS_UNSENT_MAX = 16 * 1024 * 1024, /* bytes of commands that haven't left */
};

struct redis_conn;
struct redisReader;

struct redis_conn_events {
    /* Connected (with TLS: the handshake is done). */
    void (*opened)(struct redis_conn *c);
    /* What redis_login() has asked for is granted. */
    void (*ready)(struct redis_conn *c);
    /* A text on the channel that it has subscribed to. */
    void (*published)(struct redis_conn *c, struct slice text);
    /* It is closed, and fn of everything that was asked has been called with NULL. `why` is c->why:
     * printable, and without what was said about passwords. */
    void (*ended)(struct redis_conn *c, const char *why);
};

struct redis_conn_how {
    const struct addr *to;
    const struct tls_client *tls; /* NULL: plain */
    struct slice name;            /* of the server, for TLS */
    uint64_t timeout;             /* ms, to connect and for each reply */
    uint64_t reply_size;          /* bytes of one reply at most */
};

struct redis_asked {
    redis_fn *fn;
    void *ctx;
};

struct redis_conn {
    const struct redis_conn_events *events;
    struct loop *loop;          /* borrowed */
    struct link *link;          /* NULL: closed */
    struct redisReader *reader; /* owned; NULL: closed */
    struct timer timer;         /* until something that is waited for has to come */
    uint64_t timeout, reply_size;
    uint64_t unfinished;       /* bytes that have come since the last whole reply */
    size_t items;              /* ... and items of lists that they have announced */
    struct redis_asked *asked; /* owned: a ring */
    size_t first, n, cap;
    bool open, listening; /* listening: it has subscribed */
    char why[REDIS_WHY_MAX];
    uint64_t errors;              /* replies of that kind */
    uint64_t bytes_in, bytes_out; /* of connections that have ended; redis_conn_bytes() adds */
};

void redis_conn_init(struct redis_conn *c, struct loop *lp, const struct redis_conn_events *events);
/* Begins to connect; false with c->why: there is no descriptor or memory, no event comes. */
bool redis_conn_start(struct redis_conn *c, const struct redis_conn_how *how) nodiscard;
/* False: it isn't open, has too much under way, or there is no memory; fn isn't called then. fn
 * NULL: the reply is of no interest. */
bool redis_conn_ask(struct redis_conn *c, redis_fn *fn, void *ctx, size_t n,
                    const struct slice *args);
/* Only from within a call of this connection's (an event, fn): ends it for this reason. */
void redis_conn_end(struct redis_conn *c, const char *fmt, ...) printf_like(2, 3);
/* Closes it without an event; fn of what was asked is called with NULL. */
void redis_conn_close(struct redis_conn *c);
/* The same, and fn isn't called; frees what it has. */
void redis_conn_fini(struct redis_conn *c);
void redis_conn_bytes(const struct redis_conn *c, uint64_t *in, uint64_t *out);

#endif
