/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint table: rows over DNS answers and reloads, and what readers see meanwhile. */

#include "core/cluster/cluster.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"

enum { MAX = 32 };

struct conf {
    struct cluster_conf c;
    struct endpoint_conf eps[MAX];
};

/* Endpoints by their addresses, all of weight 1; what is no IP is a name. Names get room for 8. */
static void conf_make(struct conf *c, const char *const *addresses, size_t n)
{
    *c = (struct conf){.c = {.place = {.file = "t.conf", .line = 3, .name = SLICE_INIT("web")},
                             .endpoints = c->eps,
                             .endpoints_n = n,
                             .dns.capacity = 8}};
    for (size_t i = 0; i < n; i++) {
        struct endpoint_conf *ep = &c->eps[i];
        ep->address = slice_str(addresses[i]);
        ep->weight = 1;
        if (!addr_parse(ep->address, &ep->addr))
            ep->addr.len = 0;
    }
}
#define CONF(c, ...)                                                                               \
    do {                                                                                           \
        const char *list_[] = {__VA_ARGS__};                                                       \
        conf_make(&(c), list_, array_n(list_));                                                    \
    } while (0)

static struct shm *shm;
static struct faults faults;

static void setup(void)
{
    shm = shm_create(4 << 20);
    faults_init(&faults);
}

static void teardown(void)
{
    faults_fini(&faults);
    shm_detach(shm);
}

TestSuite(cluster_table, .init = setup, .fini = teardown);

static struct cluster_table *prepare(const struct conf *c, uint64_t generation)
{
    shm_generation(shm, generation);
    struct cluster_table *t = cluster_table_prepare(shm, &c->c, &faults);
    cr_assert(t);
    return t;
}

static struct addr addr_of(const char *text)
{
    struct addr a;
    cr_assert(addr_parse(slice_str(text), &a), "%s", text);
    return a;
}

static struct table_change set(struct cluster_table *t, const struct conf *c, size_t i,
                               const char *const *addrs, size_t n)
{
    struct addr list[64];
    for (size_t k = 0; k < n; k++)
        list[k] = addr_of(addrs[k]);
    return cluster_table_set(t, cluster_source(&c->eps[i]), (uint32_t)c->eps[i].weight, list, n);
}
#define SET(t, c, i, ...)                                                                          \
    set((t), &(c), (i), (const char *[]){__VA_ARGS__},                                             \
        sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* The rows that are up as "index=name/weight ..." */
static const char *show(const struct cluster_table *t)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < t->capacity; i++)
        if (t->rows[i].state == ROW_UP)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%u=%s/%u", n ? " " : "", i,
                                  t->rows[i].name, t->rows[i].weight);
    return text;
}

static uint32_t version_of(const struct cluster_table *t)
{
    return atomic_load(&t->version);
}

/* -- at load -------------------------------------------------------------------------------- */

Test(cluster_table, has_the_static_endpoints_after_load)
{
    struct conf c;
    CONF(c, "10.0.0.1:80", "[::1]:81", "unix:/run/a.sock");
    c.eps[1].weight = 0;
    struct cluster_table *t = prepare(&c, 1);
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/1 1=[::1]:81/0 2=unix:/run/a.sock/1");
    cr_assert(addr_eq(&t->rows[1].addr, &c.eps[1].addr));
    cr_assert_eq(version_of(t) % 2, 0);
}

Test(cluster_table, has_room_for_names_and_in_steps)
{
    struct conf c;
    CONF(c, "10.0.0.1:80", "10.0.0.2:80");
    uint32_t two = cluster_table_capacity(&c.c);
    cr_assert(two >= 2 && two <= 32);
    CONF(c, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80");
    cr_assert_eq(cluster_table_capacity(&c.c), two);
    CONF(c, "10.0.0.1:80", "a.internal:80");
    c.c.dns.capacity = 100;
    cr_assert_geq(cluster_table_capacity(&c.c), 101);
    c.c.endpoints_n = 0;
    cr_assert_gt(cluster_table_capacity(&c.c), 0);
}

Test(cluster_table, cuts_a_name_that_is_too_long)
{
    struct conf c;
    CONF(c, "unix:/run/a-very-long-directory-name/and-another-one-below-it/and-a-socket.sock");
    struct cluster_table *t = prepare(&c, 1);
    cr_assert_eq(strlen(t->rows[0].name), ENDPOINT_NAME_MAX - 1);
    cr_assert(addr_eq(&t->rows[0].addr, &c.eps[0].addr));
}

Test(cluster_table, knows_a_source_without_regard_to_case)
{
    struct conf c;
    CONF(c, "a.internal:80", "A.Internal:80", "a.internal:81");
    cr_assert_eq(cluster_source(&c.eps[0]), cluster_source(&c.eps[1]));
    cr_assert_neq(cluster_source(&c.eps[0]), cluster_source(&c.eps[2]));
}

Test(cluster_table, says_when_the_region_is_full)
{
    struct conf c;
    CONF(c, "a.internal:80");
    c.c.dns.capacity = 1000000;
    cr_assert_null(cluster_table_prepare(shm, &c.c, &faults));
    cr_assert_eq(faults.errors, 1);
    cr_assert_str_eq(faults.first->file, "t.conf");
    cr_assert_eq(faults.first->line, 3);
    cr_assert(strstr(faults.first->text, "memory.shared"), "%s", faults.first->text);
}

/* -- reload --------------------------------------------------------------------------------- */

Test(cluster_table, stays_the_same_when_nothing_changed)
{
    struct conf c;
    CONF(c, "10.0.0.1:80", "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    SET(t, c, 1, "10.1.0.1:80", "10.1.0.2:80");
    uint32_t version = version_of(t);
    cr_assert_eq(prepare(&c, 2), t);
    cr_assert_eq(version_of(t), version);
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/1 1=10.1.0.1:80/1 2=10.1.0.2:80/1");
}

Test(cluster_table, keeps_rows_and_answers_over_a_change_and_leaves_the_old_table_alone)
{
    struct conf c, d;
    CONF(c, "10.0.0.1:80", "a.internal:80", "10.0.0.2:80");
    struct cluster_table *t = prepare(&c, 1);
    SET(t, c, 1, "10.1.0.1:80", "10.1.0.2:80");
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/1 1=10.0.0.2:80/1 2=10.1.0.1:80/1 3=10.1.0.2:80/1");

    CONF(d, "10.0.0.9:80", "10.0.0.2:80", "a.internal:80");
    d.eps[1].weight = 7;
    struct cluster_table *u = prepare(&d, 2);
    cr_assert_neq(u, t);
    cr_assert_str_eq(show(u), "1=10.0.0.2:80/7 2=10.1.0.1:80/1 3=10.1.0.2:80/1 4=10.0.0.9:80/1");
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/1 1=10.0.0.2:80/1 2=10.1.0.1:80/1 3=10.1.0.2:80/1");
}

Test(cluster_table, leaves_the_old_weights_alone_too)
{
    struct conf c, d;
    CONF(c, "10.0.0.1:80");
    struct cluster_table *t = prepare(&c, 1);
    d = c;
    d.c.endpoints = d.eps;
    d.eps[0].weight = 5;
    cr_assert_str_eq(show(prepare(&d, 2)), "0=10.0.0.1:80/5");
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/1");
}

Test(cluster_table, forgets_the_answers_for_a_name_that_is_gone)
{
    struct conf c, d;
    CONF(c, "a.internal:80", "b.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    SET(t, c, 0, "10.1.0.1:80");
    SET(t, c, 1, "10.2.0.1:80");
    CONF(d, "b.internal:80");
    cr_assert_str_eq(show(prepare(&d, 2)), "1=10.2.0.1:80/1");
}

Test(cluster_table, finds_its_answers_again_after_a_change_was_taken_back)
{
    struct conf c, d;
    CONF(c, "a.internal:80");
    SET(prepare(&c, 1), c, 0, "10.1.0.1:80");
    CONF(d, "a.internal:80", "10.0.0.1:80");
    SET(prepare(&d, 2), d, 0, "10.1.0.2:80");
    struct cluster_table *t = prepare(&c, 3);
    cr_assert(strstr(show(t), "10.1.0.2:80/1"), "%s", show(t));
    cr_assert_null(strstr(show(t), "10.0.0.1"));
}

Test(cluster_table, static_endpoints_find_room_whatever_names_have)
{
    struct conf c, d;
    CONF(c, "a.internal:80");
    c.c.dns.capacity = 60;
    struct cluster_table *t = prepare(&c, 1);
    struct addr many[60];
    for (int i = 0; i < 60; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.1.0.%d:80", i + 1);
        many[i] = addr_of(text);
    }
    cluster_table_set(t, cluster_source(&c.eps[0]), 1, many, 60);
    CONF(d, "a.internal:80", "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80");
    d.c.dns.capacity = 4;
    struct cluster_table *u = prepare(&d, 2);
    cr_assert(strstr(show(u), "=10.0.0.1:80/1"));
    cr_assert(strstr(show(u), "=10.0.0.3:80/1"));
    cr_assert_eq(cluster_table_count(u, cluster_source(&d.eps[0])), u->capacity - 3);
    cr_assert(strstr(show(u), "0=10.1.0.1:80/1 1=10.1.0.2:80/1"), "%s", show(u));
}

Test(cluster_table, moves_rows_beyond_a_smaller_capacity_to_free_places)
{
    struct conf c, d;
    CONF(c, "a.internal:80");
    c.c.dns.capacity = 30;
    struct cluster_table *t = prepare(&c, 1);
    struct addr many[30];
    for (int i = 0; i < 30; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.1.0.%d:80", i + 1);
        many[i] = addr_of(text);
    }
    uint64_t source = cluster_source(&c.eps[0]);
    cluster_table_set(t, source, 1, many, 30);
    cluster_table_set(t, source, 1, many + 28, 2);
    CONF(d, "a.internal:80");
    d.c.dns.capacity = 8;
    struct cluster_table *u = prepare(&d, 2);
    cr_assert_lt(u->capacity, 28);
    cr_assert_eq(cluster_table_count(u, source), 2);
    cr_assert(strstr(show(u), "10.1.0.29:80") && strstr(show(u), "10.1.0.30:80"));
}

/* -- DNS answers ---------------------------------------------------------------------------- */

Test(cluster_table, an_address_keeps_its_row_while_it_stays_and_when_it_comes_back)
{
    struct conf c;
    CONF(c, "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    struct table_change ch = SET(t, c, 0, "10.0.0.1:80", "10.0.0.2:80");
    cr_assert(ch.added == 2 && ch.removed == 0 && ch.dropped == 0);
    ch = SET(t, c, 0, "10.0.0.3:80", "10.0.0.2:80");
    cr_assert(ch.added == 1 && ch.removed == 1);
    cr_assert_str_eq(show(t), "1=10.0.0.2:80/1 2=10.0.0.3:80/1");
    SET(t, c, 0, "10.0.0.2:80", "10.0.0.1:80");
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/1 1=10.0.0.2:80/1");
    cr_assert_eq(t->rows[0].reused, 0);
}

Test(cluster_table, an_unchanged_answer_in_another_order_writes_nothing)
{
    struct conf c;
    CONF(c, "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    SET(t, c, 0, "10.0.0.1:80", "10.0.0.2:80");
    uint32_t version = version_of(t);
    struct table_change ch = SET(t, c, 0, "10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80");
    cr_assert_eq(version_of(t), version);
    cr_assert(ch.added == 0 && ch.removed == 0 && ch.dropped == 0 && !ch.busy);
}

Test(cluster_table, a_changed_weight_is_written_in_place)
{
    struct conf c;
    CONF(c, "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    SET(t, c, 0, "10.0.0.1:80");
    c.eps[0].weight = 9;
    uint32_t version = version_of(t);
    struct table_change ch = SET(t, c, 0, "10.0.0.1:80");
    cr_assert_eq(version_of(t), version + 2);
    cr_assert(ch.added == 0 && ch.removed == 0);
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/9");
}

Test(cluster_table, takes_free_rows_first_then_the_one_that_is_gone_longest)
{
    struct conf c;
    CONF(c, "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    char text[32];
    for (uint32_t i = 0; i < t->capacity; i++) {
        snprintf(text, sizeof text, "10.0.0.%u:80", i + 1);
        SET(t, c, 0, text);
        cr_assert_eq(t->rows[i].state, ROW_UP);
    }
    SET(t, c, 0, "10.0.9.1:80");
    cr_assert_str_eq(show(t), "0=10.0.9.1:80/1");
    cr_assert_eq(t->rows[0].reused, 1);
    SET(t, c, 0, "10.0.9.2:80");
    cr_assert_str_eq(show(t), "1=10.0.9.2:80/1");
}

Test(cluster_table, says_how_many_addresses_found_no_row)
{
    struct conf c;
    CONF(c, "a.internal:80", "10.9.9.9:80");
    struct cluster_table *t = prepare(&c, 1);
    struct addr many[MAX];
    for (int i = 0; i < MAX; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.0.%d:80", i + 1);
        many[i] = addr_of(text);
    }
    struct table_change ch = cluster_table_set(t, cluster_source(&c.eps[0]), 1, many, MAX);
    cr_assert_eq(ch.added, t->capacity - 1);
    cr_assert_eq(ch.dropped, MAX - ch.added);
    cr_assert(strstr(show(t), "=10.9.9.9:80/1"));
}

Test(cluster_table, two_names_with_the_same_address_have_a_row_each)
{
    struct conf c;
    CONF(c, "a.internal:80", "b.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    SET(t, c, 0, "10.0.0.1:80");
    SET(t, c, 1, "10.0.0.1:80");
    cr_assert_eq(cluster_table_count(t, cluster_source(&c.eps[0])), 1);
    cr_assert_eq(cluster_table_count(t, cluster_source(&c.eps[1])), 1);
    cluster_table_set(t, cluster_source(&c.eps[0]), 1, NULL, 0);
    cr_assert_str_eq(show(t), "1=10.0.0.1:80/1");
}

/* -- readers and writers -------------------------------------------------------------------- */

enum { ROUNDS = 20000, PER_ROUND = 8 };

/* All rows of round k have the weight k and addresses in 10.(k / 250).(k % 250).0/24. */
static void write_rounds(struct cluster_table *t, uint64_t source)
{
    for (uint32_t k = 1; k <= ROUNDS; k++) {
        struct addr addrs[PER_ROUND];
        for (int i = 0; i < PER_ROUND; i++) {
            char text[32];
            snprintf(text, sizeof text, "10.%u.%u.%d:80", k / 250, k % 250, i);
            addrs[i] = addr_of(text);
        }
        cluster_table_set(t, source, k, addrs, PER_ROUND);
    }
}

static void expect_one_round(const struct table_row *rows, uint32_t capacity)
{
    uint32_t up = 0, k = 0;
    for (uint32_t i = 0; i < capacity; i++) {
        if (rows[i].state != ROW_UP)
            continue;
        char text[ADDR_TEXT_MAX], want[32];
        addr_print(&rows[i].addr, text);
        cr_assert_str_eq(rows[i].name, text);
        k = k ? k : rows[i].weight;
        snprintf(want, sizeof want, "10.%u.%u.", k / 250, k % 250);
        cr_assert_eq(strncmp(text, want, strlen(want)), 0, "%s in round %u", text, k);
        cr_assert_eq(rows[i].weight, k);
        up++;
    }
    cr_assert(up == PER_ROUND || up == 0, "%u rows", up);
}

Test(cluster_table, a_reader_sees_whole_rounds_while_another_process_writes)
{
    struct conf c;
    CONF(c, "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    uint64_t source = cluster_source(&c.eps[0]);
    pid_t child = fork();
    if (child == 0) {
        write_rounds(t, source);
        _exit(0);
    }
    struct table_row *rows = calloc(t->capacity, sizeof *rows);
    uint32_t version, reads = 0;
    int status;
    while (waitpid(child, &status, WNOHANG) == 0)
        for (int i = 0; i < 100; i++)
            if (cluster_table_read(t, rows, &version)) {
                expect_one_round(rows, t->capacity);
                reads++;
            }
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_gt(reads, 100);
    cr_assert(cluster_table_read(t, rows, &version));
    expect_one_round(rows, t->capacity);
    cr_assert_eq(version, 2 * ROUNDS);
    free(rows);
}

Test(cluster_table, two_writers_wait_for_each_other)
{
    struct conf c;
    CONF(c, "a.internal:80", "b.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    pid_t child = fork();
    for (int i = 1; i <= 3000; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.%d.0.%d:80", child ? 1 : 2, i % 200 + 1);
        cr_assert_not(SET(t, c, child ? 0 : 1, text).busy);
    }
    if (child == 0)
        _exit(0);
    int status;
    waitpid(child, &status, 0);
    cr_assert_eq(status, 0);
    cr_assert_eq(version_of(t), 12000);
    cr_assert_eq(cluster_table_count(t, cluster_source(&c.eps[0])), 1);
    cr_assert_eq(cluster_table_count(t, cluster_source(&c.eps[1])), 1);
}

/* What a writer killed in the middle of a change leaves behind. */
static void die_writing(struct cluster_table *t)
{
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&t->lock);
        atomic_fetch_add(&t->version, 1);
        t->rows[0].state = ROW_GONE;
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

Test(cluster_table, the_next_writer_repairs_what_a_dead_one_left)
{
    struct conf c;
    CONF(c, "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    struct table_row *rows = calloc(t->capacity, sizeof *rows);
    uint32_t version;
    SET(t, c, 0, "10.0.0.1:80");
    die_writing(t);
    cr_assert_not(cluster_table_read(t, rows, &version));
    SET(t, c, 0, "10.0.0.1:80");
    cr_assert(cluster_table_read(t, rows, &version));
    cr_assert_str_eq(show(t), "0=10.0.0.1:80/1");
    die_writing(t);
    cluster_table_mend(t);
    cr_assert(cluster_table_read(t, rows, &version));
    cluster_table_mend(t);
    cr_assert_eq(version_of(t), version);
    free(rows);
}

Test(cluster_table, a_stopped_writer_holds_up_the_next_for_a_bounded_time)
{
    struct conf c;
    CONF(c, "a.internal:80");
    struct cluster_table *t = prepare(&c, 1);
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&t->lock);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(0);
    }
    char one;
    cr_assert_eq(read(ready[0], &one, 1), 1);
    cr_assert(SET(t, c, 0, "10.0.0.1:80").busy);
    cr_assert_str_eq(show(t), "");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_not(SET(t, c, 0, "10.0.0.1:80").busy);
}
