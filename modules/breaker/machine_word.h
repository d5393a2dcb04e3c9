/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_MACHINE_WORD_H
#define WEIR_BREAKER_MACHINE_WORD_H

/* The words of a machine, taken apart: for machine.c, whose workers run it, and machine_lead.c, by
 * which the fleet leads it. */

#include "breaker/machine.h"

enum {
    VERSION_AT = 48,
    STATE_AT = 45,
    MODE_AT = 43,
    OPENINGS_AT = 38,
    OPENINGS_MAX = 31,
    USED_AT = 24,
    GRANTED_AT = 32,
    WANTED_AT = 16,
    GRANTS_MAX = UINT16_MAX,
};
static const uint64_t TIME = ((uint64_t)1 << OPENINGS_AT) - 1; /* 8 years of milliseconds */
static const uint64_t COUNT = ((uint64_t)1 << USED_AT) - 1;

struct parts {
    uint16_t version;
    enum machine_state state;
    enum machine_mode mode;
    unsigned openings;
    uint64_t time_ms; /* closed: since when; else until when */
};

static inline struct parts parts_of(uint64_t word)
{
    return (struct parts){
        .version = (uint16_t)(word >> VERSION_AT),
        .state = (enum machine_state)(word >> STATE_AT & 7),
        .mode = (enum machine_mode)(word >> MODE_AT & 3),
        .openings = (unsigned)(word >> OPENINGS_AT & OPENINGS_MAX),
        .time_ms = word & TIME,
    };
}

static inline uint64_t word_of(struct parts p)
{
    return (uint64_t)p.version << VERSION_AT | (uint64_t)p.state << STATE_AT |
           (uint64_t)p.mode << MODE_AT | (uint64_t)p.openings << OPENINGS_AT | (p.time_ms & TIME);
}

/* Of permits, grants and told, too. */
static inline uint16_t version_of(uint64_t word)
{
    return (uint16_t)(word >> VERSION_AT);
}

static inline bool is_newer(uint16_t a, uint16_t than)
{
    return (int16_t)(uint16_t)(a - than) > 0;
}

struct grants {
    uint16_t version;
    uint16_t granted, wanted, bad;
};

/* Those of this version; none, if the word is of an older one. */
static inline struct grants grants_of(uint64_t word, uint16_t version)
{
    struct grants g = {.version = version};
    if (version_of(word) != version)
        return g;
    g.granted = (uint16_t)(word >> GRANTED_AT);
    g.wanted = (uint16_t)(word >> WANTED_AT);
    g.bad = (uint16_t)word;
    return g;
}

static inline uint64_t grants_word(struct grants g)
{
    return (uint64_t)g.version << VERSION_AT | (uint64_t)g.granted << GRANTED_AT |
           (uint64_t)g.wanted << WANTED_AT | g.bad;
}

/* Adds, up to what fits; nothing, where a newer version has begun. */
static inline void grants_add(struct machine *m, struct grants more)
{
    uint64_t had = atomic_load(&m->grants);
    struct grants g;
    do {
        if (is_newer(version_of(had), more.version))
            return;
        g = grants_of(had, more.version);
        g.granted += more.granted < GRANTS_MAX - g.granted ? more.granted : GRANTS_MAX - g.granted;
        g.wanted += more.wanted < GRANTS_MAX - g.wanted ? more.wanted : GRANTS_MAX - g.wanted;
        g.bad += more.bad < GRANTS_MAX - g.bad ? more.bad : GRANTS_MAX - g.bad;
    } while (!atomic_compare_exchange_weak(&m->grants, &had, grants_word(g)));
}

/* A transition. `to` has everything but the version. False: another process was faster. */
bool machine_change_to(struct machine *m, uint64_t word, struct parts to, enum machine_cause cause,
                       struct machine_change *change);

#endif
