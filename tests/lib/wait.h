/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_WAIT_H
#define WEIR_TESTS_LIB_WAIT_H

/* Waiting in scenarios: for a fact, never for a time. AWAIT looks again every few milliseconds and
 * gives up after a deadline that no loaded machine should need; a test that passes is as fast as
 * the facts allow. */

#include <criterion/criterion.h>
#include <stdint.h>
#include <time.h>

enum { DEADLINE_MS = 10000, LOOK_MS = 2 };

static inline uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* For paces (a slow reader, a thinking client); what must have happened is awaited instead. */
static inline void sleep_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000},
              NULL);
}

#define AWAIT_FOR(ms, cond)                                                                        \
    do {                                                                                           \
        const uint64_t end_ = now_ms() + (ms);                                                     \
        while (!(cond)) {                                                                          \
            cr_assert(now_ms() < end_, "waited in vain for: %s", #cond);                           \
            sleep_ms(LOOK_MS);                                                                     \
        }                                                                                          \
    } while (0)
#define AWAIT(cond) AWAIT_FOR(DEADLINE_MS, cond)

#endif
