/* SPDX-License-Identifier: Apache-2.0 */
/* The hash map: open addressing with linear probing.
 *
 * An entry stands at its hash's place or in the run of full places that begins there; an empty
 * place ends every search. Removal closes the gap by moving later entries of the run back, so
 * there are no tombstones and a search never gets longer than the entries make it.
 *
 * Invariant: at most half of the places are full, so an empty one always exists. */

#include "base/map.h"

#include <stdlib.h>

enum { CAP_FIRST = 8 };

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    free(m->entries);
    map_init(m);
}

/* The entry of the key, or the empty place where it belongs. */
static struct map_entry *place(const struct map *m, struct slice key, uint64_t hash)
{
    const size_t mask = m->cap - 1;
    size_t i = hash & mask;

    while (m->entries[i].value && !(m->entries[i].hash == hash && slice_eq(m->entries[i].key, key)))
        i = (i + 1) & mask;
    return &m->entries[i];
}

static void grow(struct map *m)
{
    struct map bigger = {.n = m->n, .cap = m->cap ? m->cap * 2 : CAP_FIRST};

    must(bigger.cap > m->cap);
    bigger.entries = calloc(bigger.cap, sizeof *bigger.entries);
    must(bigger.entries);
    for (size_t i = 0; i < m->cap; i++)
        if (m->entries[i].value)
            *place(&bigger, m->entries[i].key, m->entries[i].hash) = m->entries[i];
    free(m->entries);
    *m = bigger;
}

void *map_set(struct map *m, struct slice key, void *value)
{
    must(value);
    if (m->n >= m->cap / 2)
        grow(m);
    const uint64_t hash = slice_hash(key);
    struct map_entry *e = place(m, key, hash);
    void *before = e->value;
    /* The new key also where one stood: the old one goes with its value. */
    *e = (struct map_entry){.key = key, .hash = hash, .value = value};
    m->n += !before;
    return before;
}

void *map_find(const struct map *m, struct slice key)
{
    return m->n ? place(m, key, slice_hash(key))->value : NULL;
}

void *map_remove(struct map *m, struct slice key)
{
    if (!m->n)
        return NULL;
    const size_t mask = m->cap - 1;
    struct map_entry *e = place(m, key, slice_hash(key));
    void *value = e->value;
    if (!value)
        return NULL;

    size_t gap = (size_t)(e - m->entries);
    for (size_t i = (gap + 1) & mask; m->entries[i].value; i = (i + 1) & mask) {
        /* It may move back when its own place isn't between the gap and where it stands. */
        const size_t home = m->entries[i].hash & mask;
        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        m->entries[gap] = m->entries[i];
        gap = i;
    }
    m->entries[gap] = (struct map_entry){0};
    m->n--;
    return value;
}

const struct map_entry *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        const struct map_entry *e = &m->entries[(*at)++];
        if (e->value)
            return e;
    }
    return NULL;
}
