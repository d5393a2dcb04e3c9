/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint table of a cluster, in shared memory: one writer at a time, any number of readers
 * that never wait.
 *
 *     version even   the rows are whole
 *     version odd    somebody is writing; readers keep what they had
 *
 * Words are stored one by one with relaxed atomics between the two changes of the version, so a
 * reader that saw the same even version before and after its copy has a copy of one moment.
 *
 * Writers may die in the middle (kill -9 of the control process). The lock is robust, so the next
 * one gets it and closes the version; and a row is only ROW_UP while everything else in it is
 * whole, so what the dead one left is at worst an address too few.
 *
 *     FREE ──► UP ◄──► GONE        GONE keeps its address, so that one that comes back finds its
 *                                  row; it is taken for another address when no FREE one is left */

#include "core/cluster/cluster.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fault.h"

enum {
    CAPACITY_STEP = 16,
    LOCK_WAIT_S = 1, /* a change takes microseconds: whoever holds it longer is stopped */
    READ_TRIES = 1000,
};

_Static_assert(sizeof(struct table_row) % 8 == 0, "rows are copied in words");

/* The cell "cluster/NAME/latest". */
struct latest {
    uint64_t signature;
};

struct writer {
    struct cluster_table *t;
    bool writing; /* the version is odd */
    struct table_change change;
};

static bool writer_begin(struct writer *w, struct cluster_table *t);
static void writer_end(struct writer *w);
static void writer_touch(struct writer *w);
static struct cluster_table *find_latest(struct shm *shm, const struct cluster_conf *conf,
                                         const struct latest *latest);
static void table_init(struct cluster_table *t, uint32_t capacity);
static void adopt_rows(struct writer *w, const struct cluster_conf *conf,
                       struct cluster_table *old);
static void set_statics(struct writer *w, const struct cluster_conf *conf);
static void set_source(struct writer *w, const struct table_row *model, const struct addr *addrs,
                       size_t n);
static void fill_row(struct writer *w, struct table_row *row, const struct table_row *model,
                     const struct addr *addr);
static struct table_row *find_row(struct cluster_table *t, uint64_t source,
                                  const struct addr *addr);
static struct table_row *take_row(struct cluster_table *t);
static void row_up(struct writer *w, struct table_row *row, uint32_t weight);
static void row_gone(struct writer *w, struct table_row *row);
static void row_store(struct writer *w, struct table_row *row, const struct table_row *from);

/* -- sizes and names ------------------------------------------------------------------------ */

size_t cluster_table_size(uint32_t capacity)
{
    return sizeof(struct cluster_table) + capacity * sizeof(struct table_row);
}

uint64_t cluster_endpoints_max(const struct cluster_conf *conf)
{
    uint64_t n = 0;
    bool names = false;
    for (size_t i = 0; i < conf->endpoints_n; i++)
        if (conf->endpoints[i].addr.len)
            n++;
        else
            names = true;
    return names ? n + (uint64_t)conf->dns.capacity : n;
}

uint32_t cluster_table_capacity(const struct cluster_conf *conf)
{
    const uint64_t n = (cluster_endpoints_max(conf) / CAPACITY_STEP + 1) * CAPACITY_STEP;
    must(n < UINT32_MAX);
    return (uint32_t)n;
}

/* FNV-1a: unlike slice_hash it is the same in every process. What is hashed comes from the
 * configuration, not from a peer. */
static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const unsigned char *)p)[i]) * 0x100000001b3;
    return h;
}

static const uint64_t hash_start = 0xcbf29ce484222325;

uint64_t cluster_source(const struct endpoint_conf *ep)
{
    uint64_t h = hash_start;
    for (size_t i = 0; i < ep->address.n; i++) {
        char c = ascii_lower(ep->address.p[i]);
        h = hash_bytes(h, &c, 1);
    }
    return h;
}

uint64_t cluster_owner(struct slice name)
{
    const uint64_t h = hash_bytes(hash_start, name.p, name.n);
    return h ? h : 1;
}

/* Of everything that decides which rows a table has. */
static uint64_t conf_signature(const struct cluster_conf *conf)
{
    uint64_t h = hash_bytes(hash_start, &conf->dns.capacity, sizeof conf->dns.capacity);
    for (size_t i = 0; i < conf->endpoints_n; i++) {
        const struct endpoint_conf *ep = &conf->endpoints[i];
        uint64_t source = cluster_source(ep);
        h = hash_bytes(h, &source, sizeof source);
        h = hash_bytes(h, &ep->weight, sizeof ep->weight);
    }
    return h;
}

/* -- at load -------------------------------------------------------------------------------- */

static char *table_key(struct arena *a, const struct cluster_conf *conf, uint64_t signature)
{
    return arena_printf(a, "cluster/%.*s/table/%016" PRIx64, SLICE_ARG(conf->place.name),
                        signature);
}

struct cluster_table *cluster_table_prepare(struct shm *shm, const struct cluster_conf *conf,
                                            struct faults *faults)
{
    uint64_t signature = conf_signature(conf);
    uint32_t capacity = cluster_table_capacity(conf);
    struct arena *a = &faults->arena;
    char *latest_key = arena_printf(a, "cluster/%.*s/latest", SLICE_ARG(conf->place.name));
    struct latest *latest = shm_cell(shm, slice_str(latest_key), sizeof *latest);
    struct cluster_table *t =
        shm_cell(shm, slice_str(table_key(a, conf, signature)), cluster_table_size(capacity));
    if (!latest || !t) {
        faults_add(faults, conf->place.file, conf->place.line,
                   "no room in the shared region for the %" PRIu32
                   " endpoints of cluster %.*s; raise memory.shared and restart",
                   capacity, SLICE_ARG(conf->place.name));
        return NULL;
    }
    if (!t->capacity)
        table_init(t, capacity);
    struct cluster_table *old = find_latest(shm, conf, latest);
    struct writer w;
    /* A table that somebody else writes is in use, so its static endpoints are in it. */
    if (writer_begin(&w, t)) {
        if (old && old != t)
            adopt_rows(&w, conf, old);
        set_statics(&w, conf);
        writer_end(&w);
    }
    latest->signature = signature;
    return t;
}

static struct cluster_table *find_latest(struct shm *shm, const struct cluster_conf *conf,
                                         const struct latest *latest)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    size_t size;
    struct cluster_table *t =
        shm_find(shm, slice_str(table_key(&a, conf, latest->signature)), &size);
    arena_fini(&a);
    if (!t || !t->capacity || size != cluster_table_size(t->capacity))
        return NULL;
    return t;
}

static void table_init(struct cluster_table *t, uint32_t capacity)
{
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    must(pthread_mutex_init(&t->lock, &how) == 0);
    pthread_mutexattr_destroy(&how);
    t->capacity = capacity;
}

static bool conf_has(const struct cluster_conf *conf, uint64_t source, bool *named)
{
    for (size_t i = 0; i < conf->endpoints_n; i++)
        if (cluster_source(&conf->endpoints[i]) == source) {
            *named = conf->endpoints[i].addr.len == 0;
            return true;
        }
    return false;
}

/* Where a row of another table goes: to its own index if that is free, for the counters' sake. */
static struct table_row *place_for(struct cluster_table *t, const struct table_row *row,
                                   uint32_t at)
{
    struct table_row *there = find_row(t, row->source, &row->addr);
    if (there)
        return there;
    if (at < t->capacity && t->rows[at].state == ROW_FREE)
        return &t->rows[at];
    return row->state == ROW_UP ? take_row(t) : NULL;
}

/* The rows of a table as of one moment, or NULL. */
static struct table_row *snapshot(struct cluster_table *t)
{
    struct table_row *rows = calloc(t->capacity, sizeof *rows);
    must(rows);
    uint32_t version;
    cluster_table_mend(t);
    for (int tries = READ_TRIES; tries; tries--) {
        if (cluster_table_read(t, rows, &version))
            return rows;
        sched_yield();
    }
    free(rows);
    return NULL;
}

/* Takes over what is known in another table of this cluster. What isn't configured any more, or
 * came from names and finds no room beside the static endpoints, is ROW_GONE here. */
static void adopt_rows(struct writer *w, const struct cluster_conf *conf, struct cluster_table *old)
{
    struct table_row *rows = snapshot(old);
    uint32_t room = w->t->capacity; /* for addresses from names */
    for (size_t i = 0; i < conf->endpoints_n; i++)
        room -= conf->endpoints[i].addr.len != 0;
    for (uint32_t at = 0; rows && at < old->capacity; at++) {
        struct table_row *row = &rows[at];
        bool named = false;
        if (row->state == ROW_FREE)
            continue;
        if (!conf_has(conf, row->source, &named) || (named && row->state == ROW_UP && !room))
            row->state = ROW_GONE;
        struct table_row *place = place_for(w->t, row, at);
        if (!place || place->state == ROW_UP ||
            (place->state == ROW_GONE && row->state == ROW_GONE))
            continue;
        if (place->state == ROW_GONE && !addr_eq(&place->addr, &row->addr))
            row->reused = place->reused + 1;
        room -= named && row->state == ROW_UP;
        row_store(w, place, row);
    }
    free(rows);
}

static void set_statics(struct writer *w, const struct cluster_conf *conf)
{
    for (size_t i = 0; i < conf->endpoints_n; i++) {
        const struct endpoint_conf *ep = &conf->endpoints[i];
        if (!ep->addr.len)
            continue;
        struct table_row model = {.source = cluster_source(ep), .weight = (uint32_t)ep->weight};
        snprintf(model.name, sizeof model.name, "%.*s", SLICE_ARG(ep->address));
        set_source(w, &model, &ep->addr, 1);
    }
    must(!w->change.dropped);
}

/* -- at run time ---------------------------------------------------------------------------- */

struct table_change cluster_table_set(struct cluster_table *t, uint64_t source, uint32_t weight,
                                      const struct addr *addrs, size_t n)
{
    struct writer w;
    if (!writer_begin(&w, t))
        return (struct table_change){.busy = true};
    struct table_row model = {.source = source, .weight = weight};
    set_source(&w, &model, addrs, n);
    writer_end(&w);
    return w.change;
}

void cluster_table_mend(struct cluster_table *t)
{
    struct writer w;
    if (writer_begin(&w, t))
        writer_end(&w);
}

static bool addr_among(const struct addr *addr, const struct addr *addrs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (addr_eq(addr, &addrs[i]))
            return true;
    return false;
}

/* `model` has what all rows of the source have in common; without a name they get their address
 * as their name. Rows are first marked gone, then those that stay or come back are found, and only
 * then may the others take rows: so no address takes one that another of them still knows. */
static void set_source(struct writer *w, const struct table_row *model, const struct addr *addrs,
                       size_t n)
{
    struct cluster_table *t = w->t;
    for (uint32_t at = 0; at < t->capacity; at++) {
        struct table_row *row = &t->rows[at];
        if (row->state == ROW_UP && row->source == model->source &&
            !addr_among(&row->addr, addrs, n))
            row_gone(w, row);
    }
    for (size_t i = 0; i < n; i++) {
        struct table_row *row = find_row(t, model->source, &addrs[i]);
        if (row)
            row_up(w, row, model->weight);
    }
    for (size_t i = 0; i < n; i++) {
        if (find_row(t, model->source, &addrs[i]))
            continue;
        struct table_row *row = take_row(t);
        if (row)
            fill_row(w, row, model, &addrs[i]);
        else
            w->change.dropped++;
    }
}

static void fill_row(struct writer *w, struct table_row *row, const struct table_row *model,
                     const struct addr *addr)
{
    struct table_row next = *model;
    next.addr = *addr;
    next.state = ROW_UP;
    next.reused = row->reused + (row->state == ROW_GONE);
    if (!next.name[0]) {
        char text[ADDR_TEXT_MAX];
        addr_print(addr, text);
        snprintf(next.name, sizeof next.name, "%.*s", (int)sizeof next.name - 1, text);
    }
    row_store(w, row, &next);
    w->change.added++;
}

static struct table_row *find_row(struct cluster_table *t, uint64_t source, const struct addr *addr)
{
    for (uint32_t at = 0; at < t->capacity; at++) {
        struct table_row *row = &t->rows[at];
        if (row->state != ROW_FREE && row->source == source && addr_eq(&row->addr, addr))
            return row;
    }
    return NULL;
}

static struct table_row *take_row(struct cluster_table *t)
{
    struct table_row *oldest = NULL;
    for (uint32_t at = 0; at < t->capacity; at++) {
        struct table_row *row = &t->rows[at];
        if (row->state == ROW_FREE)
            return row;
        if (row->state == ROW_GONE && (!oldest || (int32_t)(row->gone_at - oldest->gone_at) < 0))
            oldest = row;
    }
    return oldest;
}

/* -- the sequence lock ---------------------------------------------------------------------- */

static bool writer_begin(struct writer *w, struct cluster_table *t)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOCK_WAIT_S;
    int err = pthread_mutex_clocklock(&t->lock, CLOCK_MONOTONIC, &until);
    if (err == EOWNERDEAD)
        err = pthread_mutex_consistent(&t->lock);
    if (err)
        return false;
    *w = (struct writer){.t = t};
    w->writing = atomic_load_explicit(&t->version, memory_order_relaxed) & 1; /* a dead one's */
    return true;
}

static void writer_end(struct writer *w)
{
    struct cluster_table *t = w->t;
    if (w->writing) {
        uint32_t version = atomic_load_explicit(&t->version, memory_order_relaxed);
        atomic_store_explicit(&t->version, version + 1, memory_order_release);
    }
    pthread_mutex_unlock(&t->lock);
}

/* Before the first store into a row. */
static void writer_touch(struct writer *w)
{
    if (w->writing)
        return;
    w->writing = true;
    uint32_t version = atomic_load_explicit(&w->t->version, memory_order_relaxed);
    atomic_store_explicit(&w->t->version, version + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void put32(uint32_t *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static void row_up(struct writer *w, struct table_row *row, uint32_t weight)
{
    if (row->state == ROW_UP && row->weight == weight)
        return;
    writer_touch(w);
    w->change.added += row->state != ROW_UP;
    put32(&row->weight, weight);
    put32(&row->state, ROW_UP);
}

static void row_gone(struct writer *w, struct table_row *row)
{
    writer_touch(w);
    put32(&row->gone_at, atomic_load_explicit(&w->t->version, memory_order_relaxed));
    put32(&row->state, ROW_GONE);
    w->change.removed++;
}

/* The state goes last, so that a writer who dies here leaves a row that nobody uses. */
static void row_store(struct writer *w, struct table_row *row, const struct table_row *from)
{
    struct table_row next = *from;
    next.state = ROW_GONE;
    writer_touch(w);
    put32(&row->state, ROW_GONE);
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < sizeof next / 8; i++)
        __atomic_store_n((uint64_t *)row + i, ((uint64_t *)&next)[i], __ATOMIC_RELAXED);
    put32(&row->state, from->state);
}

bool cluster_table_read(const struct cluster_table *t, struct table_row *rows, uint32_t *version)
{
    *version = atomic_load_explicit(&t->version, memory_order_acquire);
    if (*version & 1)
        return false;
    const uint64_t *from = (const uint64_t *)t->rows;
    uint64_t *to = (uint64_t *)rows;
    for (size_t i = 0; i < t->capacity * (sizeof *rows / 8); i++)
        to[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&t->version, memory_order_relaxed) == *version;
}

size_t cluster_table_count(const struct cluster_table *t, uint64_t source)
{
    size_t n = 0;
    for (uint32_t at = 0; at < t->capacity; at++) {
        const struct table_row *row = &t->rows[at];
        n += __atomic_load_n(&row->state, __ATOMIC_ACQUIRE) == ROW_UP &&
             __atomic_load_n(&row->source, __ATOMIC_RELAXED) == source;
    }
    return n;
}
