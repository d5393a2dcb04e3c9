/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of a cluster: picks, and endpoints that come, stay, change and go. */

#include "core/cluster/cluster.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"

static struct shm *shm;
static struct faults faults;
static struct random rnd;
static struct endpoint_conf conf_eps[2];
static struct cluster_conf conf;
static struct cluster_table *table;
static struct endpoint_stats stats[64];
static struct cluster cl;
static unsigned retired;

static void on_retire(struct endpoint *ep)
{
    cr_assert(ep->gone);
    retired++;
}

/* A cluster with the one name "a.internal:80", whose answers the tests give. */
static void setup(void)
{
    shm = shm_create(1 << 20);
    shm_generation(shm, 1);
    faults_init(&faults);
    random_seed(&rnd, 3);
    conf_eps[0] = (struct endpoint_conf){.address = SLICE("a.internal:80"), .weight = 1};
    conf = (struct cluster_conf){.place.name = SLICE_INIT("web"),
                                 .endpoints = conf_eps,
                                 .endpoints_n = 1,
                                 .dns.capacity = 8};
    table = cluster_table_prepare(shm, &conf, &faults);
    cr_assert(table);
    cluster_init(&cl, &conf, table, stats, on_retire);
}

static void teardown(void)
{
    cluster_fini(&cl);
    faults_fini(&faults);
    shm_detach(shm);
}

TestSuite(cluster, .init = setup, .fini = teardown);

static void answer_weighted(uint32_t weight, const char *const *addrs, size_t n)
{
    struct addr list[8];
    for (size_t i = 0; i < n; i++)
        cr_assert(addr_parse(slice_str(addrs[i]), &list[i]));
    cluster_table_set(table, cluster_source(&conf_eps[0]), weight, list, n);
}
#define ANSWER(...)                                                                                \
    answer_weighted(1, (const char *[]){__VA_ARGS__},                                              \
                    sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static struct endpoint *pick_named(const char *name)
{
    for (int i = 0; i < 100; i++) {
        struct endpoint *ep = cluster_pick(&cl, &rnd);
        if (ep && strcmp(ep->name, name) == 0)
            return ep;
    }
    return NULL;
}

Test(cluster, has_nobody_until_the_name_resolves)
{
    cr_assert_null(cluster_pick(&cl, &rnd));
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    cr_assert(ep);
    cr_assert_str_eq(ep->name, "10.0.0.1:80");
    cr_assert_eq(ep->cluster, &cl);
    cr_assert_eq(ep->stats, &stats[ep->row]);
    cr_assert_eq(cluster_pick(&cl, &rnd), ep);
}

Test(cluster, picks_in_turn)
{
    ANSWER("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80");
    struct endpoint *first[3];
    for (int i = 0; i < 3; i++)
        first[i] = cluster_pick(&cl, &rnd);
    cr_assert(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
    for (int i = 0; i < 9; i++)
        cr_assert_eq(cluster_pick(&cl, &rnd), first[i % 3]);
}

Test(cluster, workers_begin_their_rounds_at_different_endpoints)
{
    ANSWER("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80");
    unsigned begun[4] = {0};
    for (int i = 0; i < 64; i++) {
        struct cluster other;
        cluster_init(&other, &conf, table, NULL, NULL);
        struct endpoint *ep = cluster_pick(&other, &rnd);
        cr_assert_null(ep->stats);
        begun[ep->row]++;
        cluster_fini(&other);
    }
    for (int i = 0; i < 4; i++)
        cr_assert_gt(begun[i], 4);
}

Test(cluster, least_request_looks_at_what_is_active)
{
    conf.balance = BALANCE_LEAST_REQUEST;
    conf.least_request.choices = 2;
    conf.least_request.bias = 100;
    ANSWER("10.0.0.1:80", "10.0.0.2:80");
    struct endpoint *busy = pick_named("10.0.0.1:80");
    endpoint_acquire(busy);
    for (int i = 0; i < 50; i++)
        cr_assert_neq(cluster_pick(&cl, &rnd), busy);
    endpoint_release(busy);
    cr_assert_eq(pick_named("10.0.0.1:80"), busy);
}

Test(cluster, an_address_that_stays_keeps_its_endpoint)
{
    ANSWER("10.0.0.1:80", "10.0.0.2:80");
    struct endpoint *ep = pick_named("10.0.0.2:80");
    endpoint_acquire(ep);
    ANSWER("10.0.0.2:80", "10.0.0.3:80");
    cr_assert_eq(pick_named("10.0.0.2:80"), ep);
    cr_assert_eq(ep->active, 1);
    cr_assert_not(ep->gone);
    cr_assert_null(pick_named("10.0.0.1:80"));
    cr_assert_eq(retired, 1);
    endpoint_release(ep);
}

Test(cluster, a_changed_weight_keeps_endpoint_and_counts)
{
    ANSWER("10.0.0.1:80", "10.0.0.2:80");
    struct endpoint *ep = pick_named("10.0.0.1:80");
    endpoint_acquire(ep);
    answer_weighted(6, (const char *[]){"10.0.0.1:80", "10.0.0.2:80"}, 2);
    cr_assert_eq(pick_named("10.0.0.1:80"), ep);
    cr_assert_eq(ep->configured, 6);
    cr_assert_eq(ep->weight, 6 * WEIGHT_ONE);
    cr_assert_eq(ep->active, 1);
    cr_assert_eq(cl.groups[0].total_weight, 12 * WEIGHT_ONE);
    cr_assert_eq(retired, 0);
    endpoint_release(ep);
}

Test(cluster, weight_zero_gets_nothing_but_stays)
{
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    answer_weighted(0, (const char *[]){"10.0.0.1:80"}, 1);
    cr_assert_null(cluster_pick(&cl, &rnd));
    cr_assert_not(ep->gone);
    ANSWER("10.0.0.1:80");
    cr_assert_eq(cluster_pick(&cl, &rnd), ep);
}

Test(cluster, a_retired_endpoint_lives_until_its_last_attempt_ends)
{
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    endpoint_acquire(ep);
    endpoint_acquire(ep);
    ANSWER("10.0.0.2:80");
    cr_assert_str_eq(cluster_pick(&cl, &rnd)->name, "10.0.0.2:80");
    cr_assert(ep->gone);
    endpoint_release(ep);
    cr_assert_not(list_empty(&cl.retired));
    endpoint_release(ep);
    cr_assert(list_empty(&cl.retired));
}

Test(cluster, a_retired_endpoint_lives_until_its_last_connection_closes)
{
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    ep->open_n = 1;
    endpoint_acquire(ep);
    ANSWER("10.0.0.2:80");
    cr_assert(cluster_pick(&cl, &rnd));
    endpoint_release(ep);
    cr_assert_not(list_empty(&cl.retired));
    ep->open_n = 0;
    endpoint_closed(ep);
    cr_assert(list_empty(&cl.retired));
}

static struct list idle_connection;
static void close_idle(struct endpoint *ep)
{
    while (list_take(&ep->idle)) {
        ep->idle_n--;
        ep->open_n--;
        endpoint_closed(ep);
    }
    retired++;
}

Test(cluster, a_retiring_endpoint_may_close_everything_at_once)
{
    cl.on_retire = close_idle;
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    list_init(&idle_connection);
    list_push(&ep->idle, &idle_connection);
    ep->idle_n = ep->open_n = 1;
    ANSWER("10.0.0.2:80");
    cr_assert(cluster_pick(&cl, &rnd));
    cr_assert_eq(retired, 1);
    cr_assert(list_empty(&cl.retired));
}

Test(cluster, a_row_that_is_taken_for_another_address_gets_another_endpoint)
{
    char text[32];
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    uint32_t row = ep->row;
    endpoint_acquire(ep);
    /* The worker sleeps while its row goes all the way round to another address. */
    for (unsigned i = 0; i < table->capacity; i++) {
        snprintf(text, sizeof text, "10.0.1.%u:80", i);
        ANSWER(text);
    }
    struct endpoint *next = cluster_pick(&cl, &rnd);
    cr_assert_eq(next->row, row);
    cr_assert_neq(next, ep);
    cr_assert_str_eq(next->name, text);
    cr_assert(ep->gone);
    cr_assert_eq(next->active, 0);
    endpoint_release(ep);
}

Test(cluster, a_row_that_is_taken_for_another_address_counts_from_nought)
{
    char text[32];
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    const uint32_t row = ep->row;
    endpoint_acquire(ep);
    ep->stats->attempts = 7;
    ep->stats->active = 1;
    ep->stats->latency.bucket[2] = 6;
    for (unsigned i = 0; i < table->capacity; i++) {
        snprintf(text, sizeof text, "10.0.1.%u:80", i);
        ANSWER(text);
    }
    struct endpoint *next = cluster_pick(&cl, &rnd);
    cr_assert_eq(next->stats, &stats[row]);
    cr_assert_eq(next->stats->attempts, 0);
    cr_assert_eq(next->stats->latency.bucket[2], 0);
    cr_assert_eq(next->stats->active, 1, "the old one's attempt still has to be taken off");
    ep->stats->active--;
    endpoint_release(ep);
}

Test(cluster, another_process_goes_on_with_the_counts_of_the_same_endpoint)
{
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    ep->stats->attempts = 7;
    struct cluster other;
    cluster_init(&other, &conf, table, stats, NULL);
    cr_assert_eq(cluster_pick(&other, &rnd)->stats->attempts, 7);
    cluster_fini(&other);
}

Test(cluster, goes_on_with_what_it_knew_while_the_table_is_being_written)
{
    ANSWER("10.0.0.1:80");
    struct endpoint *ep = cluster_pick(&cl, &rnd);
    atomic_fetch_add(&table->version, 1);
    cr_assert_eq(cluster_pick(&cl, &rnd), ep);
    cr_assert_eq(cluster_pick(&cl, &rnd), ep);
    atomic_fetch_add(&table->version, 1);
    ANSWER("10.0.0.2:80");
    cr_assert_str_eq(cluster_pick(&cl, &rnd)->name, "10.0.0.2:80");
}

Test(cluster, begins_without_endpoints_when_the_writer_has_died_and_recovers)
{
    ANSWER("10.0.0.1:80");
    atomic_fetch_add(&table->version, 1);
    struct cluster other;
    cluster_init(&other, &conf, table, NULL, NULL);
    cr_assert_null(cluster_pick(&other, &rnd));
    cluster_table_mend(table);
    cr_assert_str_eq(cluster_pick(&other, &rnd)->name, "10.0.0.1:80");
    cluster_fini(&other);
}

Test(cluster, follows_a_writer_in_another_process)
{
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 2000; i++) {
            char text[2][32];
            snprintf(text[0], sizeof text[0], "10.0.0.%d:80", i % 200);
            snprintf(text[1], sizeof text[1], "10.0.1.%d:80", i % 200);
            ANSWER(text[0], text[1]);
        }
        ANSWER("10.9.9.9:80");
        _exit(0);
    }
    while (waitpid(child, NULL, WNOHANG) == 0) {
        struct endpoint *ep = cluster_pick(&cl, &rnd);
        if (ep) {
            endpoint_acquire(ep);
            cr_assert(cluster_pick(&cl, &rnd));
            endpoint_release(ep);
        }
    }
    cr_assert_str_eq(cluster_pick(&cl, &rnd)->name, "10.9.9.9:80");
    cr_assert_eq(cl.n, 1);
    cr_assert(list_empty(&cl.retired));
}
