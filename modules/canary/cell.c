/* SPDX-License-Identifier: Apache-2.0 */
/* The cell of a split:
 *
 *     ticket    epoch (16 bits) | position (48 bits)            one word, which workers count up
 *     slots     4 of: tag, time, weights' schedule, buckets     epoch e lies in slot e % 4
 *     variants  4 times n of: weight, counts                    likewise
 *
 * A worker adds one to `ticket` and so learns epoch and position in one step. The control process
 * writes the next epoch's slot, which nobody has a ticket for, and then swaps the word for that
 * epoch with position 0. So each ticket belongs to one epoch, the word that was swapped out says
 * how many the former epoch had, and all that come later see the new weights.
 *
 * A worker may be stopped between its ticket and the look into the slot. The slot stays as it is
 * for three more changes; after that it may have been, or be, rewritten. Its `tag` is the whole
 * number of the epoch it holds, and 0 while it is written. The worker reads the tag, the entry, and
 * the tag again: if both are its own epoch, the entry was that epoch's:
 *   - the first read acquires what was stored before the tag was, so the entry isn't older;
 *   - had the entry been stored by a later writer, then the fence between entry and second read
 *     pairs with the writer's between its 0 and its entries, and the second read would not have
 *     given the old tag any more.
 * If not, nothing of the ticket's epoch is left for anybody to see, neither table nor counts; so
 * the ticket is dropped, which no view can notice, and another one taken. (A ticket knows 16 bits
 * of its epoch: who stands for exactly a multiple of 65,536 changes isn't told apart, and then gets
 * a variant of the younger epoch, by that one's table.)
 *
 * A count's word holds its epoch, too, in the same two parts, and adding one is a compare-and-swap:
 * so what finishes after its slot was given to another epoch isn't counted there.
 *
 * What is written while others may read is atomic down to the bytes of the tables, so that none of
 * this rests on what a compiler makes of a race. */

#include "canary/cell.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    /* Has to divide 2^16. Two are in use; the others are time for a worker that stands still. */
    SLOTS = 4,
    POSITION_BITS = 48,
    TRIES = 16, /* each vain one took three changes of weights */
    LINE = 64,
};
static const uint64_t POSITION = ((uint64_t)1 << POSITION_BITS) - 1;

struct slot {
    _Alignas(LINE) _Atomic uint64_t tag;
    _Atomic uint64_t changed_us;
    _Atomic uint32_t length;
    _Atomic uint8_t schedule[SCHEDULE_MAX];
    _Atomic uint8_t buckets[BUCKETS];
};

struct tally {
    _Atomic uint64_t counts[SPLIT_COUNTS]; /* epoch | count, as the ticket */
    _Atomic uint32_t weight;
};

struct split_cell {
    _Alignas(LINE) _Atomic uint64_t ticket;
    _Alignas(LINE) uint64_t n; /* variants; 0: not made yet. Never changes after that */
    struct slot slots[SLOTS];
    struct tally tallies[]; /* SLOTS times n */
};
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_CHAR_LOCK_FREE == 2,
               "other processes see no lock of this one");

/* Tables before they are in shared memory. */
struct tables {
    struct schedule schedule;
    uint8_t buckets[BUCKETS];
};

static bool build(struct tables *t, const struct split_weights *to, char reason[SCHEDULE_REASON]);
static uint64_t publish(struct split_cell *c, const struct split_weights *to,
                        const struct tables *t, uint64_t epoch, uint64_t wall_us);
static uint64_t newest(const struct split_cell *c);
static bool read_view(const struct split_cell *c, struct split_view *v, struct schedule *s);

static uint16_t epoch_of(uint64_t word)
{
    return (uint16_t)(word >> POSITION_BITS);
}

static const struct slot *slot_of(const struct split_cell *c, uint64_t epoch)
{
    return &c->slots[epoch % SLOTS];
}

static size_t tally_index(const struct split_cell *c, uint64_t epoch, size_t variant)
{
    return epoch % SLOTS * c->n + variant;
}

size_t split_cell_size(size_t variants_n)
{
    return sizeof(struct split_cell) + SLOTS * variants_n * sizeof(struct tally);
}

/* -- making and changing -------------------------------------------------------------------- */

bool split_cell_init(struct split_cell *c, const struct split_weights *to, uint64_t wall_us,
                     char reason[SCHEDULE_REASON])
{
    struct tables t;
    if (c->n)
        return schedule_check(to->weights, to->n, NULL, reason);
    if (!build(&t, to, reason))
        return false;
    c->n = to->n;
    publish(c, to, &t, 1, wall_us);
    return true;
}

static bool build(struct tables *t, const struct split_weights *to, char reason[SCHEDULE_REASON])
{
    if (!schedule_build(&t->schedule, to->weights, to->n, reason))
        return false;
    buckets_build(t->buckets, to->names, to->weights, to->n);
    return true;
}

bool split_cell_change(struct split_cell *c, const struct split_weights *to, uint64_t wall_us,
                       uint64_t *former, char reason[SCHEDULE_REASON])
{
    struct tables t;
    if (to->n != c->n) {
        snprintf(reason, SCHEDULE_REASON,
                 "there are weights for %zu variants, and the split has %zu", to->n, (size_t)c->n);
        return false;
    }
    if (!build(&t, to, reason))
        return false;
    const uint64_t before = publish(c, to, &t, newest(c) + 1, wall_us);
    if (former)
        *former = before & POSITION;
    return true;
}

/* The number of the epoch in force. Where the word has none that is known, since its positions have
 * run over into the epoch, it is the highest there is. */
static uint64_t newest(const struct split_cell *c)
{
    const uint16_t now = epoch_of(atomic_load_explicit(&c->ticket, memory_order_acquire));
    uint64_t highest = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        const uint64_t tag = atomic_load_explicit(&c->slots[i].tag, memory_order_relaxed);
        if (tag && (uint16_t)tag == now)
            return tag;
        highest = tag > highest ? tag : highest;
    }
    return highest;
}

/* Writes the slot and brings it into force; gives the word that was in force before. A writer that
 * died halfway has left a slot that no ticket belongs to: it is simply written again. */
static uint64_t publish(struct split_cell *c, const struct split_weights *to,
                        const struct tables *t, uint64_t epoch, uint64_t wall_us)
{
    struct slot *s = &c->slots[epoch % SLOTS];
    const uint64_t begin = epoch << POSITION_BITS; /* the upper bits of the epoch fall off */
    atomic_store_explicit(&s->tag, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&s->changed_us, wall_us, memory_order_relaxed);
    atomic_store_explicit(&s->length, t->schedule.length, memory_order_relaxed);
    for (uint32_t i = 0; i < t->schedule.length; i++)
        atomic_store_explicit(&s->schedule[i], t->schedule.of[i], memory_order_relaxed);
    for (unsigned i = 0; i < BUCKETS; i++)
        atomic_store_explicit(&s->buckets[i], t->buckets[i], memory_order_relaxed);
    for (size_t i = 0; i < to->n; i++) {
        struct tally *y = &c->tallies[tally_index(c, epoch, i)];
        atomic_store_explicit(&y->weight, to->weights[i], memory_order_relaxed);
        for (unsigned k = 0; k < SPLIT_COUNTS; k++)
            atomic_store_explicit(&y->counts[k], begin, memory_order_relaxed);
    }
    atomic_store_explicit(&s->tag, epoch, memory_order_release);
    return atomic_exchange_explicit(&c->ticket, begin, memory_order_acq_rel);
}

/* -- what a request gets -------------------------------------------------------------------- */

/* Begins to read the slot of the epoch that a word says: its tag, or 0 when it holds another one.
 */
static uint64_t open_slot(const struct slot *s, uint64_t word)
{
    const uint64_t tag = atomic_load_explicit(&s->tag, memory_order_acquire);
    return (uint16_t)tag == epoch_of(word) ? tag : 0;
}

/* Was what has been read since the slot's? */
static bool close_slot(const struct slot *s, uint64_t tag)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&s->tag, memory_order_relaxed) == tag;
}

/* In the middle of a rewriting the length may be any that the slot has had, never over the array.
 */
static bool read_schedule(const struct slot *s, uint64_t word, struct split_ref *out)
{
    const uint64_t tag = open_slot(s, word);
    const uint32_t length = atomic_load_explicit(&s->length, memory_order_relaxed);
    if (!tag || !length)
        return false;
    const uint64_t at = (word & POSITION) % length;
    *out = (struct split_ref){
        .epoch = epoch_of(word),
        .variant = atomic_load_explicit(&s->schedule[at], memory_order_relaxed),
    };
    return close_slot(s, tag);
}

bool split_cell_take(struct split_cell *c, struct split_ref *out)
{
    for (unsigned i = 0; i < TRIES; i++) {
        const uint64_t word = atomic_fetch_add_explicit(&c->ticket, 1, memory_order_acquire);
        if (read_schedule(slot_of(c, epoch_of(word)), word, out))
            return true;
    }
    return false;
}

bool split_cell_place(const struct split_cell *c, unsigned bucket, struct split_ref *out)
{
    for (unsigned i = 0; i < TRIES; i++) {
        const uint64_t word = atomic_load_explicit(&c->ticket, memory_order_acquire);
        const struct slot *s = slot_of(c, epoch_of(word));
        const uint64_t tag = open_slot(s, word);
        *out = (struct split_ref){
            .epoch = epoch_of(word),
            .variant = atomic_load_explicit(&s->buckets[bucket], memory_order_relaxed),
        };
        if (tag && close_slot(s, tag))
            return true;
    }
    return false;
}

void split_cell_count(struct split_cell *c, struct split_ref ref, enum split_count what)
{
    _Atomic uint64_t *count = &c->tallies[tally_index(c, ref.epoch, ref.variant)].counts[what];
    uint64_t was = atomic_load_explicit(count, memory_order_relaxed);
    /* Released, so that a view that sees the count sees its ticket as well. */
    while (epoch_of(was) == ref.epoch &&
           !atomic_compare_exchange_weak_explicit(count, &was, was + 1, memory_order_release,
                                                  memory_order_relaxed))
        ;
}

/* -- what an operator sees ------------------------------------------------------------------ */

bool split_cell_view(const struct split_cell *c, uint64_t wall_us, struct split_view *out)
{
    struct schedule s;
    unsigned tries = 0;
    while (!read_view(c, out, &s))
        if (++tries == TRIES)
            return false;
    out->age_us = wall_us > out->changed_us ? wall_us - out->changed_us : 0; /* clocks are set */
    uint64_t sum = 0;
    for (size_t i = 0; i < out->n; i++)
        sum += out->variants[i].weight;
    for (size_t i = 0; i < out->n; i++) {
        struct split_variant *v = &out->variants[i];
        v->assigned = schedule_count(&s, out->position, (unsigned)i);
        v->target = (double)out->position * v->weight / (double)sum;
    }
    return true;
}

/* Copies what the cell says. The position is read after the counts, so that it isn't behind them.
 */
static bool read_view(const struct split_cell *c, struct split_view *v, struct schedule *s)
{
    const uint64_t word = atomic_load_explicit(&c->ticket, memory_order_acquire);
    const struct slot *slot = slot_of(c, epoch_of(word));
    *v = (struct split_view){.epoch = open_slot(slot, word), .n = c->n};
    if (!v->epoch)
        return false;
    v->changed_us = atomic_load_explicit(&slot->changed_us, memory_order_relaxed);
    s->length = atomic_load_explicit(&slot->length, memory_order_relaxed);
    for (uint32_t i = 0; i < s->length; i++)
        s->of[i] = atomic_load_explicit(&slot->schedule[i], memory_order_relaxed);
    for (size_t i = 0; i < v->n; i++) {
        const struct tally *y = &c->tallies[tally_index(c, v->epoch, i)];
        v->variants[i].weight = atomic_load_explicit(&y->weight, memory_order_relaxed);
        for (unsigned k = 0; k < SPLIT_COUNTS; k++)
            v->variants[i].counts[k] =
                atomic_load_explicit(&y->counts[k], memory_order_relaxed) & POSITION;
    }
    if (!close_slot(slot, v->epoch))
        return false;
    const uint64_t now = atomic_load_explicit(&c->ticket, memory_order_relaxed);
    v->position = now & POSITION;
    return epoch_of(now) == epoch_of(word);
}
