/* SPDX-License-Identifier: Apache-2.0 */
/* Three buffers in one cell. Version v lies in buffer v % 3:
 *
 *     version = 7 │ buffer 0: 6 │ buffer 1: 7  ◄ readers │ buffer 2: 5, or what becomes 8 │
 *
 * A writer fills the buffer after the one in force and then makes it the one in force by one store.
 * One that dies before the store has changed nothing that anybody reads. A reader copies the buffer
 * in force and looks at the version again: its buffer is written to only for version v + 3, so the
 * copy is whole unless v + 2 was published meanwhile. With two buffers every publish during a copy
 * would spoil it; with three it takes two of them, each of which copies as much as the reader does.
 *
 * Writers exclude each other, for there are two for a moment: the control processes of an old
 * generation and of the next one. The mutex is robust: one that dies holding it leaves it to the
 * next. Readers never look at it.
 *
 * The order of loads and stores is that of a sequence lock (Boehm, "Can seqlocks get along with
 * programming language memory models?", MSPC 2012). */

#include "core/module/blob.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum {
    BUFFERS = 3,
    LINE = 64,
    READ_TRIES = 64, /* in vain only when each copy took longer than two of a writer's */
};

struct blob_cell {
    _Atomic uint64_t version;            /* 0: nothing yet */
    char apart[LINE - sizeof(uint64_t)]; /* readers poll `version`: the rest lies on other lines */
    uint64_t made;                       /* the mutex is initialised */
    pthread_mutex_t writer;
    _Atomic uint64_t len[BUFFERS];
    char bytes[]; /* the buffers, one after the other */
};

static bool lock(struct blob_cell *c);

static size_t stride_of(size_t capacity)
{
    return (capacity + LINE - 1) / LINE * LINE;
}

static char *buffer_of(const struct weir_blob *b, uint64_t version)
{
    return b->cell->bytes + version % BUFFERS * stride_of(b->capacity);
}

size_t blob_size(size_t capacity)
{
    must(capacity <= BLOB_CAPACITY_MAX);
    return sizeof(struct blob_cell) + BUFFERS * stride_of(capacity);
}

void blob_init(struct weir_blob *b, void *cell, size_t capacity)
{
    struct blob_cell *c = cell;
    pthread_mutexattr_t attr;

    *b = (struct weir_blob){.cell = c, .capacity = capacity};
    if (c->made)
        return;
    must(pthread_mutexattr_init(&attr) == 0 &&
         pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0 &&
         pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0 &&
         pthread_mutex_init(&c->writer, &attr) == 0);
    pthread_mutexattr_destroy(&attr);
    c->made = true;
}

void blob_begin_with(struct weir_blob *b, struct slice text)
{
    must(text.n <= b->capacity);
    b->first = slice_of(text.p ? text.p : "", text.n);
    b->base = atomic_load(&b->cell->version);
}

/* -- writing ----------------------------------------------------------------------------------- */

bool blob_publish(struct weir_blob *b, struct slice text)
{
    struct blob_cell *c = b->cell;

    if (text.n > b->capacity || !lock(c))
        return false;
    const uint64_t next = atomic_load_explicit(&c->version, memory_order_relaxed) + 1;
    /* A reader that sees something of what follows has to see the version of now as well. */
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&c->len[next % BUFFERS], text.n, memory_order_relaxed);
    if (text.n)
        memcpy(buffer_of(b, next), text.p, text.n);
    atomic_store_explicit(&c->version, next, memory_order_release);
    pthread_mutex_unlock(&c->writer);
    return true;
}

static bool lock(struct blob_cell *c)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += BLOB_WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    const int err = pthread_mutex_timedlock(&c->writer, &until);
    if (err == EOWNERDEAD)
        return pthread_mutex_consistent(&c->writer) == 0;
    return err == 0;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* The numbers of a blob with a first text are one higher, so that the first has one of its own. */
static uint64_t number_of(const struct weir_blob *b, uint64_t version)
{
    return b->first.p ? version + 1 : version;
}

static bool is_first(const struct weir_blob *b, uint64_t version)
{
    return b->first.p && version <= b->base;
}

uint64_t blob_version(const struct weir_blob *b)
{
    const uint64_t v = atomic_load_explicit(&b->cell->version, memory_order_acquire);

    return number_of(b, is_first(b, v) ? b->base : v);
}

/* The text of this version; false when it may be torn. */
static bool copy(const struct weir_blob *b, uint64_t v, char *to, size_t *n)
{
    struct blob_cell *c = b->cell;

    *n = atomic_load_explicit(&c->len[v % BUFFERS], memory_order_relaxed);
    if (*n > b->capacity)
        return false;
    memcpy(to, buffer_of(b, v), *n);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&c->version, memory_order_relaxed) - v < BUFFERS - 1;
}

size_t blob_read(const struct weir_blob *b, char *to, uint64_t *version)
{
    size_t n = 0;

    for (unsigned i = 0; i < READ_TRIES; i++) {
        const uint64_t v = atomic_load_explicit(&b->cell->version, memory_order_acquire);
        if (is_first(b, v)) {
            memcpy(to, b->first.p, b->first.n);
            *version = number_of(b, b->base);
            return b->first.n;
        }
        if (!v)
            break;
        if (copy(b, v, to, &n)) {
            *version = number_of(b, v);
            return n;
        }
    }
    *version = 0;
    return 0;
}
