/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_FLEET_CONF_H
#define WEIR_CONFIG_FLEET_CONF_H

/* The group `fleet`: the values of config_fleet.c, which docs/fleet.md explains. Without it an
 * instance is on its own. */

#include "base/place.h"
#include "base/slice.h"
#include "io/tls_conf.h"

#include <stdbool.h>
#include <stdint.h>

enum { REDIS_PORT = 6379, REDIS_SENTINEL_PORT = 26379 }; /* where none is said */

/* Who Weir is for a server. */
struct redis_account {
    struct slice user; /* of an ACL; empty: the default one */
    /* Where the password comes from: one of them, or both empty. */
    struct slice password_file, password_env;
    struct slice password; /* secret: never logged or shown. Empty: none */
};

struct redis_conf {
    struct slice address; /* "127.0.0.1:6379", "redis.internal", "unix:/run/redis/redis.sock";
                             empty when there are sentinels */
    struct texts sentinels; /* addresses */
    struct slice master;    /* the name by which sentinels know it */
    struct redis_account account, sentinel_account;
    int64_t database;
    struct tls_client_conf tls; /* for Redis and sentinels */
    uint64_t timeout;           /* ms; for an answer, and to connect: then it is given up */
    uint64_t retry_min, retry_max; /* ms between attempts to connect: random, growing up to max */
    uint64_t reply_size;           /* bytes of one reply: 8m; with more the connection is given up */
};

struct fleet_conf {
    bool set;
    struct place place;
    struct slice prefix;   /* of all keys and the channel: "weir:" */
    struct slice instance; /* "": host name and a random part */
    uint64_t tick;         /* ms: 100 */
    int64_t commands;      /* of one tick, about: 16384 */
    int64_t instances;     /* of which something is heard, this one included: 1024 */
    uint64_t hold;         /* ms without an answer after which it is apart: 1s */
    struct redis_conf redis;
};

#endif
