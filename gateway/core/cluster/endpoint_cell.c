/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: who has which, and what is known about it.
 *
 *     free ──► in use ◄──► gone       gone: not in the table at the last turn; it is still found by
 *                │           │        its name, and has its state when the endpoint comes back
 *                └───────────┘
 *                 given to another name when none is free, oldest turn first
 *
 * A slot changes hands in this order: owner 0, everything else zero, the new owner. So who looks
 * it up by name meanwhile finds none, and one whose giver has died is free. */

#include "core/cluster/endpoint_cell.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/fault.h"
#include "core/cluster/cluster.h"

enum {
    SPARE = 2,       /* slots per row */
    LOCK_WAIT_S = 1, /* a turn takes microseconds: whoever holds it longer is stopped */
    READ_TRIES = 1000,
    SECOND_US = 1000000,
};

/* -- the cell ---------------------------------------------------------------------------------- */

uint32_t endpoint_cell_capacity(uint32_t rows)
{
    return rows * SPARE;
}

size_t endpoint_cell_size(uint32_t capacity)
{
    return sizeof(struct endpoint_cell) + capacity * sizeof(struct endpoint_slot);
}

void endpoint_cell_init(struct endpoint_cell *cell, uint32_t capacity)
{
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    must(pthread_mutex_init(&cell->lock, &how) == 0);
    pthread_mutexattr_destroy(&how);
    cell->capacity = capacity;
}

static char *cell_key(struct arena *a, const struct cluster_conf *conf, uint64_t capacity)
{
    return arena_printf(a, "cluster/%.*s/slots/%" PRIu64, SLICE_ARG(conf->place.name), capacity);
}

static struct endpoint_cell *find_last(struct shm *shm, const struct cluster_conf *conf,
                                       uint64_t capacity, struct arena *a)
{
    size_t size;
    if (!capacity)
        return NULL;
    struct endpoint_cell *cell = shm_find(shm, slice_str(cell_key(a, conf, capacity)), &size);
    return cell && cell->capacity == capacity ? cell : NULL;
}

static void slot_copy(struct endpoint_slot *to, const struct endpoint_slot *from)
{
    atomic_init(&to->joined_us, atomic_load(&from->joined_us));
    atomic_init(&to->degraded_until_us, atomic_load(&from->degraded_until_us));
    atomic_init(&to->draining_until_us, atomic_load(&from->draining_until_us));
    atomic_init(&to->weighed, atomic_load(&from->weighed));
    atomic_init(&to->health, atomic_load(&from->health));
    atomic_init(&to->drained, atomic_load(&from->drained));
    atomic_init(&to->passed, atomic_load(&from->passed));
    to->used = from->used;
    atomic_store(&to->owner, atomic_load(&from->owner));
}

static void copy_slots(struct endpoint_cell *to, struct endpoint_cell *from)
{
    const bool locked = endpoint_cell_lock(from);
    for (uint32_t i = 0; i < from->capacity && i < to->capacity; i++)
        slot_copy(&to->slots[i], &from->slots[i]);
    to->turn = from->turn;
    if (locked)
        endpoint_cell_unlock(from);
}

struct endpoint_cell *endpoint_cell_prepare(struct shm *shm, const struct cluster_conf *conf,
                                            uint32_t rows, const struct cluster_shared *shared,
                                            struct faults *faults)
{
    struct arena *a = &faults->arena;
    struct endpoint_cell *last = find_last(shm, conf, atomic_load(&shared->capacity), a);
    uint32_t capacity = endpoint_cell_capacity(rows);
    if (last && last->capacity > capacity)
        capacity = last->capacity;
    struct endpoint_cell *cell =
        shm_cell(shm, slice_str(cell_key(a, conf, capacity)), endpoint_cell_size(capacity));
    if (!cell) {
        faults_add(faults, conf->place.file, conf->place.line,
                   "no room in the shared region for the state of the %" PRIu32
                   " endpoints of cluster %.*s; raise memory.shared and restart",
                   capacity, SLICE_ARG(conf->place.name));
        return NULL;
    }
    if (!cell->capacity)
        endpoint_cell_init(cell, capacity);
    if (last && last != cell)
        copy_slots(cell, last);
    return cell;
}

void endpoint_cell_use(const struct endpoint_cell *cell, struct cluster_shared *shared)
{
    atomic_store(&shared->capacity, cell->capacity);
}

bool endpoint_cell_lock(struct endpoint_cell *cell)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOCK_WAIT_S;
    int err = pthread_mutex_clocklock(&cell->lock, CLOCK_MONOTONIC, &until);
    if (err == EOWNERDEAD)
        err = pthread_mutex_consistent(&cell->lock);
    return err == 0;
}

void endpoint_cell_unlock(struct endpoint_cell *cell)
{
    pthread_mutex_unlock(&cell->lock);
}

/* -- owners ------------------------------------------------------------------------------------ */

static uint32_t find_owner(const struct endpoint_cell *cell, uint64_t owner)
{
    for (uint32_t i = 0; i < cell->capacity; i++)
        if (atomic_load_explicit(&cell->slots[i].owner, memory_order_acquire) == owner)
            return i;
    return NO_SLOT;
}

uint32_t endpoint_cell_find(const struct endpoint_cell *cell, struct slice name)
{
    return find_owner(cell, cluster_owner(name));
}

/* A free one, or the one that has been gone for longest; NO_SLOT: this turn needs them all. */
static uint32_t take_slot(const struct endpoint_cell *cell)
{
    uint32_t oldest = NO_SLOT;
    for (uint32_t i = 0; i < cell->capacity; i++) {
        const struct endpoint_slot *s = &cell->slots[i];
        if (!atomic_load_explicit(&s->owner, memory_order_relaxed))
            return i;
        if (s->used == cell->turn)
            continue;
        if (oldest == NO_SLOT || (int32_t)(s->used - cell->slots[oldest].used) < 0)
            oldest = i;
    }
    return oldest;
}

/* What all slots begin with that are given in a turn. */
struct newcomer {
    enum endpoint_health health;
    const struct weir_endpoint_cells *arrays;
    uint64_t now_us;
};

static void give_slot(struct endpoint_cell *cell, uint32_t slot, uint64_t owner,
                      const struct newcomer *as)
{
    struct endpoint_slot *s = &cell->slots[slot];
    atomic_store(&s->owner, 0);
    atomic_store(&s->joined_us, as->now_us);
    atomic_store(&s->degraded_until_us, 0);
    atomic_store(&s->draining_until_us, 0);
    atomic_store(&s->weighed, 0);
    atomic_store(&s->health, (uint32_t)as->health);
    atomic_store(&s->drained, 0);
    atomic_store(&s->passed, 0);
    for (const struct weir_endpoint_cells *a = as->arrays; a; a = a->next)
        endpoint_array_give(a, slot, owner);
    atomic_store(&s->owner, owner);
}

/* Of one turn: those that have a slot are to be marked before others take any. */
static uint32_t mark(struct endpoint_cell *cell, uint64_t owner)
{
    const uint32_t slot = find_owner(cell, owner);
    if (slot != NO_SLOT)
        cell->slots[slot].used = cell->turn;
    return slot;
}

static uint32_t claim(struct endpoint_cell *cell, uint64_t owner, const struct newcomer *as)
{
    const uint32_t slot = take_slot(cell);
    if (slot == NO_SLOT)
        return NO_SLOT;
    cell->slots[slot].used = cell->turn;
    give_slot(cell, slot, owner, as);
    return slot;
}

/* What the table has now, as far as it can be read; *n of them. */
static uint64_t *owners_of(const struct cluster_table *t, size_t *n)
{
    struct table_row *rows = calloc(t->capacity, sizeof *rows);
    uint64_t *owners = calloc(t->capacity, sizeof *owners);
    uint32_t version;
    bool whole = false;
    must(rows && owners);
    for (int tries = READ_TRIES; tries && !whole; tries--)
        whole = cluster_table_read(t, rows, &version);
    *n = 0;
    for (uint32_t at = 0; whole && at < t->capacity; at++)
        if (rows[at].state == ROW_UP)
            owners[(*n)++] = cluster_owner(slice_str(rows[at].name));
    free(rows);
    return owners;
}

static enum endpoint_health initial_of(const struct cluster_conf *conf)
{
    return conf->health.initial == HEALTH_INITIAL_DOWN ? HEALTH_PENDING : HEALTH_UNKNOWN;
}

bool endpoint_cell_follow(struct endpoint_cell *cell, const struct cluster_conf *conf,
                          const struct cluster_table *t, const struct weir_endpoint_cells *arrays,
                          uint64_t now_us)
{
    struct newcomer as = {initial_of(conf), arrays, now_us};
    size_t n;
    bool changed = false;
    uint64_t *owners = owners_of(t, &n);
    if (endpoint_cell_lock(cell)) {
        if (!cell->turn++)
            as.now_us = 0; /* who is there from the start has nobody to be slower than */
        for (size_t i = 0; i < n; i++)
            if (mark(cell, owners[i]) != NO_SLOT)
                owners[i] = 0;
        for (size_t i = 0; i < n; i++) /* two names may have given the same address */
            if (owners[i] && mark(cell, owners[i]) == NO_SLOT)
                changed = claim(cell, owners[i], &as) != NO_SLOT || changed;
        if (changed)
            endpoint_cell_touch(cell);
        endpoint_cell_unlock(cell);
    }
    free(owners);
    return changed;
}

/* -- what is known ----------------------------------------------------------------------------- */

static struct endpoint_slot *slot_of(struct endpoint_cell *cell, uint32_t slot)
{
    return slot < cell->capacity ? &cell->slots[slot] : NULL;
}

static const struct endpoint_slot *look(const struct endpoint_cell *cell, uint32_t slot)
{
    return slot < cell->capacity ? &cell->slots[slot] : NULL;
}

static bool comes_up(const struct endpoint_slot *s)
{
    const uint32_t was = atomic_load(&s->health);
    return was == HEALTH_DOWN || (was == HEALTH_PENDING && atomic_load(&s->joined_us));
}

void endpoint_health_set(struct endpoint_cell *cell, uint32_t slot, enum endpoint_health health,
                         uint64_t now_us)
{
    struct endpoint_slot *s = slot_of(cell, slot);
    if (!s || atomic_load(&s->health) == (uint32_t)health)
        return;
    if (health == HEALTH_UP && comes_up(s))
        atomic_store(&s->joined_us, now_us);
    atomic_store(&s->health, (uint32_t)health);
    endpoint_cell_touch(cell);
}

void endpoint_drain_set(struct endpoint_cell *cell, uint32_t slot, bool on)
{
    struct endpoint_slot *s = slot_of(cell, slot);
    if (s && atomic_exchange(&s->drained, on) != on)
        endpoint_cell_touch(cell);
}

/* The upper half is what the file says, the lower one the weight, plus 1 so that 0 is none. */
static uint64_t pack_weight(uint32_t weight, uint32_t configured)
{
    return (uint64_t)configured << 32 | (weight + 1);
}

static bool is_weighed(uint64_t weighed, uint32_t configured)
{
    return weighed && weighed >> 32 == configured;
}

void endpoint_weight_set(struct endpoint_cell *cell, uint32_t slot, uint32_t weight,
                         uint32_t configured)
{
    struct endpoint_slot *s = slot_of(cell, slot);
    const uint64_t packed = weight == configured ? 0 : pack_weight(weight, configured);
    if (s && atomic_exchange(&s->weighed, packed) != packed)
        endpoint_cell_touch(cell);
}

uint32_t endpoint_base_weight(const struct endpoint_cell *cell, uint32_t slot, uint32_t configured)
{
    const struct endpoint_slot *s = look(cell, slot);
    const uint64_t weighed = s ? atomic_load(&s->weighed) : 0;
    return is_weighed(weighed, configured) ? (uint32_t)weighed - 1 : configured;
}

uint32_t endpoint_weight_forget(struct endpoint_cell *cell, uint32_t slot, uint32_t configured)
{
    struct endpoint_slot *s = slot_of(cell, slot);
    uint64_t weighed = s ? atomic_load(&s->weighed) : 0;
    const bool over = weighed && !is_weighed(weighed, configured) &&
                      atomic_compare_exchange_strong(&s->weighed, &weighed, 0);
    return over ? (uint32_t)weighed - 1 : 0;
}

void endpoint_word_set(struct endpoint_cell *cell, uint32_t slot, enum endpoint_word word,
                       uint64_t until_us)
{
    struct endpoint_slot *s = slot_of(cell, slot);
    if (!s)
        return;
    until_us = (until_us + SECOND_US - 1) / SECOND_US * SECOND_US;
    const uint64_t degraded = word == WORD_DEGRADED ? until_us : 0;
    const uint64_t draining = word == WORD_DRAIN ? until_us : 0;
    const bool changed = atomic_exchange(&s->degraded_until_us, degraded) != degraded;
    if (atomic_exchange(&s->draining_until_us, draining) != draining || changed)
        endpoint_cell_touch(cell);
}

void endpoint_passed_set(struct endpoint_cell *cell, uint32_t slot, uint32_t in_a_row)
{
    struct endpoint_slot *s = slot_of(cell, slot);
    if (s)
        atomic_store(&s->passed, in_a_row);
}

uint32_t endpoint_passed(const struct endpoint_cell *cell, uint32_t slot)
{
    const struct endpoint_slot *s = look(cell, slot);
    return s ? atomic_load(&s->passed) : 0;
}

enum endpoint_health endpoint_health(const struct endpoint_cell *cell, uint32_t slot)
{
    const struct endpoint_slot *s = look(cell, slot);
    return s ? (enum endpoint_health)atomic_load(&s->health) : HEALTH_UNKNOWN;
}

bool endpoint_draining(const struct endpoint_cell *cell, uint32_t slot, uint64_t now_us)
{
    const struct endpoint_slot *s = look(cell, slot);
    return s && (atomic_load(&s->drained) || atomic_load(&s->draining_until_us) > now_us);
}

bool endpoint_degraded(const struct endpoint_cell *cell, uint32_t slot, uint64_t now_us)
{
    const struct endpoint_slot *s = look(cell, slot);
    return s && atomic_load(&s->degraded_until_us) > now_us;
}
