/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/shared.h>: shared texts, and files whose content is one. */

#include "core/module/blob.h"
#include "core/module/module.h"
#include "core/module/module_slice.h"
#include "core/module/watched_file.h"

struct weir_blob *weir_blob(struct weir_load *l, const char *name, size_t capacity)
{
    if (!capacity || capacity > BLOB_CAPACITY_MAX) {
        weir_fault(l, weir_load_place(l),
                   "%s of the module %s can't hold %zu bytes; allowed: 1 to %d", name,
                   l->module->desc->name, capacity, BLOB_CAPACITY_MAX);
        return NULL;
    }
    /* With another capacity it is another cell: the old one may be in use. */
    const char *key = arena_printf(l->arena, "%s/%zu", name, capacity);
    void *cell = weir_cell(l, key, blob_size(capacity));
    if (!cell)
        return NULL;
    struct weir_blob *b = ARENA_NEW(l->arena, struct weir_blob);
    blob_init(b, cell, capacity);
    return b;
}

bool weir_blob_publish(struct weir_blob *b, struct weir_slice text)
{
    return blob_publish(b, slice_in(text));
}

uint64_t weir_blob_version(const struct weir_blob *b)
{
    return blob_version(b);
}

size_t weir_blob_read(const struct weir_blob *b, char *to, uint64_t *version)
{
    return blob_read(b, to, version);
}

struct weir_blob *weir_file(struct weir_load *l, const struct weir_place *place,
                            struct weir_slice path, size_t capacity)
{
    const struct slice name = slice_in(path);
    const char *cell = arena_printf(l->arena, "file/%.*s", SLICE_ARG(name));
    struct weir_blob *b = weir_blob(l, cell, capacity);

    return b && file_add(l, place, name, b) ? b : NULL;
}
