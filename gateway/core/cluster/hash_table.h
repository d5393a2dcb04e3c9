/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_HASH_TABLE_H
#define WEIR_CORE_HASH_TABLE_H

/* Consistent hashing: a table that gives a key the same member every time, in every process, and
 * gives few keys another one when the members change.
 *
 *   ring     each member has points on a circle, as many as its weight asks for; a key belongs to the
 *            next point (Karger et al., STOC 1997). Members that come or go move only keys of their own
 *   Maglev   each member fills the places of a table in an order of its own, in turn (Eisenbud et al.,
 *            NSDI 2016). One step to look up, and more even; others' keys move a little, too
 *
 * Both are walked alike: from the key's entry onwards. Who passes over a member gives its keys, and
 * no others, to those that follow it: so a member that is out for a while needs no new table. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum hash_kind { HASH_RING, HASH_MAGLEV };

struct hash_member {
    uint64_t owner;  /* by its name: cluster_owner() */
    uint32_t weight; /* 0: has no part */
};

struct hash_entry;
struct hash_table {
    enum hash_kind kind;
    size_t n;                   /* entries; 0: nobody has a weight */
    struct hash_entry *points;  /* of a ring, sorted by hash */
    uint32_t *places;           /* of Maglev: the member's index */
};

struct hash_sizes {
    size_t ring_min, ring_max;  /* points; what members want lies between */
    size_t places;              /* of Maglev's table: a prime */
};

/* Zeroed to begin with; what it was is freed. */
void hash_table_make(struct hash_table *t, enum hash_kind kind, const struct hash_sizes *sizes,
                     const struct hash_member *members, size_t n);
void hash_table_fini(struct hash_table *t);
/* Where the key lies. There must be entries. */
size_t hash_table_at(const struct hash_table *t, uint64_t hash);
/* The index of the member there. */
uint32_t hash_table_member(const struct hash_table *t, size_t at);
static inline size_t hash_table_next(const struct hash_table *t, size_t at)
{
    return at + 1 < t->n ? at + 1 : 0;
}

/* Of keys; the same in every process and every instance. */
uint64_t hash_key(struct slice key);
/* Another number that depends on nothing but these. */
uint64_t hash_mix(uint64_t a, uint64_t b);

#endif
