/* SPDX-License-Identifier: Apache-2.0 */
/* Leased positions are numbered as they come in, from 0 in each epoch of the cell; a block says
 * which positions its numbers stand for. A worker takes the next number by compare-and-swap, as
 * long as it is below `end`, looks for its block, and reads the cell's schedule at that position.
 *
 * Who takes a number has seen the cell's ticket before, and both have the same epoch. So once a
 * change of weights has returned, nobody gets a position of the former ones any more: the record is
 * for an epoch that has ended, until the control process begins the next.
 *
 * The control process writes a block into a place whose numbers are all taken, or were never
 * leased, and then moves `end`. It may die between the two: then the next block gets the same
 * numbers, in the same place. A worker may stand still between its number and the look for its
 * block, for so long that the place was given to another one. It sees that by the tag, as with a
 * slot of the cell, and takes a ticket instead; then that position is nobody's, as if it had died
 * with it. */

#include "canary/lease_parts.h"

size_t split_lease_size(size_t variants_n)
{
    const size_t n = sizeof(struct split_lease) + variants_n * sizeof(_Atomic uint64_t);
    return (n + SPLIT_LINE - 1) / SPLIT_LINE * SPLIT_LINE;
}

bool split_lease_init(struct split_lease *l, size_t variants_n)
{
    if (l->variants_n)
        return true;
    if (!split_lock_init(&l->feeder))
        return false;
    l->variants_n = variants_n;
    return true;
}

/* -- what a request gets -------------------------------------------------------------------- */

/* Of the number's block, if it is that all the time. Words of another epoch are far away. */
static bool read_block(const struct split_block *b, uint64_t number, uint64_t *position)
{
    const uint64_t tag = atomic_load_explicit(&b->tag, memory_order_acquire);
    const uint64_t offset = number - (tag - 1);
    const uint64_t first = atomic_load_explicit(&b->first, memory_order_relaxed);
    const uint64_t n = atomic_load_explicit(&b->n, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    *position = first + offset;
    return tag && offset < n && atomic_load_explicit(&b->tag, memory_order_relaxed) == tag;
}

static bool find_position(const struct split_lease *l, uint64_t number, uint64_t *position)
{
    for (unsigned i = 0; i < LEASE_BLOCKS; i++)
        if (read_block(&l->blocks[i], number, position))
            return true;
    return false;
}

static void count(struct split_lease *l, struct split_ref ref)
{
    _Atomic uint64_t *taken = &l->taken[ref.variant];
    uint64_t was = atomic_load_explicit(taken, memory_order_relaxed);
    while (split_epoch_of(was) == ref.epoch &&
           !atomic_compare_exchange_weak_explicit(taken, &was, was + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

bool split_lease_take(struct split_lease *l, const struct split_cell *c, struct split_ref *out)
{
    const uint16_t epoch = split_epoch_of(atomic_load_explicit(&c->ticket, memory_order_acquire));
    uint64_t number = atomic_load_explicit(&l->next, memory_order_relaxed), position;
    do {
        /* What was written before `end`: the block, and counts that are for this epoch. */
        const uint64_t end = atomic_load_explicit(&l->end, memory_order_acquire);
        if (split_epoch_of(number) != epoch || split_epoch_of(end) != epoch || number >= end)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&l->next, &number, number + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    if (!find_position(l, number, &position) ||
        !split_cell_read(c, split_word(epoch, position), out))
        return false;
    count(l, *out);
    return true;
}

/* -- blocks --------------------------------------------------------------------------------- */

/* What this process needs of a record to judge blocks by. */
struct ends {
    uint64_t next, end;
};

static struct ends ends_of(const struct split_lease *l)
{
    return (struct ends){
        .next = atomic_load_explicit(&l->next, memory_order_acquire),
        .end = atomic_load_explicit(&l->end, memory_order_acquire),
    };
}

static bool is_leased(const struct split_block *b, const struct ends *e)
{
    const uint64_t tag = atomic_load_explicit(&b->tag, memory_order_relaxed);
    const uint64_t n = atomic_load_explicit(&b->n, memory_order_relaxed);
    return tag && split_epoch_of(tag - 1) == split_epoch_of(e->end) && tag - 1 < e->end &&
           tag - 1 + n > e->next;
}

/* The place that nobody has looked for anything in for the longest time; before all, one whose
 * numbers were never leased, since the next block gets the same ones. */
static struct split_block *find_place(struct split_lease *l, const struct ends *e)
{
    struct split_block *best = NULL;
    uint64_t oldest = UINT64_MAX;
    for (unsigned i = 0; i < LEASE_BLOCKS; i++) {
        struct split_block *b = &l->blocks[i];
        const uint64_t tag = atomic_load_explicit(&b->tag, memory_order_relaxed);
        const bool was_leased =
            tag && split_epoch_of(tag - 1) == split_epoch_of(e->end) && tag - 1 < e->end;
        if (is_leased(b, e) || (was_leased ? tag : 0) >= oldest)
            continue;
        best = b;
        oldest = was_leased ? tag : 0;
    }
    return best;
}

static void write_block(struct split_block *b, uint64_t number, uint64_t first, uint64_t n)
{
    atomic_store_explicit(&b->tag, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&b->first, first, memory_order_relaxed);
    atomic_store_explicit(&b->n, n, memory_order_relaxed);
    atomic_store_explicit(&b->tag, number + 1, memory_order_release);
}

static bool add_block(struct split_lease *l, uint16_t epoch, uint64_t first, uint64_t n)
{
    const struct ends e = ends_of(l);
    struct split_block *b = split_epoch_of(e.next) == epoch ? find_place(l, &e) : NULL;
    if (!b)
        return false;
    write_block(b, e.end, first, n);
    atomic_store_explicit(&l->end, e.end + n, memory_order_release);
    return true;
}

bool split_lease_add(struct split_lease *l, uint16_t epoch, uint64_t first, uint64_t n)
{
    if (!split_lock_try(&l->feeder))
        return false;
    const bool good = add_block(l, epoch, first, n);
    pthread_mutex_unlock(&l->feeder);
    return good;
}

/* `next` is written last: until then the record is not for this epoch, so that a process that dies
 * in here leaves one that is begun again. */
bool split_lease_begin(struct split_lease *l, uint16_t epoch)
{
    const uint64_t begin = split_word(epoch, 0);
    if (!split_lock_try(&l->feeder))
        return false;
    atomic_store_explicit(&l->end, begin, memory_order_relaxed);
    for (size_t i = 0; i < l->variants_n; i++)
        atomic_store_explicit(&l->taken[i], begin, memory_order_relaxed);
    atomic_store_explicit(&l->next, begin, memory_order_release);
    pthread_mutex_unlock(&l->feeder);
    return true;
}

/* -- what is known of it -------------------------------------------------------------------- */

void split_lease_look(const struct split_lease *l, const struct split_cell *c,
                      struct split_lease_look *out)
{
    const uint64_t ticket = atomic_load_explicit(&c->ticket, memory_order_acquire);
    const struct ends e = ends_of(l);
    *out = (struct split_lease_look){
        .epoch = split_epoch_of(ticket),
        .begun = split_epoch_of(e.next) == split_epoch_of(ticket),
        .tickets = ticket & SPLIT_POSITION,
    };
    if (!out->begun)
        return;
    out->taken = e.next & SPLIT_POSITION;
    out->held = e.end - e.next;
    for (unsigned i = 0; i < LEASE_BLOCKS; i++)
        out->blocks += is_leased(&l->blocks[i], &e);
}

static uint64_t taken_of(const struct split_lease *l, uint16_t epoch, size_t variant)
{
    const uint64_t taken = atomic_load_explicit(&l->taken[variant], memory_order_relaxed);
    return split_epoch_of(taken) == epoch ? taken & SPLIT_POSITION : 0;
}

uint64_t split_lease_taken(const struct split_lease *l, uint16_t epoch)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < l->variants_n; i++)
        sum += taken_of(l, epoch, i);
    return sum;
}

uint64_t split_lease_view(const struct split_lease *l, struct split_view *v)
{
    uint64_t taken = 0, weights = 0;
    for (size_t i = 0; i < v->n; i++) {
        const uint64_t here = i < l->variants_n ? taken_of(l, (uint16_t)v->epoch, i) : 0;
        v->variants[i].assigned += here;
        taken += here;
        weights += v->variants[i].weight;
    }
    v->position += taken;
    for (size_t i = 0; i < v->n; i++)
        v->variants[i].target = (double)v->position * v->variants[i].weight / (double)weights;
    return taken;
}
