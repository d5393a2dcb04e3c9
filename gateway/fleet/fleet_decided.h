/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_DECIDED_H
#define WEIR_FLEET_DECIDED_H

/* What this instance remembers of decisions for all, in shared memory, so that it outlives control
 * processes: which one it has followed last of each thing, and those that it has made and nobody
 * has been told of yet. All zeros is nothing.
 *
 * One control process writes it. While one takes over from another both may, in different places: a
 * place is had by whoever finds it free. One that dies while writing leaves its place unusable
 * until the next start. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/decide.h"

struct shm;

enum {
    FLEET_DECISIONS_MAX = 1024, /* things that are decided about */
    FLEET_WAITING_MAX = 32,     /* decisions that nobody has been told of */
    DECISION_LASTS_MAX = 63,    /* bytes of the name of a member */
};

/* Decisions about one thing have an order, on all instances the same. */
struct fleet_moment {
    uint64_t at_ms; /* by Redis's clock; 0: never */
    uint64_t id;    /* drawn at random: of the same millisecond one is the later */
};
static inline bool fleet_moment_later(struct fleet_moment a, struct fleet_moment b)
{
    return a.at_ms > b.at_ms || (a.at_ms == b.at_ms && a.id > b.id);
}

enum fleet_place { PLACE_FREE, PLACE_WRITTEN, PLACE_FULL };

struct fleet_followed {
    _Atomic uint32_t place, forgotten;
    _Atomic uint64_t at_ms, id;
    char key[DECISION_KEY_MAX + 1];
};

/* A decision that is to be told. */
struct fleet_waiting {
    _Atomic uint32_t place;
    uint64_t id;
    uint64_t made_us;  /* when, by the clock of the loop; it is the machine's */
    uint64_t after_ms; /* the moment of the one before */
    uint64_t at_ms;    /* its own, once it is known what time it is for Redis; 0: not yet */
    uint64_t lasts_ms; /* 0: until another one */
    char key[DECISION_KEY_MAX + 1], path[DECISION_PATH_MAX + 1], lasts[DECISION_LASTS_MAX + 1],
        json[DECISION_JSON_MAX + 1];
};

struct fleet_decided {
    struct fleet_followed followed[FLEET_DECISIONS_MAX];
    struct fleet_waiting waiting[FLEET_WAITING_MAX];
};

/* Master, at load. NULL: the region is full. */
struct fleet_decided *fleet_decided_at_load(struct shm *shm) nodiscard;
/* Any process. NULL: there is none. */
struct fleet_decided *fleet_decided_find(const struct shm *shm) nodiscard;

/* {0, 0}: none of that thing. */
struct fleet_moment fleet_followed(const struct fleet_decided *d, struct slice key);
/* False: there is no place. Those of forgotten things are taken, the oldest first. */
bool fleet_followed_note(struct fleet_decided *d, struct slice key, struct fleet_moment m,
                         bool forgotten);
bool fleet_followed_has_room(const struct fleet_decided *d, struct slice key) nodiscard;

/* The one about that thing; NULL. */
struct fleet_waiting *fleet_waiting_find(struct fleet_decided *d, struct slice key) nodiscard;
/* Takes the place of an earlier one about the same. NULL: all are taken. */
struct fleet_waiting *fleet_waiting_add(struct fleet_decided *d, const struct decision *decision,
                                        uint64_t id, uint64_t made_us, uint64_t after_ms) nodiscard;
bool fleet_waiting_has_room(struct fleet_decided *d, struct slice key) nodiscard;
/* Of that one: another process may have put a later one there meanwhile, which stays. */
void fleet_waiting_done(struct fleet_waiting *w, uint64_t id);
static inline bool fleet_waiting_there(const struct fleet_waiting *w)
{
    return atomic_load(&w->place) == PLACE_FULL;
}

#endif
