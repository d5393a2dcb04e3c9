/* SPDX-License-Identifier: Apache-2.0 */
/* Which traces are recorded. */
#include "tracing/sampling.h"

#include "tracing/ids.h"

#include <criterion/criterion.h>

static bool takes(uint32_t ratio, bool parent, const struct trace_context *c)
{
    const struct sampling s = {.ratio = ratio, .parent = parent, .bound = sampling_bound(ratio)};
    return sampling_takes(&s, c);
}

static bool takes_id(uint32_t ratio, uint64_t low)
{
    return takes(ratio, true, &(struct trace_context){.high = 1, .low = low});
}

/* The bounds that the SDK for Go computes by the same arithmetic. */
Test(tracing_sampling, has_the_bound_that_others_have)
{
    cr_assert_eq(sampling_bound(0), 0);
    cr_assert_eq(sampling_bound(250000), UINT64_C(2305843009213693952));
    cr_assert_eq(sampling_bound(500000), UINT64_C(4611686018427387904));
    cr_assert_eq(sampling_bound(1000000), UINT64_C(9223372036854775808));
}

Test(tracing_sampling, goes_by_the_lower_half_of_the_id)
{
    cr_assert(takes_id(500000, 0));
    cr_assert(takes_id(500000, UINT64_C(0x7fffffffffffffff)));
    cr_assert(!takes_id(500000, UINT64_C(0x8000000000000000)));
    cr_assert(!takes_id(0, 0));
    cr_assert(takes_id(1000000, UINT64_MAX));
}

Test(tracing_sampling, takes_the_share_that_was_set)
{
    static struct id_pool ids;
    int taken = 0;
    for (int i = 0; i < 100000; i++)
        taken += takes_id(100000, id_next(&ids));
    cr_assert(taken > 9500 && taken < 10500, "%d of 100000", taken); /* 5 standard deviations */
}

Test(tracing_sampling, with_a_smaller_ratio_takes_a_part_of_the_same)
{
    static struct id_pool ids;
    for (int i = 0; i < 10000; i++) {
        const uint64_t id = id_next(&ids);
        cr_assert(!takes_id(50000, id) || takes_id(100000, id));
    }
}

Test(tracing_sampling, follows_the_parent)
{
    const struct trace_context yes = {.low = UINT64_MAX, .decided = true, .flags = TRACE_SAMPLED};
    const struct trace_context no = {.low = 0, .decided = true, .flags = TRACE_RANDOM};
    const struct trace_context open = {.low = 0, .flags = 0};
    cr_assert(takes(0, true, &yes));
    cr_assert(!takes(1000000, true, &no));
    cr_assert(takes(1000000, true, &open), "nobody has decided");
    cr_assert(!takes(500000, false, &yes), "it doesn't count");
    cr_assert(takes(500000, false, &no));
}
