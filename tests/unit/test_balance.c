/* SPDX-License-Identifier: Apache-2.0 */
/* Balancers over endpoints made by hand. Random ones run on a fixed seed, so each run counts the
 * same. */

#include "core/cluster/cluster.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MAX = 8 };

static const struct draw two = {.choices = 2, .bias = 100};

struct set {
    struct endpoint eps[MAX];
    struct endpoint *p[MAX];
    size_t n;
    int64_t total;
};

static void set_make(struct set *s, const uint32_t *weights, size_t n)
{
    memset(s, 0, sizeof *s);
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        s->eps[i].weight = weights[i];
        s->p[i] = &s->eps[i];
        s->total += weights[i];
    }
}

static void expect_sequence(const uint32_t *weights, size_t n, const char *want)
{
    struct set s;
    set_make(&s, weights, n);
    for (const char *c = want; *c; c++) {
        size_t got = balance_round_robin(s.p, s.n, s.total);
        cr_expect_eq((char)('a' + got), *c, "pick %zu of %s is %c", (size_t)(c - want), want,
                     (char)('a' + got));
    }
}

Test(balance, round_robin_spreads_a_heavy_endpoint_out)
{
    static const struct {
        uint32_t weights[4];
        size_t n;
        const char *want;
    } rows[] = {
        {{5, 1, 1}, 3, "aabacaaaabacaa"},
        {{1, 1, 1}, 3, "abcabcabc"},
        {{3, 1}, 2, "aabaaaba"},
        {{1, 2}, 2, "babbab"},
        {{1}, 1, "aaa"},
        {{4, 2, 1}, 3, "abacabaabacaba"},
        {{0, 1, 0, 1}, 4, "bdbd"},
        {{100, 100}, 2, "abababab"},
    };
    for (size_t i = 0; i < array_n(rows); i++)
        expect_sequence(rows[i].weights, rows[i].n, rows[i].want);
}

Test(balance, round_robin_gives_each_its_share_in_every_window)
{
    static const uint32_t weights[] = {7, 3, 11, 1};
    struct set s;
    set_make(&s, weights, 4);
    unsigned seen[2200];
    for (size_t i = 0; i < array_n(seen); i++)
        seen[i] = (unsigned)balance_round_robin(s.p, s.n, s.total);
    for (size_t from = 0; from + 22 <= array_n(seen); from++) {
        unsigned count[4] = {0};
        for (size_t i = from; i < from + 22; i++)
            count[seen[i]]++;
        for (size_t i = 0; i < 4; i++)
            cr_assert_eq(count[i], weights[i], "window at %zu", from);
    }
}

Test(balance, round_robin_stays_near_the_share_when_weights_change_under_way)
{
    static const uint32_t before[] = {5, 1, 1};
    struct set s;
    set_make(&s, before, 3);
    for (int i = 0; i < 3; i++)
        balance_round_robin(s.p, s.n, s.total);
    s.eps[0].weight = 1;
    s.total = 3;
    unsigned count[3] = {0};
    for (int i = 0; i < 300; i++)
        count[balance_round_robin(s.p, s.n, s.total)]++;
    for (int i = 0; i < 3; i++)
        cr_assert(count[i] >= 97 && count[i] <= 103, "%d: %u", i, count[i]);
}

Test(balance, nobody_is_picked_without_a_weight)
{
    static const uint32_t weights[] = {0, 0};
    struct random r;
    random_seed(&r, 1);
    struct set s;
    set_make(&s, weights, 2);
    cr_assert_eq(balance_round_robin(s.p, s.n, s.total), 2);
    cr_assert_eq(balance_least_request(s.p, s.n, s.total, &two, &r), 2);
    cr_assert_eq(balance_round_robin(s.p, 0, 0), 0);
    cr_assert_eq(balance_least_request(s.p, 0, 0, &two, &r), 0);
}

static void expect_shares(const uint32_t *weights, size_t n, const double *want)
{
    enum { PICKS = 60000 };
    struct random r;
    random_seed(&r, 42);
    struct set s;
    set_make(&s, weights, n);
    unsigned count[MAX] = {0};
    for (int i = 0; i < PICKS; i++)
        count[balance_least_request(s.p, s.n, s.total, &two, &r)]++;
    for (size_t i = 0; i < n; i++) {
        double share = (double)count[i] / PICKS;
        cr_expect(share > want[i] - 0.01 && share < want[i] + 0.01, "%zu of %zu: %f, not %f", i, n,
                  share, want[i]);
    }
}

Test(balance, least_request_shares_an_idle_cluster_by_weight)
{
    expect_shares((uint32_t[]){1, 1, 1}, 3, (double[]){1 / 3., 1 / 3., 1 / 3.});
    expect_shares((uint32_t[]){5, 1}, 2, (double[]){5 / 6., 1 / 6.});
    expect_shares((uint32_t[]){5, 0, 3, 2}, 4, (double[]){.5, 0, .3, .2});
    expect_shares((uint32_t[]){0, 7, 0}, 3, (double[]){0, 1, 0});
}

Test(balance, least_request_takes_the_less_busy_of_two)
{
    struct random r;
    random_seed(&r, 7);
    struct set s;
    set_make(&s, (uint32_t[]){1, 1}, 2);
    s.eps[0].active = 3;
    s.eps[1].active = 2;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(balance_least_request(s.p, s.n, s.total, &two, &r), 1);
}

Test(balance, least_request_counts_what_is_active_per_weight)
{
    struct random r;
    random_seed(&r, 7);
    struct set s;
    set_make(&s, (uint32_t[]){4, 1}, 2);
    s.eps[0].active = 7; /* 1.75 per weight */
    s.eps[1].active = 2; /* 2 */
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(balance_least_request(s.p, s.n, s.total, &two, &r), 0);
    s.eps[0].active = 9; /* 2.25 */
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(balance_least_request(s.p, s.n, s.total, &two, &r), 1);
}

Test(balance, least_request_never_picks_the_busiest_and_any_of_the_others)
{
    struct random r;
    random_seed(&r, 11);
    struct set s;
    set_make(&s, (uint32_t[]){1, 1, 1, 1, 1}, 5);
    for (size_t i = 0; i < s.n; i++)
        s.eps[i].active = (uint32_t)i;
    unsigned count[5] = {0};
    for (int i = 0; i < 20000; i++)
        count[balance_least_request(s.p, s.n, s.total, &two, &r)]++;
    /* Two different ones of five: i wins against the 4 - i that are busier, of 10 pairs. */
    for (size_t i = 0; i < 5; i++) {
        double want = (double)(4 - i) / 10, share = (double)count[i] / 20000;
        cr_expect(share > want - 0.01 && share < want + 0.01, "%zu: %f", i, share);
    }
    cr_expect_eq(count[4], 0);
}

Test(balance, least_request_levels_the_load)
{
    struct random r;
    random_seed(&r, 5);
    struct set s;
    set_make(&s, (uint32_t[]){2, 1, 1, 1, 1, 2}, 6);
    for (int i = 0; i < 8000; i++)
        s.p[balance_least_request(s.p, s.n, s.total, &two, &r)]->active++;
    for (size_t i = 0; i < s.n; i++) {
        uint32_t per_weight = s.eps[i].active / s.eps[i].weight;
        cr_expect(per_weight >= 980 && per_weight <= 1020, "%zu: %u", i, per_weight);
    }
}

/* -- choices and bias -------------------------------------------------------------------------- */

Test(balance, more_choices_find_the_least_busy_more_often)
{
    static const uint32_t weights[] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (size_t choices = 2; choices <= 8; choices += 2) {
        enum { PICKS = 20000 };
        const struct draw how = {.choices = choices, .bias = 100};
        struct random r;
        struct set s;
        unsigned hits = 0;
        random_seed(&r, 5);
        set_make(&s, weights, 8);
        for (size_t i = 1; i < 8; i++)
            s.eps[i].active = 3;
        for (int i = 0; i < PICKS; i++)
            hits += balance_least_request(s.p, s.n, s.total, &how, &r) == 0;
        const double want = (double)choices / 8, got = (double)hits / PICKS;
        cr_expect(got > want - 0.02 && got < want + 0.02, "%zu choices: %f", choices, got);
    }
}

Test(balance, the_bias_says_how_much_requests_count)
{
    static const uint32_t weights[] = {4, 1};
    static const struct {
        uint32_t bias;
        uint32_t active[2];
        size_t want;
    } rows[] = {
        {100, {3, 1}, 0}, /* 3/4 and 1/1 */
        {100, {5, 1}, 1},
        {0, {60, 1}, 0},  /* the weights alone */
        {200, {3, 1}, 1}, /* 9/4 and 1/1 */
        {200, {2, 2}, 0},
    };
    for (size_t i = 0; i < array_n(rows); i++) {
        const struct draw how = {.choices = 2, .bias = rows[i].bias};
        struct random r;
        struct set s;
        random_seed(&r, 1);
        set_make(&s, weights, 2);
        s.eps[0].active = rows[i].active[0];
        s.eps[1].active = rows[i].active[1];
        for (int k = 0; k < 20; k++)
            cr_expect_eq(balance_least_request(s.p, s.n, s.total, &how, &r), rows[i].want,
                         "row %zu", i);
    }
}

/* -- bounded load ------------------------------------------------------------------------------ */

Test(balance, there_is_room_up_to_the_factor_of_the_average)
{
    static const struct {
        uint32_t weight;
        uint32_t active;
        uint64_t all;
        uint32_t factor;
        bool want;
    } rows[] = {
        {1, 0, 0, 125, true},    /* of four endpoints in all, by weight */
        {1, 1, 4, 125, true},    /* 5 x 1/4 x 1.25 is 1.6: two have room */
        {1, 2, 4, 125, false},
        {1, 29, 99, 125, true},  /* 100/4 x 1.25 is 31.25 */
        {1, 31, 99, 125, true},
        {1, 32, 99, 125, false},
        {2, 62, 99, 125, true},
        {2, 63, 99, 125, false},
        {1, 49, 99, 200, true},
        {1, 50, 99, 200, false},
    };
    for (size_t i = 0; i < array_n(rows); i++) {
        const struct endpoint ep = {.weight = rows[i].weight, .active = rows[i].active};
        cr_expect_eq(balance_has_room(&ep, rows[i].all, 4, rows[i].factor), rows[i].want, "row %zu",
                     i);
    }
}

/* -- peak EWMA --------------------------------------------------------------------------------- */

enum { SECOND = 1000000 };

static struct ewma at_s(double seconds)
{
    return (struct ewma){.now_us = (uint64_t)(seconds * SECOND), .decay_us = 10 * SECOND};
}

Test(balance, what_is_expected_jumps_up_and_falls_by_and_by)
{
    struct endpoint ep = {.weight = 1};
    struct ewma how = at_s(100);
    cr_assert_eq(ewma_expected(&ep, &how), 0);
    ewma_add(&ep, &how, 5000, TOOK_WELL);
    cr_assert_float_eq(ewma_expected(&ep, &how), 5000, 0.1);
    ewma_add(&ep, &how, 80000, TOOK_WELL);
    cr_assert_float_eq(ewma_expected(&ep, &how), 80000, 0.1, "a peak is believed at once");
    how = at_s(110);
    cr_assert_float_eq(ewma_expected(&ep, &how), 80000 / 2.718281828, 1);
    ewma_add(&ep, &how, 10000, TOOK_WELL);
    cr_assert_float_eq(ewma_expected(&ep, &how), 80000 / 2.718281828 + 10000 * (1 - 1 / 2.718281828),
                       1, "the old time fell by e, the new one makes up for it");
    how = at_s(200);
    cr_assert_lt(ewma_expected(&ep, &how), 10, "and is forgotten");
}

Test(balance, a_quick_failure_makes_nobody_attractive)
{
    struct endpoint ep = {.weight = 1};
    struct ewma how = at_s(1);
    ewma_add(&ep, &how, 20, TOOK_TO_FAIL);
    cr_assert_float_eq(ewma_expected(&ep, &how), 1000, 0.1);
    ewma_add(&ep, &how, 20, TOOK_TO_FAIL);
    cr_assert_float_eq(ewma_expected(&ep, &how), 2000, 0.1);
    for (int i = 0; i < 100; i++)
        ewma_add(&ep, &how, 20, TOOK_TO_FAIL);
    cr_assert_leq(ewma_expected(&ep, &how), 60.0 * SECOND, "there is an end to it");
}

Test(balance, quick_errors_in_a_row_make_nobody_attractive_and_single_ones_do_no_harm)
{
    struct endpoint ep = {.weight = 1};
    struct ewma how = at_s(1);
    ewma_add(&ep, &how, 50000, TOOK_WELL);
    for (int i = 0; i < 1000; i++) {
        how = at_s(1 + i * 0.1);
        ewma_add(&ep, &how, 20, TOOK_TO_ERR);
        cr_assert_float_eq(ewma_expected(&ep, &how), 50000, 1);
        ewma_add(&ep, &how, 50000, TOOK_WELL);
    }
    for (int i = 0; i < 5; i++)
        ewma_add(&ep, &how, 20, TOOK_TO_ERR);
    cr_assert_float_eq(ewma_expected(&ep, &how), 50000 * 16, 1, "doubled, but for the first");
}

Test(balance, who_was_given_up_takes_longer_at_least)
{
    struct endpoint ep = {.weight = 1};
    struct ewma how = at_s(1);
    ewma_add(&ep, &how, 3000000, TOOK_LONGER);
    cr_assert_float_eq(ewma_expected(&ep, &how), 3000000, 0.1, "it hangs, and all have gone");
    ewma_add(&ep, &how, 5000, TOOK_LONGER);
    cr_assert_float_eq(ewma_expected(&ep, &how), 3000000, 0.1, "which says nothing");
}

Test(balance, peak_ewma_takes_the_faster_of_two_by_weight_and_load)
{
    static const struct {
        uint32_t weights[2], active[2];
        uint64_t took[2];
        size_t want;
    } rows[] = {
        {{1, 1}, {0, 0}, {1000, 5000}, 0},
        {{1, 1}, {9, 0}, {1000, 5000}, 1},
        {{1, 1}, {3, 0}, {1000, 5000}, 0},
        {{1, 10}, {0, 0}, {1000, 5000}, 1},
    };
    for (size_t i = 0; i < array_n(rows); i++) {
        const struct ewma how = at_s(5);
        struct random r;
        struct set s;
        random_seed(&r, 1);
        set_make(&s, rows[i].weights, 2);
        for (size_t k = 0; k < 2; k++) {
            ewma_add(&s.eps[k], &how, rows[i].took[k], TOOK_WELL);
            s.eps[k].active = rows[i].active[k];
        }
        for (int k = 0; k < 20; k++)
            cr_expect_eq(balance_peak_ewma(s.p, s.n, s.total, &how, &r), rows[i].want, "row %zu", i);
    }
}

/* A queue per endpoint, one of them five times as slow: requests that come evenly find the fast ones,
 * and the slow one is still asked now and then. */
Test(balance, peak_ewma_leaves_a_slow_endpoint_little)
{
    enum { PICKS = 20000, STEP_US = 1000 };
    static const uint32_t weights[] = {1, 1, 1};
    static const uint64_t takes[] = {2000, 2000, 10000};
    uint64_t ends[3][64] = {{0}};
    unsigned count[3] = {0};
    struct random r;
    struct set s;
    random_seed(&r, 9);
    set_make(&s, weights, 3);
    for (uint64_t now = SECOND; now < SECOND + (uint64_t)PICKS * STEP_US; now += STEP_US) {
        const struct ewma how = {.now_us = now, .decay_us = SECOND / 2};
        for (size_t i = 0; i < 3; i++)
            for (size_t k = 0; k < 64; k++)
                if (ends[i][k] && ends[i][k] <= now) {
                    ends[i][k] = 0;
                    s.eps[i].active--;
                    ewma_add(&s.eps[i], &how, takes[i], TOOK_WELL);
                }
        const size_t i = balance_peak_ewma(s.p, s.n, s.total, &how, &r);
        size_t k = 0;
        while (ends[i][k])
            cr_assert_lt(++k, 64);
        ends[i][k] = now + takes[i];
        s.eps[i].active++;
        count[i]++;
    }
    cr_assert_gt(count[2], 0);
    cr_assert_lt(count[2], PICKS / 8, "%u", count[2]);
    cr_assert(count[0] > count[1] * 0.9 && count[0] < count[1] * 1.1, "%u %u", count[0], count[1]);
}
