/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets of retries: shares, the minimum, the window, and many who ask at the same time. */
#include "core/budget.h"

#include <criterion/criterion.h>
#include <pthread.h>

#define S UINT64_C(1000000)

static struct budget b;
static struct budget_elsewhere e, *elsewhere; /* NULL: nothing is shared */

static struct budget_conf conf(uint32_t percent, int64_t min, uint64_t window_s)
{
    return (struct budget_conf){
        .percent = percent * 10000, .min_per_second = min, .window = window_s * 1000};
}

static unsigned taken(const struct budget_conf *c, uint64_t us, unsigned asked)
{
    unsigned n = 0;
    for (unsigned i = 0; i < asked; i++)
        n += budget_take(&b, BUDGET_RETRY, c, elsewhere, us);
    return n;
}

static void firsts(uint64_t us, unsigned n)
{
    struct budget_tally t = {0};
    for (unsigned i = 0; i < n; i++)
        budget_first(&b, &t, us);
    budget_flush(&b, &t);
}

Test(budget, gives_a_share_of_the_first_attempts)
{
    const struct budget_conf c = conf(20, 0, 10);
    cr_assert_eq(taken(&c, 100 * S, 10), 0);
    firsts(100 * S, 50);
    cr_assert_eq(taken(&c, 100 * S, 100), 10);
    firsts(103 * S, 4);
    cr_assert_eq(taken(&c, 103 * S, 100), 0, "20 %% of 54 is not 11");
    firsts(103 * S, 1);
    cr_assert_eq(taken(&c, 103 * S, 100), 1);
}

Test(budget, always_gives_its_minimum_in_each_second)
{
    const struct budget_conf c = conf(0, 3, 10);
    cr_assert_eq(taken(&c, 100 * S, 10), 3);
    cr_assert_eq(taken(&c, 100 * S + S / 2, 10), 0);
    cr_assert_eq(taken(&c, 101 * S, 10), 3);
}

Test(budget, has_back_what_was_not_used)
{
    const struct budget_conf c = conf(0, 1, 10);
    cr_assert_eq(taken(&c, 100 * S, 2), 1);
    budget_give_back(&b, BUDGET_RETRY, 100 * S);
    cr_assert_eq(taken(&c, 100 * S, 2), 1);
    budget_give_back(&b, BUDGET_RETRY, 101 * S);
    cr_assert_eq(taken(&c, 100 * S, 1), 0, "another second's is another");
}

Test(budget, counts_the_minimum_as_part_of_the_share)
{
    const struct budget_conf c = conf(10, 3, 10);
    firsts(100 * S, 100);
    cr_assert_eq(taken(&c, 100 * S, 100), 10);
}

Test(budget, forgets_what_is_older_than_its_window)
{
    const struct budget_conf c = conf(50, 0, 3);
    firsts(100 * S, 10);
    cr_assert_eq(taken(&c, 102 * S, 1), 1, "the window is this second and the two before");
    cr_assert_eq(taken(&c, 103 * S, 1), 0);
    firsts(103 * S, 10);
    cr_assert_eq(taken(&c, 103 * S, 10), 4, "one was taken in second 102");
    cr_assert_eq(taken(&c, 105 * S, 10), 1, "... and has left the window");
}

Test(budget, begins_a_bucket_anew_when_its_turn_comes_again)
{
    const struct budget_conf c = conf(100, 0, 10);
    firsts(100 * S, 10);
    const uint64_t later = (100 + BUDGET_BUCKETS) * S;
    cr_assert_eq(taken(&c, later, 10), 0);
    firsts(later, 2);
    cr_assert_eq(taken(&c, later, 10), 2);
    firsts(100 * S, 50); /* one whose clock stood still */
    cr_assert_eq(taken(&c, later, 10), 0);
}

Test(budget, works_from_the_first_second_on)
{
    const struct budget_conf c = conf(100, 0, 60);
    firsts(0, 2);
    cr_assert_eq(taken(&c, 0, 5), 2);
}

enum { THREADS = 4, ASKS = 20000 };

static void *ask_often(void *out)
{
    const struct budget_conf c = conf(20, 0, 10);
    unsigned *n = out;
    for (unsigned i = 0; i < ASKS; i++) {
        firsts(100 * S, 1);
        *n += budget_take(&b, BUDGET_RETRY, &c, NULL, 100 * S);
    }
    return NULL;
}

Test(budget, never_gives_more_however_many_ask)
{
    pthread_t t[THREADS];
    unsigned n[THREADS] = {0}, all = 0;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, ask_often, &n[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        all += n[i];
    }
    cr_assert_leq(all, THREADS * ASKS / 5);
    const struct budget_conf c = conf(20, 0, 10);
    all += taken(&c, 100 * S, THREADS * ASKS);
    cr_assert_eq(all, THREADS * ASKS / 5, "and what was refused is not lost");
}

/* -- in a fleet -------------------------------------------------------------------------------- */

static void hear(uint64_t firsts_there, uint64_t retries_there, uint32_t others, uint64_t us)
{
    const struct budget_counts all = {firsts_there, retries_there};
    elsewhere = &e;
    budget_hear(&e, &all, others, atomic_load(&e.spent), us);
}

Test(budget, is_the_local_one_where_nothing_is_known_of_others)
{
    const struct budget_conf c = conf(20, 0, 10);
    elsewhere = &e;
    firsts(100 * S, 50);
    cr_assert_eq(taken(&c, 100 * S, 100), 10);
    hear(1000, 0, 1, 101 * S);
    budget_forget(&e);
    cr_assert_eq(taken(&c, 101 * S, 100), 0);
}

/* One other: what is left of 20 % of 100 is 14, and the half of that is this instance's for now. */
Test(budget, has_what_others_have_spent_beside_it)
{
    const struct budget_conf c = conf(20, 0, 10);
    firsts(100 * S, 50);
    hear(50, 20, 1, 100 * S);
    cr_assert_eq(taken(&c, 100 * S, 100), 0);
    hear(50, 6, 1, 100 * S);
    cr_assert_eq(taken(&c, 100 * S, 100), 7);
    hear(50, 6, 1, 100 * S);
    cr_assert_eq(taken(&c, 100 * S, 100), 4, "half of what is left then");
    hear(50, 20, 1, 100 * S);
    cr_assert_eq(taken(&c, 100 * S, 100), 0);
}

/* Three that fail at the same moment, of which none has heard of the others' retries. */
Test(budget, is_not_spent_by_each_of_many_at_once)
{
    const struct budget_conf c = conf(20, 0, 10);
    firsts(100 * S, 100);
    hear(200, 0, 2, 100 * S);
    cr_assert_eq(taken(&c, 100 * S, 100), 20, "a third of 60");
}

/* The control process has looked while one was being judged that was refused then. */
Test(budget, is_not_spent_by_one_that_was_refused)
{
    const struct budget_conf c = conf(20, 0, 10);
    const struct budget_counts all = {50, 0};
    elsewhere = &e;
    firsts(100 * S, 50);
    budget_hear(&e, &all, 1, atomic_load(&e.spent) + 1, 100 * S);
    cr_assert_gt(taken(&c, 100 * S, 100), 0);
}

Test(budget, keeps_its_minimum_whatever_others_spend)
{
    const struct budget_conf c = conf(20, 3, 10);
    hear(0, 1000, 5, 100 * S);
    cr_assert_eq(taken(&c, 100 * S, 10), 3);
}

/* As when the control process is gone. */
Test(budget, forgets_the_others_when_nothing_is_heard_any_more)
{
    const struct budget_conf c = conf(20, 0, 10);
    firsts(100 * S, 50);
    hear(50, 20, 1, 100 * S);
    cr_assert_eq(taken(&c, 102 * S, 100), 0);
    cr_assert_eq(taken(&c, 103 * S, 100), 10);
}

Test(budget, shows_what_was_counted_in_a_second)
{
    const struct budget_conf c = conf(20, 0, 10);
    firsts(100 * S, 50);
    cr_assert_eq(taken(&c, 100 * S, 4), 4);
    cr_assert_eq(budget_counted(&b, BUDGET_RETRY, 100).firsts, 50);
    cr_assert_eq(budget_counted(&b, BUDGET_RETRY, 100).extra, 4);
    cr_assert_eq(budget_counted(&b, BUDGET_RETRY, 101).firsts, 0);
    cr_assert_eq(budget_counted(&b, BUDGET_RETRY, 100 + BUDGET_BUCKETS).firsts, 0);
}
