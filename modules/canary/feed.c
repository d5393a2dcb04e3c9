/* SPDX-License-Identifier: Apache-2.0 */
/* The counter's epoch is the digest of the sequence (sequence.h). So instances with the same
 * weights go through one sequence, wherever those were set, and weights that were set on one
 * instance alone have one of their own; who comes back to former weights goes on where the others
 * are.
 *
 * What Redis says is taken modulo the sequence's length, so that nothing that stands there can be
 * out of range. Numbers that come twice, because Redis has lost what it had, begin the sequence
 * anew: harmless, as every run of it is as exact as the first. */

#include "canary/feed.h"

#include <stdlib.h>

#include "canary/demand.h"
#include "canary/sequence.h"

enum { BLOCKS = 2 /* one that is taken from, and one to spare */ };

struct split_feed {
    struct split_feed_conf conf;
    struct weir_fleet_counter *counter;
    struct demand demand;
    bool known; /* the sequence of this epoch of the cell */
    uint16_t epoch;
    struct sequence sequence;
};

/* One that comes too late, after a change of weights, is nobody's. */
static void on_took(void *ctx, uint64_t digest, uint64_t first, uint64_t n)
{
    struct split_feed *f = ctx;
    if (f->known && digest == f->sequence.digest)
        split_lease_add(f->conf.lease, f->epoch, first % f->sequence.length, n);
}

static void on_lost(void *ctx, uint64_t digest)
{
    (void)ctx;
    (void)digest; /* the next tick asks again */
}

struct split_feed *split_feed_open(struct weir_process *p, const struct split_feed_conf *conf)
{
    static const struct weir_fleet_counter_ops ops = {.took = on_took, .lost = on_lost};
    struct split_feed *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->conf = *conf;
    f->counter = weir_fleet_counter_open(p, conf->name, &ops, f);
    if (f->counter)
        return f;
    free(f);
    return NULL;
}

void split_feed_close(struct split_feed *f)
{
    if (f)
        weir_fleet_counter_close(f->counter);
    free(f);
}

/* What the cell has in force; false while it changes. */
static bool learn(struct split_feed *f, uint16_t epoch)
{
    struct split_view v;
    uint32_t weights[SCHEDULE_VARIANTS];
    f->known = false;
    if (!split_cell_view(f->conf.cell, 0, &v) || (uint16_t)v.epoch != epoch || v.n != f->conf.n)
        return false;
    for (size_t i = 0; i < v.n; i++)
        weights[i] = v.variants[i].weight;
    f->epoch = epoch;
    f->known = sequence_of(f->conf.names, weights, v.n, &f->sequence);
    return f->known;
}

void split_feed_tick(struct split_feed *f)
{
    struct split_lease_look look;
    split_lease_look(f->conf.lease, f->conf.cell, &look);
    if ((!f->known || f->epoch != look.epoch) && !learn(f, look.epoch))
        return;
    if (!look.begun && !split_lease_begin(f->conf.lease, look.epoch))
        return;
    const uint64_t n = demand_note(&f->demand, look.taken + look.tickets, f->conf.block);
    const bool asked =
        look.blocks < BLOCKS && weir_fleet_counter_take(f->counter, f->sequence.digest, n);
    (void)asked; /* apart, or under way: a later tick asks again */
}
