/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_SLAB_H
#define WEIR_BASE_SLAB_H

/* Objects of one size for one thread: a free list over big pieces of malloc'ed memory that are
 * given back only by slab_fini(). With -DWEIR_MALLOC_ARENA every object is a malloc of its own,
 * so that AddressSanitizer sees each overrun and each use after free.
 *
 * A limit of objects makes reaching it an ordinary event: slab_get() returns NULL. */

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct slab_piece;

struct slab {
    size_t size;               /* bytes of one object, rounded up to 16 */
    size_t per_piece;          /* objects made at a time */
    void *free;                /* first free object */
    struct slab_piece *pieces; /* owned */
    size_t used, limit;        /* objects out; 0 = no limit */
    size_t peak;
};

void slab_init(struct slab *s, size_t size, size_t limit);
/* Every object must be back. */
void slab_fini(struct slab *s);
/* Not zeroed. NULL when the limit is reached or the system has no memory. */
void *slab_get(struct slab *s) nodiscard;
/* NULL is harmless. */
void slab_put(struct slab *s, void *object);

#endif
