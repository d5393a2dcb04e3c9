/* SPDX-License-Identifier: Apache-2.0 */
/* A sequence lock for each slot. Its state is who wrote last (a ticket, which grows with each
 * text), whether it is still at it, and since when:
 *
 *     63      32 31        1   0
 *     time (ms)  ticket      busy
 *
 * The order of loads and stores is that of Boehm, "Can seqlocks get along with programming language
 * memory models?", MSPC 2012. A writer that was stopped for long and goes on after its slot was
 * given away may spoil one text, which is why readers take them for bytes from anywhere: the length
 * is checked, and so is the text by its reader. */
#include "mirror/ring.h"

#include <stdatomic.h>
#include <string.h>

struct slot {
    _Atomic uint64_t state;
    _Atomic uint32_t n;
    char text[RING_TEXT];
};

struct ring {
    _Atomic uint64_t next; /* the ticket of the next text, from 0 */
    struct slot slots[];
};

enum { BUSY = 1 };

size_t ring_size(unsigned slots)
{
    return sizeof(struct ring) + slots * sizeof(struct slot);
}

static uint32_t ms_of(uint64_t us)
{
    return (uint32_t)(us / 1000);
}

static uint64_t state_of(uint64_t ticket, uint64_t now_us)
{
    return (uint64_t)ms_of(now_us) << 32 | (uint32_t)(ticket << 1);
}

static bool may_take(uint64_t state, uint64_t now_us)
{
    return !(state & BUSY) || ms_of(now_us) - (uint32_t)(state >> 32) >= RING_STUCK_MS;
}

bool ring_write(struct ring *r, unsigned slots, uint64_t now_us, struct weir_slice text)
{
    if (text.n == 0 || text.n > RING_TEXT || slots == 0)
        return false;
    const uint64_t ticket = atomic_fetch_add(&r->next, 1);
    struct slot *s = &r->slots[ticket % slots];
    const uint64_t mine = state_of(ticket, now_us);
    uint64_t had = atomic_load(&s->state);
    if (!may_take(had, now_us) || !atomic_compare_exchange_strong(&s->state, &had, mine | BUSY))
        return false;
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&s->n, (uint32_t)text.n, memory_order_relaxed);
    memcpy(s->text, text.p, text.n);
    had = mine | BUSY;
    return atomic_compare_exchange_strong(&s->state, &had, mine);
}

size_t ring_read(const struct ring *r, unsigned slots, unsigned back, char *to)
{
    const uint64_t next = atomic_load(&r->next);
    if (back >= slots || back >= next)
        return 0;
    const struct slot *s = &r->slots[(next - 1 - back) % slots];
    const uint64_t state = atomic_load_explicit(&s->state, memory_order_acquire);
    const uint32_t n = atomic_load_explicit(&s->n, memory_order_relaxed);
    if (state & BUSY || n > RING_TEXT)
        return 0;
    memcpy(to, s->text, n);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&s->state, memory_order_relaxed) == state ? n : 0;
}
