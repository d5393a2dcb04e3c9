/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a fault acts, and what is said about that at run time. */
#include "fault/cell.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fault_cell cell;
static struct fault_switch all;

static enum fault_state state(bool enabled)
{
    return fault_state(&cell, &all, enabled, 0, 0);
}

Test(fault_cell, is_as_the_file_has_it_until_somebody_says_otherwise)
{
    cr_assert_eq(state(true), STATE_ON);
    cr_assert_eq(state(false), STATE_OFF);
    fault_turn(&cell, false);
    cr_assert_eq(state(true), STATE_OFF);
    fault_turn(&cell, true);
    cr_assert_eq(state(false), STATE_ON);
}

Test(fault_cell, is_stopped_with_all_others)
{
    fault_turn(&cell, true);
    all.stopped = 1;
    cr_assert_eq(state(true), STATE_STOPPED);
    all.stopped = 0;
    cr_assert_eq(state(true), STATE_ON);
}

Test(fault_cell, ends_at_its_time)
{
    cr_assert_eq(fault_state(&cell, &all, true, 100, 99999999), STATE_ON);
    cr_assert_eq(fault_state(&cell, &all, true, 100, 100000000), STATE_ENDED);
    fault_turn(&cell, true);
    cr_assert_eq(fault_state(&cell, &all, true, 100, 100000000), STATE_ENDED);
    cr_assert(fault_tell_end(&cell, 100));
    cr_assert(!fault_tell_end(&cell, 100), "it is told once");
    cr_assert(fault_tell_end(&cell, 200), "another end is another matter");
}

Test(fault_cell, stays_tripped_until_it_is_turned_on)
{
    cr_assert(fault_trip(&cell));
    cr_assert(!fault_trip(&cell));
    cr_assert_eq(state(true), STATE_TRIPPED);
    real_errors_add(&cell.window, 1000, 0, true);
    fault_turn(&cell, true);
    cr_assert_eq(state(true), STATE_ON);
    cr_assert_eq(real_errors_sum(&cell.window, 1000, 0).errors, 0, "or it would trip again");
    fault_turn(&cell, false);
    cr_assert(!fault_trip(&cell), "what is off can't");
    cr_assert_eq(state(true), STATE_OFF);
}

Test(fault_cell, has_the_share_that_was_said_last)
{
    cr_assert_eq(fault_share(&cell, 25000), 25000);
    fault_share_set(&cell, 0);
    cr_assert_eq(fault_share(&cell, 25000), 0);
    cr_assert(!fault_draw(&cell, 1000000));
    fault_share_set(&cell, 1000000);
    cr_assert(fault_draw(&cell, 0));
}

Test(fault_cell, draws_exactly_and_trips_once_over_all_processes)
{
    enum { PROCESSES = 4, TURNS = 25000 };
    struct shared {
        struct fault_cell cell;
        _Atomic unsigned drawn, tripped;
    } *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(s, MAP_FAILED);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork())
            continue;
        for (int n = 0; n < TURNS; n++)
            s->drawn += fault_draw(&s->cell, 12345);
        s->tripped += fault_trip(&s->cell);
        _exit(0);
    }
    while (wait(NULL) > 0)
        ;
    cr_assert_eq(s->drawn, 1234, "%u", s->drawn); /* floor(100000 * 1.2345 %) */
    cr_assert_eq(s->tripped, 1);
}

Test(fault_cell, forgets_what_the_configuration_says_as_well)
{
    fault_turn(&cell, true);
    fault_share_set(&cell, 7);
    cr_assert(fault_is_said(&cell));
    fault_agree(&cell, false, 8);
    cr_assert(fault_is_said(&cell));
    fault_agree(&cell, true, 7);
    cr_assert(!fault_is_said(&cell));
    cr_assert_eq(fault_share(&cell, 9), 9, "the configuration may change its mind");
}

Test(fault_cell, forgets_all_of_it_but_that_it_has_stopped_by_itself)
{
    fault_turn(&cell, false);
    fault_share_set(&cell, 7);
    fault_unsay(&cell);
    cr_assert(!fault_is_said(&cell));
    cr_assert(fault_trip(&cell));
    fault_share_set(&cell, 7);
    fault_unsay(&cell);
    cr_assert_eq(atomic_load(&cell.mode), MODE_TRIPPED);
    cr_assert_eq(fault_share(&cell, 9), 9);
}
