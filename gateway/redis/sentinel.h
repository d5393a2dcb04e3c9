/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REDIS_SENTINEL_H
#define WEIR_REDIS_SENTINEL_H

/* Who is the master? Sentinels are asked one after the other, beginning with the one that knew it
 * last, until one says so (Redis's "Guidelines for Redis clients with support for Redis Sentinel").
 *
 *     sentinel_init(&s, &loop, dns, &conf, on_found, on_nobody);
 *     sentinel_ask(&s);            then one of both calls, from the loop
 *     sentinel_fini(&s);
 *
 * A member of who asks; that memory has to stay until the end of the turn. */

#include "redis/redis_conn.h"
#include "redis/redis_where.h"

struct sentinel {
    struct loop *loop;             /* borrowed, as all that follows */
    const struct redis_conf *conf; /* its sentinels, master, sentinel_account, timeout */
    const struct tls_client *tls;  /* NULL: plain; to be set before asking */
    /* "10.0.0.1:6379"; a name where sentinels are told to announce names. */
    void (*found)(struct sentinel *s, struct slice address);
    void (*nobody)(struct sentinel *s, const char *why);
    size_t at;   /* who is asked */
    size_t left; /* who may be asked yet, for this question */
    struct redis_where where;
    struct redis_conn conn;
    char address[REDIS_NAME_MAX + 16], why[REDIS_WHY_MAX];
};

void sentinel_init(struct sentinel *s, struct loop *lp, struct dns *dns,
                   const struct redis_conf *conf,
                   void (*found)(struct sentinel *s, struct slice address),
                   void (*nobody)(struct sentinel *s, const char *why));
void sentinel_ask(struct sentinel *s);
/* What it said was of no use: the next question begins with another one. */
void sentinel_doubt(struct sentinel *s);
/* The question under way is forgotten, without a call. */
void sentinel_stop(struct sentinel *s);
void sentinel_fini(struct sentinel *s);

#endif
