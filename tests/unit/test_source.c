/* SPDX-License-Identifier: Apache-2.0 */
/* Connections counted by client address: the limit, the full bucket, dead processes, and many
 * threads at once in place of many workers. */

#include "core/stats/stats.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

enum { ENTRIES = SOURCES_BUCKETS * SOURCES_PER_BUCKET, THREADS = 4, ROUNDS = 20000 };

static struct source_table table;
static struct source_mirror mirror, other;

static struct ip ip_of(uint32_t n)
{
    struct ip ip = {{[10] = 0xff, [11] = 0xff}};
    memcpy(ip.b + 12, &n, sizeof n);
    return ip;
}

static uint64_t total(void)
{
    uint64_t n = 0;
    for (size_t i = 0; i < ENTRIES; i++)
        n += atomic_load(&table.entries[i]) & 0xffffff;
    return n;
}

static uint64_t held(const struct source_mirror *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < ENTRIES; i++)
        n += m->held[i];
    return n;
}

static enum source_verdict enter(uint32_t n, uint64_t limit, int32_t *entry)
{
    const struct ip ip = ip_of(n);
    return source_enter(&table, &mirror, &ip, limit, entry);
}

Test(source, lets_in_as_many_as_the_limit_and_no_more)
{
    int32_t entry[3], refused;

    for (int i = 0; i < 3; i++)
        cr_assert(enter(1, 3, &entry[i]) == SOURCE_OK && entry[i] >= 0);
    cr_assert(enter(1, 3, &refused) == SOURCE_LIMIT);
    cr_assert(refused == -1);
    cr_assert(total() == 3 && held(&mirror) == 3);
    cr_assert(enter(2, 3, &refused) == SOURCE_OK); /* another address has its own count */
    source_leave(&table, &mirror, entry[0]);
    cr_assert(enter(1, 3, &entry[0]) == SOURCE_OK);
    cr_assert(enter(1, 3, &entry[0]) == SOURCE_LIMIT);
}

Test(source, limit_holds_over_the_mirrors_of_several_processes)
{
    const struct ip ip = ip_of(1);
    int32_t a, b, c;
    cr_assert(source_enter(&table, &mirror, &ip, 2, &a) == SOURCE_OK);
    cr_assert(source_enter(&table, &other, &ip, 2, &b) == SOURCE_OK);
    cr_assert(source_enter(&table, &other, &ip, 2, &c) == SOURCE_LIMIT);
    cr_assert(held(&mirror) == 1 && held(&other) == 1);
}

Test(source, frees_the_entry_of_an_address_that_has_left)
{
    int32_t entry;
    for (uint32_t n = 0; n < 100000; n++) { /* more addresses than entries */
        cr_assert(enter(n, 1, &entry) == SOURCE_OK);
        source_leave(&table, &mirror, entry);
    }
    cr_assert(total() == 0 && held(&mirror) == 0);
    source_leave(&table, &mirror, -1); /* of an untracked one */
}

Test(source, lets_in_untracked_when_its_bucket_is_full)
{
    int32_t entry;
    uint32_t n = 0;
    while (enter(n, 1, &entry) == SOURCE_OK)
        n++;
    cr_assert(n >= SOURCES_PER_BUCKET);
    cr_assert(enter(n, 1, &entry) == SOURCE_UNTRACKED);
    cr_assert(entry == -1);
    cr_assert(total() == n && held(&mirror) == n);
    cr_assert(enter(0, 1, &entry) == SOURCE_LIMIT); /* those that are in stay counted */
}

Test(source, counts_together_two_entries_of_one_address)
{
    const struct ip ip = ip_of(9);
    int32_t entry, second;

    cr_assert(enter(9, 10, &entry) == SOURCE_OK);
    /* As two workers may have left it that came at the same moment. */
    const size_t bucket = (size_t)entry / SOURCES_PER_BUCKET * SOURCES_PER_BUCKET;
    second = (int32_t)bucket + (entry == (int32_t)bucket ? 1 : 0);
    atomic_store(&table.entries[second], atomic_load(&table.entries[entry]) + 2);
    cr_assert(source_enter(&table, &other, &ip, 4, &second) == SOURCE_LIMIT);
    cr_assert(source_enter(&table, &other, &ip, 5, &second) == SOURCE_OK);
    cr_assert(total() == 5);
}

Test(source, never_overflows_the_count_into_the_tag)
{
    const uint64_t most = (1 << 24) - 1;
    int32_t entry;

    cr_assert(enter(1, UINT64_MAX, &entry) == SOURCE_OK);
    const uint64_t tag = atomic_load(&table.entries[entry]) >> 24;
    atomic_store(&table.entries[entry], tag << 24 | most);
    cr_assert(enter(1, UINT64_MAX, &entry) == SOURCE_LIMIT);
}

Test(source, gives_back_what_a_dead_process_held)
{
    const struct ip ip = ip_of(1);
    int32_t entry;

    for (uint32_t n = 0; n < 50; n++)
        cr_assert(enter(n % 10, 100, &entry) == SOURCE_OK);
    cr_assert(source_enter(&table, &other, &ip, 100, &entry) == SOURCE_OK);
    source_dead(&table, &mirror);
    cr_assert(total() == 1 && held(&mirror) == 0 && held(&other) == 1);
    source_dead(&table, &mirror); /* again is harmless */
    cr_assert(total() == 1);
    mirror.held[entry] = 7; /* it noted more than it had taken */
    source_dead(&table, &mirror);
    cr_assert(total() == 0);
}

static _Atomic int inside, most;

static void *hammer(void *arg)
{
    struct source_mirror *m = arg;
    const struct ip ip = ip_of(5);

    for (int i = 0; i < ROUNDS; i++) {
        int32_t entry;
        if (source_enter(&table, m, &ip, THREADS - 1, &entry) != SOURCE_OK)
            continue;
        int n = atomic_fetch_add(&inside, 1) + 1;
        for (int seen = atomic_load(&most); seen < n;)
            if (atomic_compare_exchange_weak(&most, &seen, n))
                break;
        atomic_fetch_sub(&inside, 1);
        source_leave(&table, m, entry);
    }
    return NULL;
}

Test(source, counts_right_when_many_enter_and_leave_at_once)
{
    pthread_t threads[THREADS];
    struct source_mirror *mirrors = calloc(THREADS, sizeof *mirrors);
    const struct ip ip = ip_of(5);
    int32_t entry;

    /* One connection stays, so that all meet in one entry and the limit is exact. */
    cr_assert(source_enter(&table, &mirror, &ip, 1, &entry) == SOURCE_OK);
    for (int i = 0; i < THREADS; i++)
        cr_assert(pthread_create(&threads[i], NULL, hammer, &mirrors[i]) == 0);
    for (int i = 0; i < THREADS; i++)
        cr_assert(pthread_join(threads[i], NULL) == 0);
    cr_assert(atomic_load(&most) >= 1 && atomic_load(&most) <= THREADS - 2);
    cr_assert(total() == 1);
    for (int i = 0; i < THREADS; i++)
        cr_assert(held(&mirrors[i]) == 0);
    free(mirrors);
}
