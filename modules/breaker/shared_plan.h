/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_SHARED_PLAN_H
#define WEIR_BREAKER_SHARED_PLAN_H

/* What the control process is to do about a circuit that instances share: whether the fleet's
 * record holds here, and what to offer next. The protocol is explored in all its states by
 * tests/model; the names of its rules are those there. Pure. */

#include "breaker/circuit.h"
#include "breaker/shared_record.h"

/* What a record of the fleet's, one that may be followed, means for the state here. */
enum shared_turn {
    SHARED_SAME, /* it is that already */
    SHARED_BIND, /* the state is the same, and stands for that record from now on */
    SHARED_SET,  /* the circuit takes the record's state */
    SHARED_HOLD, /* it stays on its own until it has closed */
};
enum shared_turn shared_turn(const struct shared_record *r, const struct machine_bound *bound,
                             const struct machine_view *here);

/* What is known of the state that the fleet has now. */
struct shared_facts {
    struct machine_view here; /* which is the record's */
    bool too_much;            /* has failed over the fleet: circuit_judge() */
    unsigned bad;             /* probes of this instance */
    uint64_t good;            /* probes of the fleet, as far as this instance has heard */
    uint64_t spent_ms;        /* since when it is known that all permits are given out; 0: not so */
    /* Who has made a version makes the next one when the time comes; others wait so much longer, in
     * case it is gone: else all would offer the same at the same time. */
    uint64_t patience_ms;
};
/* False: nothing is due. */
bool shared_due(const struct shared_facts *f, const struct machine_conf *conf, uint64_t now_ms,
                enum machine_cause *cause);

/* How many of the numbers from `first` on permit a probe. */
unsigned shared_permits(uint64_t first, uint64_t n, unsigned probes);

#endif
