/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_CLUSTER_H
#define WEIR_CORE_CLUSTER_H

/* Clusters and endpoints. What is configured lies in the generation; which addresses there are
 * right now lies in the cluster's table in shared memory, written by the master at load and by the
 * control process when DNS answers; what a worker keeps about each (idle connections, requests in
 * flight, the balancer's position) is the worker's own.
 *
 *   table (shared)  rows[capacity]: address, weight, state     version, a sequence lock
 *        │ version differs from the one seen: copy, match by address
 *        ▼
 *   cluster (worker)  endpoints in use, each with pool and counters
 *
 * A row keeps its index as long as its address stays, so counters by row index keep their meaning.
 *
 * A table belongs to one way of configuring the cluster's endpoints: a generation that changes
 * them gets a table of its own, begun as a copy of the last one. So a new configuration that fails
 * half-way, or that is waiting for the old one to drain, takes nothing from under the old one. */

#include <pthread.h>
#include <stdatomic.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/random.h"
#include "config/config.h"
#include "core/endpoint_cell.h"
#include "core/stats.h"
#include "io/shm.h"
#include "io/tls.h"

enum {
    ENDPOINT_NAME_MAX = 64,
    WEIGHT_ONE = 1024, /* an endpoint's weight of 1, when nothing is taken off it */
};

enum row_state { ROW_FREE, ROW_UP, ROW_GONE /* not in DNS any more; may be taken for another */ };

struct table_row {
    struct addr addr;
    char name[ENDPOINT_NAME_MAX]; /* NUL-terminated: as configured, or the address from DNS as printed */
    uint64_t source;              /* cluster_source() of the endpoint_conf it comes from */
    uint32_t weight;
    uint32_t state;               /* enum row_state */
    uint32_t reused;              /* how often the row has changed its address */
    uint32_t gone_at;             /* version that made it ROW_GONE: the oldest is taken first */
};

/* The shared cell "cluster/NAME/table/SIGNATURE". The cell "cluster/NAME/latest" says which one was
 * prepared last. Readers retry while the version is odd or has changed; the lock is the writers'. */
struct cluster_table {
    _Atomic uint32_t version;     /* 0: never prepared */
    uint32_t capacity;
    pthread_mutex_t lock;         /* robust, shared by processes */
    struct table_row rows[];
};

/* What a change of the table did, in rows. */
struct table_change {
    size_t added, removed;
    size_t dropped;               /* addresses for which there was no row */
    bool busy;                    /* another writer held the table too long: nothing was changed */
};

size_t cluster_table_size(uint32_t capacity);
/* Rows needed: static endpoints plus dns.capacity when there is a name among them, rounded up so
 * that most changes of the configuration leave it as it is. */
uint32_t cluster_table_capacity(const struct cluster_conf *conf);
/* Says which endpoint_conf a row comes from; the same in every process and over reloads. */
uint64_t cluster_source(const struct endpoint_conf *ep);
/* Says whose numbers a column of counters holds (endpoint_stats.owner), by the endpoint's name;
 * never 0, and the same in every process and over reloads. */
uint64_t cluster_owner(struct slice name);

/* Master, before forking: finds or makes the cell and brings the static endpoints in line with the
 * configuration; rows that came from names still configured stay. NULL with a fault when the
 * region is full. */
struct cluster_table *cluster_table_prepare(struct shm *shm, const struct cluster_conf *conf,
                                            struct faults *faults) nodiscard;
/* Replaces the rows that come from `source` by these addresses. Changes nothing, not even the
 * version, when they are there already. Any process; writers wait for each other. */
struct table_change cluster_table_set(struct cluster_table *t, uint64_t source, uint32_t weight,
                                      const struct addr *addrs, size_t n);
/* Makes the table readable again when its writer has died in the middle of a change. What lies in
 * it is whole in any case: rows are written before they become ROW_UP. */
void cluster_table_mend(struct cluster_table *t);
/* Copies all `capacity` rows, as of one moment, and says of which version they are. False while
 * somebody is writing. */
bool cluster_table_read(const struct cluster_table *t, struct table_row *rows,
                        uint32_t *version) nodiscard;
/* How many rows of `source` are up. */
size_t cluster_table_count(const struct cluster_table *t, uint64_t source);

/* -- the worker's side ------------------------------------------------------------------------ */

struct endpoint {
    struct cluster *cluster;      /* borrowed */
    struct list node;             /* in cluster->retired when it left the table */
    struct addr addr;
    char name[ENDPOINT_NAME_MAX];
    uint32_t row;
    uint32_t slot;                /* in the endpoint cell; NO_SLOT: none yet */
    uint32_t configured;          /* weight */
    uint32_t weight;              /* what is left of it, in 1/WEIGHT_ONE: see cluster_weigh() */
    uint32_t share;               /* millionths that modules leave to it */
    bool guarded;                 /* modules that guard want to be asked */
    bool gone;                    /* no new attempts; freed when nothing is left of it */
    const struct endpoint_conf *conf; /* borrowed: where its row comes from; NULL: not known */
    /* balancer */
    int64_t current;              /* smooth round robin */
    uint32_t active;              /* attempts in flight on this worker */
    uint64_t asked;               /* cluster.round in which it was vetoed or taken */
    /* pool: upstream/pool.c */
    struct list idle;             /* of struct origin, most recently used first */
    uint32_t idle_n, open_n;
    /* HTTP/2 and TLS: upstream/pool_h2.c, origin.c */
    uint8_t protocol;             /* enum cluster_protocol; AUTO: not known yet */
    struct tls_resume tls_resume; /* owned */
    struct list shared;           /* of struct origin: which take attempts, or will when they open */
    struct list waiting;          /* of struct origin_stream, oldest first: for room on one of these */
    uint32_t shared_n, waiting_n;
    uint32_t streams_seen;        /* how many streams the last of them allowed; 0: not known */
    struct endpoint_stats *stats; /* shared; this process's column */
};

struct cluster {
    const struct cluster_conf *conf;
    const struct cluster_table *table;
    struct endpoint_cell *cell;   /* borrowed; never NULL */
    const struct weir_endpoint_cells *arrays; /* borrowed: of modules; NULL: none */
    const uint64_t *now_us;       /* borrowed: the loop's clock */
    uint32_t seen;                /* version that `endpoints` was made from; odd: none yet */
    uint32_t cell_seen;           /* version of the cell that the weights were made from */
    uint64_t due_us;              /* when the weights change by themselves; UINT64_MAX: never */
    struct endpoint **endpoints;  /* in use, n of them */
    size_t n, cap;
    int64_t total_weight;
    size_t guarded_n;             /* of them are guarded */
    bool fresh;                   /* the round has not begun yet */
    uint64_t round;               /* counts cluster_pick_if() */
    struct list retired;
    struct endpoint_stats *stats; /* shared column of this process, by row */
    /* Called before a retired endpoint is freed or when it retires: the pool closes what is idle. */
    void (*on_retire)(struct endpoint *ep);
};

/* `stats` may be NULL: then endpoints have none. on_retire may be NULL. */
void cluster_init(struct cluster *cl, const struct cluster_conf *conf,
                  const struct cluster_table *table, struct endpoint_stats *stats,
                  void (*on_retire)(struct endpoint *ep));
/* Retires all endpoints and frees them: nothing may be active, and on_retire must leave nothing
 * open. */
void cluster_fini(struct cluster *cl);
/* Right after cluster_init(): what else is known about the endpoints, and the clock. Without it
 * nothing is. */
void cluster_join(struct cluster *cl, struct endpoint_cell *cell,
                  const struct weir_endpoint_cells *arrays, const uint64_t *now_us);
/* The endpoint for the next attempt, or NULL when there is none with a weight. Looks first whether
 * the table has changed. */
struct endpoint *cluster_pick(struct cluster *cl, struct random *r) nodiscard;
/* The same, of those that `ask` lets through; each is asked once at most. NULL with *vetoed set:
 * none of them. */
struct endpoint *cluster_pick_if(struct cluster *cl, struct random *r,
                                 bool (*ask)(void *ctx, const struct endpoint *ep), void *ctx,
                                 bool *vetoed) nodiscard;
/* Looks whether the table, or what is known about the endpoints, has changed. */
void cluster_follow(struct cluster *cl);
/* Is there an endpoint with a weight? */
bool cluster_ready(struct cluster *cl);
/* An attempt begins, ends: counts `active` (the shared gauge is the attempt's own affair).
 * endpoint_release may free a retired endpoint when nothing is active, idle or open any more. */
void endpoint_acquire(struct endpoint *ep);
void endpoint_release(struct endpoint *ep);
/* To be called when a connection has been taken off open_n: may free a retired endpoint, too. Safe
 * inside on_retire. */
void endpoint_closed(struct endpoint *ep);

/* -- balancers (core/balance.c), pure: an index into eps, or n when none has a weight -------------- */
size_t balance_round_robin(struct endpoint *const *eps, size_t n, int64_t total_weight);
/* Two different endpoints at random, by weight; the one with fewer active per weight. */
size_t balance_least_request(struct endpoint *const *eps, size_t n, int64_t total_weight,
                             struct random *r);

#endif
