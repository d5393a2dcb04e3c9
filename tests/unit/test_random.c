/* SPDX-License-Identifier: Apache-2.0 */
/* The generator against published values, and that draws are in range and fair. */

#include "base/random.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

/* The first outputs of the authors' xoshiro256starstar.c from the state 1, 2, 3, 4. */
Test(random, is_xoshiro256_starstar)
{
    struct random r = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_assert_eq(random_u64(&r), expected[i]);
}

/* The seed 1234567 through the authors' splitmix64.c. */
Test(random, a_seed_is_spread_with_splitmix64)
{
    struct random r;

    random_seed(&r, 1234567);
    cr_assert_eq(r.s[0], 6457827717110365317u);
    cr_assert_eq(r.s[1], 3203168211198807973u);
    cr_assert_eq(r.s[2], 9817491932198370423u);
    cr_assert_eq(r.s[3], 4593380528125082431u);
    random_seed(&r, 0);
    cr_assert(r.s[0] | r.s[1] | r.s[2] | r.s[3]);
}

Test(random, the_kernel_seeds_differently_each_time)
{
    struct random a, b;

    random_init(&a);
    random_init(&b);
    cr_assert(memcmp(&a, &b, sizeof a) != 0);
}

Test(random, below_stays_below)
{
    struct random r;
    static const uint64_t limits[] = {1, 2, 3, 10, 1000003, UINT64_C(1) << 63, UINT64_MAX};

    random_seed(&r, 1);
    for (size_t k = 0; k < sizeof limits / sizeof *limits; k++)
        for (int i = 0; i < 1000; i++)
            cr_assert_lt(random_below(&r, limits[k]), limits[k]);
}

/* 60,000 throws of a die: each face 10,000 times, standard deviation 91. Five of those. */
Test(random, below_is_fair)
{
    struct random r;
    int faces[6] = {0};

    random_seed(&r, 2);
    for (int i = 0; i < 60000; i++)
        faces[random_below(&r, 6)]++;
    for (int i = 0; i < 6; i++)
        cr_assert(faces[i] > 9540 && faces[i] < 10460, "face %d: %d", i, faces[i]);
}

/* With n = 3 * 2^62 a modulo, or a draw without rejection, hits one third of the range twice as
 * often as the others. */
Test(random, below_has_no_bias_for_huge_ranges)
{
    struct random r;
    const uint64_t third = UINT64_C(1) << 62;
    int thirds[3] = {0};

    random_seed(&r, 3);
    for (int i = 0; i < 30000; i++)
        thirds[random_below(&r, 3 * third) % 3]++;
    for (int i = 0; i < 3; i++)
        cr_assert(thirds[i] > 9590 && thirds[i] < 10410, "%d: %d", i, thirds[i]);
}

Test(random, below_zero_is_a_mistake, .signal = SIGABRT)
{
    struct random r;

    random_seed(&r, 1);
    random_below(&r, 0);
}

Test(random, hex_is_32_lower_case_digits)
{
    struct random r;
    char a[33] = {0}, b[33] = {0};

    random_seed(&r, 4);
    random_hex32(&r, a);
    random_hex32(&r, b);
    cr_assert_eq(strspn(a, "0123456789abcdef"), 32);
    cr_assert_eq(a[32], '\0');
    cr_assert_str_neq(a, b);
    cr_assert_neq(memcmp(a, a + 16, 16), 0);
}
