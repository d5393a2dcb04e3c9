/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_MACHINE_LEAD_H
#define WEIR_BREAKER_MACHINE_LEAD_H

/* How the fleet leads a circuit (docs/breaker.md, "Shared by the fleet"). While it does, workers
 * only ask and count: no time makes a transition, no window and no probe. The control process makes
 * what the fleet has agreed on. When the time of the lead is over, which it is by itself when the
 * control process dies or hears nothing, everything is as if there were no fleet.
 *
 *     machine_lead()       until when
 *     machine_set()        a transition that the fleet has made
 *     machine_bind()       the state is what the fleet has anyway
 *     machine_grant()      so many probes may go out
 *
 * What the state here stands for in the fleet lies beside it: so the next control process knows
 * whether anything has been decided here alone.
 *
 * [control], by one process at a time; during a reload by two, of which the compare-and-swap lets
 * one make the transition. Generations that don't share the circuit leave all of it alone. */

#include "breaker/machine.h"

/* A record of the fleet's. */
struct machine_fleet {
    uint64_t version, lineage;
};

/* What the state stands for. */
struct machine_bound {
    bool set;         /* it ever was the fleet's */
    uint16_t version; /* the machine's, by then */
    struct machine_fleet fleet;
};
struct machine_bound machine_bound(const struct machine *m);

/* Until then (ms) the fleet leads; 0: it doesn't. */
void machine_lead(struct machine *m, uint64_t until_ms);
/* Does it, for these settings? [any] */
bool machine_is_led(const struct machine *m, const struct machine_conf *conf, uint64_t now_ms);

struct machine_target {
    enum machine_state state;
    unsigned openings;
    uint64_t time_ms;  /* closed: since when; else until when */
    uint64_t lasts_ms; /* open: in all */
    enum machine_cause cause;
};
/* The next state after the one that was seen as `from`. False, with nothing changed: that isn't the
 * state any more, or it is an operator's. */
bool machine_set(struct machine *m, const struct machine_view *from,
                 const struct machine_target *to, struct machine_fleet stands_for,
                 struct machine_change *change);
void machine_bind(struct machine *m, uint16_t version, struct machine_fleet stands_for);

/* What a circuit that looks so becomes by that cause; .time_ms is for who sets it. Pure. */
struct machine_target machine_next(const struct machine_view *from, const struct machine_conf *conf,
                                   struct machine_clock clock, enum machine_cause cause);

/* Half-open: how it goes in this version. */
struct machine_probing {
    unsigned granted; /* probes that may go out here, in all */
    unsigned wanted;  /* that found no permit */
    unsigned bad;
    unsigned untold; /* good ones that the fleet hasn't been told of */
};
struct machine_probing machine_probing(const struct machine *m, uint16_t version);
void machine_grant(struct machine *m, uint16_t version, unsigned n);
/* Those that were wanted have been asked for. */
void machine_asked(struct machine *m, uint16_t version);
/* The fleet is being told of so many good ones. */
void machine_tell(struct machine *m, uint16_t version, unsigned n);

#endif
