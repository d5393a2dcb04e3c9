/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

/* Bump memory with one end. Everything that one exchange (or one configuration) needs comes from
 * its arena and goes with it; nothing in it is freed alone. Everything in an arena may point to
 * everything else in it; whatever outside points in is cleared by arena_on_end().
 *
 *     struct arena a;
 *     arena_init(&a, inline_memory, sizeof inline_memory);    memory is borrowed, may be (NULL, 0)
 *     char *s = arena_printf(&a, "%s-%d", name, n);
 *     arena_fini(&a);                                         runs clean-ups, newest first
 *
 * With -DWEIR_MALLOC_ARENA every allocation is a malloc of its own, so that AddressSanitizer sees
 * each overrun.
 *
 * Allocation never fails: out of memory ends the process (the limits of the configuration keep
 * it from coming to that). Alignment is that of max_align_t. One thread. */

#include <stdarg.h>
#include <stddef.h>

#include "base/check.h"
#include "base/slice.h"

struct arena_chunk;
struct arena_cleanup;

struct arena {
    char *cur, *end;            /* free room in the current piece; both multiples of 16 */
    struct arena_chunk *chunks; /* owned: further memory, from malloc */
    struct arena_cleanup *ends; /* run by arena_fini */
    size_t total;               /* bytes taken from malloc so far: what limits look at */
};

void arena_init(struct arena *a, void *memory, size_t n);
void arena_fini(struct arena *a);

void *arena_alloc_slow(struct arena *a, size_t n);

/* size * count; ends the process when that overflows. */
static inline size_t arena_size(size_t size, size_t count)
{
    size_t n;
    must(!__builtin_mul_overflow(size, count, &n));
    return n;
}

/* n bytes, not zeroed. Never NULL, for 0 bytes too. */
static inline void *arena_alloc(struct arena *a, size_t n)
{
#ifndef WEIR_MALLOC_ARENA
    /* cur and end are multiples of 16, so what fits also fits when rounded up; rounding before
     * the comparison could wrap. */
    if (likely((size_t)(a->end - a->cur) >= n)) {
        void *p = a->cur;
        a->cur += (n + 15) & ~(size_t)15;
        return p;
    }
#endif
    return arena_alloc_slow(a, n);
}

/* n zeroed bytes. */
static inline void *arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, count) ((type *)arena_zalloc((a), arena_size(sizeof(type), (count))))

/* A copy whose bytes lie in the arena, NUL-terminated for convenience (the NUL isn't counted). */
struct slice arena_dup(struct arena *a, struct slice s);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

/* fn(arg) runs in arena_fini(), newest first. */
void arena_on_end(struct arena *a, void (*fn)(void *arg), void *arg);

#endif
