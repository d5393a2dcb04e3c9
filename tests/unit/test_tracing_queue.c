/* SPDX-License-Identifier: Apache-2.0 */
/* Records from several processes: each once, in order, none too many; also when somebody dies. */
#include "tracing/queue.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 4 };

static struct queue *q;
static struct queue_stuck stuck;
static char text[QUEUE_RECORD + 1];
static unsigned lost;

static struct queue *shared(unsigned slots)
{
    void *p =
        mmap(NULL, queue_size(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(p, MAP_FAILED);
    return p;
}

static void make(void)
{
    q = shared(SLOTS);
}

TestSuite(tracing_queue, .init = make);

static bool put(const char *s)
{
    return queue_put(q, SLOTS, s, strlen(s));
}

static const char *take_at(uint64_t now_us)
{
    text[queue_take(q, SLOTS, &stuck, now_us, text, &lost)] = 0;
    return text;
}

static const char *take(void)
{
    return take_at(1000);
}

Test(tracing_queue, begins_empty)
{
    cr_assert_str_eq(take(), "");
    cr_assert_eq(queue_length(q), 0);
}

Test(tracing_queue, gives_records_in_their_order)
{
    char s[12];
    for (int i = 0; i < 50; i++) {
        snprintf(s, sizeof s, "a%d", i);
        cr_assert(put(s));
        cr_assert(put("b"));
        cr_assert_eq(queue_length(q), 2);
        cr_assert_str_eq(take(), s);
        cr_assert_str_eq(take(), "b");
        cr_assert_str_eq(take(), "");
    }
}

Test(tracing_queue, refuses_what_finds_no_room)
{
    for (int lap = 0; lap < 3; lap++) {
        for (int i = 0; i < SLOTS; i++)
            cr_assert(put("x"));
        cr_assert(!put("y"));
        cr_assert_str_eq(take(), "x");
        cr_assert(put("z"));
        cr_assert(!put("y"));
        for (int i = 1; i < SLOTS; i++)
            cr_assert_str_eq(take(), "x");
        cr_assert_str_eq(take(), "z");
        cr_assert_str_eq(take(), "");
    }
}

Test(tracing_queue, takes_records_up_to_a_slots_size)
{
    static char big[QUEUE_RECORD + 1];
    memset(big, 'x', sizeof big);
    cr_assert(queue_put(q, SLOTS, big, QUEUE_RECORD));
    cr_assert_eq(queue_take(q, SLOTS, &stuck, 1, text, &lost), QUEUE_RECORD);
    cr_assert(!queue_put(q, SLOTS, big, QUEUE_RECORD + 1));
    cr_assert(!queue_put(q, SLOTS, big, 0));
}

/* What a process leaves behind that dies between its claim and its record: `tail` has passed. */
static void die_while_putting(void)
{
    ++*(uint64_t *)q;
}

Test(tracing_queue, gives_up_the_slot_of_who_died_while_it_put)
{
    put("a");
    die_while_putting();
    put("b");
    cr_assert_str_eq(take_at(1000), "a");
    cr_assert_str_eq(take_at(1000), "", "it may still come");
    cr_assert_str_eq(take_at(1000 + QUEUE_STUCK_MS * 1000 - 1), "");
    cr_assert_eq(lost, 0);
    cr_assert_str_eq(take_at(1000 + QUEUE_STUCK_MS * 1000), "b");
    cr_assert_eq(lost, 1);
    for (int i = 0; i < 3 * SLOTS; i++) {
        cr_assert(put("c"));
        cr_assert_str_eq(take_at(9000000), "c", "the slot is used again");
    }
}

/* -- several processes ------------------------------------------------------------------------- */

enum { WRITERS = 3, EACH = 20000, BIG = 64 };

static void write_all(int writer)
{
    char s[64];
    for (int i = 0; i < EACH;) {
        snprintf(s, sizeof s, "%d:%d", writer, i);
        i += queue_put(q, BIG, s, strlen(s) + 1);
    }
    _exit(0);
}

Test(tracing_queue, gives_each_record_of_each_process_once)
{
    int next[WRITERS] = {0}, writer, i;
    q = shared(BIG);
    for (int w = 0; w < WRITERS; w++)
        if (fork() == 0)
            write_all(w);
    for (int n = 0; n < WRITERS * EACH;) {
        if (!queue_take(q, BIG, &stuck, 1, text, &lost))
            continue;
        cr_assert_eq(sscanf(text, "%d:%d", &writer, &i), 2, "%s", text);
        cr_assert_eq(i, next[writer], "of %d", writer);
        next[writer]++;
        n++;
    }
    while (wait(NULL) > 0)
        ;
    cr_assert_eq(queue_length(q), 0);
    cr_assert_eq(lost, 0);
}

/* Two takers, as two generations have: together they get everything once. */
Test(tracing_queue, has_room_for_several_takers)
{
    q = shared(BIG);
    uint64_t *sums = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (uint64_t t = 0; t < 2; t++) {
        if (fork() != 0)
            continue;
        uint64_t v;
        while (sums[3] < EACH || queue_length(q))
            if (queue_take(q, BIG, &stuck, 1, text, &lost)) {
                memcpy(&v, text, sizeof v);
                sums[t] += v;
            }
        _exit(0);
    }
    for (uint64_t i = 1; i <= EACH;)
        i += queue_put(q, BIG, &i, sizeof i);
    __atomic_store_n(&sums[3], EACH, __ATOMIC_SEQ_CST);
    while (wait(NULL) > 0)
        ;
    cr_assert_eq(sums[0] + sums[1], (uint64_t)EACH * (EACH + 1) / 2);
}
