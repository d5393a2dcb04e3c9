/* SPDX-License-Identifier: Apache-2.0 */
/* Picks of a cluster whose endpoints are healthy or not, tried or vetoed, near or far. */
#include "core/cluster/cluster.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"

enum { EPS_MAX = 12, SECOND = 1000000 };

static struct shm *shm;
static struct faults faults;
static struct random rnd;
static struct endpoint_conf conf_eps[EPS_MAX];
static char addresses[EPS_MAX][24];
static struct cluster_conf conf;
static struct cluster_shared shared;
static struct endpoint_cell *cell;
static struct weir_endpoint_cells array;
static struct endpoint_stats stats[64];
static struct cluster cl;
static uint64_t now_us;

static void setup(void)
{
    shm = shm_create(8 << 20);
    shm_generation(shm, 1);
    faults_init(&faults);
    random_seed(&rnd, 3);
    now_us = 100 * SECOND;
    conf = (struct cluster_conf){
        .place.name = SLICE_INIT("web"),
        .endpoints = conf_eps,
        .panic = 500000,
        .overprovision = 140,
        .least_request = {.choices = 2, .bias = 100},
        .ewma_decay = 10000,
        .zone_aware = {.enabled = true, .min_endpoints = 1},
        .slow_start = {.min_share = 100000, .aggression = 100},
        .hash = {.ring_min = 1024, .ring_max = 65536, .places = 65537},
    };
    for (size_t i = 0; i < EPS_MAX; i++) {
        snprintf(addresses[i], sizeof addresses[i], "10.0.0.%zu:80", i + 1);
        conf_eps[i] = (struct endpoint_conf){.address = slice_str(addresses[i]), .weight = 1};
        cr_assert(addr_parse(conf_eps[i].address, &conf_eps[i].addr));
    }
}

static void teardown(void)
{
    cluster_fini(&cl);
    faults_fini(&faults);
    shm_detach(shm);
}

TestSuite(cluster_pick, .init = setup, .fini = teardown);

/* The first n endpoints; the gateway is in `zone`. */
static void begin(size_t n, const char *zone)
{
    conf.endpoints_n = n;
    struct cluster_table *table = cluster_table_prepare(shm, &conf, &faults);
    cell = endpoint_cell_prepare(shm, &conf, table->capacity, &shared, &faults);
    cr_assert(table && cell);
    endpoint_cell_follow(cell, &conf, table, NULL, now_us);
    cr_assert(endpoint_array_prepare(&array, shm, SLICE("module/a"), cell, &shared, 8));
    cluster_init(&cl, &conf, table, stats, NULL);
    const struct cluster_surroundings around = {
        .cell = cell, .arrays = &array, .now_us = &now_us, .zone = slice_str(zone)};
    cluster_join(&cl, &around);
}

static uint32_t slot(size_t i)
{
    return endpoint_cell_find(cell, conf_eps[i].address);
}

static void health(size_t i, enum endpoint_health h)
{
    endpoint_health_set(cell, slot(i), h, now_us);
}

static size_t index_of(const struct endpoint *ep)
{
    return (size_t)(ep->conf - conf_eps);
}

static void count(unsigned picks, unsigned *of)
{
    memset(of, 0, EPS_MAX * sizeof *of);
    for (unsigned i = 0; i < picks; i++) {
        const struct endpoint *ep = cluster_pick(&cl, &rnd);
        cr_assert(ep);
        of[index_of(ep)]++;
    }
}

/* Within three standard deviations and one. */
static bool about(unsigned got, double want)
{
    const double off = got > want ? got - want : want - got;
    return off * off <= 9 * want + 1;
}

/* -- what is known counts with the next pick --------------------------------------------------- */

Test(cluster_pick, health_share_and_drain_count_with_the_next_pick)
{
    unsigned of[EPS_MAX];
    begin(4, "");
    count(400, of);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(of[i], 100);
    health(0, HEALTH_DOWN);
    count(300, of);
    cr_assert(of[0] == 0 && about(of[1], 100) && about(of[2], 100) && about(of[3], 100));
    endpoint_share_set(&array, slot(1), 0);
    count(200, of);
    cr_assert(of[1] == 0 && about(of[2], 100) && about(of[3], 100));
    health(0, HEALTH_UP);
    endpoint_share_set(&array, slot(1), 500000);
    endpoint_drain_set(cell, slot(2), true);
    count(250, of);
    cr_assert(of[2] == 0 && about(of[0], 100) && about(of[1], 50) && about(of[3], 100));
    cr_assert_eq(cl.groups_n, 1);
}

Test(cluster_pick, who_awaits_its_first_check_gets_nothing_even_in_panic)
{
    unsigned of[EPS_MAX];
    conf.health.initial = HEALTH_INITIAL_DOWN;
    begin(3, "");
    cr_assert_null(cluster_pick(&cl, &rnd), "nobody has passed one");
    cr_assert_not(cl.panic);
    health(0, HEALTH_UP);
    health(1, HEALTH_DOWN);
    health(2, HEALTH_PENDING);
    count(100, of);
    cr_assert(of[0] == 100 && of[1] == 0 && of[2] == 0, "half of those that count is no panic");
    health(0, HEALTH_DOWN);
    count(100, of);
    cr_assert(cl.panic && of[0] == 50 && of[1] == 50 && of[2] == 0);
    health(1, HEALTH_UP);
    health(2, HEALTH_UP);
    count(100, of);
    cr_assert(of[0] == 0 && of[1] == 50 && of[2] == 50);
}

Test(cluster_pick, who_is_too_new_to_have_a_slot_awaits_its_check_too)
{
    conf.health.initial = HEALTH_INITIAL_DOWN;
    begin(2, "");
    health(0, HEALTH_UP);
    health(1, HEALTH_UP);
    atomic_store(&cell->slots[slot(0)].owner, 1);
    endpoint_cell_touch(cell);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(index_of(cluster_pick(&cl, &rnd)), 1);
}

Test(cluster_pick, nobody_waits_where_the_configuration_does_not_say_so)
{
    unsigned of[EPS_MAX];
    begin(2, "");
    health(0, HEALTH_PENDING); /* of the configuration before */
    count(100, of);
    cr_assert(of[0] == 50 && of[1] == 50);
}

Test(cluster_pick, guarded_endpoints_are_known)
{
    begin(2, "");
    cr_assert_not(cl.endpoints[1]->guarded);
    endpoint_guard_set(&array, slot(1), true);
    cr_assert(cluster_pick(&cl, &rnd));
    cr_assert(cl.endpoints[1]->guarded);
}

Test(cluster_pick, a_word_ends_by_itself)
{
    unsigned of[EPS_MAX];
    begin(2, "");
    endpoint_word_set(cell, slot(0), WORD_DRAIN, now_us + 1);
    count(10, of);
    cr_assert_eq(of[0], 0);
    now_us += SECOND;
    count(10, of);
    cr_assert_eq(of[0], 5);
}

Test(cluster_pick, a_slow_start_takes_its_time)
{
    unsigned of[EPS_MAX];
    conf.slow_start.window = 10000;
    begin(2, "");
    count(100, of);
    cr_assert_eq(of[0], 50, "who is there from the start doesn't start slowly");
    health(0, HEALTH_DOWN);
    health(0, HEALTH_UP);
    static const struct {
        unsigned at_s;
        double share;
    } rows[] = {{0, .1}, {5, .5}, {8, .8}, {10, 1}, {60, 1}};
    const uint64_t began = now_us;
    for (size_t i = 0; i < array_n(rows); i++) {
        now_us = began + rows[i].at_s * SECOND;
        count(2000, of);
        const double want = 2000 * rows[i].share / (1 + rows[i].share);
        cr_expect(of[0] > want - 15 && of[0] < want + 15, "after %u s: %u, not %f", rows[i].at_s,
                  of[0], want);
    }
    cr_assert_eq(cl.due_us, UINT64_MAX);
}

/* -- levels, zones, panic ---------------------------------------------------------------------- */

Test(cluster_pick, a_level_overflows_into_the_next)
{
    unsigned of[EPS_MAX];
    conf_eps[4].priority = conf_eps[5].priority = 1;
    begin(6, "");
    count(1000, of);
    cr_assert_eq(of[4] + of[5], 0);
    health(0, HEALTH_DOWN);
    health(1, HEALTH_DOWN);
    count(10000, of); /* half of the level is healthy, which reaches 70 % */
    cr_assert_eq(of[0] + of[1], 0);
    cr_assert(about(of[2] + of[3], 7000), "%u", of[2] + of[3]);
    cr_assert(about(of[4] + of[5], 3000));
    cr_assert(about(of[2], of[3]) && about(of[4], of[5]));
}

Test(cluster_pick, the_own_zone_is_preferred)
{
    unsigned of[EPS_MAX];
    for (size_t i = 0; i < 6; i++)
        conf_eps[i].zone = slice_str(i < 2 ? "a" : i < 4 ? "b" : "c");
    begin(6, "b");
    count(600, of);
    cr_assert(of[2] == 300 && of[3] == 300);
    health(2, HEALTH_DOWN);
    count(10000, of);
    cr_assert(about(of[3], 6000), "%u", of[3]);
    cr_assert(about(of[0] + of[1] + of[4] + of[5], 4000));
}

Test(cluster_pick, a_gateway_without_a_zone_prefers_none)
{
    unsigned of[EPS_MAX];
    conf_eps[0].zone = SLICE("a");
    begin(2, "");
    count(100, of);
    cr_assert_eq(of[0], 50);
}

Test(cluster_pick, in_panic_all_are_used_and_it_is_counted)
{
    unsigned of[EPS_MAX];
    begin(3, "");
    health(0, HEALTH_DOWN);
    count(100, of);
    cr_assert_eq(of[0], 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(cl.endpoints[i]->stats->panic, 0);
    endpoint_share_set(&array, slot(1), 0);
    count(300, of);
    uint64_t panics = 0;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(of[i], 100);
        panics += cl.endpoints[i]->stats->panic;
    }
    cr_assert_eq(panics, 300);
    cr_assert(cluster_ready(&cl));
}

/* -- tried and vetoed -------------------------------------------------------------------------- */

static bool tried[EPS_MAX], refused[EPS_MAX];
static unsigned asked[EPS_MAX];

static bool is_tried(void *ctx, const struct endpoint *ep)
{
    (void)ctx;
    return tried[index_of(ep)];
}

static bool may(void *ctx, const struct endpoint *ep)
{
    (void)ctx;
    asked[index_of(ep)]++;
    return !refused[index_of(ep)];
}

static struct endpoint *pick_with(bool *vetoed)
{
    const struct pick_how how = {.tried = is_tried, .ask = may};
    memset(asked, 0, sizeof asked);
    return cluster_pick_how(&cl, &rnd, &how, vetoed);
}

Test(cluster_pick, who_was_tried_comes_last)
{
    static const int balances[] = {BALANCE_ROUND_ROBIN, BALANCE_LEAST_REQUEST, BALANCE_RANDOM,
                                   BALANCE_PEAK_EWMA, BALANCE_RING_HASH, BALANCE_MAGLEV};
    conf_eps[3].priority = 1;
    begin(4, "");
    for (size_t b = 0; b < array_n(balances); b++) {
        bool vetoed;
        conf.balance = balances[b];
        memset(tried, 0, sizeof tried);
        for (int k = 0; k < 3; k++) {
            struct endpoint *ep = pick_with(&vetoed);
            cr_assert(ep && index_of(ep) < 3 && !tried[index_of(ep)], "balancer %zu", b);
            tried[index_of(ep)] = true;
        }
        cr_assert_eq(index_of(pick_with(&vetoed)), 3, "then the next level");
        tried[3] = true;
        cr_assert(pick_with(&vetoed), "then anybody");
        cr_assert_not(vetoed);
    }
}

Test(cluster_pick, each_is_asked_once_and_the_veto_is_told)
{
    static const int balances[] = {BALANCE_ROUND_ROBIN, BALANCE_LEAST_REQUEST, BALANCE_RING_HASH,
                                   BALANCE_MAGLEV};
    conf_eps[4].priority = 1;
    begin(5, "");
    for (size_t b = 0; b < array_n(balances); b++) {
        bool vetoed;
        conf.balance = balances[b];
        memset(tried, 0, sizeof tried);
        for (int i = 0; i < 5; i++)
            refused[i] = true;
        tried[1] = true;
        cr_assert_null(pick_with(&vetoed));
        cr_assert(vetoed);
        for (int i = 0; i < 5; i++)
            cr_assert_eq(asked[i], 1, "balancer %zu: %d was asked %u times", b, i, asked[i]);
        refused[1] = false;
        cr_assert_eq(index_of(pick_with(&vetoed)), 1);
    }
}

/* A hook that looks at the cluster, and changes what is known, while it is asked. */
static bool meddles(void *ctx, const struct endpoint *ep)
{
    (void)ctx;
    endpoint_share_set(&array, ep->slot, 0);
    cr_assert(cluster_ready(&cl));
    return false;
}

Test(cluster_pick, what_hooks_change_counts_after_the_pick)
{
    bool vetoed;
    conf.panic = 0;
    begin(4, "");
    cr_assert_null(cluster_pick_if(&cl, &rnd, meddles, NULL, &vetoed));
    cr_assert(vetoed);
    cr_assert_not(cluster_ready(&cl));
}

/* -- by key ------------------------------------------------------------------------------------ */

enum { KEYS = 4000 };

static size_t pick_key(unsigned key)
{
    bool vetoed;
    const struct pick_how how = {.hashed = true, .hash = hash_mix(key, 7)};
    struct endpoint *ep = cluster_pick_how(&cl, &rnd, &how, &vetoed);
    cr_assert(ep);
    return index_of(ep);
}

static void pick_keys(size_t *of)
{
    for (unsigned k = 0; k < KEYS; k++)
        of[k] = pick_key(k);
}

Test(cluster_pick, a_key_keeps_its_endpoint_and_health_moves_no_others)
{
    static const int balances[] = {BALANCE_RING_HASH, BALANCE_MAGLEV};
    begin(8, "");
    for (size_t b = 0; b < array_n(balances); b++) {
        size_t before[KEYS], after[KEYS];
        conf.balance = balances[b];
        cl.keys_stale = true;
        pick_keys(before);
        pick_keys(after);
        cr_assert_arr_eq(before, after, sizeof before);
        const void *table = cl.table_of_keys.points ? (void *)cl.table_of_keys.points
                                                    : (void *)cl.table_of_keys.places;
        health(3, HEALTH_DOWN);
        pick_keys(after);
        for (unsigned k = 0; k < KEYS; k++)
            cr_assert(before[k] == 3 ? after[k] != 3 : after[k] == before[k]);
        health(3, HEALTH_UP);
        pick_keys(after);
        cr_assert_arr_eq(before, after, sizeof before);
        cr_assert_eq(table, cl.table_of_keys.points ? (void *)cl.table_of_keys.points
                                                    : (void *)cl.table_of_keys.places,
                     "it wasn't built again");
    }
}

Test(cluster_pick, a_share_of_an_endpoint_is_a_share_of_its_keys)
{
    size_t before[KEYS], after[KEYS];
    unsigned had = 0, has = 0;
    conf.balance = BALANCE_RING_HASH;
    begin(8, "");
    pick_keys(before);
    endpoint_share_set(&array, slot(2), 300000);
    pick_keys(after);
    for (unsigned k = 0; k < KEYS; k++) {
        had += before[k] == 2;
        has += after[k] == 2;
        cr_assert(after[k] == before[k] || before[k] == 2);
    }
    cr_assert(about(has, had * 0.3), "%u of %u", has, had);
    endpoint_share_set(&array, slot(2), 600000);
    pick_keys(before);
    for (unsigned k = 0; k < KEYS; k++)
        cr_assert(after[k] != 2 || before[k] == 2, "who had it keeps it when its share grows");
}

Test(cluster_pick, keys_overflow_into_the_next_level_and_stay_there)
{
    size_t before[KEYS], after[KEYS];
    unsigned next = 0;
    conf.balance = BALANCE_MAGLEV;
    conf_eps[4].priority = conf_eps[5].priority = 1;
    begin(6, "");
    health(0, HEALTH_DOWN);
    health(1, HEALTH_DOWN);
    pick_keys(before);
    pick_keys(after);
    cr_assert_arr_eq(before, after, sizeof before);
    for (unsigned k = 0; k < KEYS; k++)
        next += before[k] >= 4;
    cr_assert(about(next, KEYS * 0.3), "%u", next);
}

Test(cluster_pick, bounded_load_passes_on_what_is_too_much)
{
    bool vetoed;
    unsigned most = 0;
    conf.balance = BALANCE_RING_HASH;
    conf.hash.load_factor = 125;
    begin(4, "");
    const struct pick_how hot = {.hashed = true, .hash = 42};
    for (int i = 0; i < 100; i++) /* everybody has the same key, and nobody leaves */
        endpoint_acquire(cluster_pick_how(&cl, &rnd, &hot, &vetoed));
    for (int i = 0; i < 4; i++) {
        const unsigned active = cl.endpoints[i]->active;
        most = active > most ? active : most;
        while (cl.endpoints[i]->active)
            endpoint_release(cl.endpoints[i]);
    }
    cr_assert_eq(most, 32, "100 / 4 x 1.25, rounded up");
    conf.hash.load_factor = 0;
    struct endpoint *ep = cluster_pick_how(&cl, &rnd, &hot, &vetoed);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(cluster_pick_how(&cl, &rnd, &hot, &vetoed), ep);
}

Test(cluster_pick, who_has_no_key_goes_anywhere)
{
    unsigned of[EPS_MAX];
    conf.balance = BALANCE_MAGLEV;
    begin(4, "");
    count(4000, of);
    for (int i = 0; i < 4; i++)
        cr_assert(about(of[i], 1000), "%u", of[i]);
}

Test(cluster_pick, what_attempts_took_counts_for_peak_ewma)
{
    conf.balance = BALANCE_PEAK_EWMA;
    begin(2, "");
    endpoint_took(cl.endpoints[0], 50000, TOOK_WELL);
    endpoint_took(cl.endpoints[1], 1000, TOOK_WELL);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(cluster_pick(&cl, &rnd), cl.endpoints[1]);
    conf.balance = BALANCE_ROUND_ROBIN;
    endpoint_took(cl.endpoints[1], 900000, TOOK_WELL);
    cr_assert_float_eq(cl.endpoints[1]->ewma_us, 1000, 0.1, "nobody would ask");
}
