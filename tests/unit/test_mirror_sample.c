/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule of copies: its promise at every prefix, and from any position. */
#include "mirror/sample.h"

#include <criterion/criterion.h>

#include "base/random.h"

static void holds_at_every_prefix(uint32_t share, uint64_t n)
{
    uint64_t taken = 0;
    for (uint64_t i = 0; i < n; i++) {
        taken += sample_takes(i, share);
        cr_assert_eq(taken, (i + 1) * share / SAMPLE_WHOLE, "share %u, request %lu", share,
                     (unsigned long)i);
    }
}

Test(mirror_sample, has_taken_the_exact_share_of_every_prefix)
{
    struct random r;
    random_seed(&r, 4);
    for (int i = 0; i < 200; i++)
        holds_at_every_prefix((uint32_t)random_below(&r, SAMPLE_WHOLE + 1), 5000);
    holds_at_every_prefix(333333, 3 * SAMPLE_WHOLE); /* over the begin of the next round */
}

Test(mirror_sample, is_within_one_of_its_share_from_any_position)
{
    struct random r;
    random_seed(&r, 5);
    for (int i = 0; i < 200; i++) {
        const uint32_t share = (uint32_t)random_below(&r, SAMPLE_WHOLE + 1);
        const uint64_t from = random_u64(&r) / 2;
        int64_t taken = 0;
        for (int64_t n = 1; n <= 2000; n++) {
            taken += sample_takes(from + (uint64_t)n - 1, share);
            const int64_t off = taken * SAMPLE_WHOLE - n * share;
            cr_assert(off < SAMPLE_WHOLE && off > -SAMPLE_WHOLE, "share %u from %lu, request %ld",
                      share, (unsigned long)from, (long)n);
        }
    }
}

Test(mirror_sample, takes_all_or_none_at_the_ends)
{
    for (uint64_t i = 0; i < 1000; i++) {
        cr_assert(sample_takes(i, SAMPLE_WHOLE));
        cr_assert(!sample_takes(i, 0));
    }
}

Test(mirror_sample, takes_one_in_a_million)
{
    unsigned taken = 0;
    for (uint64_t i = 0; i < 3 * SAMPLE_WHOLE; i++)
        taken += sample_takes(i, 1);
    cr_assert_eq(taken, 3);
}
