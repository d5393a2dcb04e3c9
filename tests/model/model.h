/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_MODEL_MODEL_H
#define WEIR_TESTS_MODEL_MODEL_H

/* A circuit that instances share over a cell of the fleet, small enough to look at every state that
 * it can get into. main.c says what is asked of it and which rules there are;
 *
 *     instance.c   what an instance does: alone, led by the fleet, joining, with answers
 *     redis.c      what Redis does with offers, and what becomes of Redis and of connections
 *     explore.c    all states, breadth first; agreement; the way to a state
 *
 * Time isn't modelled: whatever a clock decides may happen at any moment, so that what holds here
 * holds whatever the durations are. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INSTANCES = 3, AIR = 2 };

enum { CLOSED, OPEN, HALF };

/* The one command that an instance has under way. Only offers may be overtaken between sending and
 * execution in a way that matters; the others stand here as answers. */
enum {
    IDLE,
    OFFER,   /* not executed yet; slot_version 0: a new lineage's first version */
    TAKEN,   /* an offer's answer */
    REFUSED, /* the other one: slot_* are what is stored */
    READ,    /* slot_* are what was stored */
    TOOK,    /* a number of the epoch slot_version that is below `probes` */
    COUNTED  /* enough good probes of the epoch slot_version */
};

/* Versions are a lineage (their upper bits) and a number that grows within it. 0: there is none. */
enum { VERSION_BITS = 6, NUMBER_BITS = 3, VERSIONS = 1 << VERSION_BITS };

/* Two bits for each version. */
typedef unsigned __int128 tally;

struct instance {
    uint64_t led : 1;    /* the fleet's record is in force here */
    uint64_t cut : 1;    /* the connection is dead, and it hasn't noticed */
    uint64_t alone : 1;  /* `here` was decided here, since it was led last */
    uint64_t earned : 1; /* for the invariant: a good probe somewhere since it opened */
    uint64_t here : 2;   /* the state of the circuit */
    uint64_t known : 2;  /* that of the record known */
    uint64_t version : VERSION_BITS;
    uint64_t probe : 1; /* one is out, under its version */
    uint64_t slot : 3;
    uint64_t slot_version : VERSION_BITS;
    uint64_t slot_state : 2;
    uint64_t slot_expect : VERSION_BITS; /* of an offer: what was stored, as far as was known */
    uint64_t slot_again : 1;             /* of an offer: a record that isn't new */
    uint64_t slot_lost : 1;  /* of an answer: less is stored than was known at sending */
    uint64_t slot_moved : 1; /* of an answer: it was stored by another server */
    uint64_t unused : 29;    /* named, so that it is zero and worlds can be compared as bytes */
};

/* An offer that outlives its connection, or something published. All zero: nothing. */
struct sent {
    uint16_t version : VERSION_BITS,
                       state : 2,
                       expect : VERSION_BITS,
                                again : 1,
                                begins : 1; /* version is 0, a new lineage's first is meant */
};

struct world {
    struct instance at[INSTANCES];
    struct sent stored, behind; /* behind: what a replica may have only */
    struct sent late, air[AIR];
    uint8_t moved;          /* what is stored comes from another server */
    uint8_t losses, leaves; /* so far */
    uint8_t unused[3];
    tally taken, good;    /* Redis's counters of each epoch */
    tally probes;         /* for the invariant: those that led instances have sent in it */
    uint64_t made, since; /* for invariants: versions made; a good probe was since then */
};

/* The rules, each of which may be left out to see what breaks, and how much is looked at. */
struct rules {
    bool compare;       /* offers are compared with what is stored at all */
    bool exact;         /* they succeed what the offerer knows; else: any that is older */
    bool lineage;       /* what Redis lost is offered again under a new lineage; else as it was */
    bool server;        /* what another server stored is offered again, too */
    bool hold_alone;    /* what opened alone doesn't close by joining */
    bool hold_foreign;  /* what opened doesn't close by a record of another lineage */
    bool newer;         /* of published records only newer ones count */
    bool fleet_permits; /* probes take numbers from Redis; else each instance has its own */
    bool in_cell;       /* and the number is given only while their version is what is stored */
    bool own_epoch;     /* answers about another epoch are dropped */
    bool reread;        /* joining begins with reading */
    bool repair;        /* records are read from time to time */
    bool offer_again;   /* what Redis lost is offered again at all */
    bool half_counts;   /* half-open closes by good probes that were counted; else by time */
    uint8_t instances, probes, successes;
    uint8_t numbers; /* within a lineage; then nothing new is offered */
    uint8_t losses;  /* how often Redis may lose something */
    bool restart, failover, flush;
    bool lossy;      /* what is published may be lost for good */
    bool few_leaves; /* connections fail only `leaves` times, but for what Redis loses */
    uint8_t leaves;
};

/* One step: the state after it, and what is wrong with it. */
struct step {
    struct world w;
    const struct rules *rules;
    const char *wrong; /* NULL: nothing */
};

/* Something that may happen. False: not now. `arg` is the action's own. */
struct action {
    const char *name;
    bool (*run)(struct step *s, unsigned instance, unsigned arg);
    unsigned args;     /* it is tried with 0 to args - 1 */
    bool per_instance; /* else only with instance 0 */
    bool fails;        /* something breaks or is lost: not needed for agreement */
};

extern const struct action instance_actions[], redis_actions[];
extern const size_t instance_actions_n, redis_actions_n;

static inline unsigned version_lineage(unsigned version)
{
    return version >> NUMBER_BITS;
}

static inline unsigned version_number(unsigned version)
{
    return version & ((1U << NUMBER_BITS) - 1);
}

/* Calls fn with each version that stands somewhere in the world, but for counts. */
static inline void each_version(struct world *w, unsigned (*fn)(void *ctx, unsigned), void *ctx)
{
    for (unsigned i = 0; i < INSTANCES; i++) {
        struct instance *at = &w->at[i];
        at->version = fn(ctx, at->version);
        at->slot_version = fn(ctx, at->slot_version);
        at->slot_expect = fn(ctx, at->slot_expect);
    }
    struct sent *all[] = {&w->stored, &w->behind, &w->late};
    for (unsigned k = 0; k < sizeof(all) / sizeof(*all); k++) {
        all[k]->version = fn(ctx, all[k]->version);
        all[k]->expect = fn(ctx, all[k]->expect);
    }
    for (unsigned k = 0; k < AIR; k++)
        w->air[k].version = fn(ctx, w->air[k].version);
}

static inline unsigned tally_get(tally t, unsigned version)
{
    return (unsigned)(t >> 2 * version) & 3;
}

/* Stays at 3. */
static inline void tally_add(tally *t, unsigned version)
{
    if (tally_get(*t, version) < 3)
        *t += (tally)1 << 2 * version;
}

/* -- instance.c -- */
void instance_leave(struct step *s, unsigned i);
void instance_slot_clear(struct instance *at);
void instance_consider(struct step *s, unsigned i, unsigned version, unsigned state);

/* -- explore.c -- */
struct explored {
    size_t states, steps;
    const char *wrong; /* NULL: every state is right, and agreement can be reached from each */
    char *trace;       /* owned by the caller; how it comes to that */
    bool unfinished;   /* too many states */
};
struct explored explore(const struct rules *r);

#endif
