/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2_guard.h"

#include <criterion/criterion.h>

static const struct h2_guard_limits limits = {
    .interval_ms = 1000,
    .most = {[H2_EVENT_RESET] = 3, [H2_EVENT_CONTINUATION] = 2, [H2_EVENT_WINDOW] = 4},
};
static struct h2_guard g;

static unsigned count_until_too_much(enum h2_event e, uint64_t now_ms)
{
    unsigned n = 0;
    while (n < 1000 && h2_guard_count(&g, &limits, e, now_ms))
        n++;
    return n;
}

Test(h2_guard, lets_as_many_pass_as_the_limit_says)
{
    h2_guard_init(&g, 5000);
    cr_assert_eq(count_until_too_much(H2_EVENT_RESET, 5999), 3);
    cr_assert_eq(count_until_too_much(H2_EVENT_RESET, 5999), 0, "and no more after that");
}

Test(h2_guard, begins_anew_with_the_next_interval)
{
    h2_guard_init(&g, 5000);
    cr_assert_eq(count_until_too_much(H2_EVENT_RESET, 5000), 3);
    cr_assert_eq(count_until_too_much(H2_EVENT_RESET, 6000), 3);
    cr_assert_eq(count_until_too_much(H2_EVENT_RESET, 6999), 0);
    cr_assert_eq(count_until_too_much(H2_EVENT_RESET, 9000), 3);
}

Test(h2_guard, counts_each_kind_apart_and_no_limit_is_none)
{
    h2_guard_init(&g, 0);
    cr_assert_eq(count_until_too_much(H2_EVENT_RESET, 1), 3);
    cr_assert_eq(count_until_too_much(H2_EVENT_PING, 1), 1000);
    cr_assert_eq(count_until_too_much(H2_EVENT_WINDOW, 1), 4);
}

Test(h2_guard, counts_continuations_by_block_and_not_by_time)
{
    h2_guard_init(&g, 0);
    cr_assert(h2_guard_count(&g, &limits, H2_EVENT_CONTINUATION, 0));
    cr_assert(h2_guard_count(&g, &limits, H2_EVENT_CONTINUATION, 5000));
    cr_assert(!h2_guard_count(&g, &limits, H2_EVENT_CONTINUATION, 10000));
    h2_guard_block(&g);
    cr_assert_eq(count_until_too_much(H2_EVENT_CONTINUATION, 10000), 2);
}

Test(h2_guard, allows_window_updates_for_data_that_was_sent)
{
    h2_guard_init(&g, 0);
    for (int i = 0; i < 10; i++)
        h2_guard_data_sent(&g);
    cr_assert_eq(count_until_too_much(H2_EVENT_WINDOW, 0), 10 * H2_WINDOW_CREDIT + 4);
    cr_assert_str_eq(h2_event_name(H2_EVENT_WINDOW), "window_updates");
}
