/* SPDX-License-Identifier: Apache-2.0 */
/* The side of a cell that writes: making it, and beginning epochs. Tables are built outside of the
 * cell, so that who waits for its turn waits for copying at most; only where weights are kept they
 * are built in turn, because what is kept is known no sooner.
 *
 * The turn is a mutex that is robust: when its owner has died, the next one gets it and is told. A
 * writer that died halfway has left a slot that no ticket belongs to: it is simply written again.
 */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "canary/cell_parts.h"

enum { PATIENCE_S = 1 };

/* Tables before they are in shared memory. */
struct tables {
    struct schedule schedule;
    uint8_t buckets[BUCKETS];
    const uint32_t *weights;
    unsigned decimals;
};

static bool build(struct tables *t, const struct split_weights *to, char reason[SCHEDULE_REASON]);
static bool lock(struct split_cell *c, char reason[SCHEDULE_REASON]);
static uint64_t publish(struct split_cell *c, const struct tables *t, uint64_t epoch,
                        uint64_t wall_us);
static uint64_t newest(const struct split_cell *c);

bool split_cell_init(struct split_cell *c, const struct split_weights *to, uint64_t wall_us,
                     char reason[SCHEDULE_REASON])
{
    struct tables t;
    if (c->n)
        return schedule_check(to->weights, to->n, NULL, reason);
    if (!build(&t, to, reason))
        return false;
    if (!split_lock_init(&c->changer)) {
        snprintf(reason, SCHEDULE_REASON, "this system has no robust mutexes between processes");
        return false;
    }
    c->n = to->n;
    publish(c, &t, 1, wall_us);
    return true;
}

static bool build(struct tables *t, const struct split_weights *to, char reason[SCHEDULE_REASON])
{
    if (!schedule_build(&t->schedule, to->weights, to->n, reason))
        return false;
    buckets_build(t->buckets, to->names, to->weights, to->n);
    t->weights = to->weights;
    t->decimals = 0;
    return true;
}

static bool is_for(const struct split_cell *c, size_t n, char reason[SCHEDULE_REASON])
{
    if (n == c->n)
        return true;
    snprintf(reason, SCHEDULE_REASON, "there are weights for %zu variants, and the split has %zu",
             n, (size_t)c->n);
    return false;
}

bool split_cell_change(struct split_cell *c, const struct split_weights *to, uint64_t wall_us,
                       uint64_t *former, char reason[SCHEDULE_REASON])
{
    struct tables t;
    if (!is_for(c, to->n, reason) || !build(&t, to, reason) || !lock(c, reason))
        return false;
    const uint64_t before = publish(c, &t, newest(c) + 1, wall_us);
    pthread_mutex_unlock(&c->changer);
    if (former)
        *former = before & SPLIT_POSITION;
    return true;
}

/* -- some weights --------------------------------------------------------------------------- */

static void read_weights(const struct split_cell *c, struct split_edited *out)
{
    const uint64_t epoch = newest(c);
    out->from_decimals =
        atomic_load_explicit(&split_slot_of(c, epoch)->decimals, memory_order_relaxed);
    for (size_t i = 0; i < c->n; i++)
        out->from[i] = atomic_load_explicit(&c->tallies[split_index(c, epoch, i)].weight,
                                            memory_order_relaxed);
}

static bool edit_weights(const struct split_edit *e, struct split_edited *out,
                         char reason[SCHEDULE_REASON])
{
    struct weight all[SCHEDULE_VARIANTS];
    for (size_t i = 0; i < e->n; i++) {
        const struct weight kept = {out->from[i], out->from_decimals};
        all[i] = e->weights[i].units == SPLIT_KEEP ? kept : e->weights[i];
    }
    if (weights_align(all, e->n, out->to, &out->to_decimals))
        return true;
    snprintf(reason, SCHEDULE_REASON,
             "a weight is too large beside one with so many places behind the point");
    return false;
}

bool split_cell_edit(struct split_cell *c, const struct split_edit *e, struct split_edited *out,
                     char reason[SCHEDULE_REASON])
{
    struct tables t;
    const struct split_weights to = {e->names, out->to, e->n};
    if (!is_for(c, e->n, reason) || !lock(c, reason))
        return false;
    read_weights(c, out);
    const bool good = edit_weights(e, out, reason) && build(&t, &to, reason);
    if (good) {
        t.decimals = out->to_decimals;
        const uint64_t before = publish(c, &t, newest(c) + 1, e->wall_us);
        out->epoch = split_epoch_of(before);
        out->tickets = before & SPLIT_POSITION;
    }
    pthread_mutex_unlock(&c->changer);
    return good;
}

/* -- turns ---------------------------------------------------------------------------------- */

bool split_lock_init(pthread_mutex_t *m)
{
    pthread_mutexattr_t a;
    if (pthread_mutexattr_init(&a) != 0)
        return false;
    const bool good = pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) == 0 &&
                      pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) == 0 &&
                      pthread_mutex_init(m, &a) == 0;
    pthread_mutexattr_destroy(&a);
    return good;
}

static int take_over(pthread_mutex_t *m, int e)
{
    return e == EOWNERDEAD ? pthread_mutex_consistent(m) : e;
}

bool split_lock_try(pthread_mutex_t *m)
{
    return take_over(m, pthread_mutex_trylock(m)) == 0;
}

static bool lock(struct split_cell *c, char reason[SCHEDULE_REASON])
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    const int e = take_over(&c->changer, pthread_mutex_timedlock(&c->changer, &until));
    if (e)
        snprintf(reason, SCHEDULE_REASON, "another process is changing the weights: try again");
    return e == 0;
}

/* -- epochs --------------------------------------------------------------------------------- */

/* The number of the epoch in force. Where the word has none that is known, since its positions have
 * run over into the epoch, it is the highest there is. */
static uint64_t newest(const struct split_cell *c)
{
    const uint16_t now = split_epoch_of(atomic_load_explicit(&c->ticket, memory_order_acquire));
    uint64_t highest = 0;
    for (unsigned i = 0; i < SPLIT_SLOTS; i++) {
        const uint64_t tag = atomic_load_explicit(&c->slots[i].tag, memory_order_relaxed);
        if (tag && (uint16_t)tag == now)
            return tag;
        highest = tag > highest ? tag : highest;
    }
    return highest;
}

/* Writes the slot and brings it into force; gives the word that was in force before. */
static uint64_t publish(struct split_cell *c, const struct tables *t, uint64_t epoch,
                        uint64_t wall_us)
{
    struct split_slot *s = &c->slots[epoch % SPLIT_SLOTS];
    const uint64_t begin = split_word(epoch, 0);
    atomic_store_explicit(&s->tag, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&s->changed_us, wall_us, memory_order_relaxed);
    atomic_store_explicit(&s->length, t->schedule.length, memory_order_relaxed);
    atomic_store_explicit(&s->decimals, t->decimals, memory_order_relaxed);
    for (uint32_t i = 0; i < t->schedule.length; i++)
        atomic_store_explicit(&s->schedule[i], t->schedule.of[i], memory_order_relaxed);
    for (unsigned i = 0; i < BUCKETS; i++)
        atomic_store_explicit(&s->buckets[i], t->buckets[i], memory_order_relaxed);
    for (size_t i = 0; i < c->n; i++) {
        struct split_tally *y = &c->tallies[split_index(c, epoch, i)];
        atomic_store_explicit(&y->weight, t->weights[i], memory_order_relaxed);
        for (unsigned k = 0; k < SPLIT_COUNTS; k++)
            atomic_store_explicit(&y->counts[k], begin, memory_order_relaxed);
        users_clear(split_users_of(c, epoch, i));
    }
    atomic_store_explicit(&s->tag, epoch, memory_order_release);
    return atomic_exchange_explicit(&c->ticket, begin, memory_order_acq_rel);
}
