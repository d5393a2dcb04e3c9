/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets: how close their counts come, and who moves when weights change. */

#include "canary/buckets.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"

enum { MOST = 8 }; /* variants of a random set */

static char text[MOST + 1][24];
static struct weir_slice names[MOST + 1];
static uint8_t before[BUCKETS], after[BUCKETS];

/* Other names in each set: the bound has to hold for any. */
static void set_names(struct random *r)
{
    for (size_t i = 0; i <= MOST; i++)
        names[i] = (struct weir_slice){text[i],
                                       (size_t)snprintf(text[i], sizeof text[i], "reviews-v%zu-%u",
                                                        i, (unsigned)random_below(r, 1000000))};
}

static void set_weights(struct random *r, uint32_t *weights, size_t n)
{
    const uint64_t most = (uint64_t[]){10, 100, 10000, UINT32_MAX}[random_below(r, 4)];
    for (size_t i = 0; i < n; i++)
        weights[i] = random_below(r, 6) ? (uint32_t)(1 + random_below(r, most)) : 0;
    if (random_below(r, 2))
        weights[0] = (uint32_t)most; /* as most splits are: one large, some small */
    weights[random_below(r, n)] = (uint32_t)most;
}

static unsigned count(const uint8_t *of, uint8_t variant)
{
    unsigned n = 0;
    for (unsigned b = 0; b < BUCKETS; b++)
        n += of[b] == variant;
    return n;
}

/* How far the worst count is from its ideal. */
static double off(const uint8_t *of, const uint32_t *weights, size_t n)
{
    double sum = 0, worst = 0;
    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(count(of, (uint8_t)i) - BUCKETS * (weights[i] / sum)));
    return worst;
}

/* Each bucket that has changed hands is `to`'s now, and was somebody else's. */
static void moved_only_into(uint8_t to, const uint8_t *was, const uint8_t *is)
{
    for (unsigned b = 0; b < BUCKETS; b++)
        cr_assert(was[b] == is[b] || is[b] == to, "bucket %u went from %u to %u, not %u", b, was[b],
                  is[b], to);
}

Test(canary_buckets, two_variants_have_their_share_to_half_a_bucket)
{
    struct random r;
    random_seed(&r, 1);
    for (unsigned set = 0; set < 500; set++) {
        uint32_t weights[2];
        set_names(&r);
        set_weights(&r, weights, 2);
        buckets_build(after, names, weights, 2);
        cr_assert_leq(off(after, weights, 2), 0.5 + 1e-6);
    }
    buckets_build(after, names, (uint32_t[]){9999, 1}, 2);
    cr_assert_eq(count(after, 1), 1);
    buckets_build(after, names, (uint32_t[]){95, 5}, 2);
    cr_assert_eq(count(after, 1), 500);
}

Test(canary_buckets, of_more_variants_none_is_off_by_more_than_the_bound)
{
    struct random r;
    random_seed(&r, 2);
    double worst = 0, sum = 0;
    enum { SETS = 300 };
    for (unsigned set = 0; set < SETS; set++) {
        uint32_t weights[MOST];
        const size_t n = 3 + random_below(&r, MOST - 2);
        set_names(&r);
        set_weights(&r, weights, n);
        buckets_build(after, names, weights, n);
        const double this = off(after, weights, n);
        worst = fmax(worst, this);
        sum += this;
    }
    cr_assert_leq(worst, BUCKETS_OFF);
    cr_assert_leq(sum / SETS, 40, "the worst of a set is off by %f on average", sum / SETS);
}

Test(canary_buckets, a_pair_with_the_first_is_exact_beside_those_that_have_no_weight)
{
    struct random r;
    random_seed(&r, 3);
    for (unsigned set = 0; set < 50; set++) {
        const uint32_t weights[] = {70, 0, 0, 1 + (uint32_t)random_below(&r, 100), 0};
        set_names(&r);
        buckets_build(after, names, weights, 5);
        cr_assert_leq(off(after, weights, 5), 0.5 + 1e-6);
    }
}

/* Lists of random names, whose weights change one by one; each table is compared with the one
 * before. Either weights only grow, or they only shrink. */
static void walk(uint64_t seed, bool grow)
{
    struct random r;
    random_seed(&r, seed);
    for (unsigned list = 0; list < 40; list++) {
        uint32_t weights[MOST];
        const size_t n = 2 + random_below(&r, MOST - 1);
        set_names(&r);
        set_weights(&r, weights, n);
        buckets_build(before, names, weights, n);
        for (unsigned step = 0; step < 12; step++) {
            const size_t i = random_below(&r, n);
            const uint64_t room = grow ? UINT32_MAX - weights[i] : weights[i] - (weights[i] > 0);
            const uint32_t by = (uint32_t)(random_below(&r, room + 1) >> random_below(&r, 32));
            weights[i] = grow ? weights[i] + by : weights[i] - by;
            buckets_build(after, names, weights, n);
            moved_only_into((uint8_t)i, grow ? before : after, grow ? after : before);
            memcpy(before, after, BUCKETS);
        }
    }
}

Test(canary_buckets, a_weight_that_grows_only_takes)
{
    walk(4, true);
}

Test(canary_buckets, a_weight_that_shrinks_only_gives_back)
{
    walk(9, false);
}

Test(canary_buckets, five_percent_to_ten_only_adds_users_and_back_removes_those_added_last)
{
    uint8_t step[BUCKETS];
    struct random r;
    random_seed(&r, 5);
    set_names(&r);
    buckets_build(before, names, (uint32_t[]){95, 5}, 2);
    buckets_build(step, names, (uint32_t[]){90, 10}, 2);
    moved_only_into(1, before, step);
    cr_assert_eq(count(step, 1), 1000);
    buckets_build(after, names, (uint32_t[]){93, 7}, 2);
    moved_only_into(0, step, after);
    moved_only_into(1, before, after);
    buckets_build(after, names, (uint32_t[]){95, 5}, 2);
    cr_assert_eq(memcmp(before, after, BUCKETS), 0);
}

Test(canary_buckets, of_several_the_growing_one_keeps_its_users_whoever_gives_up_weight)
{
    struct random r;
    random_seed(&r, 6);
    for (unsigned set = 0; set < 100; set++) {
        uint32_t weights[4] = {70, 10, 10, 10};
        const uint32_t part = 1 + (uint32_t)random_below(&r, 69);
        set_names(&r);
        buckets_build(before, names, weights, 4);
        weights[0] -= part;
        weights[2] += part;
        buckets_build(after, names, weights, 4);
        for (unsigned b = 0; b < BUCKETS; b++)
            cr_assert((before[b] != 2 || after[b] == 2) && (after[b] != 0 || before[b] == 0));
    }
}

Test(canary_buckets, a_variant_that_is_added_only_takes)
{
    struct random r;
    random_seed(&r, 7);
    for (unsigned set = 0; set < 200; set++) {
        uint32_t weights[MOST];
        const size_t n = 2 + random_below(&r, MOST - 2), at = 1 + random_below(&r, n);
        set_names(&r);
        set_weights(&r, weights, n);
        buckets_build(before, names, weights, n);
        const struct weir_slice added = names[MOST];
        memmove(names + at + 1, names + at, (n - at) * sizeof *names);
        memmove(weights + at + 1, weights + at, (n - at) * sizeof *weights);
        names[at] = added;
        weights[at] = 1 + (uint32_t)random_below(&r, 100000);
        buckets_build(after, names, weights, n + 1);
        for (unsigned b = 0; b < BUCKETS; b++)
            before[b] = (uint8_t)(before[b] + (before[b] >= at));
        moved_only_into((uint8_t)at, before, after);
    }
}

Test(canary_buckets, no_weight_no_bucket)
{
    struct random r;
    random_seed(&r, 8);
    set_names(&r);
    buckets_build(after, names, (uint32_t[]){0, 3, 0, 1}, 4);
    cr_assert_eq(count(after, 0) + count(after, 2), 0);
    buckets_build(after, names, (uint32_t[]){0, 0, 9}, 3);
    cr_assert_eq(count(after, 2), BUCKETS);
    buckets_build(after, names, (uint32_t[]){9, 0, 0}, 3);
    cr_assert_eq(count(after, 0), BUCKETS);
    buckets_build(after, names, (uint32_t[]){1}, 1);
    cr_assert_eq(count(after, 0), BUCKETS);
}

/* Written down once: another machine, compiler or version that builds something else would move
 * everybody's users. */
Test(canary_buckets, the_table_is_the_same_everywhere)
{
    const struct weir_slice fixed[] = {WEIR_SLICE("reviews-v1"), WEIR_SLICE("reviews-v2"),
                                       WEIR_SLICE("reviews-v3")};
    uint64_t h = 0xcbf29ce484222325;
    buckets_build(after, fixed, (uint32_t[]){60, 30, 10}, 3);
    for (unsigned b = 0; b < BUCKETS; b++)
        h = (h ^ after[b]) * 0x100000001b3;
    cr_assert_eq(h, 0xcbb983bd7be2c757);
}

Test(canary_buckets, a_user_has_the_same_bucket_in_every_process_and_another_by_another_seed)
{
    struct bucket_hash *a = bucket_hash_new(WEIR_SLICE("spring")),
                       *b = bucket_hash_new(WEIR_SLICE("spring")),
                       *c = bucket_hash_new(WEIR_SLICE("autumn"));
    unsigned same = 0, x, y, z;
    cr_assert(a && b && c);
    for (unsigned i = 0; i < 1000; i++) {
        char key[16];
        const struct weir_slice user = {key, (size_t)snprintf(key, sizeof key, "user-%u", i)};
        cr_assert(bucket_of(a, user, &x, NULL) && bucket_of(b, user, &y, NULL) &&
                  bucket_of(c, user, &z, NULL));
        cr_assert_eq(x, y);
        same += x == z;
    }
    cr_assert_lt(same, 5);
    cr_assert(bucket_of(a, WEIR_SLICE("user-1"), &x, NULL));
    cr_assert_eq(x, 2934); /* as Python's hmac has it */
    bucket_hash_free(a);
    bucket_hash_free(b);
    bucket_hash_free(c);
}

Test(canary_buckets, a_users_mark_is_its_own_and_says_nothing_about_the_bucket)
{
    struct bucket_hash *h = bucket_hash_new(WEIR_SLICE("spring"));
    unsigned bucket, upper = 0, low = 0;
    cr_assert(h);
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t mark, again;
        const struct weir_slice user = {(const char *)&i, sizeof i};
        cr_assert(bucket_of(h, user, &bucket, &mark) && bucket_of(h, user, &bucket, &again));
        cr_assert_eq(mark, again);
        low += bucket < BUCKETS / 2;
        upper += bucket < BUCKETS / 2 && mark >> 63;
    }
    cr_assert(low / 2 - 200 < upper && upper < low / 2 + 200, "%u of %u", upper, low);
    bucket_hash_free(h);
}

Test(canary_buckets, users_are_spread_evenly)
{
    static unsigned in[100];
    struct bucket_hash *h = bucket_hash_new(WEIR_SLICE(""));
    cr_assert(h);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned bucket;
        cr_assert(bucket_of(h, (struct weir_slice){(const char *)&i, sizeof i}, &bucket, NULL));
        cr_assert_lt(bucket, BUCKETS);
        in[bucket / 100]++;
    }
    for (unsigned i = 0; i < 100; i++) /* 1000 expected; 6 times the deviation of 31.5 */
        cr_assert(811 < in[i] && in[i] < 1189, "%u", in[i]);
    bucket_hash_free(h);
}

Test(canary_buckets, a_key_may_be_empty_or_long_or_any_bytes)
{
    static char bytes[65536];
    struct bucket_hash *h = bucket_hash_new((struct weir_slice){0});
    unsigned a, b, c;
    cr_assert(h);
    cr_assert(bucket_of(h, (struct weir_slice){0}, &a, NULL));
    cr_assert(bucket_of(h, WEIR_SLICE("\0"), &b, NULL));
    cr_assert(bucket_of(h, (struct weir_slice){bytes, sizeof bytes}, &c, NULL));
    cr_assert(a != b && b != c && a != c);
    bucket_hash_free(h);
    bucket_hash_free(NULL);
}
