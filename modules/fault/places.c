/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/places.h"

#include <errno.h>
#include <signal.h>
#include <sys/types.h>

/* Does nobody live who could still count there? When the id has gone to another process meanwhile,
 * the row waits for that one's end. */
static bool is_free(uint64_t row)
{
    const pid_t pid = (pid_t)(row >> 32);
    return pid == 0 || (kill(pid, 0) < 0 && errno == ESRCH);
}

static void reach(struct places *p, uint32_t n)
{
    uint32_t used = atomic_load(&p->used);
    while (used < n && !atomic_compare_exchange_weak(&p->used, &used, n))
        ;
}

int places_enter(struct places *p, uint32_t pid)
{
    for (uint32_t i = 0; i < PLACES_ROWS; i++) {
        uint64_t had = atomic_load(&p->v[i]);
        if (!is_free(had))
            continue;
        reach(p, i + 1); /* before anything is counted there */
        if (atomic_compare_exchange_strong(&p->v[i], &had, (uint64_t)pid << 32))
            return (int)i;
    }
    return PLACES_NO_ROW;
}

void places_leave(struct places *p, int row)
{
    if (row != PLACES_NO_ROW)
        atomic_store(&p->v[row], 0);
}

uint64_t places_sum(const struct places *p)
{
    const uint32_t used = atomic_load(&p->used);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < used && i < PLACES_ROWS; i++)
        sum += (uint32_t)atomic_load(&p->v[i]);
    return sum;
}

bool places_take(struct places *p, int row, uint32_t limit)
{
    if (row == PLACES_NO_ROW)
        return false;
    atomic_fetch_add(&p->v[row], 1);
    if (places_sum(p) <= limit)
        return true;
    places_give(p, row);
    return false;
}

void places_give(struct places *p, int row)
{
    atomic_fetch_sub(&p->v[row], 1);
}
