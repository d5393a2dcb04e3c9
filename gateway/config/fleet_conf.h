/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_FLEET_CONF_H
#define WEIR_CONFIG_FLEET_CONF_H

/* The group `fleet`: the values of config_fleet.c, which docs/fleet.md explains. Without it an
 * instance is on its own. */

#include "base/place.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

/* Certificates are checked against `ca` (empty: the system's), and the name against server_name
 * (empty: the host of the address). */
struct redis_tls_conf {
    bool on;
    struct slice ca, certificate, key, server_name;
};

struct redis_conf {
    struct slice address; /* "127.0.0.1:6379", "redis.internal", "unix:/run/redis/redis.sock";
                             empty when there are sentinels */
    struct {
        struct slice *v;
        size_t n;
    } sentinels;          /* addresses */
    struct slice master;  /* the name by which sentinels know it */
    struct slice user;    /* of an ACL; empty: the default one */
    /* Secret. Of the first that is set: text of the file, the environment's variable; empty: none. */
    struct slice password_file, password_env;
    struct slice sentinel_user, sentinel_password_file, sentinel_password_env;
    int64_t database;
    struct redis_tls_conf tls; /* for Redis and sentinels */
    uint64_t timeout;          /* ms; for an answer, and to connect: then it is given up */
    uint64_t retry_min, retry_max; /* ms between attempts to connect: random, growing up to max */
};

struct fleet_conf {
    bool set;
    struct place place;
    struct slice prefix;   /* of all keys and the channel: "weir:" */
    struct slice instance; /* "": host name and a random part */
    uint64_t tick;         /* ms: 100 */
    uint64_t hold;         /* ms without an answer after which it is apart: 1s */
    struct redis_conf redis;
};

#endif
