/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_WORKER_H
#define WEIR_CORE_WORKER_H

/* What the exchanges of one worker process share. process/worker.c fills it and plugs the
 * protocols in; tests do the same with memory links and a frozen clock. */

#include "base/random.h"
#include "base/slab.h"
#include "core/cluster/cluster.h"
#include "core/generation.h"
#include "io/loop.h"
#include "io/offload.h"

struct access_log;
struct budget_tally;
struct fleet;
struct live_log;
struct module;
struct origin_ops;
struct origin_pools;
struct recent;

struct worker {
    struct loop *loop;                  /* borrowed */
    const struct generation *g;         /* borrowed */
    struct stats *stats;                /* borrowed: columns of this process */
    struct access_log *access_log;      /* borrowed; NULL: off */
    struct live_log *live;              /* owned by the process; NULL: nobody can look */
    struct recent *recent;              /* owned by the process; NULL: requests leave no record */
    struct route_scratch *scratch;      /* owned */
    struct cluster *clusters;           /* owned, by index in config.clusters */
    const struct origin_ops *origin_ops; /* how attempts reach origins */
    struct origin_pools *pools;         /* owned by upstream; given to origin_ops through attempts */
    struct offload offload;             /* jobs of modules */
    struct random random;
    struct slab exchanges;
    struct list active;                 /* exchanges under way: for drain and the crash report */
    struct exchange *current;           /* the one that is being run: for the crash report */
    uint64_t next_id;                   /* of exchanges */
    unsigned index;                     /* worker number */
    unsigned workers;                   /* how many there are */
    struct fleet *fleet;                /* of the control process, where one is configured; else NULL */
    bool control;                       /* this is the control process's, for calls of modules */
    struct budget_tally *tallies;       /* of first attempts, by cluster; NULL: no module may ask for
                                           retries or hedges; owned */
    void **locals;                      /* of modules, by index in the generation's; owned */
    const struct module *acting;        /* whose code runs now outside of hooks; NULL: nobody's */
    bool draining;                      /* keep-alive ends with the next response */
    bool ending;                        /* modules are being stopped: they get no calls any more */
};

/* `g` must have its tables; `stats` may not be NULL. on_retire: as in struct cluster. */
void worker_init(struct worker *w, struct loop *lp, const struct generation *g, struct stats *stats,
                 void (*on_retire)(struct endpoint *ep));
/* No exchange may be active. */
void worker_fini(struct worker *w);

#endif
