/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that many share stands still now and then, for seconds even, or has no time for some
 * processes. Then leads lapse and requests take long, and nobody is to blame. A thread that should
 * wake up all the time sees the first, what takes long though it never should the second. */
#include "fleet_random.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tests/lib/wait.h"

enum { BEAT_MS = 10, STALL_US = 200000 };

static pthread_t thread;
static atomic_bool stops;
static _Atomic uint64_t beat_us, stall_us; /* the last beat; the end of the last stall */
static uint64_t told_us;

static void *beat(void *arg)
{
    (void)arg;
    while (!atomic_load(&stops)) {
        sleep_ms(BEAT_MS);
        const uint64_t now = wall_us();
        if (now - atomic_load(&beat_us) > STALL_US)
            atomic_store(&stall_us, now);
        atomic_store(&beat_us, now);
    }
    return NULL;
}

void stalls_begin(void)
{
    atomic_store(&stops, false);
    atomic_store(&beat_us, wall_us());
    atomic_store(&stall_us, 0);
    cr_assert_eq(pthread_create(&thread, NULL, beat, NULL), 0);
}

void stalls_end(void)
{
    atomic_store(&stops, true);
    pthread_join(thread, NULL);
}

void stall_note(uint64_t began_us, uint64_t most_us)
{
    const uint64_t now = wall_us();
    if (now - began_us > most_us)
        atomic_store(&stall_us, now);
}

/* The thread may be the last to wake up. */
bool stalled_since(uint64_t us)
{
    const uint64_t end_us = atomic_load(&stall_us);
    if (end_us != told_us)
        tale_add(end_us, "the machine has stood still until now");
    told_us = end_us;
    return end_us >= us || wall_us() > atomic_load(&beat_us) + STALL_US;
}
