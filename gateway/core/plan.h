/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_PLAN_H
#define WEIR_CORE_PLAN_H

/* What an exchange intends: where to, with which head, until when. Made in STEP_PLAN from the route
 * and what modules say; attempts read it. A retry may change the cluster, and what the cluster's
 * modules have made of the head. */

#include "http/head.h"

struct chain;
struct cluster;
struct endpoint;
struct exchange;
struct module;

struct plan {
    struct cluster *cluster;      /* borrowed from the worker; NULL: no attempt is intended */
    struct endpoint *only;        /* borrowed: a check of this one, past balancer and modules; NULL: any */
    struct slice variant;         /* the version that was chosen among several; empty: none */
    const struct module *chosen_by; /* borrowed: who set the cluster; NULL: the route says so */
    uint64_t timeout_ms;          /* whole request; 0: none */
    uint64_t body_size;           /* limit of the request's content; 0: none */
    uint64_t try_ms;              /* each attempt, until its head; 0: none */
    uint64_t try_idle_ms;         /* each attempt, while nothing moves; 0: none but the cluster's */
    bool grpc_timeout;            /* timeout_ms is the client's own grpc-timeout */
    const struct cluster *keyed_for; /* whose key this is (core/pick_key.h); NULL: none was made */
    uint64_t key;
    struct slice made_cookie;     /* ... out of a new cookie's value; empty: there is none */
    bool keyed;                   /* there is a key */
    bool fresh;                   /* a kept connection has failed us: only a new one will do */
    /* the request as it goes inward */
    struct slice method, target;
    struct fields fields;         /* end-to-end, with what the gateway adds; Host among them */
    struct fields for_any;        /* the same before the cluster's modules; cap 0: they have no part */
    enum body_kind body;
    uint64_t content_length;
    struct slice upgrade;         /* the protocol that is asked for; empty: none */
    bool expect_continue;         /* Expect is passed on */
    bool te_trailers;
};

/* How long the whole request may take, in milliseconds; 0: no limit. There must be a route. */
uint64_t plan_timeout_ms(struct exchange *x);
/* Limits, and the cluster that the route names, if it does. */
void plan_begin(struct exchange *x);
/* The modules of the cluster that is planned take part from now on. */
void plan_use_cluster(struct exchange *x);
/* The cluster is final, and its modules have let the request go there: the head is made. */
void plan_head(struct exchange *x);
/* Modules that go with the cluster are about to change the head: keeps it for another cluster. */
void plan_keep_head(struct exchange *x);
/* All hooks have been asked: the time runs. */
void plan_end(struct exchange *x);
/* The next attempts go to this other cluster, with these modules that were chosen (NULL: none). The
 * head becomes what it was before the last one's modules, and those that were chosen with it, changed
 * it; the new ones are to be asked (hooks_run_moved). */
void plan_move(struct exchange *x, struct cluster *cl, const struct chain *choice);
/* Is the plan's cluster reserved for a module that has not chosen it? */
bool plan_reserved(const struct exchange *x);

#endif
