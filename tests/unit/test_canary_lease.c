/* SPDX-License-Identifier: Apache-2.0 */
/* Leased positions: each is taken once, in its epoch, whoever takes and leases at the same time. */
#include "canary_lease_case.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct schedule order;

static void begin(void)
{
    set_up_lease();
    cr_assert(schedule_build(&order, (uint32_t[]){70, 20, 10}, N, reason));
    cr_assert(split_lease_begin(lease, 1));
}

TestSuite(canary_lease, .init = begin);

static void takes(uint64_t first, uint64_t n)
{
    struct split_ref ref;
    for (uint64_t at = first; at < first + n; at++) {
        cr_assert(take_leased(&ref), "position %llu", (unsigned long long)at);
        cr_assert_eq(ref.variant, schedule_at(&order, at), "position %llu", (unsigned long long)at);
        cr_assert_eq(ref.epoch, (uint16_t)1);
    }
}

static void takes_nothing(void)
{
    struct split_ref ref;
    cr_assert_not(take_leased(&ref));
}

Test(canary_lease, gives_the_positions_of_its_blocks_and_no_others)
{
    takes_nothing();
    cr_assert(split_lease_add(lease, 1, 3, 5));
    cr_assert(split_lease_add(lease, 1, 17, 20));
    takes(3, 5);
    takes(17, 20);
    takes_nothing();
    cr_assert(split_lease_add(lease, 1, 9, 1));
    takes(9, 1);
    takes_nothing();
    look(0);
    cr_assert_eq(view.position, 0, "no ticket was taken");
}

Test(canary_lease, says_what_it_holds)
{
    look_at_lease();
    cr_assert(seen.begun && seen.epoch == 1 && seen.held == 0 && seen.blocks == 0);
    split_lease_add(lease, 1, 0, 5);
    split_lease_add(lease, 1, 30, 10);
    takes(0, 4);
    (void)take();
    look_at_lease();
    cr_assert(seen.taken == 4 && seen.held == 11 && seen.blocks == 2 && seen.tickets == 1);
    takes(4, 1);
    look_at_lease();
    cr_assert(seen.taken == 5 && seen.held == 10 && seen.blocks == 1);
}

Test(canary_lease, adds_to_what_the_cell_shows)
{
    for (unsigned i = 0; i < 10; i++)
        (void)take();
    split_lease_add(lease, 1, 10, 12);
    takes(10, 11);
    look(0);
    cr_assert_eq(split_lease_view(lease, &view), 11);
    cr_assert_eq(view.position, 21);
    uint64_t sum = 0;
    for (unsigned i = 0; i < N; i++) {
        cr_assert_eq(view.variants[i].assigned, schedule_count(&order, 21, i));
        sum += view.variants[i].assigned;
    }
    cr_assert_eq(sum, 21);
    cr_assert_float_eq(view.variants[0].target, 14.7, 1e-9);
}

/* -- epochs --------------------------------------------------------------------------------- */

Test(canary_lease, gives_nothing_of_former_weights)
{
    struct split_ref ref;
    split_lease_add(lease, 1, 0, 100);
    takes(0, 3);
    change((uint32_t[]){1, 0, 1});
    takes_nothing();
    look_at_lease();
    cr_assert(!seen.begun && seen.epoch == 2 && seen.held == 0 && seen.blocks == 0);
    cr_assert_eq(split_lease_taken(lease, 1), 3);
    cr_assert_eq(split_lease_taken(lease, 2), 0);
    cr_assert(split_lease_begin(lease, 2));
    takes_nothing();
    cr_assert_eq(split_lease_taken(lease, 1), 0);
    cr_assert_not(split_lease_add(lease, 1, 100, 10), "one that comes too late");
    cr_assert(split_lease_add(lease, 2, 0, 2));
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(take_leased(&ref));
        cr_assert(ref.epoch == 2 && ref.variant != 1);
    }
    takes_nothing();
}

Test(canary_lease, is_nobodys_when_weights_have_changed_before_it_is_begun)
{
    struct split_ref ref;
    split_lease_add(lease, 1, 0, 10);
    change((uint32_t[]){1, 1, 1});
    cr_assert(split_lease_begin(lease, 2));
    change((uint32_t[]){0, 1, 0});
    cr_assert(split_lease_add(lease, 2, 0, 10), "it can't know");
    cr_assert_not(take_leased(&ref));
}

Test(canary_lease, is_made_once_and_then_left_alone)
{
    split_lease_add(lease, 1, 0, 10);
    cr_assert(split_lease_init(lease, N));
    takes(0, 10);
}

/* -- places --------------------------------------------------------------------------------- */

Test(canary_lease, has_places_for_a_few_blocks)
{
    for (unsigned i = 0; i < LEASE_BLOCKS; i++)
        cr_assert(split_lease_add(lease, 1, 10 * i, 1));
    cr_assert_not(split_lease_add(lease, 1, 90, 1));
    takes(0, 1);
    cr_assert(split_lease_add(lease, 1, 90, 1));
    for (unsigned i = 1; i < LEASE_BLOCKS; i++)
        takes(10 * i, 1);
    takes(90, 1);
    for (unsigned i = 0; i < 50; i++) {
        cr_assert(split_lease_add(lease, 1, 7 * i, 3));
        takes(7 * i, 3);
    }
}

/* As a control process leaves it that dies between the block and `end`. */
Test(canary_lease, gives_nothing_of_a_block_that_was_left_half_done)
{
    struct split_block *b = &lease->blocks[2];
    split_lease_add(lease, 1, 50, 3);
    atomic_store(&b->first, 4000);
    atomic_store(&b->n, 10);
    atomic_store(&b->tag, atomic_load(&lease->end) + 1);
    takes(50, 3);
    takes_nothing();
    cr_assert(split_lease_add(lease, 1, 60, 5));
    takes(60, 5);
    takes_nothing();
}

/* As a worker finds it that stood still between its number and its block. */
Test(canary_lease, loses_a_position_whose_block_is_gone)
{
    split_lease_add(lease, 1, 0, 5);
    takes(0, 2);
    atomic_store(&lease->blocks[0].tag, 0);
    takes_nothing();
    look(0);
    cr_assert_eq(split_lease_view(lease, &view), 2, "it isn't counted either");
    for (unsigned i = 0; i < 2; i++)
        takes_nothing();
    cr_assert(split_lease_add(lease, 1, 5, 5));
    takes(5, 5);
}

/* -- processes ------------------------------------------------------------------------------ */

static pid_t child(void (*fn)(void))
{
    const pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (!pid) {
        fn();
        _exit(0);
    }
    return pid;
}

static void await(pid_t pid)
{
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void die_with_it(void)
{
    if (pthread_mutex_lock(&lease->feeder) != 0)
        _exit(1);
}

static void find_it_taken(void)
{
    if (split_lease_add(lease, 1, 0, 1) || split_lease_begin(lease, 1))
        _exit(1);
}

Test(canary_lease, is_filled_by_one_process_at_a_time_and_after_one_that_died)
{
    await(child(die_with_it));
    cr_assert(split_lease_add(lease, 1, 0, 3));
    cr_assert_eq(pthread_mutex_lock(&lease->feeder), 0);
    await(child(find_it_taken));
    cr_assert_eq(pthread_mutex_unlock(&lease->feeder), 0);
    await(child(die_with_it));
    cr_assert(split_lease_begin(lease, 1));
}

enum { TAKERS = 3, POSITIONS = 30000 };

/* Until all are taken; what is not leased yet is waited for. */
static void take_many(void)
{
    struct split_ref ref;
    do {
        if (!take_leased(&ref))
            usleep(50);
        look_at_lease();
    } while (seen.taken < POSITIONS);
}

Test(canary_lease, gives_each_position_once_to_processes_that_take_at_once, .timeout = 60)
{
    pid_t pids[TAKERS];
    uint64_t at = 0;
    for (unsigned i = 0; i < TAKERS; i++)
        pids[i] = child(take_many);
    while (at < POSITIONS) {
        look_at_lease();
        if (seen.blocks < 2 && split_lease_add(lease, 1, at, 50))
            at += 50;
        else
            usleep(50);
    }
    for (unsigned i = 0; i < TAKERS; i++)
        await(pids[i]);
    look(0);
    const uint64_t taken = split_lease_view(lease, &view);
    /* Who is slower than two blocks loses a position: seldom. */
    cr_assert_leq(taken, POSITIONS);
    cr_assert_geq(taken, POSITIONS - POSITIONS / 100);
    for (unsigned i = 0; i < N && taken == POSITIONS; i++)
        cr_assert_eq(view.variants[i].assigned, schedule_count(&order, POSITIONS, i));
}
