/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_SLAB_H
#define WEIR_BASE_SLAB_H

/* Objects of one size for one thread: a free list over big pieces of malloc'ed memory that are
 * given back only by slab_fini(). With -DWEIR_MALLOC_ARENA every object is a malloc of its own,
 * so that AddressSanitizer sees each overrun and each use after free.
 *
 * Memory follows the peak, not the number of objects that are out now.
 *
 * A limit of objects makes reaching it an ordinary event: slab_get() returns NULL. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct slab_piece;

struct slab {
    size_t size;               /* bytes of one object, rounded up to 16 */
    size_t per_piece;          /* objects made at a time */
    void *free;                /* first free object */
    char *fresh, *fresh_end;   /* objects of the newest piece that were never out */
    struct slab_piece *pieces; /* owned */
    size_t used, limit;        /* objects out, and how many may be; SIZE_MAX: no limit */
    size_t peak;               /* most objects that were out at the same time */
};

/* `limit` is the largest number of objects out at the same time; 0 for none. */
void slab_init(struct slab *s, size_t size, size_t limit);
/* May be lower than what is out: then nothing goes out until enough is back. */
void slab_set_limit(struct slab *s, size_t limit);
/* Every object must be back. */
void slab_fini(struct slab *s);

void *slab_get_slow(struct slab *s) nodiscard;
void slab_free(struct slab *s, void *object);

/* Not zeroed. NULL when the limit is reached or the system has no memory. */
static inline void *slab_get(struct slab *s) nodiscard;
static inline void *slab_get(struct slab *s)
{
    void *object = s->free;
    if (unlikely(!object || s->used >= s->limit))
        return slab_get_slow(s);
    memcpy(&s->free, object, sizeof s->free);
    s->used++;
    return object;
}

/* NULL is harmless. */
static inline void slab_put(struct slab *s, void *object)
{
    if (!object)
        return;
#ifdef WEIR_MALLOC_ARENA
    slab_free(s, object);
#else
    memcpy(object, &s->free, sizeof s->free);
    s->free = object;
    s->used--;
#endif
}

#endif
