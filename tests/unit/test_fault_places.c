/* SPDX-License-Identifier: Apache-2.0 */
/* The limit over several processes, and what a dead one leaves behind. */
#include "fault/places.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct places places;

/* The id of a process that was, and is waited for. */
static uint32_t dead_process(void)
{
    const pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0)
        _exit(0);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    return (uint32_t)pid;
}

Test(fault_places, are_no_more_than_the_limit)
{
    const int a = places_enter(&places, (uint32_t)getpid());
    const int b = places_enter(&places, (uint32_t)getppid());
    cr_assert_neq(a, b);
    cr_assert(places_take(&places, a, 2) && places_take(&places, b, 2));
    cr_assert(!places_take(&places, a, 2) && !places_take(&places, b, 2));
    places_give(&places, b);
    cr_assert_eq(places_sum(&places), 1);
    cr_assert(places_take(&places, a, 2));
}

Test(fault_places, of_a_dead_process_are_free)
{
    const int row = places_enter(&places, dead_process());
    cr_assert(places_take(&places, row, 1));
    cr_assert_eq(places_enter(&places, (uint32_t)getpid()), row);
    cr_assert_eq(places_sum(&places), 0);
    cr_assert(places_take(&places, row, 1));
    places_leave(&places, row);
    cr_assert_eq(places_sum(&places), 0);
}

Test(fault_places, are_not_had_without_a_row)
{
    for (int i = 0; i < PLACES_ROWS; i++)
        cr_assert_eq(places_enter(&places, (uint32_t)getpid()), i);
    cr_assert_eq(places_enter(&places, (uint32_t)getpid()), PLACES_NO_ROW);
    cr_assert(!places_take(&places, PLACES_NO_ROW, 100));
    places_leave(&places, PLACES_NO_ROW);
}

Test(fault_places, hold_the_limit_when_processes_race)
{
    enum { PROCESSES = 4, TURNS = 20000, LIMIT = 2 };
    struct shared {
        struct places places;
        _Atomic int inside;
        _Atomic int over;
    } *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(s, MAP_FAILED);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork())
            continue;
        const int row = places_enter(&s->places, (uint32_t)getpid());
        for (int n = 0; n < TURNS; n++) {
            if (!places_take(&s->places, row, LIMIT))
                continue;
            s->over += ++s->inside > LIMIT;
            s->inside--;
            places_give(&s->places, row);
        }
        _exit(row == PLACES_NO_ROW);
    }
    int status;
    while (wait(&status) > 0)
        cr_assert_eq(status, 0);
    cr_assert_eq(s->over, 0);
    cr_assert_eq(places_sum(&s->places), 0);
}
