/* SPDX-License-Identifier: Apache-2.0 */
/* The shared region. Its directory lies inside, and says everything by offsets, because another
 * binary maps it elsewhere:
 *
 *     0        struct head     magic, version, sizes, free lists, the index: buckets of chains
 *     cells    struct cell     one cache line, the key, then the value on a cache line of its own
 *     used     ...             never touched, so no memory yet
 *
 * One process (the master) changes the directory; others may look up at the same time. A cell is
 * whole before it is linked in, and while a generation that lives uses it nothing of it changes: so
 * what a reader finds is right. What it doesn't find may have been missed because a forgotten cell
 * led it into another chain: `changes` is odd during a change, and a reader whose vain walk
 * overlapped with one walks again. It never follows an offset out of the region.
 *
 * Cells come in sizes of four steps to a doubling; a forgotten cell waits in the list of its size
 * for another key. Reloads ask for the same sizes again and again, so nothing is merged or split.
 *
 * The memfd is sealed against another size: a process that holds the descriptor can't take pages
 * away from under the others. */

#include "io/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE = 64,
    VERSION = 1,
    STEPS = 4, /* sizes per doubling: at most a quarter is lost to rounding */
    CLASSES = 64 * STEPS,
    BUCKETS = 16384,     /* 128 KiB; chains of 3 at 50,000 cells */
    WALK_TRIES = 10000,  /* vain walks, 100 us apart: a change takes less than a millisecond, so */
    WALK_PAUSE_US = 100, /* after this second whoever made it died of it */
};

static const char magic[8] = "weirshm";

struct head {
    char magic[8];
    uint32_t version, head_size;
    uint64_t size;    /* of the region */
    uint64_t changes; /* odd: the directory is being changed */
    uint64_t used;    /* where the untouched part begins */
    uint64_t generation;
    uint64_t cells, cell_bytes;
    uint64_t free[CLASSES]; /* offsets of forgotten cells, by size */
    uint64_t buckets[BUCKETS];
};

struct cell {
    uint64_t next; /* in its chain, or in its free list */
    uint64_t hash;
    uint64_t generation; /* the last one that asked for it */
    uint64_t extent;     /* bytes of all of it */
    uint64_t value;      /* offset of the value from the cell */
    uint64_t size;       /* of the value */
    uint64_t key_n;
    uint64_t unused;
    char key[];
};
_Static_assert(sizeof(struct cell) == LINE, "the value's alignment follows from it");

struct shm {
    struct head *head; /* the mapping */
    size_t size;
    int fd; /* owned */
};

static struct shm *map_region(int fd, size_t size);
static bool is_ours(const struct shm *s);
static struct cell *find_cell(const struct shm *s, struct slice key, uint64_t hash);
static struct cell *make_cell(struct shm *s, struct slice key, uint64_t hash, size_t size);
static struct cell *take_cell(struct shm *s, uint64_t bytes);
static void forget_chain(struct shm *s, uint64_t *link, uint64_t oldest);

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

/* FNV-1a: the same in every binary, which slice_hash isn't. Keys come from the configuration. */
static uint64_t hash_key(struct slice key)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3;
    return h;
}

/* NULL for 0 and for what can't be a cell. */
static struct cell *cell_at(const struct shm *s, uint64_t offset)
{
    if (offset < sizeof(struct head) || offset > s->size - sizeof(struct cell) || offset % LINE)
        return NULL;
    return (struct cell *)((char *)s->head + offset);
}

static uint64_t offset_of(const struct shm *s, const struct cell *c)
{
    return (uint64_t)((const char *)c - (const char *)s->head);
}

/* -- the region ----------------------------------------------------------------------------- */

struct shm *shm_create(size_t size)
{
    size = round_up(size, (uint64_t)sysconf(_SC_PAGESIZE));
    if (size < sizeof(struct head)) {
        errno = EINVAL;
        return NULL;
    }
    int fd = memfd_create("weir", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return NULL;
    struct shm *s = NULL;
    if (ftruncate(fd, (off_t)size) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        s = map_region(fd, size);
    if (!s) {
        int err = errno;
        close(fd);
        errno = err;
        return NULL;
    }
    struct head *h = s->head; /* all zero, as new memory is: what isn't touched costs nothing */
    memcpy(h->magic, magic, sizeof magic);
    h->version = VERSION;
    h->head_size = sizeof *h;
    h->size = size;
    h->used = round_up(sizeof *h, LINE);
    return s;
}

static struct shm *map_region(int fd, size_t size)
{
    struct shm *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        free(s);
        return NULL;
    }
    *s = (struct shm){.head = at, .size = size, .fd = fd};
    return s;
}

struct shm *shm_attach(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return NULL;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || (size_t)st.st_size < sizeof(struct head)) {
        errno = EPROTO;
        return NULL;
    }
    struct shm *s = map_region(fd, (size_t)st.st_size);
    if (!s)
        return NULL;
    if (!is_ours(s)) {
        s->fd = -1; /* stays the caller's */
        shm_detach(s);
        errno = EPROTO;
        return NULL;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return s;
}

static bool is_ours(const struct shm *s)
{
    const struct head *h = s->head;
    return memcmp(h->magic, magic, sizeof magic) == 0 && h->version == VERSION &&
           h->head_size == sizeof *h && h->size == s->size && h->used <= s->size;
}

void shm_detach(struct shm *s)
{
    munmap(s->head, s->size);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

int shm_fd(const struct shm *s)
{
    return s->fd;
}

struct shm_usage shm_usage(const struct shm *s)
{
    const struct head *h = s->head;
    return (struct shm_usage){
        .bytes = h->head_size + h->cell_bytes,
        .limit = h->size,
        .cells = h->cells,
    };
}

/* -- looking up ----------------------------------------------------------------------------- */

void *shm_find(const struct shm *s, struct slice key, size_t *size)
{
    const uint64_t hash = hash_key(key);
    for (unsigned i = 0; i < WALK_TRIES; i++) {
        uint64_t before = __atomic_load_n(&s->head->changes, __ATOMIC_ACQUIRE);
        struct cell *c = find_cell(s, key, hash);
        if (c) {
            if (size)
                *size = c->size;
            return (char *)c + c->value;
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && before == __atomic_load_n(&s->head->changes, __ATOMIC_RELAXED))
            return NULL;
        usleep(WALK_PAUSE_US);
    }
    return NULL;
}

/* Safe in the middle of a change too: it ends, and stays within the region. */
static struct cell *find_cell(const struct shm *s, struct slice key, uint64_t hash)
{
    struct cell *c =
        cell_at(s, __atomic_load_n(&s->head->buckets[hash % BUCKETS], __ATOMIC_ACQUIRE));
    for (uint64_t steps = s->size / LINE; c && steps > 0; steps--) {
        if (c->hash == hash && c->key_n == key.n &&
            key.n <= s->size - offset_of(s, c) - sizeof *c &&
            slice_eq(slice_of(c->key, key.n), key))
            return c;
        c = cell_at(s, c->next);
    }
    return NULL;
}

/* -- changing: the master only -------------------------------------------------------------- */

static void begin_change(struct shm *s)
{
    __atomic_store_n(&s->head->changes, s->head->changes + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void end_change(struct shm *s)
{
    __atomic_store_n(&s->head->changes, s->head->changes + 1, __ATOMIC_RELEASE);
}

void *shm_cell(struct shm *s, struct slice key, size_t size)
{
    const uint64_t hash = hash_key(key);
    struct cell *c = find_cell(s, key, hash);
    if (c && c->size != size)
        return NULL;
    if (!c) {
        begin_change(s);
        c = make_cell(s, key, hash, size);
        end_change(s);
    }
    if (!c)
        return NULL;
    c->generation = s->head->generation;
    return (char *)c + c->value;
}

/* The class of a cell of this many lines, and how many lines cells of that class have:
 * 1 2 3 4  5 6 7 8  10 12 14 16  20 24 28 32 ... */
static unsigned class_of(uint64_t lines, uint64_t *rounded)
{
    if (lines <= STEPS) {
        *rounded = lines;
        return (unsigned)lines;
    }
    unsigned shift = 63 - (unsigned)__builtin_clzll(lines - 1) - 2;
    uint64_t quarters = (lines + ((uint64_t)1 << shift) - 1) >> shift; /* 5 to 8 */
    *rounded = quarters << shift;
    return STEPS * shift + (unsigned)quarters;
}

static struct cell *make_cell(struct shm *s, struct slice key, uint64_t hash, size_t size)
{
    if (size > s->size || key.n > s->size)
        return NULL;
    const uint64_t value = round_up(sizeof(struct cell) + key.n, LINE);
    struct cell *c = take_cell(s, value + round_up(size, LINE));
    if (!c)
        return NULL;
    uint64_t *bucket = &s->head->buckets[hash % BUCKETS];
    c->next = *bucket;
    c->hash = hash;
    c->value = value;
    c->size = size;
    c->key_n = key.n;
    memcpy(c->key, key.p, key.n);
    __atomic_store_n(bucket, offset_of(s, c), __ATOMIC_RELEASE);
    s->head->cells++;
    s->head->cell_bytes += c->extent;
    return c;
}

/* Zeroed, except for `extent`. */
static struct cell *take_cell(struct shm *s, uint64_t bytes)
{
    struct head *h = s->head;
    uint64_t lines;
    const unsigned class = class_of(bytes / LINE, &lines);
    const uint64_t extent = lines * LINE;
    if (!h->free[class] && extent <= h->size - h->used) {
        struct cell *c = (struct cell *)((char *)h + h->used); /* never used: zero, and untouched */
        h->used += extent;
        c->extent = extent;
        return c;
    }
    unsigned from = class; /* larger ones only when there is nothing else */
    while (from < CLASSES && !h->free[from])
        from++;
    struct cell *c = from < CLASSES ? cell_at(s, h->free[from]) : NULL;
    if (!c)
        return NULL;
    h->free[from] = c->next;
    uint64_t has = c->extent;
    memset(c, 0, has);
    c->extent = has;
    return c;
}

void shm_generation(struct shm *s, uint64_t generation)
{
    s->head->generation = generation;
}

void shm_forget(struct shm *s, uint64_t oldest)
{
    begin_change(s);
    for (unsigned i = 0; i < BUCKETS; i++)
        forget_chain(s, &s->head->buckets[i], oldest);
    end_change(s);
}

static void forget_chain(struct shm *s, uint64_t *link, uint64_t oldest)
{
    for (struct cell *c; (c = cell_at(s, *link));) {
        if (c->generation >= oldest) {
            link = &c->next;
            continue;
        }
        uint64_t lines;
        uint64_t *list = &s->head->free[class_of(c->extent / LINE, &lines)];
        *link = c->next;
        c->next = *list;
        *list = offset_of(s, c);
        s->head->cells--;
        s->head->cell_bytes -= c->extent;
    }
}
