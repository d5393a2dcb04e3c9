/* SPDX-License-Identifier: Apache-2.0 */
/* The one thing that must never be: that a circuit which opened here lets requests through because
 * of a record from before. So what was decided here alone, or before Redis lost what it had, is
 * undone by no record that lets requests through; it closes by probes of its own. All else is the
 * fleet's. */
#include "breaker/shared_plan.h"

static bool is_ramp(enum machine_state s)
{
    return s >= MACHINE_RAMP_10 && s <= MACHINE_RAMP_50;
}

/* Is the state here what the record before this one has made of it? */
static bool followed(const struct shared_record *r, const struct machine_bound *bound,
                     const struct machine_view *here)
{
    return bound->set && bound->version == here->version &&
           bound->fleet.lineage == r->fleet.lineage;
}

enum shared_turn shared_turn(const struct shared_record *r, const struct machine_bound *bound,
                             const struct machine_view *here)
{
    const enum machine_state theirs = r->state.state;
    const bool follows = followed(r, bound, here);
    if (follows && bound->fleet.version == r->fleet.version)
        return SHARED_SAME;
    if (here->state == MACHINE_CLOSED)
        return theirs == MACHINE_CLOSED ? SHARED_BIND : SHARED_SET;
    if (follows || theirs == MACHINE_OPEN || theirs == MACHINE_HALF_OPEN)
        return SHARED_SET;
    return is_ramp(theirs) && is_ramp(here->state) ? SHARED_SET : SHARED_HOLD;
}

/* Half-open. A permit that was given out, and of which nothing comes, is lost like a probe of which
 * nothing is heard: this instance knows of its own probes, and that others have had the rest. */
static bool is_lost(const struct shared_facts *f, const struct machine_conf *conf, uint64_t now_ms)
{
    const uint64_t over_ms = f->here.until_ms ? f->here.until_ms
                             : f->spent_ms    ? f->spent_ms + conf->probe_ms
                                              : UINT64_MAX;
    return over_ms != UINT64_MAX && now_ms >= over_ms + f->patience_ms;
}

static bool probes_say(const struct shared_facts *f, const struct machine_conf *conf,
                       uint64_t now_ms, enum machine_cause *cause)
{
    *cause = f->bad                       ? MACHINE_PROBE_BAD
             : f->good >= conf->successes ? MACHINE_PROBES_GOOD
                                          : MACHINE_PROBES_LOST;
    return *cause != MACHINE_PROBES_LOST || is_lost(f, conf, now_ms);
}

bool shared_due(const struct shared_facts *f, const struct machine_conf *conf, uint64_t now_ms,
                enum machine_cause *cause)
{
    if (f->here.state == MACHINE_HALF_OPEN)
        return probes_say(f, conf, now_ms, cause);
    *cause = f->too_much ? MACHINE_TRIPPED : MACHINE_TIME;
    if (f->here.state != MACHINE_OPEN && f->too_much)
        return true;
    *cause = MACHINE_TIME;
    return f->here.state != MACHINE_CLOSED && now_ms >= f->here.until_ms + f->patience_ms;
}

unsigned shared_permits(uint64_t first, uint64_t n, unsigned probes)
{
    if (first >= probes)
        return 0;
    return n < probes - first ? (unsigned)n : probes - (unsigned)first;
}
