/* SPDX-License-Identifier: Apache-2.0 */
/* Shares are exact, whatever was drawn before. */
#include "fault/ticket.h"

#include <criterion/criterion.h>

#include "base/random.h"

Test(fault_ticket, draws_the_floor_of_its_share_at_every_prefix)
{
    static const uint32_t shares[] = {0, 1, 999, 1000, 25000, 333333, 500000, 999999, TICKET_WHOLE};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        uint64_t drawn = 0;
        for (uint64_t n = 0; n < 2 * TICKET_WHOLE + 10; n++) {
            drawn += ticket_drawn(n, shares[i]);
            cr_assert_eq(drawn, (n + 1) * shares[i] / TICKET_WHOLE, "%u at %lu", shares[i],
                         (unsigned long)n);
        }
    }
}

Test(fault_ticket, is_within_one_of_its_share_from_any_position)
{
    struct random r;
    random_seed(&r, 11);
    for (int i = 0; i < 100; i++) {
        const uint32_t share = (uint32_t)random_below(&r, TICKET_WHOLE + 1);
        const uint64_t from = random_u64(&r) / 2;
        int64_t drawn = 0;
        for (int64_t n = 1; n <= 1000; n++) {
            drawn += ticket_drawn(from + (uint64_t)n - 1, share);
            const int64_t off = drawn * TICKET_WHOLE - n * (int64_t)share;
            cr_assert(off < TICKET_WHOLE && off > -TICKET_WHOLE, "share %u, ticket %ld", share,
                      (long)n);
        }
    }
}
