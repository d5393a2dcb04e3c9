/* SPDX-License-Identifier: Apache-2.0 */
/* The sketch that counts users: how far it is off, and that it counts each once. */

#include "canary/users.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static struct users u;
static uint64_t state;

/* SplitMix64. */
static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void add(uint64_t seed, unsigned n)
{
    state = seed;
    for (unsigned i = 0; i < n; i++)
        users_add(&u, next());
}

Test(canary_users, are_none_to_begin_with_and_after_clearing)
{
    cr_assert_eq(users_count(&u), 0);
    add(1, 1000);
    users_clear(&u);
    cr_assert_eq(users_count(&u), 0);
}

Test(canary_users, are_counted_once_each)
{
    add(1, 5000);
    const double once = users_count(&u);
    add(1, 5000);
    add(1, 100);
    cr_assert_eq(users_count(&u), once);
}

/* 1.04/sqrt(2048) is 2.3 %; over 100 sets the mean must be right, and each within four of those; of
 * a few users two may share a register, which is one that is missing. */
Test(canary_users, are_counted_to_within_the_error_that_is_stated)
{
    static const unsigned sizes[] = {1, 10, 100, 1000, 5000, 20000, 100000};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const unsigned sets = sizes[i] > 5000 ? 20 : 100;
        double sum = 0, squares = 0;
        for (unsigned set = 0; set < sets; set++) {
            users_clear(&u);
            add(set * 7919 + i, sizes[i]);
            const double off = users_count(&u) / sizes[i] - 1;
            cr_assert(fabs(off) < 4 * 0.023 + 1.01 / sizes[i], "%u users: %.4f", sizes[i], off);
            sum += off;
            squares += off * off;
        }
        cr_assert(fabs(sum / sets) < 4 * 0.023 / sqrt(sets), "%u users: biased by %.4f", sizes[i],
                  sum / sets);
        cr_assert(sqrt(squares / sets) < 1.5 * 0.023, "%u users", sizes[i]);
    }
}

Test(canary_users, few_are_counted_nearly_exactly)
{
    unsigned exact = 0;
    for (unsigned n = 0; n < 30; n++) {
        users_clear(&u);
        add(n, n);
        cr_assert_leq(abs((int)lround(users_count(&u)) - (int)n), 1);
        exact += lround(users_count(&u)) == n;
    }
    cr_assert_geq(exact, 25);
}

Test(canary_users, bear_marks_of_all_kinds)
{
    users_add(&u, 0);
    users_add(&u, UINT64_MAX);
    users_add(&u, 1);
    cr_assert(isfinite(users_count(&u)));
    for (unsigned i = 0; i < USERS_REGISTERS; i++)
        users_add(&u, (uint64_t)i << (64 - USERS_BITS)); /* nothing but zeros behind the register */
    cr_assert(users_count(&u) > 1e15);
}

static void *run(void *arg)
{
    uint64_t mine = *(uint64_t *)arg;
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t z = mine += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        users_add(&u, z ^ z >> 27);
    }
    return NULL;
}

Test(canary_users, lose_nobody_when_several_add_at_the_same_time)
{
    pthread_t threads[4];
    uint64_t seeds[4] = {1, 2, 3, 4};
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run, &seeds[i]), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    const double together = users_count(&u);
    users_clear(&u);
    for (unsigned i = 0; i < 4; i++)
        run(&seeds[i]);
    cr_assert_eq(users_count(&u), together);
}
