/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_OVERRIDE_CELL_H
#define WEIR_CONTROL_OVERRIDE_CELL_H

/* What is overridden at run time, in shared memory: it outlives reloads, upgrades, and the death of
 * the control process, as what it tells of does. One place for each key of a decision (decide.h),
 * as many as admin.overrides says. All zeros is nothing.
 *
 *     FREE ──► WRITTEN ──► USED ──► ENDING ──► FREE
 *               (claimed)    │  the file has changed it (master), or its time is over; it is to be
 *                            └──► FREE        undone (control)
 *
 * Control processes write, in places that they have claimed; while one takes over from another both
 * may. The master marks what a new configuration ends. A place never changes while it is used: what
 * is said anew about a thing goes into another place first, so one that dies in the middle loses
 * nothing, and of two places with one key the later one counts. Readers copy a place, and look
 * whether it is still the same one. */

#include <stdatomic.h>

#include "base/fault.h"
#include "control/decide.h"
#include "control/overrides/override_setting.h"

struct shm;

enum {
    OVERRIDE_WHO_MAX = 127, /* bytes */
    OVERRIDE_REASON_MAX = 256,
    OVERRIDE_SAYS_MAX = 2047,
    OVERRIDES_MOST = 1024, /* of admin.overrides */
};

struct override {
    uint64_t id;      /* counts up; 0: none */
    uint64_t at_s;    /* wall clock */
    uint64_t until_s; /* 0: until another decision */
    uint64_t digest;  /* setting_digest() of the configuration in which it was said */
    char key[DECISION_KEY_MAX + 1];
    char path[DECISION_PATH_MAX + 1], json[DECISION_JSON_MAX + 1];   /* what was said */
    char who[OVERRIDE_WHO_MAX + 1], reason[OVERRIDE_REASON_MAX + 1]; /* reason "": none was given */
    char setting[SETTING_MAX + 1];
    char says[OVERRIDE_SAYS_MAX + 1]; /* as a file would: lines of "PLACE\tNAME = VALUE"; "": no
                                         file can, "\n": they would have been too long */
};

enum override_state { OVERRIDE_FREE, OVERRIDE_WRITTEN, OVERRIDE_USED, OVERRIDE_ENDING };

struct override_place {
    _Atomic uint32_t state;
    _Atomic uint32_t writer; /* its process, while it is WRITTEN */
    _Atomic uint64_t id;     /* of what it holds */
    struct override is;
};

struct override_cell {
    _Atomic uint64_t last_id, refused;
    uint64_t places_n; /* one more than may be used: what is said anew needs another place */
    struct override_place places[];
};

/* [master, at load] False with a fault: the region is full, or more are in force than there would
 * be room for. */
bool override_cell_prepare(struct shm *shm, int64_t most, struct faults *faults) nodiscard;
/* [master] From now on it is this one that is used; what another one holds, of a configuration with
 * another admin.overrides, is taken over. */
struct override_cell *override_cell_adopt(struct shm *shm, int64_t most);
/* Any process. NULL: there is none. */
struct override_cell *override_cell_find(const struct shm *shm, int64_t most) nodiscard;

/* The next one from *at on, which begins at 0; of one key only the latest. `ending` is what they
 * are: in force, or to be undone. False: there is none. */
bool override_next(const struct override_cell *c, bool ending, size_t *at,
                   struct override *out) nodiscard;
bool override_find(const struct override_cell *c, struct slice key, struct override *out) nodiscard;
unsigned override_count(const struct override_cell *c);
/* Would this one have a place? */
bool override_has_room(const struct override_cell *c, struct slice key) nodiscard;

/* Instead of an earlier one with its key, and of those about parts of the same thing (whose keys go
 * on where its own ends). Fills in the id. False: there is no place. */
bool override_put(struct override_cell *c, struct override *o) nodiscard;
/* That key, and parts of the same thing; how many there were. */
unsigned override_remove(struct override_cell *c, struct slice key);
/* Of two processes that do it at once only one is told true. Is it still that one? */
bool override_end(struct override_cell *c, uint64_t id) nodiscard;
/* It has been undone. */
void override_forget(struct override_cell *c, uint64_t id);
/* Is `key` about a part of what `whole` is about? */
bool override_is_part(struct slice key, struct slice whole) nodiscard;

#endif
