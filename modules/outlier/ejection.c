/* SPDX-License-Identifier: Apache-2.0 */
/* The word, from its lowest bit:
 *
 *     phase 3 | held 1 | cause 4 | count 6 | round 10 | at_ms 40
 *
 * and that of probes, which belongs to one round of being half-open and counts as none when the
 * round is another one. So nobody has to clear it when a new round begins, and what a probe of a
 * former round tells, or a process that was killed never tells, reaches no one:
 *
 *     under way 16 | successes 16 | round 32
 *
 * Round 0 is never half-open: it says "no probe". */
#include "outlier/ejection.h"

#include <stddef.h>

enum { ROUNDS = 1 << 10, AT_SHIFT = 24 };

/* -- the word -------------------------------------------------------------------------------- */

static struct ejection_state unpack(uint64_t w)
{
    return (struct ejection_state){
        .phase = (enum ejection_phase)(w & 7),
        .held = w >> 3 & 1,
        .cause = w >> 4 & 15,
        .count = w >> 8 & EJECTION_COUNT_MAX,
        .round = w >> 14 & (ROUNDS - 1),
        .at_ms = w >> AT_SHIFT,
    };
}

static uint64_t pack(const struct ejection_state *s)
{
    return (uint64_t)s->phase | (uint64_t)s->held << 3 | (uint64_t)(s->cause & 15) << 4 |
           (uint64_t)s->count << 8 | (uint64_t)s->round << 14 | s->at_ms << AT_SHIFT;
}

struct ejection_state ejection_look(const struct ejection *e)
{
    return unpack(atomic_load(&e->word));
}

/* The one place where the word changes. */
static bool move(struct ejection *e, struct ejection_change *c)
{
    uint64_t had = pack(&c->from);
    c->to.round = c->from.round % (ROUNDS - 1) + 1;
    return atomic_compare_exchange_strong(&e->word, &had, pack(&c->to));
}

/* -- what phases mean ------------------------------------------------------------------------ */

static const struct {
    const char *word;
    uint32_t share;
    bool guarded;
} phases[] = {
    [EJECTION_IN] = {"in", 1000000, false},
    [EJECTION_OUT] = {"ejected", 0, false},
    [EJECTION_REFUSED] = {"refused", 1000000, true},
    [EJECTION_HALF_OPEN] = {"half_open", 1000000, true},
    [EJECTION_RAMP_10] = {"ramp_10", 100000, false},
    [EJECTION_RAMP_25] = {"ramp_25", 250000, false},
    [EJECTION_RAMP_50] = {"ramp_50", 500000, false},
};

uint32_t ejection_share(enum ejection_phase phase)
{
    return phases[phase].share;
}

bool ejection_guarded(enum ejection_phase phase)
{
    return phases[phase].guarded;
}

const char *ejection_word(enum ejection_phase phase)
{
    return phases[phase].word;
}

bool ejection_is_out(enum ejection_phase phase)
{
    return phase == EJECTION_OUT || phase == EJECTION_REFUSED;
}

bool ejection_possible(enum ejection_phase phase)
{
    return phase != EJECTION_HALF_OPEN && !ejection_is_out(phase);
}

/* -- out ------------------------------------------------------------------------------------- */

static uint64_t lasts(const struct ejection_rules *r, unsigned count)
{
    const uint64_t grown = r->base_ms * count;
    return grown < r->max_ms ? grown : r->max_ms;
}

static void go_out(struct ejection_change *c, const struct ejection_rules *r,
                   const struct ejection_order *o, bool held)
{
    const unsigned count = c->from.count + (c->from.count < EJECTION_COUNT_MAX);
    const uint64_t ms = o->for_ms ? o->for_ms : lasts(r, count);
    c->to = (struct ejection_state){
        .phase = held ? EJECTION_OUT : EJECTION_REFUSED,
        .held = held,
        .cause = o->cause,
        .count = count,
        .at_ms = o->now_ms + ms + o->jitter_ms,
    };
}

bool ejection_begin(struct ejection *e, const struct ejection_rules *r,
                    const struct ejection_order *o, struct ejection_change *c)
{
    c->from = ejection_look(e);
    if (!ejection_possible(c->from.phase))
        return false;
    go_out(c, r, o, o->held);
    return move(e, c);
}

/* -- in -------------------------------------------------------------------------------------- */

static void go_in(struct ejection_change *c, const struct ejection_rules *r, uint64_t now_ms)
{
    c->to = c->from;
    c->to.phase = EJECTION_IN;
    c->to.held = false;
    c->to.at_ms = c->from.count ? now_ms + r->forget_ms : 0;
}

static void go_up(struct ejection_change *c, const struct ejection_rules *r, uint64_t now_ms)
{
    c->to = c->from;
    c->to.held = false;
    c->to.phase = c->from.phase + 1;
    c->to.at_ms = now_ms + r->ramp_ms / 3;
}

bool ejection_end(struct ejection *e, const struct ejection_rules *r, uint64_t now_ms,
                  struct ejection_change *c)
{
    do {
        c->from = ejection_look(e);
        if (c->from.phase == EJECTION_IN)
            return false;
        go_in(c, r, now_ms);
    } while (!move(e, c));
    return true;
}

static void forget(struct ejection_change *c, const struct ejection_rules *r)
{
    c->to = c->from;
    c->to.count--;
    c->to.at_ms = c->to.count ? c->from.at_ms + r->forget_ms : 0;
}

static void half_open(struct ejection_change *c)
{
    c->to = c->from;
    c->to.phase = EJECTION_HALF_OPEN;
    c->to.at_ms = 0;
}

/* Probes whose end nobody has told: their process is gone, or they take for ever. A new round lets
 * others go. */
static bool are_lost(const struct ejection *e, const struct ejection_rules *r, unsigned round,
                     uint64_t now_ms)
{
    const uint64_t word = atomic_load(&e->probes), last = atomic_load(&e->probed_ms);
    return word >> 32 == round && (word & UINT16_MAX) && last <= now_ms &&
           now_ms - last >= r->probe_timeout_ms;
}

bool ejection_step(struct ejection *e, const struct ejection_rules *r, uint64_t now_ms,
                   struct ejection_change *c)
{
    c->from = ejection_look(e);
    const bool due = c->from.at_ms && now_ms >= c->from.at_ms;
    if (c->from.phase == EJECTION_HALF_OPEN && are_lost(e, r, c->from.round, now_ms))
        half_open(c);
    else if (due && ejection_is_out(c->from.phase))
        half_open(c);
    else if (due && c->from.phase == EJECTION_RAMP_50)
        go_in(c, r, now_ms);
    else if (due && c->from.phase != EJECTION_IN)
        go_up(c, r, now_ms);
    else if (due && c->from.count)
        forget(c, r);
    else
        return false;
    return move(e, c);
}

bool ejection_wake(struct ejection *e, unsigned round, struct ejection_change *c)
{
    c->from = ejection_look(e);
    if (!ejection_is_out(c->from.phase) || c->from.round != round)
        return false;
    half_open(c);
    return move(e, c);
}

/* -- probes ---------------------------------------------------------------------------------- */

struct probes {
    uint32_t under_way, good, round;
};

static struct probes probes_of(uint64_t word, unsigned round)
{
    if (word >> 32 != round)
        return (struct probes){.round = round};
    return (struct probes){word & UINT16_MAX, word >> 16 & UINT16_MAX, round};
}

static uint64_t probes_word(const struct probes *p)
{
    return p->under_way | (uint64_t)p->good << 16 | (uint64_t)p->round << 32;
}

/* No more than it takes, so that an endpoint that answers at once isn't flooded either. */
static bool has_room(const struct probes *p, const struct ejection_rules *r)
{
    return p->under_way < r->probes && p->under_way + p->good < r->successes;
}

enum permit ejection_ask(struct ejection *e, const struct ejection_rules *r, uint64_t now_ms,
                         unsigned *round)
{
    const struct ejection_state s = ejection_look(e);
    uint64_t had = atomic_load(&e->probes);
    struct probes p;
    *round = 0;
    if (s.phase == EJECTION_REFUSED)
        return PERMIT_NONE;
    if (s.phase != EJECTION_HALF_OPEN)
        return PERMIT_FREE;
    do {
        p = probes_of(had, s.round);
        if (!has_room(&p, r))
            return PERMIT_NONE;
        p.under_way++;
        atomic_store(&e->probed_ms, now_ms); /* first: it must not look like an old one */
    } while (!atomic_compare_exchange_weak(&e->probes, &had, probes_word(&p)));
    *round = s.round;
    return PERMIT_PROBE;
}

/* Ends a probe; how many have succeeded with it. 0: it is of another round. */
static uint32_t settle(struct ejection *e, unsigned round, bool good)
{
    uint64_t had = atomic_load(&e->probes);
    struct probes p;
    do {
        if (had >> 32 != round)
            return 0;
        p = probes_of(had, round);
        p.under_way -= p.under_way > 0;
        p.good += good;
    } while (!atomic_compare_exchange_weak(&e->probes, &had, probes_word(&p)));
    return p.good;
}

static bool is_round(const struct ejection_state *s, unsigned round)
{
    return s->phase == EJECTION_HALF_OPEN && s->round == round;
}

void ejection_probe_void(struct ejection *e, unsigned round)
{
    settle(e, round, false);
}

bool ejection_probe_good(struct ejection *e, const struct ejection_rules *r, unsigned round,
                         uint64_t now_ms, struct ejection_change *c)
{
    if (settle(e, round, true) < r->successes)
        return false;
    c->from = ejection_look(e);
    if (!is_round(&c->from, round))
        return false;
    if (r->ramp_ms)
        go_up(c, r, now_ms);
    else
        go_in(c, r, now_ms);
    return move(e, c);
}

bool ejection_probe_bad(struct ejection *e, const struct ejection_rules *r, unsigned round,
                        const struct ejection_order *o, struct ejection_change *c)
{
    settle(e, round, false);
    c->from = ejection_look(e);
    if (!is_round(&c->from, round))
        return false;
    go_out(c, r, o, c->from.held);
    return move(e, c);
}
