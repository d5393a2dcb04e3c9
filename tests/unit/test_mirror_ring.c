/* SPDX-License-Identifier: Apache-2.0 */
/* Texts from several processes for one that reads: the last few, whole or not at all. */
#include "mirror/ring.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 4 };

static struct ring *ring;
static char text[RING_TEXT + 1];

static void make(void)
{
    ring = mmap(NULL, ring_size(SLOTS), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(ring, MAP_FAILED);
}

TestSuite(mirror_ring, .init = make);

static bool write_text(const char *s)
{
    return ring_write(ring, SLOTS, 5000000, (struct weir_slice){s, strlen(s)});
}

static const char *read_text(unsigned back)
{
    text[ring_read(ring, SLOTS, back, text)] = 0;
    return text;
}

Test(mirror_ring, begins_empty)
{
    for (unsigned i = 0; i < SLOTS; i++)
        cr_assert_eq(ring_read(ring, SLOTS, i, text), 0);
}

Test(mirror_ring, has_the_newest_first_and_forgets_the_oldest)
{
    const char *const all[] = {"a", "bb", "ccc", "dddd", "eeeee", "f"};
    for (int i = 0; i < 6; i++)
        cr_assert(write_text(all[i]));
    for (unsigned i = 0; i < SLOTS; i++)
        cr_assert_str_eq(read_text(i), all[5 - i]);
    cr_assert_eq(ring_read(ring, SLOTS, SLOTS, text), 0);
}

Test(mirror_ring, takes_texts_up_to_a_slots_size)
{
    static char big[RING_TEXT + 1];
    memset(big, 'x', sizeof big);
    cr_assert(ring_write(ring, SLOTS, 0, (struct weir_slice){big, RING_TEXT}));
    cr_assert_eq(ring_read(ring, SLOTS, 0, text), RING_TEXT);
    cr_assert(!ring_write(ring, SLOTS, 0, (struct weir_slice){big, RING_TEXT + 1}));
    cr_assert(!ring_write(ring, SLOTS, 0, (struct weir_slice){big, 0}));
    cr_assert(!ring_write(ring, 0, 0, (struct weir_slice){big, 1}));
}

/* The state of the first slot lies right behind the ticket. */
static void hold_first_slot(uint64_t since_us)
{
    ((uint64_t *)(void *)ring)[1] = since_us / 1000 << 32 | 1;
}

Test(mirror_ring, passes_over_a_slot_that_is_being_written_to)
{
    hold_first_slot(5000000);
    cr_assert(!ring_write(ring, SLOTS, 5999000, WEIR_SLICE("lost")));
    cr_assert(write_text("kept"));
    cr_assert_str_eq(read_text(0), "kept");
    cr_assert_eq(ring_read(ring, SLOTS, 1, text), 0);
}

Test(mirror_ring, takes_a_slot_from_a_writer_that_died)
{
    hold_first_slot(5000000);
    cr_assert(ring_write(ring, SLOTS, 6000000, WEIR_SLICE("again")));
    cr_assert_str_eq(read_text(0), "again");
}

/* A text says in its first byte what all the others are. */
static bool is_whole(size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (text[i] != text[0])
            return false;
    return true;
}

static _Noreturn void write_on_and_on(unsigned who)
{
    static char mine[RING_TEXT];
    for (unsigned i = 0; i < 20000; i++) {
        memset(mine, 'a' + (int)((i + 7 * who) % 26), sizeof mine);
        ring_write(ring, SLOTS, 5000000, (struct weir_slice){mine, 1 + (i * 37 + who) % RING_TEXT});
    }
    _exit(0);
}

Test(mirror_ring, never_gives_half_of_a_text)
{
    unsigned read = 0, left = 2;
    for (unsigned i = 0; i < left; i++)
        if (fork() == 0)
            write_on_and_on(i);
    while (left) {
        for (unsigned back = 0; back < SLOTS; back++) {
            const size_t n = ring_read(ring, SLOTS, back, text);
            read += n > 0;
            cr_assert(is_whole(n));
        }
        left -= waitpid(-1, NULL, WNOHANG) > 0;
    }
    cr_assert_gt(read, 0);
}
