/* SPDX-License-Identifier: Apache-2.0 */
/* What a module keeps per endpoint, by slot:
 *
 *     marks[capacity]: owner, withheld, guarded │ data[capacity], each on lines of its own
 *
 * An element says itself whose it is. So one that belongs to an endpoint which has lost its slot
 * while this array was not there to be told is found, and zeroed, at the next load. What a module
 * withholds lies here and not in the slot: when the module goes, so does its verdict. */

#include "core/cluster/endpoint_cell.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/text.h"
#include "io/shm.h"

enum { LINE = 64 };

static size_t round_up(size_t n)
{
    return (n + LINE - 1) / LINE * LINE;
}

static size_t marks_size(uint32_t capacity)
{
    return round_up(capacity * sizeof(struct endpoint_mark));
}

static size_t array_size(uint32_t capacity, size_t size)
{
    return marks_size(capacity) + capacity * round_up(size);
}

static void lay_out(struct weir_endpoint_cells *a, void *memory, struct endpoint_cell *cell,
                    size_t size)
{
    *a = (struct weir_endpoint_cells){
        .next = a->next,
        .cell = cell,
        .marks = memory,
        .data = (char *)memory + marks_size(cell->capacity),
        .size = size,
        .stride = round_up(size),
    };
}

void endpoint_array_local(struct weir_endpoint_cells *a, struct arena *arena,
                          struct endpoint_cell *cell, size_t size)
{
    const uintptr_t p = (uintptr_t)arena_zalloc(arena, array_size(cell->capacity, size) + LINE - 1);
    lay_out(a, (void *)((p + LINE - 1) & ~(uintptr_t)(LINE - 1)), cell, size);
}

/* Others may be using what is copied: each word is one that was there at some moment. */
static void copy_words(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] = __atomic_load_n((const uint64_t *)from + i, __ATOMIC_RELAXED);
}

/* Elements whose slot belongs to somebody else by now are zeroed. */
static void match_owners(const struct weir_endpoint_cells *a)
{
    const bool locked = endpoint_cell_lock(a->cell);
    for (uint32_t i = 0; i < a->cell->capacity; i++) {
        const uint64_t owner = atomic_load(&a->cell->slots[i].owner);
        if (atomic_load(&a->marks[i].owner) != owner)
            endpoint_array_give(a, i, owner);
    }
    if (locked)
        endpoint_cell_unlock(a->cell);
}

static struct slice array_key(struct text *t, struct slice key, size_t size, uint64_t capacity)
{
    t->n = 0;
    text_add(t, key);
    text_printf(t, "/%zu/%" PRIu64, size, capacity);
    return text_slice(t);
}

/* That of the cell in use, which is a smaller one. */
static void copy_from(struct weir_endpoint_cells *a, struct shm *shm, struct slice key,
                      uint64_t capacity)
{
    struct endpoint_cell smaller = {.capacity = (uint32_t)capacity};
    struct weir_endpoint_cells old = {0};
    size_t size;
    void *memory = shm_find(shm, key, &size);
    if (!memory || size != array_size(smaller.capacity, a->size))
        return;
    lay_out(&old, memory, &smaller, a->size);
    copy_words(a->marks, old.marks, capacity * sizeof *a->marks);
    copy_words(a->data, old.data, capacity * a->stride);
}

bool endpoint_array_prepare(struct weir_endpoint_cells *a, struct shm *shm, struct slice key,
                            struct endpoint_cell *cell, const struct cluster_shared *shared,
                            size_t size)
{
    const uint64_t in_use = atomic_load(&shared->capacity);
    struct text t;
    text_init(&t);
    void *memory = shm_cell(shm, array_key(&t, key, size, cell->capacity),
                            array_size(cell->capacity, size));
    if (memory) {
        lay_out(a, memory, cell, size);
        if (in_use && in_use < cell->capacity)
            copy_from(a, shm, array_key(&t, key, size, in_use), in_use);
        match_owners(a);
    }
    text_fini(&t);
    return memory != NULL;
}

void endpoint_array_give(const struct weir_endpoint_cells *a, uint32_t slot, uint64_t owner)
{
    struct endpoint_mark *m = &a->marks[slot];
    uint64_t *words = (uint64_t *)(a->data + slot * a->stride);
    atomic_store(&m->owner, 0);
    atomic_store(&m->withheld, 0);
    atomic_store(&m->guarded, 0);
    for (size_t i = 0; i < a->stride / sizeof *words; i++)
        __atomic_store_n(&words[i], 0, __ATOMIC_RELAXED);
    atomic_store(&m->owner, owner);
}

void *endpoint_array_at(const struct weir_endpoint_cells *a, uint32_t slot)
{
    return slot < a->cell->capacity ? a->data + slot * a->stride : NULL;
}

void endpoint_share_set(const struct weir_endpoint_cells *a, uint32_t slot, uint32_t millionths)
{
    if (slot >= a->cell->capacity)
        return;
    const uint32_t withheld = millionths < SHARE_ALL ? SHARE_ALL - millionths : 0;
    if (atomic_exchange(&a->marks[slot].withheld, withheld) != withheld)
        endpoint_cell_touch(a->cell);
}

void endpoint_guard_set(const struct weir_endpoint_cells *a, uint32_t slot, bool on)
{
    if (slot < a->cell->capacity && atomic_exchange(&a->marks[slot].guarded, on) != on)
        endpoint_cell_touch(a->cell);
}

uint32_t endpoint_share(const struct weir_endpoint_cells *arrays, uint32_t slot)
{
    uint32_t most = 0;
    for (const struct weir_endpoint_cells *a = arrays; a; a = a->next) {
        const uint32_t withheld =
            slot < a->cell->capacity ? atomic_load(&a->marks[slot].withheld) : 0;
        most = withheld > most ? withheld : most;
    }
    return SHARE_ALL - most;
}

bool endpoint_guarded(const struct weir_endpoint_cells *arrays, uint32_t slot)
{
    for (const struct weir_endpoint_cells *a = arrays; a; a = a->next)
        if (slot < a->cell->capacity && atomic_load(&a->marks[slot].guarded))
            return true;
    return false;
}
