/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and weights: levels, tiers, zones, panic and slow start, as tables. */
#include "core/cluster/weights.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MAX = 64, ALL = 1000000 };

static const struct weight_rules usual = {.panic = 500000, .overprovision = 140};

/* A cluster in letters: "hhd hhx" is two levels, the first with two healthy endpoints and a down
 * one. h: healthy, d: down, e: ejected, g: degraded, x: draining, 0: no weight. */
static size_t facts_of(const char *text, struct weight_facts *facts)
{
    size_t n = 0;
    uint8_t level = 0;
    for (; *text; text++) {
        if (*text == ' ') {
            level++;
            continue;
        }
        facts[n++] = (struct weight_facts){
            .weight = *text == '0' ? 0 : 1,
            .share = *text == 'e' ? 0 : ALL,
            .ramp = ALL,
            .zone = 1,
            .priority = level,
            .down = *text == 'd',
            .draining = *text == 'x',
            .degraded = *text == 'g',
        };
    }
    return n;
}

/* What each endpoint gets, in whole per cent, one after the other. */
static void parts_of(const struct weight_facts *facts, size_t n, const struct weight_rules *rules,
                     double *parts, struct weight_groups *groups)
{
    struct weight_result results[MAX];
    double total[GROUPS_MAX] = {0};
    weights_make(facts, n, rules, results, groups);
    for (size_t i = 0; i < n; i++)
        if (results[i].group != GROUP_NONE)
            total[results[i].group] += results[i].weight;
    for (size_t i = 0; i < n; i++) {
        const uint8_t g = results[i].group;
        parts[i] = 0;
        if (g == GROUP_NONE)
            continue;
        const uint32_t before = g ? groups->upto[g - 1] : 0;
        parts[i] = (groups->upto[g] - before) / 10000.0 * results[i].weight / total[g];
    }
}

static void expect(const char *cluster, bool panic, const double *want)
{
    struct weight_facts facts[MAX];
    struct weight_groups groups;
    double got[MAX];
    const size_t n = facts_of(cluster, facts);
    parts_of(facts, n, &usual, got, &groups);
    cr_expect_eq(groups.panic, panic, "panic of \"%s\"", cluster);
    for (size_t i = 0; i < n; i++)
        cr_expect(fabs(got[i] - want[i]) < 0.01, "\"%s\": %zu gets %f, not %f", cluster, i, got[i],
                  want[i]);
}

Test(weights, levels_get_what_their_health_says)
{
    static const struct {
        const char *cluster;
        bool panic;
        double want[8];
    } rows[] = {
        {"h", false, {100}},
        {"hh", false, {50, 50}},
        {"h0", false, {100, 0}},
        {"hhh hh", false, {100 / 3.0, 100 / 3.0, 100 / 3.0, 0, 0}},
        /* 3 of 4 x 1.4 is more than 1: the first level carries everything */
        {"hhhd h", false, {100 / 3.0, 100 / 3.0, 100 / 3.0, 0, 0}},
        /* 2 of 4: 70 %, the rest goes to the next level */
        {"hhdd hh", false, {35, 35, 0, 0, 15, 15}},
        {"hhee hh", false, {35, 35, 0, 0, 15, 15}},
        {"dd hh", false, {0, 0, 50, 50}},
        /* 35 % and 35 %: together less than all, so each gets its part; half of all is healthy? no:
         * a quarter, which is panic */
        {"hddd hddd", true, {12.5, 12.5, 12.5, 12.5, 12.5, 12.5, 12.5, 12.5}},
        {"hhdd", false, {50, 50, 0, 0}},
        {"hddd", true, {25, 25, 25, 25}},
        {"d", true, {100}},
        {"e", true, {100}},
        /* who is being drained is not counted, and not used in panic either */
        {"hxxx", false, {100, 0, 0, 0}},
        {"xx", false, {0, 0}},
        {"dddx", true, {100 / 3.0, 100 / 3.0, 100 / 3.0, 0}},
        {"d h", false, {0, 100}},
        {"x h", false, {0, 100}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i].cluster, rows[i].panic, rows[i].want);
}

Test(weights, degraded_endpoints_get_what_healthy_ones_do_not_reach)
{
    static const struct {
        const char *cluster;
        double want[8];
    } rows[] = {
        {"hhhg", {100 / 3.0, 100 / 3.0, 100 / 3.0, 0}},
        {"hhgg", {35, 35, 15, 15}},
        {"gg", {50, 50}},
        /* healthy ones of a later level come before degraded ones of the first */
        {"gg hh", {0, 0, 50, 50}},
        {"hgg hhd", {140 / 3.0, 0, 0, 160 / 6.0, 160 / 6.0, 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i].cluster, false, rows[i].want);
}

Test(weights, without_a_threshold_there_is_no_panic)
{
    struct weight_facts facts[MAX];
    struct weight_groups groups;
    double got[MAX];
    struct weight_rules never = usual;
    never.panic = 0;
    size_t n = facts_of("hddd", facts);
    parts_of(facts, n, &never, got, &groups);
    cr_assert_not(groups.panic);
    cr_assert_float_eq(got[0], 100, 0.01);
    n = facts_of("dd", facts);
    parts_of(facts, n, &never, got, &groups);
    cr_assert_eq(groups.n, 0);
}

Test(weights, levels_without_panic_share_in_proportion_to_their_health)
{
    struct weight_facts facts[MAX];
    struct weight_groups groups;
    double got[MAX];
    struct weight_rules never = usual;
    never.panic = 0;
    const size_t n = facts_of("hddd hdddddd", facts); /* 35 % and 20 % */
    parts_of(facts, n, &never, got, &groups);
    cr_assert_float_eq(got[0], 100 * 35 / 55.0, 0.01);
    cr_assert_float_eq(got[4], 100 * 20 / 55.0, 0.01);
}

Test(weights, a_share_and_a_ramp_are_taken_off_the_weight)
{
    struct weight_facts facts[MAX];
    struct weight_groups groups;
    struct weight_result results[MAX];
    facts_of("hhhd", facts);
    facts[0].weight = 3;
    facts[1].share = 250000;
    facts[2].ramp = 100000;
    facts[2].share = 500000;
    weights_make(facts, 4, &usual, results, &groups);
    cr_assert_eq(results[0].weight, 3 * WEIGHT_ONE);
    cr_assert_eq(results[1].weight, WEIGHT_ONE / 4);
    cr_assert_eq(results[2].weight, WEIGHT_ONE / 20);
    cr_assert_eq(results[3].weight, 0);
    facts[0].weight = 1;
    facts[0].share = 1;
    weights_make(facts, 4, &usual, results, &groups);
    cr_assert_eq(results[0].weight, 1, "some is never none");
}

/* Zones: 0 is the own one. */
static void expect_zones(const char *zones, const char *health, size_t min, double own)
{
    struct weight_facts facts[MAX];
    struct weight_groups groups;
    double got[MAX], sum = 0;
    struct weight_rules rules = usual;
    rules.zones = true;
    rules.zone_endpoints = min;
    const size_t n = facts_of(health, facts);
    for (size_t i = 0; i < n; i++)
        facts[i].zone = (uint32_t)(zones[i] - '0');
    parts_of(facts, n, &rules, got, &groups);
    for (size_t i = 0; i < n; i++)
        sum += facts[i].zone == 0 ? got[i] : 0;
    cr_expect(fabs(sum - own) < 0.01, "zones %s, %s: the own one gets %f, not %f", zones, health,
              sum, own);
    sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += got[i];
    cr_expect_float_eq(sum, 100, 0.01);
}

Test(weights, the_own_zone_takes_what_keeps_the_load_even)
{
    expect_zones("001122", "hhhhhh", 6, 100);
    /* one of five of three zones: 3/5 stay, and each of the five gets the same */
    expect_zones("001122", "hdhhhh", 5, 60);
    /* as many endpoints as matter */
    expect_zones("001122", "hdhhhh", 6, 20);
    expect_zones("001122", "ddhhhh", 4, 0);
    expect_zones("000122", "hhhhhh", 6, 100);
    expect_zones("011222", "hhhhhh", 6, 50);
    /* nobody else is there */
    expect_zones("000000", "hhhhhh", 6, 100);
    expect_zones("111222", "hhhhhh", 6, 0);
}

Test(weights, in_panic_zones_do_not_matter)
{
    expect_zones("001122", "hddddd", 1, 100 / 3.0);
}

Test(weights, many_levels_and_zones_find_their_groups)
{
    struct weight_facts facts[MAX];
    struct weight_result results[MAX];
    struct weight_groups groups;
    struct weight_rules rules = {.overprovision = 100, .zones = true, .zone_endpoints = 1};
    for (size_t i = 0; i < MAX; i++) /* two endpoints of four per level are down, in two zones */
        facts[i] = (struct weight_facts){.weight = 1, .share = ALL, .ramp = ALL,
                                         .priority = (uint8_t)(i / 4), .zone = i % 2,
                                         .down = i / 4 < 15 && i % 4 > 1};
    weights_make(facts, MAX, &rules, results, &groups);
    cr_assert_eq(groups.n, 32);
    cr_assert_eq(groups.upto[0], ALL / 2, "half of the first level is healthy");
    cr_assert_eq(groups.upto[1], ALL / 2, "... and its own zone takes all of that");
    for (size_t i = 2; i < groups.n; i++)
        cr_assert_eq(groups.upto[i], ALL, "two levels are enough");
}

/* -- slow start -------------------------------------------------------------------------------- */

Test(weights, a_ramp_grows_from_its_least_to_all)
{
    static const struct {
        uint32_t aggression;
        uint64_t at_s;
        uint32_t want;
    } rows[] = {
        {100, 0, 100000},   {100, 1, 100000},   {100, 5, 500000}, {100, 9, 900000},
        {100, 10, ALL},     {100, 1000, ALL},   {200, 1, 316227}, {200, 5, 707106},
        {50, 5, 250000},    {50, 9, 810000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct slow_start s = {.window_us = 10000000, .min_share = 100000,
                                     .aggression = rows[i].aggression};
        const uint32_t got = weights_ramp(&s, 1000, 1000 + rows[i].at_s * 1000000);
        cr_expect(got + 2 > rows[i].want && got < rows[i].want + 2, "%zu: %u", i, got);
    }
}

Test(weights, a_ramp_is_looked_at_again_until_it_is_over)
{
    const struct slow_start s = {.window_us = 1000000, .min_share = 0, .aggression = 100};
    const struct slow_start none = {0};
    uint64_t now = 5000;
    unsigned looks = 0;
    cr_assert_eq(weights_ramp_due(&none, 5000, now), UINT64_MAX);
    cr_assert_eq(weights_ramp_due(&s, 0, now), UINT64_MAX, "who was there from the start");
    cr_assert_gt(weights_ramp(&s, 5000, now), 0);
    for (uint64_t due; (due = weights_ramp_due(&s, 5000, now)) != UINT64_MAX; looks++) {
        cr_assert_gt(due, now);
        cr_assert_leq(due, 1005000);
        now = due;
    }
    cr_assert(looks >= 90 && looks <= 101, "%u", looks);
    cr_assert_eq(weights_ramp(&s, 5000, now), ALL);
}
