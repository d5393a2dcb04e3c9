/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONFIG_HEALTH_CONF_H
#define WEIR_CONFIG_HEALTH_CONF_H

/* How a cluster's endpoints are checked: the values of clusters.NAME.health (config_health.c),
 * which docs/health.md explains. */

#include "base/place.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

/* AUTO: a request in the protocol that the cluster's requests go in. NONE: nothing is asked, only
 * what backends say of themselves counts (`header`). */
enum health_type {
    HEALTH_AUTO,
    HEALTH_HTTP,
    HEALTH_H2,
    HEALTH_GRPC,
    HEALTH_TCP,
    HEALTH_NONE,
};

/* What an endpoint counts as until its first check has ended. */
enum health_initial { HEALTH_INITIAL_UP, HEALTH_INITIAL_DOWN };

/* Both ends included. */
struct health_range {
    int64_t from, to;
};

struct health_field {
    struct place place;
    struct slice name, value;
};

struct health_conf {
    bool set;
    int type;            /* enum health_type: "auto" */
    struct slice path;   /* "/" */
    struct slice method; /* "GET" */
    struct slice host;   /* empty: the endpoint's */
    int64_t port;        /* 0: the endpoint's */
    bool tls;            /* true: as the cluster's requests */
    struct {
        struct health_field *v;
        size_t n;
    } headers;
    struct {
        struct health_range *v;
        size_t n;
    } expect;                /* "2xx" */
    struct slice body;       /* empty: any */
    struct slice body_regex; /* empty: any; as it is compiled, see HEALTH_BODY_REGEX */
    uint64_t body_size;      /* 64k: that much is looked at */
    struct slice service;    /* of gRPC; empty: the server as a whole */
    struct slice send, receive;
    uint64_t interval;            /* 5s */
    uint64_t unhealthy_interval;  /* 1s, or the interval when that is less */
    uint64_t no_traffic_interval; /* 0s: the interval */
    uint32_t jitter;              /* 10%, in millionths */
    uint64_t timeout;             /* 2s */
    int64_t rise, fall;           /* 2, 3 */
    int initial;                  /* enum health_initial: "up" */
    struct slice header;          /* empty: none is believed */
    uint64_t header_for;          /* 30s */
    int64_t fleet_checkers;       /* 0: every instance checks */
};

/* Expressions match values as a whole (core/route/route_regex.h); this one is to be found in content. */
#define HEALTH_BODY_REGEX "(?s:.*?)(?:%.*s)(?s:.*)"

#endif
