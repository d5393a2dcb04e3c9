/* SPDX-License-Identifier: Apache-2.0 */
/* A ring that many processes write at once, any of which may be stopped or killed anywhere.
 *
 * Who writes takes a number, which says the place. A place that somebody is still at with an event
 * of a lap before is taken from him, for he may be dead. Should he be only slow, he spoils what has
 * been written there meanwhile: he can't know, so a sum over the event tells it to readers, who
 * leave it out. What is left out is counted, never waited for: an event that isn't whole when a
 * later one has been for a second never will be. */
#include "base/event_ring.h"

#include <string.h>

enum { PATIENCE_US = 1000000 };

static uint64_t writing(uint64_t number)
{
    return 2 * number + 1;
}

static uint64_t whole(uint64_t number)
{
    return 2 * number;
}

/* FNV-1a by words; every bit of a word counts because each is multiplied by an odd number. */
static uint64_t sum_of(const struct event *e)
{
    uint64_t words[EVENT_WORDS], sum = 0xcbf29ce484222325;
    memcpy(words, e, sizeof words);
    for (size_t i = 1; i < EVENT_WORDS; i++)
        sum = (sum ^ words[i]) * 0x100000001b3;
    return sum;
}
_Static_assert(offsetof(struct event, sum) == 0, "the sum is of all words but the first");

/* -- writing ----------------------------------------------------------------------------------- */

/* False: a later event has it already, a whole lap ahead. */
static bool take(struct event_place *p, uint64_t number)
{
    uint64_t had = atomic_load_explicit(&p->state, memory_order_relaxed);
    do
        if (had >= whole(number))
            return false;
    while (!atomic_compare_exchange_weak_explicit(&p->state, &had, writing(number),
                                                  memory_order_relaxed, memory_order_relaxed));
    atomic_thread_fence(memory_order_release); /* who reads a word of it reads this state, too */
    return true;
}

uint64_t event_ring_put(struct event_ring *r, struct event *e)
{
    uint64_t words[EVENT_WORDS];
    e->number = atomic_fetch_add(&r->given, 1) + 1;
    e->sum = sum_of(e);
    struct event_place *p = &r->places[e->number % EVENT_RING_SIZE];
    if (!take(p, e->number))
        return e->number;
    memcpy(words, e, sizeof words);
    for (size_t i = 0; i < EVENT_WORDS; i++)
        atomic_store_explicit(&p->words[i], words[i], memory_order_relaxed);
    uint64_t mine = writing(e->number);
    atomic_compare_exchange_strong_explicit(&p->state, &mine, whole(e->number),
                                            memory_order_release, memory_order_relaxed);
    return e->number;
}

/* -- reading ----------------------------------------------------------------------------------- */

enum found { FOUND, LOST, UNFINISHED };

static enum found look(const struct event_ring *r, uint64_t number, struct event *out)
{
    const struct event_place *p = &r->places[number % EVENT_RING_SIZE];
    uint64_t words[EVENT_WORDS];
    const uint64_t before = atomic_load_explicit(&p->state, memory_order_acquire);
    if (before < whole(number) || before == writing(number))
        return UNFINISHED;
    if (before != whole(number))
        return LOST;
    for (size_t i = 0; i < EVENT_WORDS; i++)
        words[i] = atomic_load_explicit(&p->words[i], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    const uint64_t after = atomic_load_explicit(&p->state, memory_order_relaxed);
    memcpy(out, words, sizeof *out);
    const bool good = after == before && out->number == number && out->sum == sum_of(out);
    return good ? FOUND : LOST;
}

/* Has a later one been there for so long that this one won't come? */
static bool is_given_up(const struct event_ring *r, uint64_t number, uint64_t newest,
                        uint64_t now_us)
{
    struct event later;
    for (uint64_t n = number + 1; n <= newest; n++)
        if (look(r, n, &later) == FOUND && later.mono_us + PATIENCE_US <= now_us)
            return true;
    return false;
}

struct event_cursor event_ring_newest(const struct event_ring *r, uint64_t n)
{
    const uint64_t newest = atomic_load(&r->given);
    n = n < EVENT_RING_SIZE ? n : EVENT_RING_SIZE;
    return (struct event_cursor){.after = newest > n ? newest - n : 0};
}

/* Past what the ring can't have any more. */
static void catch_up(struct event_cursor *c, uint64_t newest)
{
    const uint64_t gone = newest > EVENT_RING_SIZE ? newest - EVENT_RING_SIZE : 0;
    if (c->after > newest)
        *c = (struct event_cursor){.after = gone};
    if (c->after < gone) {
        c->lost += gone - c->after;
        c->after = gone;
    }
}

bool event_ring_next(const struct event_ring *r, struct event_cursor *c, uint64_t now_us,
                     struct event *out)
{
    const uint64_t newest = atomic_load(&r->given);
    catch_up(c, newest);
    while (c->after < newest) {
        const enum found found = look(r, c->after + 1, out);
        if (found == UNFINISHED && !is_given_up(r, c->after + 1, newest, now_us))
            return false;
        c->after++;
        if (found == FOUND)
            return true;
        c->lost++;
    }
    return false;
}
