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
 * A row keeps its index as long as its address stays, so counters by row index keep their meaning. */

#include <stdatomic.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/random.h"
#include "config/config.h"
#include "io/shm.h"

enum { ENDPOINT_NAME_MAX = 64 };

enum row_state { ROW_FREE, ROW_UP, ROW_GONE /* not in DNS any more; may be taken for another */ };

struct table_row {
    struct addr addr;
    char name[ENDPOINT_NAME_MAX]; /* NUL-terminated: the address as printed, or as configured */
    uint32_t weight;
    uint32_t state;               /* enum row_state */
    uint32_t source;              /* index of the endpoint_conf it comes from */
    uint32_t reused;              /* how often the row has changed its address */
};

/* The shared cell "cluster/NAME/table". Readers retry while the version is odd or has changed. */
struct cluster_table {
    _Atomic uint32_t version;
    uint32_t capacity;
    struct table_row rows[];
};

size_t cluster_table_size(uint32_t capacity);
/* Rows needed: static endpoints plus dns.capacity when there is a name among them. */
uint32_t cluster_table_capacity(const struct cluster_conf *conf);
/* Master, before forking: finds or makes the cell and brings the static endpoints in line with the
 * configuration; rows that came from names still configured stay. NULL with a fault when the
 * region is full. */
struct cluster_table *cluster_table_prepare(struct shm *shm, const struct cluster_conf *conf,
                                            struct faults *faults) nodiscard;
/* Replaces the rows that come from endpoint_conf `source` by these addresses; one writer at a
 * time (control process, or the master before it forks). Returns how many didn't fit. */
size_t cluster_table_set(struct cluster_table *t, uint32_t source, uint32_t weight,
                         const struct addr *addrs, size_t n);

/* -- the worker's side ------------------------------------------------------------------------ */

struct endpoint_stats;

struct endpoint {
    struct cluster *cluster;      /* borrowed */
    struct list node;             /* in cluster->retired when it left the table */
    struct addr addr;
    char name[ENDPOINT_NAME_MAX];
    uint32_t row;
    uint32_t weight;
    bool gone;                    /* no new attempts; freed when nothing is left of it */
    /* balancer */
    int64_t current;              /* smooth round robin */
    uint32_t active;              /* attempts in flight on this worker */
    /* pool: upstream/pool.c */
    struct list idle;             /* of struct origin, most recently used first */
    uint32_t idle_n, open_n;
    struct endpoint_stats *stats; /* shared; this process's column */
};

struct cluster {
    const struct cluster_conf *conf;
    const struct cluster_table *table;
    uint32_t seen;                /* version that `endpoints` was made from */
    struct endpoint **endpoints;  /* in use, n of them */
    size_t n, cap;
    int64_t total_weight;
    struct list retired;
    struct endpoint_stats *stats; /* shared column of this process, by row */
    /* Called before a retired endpoint is freed or when it retires: the pool closes what is idle. */
    void (*on_retire)(struct endpoint *ep);
};

void cluster_init(struct cluster *cl, const struct cluster_conf *conf,
                  const struct cluster_table *table, struct endpoint_stats *stats,
                  void (*on_retire)(struct endpoint *ep));
void cluster_fini(struct cluster *cl);
/* The endpoint for the next attempt, or NULL when there is none with a weight. Looks first whether
 * the table has changed. */
struct endpoint *cluster_pick(struct cluster *cl, struct random *r) nodiscard;
/* An attempt begins, ends: counts `active`. endpoint_release may free a retired endpoint when
 * nothing is active, idle or open any more. */
void endpoint_acquire(struct endpoint *ep);
void endpoint_release(struct endpoint *ep);

/* -- balancers (core/balance.c), pure: an index into eps, or n when none has a weight -------------- */
size_t balance_round_robin(struct endpoint *const *eps, size_t n, int64_t total_weight);
/* Two different endpoints at random, by weight; the one with fewer active per weight. */
size_t balance_least_request(struct endpoint *const *eps, size_t n, int64_t total_weight,
                             struct random *r);

#endif
