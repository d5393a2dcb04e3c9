/* SPDX-License-Identifier: Apache-2.0 */
/* The shared region: cells by key, across fork and across binaries, forgetting, and its limits. */

#include "io/shm.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REGION = 1 << 20 };

static struct shm *s;

static void set_up(void)
{
    s = shm_create(REGION);
    cr_assert(s);
    shm_generation(s, 1);
}

static void tear_down(void)
{
    shm_detach(s);
}

static bool is_zero(const void *p, size_t n)
{
    const char *bytes = p;
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

static struct slice numbered(char out[32], unsigned i)
{
    return slice_of(out, (size_t)snprintf(out, 32, "cluster/%u/stats", i));
}

TestSuite(shm, .init = set_up, .fini = tear_down);

Test(shm, the_same_key_is_the_same_zeroed_aligned_memory)
{
    uint64_t *a = shm_cell(s, SLICE("route/reviews/stats/0"), 200);
    uint64_t *b = shm_cell(s, SLICE("route/reviews/stats/1"), 200);
    size_t size = 0;
    cr_assert(a && b && a != b);
    cr_assert(is_zero(a, 200) && is_zero(b, 200));
    cr_assert_eq((uintptr_t)a % 64, 0);
    cr_assert_eq((uintptr_t)b % 64, 0);
    memset(a, 1, 200);
    cr_assert(is_zero(b, 200));
    cr_assert_eq(shm_cell(s, SLICE("route/reviews/stats/0"), 200), a);
    cr_assert_eq(shm_find(s, SLICE("route/reviews/stats/0"), &size), a);
    cr_assert_eq(size, 200);
    cr_assert_eq(shm_find(s, SLICE("route/reviews/stats/1"), NULL), b);
    cr_assert_null(shm_find(s, SLICE("route/reviews/stats/2"), NULL));
    cr_assert_null(shm_find(s, SLICE("route/reviews/stats/"), NULL));
    cr_assert_null(shm_find(s, SLICE(""), NULL));
    cr_assert_eq(shm_usage(s).cells, 2);
}

Test(shm, keys_of_any_length_keep_the_value_aligned)
{
    char key[300];
    memset(key, 'k', sizeof key);
    for (unsigned n = 0; n < sizeof key; n += 7) {
        char *p = shm_cell(s, slice_of(key, n), n + 1);
        cr_assert(p);
        cr_assert_eq((uintptr_t)p % 64, 0);
        memset(p, (int)n, n + 1);
    }
    for (unsigned n = 0; n < sizeof key; n += 7) {
        size_t size;
        unsigned char *p = shm_find(s, slice_of(key, n), &size);
        cr_assert(p && size == n + 1 && p[0] == (n & 255) && p[n] == (n & 255));
    }
}

Test(shm, another_size_under_a_key_in_use_is_refused)
{
    cr_assert(shm_cell(s, SLICE("table"), 64));
    cr_assert_null(shm_cell(s, SLICE("table"), 128));
    shm_generation(s, 2);
    shm_forget(s, 2);
    cr_assert(shm_cell(s, SLICE("table"), 128), "nobody uses it any more");
}

Test(shm, is_shared_with_children_at_the_same_address)
{
    int *cell = shm_cell(s, SLICE("counter"), sizeof *cell);
    pid_t child = fork();
    if (child == 0) {
        if (shm_find(s, SLICE("counter"), NULL) != cell)
            _exit(1);
        *cell = 42;
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(*cell, 42, "it outlives the child");
}

Test(shm, another_binary_finds_everything_by_the_descriptor)
{
    int *cell = shm_cell(s, SLICE("counter"), sizeof *cell);
    *cell = 7;
    struct shm *other = shm_attach(dup(shm_fd(s)));
    cr_assert(other);
    cr_assert(fcntl(shm_fd(other), F_GETFD) & FD_CLOEXEC);
    int *same = shm_find(other, SLICE("counter"), NULL);
    cr_assert(same && same != cell, "mapped elsewhere");
    cr_assert_eq(*same, 7);
    *same = 8;
    cr_assert_eq(*cell, 8);
    /* It becomes the master: what it makes, and forgets, is one directory. */
    shm_generation(other, 2);
    cr_assert_eq(shm_cell(other, SLICE("counter"), sizeof *cell), same);
    int *fresh = shm_cell(other, SLICE("fresh"), 4);
    *fresh = 9;
    cr_assert_eq(*(int *)shm_find(s, SLICE("fresh"), NULL), 9);
    shm_detach(other);
    cr_assert_eq(*(int *)shm_find(s, SLICE("fresh"), NULL), 9, "it outlives who made it");
}

Test(shm, forgets_only_what_no_generation_asked_for)
{
    cr_assert(shm_cell(s, SLICE("old"), 100));
    cr_assert(shm_cell(s, SLICE("kept"), 100));
    shm_generation(s, 2);
    int *kept = shm_cell(s, SLICE("kept"), 100);
    *kept = 5;
    shm_forget(s, 1);
    cr_assert(shm_find(s, SLICE("old"), NULL), "generation 1 still drains");
    shm_forget(s, 2);
    cr_assert_null(shm_find(s, SLICE("old"), NULL));
    cr_assert_eq(shm_find(s, SLICE("kept"), NULL), kept);
    cr_assert_eq(*kept, 5);
    cr_assert_eq(shm_usage(s).cells, 1);
}

Test(shm, a_forgotten_cell_is_used_again_and_zeroed)
{
    char *old = shm_cell(s, SLICE("a/key"), 1000);
    memset(old, 'x', 1000);
    size_t bytes = shm_usage(s).bytes;
    shm_generation(s, 2);
    shm_forget(s, 2);
    cr_assert_lt(shm_usage(s).bytes, bytes);
    char *again = shm_cell(s, SLICE("b/key"), 1000);
    cr_assert_eq(again, old);
    cr_assert(is_zero(again, 1000));
    cr_assert_eq(shm_usage(s).bytes, bytes);
    cr_assert_null(shm_find(s, SLICE("a/key"), NULL));
}

Test(shm, a_full_region_refuses_and_goes_on)
{
    char text[32];
    unsigned n = 0;
    while (shm_cell(s, numbered(text, n), 4000))
        n++;
    cr_assert_gt(n, 150);
    cr_assert_leq(shm_usage(s).bytes, shm_usage(s).limit);
    cr_assert_eq(shm_usage(s).cells, n);
    cr_assert_eq(shm_usage(s).limit, REGION);
    for (unsigned i = 0; i < n; i++)
        cr_assert(shm_find(s, numbered(text, i), NULL));
    cr_assert_null(shm_cell(s, SLICE("huge"), SIZE_MAX));
    cr_assert_null(shm_cell(s, SLICE("large"), REGION));
    cr_assert(shm_cell(s, numbered(text, 0), 4000), "what is there is found");
    shm_generation(s, 2);
    shm_forget(s, 2);
    cr_assert(shm_cell(s, SLICE("small"), 8), "a larger one serves when there is nothing else");
}

Test(shm, reloads_with_the_same_sizes_never_grow_it)
{
    char text[32];
    size_t bytes = 0;
    for (unsigned g = 2; g < 200; g++) {
        shm_generation(s, g);
        for (unsigned i = 0; i < 20; i++) /* half of the keys are new in each generation */
            cr_assert(shm_cell(s, numbered(text, g * 10 + i), 500 + 500 * (i % 2)));
        shm_forget(s, g);
        if (g == 3)
            bytes = shm_usage(s).bytes;
        cr_assert_eq(shm_usage(s).cells, 20);
        cr_assert(g < 3 || shm_usage(s).bytes <= bytes);
    }
}

Test(shm, thousands_of_cells_stay_apart)
{
    enum { N = 20000 };
    struct shm *large = shm_create(64 << 20);
    char text[32];
    for (unsigned i = 0; i < N; i++) {
        unsigned *p = shm_cell(large, numbered(text, i), 64);
        cr_assert(p && *p == 0);
        *p = i;
    }
    for (unsigned i = 0; i < N; i++)
        cr_assert_eq(*(unsigned *)shm_find(large, numbered(text, i), NULL), i);
    shm_detach(large);
}

struct progress {
    volatile unsigned found;
    volatile bool done, missed;
};

static void look_up(struct progress *progress)
{
    while (!progress->done && !progress->missed) {
        const int *p = shm_find(s, SLICE("stable"), NULL);
        if (!p || *p != 77)
            progress->missed = true;
        progress->found++;
    }
    _exit(0);
}

Test(shm, can_be_looked_up_while_the_master_changes_it)
{
    char text[32];
    struct progress *progress = shm_cell(s, SLICE("progress"), sizeof *progress);
    *(int *)shm_cell(s, SLICE("stable"), 64) = 77;
    pid_t child = fork();
    if (child == 0)
        look_up(progress);
    /* At least as long as the child has looked a thousand times meanwhile. */
    for (unsigned g = 2; g < 300 || progress->found < 1000; g++) {
        shm_generation(s, g);
        cr_assert(shm_cell(s, SLICE("stable"), 64));
        cr_assert(shm_cell(s, SLICE("progress"), sizeof *progress));
        for (unsigned i = 0; i < 50; i++)
            cr_assert(shm_cell(s, numbered(text, g * 50 + i), 64));
        shm_forget(s, g);
        if (progress->missed)
            break;
    }
    progress->done = true;
    int status;
    waitpid(child, &status, 0);
    cr_assert(!progress->missed);
    cr_assert_eq(status, 0);
}

Test(shm, untouched_pages_cost_nothing)
{
    struct shm *large = shm_create((size_t)1 << 33);
    unsigned char in_core[16] = {0};
    cr_assert(large, "8 GiB of addresses are not 8 GiB of memory");
    char *p = shm_cell(large, SLICE("big"), (size_t)1 << 32);
    cr_assert(p);
    char *page = p + ((size_t)1 << 31);
    page -= (uintptr_t)page % 4096;
    cr_assert_eq(mincore(page, 4096, in_core), 0);
    cr_assert_eq(in_core[0] & 1, 0);
    page[0] = 1;
    shm_detach(large);
}

/* -- what isn't ours ------------------------------------------------------------------------ */

static void refuse(int fd, int err)
{
    errno = 0;
    cr_assert_null(shm_attach(fd));
    cr_assert_eq(errno, err, "%s", strerror(errno));
    if (err != EBADF)
        cr_assert_neq(fcntl(fd, F_GETFD), -1, "it stays the caller's");
    close(fd);
}

Test(shm, refuses_descriptors_that_are_not_ours)
{
    refuse(-1, EBADF);
    refuse(open("/dev/zero", O_RDWR), EPROTO);
    int unsealed = memfd_create("other", MFD_ALLOW_SEALING);
    cr_assert_eq(ftruncate(unsealed, REGION), 0);
    refuse(unsealed, EPROTO);
    int small = memfd_create("other", MFD_ALLOW_SEALING);
    cr_assert_eq(ftruncate(small, 4096), 0);
    cr_assert_eq(fcntl(small, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    refuse(small, EPROTO);
    int empty = memfd_create("other", MFD_ALLOW_SEALING);
    cr_assert_eq(ftruncate(empty, REGION), 0);
    cr_assert_eq(fcntl(empty, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    refuse(empty, EPROTO);
}

Test(shm, refuses_a_wrong_magic_version_or_size)
{
    static const struct {
        off_t at;
        size_t n;
    } fields[] = {{0, 1}, {8, 1}, {12, 1}, {16, 8}};
    for (unsigned i = 0; i < array_n(fields); i++) {
        struct shm *other = shm_create(REGION);
        static const char wrong[8] = {0x7f, 1, 1, 1, 1, 1, 1, 1};
        int fd = dup(shm_fd(other));
        cr_assert_eq(pwrite(fd, wrong, fields[i].n, fields[i].at), (ssize_t)fields[i].n);
        refuse(fd, EPROTO);
        shm_detach(other);
    }
}

Test(shm, nobody_can_take_its_pages_away)
{
    cr_assert_eq(ftruncate(shm_fd(s), 4096), -1);
    cr_assert_eq(ftruncate(shm_fd(s), 2 * REGION), -1);
}

Test(shm, is_never_smaller_than_its_directory)
{
    errno = 0;
    cr_assert_null(shm_create(4096));
    cr_assert_eq(errno, EINVAL);
}

Test(shm, a_damaged_directory_hurts_nobody)
{
    static const uint64_t wild[] = {UINT64_MAX, 64, REGION - 64, REGION, 8, 1ull << 40};
    char text[32];
    for (unsigned i = 0; i < 100; i++)
        cr_assert(shm_cell(s, numbered(text, i), 64));
    uint64_t *words = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_SHARED, shm_fd(s), 0);
    size_t used = shm_usage(s).bytes / 8;
    for (unsigned k = 0; k < array_n(wild); k++) {
        for (size_t i = 8; i < used; i++) /* behind magic, sizes and the counter of changes */
            if (words[i])
                words[i] = wild[k];
        for (unsigned i = 0; i < 100; i++)
            (void)!shm_find(s, numbered(text, i), NULL);
    }
    munmap(words, REGION);
}
