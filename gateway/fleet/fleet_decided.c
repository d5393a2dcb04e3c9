/* SPDX-License-Identifier: Apache-2.0 */
/* Two small tables that are looked through from the front: decisions are made by people. */
#include "fleet/fleet_decided.h"

#include "base/check.h"
#include "io/shm.h"

#include <string.h>

static const struct slice cell_key =
    SLICE_INIT("fleet/decisions/1"); /* the number: of the layout */

struct fleet_decided *fleet_decided_at_load(struct shm *shm)
{
    return shm_cell(shm, cell_key, sizeof(struct fleet_decided));
}

struct fleet_decided *fleet_decided_find(const struct shm *shm)
{
    size_t size;
    struct fleet_decided *d = shm ? shm_find(shm, cell_key, &size) : NULL;
    return d && size == sizeof *d ? d : NULL;
}

static void copy(char *to, size_t max, struct slice s)
{
    must(s.n <= max);
    if (s.n)
        memcpy(to, s.p, s.n);
    to[s.n] = '\0';
}

static bool take(_Atomic uint32_t *place, uint32_t from)
{
    return atomic_compare_exchange_strong(place, &from, PLACE_WRITTEN);
}

/* -- what was followed ------------------------------------------------------------------------- */

static bool is_of(const struct fleet_followed *f, struct slice key)
{
    return atomic_load(&f->place) == PLACE_FULL && slice_eq(slice_str(f->key), key);
}

static struct fleet_followed *find(const struct fleet_decided *d, struct slice key)
{
    for (size_t i = 0; i < FLEET_DECISIONS_MAX; i++)
        if (is_of(&d->followed[i], key))
            return (struct fleet_followed *)&d->followed[i];
    return NULL;
}

/* Two processes that note the same thing for the first time at the same moment take a place each.
 */
struct fleet_moment fleet_followed(const struct fleet_decided *d, struct slice key)
{
    struct fleet_moment last = {0, 0};
    for (size_t i = 0; i < FLEET_DECISIONS_MAX; i++) {
        const struct fleet_followed *f = &d->followed[i];
        const struct fleet_moment m = {atomic_load(&f->at_ms), atomic_load(&f->id)};
        if (is_of(f, key) && fleet_moment_later(m, last))
            last = m;
    }
    return last;
}

static bool is_older(const struct fleet_followed *f, const struct fleet_followed *than)
{
    return !than || atomic_load(&f->at_ms) < atomic_load(&than->at_ms);
}

/* A free place, or else that of what was forgotten longest ago. */
static struct fleet_followed *find_place(const struct fleet_decided *d)
{
    const struct fleet_followed *oldest = NULL;
    for (size_t i = 0; i < FLEET_DECISIONS_MAX; i++) {
        const struct fleet_followed *f = &d->followed[i];
        const uint32_t place = atomic_load(&f->place);
        if (place == PLACE_FREE)
            return (struct fleet_followed *)f;
        if (place == PLACE_FULL && atomic_load(&f->forgotten) && is_older(f, oldest))
            oldest = f;
    }
    return (struct fleet_followed *)oldest;
}

bool fleet_followed_has_room(const struct fleet_decided *d, struct slice key)
{
    return find(d, key) || find_place(d);
}

static void set(struct fleet_followed *f, struct fleet_moment m, bool forgotten)
{
    atomic_store(&f->at_ms, m.at_ms);
    atomic_store(&f->id, m.id);
    atomic_store(&f->forgotten, forgotten);
}

bool fleet_followed_note(struct fleet_decided *d, struct slice key, struct fleet_moment m,
                         bool forgotten)
{
    struct fleet_followed *f = NULL;
    for (size_t i = 0; i < FLEET_DECISIONS_MAX; i++)
        if (is_of(&d->followed[i], key))
            set(f = &d->followed[i], m, forgotten);
    if (f)
        return true;
    while ((f = find_place(d)))
        if (take(&f->place, PLACE_FREE) || take(&f->place, PLACE_FULL))
            break;
    if (!f)
        return false;
    copy(f->key, DECISION_KEY_MAX, key);
    set(f, m, forgotten);
    atomic_store(&f->place, PLACE_FULL);
    return true;
}

/* -- what is to be told ------------------------------------------------------------------------ */

struct fleet_waiting *fleet_waiting_find(struct fleet_decided *d, struct slice key)
{
    for (size_t i = 0; i < FLEET_WAITING_MAX; i++) {
        struct fleet_waiting *w = &d->waiting[i];
        if (fleet_waiting_there(w) && slice_eq(slice_str(w->key), key))
            return w;
    }
    return NULL;
}

static struct fleet_waiting *find_free(struct fleet_decided *d)
{
    for (size_t i = 0; i < FLEET_WAITING_MAX; i++)
        if (atomic_load(&d->waiting[i].place) == PLACE_FREE)
            return &d->waiting[i];
    return NULL;
}

bool fleet_waiting_has_room(struct fleet_decided *d, struct slice key)
{
    return fleet_waiting_find(d, key) || find_free(d);
}

struct fleet_waiting *fleet_waiting_add(struct fleet_decided *d, const struct decision *decision,
                                        uint64_t id, uint64_t made_us, uint64_t after_ms)
{
    struct fleet_waiting *w = fleet_waiting_find(d, decision->key);
    if (w && !take(&w->place, PLACE_FULL))
        w = NULL;
    while (!w && (w = find_free(d)))
        if (!take(&w->place, PLACE_FREE))
            w = NULL;
    if (!w)
        return NULL;
    w->id = id;
    w->made_us = made_us;
    w->after_ms = after_ms;
    w->at_ms = 0;
    w->lasts_ms = decision->left_ms;
    copy(w->key, DECISION_KEY_MAX, decision->key);
    copy(w->path, DECISION_PATH_MAX, decision->path);
    copy(w->lasts, DECISION_LASTS_MAX, decision->lasts);
    copy(w->json, DECISION_JSON_MAX, decision->json);
    atomic_store(&w->place, PLACE_FULL);
    return w;
}

void fleet_waiting_done(struct fleet_waiting *w, uint64_t id)
{
    if (take(&w->place, PLACE_FULL))
        atomic_store(&w->place, w->id == id ? PLACE_FREE : PLACE_FULL);
}
