/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: what a process leaves behind when it dies, however it dies, is put in order here. */
#include "process/slots.h"

#include <stdio.h>

#include "base/fault.h"
#include "core/log/live_log.h"
#include "core/log/recent.h"
#include "io/shm.h"

int slots_take(struct slots *s)
{
    for (int i = 0; i < STATS_SLOTS_MAX; i++) {
        if (s->taken[i])
            continue;
        s->taken[i] = true;
        if ((uint64_t)i >= atomic_load(&s->board->slots))
            atomic_store(&s->board->slots, (uint64_t)i + 1);
        return i;
    }
    return -1;
}

void slots_give(struct slots *s, int slot)
{
    if (slot >= 0)
        s->taken[slot] = false;
}

void slots_inherit(struct slots *s, const bool *taken)
{
    for (int i = 0; i < STATS_SLOTS_MAX; i++)
        s->taken[i] = s->taken[i] || taken[i];
}

void slots_inherited_end(struct slots *s, const bool *taken, const struct generation *g,
                         struct shm *shm)
{
    for (int i = 0; i < STATS_SLOTS_MAX; i++) {
        if (!taken[i])
            continue;
        slot_bury(g, shm, i);
        s->taken[i] = false;
    }
}

void slots_bury_strangers(const struct slots *s, const struct generation *g, struct shm *shm)
{
    const int used = (int)atomic_load(&s->board->slots);
    for (int i = 0; i < used; i++)
        if (!s->taken[i])
            slot_bury(g, shm, i);
}

/* Pages that nobody writes to cost nothing: only who is looked at has them. */
static struct live_ring *live_ring(struct shm *shm, int slot)
{
    char key[32];
    const int n = snprintf(key, sizeof key, "log/live/%d", slot);
    return shm_cell(shm, slice_of(key, (size_t)n), sizeof(struct live_ring));
}

bool slot_bind(struct slot_cells *sc, const struct generation *g, struct shm *shm, int slot,
               struct faults *faults)
{
    *sc = (struct slot_cells){.stats = stats_bind(g, shm, (unsigned)slot, faults)};
    if (!sc->stats)
        return false;
    sc->mirrors = sc->stats->mirrors;
    sc->live = live_ring(shm, slot);
    if (sc->live)
        return true;
    slot_unbind(sc);
    faults_add(faults, NULL, 0,
               "no room for the live log in shared memory: raise memory.shared, which is read when "
               "the gateway starts");
    return false;
}

void slot_remember(struct slot_cells *sc, const struct generation *g, struct shm *shm, int slot)
{
    const uint64_t n = (uint64_t)g->config->log.recent;
    const struct shm_usage used = shm_usage(shm);
    if (!n)
        return;
    if (recent_ring_find(shm, (unsigned)slot, n) ||
        used.bytes + recent_ring_size(n) <= used.limit / 2)
        sc->recent = recent_ring_make(shm, (unsigned)slot, n);
}

void slot_unbind(struct slot_cells *sc)
{
    stats_free(sc->stats);
    *sc = (struct slot_cells){0};
}

void slot_bury(const struct generation *g, struct shm *shm, int slot)
{
    stats_slot_dead(g, shm, (unsigned)slot);
}
