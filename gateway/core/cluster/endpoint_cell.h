/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ENDPOINT_CELL_H
#define WEIR_CORE_ENDPOINT_CELL_H

/* What is known about the endpoints of a cluster at run time, in shared memory: who is healthy, who
 * is being drained, and how much of its weight modules leave to each.
 *
 *   cell   slots[capacity]: owner, health, flags, times       version: changes with each of them
 *   array  one per module that asked: marks[capacity] (share, guard) and data[capacity]
 *
 * A slot belongs to an endpoint by its name (cluster_owner), so it stays the same when the list of
 * endpoints changes, when DNS answers and over reloads. Slots of endpoints that are gone keep what
 * they hold until they are needed for others, the longest gone first. There are twice as many as
 * rows in the cluster's table, so an old generation keeps its own beside those of a new one.
 *
 * The master (at load) and the control process (when DNS has answered) give slots to names, one at a
 * time by the cell's lock; everybody else only looks them up. Everything else is stored by whoever
 * knows it, one word at a time, and then counts as one change: workers look at the version with
 * each pick and make their weights anew when it differs.
 *
 * A cell never shrinks; one that has become too small is followed by a larger one, which begins as
 * a copy of the one in use. Processes of an older generation go on with the old one. */

#include <pthread.h>
#include <stdatomic.h>

#include "base/slice.h"
#include "config/config.h"

struct arena;
struct cluster_table;
struct faults;
struct shm;

#define NO_SLOT UINT32_MAX
enum { SHARE_ALL = 1000000 };

/* PENDING: as UNKNOWN, and where the cluster has health.initial = "down" it is to get nothing until
 * it has passed a check. */
enum endpoint_health { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN, HEALTH_PENDING };
/* What an endpoint has said of itself, for a time. */
enum endpoint_word { WORD_OK, WORD_DEGRADED, WORD_DRAIN };

struct endpoint_slot {
    _Alignas(64) _Atomic uint64_t owner; /* 0: nobody's */
    _Atomic uint64_t joined_us;          /* when it came or came back; 0: was there from the start */
    _Atomic uint64_t degraded_until_us;  /* monotonic; 0: it isn't */
    _Atomic uint64_t draining_until_us;
    _Atomic uint64_t weighed;            /* an operator's weight, and the file's at that time, in one
                                            word: endpoint_base_weight(). 0: none */
    _Atomic uint32_t health;             /* enum endpoint_health */
    _Atomic uint32_t drained;            /* by an operator */
    _Atomic uint32_t passed;             /* health checks in a row */
    uint32_t used;                       /* turn in which it was last in use; under the lock */
};

struct endpoint_cell {
    _Atomic uint32_t version;
    uint32_t capacity;
    uint32_t turn;                       /* of giving slots; under the lock */
    pthread_mutex_t lock;                /* robust, shared by processes */
    struct endpoint_slot slots[];
};

/* The shared cell "cluster/NAME/shared": what concerns the cluster as a whole. */
struct cluster_shared {
    _Atomic uint64_t capacity;           /* of the endpoint cell in use; 0: none was yet */
    _Atomic uint64_t connections;        /* open, over all processes */
    _Atomic uint32_t trouble;            /* a breaker of it is not closed */
    _Atomic uint32_t panic;              /* so few are healthy that all are used; who last weighed */
};

/* What a module keeps per slot. The shared part is the cell "MODULE.../endpoints/...". */
struct endpoint_mark {
    _Atomic uint64_t owner;              /* whose mark and data these are */
    _Atomic uint32_t withheld;           /* millionths of the weight */
    _Atomic uint32_t guarded;
};
struct weir_endpoint_cells {
    struct weir_endpoint_cells *next;    /* of the same cluster, in the generation's arena */
    struct endpoint_cell *cell;
    struct endpoint_mark *marks;
    char *data;
    size_t size, stride;
};

/* -- slots ------------------------------------------------------------------------------------- */

/* Slots for a table of so many rows. */
uint32_t endpoint_cell_capacity(uint32_t rows);
size_t endpoint_cell_size(uint32_t capacity);
/* Master: finds or makes "cluster/NAME/slots/CAPACITY". NULL with a fault when there is no room. */
struct endpoint_cell *endpoint_cell_prepare(struct shm *shm, const struct cluster_conf *conf,
                                            uint32_t rows, const struct cluster_shared *shared,
                                            struct faults *faults) nodiscard;
/* A process that uses the cell begins: the next one is a copy of this. A load that fails leaves a
 * cell behind that was never used, and is copied into again. */
void endpoint_cell_use(const struct endpoint_cell *cell, struct cluster_shared *shared);
/* For tests, and checks without shared memory. */
void endpoint_cell_init(struct endpoint_cell *cell, uint32_t capacity);
/* Master, control process: every endpoint that the table has gets a slot, with elements that are
 * zero in all of `arrays` when it is new, and the health that `conf` begins with. True when one
 * did. `arrays` may be NULL. */
bool endpoint_cell_follow(struct endpoint_cell *cell, const struct cluster_conf *conf,
                          const struct cluster_table *t, const struct weir_endpoint_cells *arrays,
                          uint64_t now_us);
/* NO_SLOT: it has none. */
uint32_t endpoint_cell_find(const struct endpoint_cell *cell, struct slice name);

/* Any process. All are harmless for a slot out of range, and count as a change only when they are
 * one. One that comes up after it was down joins anew; so does one whose first check was awaited,
 * unless it was there from the start. */
void endpoint_health_set(struct endpoint_cell *cell, uint32_t slot, enum endpoint_health health,
                         uint64_t now_us);
void endpoint_drain_set(struct endpoint_cell *cell, uint32_t slot, bool on);
/* A weight instead of the configured one, which stands as long as the configuration says the same
 * as now; the configured one itself: none any more. */
void endpoint_weight_set(struct endpoint_cell *cell, uint32_t slot, uint32_t weight,
                         uint32_t configured);
/* What is in force. */
uint32_t endpoint_base_weight(const struct endpoint_cell *cell, uint32_t slot, uint32_t configured);
/* Forgets a weight that was set when another one was configured, and returns it; 0: there was none,
 * or another process has done it. */
uint32_t endpoint_weight_forget(struct endpoint_cell *cell, uint32_t slot, uint32_t configured);
/* Until then, rounded up to a second, so that one who says it with each response isn't a change each
 * time; what it said before is forgotten. */
void endpoint_word_set(struct endpoint_cell *cell, uint32_t slot, enum endpoint_word word,
                       uint64_t until_us);
/* Nobody picks by that: it is no change. */
void endpoint_passed_set(struct endpoint_cell *cell, uint32_t slot, uint32_t in_a_row);
uint32_t endpoint_passed(const struct endpoint_cell *cell, uint32_t slot);
enum endpoint_health endpoint_health(const struct endpoint_cell *cell, uint32_t slot);
/* By the operator, or by its own word. */
bool endpoint_draining(const struct endpoint_cell *cell, uint32_t slot, uint64_t now_us);
bool endpoint_degraded(const struct endpoint_cell *cell, uint32_t slot, uint64_t now_us);

/* -- arrays of modules (core/cluster/endpoint_array.c) ----------------------------------------- */

/* Master: finds or makes the array of this key ("module/outlier/cluster/web/endpoints/state"). When
 * the cell has grown beyond the one in use, it begins as a copy of the one for that. False: no room. */
bool endpoint_array_prepare(struct weir_endpoint_cells *a, struct shm *shm, struct slice key,
                            struct endpoint_cell *cell, const struct cluster_shared *shared,
                            size_t size) nodiscard;
/* Without shared memory: in `arena`. */
void endpoint_array_local(struct weir_endpoint_cells *a, struct arena *arena,
                          struct endpoint_cell *cell, size_t size);
/* Under the cell's lock: the element is the new owner's, and zero. */
void endpoint_array_give(const struct weir_endpoint_cells *a, uint32_t slot, uint64_t owner);
/* NULL: out of range. */
void *endpoint_array_at(const struct weir_endpoint_cells *a, uint32_t slot);
void endpoint_share_set(const struct weir_endpoint_cells *a, uint32_t slot, uint32_t millionths);
void endpoint_guard_set(const struct weir_endpoint_cells *a, uint32_t slot, bool on);
/* The smallest share that any of the arrays leaves it. */
uint32_t endpoint_share(const struct weir_endpoint_cells *arrays, uint32_t slot);
bool endpoint_guarded(const struct weir_endpoint_cells *arrays, uint32_t slot);

/* A change that isn't made by one of the functions above. */
static inline void endpoint_cell_touch(struct endpoint_cell *cell)
{
    atomic_fetch_add_explicit(&cell->version, 1, memory_order_release);
}
/* One at a time; False: somebody has held it for long. */
bool endpoint_cell_lock(struct endpoint_cell *cell) nodiscard;
void endpoint_cell_unlock(struct endpoint_cell *cell);

#endif
