/* SPDX-License-Identifier: Apache-2.0 */
/* Balancers over endpoints made by hand. Random ones run on a fixed seed, so each run counts the
 * same. */

#include "core/cluster.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MAX = 8 };

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
    cr_assert_eq(balance_least_request(s.p, s.n, s.total, &r), 2);
    cr_assert_eq(balance_round_robin(s.p, 0, 0), 0);
    cr_assert_eq(balance_least_request(s.p, 0, 0, &r), 0);
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
        count[balance_least_request(s.p, s.n, s.total, &r)]++;
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
        cr_assert_eq(balance_least_request(s.p, s.n, s.total, &r), 1);
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
        cr_assert_eq(balance_least_request(s.p, s.n, s.total, &r), 0);
    s.eps[0].active = 9; /* 2.25 */
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(balance_least_request(s.p, s.n, s.total, &r), 1);
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
        count[balance_least_request(s.p, s.n, s.total, &r)]++;
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
        s.p[balance_least_request(s.p, s.n, s.total, &r)]->active++;
    for (size_t i = 0; i < s.n; i++) {
        uint32_t per_weight = s.eps[i].active / s.eps[i].weight;
        cr_expect(per_weight >= 980 && per_weight <= 1020, "%zu: %u", i, per_weight);
    }
}
