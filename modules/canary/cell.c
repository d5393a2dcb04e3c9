/* SPDX-License-Identifier: Apache-2.0 */
/* The cell of a split, as workers use it and operators see it; cell_parts.h shows how it lies in
 * memory, cell_change.c has the other side.
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

#include "canary/cell_parts.h"

#include <math.h>

enum { TRIES = 16, WHOLE = 1000000 }; /* each vain try took three changes of weights; millionths */

static bool read_view(const struct split_cell *c, struct split_view *v, struct schedule *s);

size_t split_cell_size(size_t variants_n)
{
    return sizeof(struct split_cell) +
           SPLIT_SLOTS * variants_n * (sizeof(struct split_tally) + sizeof(struct users));
}

/* -- what a request gets -------------------------------------------------------------------- */

/* Begins to read the slot of the epoch that a word says: its tag, or 0 when it holds another one.
 */
static uint64_t open_slot(const struct split_slot *s, uint64_t word)
{
    const uint64_t tag = atomic_load_explicit(&s->tag, memory_order_acquire);
    return (uint16_t)tag == split_epoch_of(word) ? tag : 0;
}

/* Was what has been read since the slot's? */
static bool close_slot(const struct split_slot *s, uint64_t tag)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&s->tag, memory_order_relaxed) == tag;
}

/* In the middle of a rewriting the length may be any that the slot has had, never over the array.
 */
bool split_cell_read(const struct split_cell *c, uint64_t word, struct split_ref *out)
{
    const struct split_slot *s = split_slot_of(c, split_epoch_of(word));
    const uint64_t tag = open_slot(s, word);
    const uint32_t length = atomic_load_explicit(&s->length, memory_order_relaxed);
    if (!tag || !length)
        return false;
    const uint64_t at = (word & SPLIT_POSITION) % length;
    *out = (struct split_ref){
        .epoch = split_epoch_of(word),
        .variant = atomic_load_explicit(&s->schedule[at], memory_order_relaxed),
    };
    return close_slot(s, tag);
}

bool split_cell_take(struct split_cell *c, struct split_ref *out)
{
    for (unsigned i = 0; i < TRIES; i++) {
        const uint64_t word = atomic_fetch_add_explicit(&c->ticket, 1, memory_order_acquire);
        if (split_cell_read(c, word, out))
            return true;
    }
    return false;
}

bool split_cell_place(const struct split_cell *c, unsigned bucket, struct split_ref *out)
{
    for (unsigned i = 0; i < TRIES; i++) {
        const uint64_t word = atomic_load_explicit(&c->ticket, memory_order_acquire);
        const struct split_slot *s = split_slot_of(c, split_epoch_of(word));
        const uint64_t tag = open_slot(s, word);
        *out = (struct split_ref){
            .epoch = split_epoch_of(word),
            .variant = atomic_load_explicit(&s->buckets[bucket], memory_order_relaxed),
        };
        if (tag && close_slot(s, tag))
            return true;
    }
    return false;
}

/* -- what became of it ---------------------------------------------------------------------- */

static _Atomic uint64_t *count_of(struct split_cell *c, struct split_ref ref, enum split_count what)
{
    return &c->tallies[split_index(c, ref.epoch, ref.variant)].counts[what];
}

void split_cell_count(struct split_cell *c, struct split_ref ref, enum split_count what)
{
    _Atomic uint64_t *count = count_of(c, ref, what);
    uint64_t was = atomic_load_explicit(count, memory_order_relaxed);
    /* Released, so that a view that sees the count sees its ticket as well. */
    while (split_epoch_of(was) == ref.epoch &&
           !atomic_compare_exchange_weak_explicit(count, &was, was + 1, memory_order_release,
                                                  memory_order_relaxed))
        ;
}

/* The share of n, rounded up, without going over 64 bits. */
static uint64_t share_of(uint64_t n, uint32_t millionths)
{
    return n / WHOLE * millionths + (n % WHOLE * millionths + WHOLE - 1) / WHOLE;
}

bool split_cell_hide(struct split_cell *c, struct split_ref ref, uint32_t millionths)
{
    const uint64_t sent = atomic_load_explicit(count_of(c, ref, SPLIT_SENT), memory_order_relaxed);
    _Atomic uint64_t *hidden = count_of(c, ref, SPLIT_HIDDEN);
    uint64_t was = atomic_load_explicit(hidden, memory_order_relaxed);
    const uint64_t most = share_of((sent & SPLIT_POSITION) + 1, millionths);
    do {
        if (split_epoch_of(sent) != ref.epoch || split_epoch_of(was) != ref.epoch ||
            (was & SPLIT_POSITION) >= most)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(hidden, &was, was + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void split_cell_unhide(struct split_cell *c, struct split_ref ref)
{
    _Atomic uint64_t *hidden = count_of(c, ref, SPLIT_HIDDEN);
    uint64_t was = atomic_load_explicit(hidden, memory_order_relaxed);
    while (split_epoch_of(was) == ref.epoch && (was & SPLIT_POSITION) &&
           !atomic_compare_exchange_weak_explicit(hidden, &was, was - 1, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void split_cell_user(struct split_cell *c, struct split_ref ref, uint64_t mark)
{
    const uint64_t tag =
        atomic_load_explicit(&split_slot_of(c, ref.epoch)->tag, memory_order_acquire);
    if ((uint16_t)tag == ref.epoch)
        users_add(split_users_of(c, ref.epoch, ref.variant), mark);
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
    if (!sum)
        return false; /* no weights that were ever written */
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
    const struct split_slot *slot = split_slot_of(c, split_epoch_of(word));
    *v = (struct split_view){.epoch = open_slot(slot, word), .n = c->n};
    if (!v->epoch)
        return false;
    v->changed_us = atomic_load_explicit(&slot->changed_us, memory_order_relaxed);
    s->length = atomic_load_explicit(&slot->length, memory_order_relaxed);
    for (uint32_t i = 0; i < s->length; i++)
        s->of[i] = atomic_load_explicit(&slot->schedule[i], memory_order_relaxed);
    v->decimals = atomic_load_explicit(&slot->decimals, memory_order_relaxed);
    for (unsigned i = 0; i < BUCKETS; i++) {
        const uint8_t whose = atomic_load_explicit(&slot->buckets[i], memory_order_relaxed);
        v->variants[whose < v->n ? whose : 0].buckets++;
    }
    for (size_t i = 0; i < v->n; i++) {
        const struct split_tally *y = &c->tallies[split_index(c, v->epoch, i)];
        v->variants[i].weight = atomic_load_explicit(&y->weight, memory_order_relaxed);
        for (unsigned k = 0; k < SPLIT_COUNTS; k++)
            v->variants[i].counts[k] =
                atomic_load_explicit(&y->counts[k], memory_order_relaxed) & SPLIT_POSITION;
        v->variants[i].users = (uint64_t)llround(users_count(split_users_of(c, v->epoch, i)));
    }
    if (!close_slot(slot, v->epoch))
        return false;
    const uint64_t now = atomic_load_explicit(&c->ticket, memory_order_relaxed);
    v->position = now & SPLIT_POSITION;
    return split_epoch_of(now) == split_epoch_of(word);
}
