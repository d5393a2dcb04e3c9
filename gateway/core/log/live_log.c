/* SPDX-License-Identifier: Apache-2.0 */
/* The rings of the live log. The writer claims the room first, then writes, then says that it is
 * written; a reader copies, and looks afterwards whether what it has copied was claimed meanwhile.
 * The fences pair up: claim before bytes, bytes before the second look. */

#include "core/log/live_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fault.h"
#include "core/log/access_log.h"

struct live_log {
    struct live_ring *ring;
    const _Atomic uint64_t *until_ms;
    const struct access_format *format; /* in `arena` */
    struct arena arena;
    char line[LIVE_LINE];
};

/* -- writing ----------------------------------------------------------------------------------- */

struct live_log *live_log_new(struct live_ring *ring, const _Atomic uint64_t *until_ms)
{
    const struct log_conf all = {.format = SLICE("json")};
    struct live_log *l = calloc(1, sizeof *l);
    struct faults faults;

    must(l);
    faults_init(&faults);
    arena_init(&l->arena, NULL, 0);
    l->ring = ring;
    l->until_ms = until_ms;
    l->format = access_format_compile(&all, &l->arena, &faults);
    must(l->format);
    faults_fini(&faults);
    return l;
}

void live_log_free(struct live_log *l)
{
    if (!l)
        return;
    arena_fini(&l->arena);
    free(l);
}

bool live_log_wanted(const struct live_log *l, uint64_t now_ms)
{
    return atomic_load_explicit(l->until_ms, memory_order_relaxed) > now_ms;
}

static void put_bytes(struct live_ring *r, uint64_t to, const void *p, size_t n)
{
    const size_t at = to % LIVE_RING, first = n < LIVE_RING - at ? n : LIVE_RING - at;

    memcpy(r->bytes + at, p, first);
    memcpy(r->bytes, (const char *)p + first, n - first);
}

/* One writer: nobody else changes it between load and store. Released after the claim: who sees the
 * number taken sees the claim, too. */
static uint64_t take_number(struct live_ring *r)
{
    const uint64_t number = atomic_load_explicit(&r->lines, memory_order_relaxed);

    atomic_store_explicit(&r->lines, number + 1, memory_order_release);
    return number;
}

void live_ring_put(struct live_ring *r, struct slice line)
{
    const uint64_t from = atomic_load_explicit(&r->end, memory_order_relaxed);
    const uint64_t to = from + sizeof(struct live_head) + line.n;

    must(line.n <= LIVE_LINE);
    atomic_store_explicit(&r->claimed, to, memory_order_relaxed);
    const struct live_head head = {take_number(r), line.n};
    atomic_thread_fence(memory_order_release);
    put_bytes(r, from, &head, sizeof head);
    put_bytes(r, from + sizeof head, line.p, line.n);
    atomic_store_explicit(&r->marks[from % LIVE_RING / (LIVE_RING / LIVE_MARKS)], from,
                          memory_order_relaxed);
    atomic_store_explicit(&r->end, to, memory_order_release);
}

void live_log_exchange(struct live_log *l, struct exchange *x)
{
    struct text t;

    text_init_fixed(&t, l->line, sizeof l->line);
    access_format_write(l->format, x, &t);
    if (t.cut)
        (void)take_number(l->ring);
    else
        live_ring_put(l->ring, text_slice(&t));
}

/* -- reading ----------------------------------------------------------------------------------- */

void live_reader_begin(struct live_reader *r, const struct live_ring *ring)
{
    r->ring = ring;
    r->at = atomic_load_explicit(&ring->end, memory_order_acquire);
    r->next = atomic_load_explicit(&ring->lines, memory_order_relaxed);
}

/* Where to read from: what was written over is skipped, and as much again, which may be next. */
static uint64_t begin_at(const struct live_ring *ring, uint64_t at, uint64_t end)
{
    uint64_t from = end;

    if (end - at <= LIVE_RING)
        return at;
    for (size_t i = 0; i < LIVE_MARKS; i++) {
        const uint64_t mark = atomic_load_explicit(&ring->marks[i], memory_order_relaxed);
        if (mark < from && end - mark <= LIVE_RING / 2)
            from = mark;
    }
    return from;
}

/* A copy of the new records; empty when some of it is, or may be, written over meanwhile. */
static struct slice copy_new(struct live_reader *r, char (*room)[LIVE_RING])
{
    const struct live_ring *ring = r->ring;
    const uint64_t end = atomic_load_explicit(&ring->end, memory_order_acquire);
    const uint64_t from = begin_at(ring, r->at, end);
    const size_t n = (size_t)(end - from), at = from % LIVE_RING,
                 first = n < LIVE_RING - at ? n : LIVE_RING - at;

    r->at = end;
    memcpy(*room, ring->bytes + at, first);
    memcpy(*room + first, ring->bytes, n - first);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&ring->claimed, memory_order_relaxed) - from > LIVE_RING)
        return (struct slice){0};
    return slice_of(*room, n);
}

/* Nothing is new, and nothing is being written: all numbers that were taken are of lines up to
 * here. */
static void settle(struct live_reader *r, uint64_t *lost)
{
    const uint64_t lines = atomic_load_explicit(&r->ring->lines, memory_order_acquire);

    if (atomic_load_explicit(&r->ring->claimed, memory_order_relaxed) != r->at || lines <= r->next)
        return;
    *lost += lines - r->next;
    r->next = lines;
}

void live_reader_take(struct live_reader *r, struct text *out, uint64_t *lost)
{
    static char room[LIVE_RING];
    struct slice rest = copy_new(r, &room);
    struct live_head head;

    if (!rest.n)
        settle(r, lost);
    while (rest.n > sizeof head) {
        memcpy(&head, rest.p, sizeof head);
        rest = slice_from(rest, sizeof head);
        if (head.n > rest.n)
            break; /* the region isn't what it should be: whoever wrote it has died in it */
        text_add(out, slice_of(rest.p, (size_t)head.n));
        rest = slice_from(rest, (size_t)head.n);
        *lost += head.number > r->next ? head.number - r->next : 0;
        r->next = head.number + 1;
    }
}
