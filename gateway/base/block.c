/* SPDX-License-Identifier: Apache-2.0 */
/* The stock of blocks: a slab with a limit and a counter of refusals.
 *
 * Reaching the limit is an ordinary event: whoever wanted the block pauses and tries again later.
 * `refused` says how often that happened. */

#include "base/block.h"

void stock_init(struct stock *st, size_t limit)
{
    *st = (struct stock){.refused = 0};
    slab_init(&st->slab, sizeof(struct block), limit);
}

void stock_fini(struct stock *st)
{
    slab_fini(&st->slab);
}

struct block *block_get(struct stock *st)
{
    struct block *b = slab_get(&st->slab);

    if (unlikely(!b)) {
        st->refused++;
        return NULL;
    }
    b->stock = st;
    b->refs = 1;
    b->used = 0;
    return b;
}

void block_free(struct block *b)
{
    must(b->refs == 0);
    slab_put(&b->stock->slab, b);
}
