/* SPDX-License-Identifier: Apache-2.0 */
/* A process counts itself in before it adds up: of all that are counted in at a moment, the last
 * one has seen the others, so never are more of them let in than the limit says. That needs
 * sequentially consistent atomics, which the plain operations are. */
#include "breaker/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

enum { LINE = 64 };

struct column {
    _Alignas(LINE) pthread_mutex_t owner; /* robust, shared by processes */
    _Atomic uint32_t n[LIMITS_CLASSES][LIMITS_GAUGES];
};

struct limits {
    uint32_t made;
    _Atomic uint32_t used; /* no column from here on ever had an owner */
    struct column columns[LIMITS_COLUMNS];
};

uint64_t limits_size(void)
{
    return sizeof(struct limits);
}

static bool make_locks(struct limits *l, const pthread_mutexattr_t *a)
{
    for (unsigned i = 0; i < LIMITS_COLUMNS; i++)
        if (pthread_mutex_init(&l->columns[i].owner, a) != 0)
            return false;
    return true;
}

bool limits_init(struct limits *l)
{
    pthread_mutexattr_t a;
    if (l->made)
        return true;
    if (pthread_mutexattr_init(&a) != 0)
        return false;
    const bool good = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0 &&
                      pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) == 0 &&
                      make_locks(l, &a);
    pthread_mutexattr_destroy(&a);
    l->made = good;
    return good;
}

/* -- columns --------------------------------------------------------------------------------- */

/* True: this process has the column now, and it is empty. *died: its owner had. */
static bool take_column(struct column *c, bool *died)
{
    const int e = pthread_mutex_trylock(&c->owner);
    *died = e == EOWNERDEAD;
    if (e != 0 && !*died)
        return false;
    if (*died)
        pthread_mutex_consistent(&c->owner);
    for (unsigned i = 0; i < LIMITS_CLASSES; i++)
        for (unsigned g = 0; g < LIMITS_GAUGES; g++)
            atomic_store(&c->n[i][g], 0);
    return true;
}

static void note_used(struct limits *l, uint32_t n)
{
    uint32_t used = atomic_load(&l->used);
    while (used < n && !atomic_compare_exchange_weak(&l->used, &used, n))
        ;
}

int limits_sit(struct limits *l)
{
    bool died;
    for (uint32_t i = 0; i < LIMITS_COLUMNS; i++)
        if (take_column(&l->columns[i], &died)) {
            note_used(l, i + 1);
            return (int)i;
        }
    return LIMITS_NONE;
}

void limits_leave(struct limits *l, int column)
{
    if (column == LIMITS_NONE)
        return;
    struct column *c = &l->columns[column];
    for (unsigned i = 0; i < LIMITS_CLASSES; i++)
        for (unsigned g = 0; g < LIMITS_GAUGES; g++)
            atomic_store(&c->n[i][g], 0);
    pthread_mutex_unlock(&c->owner);
}

unsigned limits_mend(struct limits *l)
{
    const uint32_t used = atomic_load(&l->used);
    unsigned n = 0;
    for (uint32_t i = 0; i < used && i < LIMITS_COLUMNS; i++) {
        bool died;
        if (!take_column(&l->columns[i], &died))
            continue;
        n += died;
        pthread_mutex_unlock(&l->columns[i].owner);
    }
    return n;
}

/* -- counting -------------------------------------------------------------------------------- */

uint32_t limits_sum(const struct limits *l, unsigned class, enum limits_gauge g)
{
    const uint32_t used = atomic_load(&l->used);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < used && i < LIMITS_COLUMNS; i++)
        sum += atomic_load(&l->columns[i].n[class][g]);
    return sum;
}

bool limits_take(struct limits *l, int column, unsigned class, enum limits_gauge g, uint32_t limit)
{
    if (column == LIMITS_NONE)
        return true;
    atomic_fetch_add(&l->columns[column].n[class][g], 1);
    if (limits_sum(l, class, g) <= limit)
        return true;
    limits_give(l, column, class, g);
    return false;
}

void limits_give(struct limits *l, int column, unsigned class, enum limits_gauge g)
{
    if (column != LIMITS_NONE)
        atomic_fetch_sub(&l->columns[column].n[class][g], 1);
}
