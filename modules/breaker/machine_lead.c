/* SPDX-License-Identifier: Apache-2.0 */
/* Words that workers write, too (grants), are swapped; the others have one writer. They are written
 * after the transition that they are about: who dies between leaves a state that seems to have been
 * decided here, which is the careful side to be wrong on. */
#include "breaker/machine_lead.h"

#include "breaker/machine_word.h"

enum { BOUND_SET = 1 << 16 };

struct machine_bound machine_bound(const struct machine *m)
{
    const uint64_t bound = atomic_load(&m->bound);
    return (struct machine_bound){
        .set = (bound & BOUND_SET) != 0,
        .version = (uint16_t)bound,
        .fleet = {atomic_load(&m->fleet_version), atomic_load(&m->fleet_lineage)},
    };
}

void machine_bind(struct machine *m, uint16_t version, struct machine_fleet stands_for)
{
    atomic_store(&m->bound, 0);
    atomic_store(&m->fleet_version, stands_for.version);
    atomic_store(&m->fleet_lineage, stands_for.lineage);
    atomic_store(&m->bound, (uint64_t)version | BOUND_SET);
}

void machine_lead(struct machine *m, uint64_t until_ms)
{
    atomic_store(&m->led_until_ms, until_ms);
}

bool machine_is_led(const struct machine *m, const struct machine_conf *conf, uint64_t now_ms)
{
    return conf->shared && now_ms < atomic_load(&m->led_until_ms);
}

bool machine_set(struct machine *m, const struct machine_view *from,
                 const struct machine_target *to, struct machine_fleet stands_for,
                 struct machine_change *change)
{
    const struct parts next = {
        .state = to->state, .openings = to->openings, .time_ms = to->time_ms};
    uint64_t word;
    *change = (struct machine_change){0};
    do {
        word = atomic_load(&m->word);
        if (version_of(word) != from->version || parts_of(word).mode != MACHINE_AUTO)
            return false;
    } while (!machine_change_to(m, word, next, to->cause, change));
    change->lasts_ms = to->state == MACHINE_OPEN ? to->lasts_ms : 0;
    machine_bind(m, (uint16_t)(from->version + 1), stands_for);
    return true;
}

/* -- probes ----------------------------------------------------------------------------------- */

static uint64_t told_of(const struct machine *m, uint16_t version)
{
    const uint64_t told = atomic_load(&m->told);
    return version_of(told) == version ? told & COUNT : 0;
}

static uint64_t good_of(const struct machine *m, uint16_t version)
{
    const uint64_t permits = atomic_load(&m->permits);
    return version_of(permits) == version ? permits & COUNT : 0;
}

struct machine_probing machine_probing(const struct machine *m, uint16_t version)
{
    const struct grants g = grants_of(atomic_load(&m->grants), version);
    const uint64_t good = good_of(m, version), told = told_of(m, version);
    return (struct machine_probing){
        .granted = g.granted,
        .wanted = g.wanted,
        .bad = g.bad,
        .untold = good > told ? (unsigned)(good - told) : 0,
    };
}

void machine_grant(struct machine *m, uint16_t version, unsigned n)
{
    grants_add(m, (struct grants){.version = version,
                                  .granted = n < GRANTS_MAX ? (uint16_t)n : GRANTS_MAX});
}

void machine_asked(struct machine *m, uint16_t version)
{
    uint64_t had = atomic_load(&m->grants);
    struct grants g;
    do {
        g = grants_of(had, version);
        if (version_of(had) != version || !g.wanted)
            return;
        g.wanted = 0;
    } while (!atomic_compare_exchange_weak(&m->grants, &had, grants_word(g)));
}

void machine_tell(struct machine *m, uint16_t version, unsigned n)
{
    atomic_store(&m->told, (uint64_t)version << VERSION_AT | ((told_of(m, version) + n) & COUNT));
}
