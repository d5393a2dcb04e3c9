/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_SHARED_RECORD_H
#define WEIR_BREAKER_SHARED_RECORD_H

/* What the fleet has of a circuit, as the fields of its cell say it:
 *
 *     state     "closed", "open", "half_open", "ramp_10", ...
 *     openings  in a row
 *     lasts_ms  open, and the steps of the ramp: so long in all, from when the record was made
 *     cause     "tripped", "time", ...: what made it
 *     figures   the same in words, with figures
 *
 * They come from other instances, which may be of another version, or from anybody who can write to
 * that Redis: what can't be is refused, what is too long is cut. Pure. */

#include <weir/fleet.h>

#include "breaker/machine_lead.h"

enum { SHARED_FIELDS = 5, SHARED_LASTS_MAX_MS = 86400000 };

struct shared_record {
    struct machine_fleet fleet;  /* version 0: nobody has made any; that is closed */
    struct machine_target state; /* .time_ms by the clock of who has read it */
    bool own;                    /* made by this instance */
    char by[WEIR_FLEET_FIELD_MAX + 1], figures[WEIR_FLEET_FIELD_MAX + 1];
};

/* False: it makes no sense here, and nothing can be said of what the fleet has. */
bool shared_record_read(struct shared_record *to, const struct weir_fleet_record *r,
                        const struct machine_conf *conf, uint64_t now_ms);

/* Room for the texts of fields. */
struct shared_fields {
    struct weir_claim v[SHARED_FIELDS];
    char openings[16], lasts[24];
};
void shared_record_write(struct shared_fields *to, const struct machine_target *state,
                         struct weir_slice figures);

#endif
