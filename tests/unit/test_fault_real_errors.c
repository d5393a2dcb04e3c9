/* SPDX-License-Identifier: Apache-2.0 */
/* A sliding window, with a clock of the test's. */
#include "fault/real_errors.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000;
static struct real_errors w;

#define cr_assert_window(at, want_requests, want_errors)                                           \
    do {                                                                                           \
        const struct real_errors_sum sum_ = real_errors_sum(&w, 10 * second, (at));                          \
        cr_assert(sum_.requests == (want_requests) && sum_.errors == (want_errors), "%lu, %lu",    \
                  (unsigned long)sum_.requests, (unsigned long)sum_.errors);                       \
    } while (0)

Test(fault_real_errors, forgets_part_by_part)
{
    for (uint64_t s = 100; s < 120; s++)
        for (uint64_t i = 0; i < s; i++)
            real_errors_add(&w, 10 * second, s * second + i, i == 0);
    cr_assert_window(119 * second, (110 + 119) * 5, 10);
    cr_assert_window(120 * second, (111 + 119) * 9 / 2, 9);
    cr_assert_window(128 * second, 119, 1);
    cr_assert_window(129 * second, 0, 0);
    cr_assert_window(100000 * second, 0, 0);
}

Test(fault_real_errors, begins_empty_and_at_any_time)
{
    cr_assert_window(0, 0, 0);
    real_errors_add(&w, 10 * second, 0, true);
    cr_assert_window(0, 1, 1);
    cr_assert_window(9 * second, 1, 1);
    cr_assert_window(10 * second, 0, 0);
    real_errors_add(&w, 10 * second, 1ull << 60, false);
    cr_assert_window(1ull << 60, 1, 0);
    real_errors_clear(&w);
    cr_assert_window(1ull << 60, 0, 0);
}

Test(fault_real_errors, is_over_only_above_the_rate_and_with_enough_requests)
{
    cr_assert(!real_errors_is_over((struct real_errors_sum){19, 19}, 10000, 20));
    cr_assert(real_errors_is_over((struct real_errors_sum){20, 1}, 10000, 20));
    cr_assert(!real_errors_is_over((struct real_errors_sum){100, 1}, 10000, 20), "1 % isn't above 1 %");
    cr_assert(real_errors_is_over((struct real_errors_sum){100, 2}, 10000, 20));
    cr_assert(!real_errors_is_over((struct real_errors_sum){100, 100}, 1000000, 1));
}

Test(fault_real_errors, loses_nothing_when_processes_race)
{
    enum { PROCESSES = 4, TURNS = 20000 };
    struct real_errors *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork())
            continue;
        for (int n = 0; n < TURNS; n++)
            real_errors_add(shared, 10 * second, 77 * second, n % 2);
        _exit(0);
    }
    while (wait(NULL) > 0)
        ;
    const struct real_errors_sum s = real_errors_sum(shared, 10 * second, 77 * second);
    cr_assert_eq(s.requests, PROCESSES * TURNS);
    cr_assert_eq(s.errors, PROCESSES * TURNS / 2);
}
