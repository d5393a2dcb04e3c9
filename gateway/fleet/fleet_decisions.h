/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_DECISIONS_H
#define WEIR_FLEET_DECISIONS_H

/* Private to fleet_decision*.c: what operators have decided for all instances. Each thing that was
 * decided about has a cell of the fleet's own, and a set in Redis (PREFIX "d") has the keys of all
 * of them, so that who joins finds them.
 *
 *     an operator ──tell──► waiting (shared memory) ──offer──► cell ──► all others: due ──►
 * followed ▲                        │ └── another was taken ───┘ unless that one is the later
 *
 * fleet_decisions.c has the life of them and what each tick does, fleet_decision_cell.c the
 * records, fleet_decisions_index.c the set, fleet_decisions_show.c what operators see,
 * fleet_decisions_asked.c those of them that wait for what becomes of it. What is later is said by
 * moments (fleet_decided.h), not by versions of cells: those also change when Redis has lost
 * something. */

#include "control/decide.h"
#include "fleet/fleet_decided.h"
#include "fleet/fleet_parts.h"

/* One thing that was decided about. */
struct fleet_decision {
    struct list node;
    struct fleet *fleet;
    char key[DECISION_KEY_MAX + 1];
    struct weir_fleet_cell *cell;
    /* What the fleet has, as it was heard last. */
    bool there;
    uint64_t version;
    struct fleet_moment moment;
    struct text path, json, lasts, by; /* an empty path: it was forgotten */
    uint64_t until_ms;                 /* it counts no more then, by Redis's clock; 0: it does */
    /* What is to be done. */
    bool due;                   /* here, what the fleet has */
    uint64_t again_ms;          /* it was refused: not before then */
    char why[DECISION_WHY_MAX]; /* ... and why; "": it wasn't */
    uint64_t forget;            /* the id of the record that says so; 0: it isn't to be forgotten */
    struct fleet_asked {
        struct admin_pending *telling, *forgetting; /* who waits for that; NULL: nobody */
        uint64_t since_ms;
    } asked;
    bool listed, seen; /* in the set in Redis: it is, as far as is known; in this reading */
    bool gone;         /* this instance has no use for it any more */
};

struct fleet_decisions {
    struct list all;
    struct map by_key;            /* the same */
    uint64_t refused;             /* of those made here, as there was no room */
    struct fleet_decided *memory; /* borrowed; NULL: nothing can be decided for all */
    const struct admin_row *rows; /* borrowed: who does here what was decided elsewhere */
    size_t rows_n;
    struct decider decider;
    struct fleet_thing index; /* whose the commands about the set are */
    bool known;               /* what is in the set, since this instance joins */
    uint64_t read_ms;
};

/* NULL: there is none. */
struct fleet_decision *fleet_decision_find(const struct fleet *f, struct slice key) nodiscard;
/* The one with that key, which is made when there is none. NULL: there are too many. */
struct fleet_decision *fleet_decision_at(struct fleet *f, struct slice key) nodiscard;
static inline struct fleet_decision *fleet_decision_of(struct list *node)
{
    return container_of(node, struct fleet_decision, node);
}
/* After something has been heard of it, or is waiting no more: what follows. */
void fleet_decision_settle(struct fleet_decision *e);

/* -- records (fleet_decision_cell.c) ----------------------------------------------------------- */

bool fleet_decision_open(struct fleet_decision *e) nodiscard;
/* With this tick: what waits, or that it is to be forgotten. */
void fleet_decision_offer(struct fleet_decision *e);
/* When it was made, by Redis's clock, which must be known; it never changes from then on. */
struct fleet_moment fleet_waiting_moment(const struct fleet *f, struct fleet_waiting *w);

/* -- who waits (fleet_decisions_asked.c) ------------------------------------------------------- */

/* What becomes of a decision that is made while this instance is apart. */
#define FLEET_TOLD_LATER "apart, told when Redis is back"

/* `place` is one of e->asked, and empty. */
void fleet_decision_wait(struct fleet_decision *e, struct admin_pending **place,
                         struct admin_pending *p);
/* This is what has become of it; nothing happens when nobody waits. */
void fleet_decision_told(struct fleet_decision *e, const char *result);
/* NULL: it is forgotten; else what stands against that. */
void fleet_decision_forgot(struct fleet_decision *e, const char *wrong);
/* It is apart now. */
void fleet_decisions_part(struct fleet *f);

/* -- the set (fleet_decisions_index.c) --------------------------------------------------------- */

void fleet_decisions_index_open(struct fleet *f);
void fleet_decisions_index_close(struct fleet *f);
void fleet_decisions_index_tick(struct fleet *f);
/* ... is told that it has one less. */
void fleet_decisions_unlist(struct fleet_decision *e);

#endif
