/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REDIS_REDIS_H
#define WEIR_REDIS_REDIS_H

/* One Redis server, on the loop: two connections, one for commands and one for what is published.
 * With sentinels it is whichever server they call the master.
 *
 *     struct redis *r = redis_new(&loop, dns, &conf, &events, ctx);
 *     ...                            events.up
 *     redis_command(r, on_reply, ctx, 2, (struct slice[]){SLICE("GET"), key});
 *     redis_free(r);
 *
 * Commands of one turn of the loop leave in one write. It is up when both connections are there,
 * authenticated, and the channel is subscribed to. When either one breaks, answers with what is no
 * RESP, or is silent for `timeout` while something is expected of it, both are closed
 * (events.down), and after a random time that grows they are made anew, with new questions to DNS
 * and sentinels.
 *
 * Never blocks: names are looked up by c-ares. Passwords and texts of replies to AUTH are never
 * logged. Control process. */

#include "base/slice.h"
#include "config/fleet_conf.h"
#include "control/dns/dns.h"
#include "io/loop.h"
#include "io/tls.h"

struct redis;

enum redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_STATUS, REDIS_INTEGER, REDIS_LIST, REDIS_ERROR };

/* Borrowed for the call that it is given to. */
struct redis_reply {
    enum redis_kind kind;
    struct slice text; /* of TEXT, STATUS, ERROR */
    int64_t integer;
    size_t n; /* of LIST */
    const void *items;
};
/* The i-th of a list; NIL when there is none. */
struct redis_reply redis_item(const struct redis_reply *list, size_t i);

/* NULL: the connection has ended before there was an answer; what came of the command isn't known.
 */
typedef void redis_fn(void *ctx, const struct redis_reply *reply);

struct redis_events {
    void (*up)(void *ctx);
    /* It was up, or couldn't be reached at the first attempt; not again until it has been up. `why`
     * has been logged (fleet_redis_down). Replies of commands under way have been given up (fn with
     * NULL) before. */
    void (*down)(void *ctx, const char *why);
    void (*message)(void *ctx, struct slice text); /* on the channel */
};

/* `channel` is subscribed to. Everything is borrowed and has to outlive it. NULL: no memory. */
struct redis *redis_new(struct loop *lp, struct dns *dns, const struct redis_conf *conf,
                        struct slice channel, const struct redis_events *events,
                        void *ctx) nodiscard;
/* Speak TLS, by this context of conf->tls. In the turn that made it. Borrowed. */
void redis_use_tls(struct redis *r, const struct tls_client *tls);
/* No event and no reply comes any more. May be called from any event and reply. NULL is harmless.
 */
void redis_free(struct redis *r);
bool redis_is_up(const struct redis *r);
/* False: it isn't up, too much is under way (REDIS_ASKED_MAX, REDIS_UNSENT_MAX), or there is no
 * memory; fn isn't called then. fn NULL: the reply is of no interest. Arguments are copied. */
bool redis_command(struct redis *r, redis_fn *fn, void *ctx, size_t n, const struct slice *args);
/* Closes both connections and begins anew (down, then up): this server is of no use, for this
 * reason: it is a replica, it does not answer in time. */
void redis_give_up(struct redis *r, const char *why);

/* For metrics and operators. */
struct redis_facts {
    bool up;
    struct slice server;         /* "127.0.0.1:6379"; the master that sentinels named */
    uint64_t connects, failures; /* attempts to connect, and those that failed */
    unsigned failed;           /* in a row: attempts that failed, or whose connection didn't last */
    uint64_t commands, errors; /* errors: replies of that kind */
    uint64_t bytes_in, bytes_out;
    uint64_t since_ms;  /* of the loop's clock: up, or down, since then */
    const char *reason; /* why it is down; NULL: it is up, or hasn't been */
};
struct redis_facts redis_facts(const struct redis *r);

#endif
