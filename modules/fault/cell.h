/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_CELL_H
#define WEIR_FAULT_CELL_H

/* What all processes share of a fault, and what outlives reloads: how far the schedule has come,
 * and what an operator, or the fault itself, has said about whether it goes on. Any process. */

#include "fault/places.h"
#include "fault/real_errors.h"

/* What was said at run time. */
enum fault_mode {
    MODE_FILE, /* nothing: as the configuration has it */
    MODE_ON,
    MODE_OFF,
    MODE_TRIPPED, /* by its own condition; only an operator turns it on again */
};

/* Whether it acts now, or why not. */
enum fault_state {
    STATE_ON,
    STATE_OFF,
    STATE_ENDED,   /* its time is over */
    STATE_TRIPPED, /* stop_when */
    STATE_STOPPED, /* all are */
};
const char *fault_state_word(enum fault_state s);

struct fault_cell {
    _Alignas(64) _Atomic uint64_t tickets;
    _Alignas(64) _Atomic uint32_t mode;
    _Atomic uint32_t share;    /* millionths, and one more; 0: the configuration's */
    _Atomic uint64_t told_end; /* the end (seconds) that was told in the log */
    struct places places;
    struct real_errors window;
};

/* The one of all faults of an instance. */
struct fault_switch {
    _Atomic uint32_t stopped;
};

/* `ends_s`: since 1970; 0: never. */
enum fault_state fault_state(const struct fault_cell *c, const struct fault_switch *all,
                             bool enabled, uint64_t ends_s, uint64_t wall_us);
/* The share in force; `share`: the configuration's. */
uint32_t fault_share(const struct fault_cell *c, uint32_t share);
/* The next ticket: is it drawn? */
bool fault_draw(struct fault_cell *c, uint32_t share);

/* An operator's word. Whoever turns it on begins to count errors anew. */
void fault_turn(struct fault_cell *c, bool on);
void fault_share_set(struct fault_cell *c, uint32_t share);
/* An operator's word on which the configuration agrees counts no more, so that the configuration
 * may change its mind; or all of it, whatever that is. One that has stopped by itself stays so. */
void fault_agree(struct fault_cell *c, bool enabled, uint32_t share);
void fault_unsay(struct fault_cell *c);
/* Is anything said that the configuration doesn't say? */
bool fault_is_said(const struct fault_cell *c);
/* It stops by itself. True for one caller alone, whatever happens at the same time. */
bool fault_trip(struct fault_cell *c);
/* True for the first who asks about this end. */
bool fault_tell_end(struct fault_cell *c, uint64_t ends_s);

#endif
