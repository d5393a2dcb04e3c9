/* SPDX-License-Identifier: Apache-2.0 */
/* The cell of a split: tickets and counts stay with their epoch, whoever takes and changes at the
 * same time. */

#include "canary_cell_case.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(canary_cell, .init = set_up);

Test(canary_cell, gives_tickets_in_the_order_of_the_schedule)
{
    struct schedule s;
    cr_assert(schedule_build(&s, (uint32_t[]){70, 20, 10}, N, reason));
    for (uint64_t at = 0; at < 25; at++)
        cr_assert_eq(take().variant, schedule_at(&s, at));
}

Test(canary_cell, is_made_once_and_then_left_alone)
{
    const struct split_weights other = set_of((uint32_t[]){1, 1, 1}),
                               wrong = set_of((uint32_t[]){0, 0, 0});
    for (unsigned i = 0; i < 10; i++)
        (void)take();
    cr_assert(split_cell_init(c, &other, 2000000, reason));
    cr_assert_not(split_cell_init(c, &wrong, 2000000, reason));
    look(1500000);
    cr_assert_eq(view.position, 10);
    cr_assert_eq(view.epoch, 1);
    cr_assert_eq(view.variants[0].weight, 70);
    cr_assert_eq(view.changed_us, 1000000);
    cr_assert_eq(view.age_us, 500000);
}

Test(canary_cell, that_was_never_made_gives_nothing)
{
    struct split_ref ref;
    struct split_cell *none = aligned_alloc(64, (split_cell_size(N) + 63) / 64 * 64);
    memset(none, 0, split_cell_size(N));
    cr_assert_not(split_cell_take(none, &ref));
    cr_assert_not(split_cell_place(none, 0, &ref));
    cr_assert_not(split_cell_view(none, 0, &view));
    free(none);
}

Test(canary_cell, isnt_made_of_weights_that_cant_be_kept)
{
    const struct split_weights wrong = set_of((uint32_t[]){0, 0, 0});
    struct split_ref ref;
    struct split_cell *none = aligned_alloc(64, (split_cell_size(N) + 63) / 64 * 64);
    memset(none, 0, split_cell_size(N));
    cr_assert_not(split_cell_init(none, &wrong, 1, reason));
    cr_assert_not(split_cell_take(none, &ref));
    free(none);
}

Test(canary_cell, begins_an_epoch_at_each_change_and_says_what_the_former_had)
{
    for (unsigned i = 0; i < 7; i++)
        (void)take();
    cr_assert_eq(change((uint32_t[]){0, 50, 50}), 7);
    look(6000000);
    cr_assert_eq(view.epoch, 2);
    cr_assert_eq(view.position, 0);
    cr_assert_eq(view.changed_us, 5000000);
    cr_assert_eq(view.age_us, 1000000);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_neq(take().variant, 0, "a weight of zero gets nothing");
    cr_assert_eq(change((uint32_t[]){1, 1, 1}), 100);
}

Test(canary_cell, refuses_a_wrong_change_and_stays_as_it_was)
{
    const struct split_weights zero = set_of((uint32_t[]){0, 0, 0}),
                               fine = set_of((uint32_t[]){999999, 1, 0}),
                               few = {names, (uint32_t[]){1, 2}, 2};
    (void)take();
    cr_assert_not(split_cell_change(c, &zero, 2, NULL, reason));
    cr_assert(strstr(reason, "sum up to 0"), "%s", reason);
    cr_assert_not(split_cell_change(c, &fine, 2, NULL, reason));
    cr_assert(strstr(reason, "1000000 requests"), "%s", reason);
    cr_assert_not(split_cell_change(c, &few, 2, NULL, reason));
    cr_assert(strstr(reason, "2 variants"), "%s", reason);
    look(2);
    cr_assert_eq(view.epoch, 1);
    cr_assert_eq(view.position, 1);
    cr_assert_eq(view.variants[2].weight, 10);
    cr_assert_eq(view.age_us, 0, "a clock that was set back");
}

Test(canary_cell, places_users_by_the_weights_in_force)
{
    static uint8_t table[BUCKETS];
    const uint32_t drained[] = {95, 5, 0};
    struct split_ref ref;
    buckets_build(table, names, (uint32_t[]){70, 20, 10}, N);
    for (unsigned b = 0; b < BUCKETS; b++) {
        cr_assert(split_cell_place(c, b, &ref));
        cr_assert_eq(ref.variant, table[b]);
    }
    (void)change(drained);
    buckets_build(table, names, drained, N);
    for (unsigned b = 0; b < BUCKETS; b++) {
        cr_assert(split_cell_place(c, b, &ref));
        cr_assert_eq(ref.variant, table[b]);
        cr_assert_neq(ref.variant, 2);
    }
    look(0);
    cr_assert_eq(view.position, 0, "who is placed takes no ticket");
}

Test(canary_cell, shows_targets_and_counts_of_each_variant)
{
    for (unsigned i = 0; i < 105; i++) {
        const struct split_ref ref = take();
        split_cell_count(c, ref, SPLIT_SENT);
        if (i % 10 == 0)
            split_cell_count(c, ref, SPLIT_ERRORS);
        if (i < 2)
            split_cell_count(c, ref, SPLIT_HIDDEN);
    }
    split_cell_count(c, (struct split_ref){1, 2}, SPLIT_FELL_BACK);
    look(0);
    uint64_t errors = 0, hidden = 0, assigned = 0;
    for (unsigned i = 0; i < N; i++) {
        const struct split_variant *v = &view.variants[i];
        const double off = v->target - (double)v->assigned;
        cr_assert(-1 < off && off < 1);
        cr_assert_eq(v->counts[SPLIT_SENT], v->assigned);
        cr_assert_eq(v->counts[SPLIT_FELL_BACK], i == 2);
        errors += v->counts[SPLIT_ERRORS];
        hidden += v->counts[SPLIT_HIDDEN];
        assigned += v->assigned;
    }
    cr_assert_eq(view.n, N);
    cr_assert_eq(view.position, 105);
    cr_assert_eq(assigned, 105);
    cr_assert_eq(view.variants[0].target, 73.5);
    cr_assert_eq(errors, 11);
    cr_assert_eq(hidden, 2);
}

Test(canary_cell, counts_nothing_of_an_older_epoch)
{
    const struct split_ref old = take();
    for (unsigned i = 0; i < 9; i++) { /* also after its slot has been used again, twice */
        (void)change((uint32_t[]){1, 1, 1});
        split_cell_count(c, old, SPLIT_SENT);
        look(0);
        for (unsigned v = 0; v < N; v++)
            cr_assert_eq(view.variants[v].counts[SPLIT_SENT], 0);
    }
    split_cell_count(c, take(), SPLIT_SENT);
    look(0);
    cr_assert_eq(view.variants[0].counts[SPLIT_SENT], 1);
}

/* The word of the ticket comes first in the cell. Set back to an older epoch's, it is what a worker
 * has that took its ticket then, and looks into the table only now. */
static void set_ticket(uint64_t epoch, uint64_t position)
{
    atomic_store((_Atomic uint64_t *)c, epoch << 48 | position);
}

Test(canary_cell, a_late_worker_finds_the_table_of_its_epoch_for_three_more_changes)
{
    struct schedule s;
    struct split_ref ref;
    cr_assert(schedule_build(&s, (uint32_t[]){70, 20, 10}, N, reason));
    for (unsigned changes = 1; changes <= 3; changes++) {
        (void)change((uint32_t[]){0, 0, 1});
        for (uint64_t at = 0; at < 20; at++) {
            set_ticket(1, at);
            cr_assert_eq(take().variant, schedule_at(&s, at));
        }
        set_ticket(1 + changes, 0);
    }
    (void)change((uint32_t[]){0, 0, 1});
    set_ticket(1, 0);
    cr_assert_not(split_cell_take(c, &ref), "its slot is another epoch's now");
    cr_assert_not(split_cell_place(c, 0, &ref));
    cr_assert_not(split_cell_view(c, 0, &view));
}

Test(canary_cell, that_has_run_out_of_positions_says_so_until_it_is_changed)
{
    struct split_ref ref;
    set_ticket(1, ((uint64_t)1 << 48) - 1);
    look(0);
    cr_assert_eq(view.position, ((uint64_t)1 << 48) - 1);
    (void)take();
    cr_assert_not(split_cell_take(c, &ref));
    cr_assert_not(split_cell_place(c, 0, &ref));
    (void)change((uint32_t[]){1, 1, 1});
    look(0);
    cr_assert_eq(view.epoch, 2);
    (void)take();
}

/* -- many at once --------------------------------------------------------------------------- */

enum { TAKERS = 4, EPOCHS = 100 };

/* What takers were given, by epoch; how far each has come; shared. */
struct race {
    _Atomic uint64_t given[EPOCHS + 2][N];
    _Atomic unsigned seen[TAKERS]; /* the epoch of its last ticket */
    _Atomic bool over;
    _Atomic unsigned failed;
};
static struct race *race;

struct taker {
    pthread_t thread;
    unsigned number;
};

static void *run_taker(void *arg)
{
    const struct taker *t = arg;
    for (unsigned i = 1; !atomic_load(&race->over); i++) {
        struct split_ref ref;
        if (i % 64 == 0)
            sched_yield(); /* so that each comes to each epoch soon, on few cores too */
        if (!split_cell_take(c, &ref)) {
            atomic_fetch_add(&race->failed, 1);
            continue;
        }
        atomic_fetch_add(&race->given[ref.epoch][ref.variant], 1);
        split_cell_count(c, ref, SPLIT_SENT);
        atomic_store(&race->seen[t->number], ref.epoch);
    }
    return NULL;
}

/* In each epoch another variant has nothing, and the tables are of other lengths: an entry that is
 * read from a table of another epoch shows. */
static void weights_of(unsigned epoch, uint32_t weights[N])
{
    for (unsigned i = 0; i < N; i++)
        weights[i] = i == epoch % N ? 0 : 1 + (epoch * 31 + i * 17) % 97;
}

static void wait_for_all(unsigned epoch)
{
    for (unsigned i = 0; i < TAKERS; i++)
        while (atomic_load(&race->seen[i]) < epoch)
            sched_yield();
}

/* Goes through the epochs, 2 to EPOCHS + 1; `former` gets the tickets of each. */
static void run_changer(uint64_t *former, bool wait)
{
    uint32_t weights[N];
    for (unsigned epoch = 2; epoch < EPOCHS + 2; epoch++) {
        if (wait)
            wait_for_all(epoch - 1);
        weights_of(epoch, weights);
        former[epoch - 1] = change(weights);
        look(5000000);
        cr_assert_eq(view.epoch, epoch);
        for (unsigned i = 0; i < N; i++)
            cr_assert_leq(view.variants[i].counts[SPLIT_SENT], view.variants[i].assigned);
    }
    wait_for_all(EPOCHS + 1);
    atomic_store(&race->over, true);
}

static void make_race(void)
{
    race = mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(race, MAP_FAILED);
}

/* What an epoch's schedule says its tickets were; of the one that lasts, what the view says, too.
 */
static uint64_t expected(unsigned epoch, uint64_t tickets, unsigned variant)
{
    struct schedule s;
    uint32_t weights[N] = {70, 20, 10};
    if (epoch > 1)
        weights_of(epoch, weights);
    cr_assert(schedule_build(&s, weights, N, reason));
    return schedule_count(&s, tickets, variant);
}

Test(canary_cell, keeps_every_epoch_exact_while_processes_take_and_one_changes)
{
    uint64_t former[EPOCHS + 2];
    pid_t child[TAKERS];
    make_race();
    for (unsigned i = 0; i < TAKERS; i++) {
        child[i] = fork();
        cr_assert_geq(child[i], 0);
        if (!child[i]) {
            (void)run_taker(&(struct taker){.number = i});
            _exit(0);
        }
    }
    run_changer(former, true);
    for (unsigned i = 0; i < TAKERS; i++)
        waitpid(child[i], NULL, 0);
    look(0);
    former[EPOCHS + 1] = view.position;
    for (unsigned epoch = 1; epoch < EPOCHS + 2; epoch++)
        for (unsigned i = 0; i < N; i++)
            cr_assert_eq(race->given[epoch][i], expected(epoch, former[epoch], i),
                         "epoch %u, variant %u", epoch, i);
    for (unsigned i = 0; i < N; i++) {
        cr_assert_eq(view.variants[i].assigned, race->given[EPOCHS + 1][i]);
        cr_assert_eq(view.variants[i].counts[SPLIT_SENT], view.variants[i].assigned);
    }
    cr_assert_eq(race->failed, 0);
}

/* Here tickets may be dropped, when a thread stands still for three changes; none may be given to
 * a variant that its epoch doesn't have, nor more than the schedule says. */
Test(canary_cell, gives_nothing_to_a_zero_weight_however_fast_weights_change)
{
    uint64_t former[EPOCHS + 2];
    struct taker takers[TAKERS];
    make_race();
    for (unsigned i = 0; i < TAKERS; i++) {
        takers[i].number = i;
        cr_assert_eq(pthread_create(&takers[i].thread, NULL, run_taker, &takers[i]), 0);
    }
    run_changer(former, false);
    for (unsigned i = 0; i < TAKERS; i++)
        pthread_join(takers[i].thread, NULL);
    for (unsigned epoch = 2; epoch < EPOCHS + 1; epoch++) {
        cr_assert_eq(race->given[epoch][epoch % N], 0);
        for (unsigned i = 0; i < N; i++)
            cr_assert_leq(race->given[epoch][i], expected(epoch, former[epoch], i));
    }
    cr_assert_eq(race->failed, 0);
}
