/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of retries, and the delays within them. */
#include "retry/backoff.h"

#include <criterion/criterion.h>

#include "base/random.h"

static const struct backoff usual = {.base_ms = 25, .max_ms = 250};

Test(retry_backoff, windows_grow_up_to_the_maximum)
{
    static const uint64_t windows[] = {0, 25, 75, 175, 250, 250};
    for (unsigned i = 0; i < 6; i++)
        cr_assert_eq(backoff_window_ms(&usual, i), windows[i], "%u", i);
    cr_assert_eq(backoff_window_ms(&usual, 1000000), 250);
    const struct backoff huge = {.base_ms = UINT64_MAX / 2, .max_ms = UINT64_MAX};
    cr_assert_eq(backoff_window_ms(&huge, 1), UINT64_MAX / 2);
    cr_assert_eq(backoff_window_ms(&huge, 2), UINT64_MAX);
}

Test(retry_backoff, without_a_base_nothing_waits)
{
    const struct backoff none = {.base_ms = 0, .max_ms = 250};
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(backoff_ms(&none, i, 12345), 0);
    cr_assert_eq(backoff_after_ms(&none, 1, 1, 12345), 1);
}

Test(retry_backoff, delays_are_spread_evenly_over_the_whole_window)
{
    enum { ROUNDS = 175000, EACH = ROUNDS / 175 };
    static unsigned hits[175];
    struct random r;
    random_seed(&r, 7);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const uint64_t ms = backoff_ms(&usual, 3, random_u64(&r));
        cr_assert_lt(ms, 175);
        hits[ms]++;
    }
    for (unsigned i = 0; i < 175; i++) /* five standard deviations are 158 */
        cr_assert(hits[i] > EACH - 160 && hits[i] < EACH + 160, "%u ms: %u", i, hits[i]);
}

Test(retry_backoff, what_an_origin_asks_for_is_never_cut_short)
{
    struct random r;
    uint64_t least = UINT64_MAX, most = 0;
    random_seed(&r, 8);
    for (unsigned i = 0; i < 20000; i++) {
        const uint64_t ms = backoff_after_ms(&usual, 1, 2000, random_u64(&r));
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    cr_assert_eq(least, 2000);
    cr_assert_eq(most, 2999);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_lt(backoff_after_ms(&usual, 1, 0, random_u64(&r)), 25);
}
