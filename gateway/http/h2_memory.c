/* SPDX-License-Identifier: Apache-2.0 */
/* nghttp2's objects, from slabs of a few sizes. The largest class is the frame buffer that each
 * session has, of which most never touch more than the first page. */
#include "http/h2_memory.h"

#include <stdlib.h>

/* In front of each object; keeps the alignment of malloc. */
struct tag {
    size_t size;
    size_t class; /* H2_MEMORY_CLASSES: from malloc */
};
_Static_assert(sizeof(struct tag) == 16, "what follows a tag is aligned as malloc aligns");

/* The larger ones are what a session consists of. */
static const size_t class_sizes[H2_MEMORY_CLASSES] = {32,   64,   128,  256,  512,
                                                      1024, 3072, 4096, 16400};

static size_t class_of(size_t n)
{
    size_t i = 0;
    while (i < H2_MEMORY_CLASSES && n > class_sizes[i])
        i++;
    /* Half empty objects of the largest class would be a waste. */
    return i == H2_MEMORY_CLASSES - 1 && n <= class_sizes[i] / 2 ? H2_MEMORY_CLASSES : i;
}

void *h2_alloc(struct h2_memory *m, size_t n)
{
    const size_t class = class_of(n);
    struct tag *t = class < H2_MEMORY_CLASSES ? slab_get(&m->classes[class])
                    : n < SIZE_MAX / 2        ? malloc(sizeof *t + n)
                                              : NULL;
    if (!t)
        return NULL;
    *t = (struct tag){.size = n, .class = class};
    return t + 1;
}

void h2_release(struct h2_memory *m, void *p)
{
    if (!p)
        return;
    struct tag *t = (struct tag *)p - 1;
    if (t->class < H2_MEMORY_CLASSES)
        slab_put(&m->classes[t->class], t);
    else
        free(t);
}

static void *on_malloc(size_t n, void *user)
{
    return h2_alloc(user, n);
}

static void on_free(void *p, void *user)
{
    h2_release(user, p);
}

static void *on_calloc(size_t count, size_t size, void *user)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    void *p = h2_alloc(user, n);
    return p ? memset(p, 0, n) : NULL;
}

static void *on_realloc(void *p, size_t n, void *user)
{
    if (!p)
        return h2_alloc(user, n);
    struct tag *t = (struct tag *)p - 1;
    if (t->class < H2_MEMORY_CLASSES && n <= class_sizes[t->class]) {
        t->size = n;
        return p;
    }
    void *to = h2_alloc(user, n);
    if (!to)
        return NULL;
    memcpy(to, p, t->size < n ? t->size : n);
    h2_release(user, p);
    return to;
}

void h2_memory_init(struct h2_memory *m)
{
    m->mem = (nghttp2_mem){.mem_user_data = m,
                           .malloc = on_malloc,
                           .free = on_free,
                           .calloc = on_calloc,
                           .realloc = on_realloc};
    for (size_t i = 0; i < H2_MEMORY_CLASSES; i++)
        slab_init(&m->classes[i], sizeof(struct tag) + class_sizes[i], 0);
}

void h2_memory_fini(struct h2_memory *m)
{
    for (size_t i = 0; i < H2_MEMORY_CLASSES; i++)
        slab_fini(&m->classes[i]);
}
