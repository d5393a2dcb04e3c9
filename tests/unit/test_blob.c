/* SPDX-License-Identifier: Apache-2.0 */
/* Texts in shared memory: real processes read while others write, die, and write again. */

#include "core/module/blob.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 3000, FILLS = 400, READERS = 3 };

static struct weir_blob blob;
static void *cell;

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(p != MAP_FAILED);
    return p;
}

static void begin(void)
{
    cell = shared(blob_size(CAPACITY));
    blob_init(&blob, cell, CAPACITY);
}

TestSuite(blob, .init = begin, .timeout = 20);

static const char *text_of(const struct weir_blob *b, uint64_t *version)
{
    static char to[CAPACITY + 1];
    to[blob_read(b, to, version)] = '\0';
    return to;
}

/* The text says its length itself, in its letters: n times the same, n % 26 of them. */
static struct slice fill(char *memory, uint64_t i)
{
    const size_t n = 1 + i * 7919 % CAPACITY;
    memset(memory, (int)('a' + n % 26), n);
    return slice_of(memory, n);
}

static bool is_whole(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != (char)('a' + s.n % 26))
            return false;
    return s.n > 0;
}

/* A process that ends with the test, however that ends. */
static pid_t fork_one(void)
{
    const pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

static int wait_for(pid_t pid)
{
    int status;
    cr_assert(waitpid(pid, &status, 0) == pid);
    return status;
}

Test(blob, has_nothing_until_something_is_published)
{
    uint64_t version = 7;

    cr_assert(blob_version(&blob) == 0);
    cr_assert_str_eq(text_of(&blob, &version), "");
    cr_assert(version == 0);
    cr_assert(blob_publish(&blob, SLICE("one")));
    cr_assert(blob_version(&blob) == 1);
    cr_assert_str_eq(text_of(&blob, &version), "one");
    cr_assert(version == 1);
    cr_assert(blob_publish(&blob, SLICE("")));
    cr_assert_str_eq(text_of(&blob, &version), "");
    cr_assert(version == 2);
}

Test(blob, takes_a_text_of_its_capacity_and_no_longer_one)
{
    static char memory[CAPACITY + 1];
    char to[CAPACITY];
    uint64_t version;

    memset(memory, 'x', sizeof memory);
    cr_assert(blob_publish(&blob, slice_of(memory, CAPACITY)));
    cr_assert(!blob_publish(&blob, slice_of(memory, CAPACITY + 1)));
    cr_assert(blob_read(&blob, to, &version) == CAPACITY && version == 1);
    cr_assert(!memcmp(to, memory, CAPACITY));
    for (int i = 0; i < 10; i++) /* in every buffer: none reaches into the next */
        cr_assert(blob_publish(&blob, slice_of(memory, CAPACITY - (size_t)i)));
    cr_assert(blob_read(&blob, to, &version) == CAPACITY - 9 && !memcmp(to, memory, CAPACITY - 9));
}

Test(blob, keeps_what_it_holds_for_who_initialises_it_again)
{
    struct weir_blob next;
    uint64_t version;

    cr_assert(blob_publish(&blob, SLICE("old")));
    blob_init(&next, cell, CAPACITY);
    cr_assert_str_eq(text_of(&next, &version), "old");
    cr_assert(blob_publish(&next, SLICE("new")));
    cr_assert_str_eq(text_of(&blob, &version), "new");
}

/* A generation begins with what its master has read, and the older one doesn't see it. */
Test(blob, begins_with_a_text_of_its_own_until_something_newer_comes)
{
    struct weir_blob next;
    uint64_t first, second, third;

    cr_assert(blob_publish(&blob, SLICE("old")));
    blob_init(&next, cell, CAPACITY);
    blob_begin_with(&next, SLICE("mine"));
    first = blob_version(&next);
    cr_assert_str_eq(text_of(&next, &second), "mine");
    cr_assert(first == second && first != 0);
    cr_assert_str_eq(text_of(&blob, &third), "old");
    cr_assert(third == 1 && blob_version(&blob) == 1);
    cr_assert(blob_publish(&blob, SLICE("newer")));
    cr_assert_str_eq(text_of(&next, &third), "newer");
    cr_assert(third == blob_version(&next) && third > first);
}

Test(blob, begins_with_an_empty_text_too)
{
    uint64_t version;

    blob_begin_with(&blob, (struct slice){0});
    cr_assert_str_eq(text_of(&blob, &version), "");
    cr_assert(version == 1 && blob_version(&blob) == 1);
}

/* -- many processes ---------------------------------------------------------------------------- */

/* Reads until the writer says that it is over; exit code 0: nothing was torn, nothing went back. */
static int read_all(const _Atomic bool *over)
{
    char to[CAPACITY];
    uint64_t seen = 0, version;
    size_t reads = 0;

    while (!*over || !reads) {
        const size_t n = blob_read(&blob, to, &version);
        if (!version)
            continue; /* nothing yet */
        if (version < seen || !is_whole(slice_of(to, n)))
            return 1;
        seen = version;
        reads++;
    }
    return 0;
}

/* A process that publishes one text after the other until it is killed; it is at work already. */
static pid_t start_writer(void)
{
    const uint64_t before = blob_version(&blob);
    const pid_t pid = fork_one();
    static char memory[CAPACITY];

    for (uint64_t i = 0; pid == 0; i++)
        if (!blob_publish(&blob, fill(memory, i)))
            _exit(1);
    while (blob_version(&blob) < before + 20)
        sched_yield();
    return pid;
}

static void kill_writer(pid_t pid)
{
    kill(pid, SIGKILL);
    cr_assert(WIFSIGNALED(wait_for(pid)));
}

/* Writers die in the middle all the time: each is killed at some moment, and another one comes. */
Test(blob, shows_whole_texts_only_whatever_happens_to_writers)
{
    _Atomic bool *over = shared(sizeof *over);
    pid_t readers[READERS];
    static char memory[CAPACITY];

    for (int i = 0; i < READERS; i++)
        if ((readers[i] = fork_one()) == 0)
            _exit(read_all(over));
    for (uint64_t i = 0; i < 50; i++)
        kill_writer(start_writer());
    cr_assert(blob_publish(&blob, fill(memory, 1)), "the last one died with the lock");
    *over = true;
    for (int i = 0; i < READERS; i++)
        cr_assert(wait_for(readers[i]) == 0);
}

Test(blob, lets_two_writers_take_turns)
{
    _Atomic bool *over = shared(sizeof *over);
    static char memory[CAPACITY];
    pid_t writers[2];
    const pid_t reader = fork_one();

    if (reader == 0)
        _exit(read_all(over));
    for (int i = 0; i < 2; i++)
        if ((writers[i] = fork_one()) == 0) {
            for (uint64_t k = 0; k < FILLS; k++)
                if (!blob_publish(&blob, fill(memory, k)))
                    _exit(1);
            _exit(0);
        }
    for (int i = 0; i < 2; i++)
        cr_assert(wait_for(writers[i]) == 0);
    *over = true;
    cr_assert(wait_for(reader) == 0);
    cr_assert(blob_version(&blob) == 2 * FILLS, "each publish has a number of its own");
}

/* Stopped in the middle of a publish: readers don't mind, and another writer gives up in time. */
Test(blob, never_waits_for_a_writer_that_stands_still)
{
    static char memory[CAPACITY];
    bool in_the_middle = false;
    uint64_t version;
    int status;

    for (int i = 0; i < 200 && !in_the_middle; i++) {
        const pid_t writer = start_writer();
        kill(writer, SIGSTOP);
        cr_assert(waitpid(writer, &status, WUNTRACED) == writer && WIFSTOPPED(status));
        cr_assert(is_whole(slice_str(text_of(&blob, &version))) && version);
        in_the_middle = !blob_publish(&blob, fill(memory, 3));
        kill_writer(writer);
        cr_assert(blob_publish(&blob, fill(memory, 4)));
    }
    cr_assert(in_the_middle);
}
