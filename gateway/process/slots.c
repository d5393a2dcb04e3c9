/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: what a process leaves behind when it dies, however it dies, is put in order here. */
#include "process/slots.h"

#include <stdio.h>
#include <stdlib.h>

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

static struct source_mirror *mirror_cell(const struct generation *g, struct shm *shm, size_t listener,
                                         int slot, struct faults *faults)
{
    char key[300];
    const int n = snprintf(key, sizeof key, "listener/%s/sources/%d",
                           g->config->listeners[listener].name.p, slot);
    struct source_mirror *m = shm_cell(shm, slice_of(key, (size_t)n), sizeof *m);
    if (!m)
        faults_add(faults, g->config->file.p, 0,
                   "the shared region is full (memory.shared): no room for %s", key);
    return m;
}

bool slot_bind(struct slot_cells *sc, const struct generation *g, struct shm *shm, int slot,
               struct faults *faults)
{
    const size_t n = g->config->listeners_n;
    *sc = (struct slot_cells){.stats = stats_bind(g, shm, (unsigned)slot, faults)};
    if (!sc->stats)
        return false;
    sc->mirrors = calloc(n ? n : 1, sizeof *sc->mirrors);
    must(sc->mirrors);
    for (size_t i = 0; i < n; i++) {
        if (!g->sources[i])
            continue;
        sc->mirrors[i] = mirror_cell(g, shm, i, slot, faults);
        if (!sc->mirrors[i]) {
            slot_unbind(sc);
            return false;
        }
    }
    return true;
}

void slot_unbind(struct slot_cells *sc)
{
    stats_free(sc->stats);
    free(sc->mirrors);
    *sc = (struct slot_cells){0};
}

void slot_bury(struct slot_cells *sc, const struct generation *g, struct shm *shm, int slot)
{
    for (size_t i = 0; i < g->config->listeners_n; i++) {
        const uint64_t held = sc->stats->listeners[i]->active;
        atomic_fetch_sub(&g->gauges[i]->connections, held);
        if (sc->mirrors[i])
            source_dead(g->sources[i], sc->mirrors[i]);
    }
    stats_slot_dead(g, shm, (unsigned)slot);
}
