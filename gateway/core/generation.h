/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_GENERATION_H
#define WEIR_CORE_GENERATION_H

/* One loaded configuration with everything built from it. Made by the master, read by the
 * processes forked from it; nothing in it is written after the fork. What changes at run time lies
 * in shared cells that it points to. */

#include "config/config.h"
#include "core/cluster/cluster.h"
#include "core/route/route.h"
#include "core/stats/stats.h"
#include "io/tls.h"

struct budget;
struct budget_elsewhere;
struct cluster_shared;
struct endpoint_cell;
struct module_plan;
struct recent_names;
struct weir_endpoint_cells;

struct generation {
    uint64_t number;                    /* 1, 2, ... */
    struct config *config;              /* owned */
    struct arena arena;                 /* owned: what is built */
    struct router *router;
    struct cluster_table **tables;      /* by cluster index; in shared memory */
    struct endpoint_cell **cells;       /* likewise */
    struct cluster_shared **shared;     /* likewise */
    struct weir_endpoint_cells **arrays; /* by cluster index: what modules keep per endpoint */
    uint64_t *connections_max;          /* by cluster index: over all processes; 0: no limit */
    struct listener_gauge **gauges;     /* by listener index; in shared memory */
    struct tls_server **tls_servers;    /* by listener index; NULL where it has no TLS. Owned */
    struct tls_client **tls_clients;    /* by cluster index; the same */
    struct tls_client *fleet_tls;       /* for Redis; NULL: none. Owned */
    struct tls_server **admin_tls;      /* by admin listener; NULL where it has no TLS. Owned */
    struct tls_tickets *tickets;        /* in shared memory; NULL: no listener gives tickets */
    uint64_t ticket_lifetime_s;         /* the shortest of the listeners' */
    struct budget **budgets;            /* of retries, by cluster index; in shared memory */
    struct budget_elsewhere **elsewheres; /* likewise; NULL where no fleet shares the budget */
    struct source_table **sources;      /* by listener index; NULL where there is no such limit */
    struct module_plan *modules;        /* never NULL */
    const struct recent_names *names;   /* for records of requests */
};

/* Takes over `c`. NULL when there were errors; c is freed then. `shm` may be NULL for a check
 * (weir -t): no cells are made then. */
struct generation *generation_build(struct config *c, struct shm *shm, uint64_t number,
                                    struct faults *faults) nodiscard;
void generation_free(struct generation *g);
/* A fault when a route has conditions on the identity, or a cluster is balanced by it, and no module
 * establishes any: for who loads, once it has been built. */
void generation_check_identity(const struct generation *g, struct faults *faults);

/* Of generation_build() (generation_tls.c): reads certificates, keys and authorities of listeners,
 * clusters and the fleet; `shm` as there. What was made is freed by generation_free_tls(). */
void generation_build_tls(struct generation *g, struct shm *shm, struct faults *faults);
void generation_free_tls(struct generation *g);

#endif
