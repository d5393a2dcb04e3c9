/* SPDX-License-Identifier: Apache-2.0 */
/* Percentiles of recent latency: how near they are, and what recent means. */
#include "retry/percentile.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECOND = 1000000 };

static const struct percentile p95 = {.part = 950000, .window_us = 10 * SECOND, .min_samples = 1};
static struct latency l;

/* Where windows of ten seconds begin. */
static const uint64_t begin = UINT64_C(1000) * SECOND;

Test(retry_percentile, is_never_too_low_and_a_sixteenth_too_high_at_most)
{
    for (uint64_t us = 1; us < UINT64_C(1) << 29; us += us / 7 + 1) {
        memset(&l, 0, sizeof l);
        latency_add(&l, &p95, begin, us);
        const uint64_t got = latency_percentile(&l, &p95, begin);
        cr_assert(got >= us && got <= us + us / 16, "%lu gives %lu", us, got);
    }
}

Test(retry_percentile, takes_the_rank_that_its_name_says)
{
    for (uint64_t i = 1; i <= 1000; i++)
        latency_add(&l, &p95, begin, i * 1000);
    static const struct {
        uint32_t part;
        uint64_t us;
    } cases[] = {{500000, 500000}, {950000, 950000}, {999000, 999000}, {999999, 1000000}};
    for (unsigned i = 0; i < 4; i++) {
        const struct percentile p = {cases[i].part, p95.window_us, 1};
        const uint64_t got = latency_percentile(&l, &p, begin);
        cr_assert(got >= cases[i].us && got <= cases[i].us + cases[i].us / 16, "%lu", got);
    }
}

Test(retry_percentile, counts_what_lies_beyond_its_buckets_as_the_last)
{
    latency_add(&l, &p95, begin, UINT64_MAX);
    latency_add(&l, &p95, begin, UINT64_C(1) << 30);
    cr_assert_eq(latency_percentile(&l, &p95, begin), (UINT64_C(1) << 30) - 1);
    memset(&l, 0, sizeof l);
    latency_add(&l, &p95, begin, 0);
    cr_assert_eq(latency_percentile(&l, &p95, begin), 1, "0 is for none");
}

Test(retry_percentile, says_nothing_of_few_samples)
{
    const struct percentile few = {950000, p95.window_us, 100};
    for (unsigned i = 0; i < 99; i++)
        latency_add(&l, &few, begin, 1000);
    cr_assert_eq(latency_percentile(&l, &few, begin), 0);
    latency_add(&l, &few, begin, 1000);
    cr_assert_neq(latency_percentile(&l, &few, begin), 0);
}

Test(retry_percentile, is_of_the_window_that_runs_and_the_one_before)
{
    latency_add(&l, &p95, begin + 9 * SECOND, 1000);
    cr_assert_eq(latency_samples(&l, &p95, begin + 10 * SECOND), 1);
    cr_assert_eq(latency_samples(&l, &p95, begin + 19 * SECOND), 1);
    cr_assert_eq(latency_samples(&l, &p95, begin + 20 * SECOND), 0);
    latency_add(&l, &p95, begin + 20 * SECOND, 2000);
    cr_assert_eq(latency_samples(&l, &p95, begin + 20 * SECOND), 1, "the place was emptied");
    latency_add(&l, &p95, begin + 9 * SECOND, 1000); /* a worker whose turn began long ago */
    cr_assert_eq(latency_samples(&l, &p95, begin + 20 * SECOND), 1);
}

Test(retry_percentile, is_computed_ten_times_a_second_and_no_more)
{
    latency_add(&l, &p95, begin, 1000);
    const uint64_t first = latency_recent(&l, &p95, begin);
    cr_assert(first >= 1000 && first < 1100);
    for (unsigned i = 0; i < 100; i++)
        latency_add(&l, &p95, begin, 50000);
    cr_assert_eq(latency_recent(&l, &p95, begin + 99999), first);
    cr_assert_gt(latency_recent(&l, &p95, begin + 100000), 49999);
    cr_assert_eq(latency_recent(&l, &p95, begin + 60 * SECOND), 0, "long ago");
}

Test(retry_percentile, loses_no_sample_of_several_writers_within_a_window)
{
    enum { WRITERS = 4, EACH = 20000 };
    struct latency *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
    latency_add(shared, &p95, begin, 1000); /* the window has begun */
    for (unsigned w = 0; w < WRITERS; w++)
        if (fork() == 0) {
            for (unsigned i = 0; i < EACH; i++)
                latency_add(shared, &p95, begin + i, i);
            _exit(0);
        }
    for (unsigned w = 0; w < WRITERS; w++)
        wait(NULL);
    cr_assert_eq(latency_samples(shared, &p95, begin), WRITERS * EACH + 1);
    munmap(shared, sizeof *shared);
}
