/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule of a split: its bound over random weights and every prefix, and what is refused. */

#include "canary/schedule.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/random.h"

static struct schedule s;
static char reason[SCHEDULE_REASON];

static void build(const uint32_t *weights, size_t n)
{
    cr_assert(schedule_build(&s, weights, n, reason), "%s", reason);
}

/* Tijdeman's bound, |got - m*w/W| <= 1 - 1/(2k-2), at every prefix of two rounds. */
static void holds_the_bound(const uint32_t *weights, size_t n)
{
    int64_t got[SCHEDULE_VARIANTS] = {0}, sum = 0, k = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weights[i];
        k += weights[i] > 0;
    }
    build(weights, n);
    const int64_t d = k > 1 ? 2 * k - 2 : 1;
    for (int64_t m = 1; m <= 2 * (int64_t)s.length; m++) {
        got[schedule_at(&s, (uint64_t)m - 1)]++;
        for (size_t i = 0; i < n; i++) {
            const int64_t off = got[i] * sum - m * weights[i];
            cr_assert_leq((off < 0 ? -off : off) * d, (d - 1) * sum,
                          "variant %zu of %zu, ticket %ld", i, n, (long)m);
        }
    }
}

Test(canary_schedule, is_never_off_by_a_request_for_any_weights_and_prefix)
{
    struct random r;
    random_seed(&r, 1980);
    for (unsigned set = 0; set < 5000; set++) {
        uint32_t weights[12];
        const size_t n = 1 + random_below(&r, 12);
        const uint64_t most = 1 + random_below(&r, set % 50 ? 30 : 1300);
        for (size_t i = 0; i < n; i++)
            weights[i] = random_below(&r, 8) ? (uint32_t)random_below(&r, most + 1) : 0;
        weights[random_below(&r, n)] = 1 + (uint32_t)random_below(&r, most);
        holds_the_bound(weights, n);
    }
}

Test(canary_schedule, holds_the_bound_for_extreme_weights)
{
    uint32_t many[SCHEDULE_VARIANTS];
    for (size_t i = 0; i < SCHEDULE_VARIANTS; i++)
        many[i] = i ? 1 + i % 3 : 9000;
    holds_the_bound(many, SCHEDULE_VARIANTS);
    holds_the_bound((uint32_t[]){9999, 1}, 2);
    holds_the_bound((uint32_t[]){1, 9999}, 2);
    holds_the_bound((uint32_t[]){3333, 3333, 3334}, 3);
    holds_the_bound((uint32_t[]){9997, 1, 1, 1}, 4);
    holds_the_bound((uint32_t[]){1, 1, 16382}, 3);
    holds_the_bound((uint32_t[]){4294967295, 0, 4294967295}, 3);
}

Test(canary_schedule, divides_weights_by_what_they_share)
{
    build((uint32_t[]){999900, 100}, 2); /* millionths: 99.99 % and 0.01 % */
    cr_assert_eq(s.length, 10000);
    build((uint32_t[]){333300, 333300, 333400}, 3);
    cr_assert_eq(s.length, 10000);
    build((uint32_t[]){95, 5}, 2);
    cr_assert_eq(s.length, 20);
    build((uint32_t[]){1000000, 100}, 2); /* 100 beside 0.01 */
    cr_assert_eq(s.length, 10001);
    build((uint32_t[]){0, 7}, 2);
    cr_assert_eq(s.length, 1);
    cr_assert_eq(s.of[0], 1);
}

Test(canary_schedule, interleaves_instead_of_taking_turns_of_blocks)
{
    build((uint32_t[]){3, 1}, 2);
    cr_assert_eq(memcmp(s.of, (uint8_t[]){0, 0, 1, 0}, 4), 0);
    build((uint32_t[]){9999, 1}, 2);
    cr_assert_eq(s.of[0], 0);
    const uint8_t *rare = memchr(s.of, 1, s.length);
    cr_assert(rare);
    cr_assert_eq(rare - s.of, 5000);
}

Test(canary_schedule, gives_nothing_to_a_zero_weight)
{
    build((uint32_t[]){0, 50, 0, 50, 0}, 5);
    for (uint64_t at = 0; at < 100; at++)
        cr_assert(schedule_at(&s, at) == 1 || schedule_at(&s, at) == 3);
}

Test(canary_schedule, counts_what_was_given_at_any_position)
{
    const uint32_t weights[] = {70, 0, 25, 5};
    uint64_t got[4] = {0};
    build(weights, 4);
    for (uint64_t at = 0; at < 1000; at++) {
        for (unsigned i = 0; i < 4; i++)
            cr_assert_eq(schedule_count(&s, at, i), got[i]);
        got[schedule_at(&s, at)]++;
    }
    const uint64_t far = (uint64_t)1 << 48;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t count = schedule_count(&s, far, i);
        const int64_t off = (int64_t)(count * 100) - (int64_t)(far * weights[i]);
        cr_assert(-100 < off && off < 100);
        sum += count;
    }
    cr_assert_eq(sum, far);
}

Test(canary_schedule, refuses_weights_that_are_too_fine_and_says_what_to_do)
{
    uint32_t length = 0;
    cr_assert(schedule_check((uint32_t[]){SCHEDULE_MAX - 1, 1}, 2, &length, reason));
    cr_assert_eq(length, SCHEDULE_MAX);
    cr_assert_not(schedule_check((uint32_t[]){SCHEDULE_MAX, 1}, 2, &length, reason));
    cr_assert(strstr(reason, "16385 requests"), "%s", reason);
    cr_assert(strstr(reason, "0.01 %"), "%s", reason);
    cr_assert_not(schedule_build(&s, (uint32_t[]){999999, 1}, 2, reason));
    cr_assert_not(schedule_build(&s, (uint32_t[]){4294967295, 4294967294}, 2, reason));
    cr_assert(strstr(reason, "8589934589 requests"), "%s", reason);
    cr_assert_lt(strlen(reason), SCHEDULE_REASON - 1);
}

Test(canary_schedule, refuses_weights_that_sum_up_to_zero)
{
    cr_assert_not(schedule_build(&s, (uint32_t[]){0, 0}, 2, reason));
    cr_assert(strstr(reason, "at least 1"), "%s", reason);
    cr_assert_not(schedule_build(&s, NULL, 0, reason));
}

Test(canary_schedule, refuses_more_variants_than_a_byte_can_number)
{
    uint32_t weights[SCHEDULE_VARIANTS + 1];
    for (size_t i = 0; i <= SCHEDULE_VARIANTS; i++)
        weights[i] = 1;
    build(weights, SCHEDULE_VARIANTS);
    cr_assert_not(schedule_build(&s, weights, SCHEDULE_VARIANTS + 1, reason));
    cr_assert(strstr(reason, "256 variants"), "%s", reason);
}
