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
#include "core/cluster/endpoint_cell.h"
#include "core/cluster/hash_table.h"
#include "core/stats/stats.h"
#include "core/cluster/weights.h"
#include "io/shm.h"
#include "io/tls.h"

enum { ENDPOINT_NAME_MAX = 64 };

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
/* How many endpoints it can have: those listed, and dns.capacity where names are looked up. */
uint64_t cluster_endpoints_max(const struct cluster_conf *conf);
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
    uint32_t base;                /* weight in force: an operator's, or the configured one */
    uint32_t weight;              /* what is left of it, in 1/WEIGHT_ONE: core/cluster/weights.h */
    uint32_t zone;                /* as in struct weight_facts */
    uint8_t group;                /* in cluster->groups; GROUP_NONE */
    bool guarded;                 /* modules that guard want to be asked */
    bool gone;                    /* no new attempts; freed when nothing is left of it */
    const struct endpoint_conf *conf; /* borrowed: where its row comes from; NULL: not known */
    /* balancer */
    int64_t current;              /* smooth round robin */
    uint32_t active;              /* attempts in flight on this worker */
    uint64_t asked, walked;       /* cluster.round in which it was asked about, was come across */
    double ewma_us;               /* peak EWMA: what attempts took, as of ewma_at_us */
    uint64_t ewma_at_us;          /* 0: none has ended yet */
    bool ewma_bad;                /* the last one was no good */
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

/* What the time that an attempt took says about its endpoint. */
enum took {
    TOOK_WELL,
    TOOK_LONGER,  /* it was given up: it would have taken longer */
    TOOK_TO_ERR,  /* the response is a server error, which may be quicker than a good one */
    TOOK_TO_FAIL, /* there is none, or not all of it, whoever is to blame */
};

/* Endpoints of which one is picked by the balancer. */
struct pick_group {
    struct endpoint **endpoints;  /* in cluster->grouped; all have a weight */
    size_t n;
    int64_t total_weight;
    uint32_t upto;                /* millionths of the picks: this group's and those before it */
};

struct cluster {
    const struct cluster_conf *conf;
    const struct cluster_table *table;
    struct endpoint_cell *cell;   /* borrowed; never NULL */
    struct cluster_shared *shared; /* borrowed; NULL: none */
    const struct weir_endpoint_cells *arrays; /* borrowed: of modules; NULL: none */
    const uint64_t *now_us;       /* borrowed: the loop's clock */
    struct slice zone;            /* borrowed: the gateway's own; empty: none */
    uint32_t seen;                /* version that `endpoints` was made from; odd: none yet */
    uint32_t cell_seen;           /* version of the cell that the weights were made from */
    uint64_t due_us;              /* when the weights change by themselves; UINT64_MAX: never */
    struct endpoint **endpoints;  /* in use, n of them */
    size_t n, cap;
    struct endpoint **grouped;    /* the same, group after group */
    struct pick_group *groups;    /* groups_n of them; owned */
    size_t groups_n;
    bool panic;                   /* too few are healthy: all are used */
    bool fresh;                   /* the round has not begun yet */
    bool picking;                 /* hooks are being asked: endpoints and groups stay as they are */
    uint64_t round;               /* counts picks with conditions */
    struct hash_table table_of_keys; /* of hashing balancers; made when it is needed */
    bool keys_stale;              /* ... because members or their weights have changed */
    struct list retired;
    struct endpoint_stats *stats; /* shared column of this process, by row */
    bool checks;                  /* of health checks: no request goes here, and who asks tells */
    uint16_t port;                /* where connections go instead of the endpoints' own; 0: there */
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
struct cluster_surroundings {
    struct endpoint_cell *cell;   /* NULL: there is none */
    struct cluster_shared *shared; /* likewise */
    const struct weir_endpoint_cells *arrays;
    const uint64_t *now_us;
    struct slice zone;
};
void cluster_join(struct cluster *cl, const struct cluster_surroundings *s);
/* The endpoint for the next attempt, or NULL when there is none with a weight. Looks first whether
 * the table, or what is known about the endpoints, has changed. core/cluster/cluster_pick.c */
struct endpoint *cluster_pick(struct cluster *cl, struct random *r) nodiscard;
/* The same under conditions. Those that were tried come last: first others of the group, then of the
 * other groups. Each endpoint is asked once at most. */
struct pick_how {
    bool hashed;                  /* there is a key, for balancers that have one */
    uint64_t hash;                /* of it; hash_key() */
    bool (*tried)(void *ctx, const struct endpoint *ep); /* NULL: none was */
    bool (*ask)(void *ctx, const struct endpoint *ep);   /* may it be this one? NULL: any */
    void *ctx;
};
/* NULL with *vetoed set: `ask` refused them all. */
struct endpoint *cluster_pick_how(struct cluster *cl, struct random *r, const struct pick_how *how,
                                  bool *vetoed) nodiscard;
struct endpoint *cluster_pick_if(struct cluster *cl, struct random *r,
                                 bool (*ask)(void *ctx, const struct endpoint *ep), void *ctx,
                                 bool *vetoed) nodiscard;
/* It is to get nothing until it has passed a check (health.initial = "down"): it is new, so new
 * that it may have no slot yet. */
bool endpoint_awaits_check(const struct endpoint *ep);
/* An attempt on it has had its head, or has ended without one, after so long. */
void endpoint_took(struct endpoint *ep, uint64_t took_us, enum took how);
/* Looks whether the table, or what is known about the endpoints, has changed. */
void cluster_sync(struct cluster *cl);
void cluster_weigh(struct cluster *cl); /* core/cluster/cluster_groups.c */
static inline void cluster_follow(struct cluster *cl)
{
    const uint32_t version = atomic_load_explicit(&cl->table->version, memory_order_acquire);
    if (unlikely(version != cl->seen))
        cluster_sync(cl);
    const uint32_t known = atomic_load_explicit(&cl->cell->version, memory_order_acquire);
    if (unlikely(known != cl->cell_seen || *cl->now_us >= cl->due_us))
        cluster_weigh(cl);
}
/* Is there an endpoint with a weight? */
bool cluster_ready(struct cluster *cl);
/* An attempt begins, ends: counts `active` (the shared gauge is the attempt's own affair).
 * endpoint_release may free a retired endpoint when nothing is active, idle or open any more. */
void endpoint_acquire(struct endpoint *ep);
void endpoint_release(struct endpoint *ep);
/* To be called when a connection has been taken off open_n: may free a retired endpoint, too. Safe
 * inside on_retire. */
void endpoint_closed(struct endpoint *ep);

/* Of cluster_fini(): core/cluster/cluster_groups.c. */
void cluster_groups_fini(struct cluster *cl);

/* -- balancers (core/cluster/balance.c), pure: an index into eps, or n when none has a weight -- */
size_t balance_round_robin(struct endpoint *const *eps, size_t n, int64_t total_weight);
/* Of so many different endpoints, drawn by weight, the one with the fewest attempts in flight per
 * weight. `bias`: how much attempts count, in per cent: 0 not at all, 100 in proportion. */
struct draw {
    size_t choices;
    uint32_t bias;
};
size_t balance_least_request(struct endpoint *const *eps, size_t n, int64_t total_weight,
                             const struct draw *how, struct random *r);
/* Of two that are drawn by weight the one whose attempts are expected to take less
 * (core/cluster/balance_ewma.c). */
struct ewma {
    uint64_t now_us, decay_us;
};
size_t balance_peak_ewma(struct endpoint *const *eps, size_t n, int64_t total_weight,
                         const struct ewma *how, struct random *r);
void ewma_add(struct endpoint *ep, const struct ewma *how, uint64_t took_us, enum took it);
/* Microseconds, as of now. */
double ewma_expected(const struct endpoint *ep, const struct ewma *how);
/* Draws one by weight, without those among `skip`. There must be one with a weight. */
size_t balance_draw(struct endpoint *const *eps, size_t n, uint64_t total_weight,
                    const size_t *skip, size_t skip_n, struct random *r);
/* May it have another attempt under bounded load? (Mirrokni et al., SODA 2018) */
bool balance_has_room(const struct endpoint *ep, uint64_t active, int64_t total_weight,
                      uint32_t factor_percent);

#endif
