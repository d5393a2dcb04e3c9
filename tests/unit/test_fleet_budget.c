/* SPDX-License-Identifier: Apache-2.0 */
/* Retry budgets over a real Redis: several fleets, with budgets from which the test takes. */
#include "fleet_case.h"

#include "core/budget.h"
#include "core/generation.h"
#include "fleet/fleet_budget.h"

static struct instance {
    struct generation g;
    struct budget budget, *budgets[1];
    struct budget_elsewhere elsewhere, *elsewheres[1];
    struct fleet_budgets *fb;
} all[SIDES];

static struct cluster_conf cluster = {
    .place = {.name = SLICE("app")},
    .retry_budget = {.percent = 200000, .window = 10000, .shared = true}};
static struct config config = {.clusters = &cluster, .clusters_n = 1};

static void begin(size_t n)
{
    sides_begin(n, NULL);
    for (size_t i = 0; i < n; i++) {
        struct instance *one = &all[i];
        one->budgets[0] = &one->budget;
        one->elsewheres[0] = &one->elsewhere;
        one->g = (struct generation){
            .config = &config, .budgets = one->budgets, .elsewheres = one->elsewheres};
        sides[i].w.g = &one->g;
        sides[i].w.acting = NULL;
        one->fb = fleet_budgets_start(sides[i].fleet);
        cr_assert(one->fb);
    }
    TICK_UNTIL(all_joined());
}

static void end(void)
{
    for (size_t i = 0; i < sides_n; i++)
        fleet_budgets_free(all[i].fb);
    sides_end();
}

TestSuite(fleet_budget, .fini = end);

static void tick_budgets(void)
{
    for (size_t i = 0; i < sides_n; i++)
        fleet_budgets_tick(all[i].fb);
    tick_all();
}

#define BUDGETS_UNTIL(cond) TURN_UNTIL((tick_budgets(), cond))

static void firsts(size_t i, unsigned n)
{
    struct budget_tally t = {0};
    while (n--)
        budget_first(&all[i].budget, &t, lp.clock.mono_us);
    budget_flush(&all[i].budget, &t);
}

static unsigned take(size_t i, unsigned asked)
{
    unsigned n = 0;
    while (asked--)
        n += budget_take(&all[i].budget, BUDGET_RETRY, &cluster.retry_budget, &all[i].elsewhere,
                         lp.clock.mono_us);
    return n;
}

/* And all the others there are: who knows of fewer leaves room for fewer. */
static bool sees(size_t i, uint64_t firsts_there, uint64_t retries_there)
{
    const uint64_t others = atomic_load(&all[i].elsewhere.others);
    return others >> 32 && (uint32_t)others == sides_n - 1 &&
           atomic_load(&all[i].elsewhere.counts) == (firsts_there << 32 | retries_there);
}

Test(fleet_budget, sees_what_others_have_had_and_not_itself)
{
    begin(3);
    firsts(0, 50);
    firsts(1, 60);
    cr_assert_eq(take(1, 4), 4);
    BUDGETS_UNTIL(sees(0, 60, 4) && sees(1, 50, 0));
    cr_assert_eq((uint32_t)atomic_load(&all[0].elsewhere.others), 2);
    cr_assert_eq(atomic_load(&all[2].elsewhere.others), 0, "it has no requests");
    firsts(2, 1);
    BUDGETS_UNTIL(sees(2, 110, 4));
    cr_assert(redis_server_say(server, "KEYS weir:w::budget/app:0:*")[0]);
}

/* All fail at once, and all retry as often as they may, at any moment. */
Test(fleet_budget, bounds_the_retries_of_all_together)
{
    begin(3);
    for (size_t i = 0; i < 3; i++)
        firsts(i, 100);
    BUDGETS_UNTIL(sees(0, 200, 0) && sees(1, 200, 0) && sees(2, 200, 0));
    unsigned sum = 0;
    for (int k = 0; k < 30; k++) {
        for (size_t i = 0; i < 3; i++)
            sum += take(i, 100);
        tick_budgets();
        TURN_UNTIL(!any_busy());
    }
    cr_assert(sum > 50 && sum <= 60, "%u of 60", sum);
}

Test(fleet_budget, gives_one_alone_what_the_others_do_not_need)
{
    begin(3);
    for (size_t i = 0; i < 3; i++)
        firsts(i, 100);
    BUDGETS_UNTIL(sees(0, 200, 0));
    unsigned sum = 0;
    for (int k = 0; k < 30; k++) {
        sum += take(0, 100);
        tick_budgets();
        TURN_UNTIL(!any_busy());
    }
    cr_assert(sum > 50 && sum <= 60, "%u of 60", sum);
    BUDGETS_UNTIL(sees(1, 200, sum));
    cr_assert_leq(take(1, 100), 60 - sum);
}

Test(fleet_budget, is_its_own_while_apart)
{
    begin(2);
    firsts(0, 50);
    firsts(1, 50);
    cr_assert_eq(take(1, 10), 10);
    BUDGETS_UNTIL(sees(0, 50, 10));
    redis_server_kill(server);
    BUDGETS_UNTIL(atomic_load(&all[0].elsewhere.others) == 0);
    cr_assert_eq(take(0, 100), 10, "of its own 50");
}

Test(fleet_budget, is_not_shared_where_nobody_wants_it)
{
    begin(1);
    all[0].elsewheres[0] = NULL;
    cr_assert_null(fleet_budgets_start(sides[0].fleet));
    cr_assert_null(fleet_budgets_start(NULL));
    fleet_budgets_tick(NULL);
}
