/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

/* A hash map from slices to pointers: open addressing, linear probing, at most half full. Keys
 * are borrowed: they must outlive their entry. Values are not NULL. */

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct map_entry {
    struct slice key;
    uint64_t hash;
    void *value; /* NULL: empty place */
};

struct map {
    struct map_entry *entries; /* owned, malloc */
    size_t n, cap;             /* cap is a power of two, or 0 */
};

void map_init(struct map *m);
void map_fini(struct map *m);
/* Replaces; returns the value that stood there, or NULL. */
void *map_set(struct map *m, struct slice key, void *value);
void *map_find(const struct map *m, struct slice key);
/* The value that was removed, or NULL. */
void *map_remove(struct map *m, struct slice key);
/* Walks in no order: start with *at = 0; NULL at the end. Nothing may change meanwhile. */
const struct map_entry *map_next(const struct map *m, size_t *at);

#endif
