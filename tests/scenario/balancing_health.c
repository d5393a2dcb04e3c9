/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets requests as endpoints fail their health checks and come back: levels that overflow,
 * zones that spill over, panic, and a slow start. Shares are of a few hundred requests: bounds are
 * four standard deviations away and more. */
#include "balancing_case.h"

#include <stdio.h>

BALANCING_SUITE(balancing_health);

#define CHECKED "health = { " OFTEN "}; "

static void await_all_up(void)
{
    AWAIT_HEALTH(balancing_app, 1);
    AWAIT_HEALTH(balancing_bee, 1);
    AWAIT_HEALTH(balancing_cat, 1);
}

/* -- levels ------------------------------------------------------------------------------------ */

/* Half of a level carries 1.4 times as much: 70 %. */
#define LEVELS "( \"$app\", \"$bee\", { address = \"$cat\"; priority = 1; } )"

Test(balancing_health, a_level_overflows_into_the_next_as_it_fails_and_takes_it_back)
{
    rig_start(.endpoints = LEVELS, .cluster = CHECKED);
    await_all_up();
    cr_assert_eq(shares_of(50).cat, 0);
    balancing_fail(balancing_bee);
    const struct shares half = shares_of(400);
    cr_assert_eq(half.bee, 0);
    cr_assert(half.cat >= 80 && half.cat <= 160, "30 %% of 400 are %u", half.cat);
    balancing_fail(balancing_app);
    cr_assert_eq(shares_of(50).cat, 50, "the second level reaches for everything: no panic");
    balancing_heal(balancing_app);
    balancing_heal(balancing_bee);
    cr_assert_eq(shares_of(50).cat, 0);
}

Test(balancing_health, a_level_carries_as_much_more_as_it_is_said_to)
{
    rig_start(.endpoints = LEVELS, .cluster = CHECKED "overprovision = 200;");
    await_all_up();
    balancing_fail(balancing_bee);
    cr_assert_eq(shares_of(50).app, 50);
    rig_renew(.endpoints = LEVELS, .cluster = CHECKED "overprovision = 100;");
    const struct shares s = shares_of(400);
    cr_assert(s.cat >= 160 && s.cat <= 240, "half of 400 are %u", s.cat);
}

/* -- zones ------------------------------------------------------------------------------------- */

/* One of two zones has a third of the weight: a gateway there keeps two thirds of its requests. */
Test(balancing_health, the_own_zone_spills_over_what_would_be_too_much_for_it)
{
    static const char endpoints[] =
        "( { address = \"$app\"; zone = \"here\"; }, { address = \"$bee\"; zone = \"there\"; }, "
        "{ address = \"$cat\"; zone = \"there\"; } )";
    rig_start(.top = "zone = \"here\";", .endpoints = endpoints,
              .cluster = CHECKED "panic = \"0%\"; zone_aware = { min_endpoints = 2; };");
    await_all_up();
    const struct shares s = shares_of(400);
    cr_assert(s.app >= 225 && s.app <= 308, "two thirds of 400 are %u", s.app);
    cr_assert(s.bee > 0 && s.cat > 0);
    balancing_fail(balancing_cat); /* now it has half of what can be used */
    cr_assert_eq(shares_of(50).app, 50);
    balancing_fail(balancing_app);
    cr_assert_eq(shares_of(50).bee, 50);
    balancing_heal(balancing_app);
    cr_assert_eq(shares_of(50).app, 50);
    rig_renew(.top = "zone = \"here\";", .endpoints = endpoints, .cluster = CHECKED);
    balancing_heal(balancing_cat);
    cr_assert_eq(shares_of(90).app, 30, "so few endpoints are used in turn");
}

/* -- panic ------------------------------------------------------------------------------------- */

static double panics(void)
{
    double sum = 0;
    const struct origin *const all[] = {balancing_app, balancing_bee, balancing_cat};
    for (size_t i = 0; i < 3; i++) {
        char series[128];
        snprintf(series, sizeof series,
                 "weir_endpoint_panic_total{cluster=\"app\",endpoint=\"127.0.0.1:%u\"}",
                 origin_port(all[i]));
        const double n = rig_metric(series);
        sum += n > 0 ? n : 0;
    }
    return sum;
}

#define ALL "[ \"$app\", \"$bee\", \"$cat\" ]"

Test(balancing_health, with_too_few_healthy_ones_all_are_used_and_it_is_counted)
{
    rig_start(.endpoints = ALL, .cluster = CHECKED "panic = \"50%\";");
    await_all_up();
    balancing_fail(balancing_app);
    struct shares s = shares_of(40);
    cr_assert(s.app == 0 && s.bee == 20 && s.cat == 20, "two thirds are enough");
    cr_assert_eq(panics(), 0);
    cr_assert(!rig_logged("cluster_panic"));
    balancing_fail(balancing_bee);
    s = shares_of(30);
    cr_assert(s.app == 10 && s.bee == 10 && s.cat == 10, "%u %u %u", s.app, s.bee, s.cat);
    cr_assert_eq(panics(), 30);
    rig_await_log("cluster_panic cluster=app endpoints=3");
    balancing_heal(balancing_bee);
    cr_assert_eq(shares_of(40).app, 0);
    cr_assert_eq(panics(), 30);
    rig_await_log("cluster_calm cluster=app");
    cr_assert_eq(rig_log_count("cluster_panic"), 1);
}

Test(balancing_health, the_few_that_are_healthy_are_used_where_panic_begins_later)
{
    rig_start(.endpoints = ALL, .cluster = CHECKED "panic = \"30%\";");
    await_all_up();
    balancing_fail(balancing_app);
    balancing_fail(balancing_bee);
    cr_assert_eq(shares_of(30).cat, 30);
    cr_assert_eq(panics(), 0);
}

/* -- slow start -------------------------------------------------------------------------------- */

enum { WINDOW_MS = 900, HALVES = 2 };
#define SLOW "slow_start = { window = \"900ms\"; min_share = \"10%\"; }; "

/* What part one of three is to get that joined so long ago. */
static double part_after(uint64_t ms)
{
    const double grown = (double)ms / WINDOW_MS;
    const double weight = grown < 0.1 ? 0.1 : grown > 1 ? 1 : grown;
    return weight / (2 + weight);
}

/* What cat got in a half of its window, and what it was to get: at least, if it joined late and
 * each choice was made when the request was sent; at most, if it joined early and each was made
 * when the response came. So it holds, too, when the machine rests in between. */
struct half {
    double least, most;
    unsigned got;
};

static void ask_in_window(uint64_t early_ms, struct half halves[HALVES])
{
    const uint64_t late_ms = now_ms();
    for (uint64_t sent = late_ms; sent < late_ms + WINDOW_MS; sent = now_ms()) {
        struct half *h = &halves[(sent - late_ms) * HALVES / WINDOW_MS];
        h->got += shares_of(1).cat;
        h->least += part_after(sent - late_ms);
        h->most += part_after(now_ms() - early_ms);
    }
}

/* cat joins two others, not before early_ms; its first answer tells that it has. */
static void expect_slow_start(uint64_t early_ms)
{
    struct half halves[HALVES] = {0};
    AWAIT(shares_of(1).cat == 1);
    ask_in_window(early_ms, halves);
    for (unsigned i = 0; i < HALVES; i++) {
        const struct half *h = &halves[i];
        cr_assert(h->got > h->least * 0.85 - 3 && h->got < h->most * 1.15 + 3,
                  "half %u: %u, not from %.1f to %.1f", i, h->got, h->least, h->most);
    }
    const unsigned then = shares_of(60).cat;
    cr_assert(then >= 19 && then <= 21, "a third of 60 are %u", then);
}

Test(balancing_health, one_that_is_new_starts_slowly)
{
    rig_start(.endpoints = "[ \"$app\", \"$bee\" ]", .cluster = SLOW);
    cr_assert_eq(shares_of(40).app, 20, "those that are there from the start do not");
    const uint64_t early_ms = now_ms();
    rig_reload(.endpoints = ALL, .cluster = SLOW);
    expect_slow_start(early_ms);
}

/* With 10000 per cent the hundredth root of the time: soon nearly all of the weight. */
Test(balancing_health, one_that_starts_slowly_may_be_quick_at_first)
{
    static const char *const quick =
        "slow_start = { window = \"5s\"; min_share = \"1%\"; aggression = 10000; };";
    rig_start(.endpoints = "[ \"$app\", \"$bee\" ]", .cluster = quick);
    rig_reload(.endpoints = ALL, .cluster = quick);
    AWAIT(shares_of(1).cat == 1);
    cr_assert_geq(shares_of(60).cat, 15, "evenly it would be few");
}

Test(balancing_health, one_that_is_healthy_again_starts_slowly)
{
    rig_start(.endpoints = ALL, .cluster = CHECKED SLOW);
    await_all_up();
    cr_assert_eq(shares_of(30).cat, 10);
    balancing_fail(balancing_cat);
    cr_assert_eq(shares_of(30).cat, 0);
    const uint64_t early_ms = now_ms();
    origin_script(balancing_cat, "");
    expect_slow_start(early_ms);
}
