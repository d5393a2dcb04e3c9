/* SPDX-License-Identifier: Apache-2.0 */
/* The slow half of the slab: new pieces, the limit, the peak.
 *
 * A free object's first word points to the next free one; the one that came back last goes out
 * first, because its memory is still in the cache. Objects of a new piece are not threaded onto
 * the list: they are cut off one by one (`fresh`), so that memory which is never needed is never
 * touched and stays out of the resident set.
 *
 * slab_get() itself is inline and only pops.
 *
 * Invariant: the objects that were ever made are those that are out and those on the list. So when
 * the list is empty all of them are out, and making another is what raises the peak. */

#include "base/slab.h"

#include <stdlib.h>

enum {
    PIECE_SIZE = 65536, /* few mallocs for small objects ... */
    PIECE_OBJECTS = 4   /* ... and at least this many of the large ones */
};

struct slab_piece {
    struct slab_piece *next;
    _Alignas(16) char objects[];
};

void slab_init(struct slab *s, size_t size, size_t limit)
{
    size = (size + 15) & ~(size_t)15;
    must(size > 0);
    *s = (struct slab){.size = size};
    slab_set_limit(s, limit);
    s->per_piece = PIECE_SIZE / size;
    if (s->per_piece < PIECE_OBJECTS)
        s->per_piece = PIECE_OBJECTS;
}

void slab_set_limit(struct slab *s, size_t limit)
{
    s->limit = limit ? limit : SIZE_MAX;
}

void slab_fini(struct slab *s)
{
    must(s->used == 0);
    while (s->pieces) {
        struct slab_piece *piece = s->pieces;
        s->pieces = piece->next;
        free(piece);
    }
    *s = (struct slab){0};
}

#ifdef WEIR_MALLOC_ARENA
static void *make(struct slab *s)
{
    return malloc(s->size);
}
#else
static void *make(struct slab *s)
{
    if (s->fresh == s->fresh_end) {
        struct slab_piece *piece = malloc(sizeof *piece + s->size * s->per_piece);
        if (!piece)
            return NULL;
        piece->next = s->pieces;
        s->pieces = piece;
        s->fresh = piece->objects;
        s->fresh_end = piece->objects + s->size * s->per_piece;
    }
    void *object = s->fresh;
    s->fresh += s->size;
    return object;
}
#endif

void *slab_get_slow(struct slab *s)
{
    if (s->used >= s->limit)
        return NULL;
    void *object = make(s);
    if (!object)
        return NULL;
    if (++s->used > s->peak)
        s->peak = s->used;
    return object;
}

void slab_free(struct slab *s, void *object)
{
    must(s->used > 0);
    s->used--;
    free(object);
}
