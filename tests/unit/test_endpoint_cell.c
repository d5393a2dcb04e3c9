/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of endpoints: who gets which, what stays, and what counts as a change. */
#include "core/cluster/endpoint_cell.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "core/cluster/cluster.h"

static struct shm *shm;
static struct faults faults;
static struct endpoint_conf conf_eps[4];
static struct cluster_conf conf;
static struct cluster_table *table;
static struct cluster_shared *shared;
static struct endpoint_cell *cell;

static void prepare(uint32_t rows)
{
    shared = shm_cell(shm, SLICE("cluster/web/shared"), sizeof *shared);
    cr_assert(shared);
    cell = endpoint_cell_prepare(shm, &conf, rows, shared, &faults);
    cr_assert(cell);
}

static void use(void)
{
    endpoint_cell_use(cell, shared);
}

/* A cluster with the one name "a.internal:80", whose answers the tests give. */
static void setup(void)
{
    shm = shm_create(4 << 20);
    shm_generation(shm, 1);
    faults_init(&faults);
    conf_eps[0] = (struct endpoint_conf){.address = SLICE("a.internal:80"), .weight = 1};
    conf = (struct cluster_conf){.place.name = SLICE_INIT("web"),
                                 .endpoints = conf_eps,
                                 .endpoints_n = 1,
                                 .dns.capacity = 8};
    table = cluster_table_prepare(shm, &conf, &faults);
    cr_assert(table);
    prepare(table->capacity);
}

static void teardown(void)
{
    faults_fini(&faults);
    shm_detach(shm);
}

TestSuite(endpoint_cell, .init = setup, .fini = teardown);

/* The name has these addresses from now on. */
static bool answer(const char *const *addrs, size_t n, const struct weir_endpoint_cells *arrays,
                   uint64_t now_us)
{
    struct addr list[32];
    for (size_t i = 0; i < n; i++)
        cr_assert(addr_parse(slice_str(addrs[i]), &list[i]));
    cluster_table_set(table, cluster_source(&conf_eps[0]), 1, list, n);
    return endpoint_cell_follow(cell, &conf, table, arrays, now_us);
}
#define ANSWER(arrays, now, ...)                                                                   \
    answer((const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),  \
           arrays, now)

static uint32_t slot_of(const char *name)
{
    return endpoint_cell_find(cell, slice_str(name));
}

Test(endpoint_cell, an_endpoint_keeps_its_slot_when_others_come_and_go)
{
    cr_assert_eq(slot_of("10.0.0.1:80"), NO_SLOT);
    cr_assert(ANSWER(NULL, 5, "10.0.0.1:80", "10.0.0.2:80"));
    const uint32_t one = slot_of("10.0.0.1:80"), two = slot_of("10.0.0.2:80");
    cr_assert(one != NO_SLOT && two != NO_SLOT && one != two);
    cr_assert(ANSWER(NULL, 6, "10.0.0.2:80", "10.0.0.3:80"));
    cr_assert_eq(slot_of("10.0.0.2:80"), two);
    cr_assert_eq(slot_of("10.0.0.1:80"), one, "a slot that nobody needs keeps its owner");
    cr_assert_neq(slot_of("10.0.0.3:80"), one);
    cr_assert_not(ANSWER(NULL, 7, "10.0.0.2:80", "10.0.0.3:80"), "nothing is new");
}

Test(endpoint_cell, an_address_that_two_names_give_has_one_slot)
{
    struct addr addr;
    unsigned n = 0;
    cr_assert(addr_parse(SLICE("10.0.0.1:80"), &addr));
    cluster_table_set(table, 1, 1, &addr, 1);
    cluster_table_set(table, 2, 1, &addr, 1);
    cr_assert(endpoint_cell_follow(cell, &conf, table, NULL, 1));
    for (uint32_t i = 0; i < cell->capacity; i++)
        n += cell->slots[i].owner != 0;
    cr_assert_eq(n, 1);
}

Test(endpoint_cell, who_is_there_from_the_start_has_not_just_joined)
{
    ANSWER(NULL, 5, "10.0.0.1:80");
    ANSWER(NULL, 6, "10.0.0.1:80", "10.0.0.2:80");
    cr_assert_eq(cell->slots[slot_of("10.0.0.1:80")].joined_us, 0);
    cr_assert_eq(cell->slots[slot_of("10.0.0.2:80")].joined_us, 6);
}

Test(endpoint_cell, the_longest_gone_slot_is_taken_first_and_begins_anew)
{
    char name[32];
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t first = slot_of("10.0.0.1:80");
    endpoint_health_set(cell, first, HEALTH_DOWN, 1);
    endpoint_drain_set(cell, first, true);
    for (uint32_t i = 2; i <= cell->capacity; i++) {
        snprintf(name, sizeof name, "10.0.0.%u:80", i);
        answer((const char *[]){name}, 1, NULL, i);
    }
    cr_assert_eq(slot_of("10.0.0.1:80"), first, "all slots have an owner now");
    ANSWER(NULL, 99, "10.0.1.1:80");
    cr_assert_eq(slot_of("10.0.1.1:80"), first);
    cr_assert_eq(slot_of("10.0.0.1:80"), NO_SLOT);
    cr_assert_neq(slot_of("10.0.0.2:80"), NO_SLOT);
    cr_assert_eq(endpoint_health(cell, first), HEALTH_UNKNOWN);
    cr_assert_not(endpoint_draining(cell, first, 99));
    cr_assert_eq(cell->slots[first].joined_us, 99);
}

Test(endpoint_cell, only_what_is_new_counts_as_a_change)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t slot = slot_of("10.0.0.1:80");
    struct {
        const char *what;
        bool changes;
    } row;
    uint32_t was = cell->version;
#define STEP(call, changed)                                                                        \
    row.what = #call, row.changes = (changed);                                                     \
    call;                                                                                          \
    cr_expect_eq(cell->version != was, row.changes, "%s", row.what);                               \
    was = cell->version
    STEP(endpoint_health_set(cell, slot, HEALTH_UP, 2), true);
    STEP(endpoint_health_set(cell, slot, HEALTH_UP, 3), false);
    STEP(endpoint_drain_set(cell, slot, true), true);
    STEP(endpoint_drain_set(cell, slot, true), false);
    STEP(endpoint_drain_set(cell, slot, false), true);
    STEP(endpoint_word_set(cell, slot, WORD_DEGRADED, 9), true);
    STEP(endpoint_word_set(cell, slot, WORD_DEGRADED, 9), false);
    STEP(endpoint_word_set(cell, slot, WORD_OK, 0), true);
    STEP(endpoint_health_set(cell, NO_SLOT, HEALTH_DOWN, 3), false);
    STEP(endpoint_drain_set(cell, cell->capacity, true), false);
#undef STEP
}

Test(endpoint_cell, a_word_of_the_endpoint_holds_until_its_time)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t slot = slot_of("10.0.0.1:80");
    endpoint_word_set(cell, slot, WORD_DRAIN, 99000001);
    cr_assert(endpoint_draining(cell, slot, 99999999));
    cr_assert_not(endpoint_draining(cell, slot, 100000000));
    const uint32_t was = cell->version;
    endpoint_word_set(cell, slot, WORD_DRAIN, 99999999);
    cr_assert_eq(cell->version, was, "the same second");
    endpoint_word_set(cell, slot, WORD_DEGRADED, 200000000);
    cr_assert_not(endpoint_draining(cell, slot, 99000000), "the last word counts");
    cr_assert(endpoint_degraded(cell, slot, 199999999));
    cr_assert_not(endpoint_degraded(cell, slot, 200000000));
}

Test(endpoint_cell, who_comes_up_after_it_was_down_joins_anew)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t slot = slot_of("10.0.0.1:80");
    endpoint_health_set(cell, slot, HEALTH_UP, 50);
    cr_assert_eq(cell->slots[slot].joined_us, 0, "it was never down");
    endpoint_health_set(cell, slot, HEALTH_DOWN, 60);
    endpoint_health_set(cell, slot, HEALTH_UP, 70);
    cr_assert_eq(cell->slots[slot].joined_us, 70);
}

Test(endpoint_cell, who_is_new_begins_as_the_configuration_has_it)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t one = slot_of("10.0.0.1:80");
    conf.health.initial = HEALTH_INITIAL_DOWN;
    ANSWER(NULL, 2, "10.0.0.1:80", "10.0.0.2:80");
    const uint32_t two = slot_of("10.0.0.2:80");
    cr_assert_eq(endpoint_health(cell, one), HEALTH_UNKNOWN, "it was there before");
    cr_assert_eq(endpoint_health(cell, two), HEALTH_PENDING);
    endpoint_health_set(cell, two, HEALTH_UP, 70);
    cr_assert_eq(cell->slots[two].joined_us, 70, "it joins when it may be used");
    endpoint_health_set(cell, one, HEALTH_PENDING, 80);
    endpoint_health_set(cell, one, HEALTH_UP, 90);
    cr_assert_eq(cell->slots[one].joined_us, 0, "it was there from the start");
}

Test(endpoint_cell, passed_checks_are_no_change_and_begin_at_none)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t slot = slot_of("10.0.0.1:80"), was = cell->version;
    cr_assert_eq(endpoint_passed(cell, slot), 0);
    endpoint_passed_set(cell, slot, 7);
    cr_assert_eq(endpoint_passed(cell, slot), 7);
    cr_assert_eq(cell->version, was);
    endpoint_passed_set(cell, NO_SLOT, 7);
    cr_assert_eq(endpoint_passed(cell, NO_SLOT), 0);
}

Test(endpoint_cell, a_larger_cell_begins_as_a_copy)
{
    struct endpoint_cell *small = cell;
    ANSWER(NULL, 1, "10.0.0.1:80", "10.0.0.2:80");
    const uint32_t slot = slot_of("10.0.0.2:80");
    endpoint_health_set(cell, slot, HEALTH_DOWN, 1);
    use();
    prepare(table->capacity * 4);
    cr_assert_neq(cell, small);
    cr_assert_eq(cell->capacity, 4 * small->capacity);
    cr_assert_eq(slot_of("10.0.0.2:80"), slot);
    cr_assert_eq(endpoint_health(cell, slot), HEALTH_DOWN);
    struct endpoint_cell *large = cell;
    use();
    prepare(table->capacity);
    cr_assert_eq(cell, large, "a cell never shrinks");
}

Test(endpoint_cell, after_a_load_that_failed_the_next_copy_is_a_new_one)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    use();
    struct endpoint_cell *in_use = cell;
    const uint32_t slot = slot_of("10.0.0.1:80");
    prepare(table->capacity * 4); /* nobody uses it */
    endpoint_health_set(in_use, slot, HEALTH_DOWN, 1);
    prepare(table->capacity * 4);
    cr_assert_neq(cell, in_use);
    cr_assert_eq(endpoint_health(cell, slot), HEALTH_DOWN);
}

Test(endpoint_cell, a_giver_that_dies_leaves_the_lock_to_the_next)
{
    const pid_t pid = fork();
    if (pid == 0)
        _exit(!endpoint_cell_lock(cell));
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert(ANSWER(NULL, 1, "10.0.0.1:80"));
}

/* -- arrays of modules ------------------------------------------------------------------------- */

static struct weir_endpoint_cells array(const char *name, size_t size)
{
    struct weir_endpoint_cells a = {0};
    cr_assert(endpoint_array_prepare(&a, shm, slice_str(name), cell, shared, size));
    return a;
}

Test(endpoint_cell, an_element_is_zero_when_its_endpoint_is_new)
{
    char name[32];
    struct weir_endpoint_cells a = array("module/a", 12);
    ANSWER(&a, 1, "10.0.0.1:80");
    const uint32_t slot = slot_of("10.0.0.1:80");
    char *element = endpoint_array_at(&a, slot);
    cr_assert_eq((uintptr_t)element % 64, 0);
    memset(element, 7, 12);
    endpoint_share_set(&a, slot, 0);
    endpoint_guard_set(&a, slot, true);
    for (uint32_t i = 2; i <= cell->capacity + 1; i++) {
        snprintf(name, sizeof name, "10.0.0.%u:80", i);
        answer((const char *[]){name}, 1, &a, i);
    }
    cr_assert_eq(slot_of(name), slot);
    for (int i = 0; i < 12; i++)
        cr_assert_eq(element[i], 0);
    cr_assert_eq(endpoint_share(&a, slot), SHARE_ALL);
    cr_assert_not(endpoint_guarded(&a, slot));
    cr_assert_null(endpoint_array_at(&a, NO_SLOT));
}

Test(endpoint_cell, an_element_that_missed_the_change_is_zeroed_at_the_next_load)
{
    ANSWER(NULL, 1, "10.0.0.1:80", "10.0.0.2:80");
    struct weir_endpoint_cells a = array("module/a", 8);
    const uint32_t one = slot_of("10.0.0.1:80"), two = slot_of("10.0.0.2:80");
    *(uint64_t *)endpoint_array_at(&a, one) = 1;
    *(uint64_t *)endpoint_array_at(&a, two) = 2;
    atomic_store(&cell->slots[one].owner, 12345); /* given away by a generation without the array */
    a = array("module/a", 8);
    cr_assert_eq(*(uint64_t *)endpoint_array_at(&a, one), 0);
    cr_assert_eq(*(uint64_t *)endpoint_array_at(&a, two), 2);
}

Test(endpoint_cell, arrays_grow_with_their_cell_and_keep_what_they_hold)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t slot = slot_of("10.0.0.1:80");
    struct weir_endpoint_cells a = array("module/a", 100);
    memset(endpoint_array_at(&a, slot), 4, 100);
    endpoint_share_set(&a, slot, 250000);
    use();
    prepare(table->capacity * 2);
    array("module/a", 100); /* of a load that fails */
    memset(endpoint_array_at(&a, slot), 5, 100);
    struct weir_endpoint_cells grown = array("module/a", 100);
    cr_assert_neq(grown.data, a.data);
    cr_assert_eq(((char *)endpoint_array_at(&grown, slot))[99], 5);
    cr_assert_eq(endpoint_share(&grown, slot), 250000);
}

Test(endpoint_cell, of_several_shares_the_smallest_counts)
{
    ANSWER(NULL, 1, "10.0.0.1:80");
    const uint32_t slot = slot_of("10.0.0.1:80");
    struct weir_endpoint_cells a = array("module/a", 8), b = array("module/b", 8);
    b.next = &a;
    cr_assert_eq(endpoint_share(&b, slot), SHARE_ALL);
    const uint32_t was = cell->version;
    endpoint_share_set(&a, slot, 700000);
    endpoint_share_set(&b, slot, 300000);
    cr_assert_eq(cell->version, was + 2);
    endpoint_share_set(&b, slot, 300000);
    cr_assert_eq(cell->version, was + 2);
    cr_assert_eq(endpoint_share(&b, slot), 300000);
    endpoint_share_set(&b, slot, 2000000);
    cr_assert_eq(endpoint_share(&b, slot), 700000);
    endpoint_guard_set(&a, slot, true);
    cr_assert(endpoint_guarded(&b, slot));
    cr_assert_not(endpoint_guarded(&a, slot + 1));
}

/* -- weights ----------------------------------------------------------------------------------- */

Test(endpoint_cell, a_weight_stands_as_long_as_the_file_says_what_it_said)
{
    answer((const char *const[]){"10.0.0.1:80"}, 1, NULL, 1);
    const uint32_t slot = endpoint_cell_find(cell, SLICE("10.0.0.1:80"));
    cr_assert_eq(endpoint_base_weight(cell, slot, 2), 2);
    const uint32_t version = atomic_load(&cell->version);
    endpoint_weight_set(cell, slot, 5, 2);
    cr_assert_eq(endpoint_base_weight(cell, slot, 2), 5);
    cr_assert_neq(atomic_load(&cell->version), version);
    const uint32_t then = atomic_load(&cell->version);
    endpoint_weight_set(cell, slot, 5, 2);
    cr_assert_eq(atomic_load(&cell->version), then, "that is no change");
    cr_assert_eq(endpoint_base_weight(cell, slot, 3), 3, "the file says something else now");
    cr_assert(!endpoint_weight_forget(cell, slot, 2));
    cr_assert_eq(endpoint_weight_forget(cell, slot, 3), 5);
    cr_assert(!endpoint_weight_forget(cell, slot, 3));
    cr_assert_eq(endpoint_base_weight(cell, slot, 2), 2);
    endpoint_weight_set(cell, slot, 65535, 0);
    cr_assert_eq(endpoint_base_weight(cell, slot, 0), 65535);
    endpoint_weight_set(cell, slot, 0, 0);
    cr_assert(!endpoint_weight_forget(cell, slot, 7), "the file's own is none");
    endpoint_weight_set(cell, NO_SLOT, 3, 1);
    cr_assert_eq(endpoint_base_weight(cell, NO_SLOT, 1), 1);
}

Test(endpoint_cell, a_weight_goes_with_its_endpoint_into_a_larger_cell)
{
    answer((const char *const[]){"10.0.0.1:80"}, 1, NULL, 1);
    endpoint_weight_set(cell, endpoint_cell_find(cell, SLICE("10.0.0.1:80")), 5, 1);
    use();
    const struct endpoint_cell *old = cell;
    prepare(table->capacity * 2);
    cr_assert_neq(cell, old);
    cr_assert_eq(endpoint_base_weight(cell, endpoint_cell_find(cell, SLICE("10.0.0.1:80")), 1), 5);
}
