/* SPDX-License-Identifier: Apache-2.0 */
/* The slow half of the arena: new chunks, copies, text, clean-ups.
 *
 * An arena begins in memory that its owner brings (inline in an exchange, so that a small request
 * needs no malloc) and goes on in chunks of 4, 8, 16, 16, ... KiB. What is larger than a quarter
 * of the next chunk gets a chunk of its own, so that it doesn't throw away the room that is left
 * in the current one.
 *
 *     chunks -> [header|........used........|cur   end]
 *                 `-> [header|.....used......] -> NULL
 *
 * Invariant: cur and end are multiples of 16 and never NULL. */

#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_FIRST = 4096, CHUNK_LARGEST = 16384 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size; /* of the whole, header included */
    _Alignas(16) char data[];
};

struct arena_cleanup {
    struct arena_cleanup *next;
    void (*fn)(void *arg);
    void *arg;
};

/* Where an arena without memory points to, so that even its empty allocations aren't NULL. */
static _Alignas(16) char nowhere[16];

void arena_init(struct arena *a, void *memory, size_t n)
{
    *a = (struct arena){.cur = nowhere, .end = nowhere};
    const size_t skip = -(uintptr_t)memory & 15;
    if (n >= skip + 16) {
        a->cur = (char *)memory + skip;
        a->end = a->cur + ((n - skip) & ~(size_t)15);
    }
}

/* A chunk with room for n bytes, owned by the arena. */
static struct arena_chunk *add_chunk(struct arena *a, size_t n)
{
    struct arena_chunk *chunk = malloc(sizeof *chunk + n);
    must(chunk);
    *chunk = (struct arena_chunk){.next = a->chunks, .size = sizeof *chunk + n};
    a->chunks = chunk;
    a->total += chunk->size;
    return chunk;
}

#ifdef WEIR_MALLOC_ARENA
void *arena_alloc_slow(struct arena *a, size_t n)
{
    must(n <= PTRDIFF_MAX - CHUNK_LARGEST);
    struct arena_chunk *chunk = add_chunk(a, n);
    /* What would have lain in the borrowed memory doesn't count as taken from malloc. */
    if ((size_t)(a->end - a->cur) >= n) {
        a->cur += (n + 15) & ~(size_t)15;
        a->total -= chunk->size;
    }
    return chunk->data;
}
#else
/* How large the next ordinary chunk is: the first is small, then they double. */
static size_t next_size(const struct arena *a)
{
    size_t size = CHUNK_FIRST;
    while (size < CHUNK_LARGEST && size <= a->total)
        size *= 2;
    return size;
}

void *arena_alloc_slow(struct arena *a, size_t n)
{
    must(n <= PTRDIFF_MAX - CHUNK_LARGEST);
    n = (n + 15) & ~(size_t)15;
    const size_t room = next_size(a) - sizeof(struct arena_chunk);
    if (n > room / 4)
        return add_chunk(a, n)->data;
    struct arena_chunk *chunk = add_chunk(a, room);
    a->cur = chunk->data + n;
    a->end = chunk->data + room;
    return chunk->data;
}
#endif

void arena_fini(struct arena *a)
{
    while (a->ends) { /* one at a time: a clean-up may still allocate and register */
        struct arena_cleanup *end = a->ends;
        a->ends = end->next;
        end->fn(end->arg);
    }
    while (a->chunks) {
        struct arena_chunk *chunk = a->chunks;
        a->chunks = chunk->next;
        free(chunk);
    }
    arena_init(a, NULL, 0);
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    must(s.n < SIZE_MAX);
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return slice_of(p, s.n);
}

char *arena_strdup(struct arena *a, const char *s)
{
    const size_t n = strlen(s) + 1;
    return memcpy(arena_alloc(a, n), s, n);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    char small[256]; /* most texts are names and messages: one pass and a copy */
    va_list again;

    va_copy(again, ap);
    const int n = vsnprintf(small, sizeof small, fmt, ap);
    must(n >= 0);
    char *s = arena_alloc(a, (size_t)n + 1);
    if ((size_t)n < sizeof small)
        memcpy(s, small, (size_t)n + 1);
    else
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void arena_on_end(struct arena *a, void (*fn)(void *arg), void *arg)
{
    struct arena_cleanup *end = arena_alloc(a, sizeof *end);
    *end = (struct arena_cleanup){.next = a->ends, .fn = fn, .arg = arg};
    a->ends = end;
}
