/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_BLOCK_H
#define WEIR_BASE_BLOCK_H

/* Counted 16 KiB blocks: where bytes in transit lie. The kernel reads into a block once, slices
 * of it are passed on, the kernel writes from it; the last reference puts it back into its stock.
 * One stock per worker, one thread, so counts are plain integers.
 *
 * Room is claimed by advancing `used`: bytes below it never change again, bytes behind it belong
 * to nobody. A reader that has passed a block on doesn't fill it further, so anybody who holds a
 * reference may claim the rest.
 *
 * 16 KiB is one full TLS record, and enough for every request head that the default limits let in.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/slab.h"

enum { BLOCK_SIZE = 16384 };

struct stock;

struct block {
    struct stock *stock;
    uint32_t refs;
    uint32_t used; /* bytes from the start that are somebody's; whoever fills more claims first */
    char data[BLOCK_SIZE];
};

struct stock {
    struct slab slab;
    uint64_t refused; /* how often no block was to be had: a metric */
};

/* `limit` is the largest number of blocks in use at the same time; 0 for none. */
void stock_init(struct stock *st, size_t limit);
void stock_fini(struct stock *st);

/* One reference, used == 0. NULL at the limit or without memory: pause reading, shed load. */
struct block *block_get(struct stock *st) nodiscard;

static inline struct block *block_ref(struct block *b)
{
    b->refs++;
    return b;
}

void block_free(struct block *b);

/* NULL is harmless. */
static inline void block_unref(struct block *b)
{
    if (b && --b->refs == 0)
        block_free(b);
}

static inline size_t block_room(const struct block *b)
{
    return BLOCK_SIZE - b->used;
}

#endif
