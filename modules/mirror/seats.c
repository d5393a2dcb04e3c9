/* SPDX-License-Identifier: Apache-2.0 */
/* A process counts itself in before it adds up: of all that are counted in at a moment, the last
 * one has seen the others, so never are more of them let in than the limit says. That needs
 * sequentially consistent atomics, which the plain operations are. */
#include "mirror/seats.h"

#include <errno.h>
#include <signal.h>

static uint64_t seat_of(uint32_t pid)
{
    return (uint64_t)pid << 32;
}

/* Is there nobody who could still count here? Another process may have got the id meanwhile; then
 * the seat is lost until that one ends, too. */
static bool is_free(uint64_t seat)
{
    const pid_t pid = (pid_t)(seat >> 32);
    return pid == 0 || (kill(pid, 0) < 0 && errno == ESRCH);
}

static void note_used(struct seats *s, uint32_t n)
{
    uint32_t used = atomic_load(&s->used);
    while (used < n && !atomic_compare_exchange_weak(&s->used, &used, n))
        ;
}

int seats_sit(struct seats *s, uint32_t pid)
{
    for (uint32_t i = 0; i < SEATS; i++) {
        uint64_t had = atomic_load(&s->v[i]);
        if (!is_free(had))
            continue;
        note_used(s, i + 1); /* first: whoever sits is added up */
        if (atomic_compare_exchange_strong(&s->v[i], &had, seat_of(pid)))
            return (int)i;
    }
    return SEAT_NONE;
}

void seats_leave(struct seats *s, int seat)
{
    if (seat != SEAT_NONE)
        atomic_store(&s->v[seat], 0);
}

uint64_t seats_sum(const struct seats *s)
{
    const uint32_t used = atomic_load(&s->used);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < used && i < SEATS; i++)
        sum += (uint32_t)atomic_load(&s->v[i]);
    return sum;
}

bool seats_take(struct seats *s, int seat, uint32_t limit)
{
    if (seat == SEAT_NONE)
        return false;
    atomic_fetch_add(&s->v[seat], 1);
    if (seats_sum(s) <= limit)
        return true;
    seats_give_back(s, seat);
    return false;
}

void seats_give_back(struct seats *s, int seat)
{
    atomic_fetch_sub(&s->v[seat], 1);
}
