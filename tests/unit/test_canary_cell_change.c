/* SPDX-License-Identifier: Apache-2.0 */
/* The cell of a split, as control processes change it, and what it keeps besides tickets: how many
 * failures may be hidden, and users. */

#include "canary_cell_case.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(canary_cell_change, .init = set_up);

/* -- some weights --------------------------------------------------------------------------- */

static struct split_edited edited;

static bool edit(double v1, double v2, double v3)
{
    const double given[N] = {v1, v2, v3};
    struct weight weights[N];
    const struct split_edit e = {names, weights, N, 7000000};
    for (unsigned i = 0; i < N; i++) {
        weights[i].units = SPLIT_KEEP;
        cr_assert(given[i] < 0 || weight_of(given[i], &weights[i]));
    }
    return split_cell_edit(c, &e, &edited, reason);
}

Test(canary_cell_change, keeps_the_weights_that_an_edit_does_not_name)
{
    (void)take();
    cr_assert(edit(-1, 25, -1), "%s", reason);
    cr_assert(edited.from[1] == 20 && edited.to[0] == 70 && edited.to[1] == 25 &&
              edited.to[2] == 10 && edited.tickets == 1);
    look(0);
    cr_assert_eq(view.epoch, 2);
    cr_assert_eq(view.changed_us, 7000000);
    cr_assert_eq(view.variants[0].weight, 70);
    cr_assert_eq(view.variants[1].weight, 25);
    cr_assert_eq(view.decimals, 0);
}

Test(canary_cell_change, takes_decimals_and_keeps_others_beside_them)
{
    cr_assert(edit(99.99, 0.01, 0), "%s", reason);
    look(0);
    cr_assert(view.decimals == 2 && view.variants[0].weight == 9999 &&
              view.variants[1].weight == 1);
    cr_assert(edit(-1, 1, -1), "%s", reason);
    look(0);
    cr_assert(view.decimals == 2 && view.variants[0].weight == 9999 &&
                  view.variants[1].weight == 100,
              "99.99 and 1, as an operator sees them");
    cr_assert(edited.from_decimals == 2 && edited.from[0] == 9999);
}

Test(canary_cell_change, refuses_an_edit_that_leaves_no_weights)
{
    cr_assert_not(edit(0, 0, 0));
    cr_assert(strstr(reason, "sum up to 0"), "%s", reason);
    cr_assert_not(edit(-1, 0.001, -1));
    cr_assert(strstr(reason, "requests"), "%s", reason);
    look(0);
    cr_assert_eq(view.epoch, 1);
    cr_assert(edit(0, 1, 0), "and the turn was given back: %s", reason);
}

/* -- turns ---------------------------------------------------------------------------------- */

static void in_child(void (*fn)(void))
{
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (!child) {
        fn();
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void take_the_turn(void)
{
    if (pthread_mutex_lock(&c->changer) != 0)
        _exit(1);
}

Test(canary_cell_change, is_changed_after_a_process_that_died_while_it_changed_it)
{
    in_child(take_the_turn);
    cr_assert(edit(1, -1, -1), "%s", reason);
    in_child(take_the_turn);
    (void)change((uint32_t[]){1, 1, 1});
    look(0);
    cr_assert_eq(view.epoch, 3);
}

static void find_it_taken(void)
{
    uint32_t weights[N] = {1, 1, 1};
    const struct split_weights to = set_of(weights);
    if (split_cell_change(c, &to, 1, NULL, reason) || !strstr(reason, "try again"))
        _exit(1);
}

Test(canary_cell_change, is_not_changed_while_another_process_does)
{
    cr_assert_eq(pthread_mutex_lock(&c->changer), 0);
    in_child(find_it_taken);
    cr_assert_eq(pthread_mutex_unlock(&c->changer), 0);
    look(0);
    cr_assert_eq(view.epoch, 1);
}

static void raise_one(void)
{
    struct weight weights[N] = {{SPLIT_KEEP, 0}, {SPLIT_KEEP, 0}, {SPLIT_KEEP, 0}};
    for (unsigned i = 0; i < 50; i++) {
        weights[i % N] = (struct weight){i + 1, 0};
        const struct split_edit e = {names, weights, N, 1};
        if (!split_cell_edit(c, &e, &edited, reason))
            _exit(1);
        weights[i % N].units = SPLIT_KEEP;
    }
}

Test(canary_cell_change, is_changed_by_one_process_at_a_time)
{
    pid_t child[2];
    for (unsigned i = 0; i < 2; i++) {
        child[i] = fork();
        cr_assert_geq(child[i], 0);
        if (!child[i]) {
            raise_one();
            _exit(0);
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        int status;
        waitpid(child[i], &status, 0);
        cr_assert_eq(status, 0);
    }
    look(0);
    cr_assert_eq(view.epoch, 101, "no change was lost");
}

/* -- hidden failures and users -------------------------------------------------------------- */

static uint64_t hidden_of(unsigned variant)
{
    look(0);
    return view.variants[variant].counts[SPLIT_HIDDEN];
}

/* All requests fail, and are counted as sent when they were dealt with. */
Test(canary_cell_change, hides_no_more_failures_than_a_share_of_what_was_sent)
{
    static const uint32_t shares[] = {0, 1, 10000, 200000, 333333, 999999, 1000000};
    for (unsigned i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        (void)change((uint32_t[]){1, 1, 1});
        const struct split_ref ref = {.epoch = (uint16_t)(i + 2), .variant = 1};
        uint64_t hidden = 0;
        for (uint64_t sent = 1; sent <= 2000; sent++) {
            hidden += split_cell_hide(c, ref, shares[i]);
            const uint64_t most = (sent * shares[i] + 999999) / 1000000;
            cr_assert_eq(hidden, most, "%u of %u", (unsigned)hidden, (unsigned)sent);
            split_cell_count(c, ref, SPLIT_SENT);
        }
        cr_assert_eq(hidden_of(1), hidden);
        cr_assert_eq(hidden_of(0), 0, "each variant has its own share");
    }
}

Test(canary_cell_change, hides_the_first_failure_at_once_and_takes_back_what_was_not_hidden)
{
    const struct split_ref ref = {.epoch = 1, .variant = 2};
    cr_assert(split_cell_hide(c, ref, 10000));
    cr_assert_not(split_cell_hide(c, ref, 10000), "two of one");
    split_cell_unhide(c, ref);
    cr_assert(split_cell_hide(c, ref, 10000));
    split_cell_unhide(c, ref);
    split_cell_unhide(c, ref);
    cr_assert_eq(hidden_of(2), 0);
}

Test(canary_cell_change, hides_by_the_counts_of_the_epoch_that_a_request_began_in)
{
    const struct split_ref ref = take();
    for (unsigned i = 0; i < 3; i++)
        (void)change((uint32_t[]){1, 1, 1});
    cr_assert(split_cell_hide(c, ref, 200000));
    cr_assert_eq(hidden_of(0), 0);
    (void)change((uint32_t[]){1, 1, 1});
    cr_assert_not(split_cell_hide(c, ref, 1000000), "nothing is left of it");
    split_cell_unhide(c, ref);
    cr_assert_eq(hidden_of(0), 0);
}

static void *run_hider(void *arg)
{
    const struct split_ref ref = {.epoch = 1, .variant = 0};
    unsigned *hidden = arg;
    for (unsigned i = 0; i < 20000; i++) {
        *hidden += split_cell_hide(c, ref, 100000);
        split_cell_count(c, ref, SPLIT_SENT);
    }
    return NULL;
}

Test(canary_cell_change, hides_exactly_the_share_for_all_workers_together)
{
    pthread_t threads[4];
    unsigned hidden[4] = {0}, sum = 0;
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_hider, &hidden[i]), 0);
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        sum += hidden[i];
    }
    cr_assert_eq(sum, hidden_of(0));
    cr_assert_leq(sum, 8000);
    cr_assert_geq(sum, 7999, "the last few may have been asked before others were counted");
}

Test(canary_cell_change, counts_users_of_each_epoch_apart)
{
    const struct split_ref ref = {.epoch = 1, .variant = 1};
    for (unsigned i = 0; i < 50; i++)
        for (uint64_t k = 1; k <= 10; k++)
            split_cell_user(c, ref, k * 0x9e3779b97f4a7c15);
    look(0);
    cr_assert(view.variants[1].users == 10 && view.variants[0].users == 0);
    (void)change((uint32_t[]){1, 1, 1});
    look(0);
    cr_assert_eq(view.variants[1].users, 0);
    for (unsigned i = 0; i < 8; i++) {
        (void)change((uint32_t[]){1, 1, 1});
        split_cell_user(c, ref, 1);
        look(0);
        cr_assert_eq(view.variants[1].users, 0, "of an older epoch");
    }
}

Test(canary_cell_change, shows_how_many_buckets_each_has)
{
    (void)change((uint32_t[]){0, 9999, 1});
    look(0);
    cr_assert_eq(view.variants[0].buckets, 0);
    cr_assert_eq(view.variants[0].buckets + view.variants[1].buckets + view.variants[2].buckets,
                 BUCKETS);
    cr_assert_geq(view.variants[1].buckets, BUCKETS - BUCKETS_OFF);
}
