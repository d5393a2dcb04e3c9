/* SPDX-License-Identifier: Apache-2.0 */
/* What a module keeps per endpoint, by slot:
 *
 *     made │ marks[capacity]: owner, withheld, guarded │ data[capacity], each on lines of its own
 *
 * An element says itself whose it is. So one that belongs to an endpoint which has lost its slot
 * while this array was not there to be told is found, and zeroed, at the next load. What a module
 * withholds lies here and not in the slot: when the module goes, so does its verdict. */

#include "core/endpoint_cell.h"

#include <inttypes.h>

#include "base/arena.h"
#include "io/shm.h"

enum { LINE = 64 };

struct array_head {
    _Alignas(LINE) uint64_t made; /* its content counts: it began empty, or as a copy */
};

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
    return sizeof(struct array_head) + marks_size(capacity) + capacity * round_up(size);
}

static void lay_out(struct weir_endpoint_cells *a, void *memory, struct endpoint_cell *cell,
                    size_t size)
{
    char *p = (char *)memory + sizeof(struct array_head);
    *a = (struct weir_endpoint_cells){
        .next = a->next,
        .cell = cell,
        .marks = (struct endpoint_mark *)p,
        .data = p + marks_size(cell->capacity),
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

static char *array_key(struct arena *scratch, struct slice key, size_t size, uint64_t capacity)
{
    return arena_printf(scratch, "%.*s/%zu/%" PRIu64, SLICE_ARG(key), size, capacity);
}

/* Others may be using what is copied: each word is one that was there at some moment. */
static void copy_words(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] = __atomic_load_n((const uint64_t *)from + i, __ATOMIC_RELAXED);
}

static void copy_from(struct weir_endpoint_cells *a, struct shm *shm, struct slice key,
                      uint64_t capacity, struct arena *scratch)
{
    struct endpoint_cell smaller = {.capacity = (uint32_t)capacity};
    struct weir_endpoint_cells old = {0};
    size_t size;
    char *memory = shm_find(shm, slice_str(array_key(scratch, key, a->size, capacity)), &size);
    if (!memory || size != array_size(smaller.capacity, a->size))
        return;
    lay_out(&old, memory, &smaller, a->size);
    copy_words(a->marks, old.marks, capacity * sizeof *a->marks);
    copy_words(a->data, old.data, capacity * a->stride);
}

/* The cell "KEY/latest" says for how many slots the array was made last. */
bool endpoint_array_prepare(struct weir_endpoint_cells *a, struct shm *shm, struct slice key,
                            struct endpoint_cell *cell, size_t size, struct arena *scratch)
{
    const uint32_t capacity = cell->capacity;
    char *memory = shm_cell(shm, slice_str(array_key(scratch, key, size, capacity)),
                            array_size(capacity, size));
    uint64_t *latest = shm_cell(
        shm, slice_str(arena_printf(scratch, "%.*s/%zu/latest", SLICE_ARG(key), size)), sizeof *latest);
    if (!memory || !latest)
        return false;
    struct array_head *head = (struct array_head *)memory;
    lay_out(a, memory, cell, size);
    if (!head->made && *latest && *latest < capacity)
        copy_from(a, shm, key, *latest, scratch);
    head->made = true;
    *latest = capacity;
    const bool locked = endpoint_cell_lock(cell);
    for (uint32_t i = 0; i < capacity; i++) {
        const uint64_t owner = atomic_load(&cell->slots[i].owner);
        if (atomic_load(&a->marks[i].owner) != owner)
            endpoint_array_give(a, i, owner);
    }
    if (locked)
        endpoint_cell_unlock(cell);
    return true;
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
