/* SPDX-License-Identifier: Apache-2.0 */
#include "control/overrides/override_cell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/shm.h"

enum { LAYOUT = 1 }; /* part of the cell's name: to be raised when struct override changes */

/* Which of them is in use: admin.overrides may change with each configuration. */
struct used {
    _Atomic uint64_t most;
};
#define USED_CELL SLICE("control/overrides")

/* -- cells ------------------------------------------------------------------------------------- */

static struct slice name_of(int64_t most, char to[64])
{
    const int n = snprintf(to, 64, "control/overrides/%d/%lld", LAYOUT, (long long)most);
    return slice_of(to, (size_t)n);
}

struct override_cell *override_cell_find(const struct shm *shm, int64_t most)
{
    char name[64];
    struct override_cell *c = shm_find(shm, name_of(most, name), NULL);
    return c && c->places_n ? c : NULL;
}

/* Those before, of which there are none at a start. */
static struct override_cell *find_used(const struct shm *shm)
{
    const struct used *u = shm_find(shm, USED_CELL, NULL);
    const uint64_t most = u ? atomic_load(&u->most) : 0;
    return most ? override_cell_find(shm, (int64_t)most) : NULL;
}

bool override_cell_prepare(struct shm *shm, int64_t most, struct faults *faults)
{
    char name[64];
    const size_t n = (size_t)most + 1;
    const struct override_cell *before = find_used(shm);
    struct used *used = shm_cell(shm, USED_CELL, sizeof *used);
    struct override_cell *c =
        shm_cell(shm, name_of(most, name), sizeof *c + n * sizeof(struct override_place));
    if (!used || !c) {
        faults_add(faults, NULL, 0,
                   "there is no room for overrides in shared memory; raise "
                   "memory.shared and restart, or lower admin.overrides");
        return false;
    }
    c->places_n = n;
    if (!before || override_count(before) <= (unsigned)most)
        return true;
    faults_add(faults, NULL, 0,
               "admin.overrides is %lld, but %u are in force (weirctl overrides shows them)",
               (long long)most, override_count(before));
    return false;
}

struct override_cell *override_cell_adopt(struct shm *shm, int64_t most)
{
    struct override_cell *c = override_cell_find(shm, most), *before = find_used(shm);
    struct used *used = shm_find(shm, USED_CELL, NULL);
    struct override o, other;
    if (!c || !used)
        return NULL;
    for (size_t at = 0; before && before != c && override_next(before, false, &at, &o);) {
        if (!override_find(c, slice_str(o.key), &other) && !override_put(c, &o))
            break; /* as many as were counted when it was loaded, or somebody was very quick */
    }
    for (size_t i = 0; before && before != c && i < before->places_n; i++)
        atomic_store(&before->places[i].state, OVERRIDE_FREE);
    atomic_store(&used->most, (uint64_t)most);
    return c;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* A copy of what was there all the time. */
static bool read_place(const struct override_place *p, uint32_t state, struct override *out)
{
    const uint64_t id = atomic_load(&p->id);
    if (atomic_load(&p->state) != state)
        return false;
    *out = p->is;
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load(&p->state) == state && atomic_load(&p->id) == id && out->id == id;
}

static bool is_used(const struct override_place *p)
{
    return atomic_load(&p->state) == OVERRIDE_USED;
}

static bool is_superseded(const struct override_cell *c, const struct override *o)
{
    for (size_t i = 0; i < c->places_n; i++)
        if (is_used(&c->places[i]) && atomic_load(&c->places[i].id) > o->id &&
            strcmp(c->places[i].is.key, o->key) == 0)
            return true;
    return false;
}

bool override_next(const struct override_cell *c, bool ending, size_t *at, struct override *out)
{
    while (c && *at < c->places_n) {
        const struct override_place *p = &c->places[(*at)++];
        if (!read_place(p, ending ? OVERRIDE_ENDING : OVERRIDE_USED, out))
            continue;
        if (ending || !is_superseded(c, out))
            return true;
    }
    return false;
}

bool override_find(const struct override_cell *c, struct slice key, struct override *out)
{
    for (size_t at = 0; override_next(c, false, &at, out);)
        if (slice_eq(slice_str(out->key), key))
            return true;
    return false;
}

unsigned override_count(const struct override_cell *c)
{
    unsigned n = 0;
    for (size_t i = 0; c && i < c->places_n; i++)
        n += is_used(&c->places[i]) && !is_superseded(c, &c->places[i].is);
    return n;
}

/* -- writing ----------------------------------------------------------------------------------- */

static bool claim_free(struct override_place *p)
{
    uint32_t state = OVERRIDE_FREE;
    if (!atomic_compare_exchange_strong(&p->state, &state, OVERRIDE_WRITTEN))
        return false;
    atomic_store(&p->writer, (uint32_t)getpid());
    return true;
}

/* One that was claimed by a process that is gone. */
static bool claim_lost(struct override_place *p)
{
    uint32_t writer = atomic_load(&p->writer);
    return atomic_load(&p->state) == OVERRIDE_WRITTEN && writer && (pid_t)writer != getpid() &&
           kill((pid_t)writer, 0) != 0 && errno == ESRCH &&
           atomic_compare_exchange_strong(&p->writer, &writer, (uint32_t)getpid());
}

static struct override_place *claim(struct override_cell *c)
{
    for (size_t i = 0; i < c->places_n; i++)
        if (claim_free(&c->places[i]) || claim_lost(&c->places[i]))
            return &c->places[i];
    return NULL;
}

bool override_is_part(struct slice key, struct slice whole)
{
    return key.n > whole.n && key.p[whole.n] == '/' && slice_starts(key, whole);
}

bool override_has_room(const struct override_cell *c, struct slice key)
{
    unsigned others = 0;
    for (size_t i = 0; c && i < c->places_n; i++) {
        const uint32_t state = atomic_load(&c->places[i].state);
        const struct slice of = slice_str(c->places[i].is.key);
        if (state == OVERRIDE_USED && slice_eq(of, key))
            return true;
        others += state != OVERRIDE_FREE && !override_is_part(of, key);
    }
    return c && others + 1 < c->places_n;
}

static unsigned free_before(struct override_cell *c, struct slice key, uint64_t id)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->places_n; i++) {
        struct override_place *p = &c->places[i];
        const struct slice of = slice_str(p->is.key);
        if (!is_used(p) || atomic_load(&p->id) >= id ||
            (!slice_eq(of, key) && !override_is_part(of, key)))
            continue;
        atomic_store(&p->state, OVERRIDE_FREE);
        n++;
    }
    return n;
}

bool override_put(struct override_cell *c, struct override *o)
{
    const struct slice key = slice_str(o->key);
    struct override_place *p = override_has_room(c, key) ? claim(c) : NULL;
    if (!p) {
        atomic_fetch_add(&c->refused, 1);
        return false;
    }
    o->id = atomic_fetch_add(&c->last_id, 1) + 1;
    p->is = *o;
    atomic_store(&p->id, o->id);
    atomic_store(&p->writer, 0);
    atomic_store(&p->state, OVERRIDE_USED);
    free_before(c, key, o->id);
    return true;
}

unsigned override_remove(struct override_cell *c, struct slice key)
{
    return c ? free_before(c, key, UINT64_MAX) : 0;
}

bool override_end(struct override_cell *c, uint64_t id)
{
    for (size_t i = 0; i < c->places_n; i++) {
        uint32_t used = OVERRIDE_USED;
        if (atomic_load(&c->places[i].id) == id)
            return atomic_compare_exchange_strong(&c->places[i].state, &used, OVERRIDE_ENDING);
    }
    return false;
}

void override_forget(struct override_cell *c, uint64_t id)
{
    for (size_t i = 0; i < c->places_n; i++) {
        uint32_t ending = OVERRIDE_ENDING;
        if (atomic_load(&c->places[i].id) == id)
            (void)atomic_compare_exchange_strong(&c->places[i].state, &ending, OVERRIDE_FREE);
    }
}
