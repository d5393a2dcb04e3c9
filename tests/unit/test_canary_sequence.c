/* SPDX-License-Identifier: Apache-2.0 */
/* Which instances go through one sequence together. */
#include "canary/sequence.h"

#include <criterion/criterion.h>

static const struct weir_slice names[] = {WEIR_SLICE("v1"), WEIR_SLICE("v2"), WEIR_SLICE("v3")};

static struct sequence of(const struct weir_slice *n, uint32_t a, uint32_t b, uint32_t c)
{
    struct sequence s;
    cr_assert(sequence_of(n, (uint32_t[]){a, b, c}, 3, &s));
    return s;
}

Test(canary_sequence, is_the_same_for_the_same_shares)
{
    const struct sequence s = of(names, 70, 20, 10);
    cr_assert_eq(s.length, 10);
    cr_assert_eq(of(names, 7, 2, 1).digest, s.digest);
    cr_assert_eq(of(names, 7000, 2000, 1000).digest, s.digest, "0.7, as an operator writes it");
    cr_assert_eq(of(names, 70, 20, 10).digest, s.digest);
}

Test(canary_sequence, is_another_for_all_else)
{
    const struct weir_slice turned[] = {names[1], names[0], names[2]},
                            shifted[] = {WEIR_SLICE("v"), WEIR_SLICE("1v2"), WEIR_SLICE("v3")};
    const uint64_t digest = of(names, 7, 2, 1).digest;
    cr_assert_neq(of(names, 7, 1, 2).digest, digest);
    cr_assert_neq(of(names, 8, 2, 1).digest, digest);
    cr_assert_neq(of(turned, 7, 2, 1).digest, digest);
    cr_assert_neq(of(shifted, 7, 2, 1).digest, digest);
    struct sequence two;
    cr_assert(sequence_of(names, (uint32_t[]){7, 2}, 2, &two));
    cr_assert_neq(two.digest, of(names, 7, 2, 0).digest);
}

Test(canary_sequence, is_none_without_weights)
{
    struct sequence s;
    cr_assert_not(sequence_of(names, (uint32_t[]){0, 0, 0}, 3, &s));
    cr_assert_not(sequence_of(names, (uint32_t[]){999999, 1, 0}, 3, &s));
}
