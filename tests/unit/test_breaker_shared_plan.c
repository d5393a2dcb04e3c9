/* SPDX-License-Identifier: Apache-2.0 */
/* What the fleet's record means here, and what is offered next, by tables. */

#include "breaker/shared_plan.h"

#include <criterion/criterion.h>

static const struct machine_conf conf = {.probes = 3, .successes = 2, .probe_ms = 300};

#define C MACHINE_CLOSED
#define O MACHINE_OPEN
#define H MACHINE_HALF_OPEN
#define R MACHINE_RAMP_10
#define R50 MACHINE_RAMP_50

/* What stands behind the state here. */
enum base {
    IT,      /* that record */
    BEFORE,  /* the one before it */
    LOST,    /* one of another lineage */
    ALONE,   /* it has been decided here since */
    NOTHING, /* the fleet never had a say */
};

static enum shared_turn turn(enum machine_state theirs, enum machine_state here, enum base base)
{
    const struct shared_record r = {.fleet = {9, 4}, .state = {.state = theirs}};
    const struct machine_view v = {.state = here, .version = 3};
    const struct machine_bound bound = {
        .set = base != NOTHING,
        .version = base == ALONE ? 2 : 3,
        .fleet = {base == BEFORE ? 8 : 9, base == LOST ? 1 : 4},
    };
    return shared_turn(&r, &bound, &v);
}

Test(breaker_shared_plan, lets_the_fleets_record_win)
{
    static const struct {
        enum machine_state theirs, here;
        enum base base;
        enum shared_turn turn;
    } rows[] = {
        {C, C, IT, SHARED_SAME},      {O, O, IT, SHARED_SAME},     {H, H, IT, SHARED_SAME},
        {C, C, BEFORE, SHARED_BIND},  {C, C, ALONE, SHARED_BIND},  {C, C, NOTHING, SHARED_BIND},
        {C, C, LOST, SHARED_BIND},    {O, C, BEFORE, SHARED_SET},  {O, C, NOTHING, SHARED_SET},
        {O, C, ALONE, SHARED_SET},    {H, O, BEFORE, SHARED_SET},  {C, H, BEFORE, SHARED_SET},
        {C, O, BEFORE, SHARED_SET},   {R, H, BEFORE, SHARED_SET},  {C, R50, BEFORE, SHARED_SET},
        {O, O, BEFORE, SHARED_SET},   {O, O, ALONE, SHARED_SET},   {H, O, ALONE, SHARED_SET},
        {O, H, LOST, SHARED_SET},     {H, H, LOST, SHARED_SET},    {O, R, ALONE, SHARED_SET},
        {R50, R, ALONE, SHARED_SET},  {R, C, NOTHING, SHARED_SET}, {H, C, NOTHING, SHARED_SET},
        {C, O, ALONE, SHARED_HOLD},   {C, H, ALONE, SHARED_HOLD},  {C, R, ALONE, SHARED_HOLD},
        {R, O, ALONE, SHARED_HOLD},   {R50, H, LOST, SHARED_HOLD}, {C, O, LOST, SHARED_HOLD},
        {C, O, NOTHING, SHARED_HOLD}, {C, H, LOST, SHARED_HOLD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(turn(rows[i].theirs, rows[i].here, rows[i].base), rows[i].turn, "row %zu", i);
}

/* The invariant by itself: whatever is decided, what is open here and doesn't follow the record
 * before this one never comes to let requests through by it. */
Test(breaker_shared_plan, closes_nothing_by_joining)
{
    static const enum base bases[] = {LOST, ALONE, NOTHING};
    static const enum machine_state letting[] = {C, R, MACHINE_RAMP_25, R50};
    for (size_t t = 0; t < 4; t++)
        for (size_t b = 0; b < 3; b++) {
            cr_assert_eq(turn(letting[t], O, bases[b]), SHARED_HOLD, "%zu %zu", t, b);
            cr_assert_eq(turn(letting[t], H, bases[b]), SHARED_HOLD, "%zu %zu", t, b);
        }
}

static const char *due(struct shared_facts f, uint64_t now_ms)
{
    enum machine_cause cause;
    return shared_due(&f, &conf, now_ms, &cause) ? machine_cause_text(cause) : "nothing";
}
#define DUE(now, what, ...) cr_assert_str_eq(due((struct shared_facts){__VA_ARGS__}, now), what)

static const char nothing[] = "nothing", much[] = "too much has failed",
                  is_over[] = "its time is over", good[] = "the probes went well",
                  bad[] = "a probe has failed", lost[] = "nothing was heard of the probes in time";

Test(breaker_shared_plan, opens_by_what_all_have_counted)
{
    DUE(100, nothing, .here = {.state = C});
    DUE(100, much, .here = {.state = C}, .too_much = true);
    DUE(100, much, .here = {.state = R, .until_ms = 200}, .too_much = true);
    DUE(100, nothing, .here = {.state = O, .until_ms = 200}, .too_much = true);
}

Test(breaker_shared_plan, goes_on_when_time_is_over)
{
    DUE(199, nothing, .here = {.state = O, .until_ms = 200});
    DUE(200, is_over, .here = {.state = O, .until_ms = 200});
    DUE(249, nothing, .here = {.state = O, .until_ms = 200}, .patience_ms = 50);
    DUE(250, is_over, .here = {.state = O, .until_ms = 200}, .patience_ms = 50);
    DUE(200, is_over, .here = {.state = R, .until_ms = 200});
    DUE(900, nothing, .here = {.state = C, .since_ms = 200});
}

Test(breaker_shared_plan, goes_by_what_probes_of_all_have_said)
{
    DUE(100, nothing, .here = {.state = H}, .good = 1);
    DUE(100, good, .here = {.state = H}, .good = 2);
    DUE(100, bad, .here = {.state = H}, .good = 2, .bad = 1);
    DUE(9999, nothing, .here = {.state = H}); /* nobody has asked */
    DUE(399, nothing, .here = {.state = H, .until_ms = 400});
    DUE(400, lost, .here = {.state = H, .until_ms = 400});
    DUE(399, nothing, .here = {.state = H}, .spent_ms = 100);
    DUE(400, lost, .here = {.state = H}, .spent_ms = 100);
    DUE(400, nothing, .here = {.state = H, .until_ms = 500}, .spent_ms = 100);
    DUE(449, nothing, .here = {.state = H}, .spent_ms = 100, .patience_ms = 50);
}

Test(breaker_shared_plan, permits_as_many_probes_as_there_are_numbers_below)
{
    cr_assert_eq(shared_permits(0, 1, 3), 1);
    cr_assert_eq(shared_permits(0, 9, 3), 3);
    cr_assert_eq(shared_permits(2, 2, 3), 1);
    cr_assert_eq(shared_permits(3, 1, 3), 0);
    cr_assert_eq(shared_permits(UINT64_MAX, 1, 3), 0);
    cr_assert_eq(shared_permits(0, UINT64_MAX, 3), 3);
    cr_assert_eq(shared_permits(1, 0, 3), 0);
}
