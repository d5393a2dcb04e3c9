/* SPDX-License-Identifier: Apache-2.0 */
/* The limit over several processes, and what a dead one leaves behind. */
#include "mirror/seats.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct seats seats;

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

Test(mirror_seats, let_in_as_many_as_the_limit_says)
{
    const int a = seats_sit(&seats, (uint32_t)getpid());
    const int b = seats_sit(&seats, (uint32_t)getppid());
    cr_assert_neq(a, b);
    cr_assert(seats_take(&seats, a, 3));
    cr_assert(seats_take(&seats, b, 3));
    cr_assert(seats_take(&seats, a, 3));
    cr_assert(!seats_take(&seats, b, 3), "there are three");
    cr_assert_eq(seats_sum(&seats), 3);
    seats_give_back(&seats, a);
    cr_assert(seats_take(&seats, b, 3));
    cr_assert_eq(seats_sum(&seats), 3);
}

Test(mirror_seats, give_what_a_dead_process_held_to_others)
{
    const uint32_t dead = dead_process();
    const int held = seats_sit(&seats, dead);
    cr_assert(seats_take(&seats, held, 2));
    cr_assert(seats_take(&seats, held, 2));
    const int next = seats_sit(&seats, (uint32_t)getpid());
    cr_assert_eq(next, held, "the seat is free, for nobody sits there");
    cr_assert_eq(seats_sum(&seats), 0);
    cr_assert(seats_take(&seats, next, 1));
}

Test(mirror_seats, count_nothing_of_who_has_left)
{
    const int a = seats_sit(&seats, (uint32_t)getpid());
    cr_assert(seats_take(&seats, a, 9));
    seats_leave(&seats, a);
    cr_assert_eq(seats_sum(&seats), 0);
    seats_leave(&seats, SEAT_NONE);
}

Test(mirror_seats, run_out_without_harm)
{
    for (int i = 0; i < SEATS; i++)
        cr_assert_eq(seats_sit(&seats, (uint32_t)getpid()), i);
    const int none = seats_sit(&seats, (uint32_t)getpid());
    cr_assert_eq(none, SEAT_NONE);
    cr_assert(!seats_take(&seats, none, 1000));
}

enum { THREADS = 4, ROUNDS = 20000, LIMIT = 2 };
static _Atomic int inside, most;

/* Each thread stands for a process with a seat. */
static void *go_in_and_out(void *arg)
{
    const int seat = *(int *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (!seats_take(&seats, seat, LIMIT))
            continue;
        const int now = atomic_fetch_add(&inside, 1) + 1;
        int had = atomic_load(&most);
        while (now > had && !atomic_compare_exchange_weak(&most, &had, now))
            ;
        atomic_fetch_sub(&inside, 1);
        seats_give_back(&seats, seat);
    }
    return NULL;
}

Test(mirror_seats, never_let_in_more_when_all_take_at_once)
{
    pthread_t threads[THREADS];
    int seat[THREADS];
    for (int i = 0; i < THREADS; i++) {
        seat[i] = seats_sit(&seats, (uint32_t)getpid());
        cr_assert_eq(pthread_create(&threads[i], NULL, go_in_and_out, &seat[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert(most >= 1 && most <= LIMIT, "%d were inside", most);
    cr_assert_eq(seats_sum(&seats), 0);
}
