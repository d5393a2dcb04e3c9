/* SPDX-License-Identifier: Apache-2.0 */
/* Rise and fall, and when the next check is due. */
#include <criterion/criterion.h>

#include "control/health/health_state.h"

static const struct health_conf conf = {
    .rise = 2,
    .fall = 3,
    .interval = 5000,
    .unhealthy_interval = 1000,
    .no_traffic_interval = 60000,
};

/* 'p' a check passes, 'f' it fails, and then in capitals what the endpoint is: 'U', 'D'. */
static void play(const char *story)
{
    struct health_state s = {0};
    for (const char *at = story; *at; at += 2) {
        const enum endpoint_health before = s.health;
        const bool changed = health_note(&s, &conf, at[0] == 'p');
        cr_assert_eq(changed, s.health != before);
        cr_assert_eq(s.health, at[1] == 'U' ? HEALTH_UP : HEALTH_DOWN, "%s at %s", story, at);
        cr_assert(s.passed == 0 || s.failed == 0);
    }
}

Test(health_state, the_first_check_counts_at_once)
{
    play("pU");
    play("fD");
}

Test(health_state, so_does_the_one_that_is_awaited)
{
    for (int passes = 0; passes < 2; passes++) {
        struct health_state s = {.health = HEALTH_PENDING};
        cr_assert(health_note(&s, &conf, passes));
        cr_assert_eq(s.health, passes ? HEALTH_UP : HEALTH_DOWN);
    }
}

Test(health_state, falls_after_that_many_failures_in_a_row)
{
    play("pUfUfUfDfD");
    play("pUfUfUpUfUfUpUfUfUfD");
}

Test(health_state, rises_after_that_many_passes_in_a_row)
{
    play("fDpDpUpU");
    play("fDpDfDpDfDpDpUfUfUfD");
}

Test(health_state, thresholds_of_one_follow_each_check)
{
    const struct health_conf one = {.rise = 1, .fall = 1};
    struct health_state s = {0};
    for (int i = 0; i < 6; i++)
        cr_assert(health_note(&s, &one, i % 2), "each check is a change");
}

Test(health_state, counts_do_not_wrap)
{
    struct health_state s = {.health = HEALTH_DOWN, .failed = UINT32_MAX};
    cr_assert_not(health_note(&s, &conf, false));
    cr_assert_eq(s.failed, UINT32_MAX);
}

static void pause_is(enum endpoint_health health, uint32_t failed, bool quiet, uint64_t expected)
{
    const struct health_state s = {.health = health, .failed = failed};
    struct random r;
    random_seed(&r, 1);
    cr_assert_eq(health_pause(&s, &conf, quiet, &r), expected);
}

Test(health_state, waits_the_interval_of_its_state)
{
    pause_is(HEALTH_UP, 0, false, 5000);
    pause_is(HEALTH_UP, 1, false, 1000);
    pause_is(HEALTH_DOWN, 9, false, 1000);
    pause_is(HEALTH_DOWN, 0, false, 1000);
    pause_is(HEALTH_PENDING, 0, false, 1000);
}

Test(health_state, a_cluster_without_requests_is_checked_less_often)
{
    pause_is(HEALTH_UP, 0, true, 60000);
    pause_is(HEALTH_UP, 1, true, 1000);
    pause_is(HEALTH_DOWN, 0, true, 1000);
}

Test(health_state, without_such_an_interval_silence_changes_nothing)
{
    struct health_conf c = conf;
    struct random r;
    const struct health_state s = {.health = HEALTH_UP};
    c.no_traffic_interval = 0;
    random_seed(&r, 1);
    cr_assert_eq(health_pause(&s, &c, true, &r), 5000);
}

Test(health_state, jitter_goes_both_ways_and_no_further)
{
    struct health_conf c = conf;
    struct random r;
    const struct health_state s = {.health = HEALTH_UP};
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    enum { N = 10000 };
    c.jitter = 100000; /* 10 % */
    random_seed(&r, 7);
    for (int i = 0; i < N; i++) {
        const uint64_t ms = health_pause(&s, &c, false, &r);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
        sum += ms;
    }
    cr_assert(least >= 4500 && least < 4510, "%lu", (unsigned long)least);
    cr_assert(most <= 5500 && most > 5490, "%lu", (unsigned long)most);
    cr_assert(sum / N > 4980 && sum / N < 5020, "the mean is the interval");
}

Test(health_state, jitter_of_all_never_gives_none)
{
    const struct health_conf c = {.interval = 1, .jitter = 1000000};
    const struct health_state s = {.health = HEALTH_UP};
    struct random r;
    random_seed(&r, 7);
    for (int i = 0; i < 100; i++)
        cr_assert(health_pause(&s, &c, false, &r) >= 1);
}

Test(health_state, the_first_check_of_what_nobody_knows_is_made_at_once)
{
    struct health_state s = {0};
    struct random r;
    uint64_t most = 0;
    random_seed(&r, 3);
    cr_assert_eq(health_first(&s, &conf, &r), 1);
    s.health = HEALTH_PENDING;
    cr_assert_eq(health_first(&s, &conf, &r), 1);
    s.health = HEALTH_UP;
    for (int i = 0; i < 1000; i++) {
        const uint64_t ms = health_first(&s, &conf, &r);
        most = ms > most ? ms : most;
    }
    cr_assert(most > 4500 && most <= 5000, "spread over the interval");
}
