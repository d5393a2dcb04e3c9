/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_EJECTION_H
#define WEIR_OUTLIER_EJECTION_H

/* The state of one endpoint, shared by all processes: in use, ejected, or on its way back.
 *
 *               begin                        until it is over, or a wake
 *       IN ────────────────► OUT, REFUSED ────────────────────► HALF_OPEN
 *       ▲                         ▲                              │     │
 *       │                         └────── a probe fails ─────────┘     │ enough probes succeed
 *       └─── RAMP_50 ◄── RAMP_25 ◄── RAMP_10 ◄─────────────────────────┘
 *               (an endpoint on the ramp can be ejected as one that is in can)
 *
 * OUT: the balancers pass it over. REFUSED: it is its cluster's only one, so that there is nothing
 * to pass over to; whoever would use it is refused. HALF_OPEN: so many requests at a time, probes,
 * and no other. On the ramp it has a part of its weight.
 *
 * How long it is out grows with the number of ejections, one of which is forgotten after each
 * `forget` that it was in since.
 *
 * Each transition is one compare-and-swap of one word: of all who try, one is told that it was
 * done, and by that has to apply, log and count it. All zeros is an endpoint that was never
 * ejected. Times are of the monotonic clock, in ms, which is the same for all processes. Any
 * process. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum ejection_phase {
    EJECTION_IN,
    EJECTION_OUT,
    EJECTION_REFUSED,
    EJECTION_HALF_OPEN,
    EJECTION_RAMP_10,
    EJECTION_RAMP_25,
    EJECTION_RAMP_50,
};
enum { EJECTION_CAUSES = 16, EJECTION_COUNT_MAX = 63, EJECTION_PROBES_MAX = 1000 };

struct ejection {
    _Atomic uint64_t word;      /* see ejection.c */
    _Atomic uint64_t probes;    /* of this time half-open */
    _Atomic uint64_t probed_ms; /* when the last probe was let through */
};

struct ejection_rules {
    uint64_t base_ms, max_ms; /* the nth ejection lasts n*base, max at most */
    uint64_t forget_ms;
    uint32_t probes;    /* at a time: 1 to EJECTION_PROBES_MAX */
    uint32_t successes; /* that it takes: likewise */
    uint64_t
        probe_timeout_ms; /* a probe that nothing was heard of for so long makes room for others */
    uint64_t ramp_ms;     /* from 10 % to 100 %; 0: at once */
};

struct ejection_state {
    enum ejection_phase phase;
    bool held;      /* it has one of the cluster's places for ejected endpoints */
    unsigned cause; /* of the last ejection: the caller's number, below EJECTION_CAUSES */
    unsigned count; /* ejections that aren't forgotten */
    unsigned round; /* changes with each transition */
    uint64_t at_ms; /* OUT, REFUSED: until when; RAMP_*: when the next step is due; IN: when one
                       ejection will be forgotten; 0: there is nothing to wait for */
};

/* What a transition did. */
struct ejection_change {
    struct ejection_state from, to;
};

struct ejection_state ejection_look(const struct ejection *e);
/* In millionths of its weight; and is who picks it to ask first? */
uint32_t ejection_share(enum ejection_phase phase);
bool ejection_guarded(enum ejection_phase phase);
const char *ejection_word(enum ejection_phase phase);
/* Could it be ejected: is it in, or on the ramp? */
bool ejection_possible(enum ejection_phase phase);
/* Is it OUT or REFUSED? */
bool ejection_is_out(enum ejection_phase phase);

/* An ejection: OUT with a place that was taken for it (held), or REFUSED without. False, with
 * nothing changed: it is ejected already, or was a moment ago. */
struct ejection_order {
    unsigned cause;
    bool held;
    uint64_t now_ms;
    uint64_t for_ms;    /* 0: what the rules say */
    uint64_t jitter_ms; /* is added */
};
bool ejection_begin(struct ejection *e, const struct ejection_rules *r,
                    const struct ejection_order *o, struct ejection_change *c);
/* To IN at once, whatever it is. False: it is IN. */
bool ejection_end(struct ejection *e, const struct ejection_rules *r, uint64_t now_ms,
                  struct ejection_change *c);
/* What is due by the time alone. False: nothing. */
bool ejection_step(struct ejection *e, const struct ejection_rules *r, uint64_t now_ms,
                   struct ejection_change *c);

/* From OUT or REFUSED to HALF_OPEN, whatever the time, if it is the same round still. False: it
 * isn't. */
bool ejection_wake(struct ejection *e, unsigned round, struct ejection_change *c);

/* May a request go to it? *round is the probe's, 0 when it is none. */
enum permit { PERMIT_FREE, PERMIT_PROBE, PERMIT_NONE };
enum permit ejection_ask(struct ejection *e, const struct ejection_rules *r, uint64_t now_ms,
                         unsigned *round);
/* A probe has said nothing: another one may go. */
void ejection_probe_void(struct ejection *e, unsigned round);
/* True: it was the last one that it took, and the endpoint is on its way back. */
bool ejection_probe_good(struct ejection *e, const struct ejection_rules *r, unsigned round,
                         uint64_t now_ms, struct ejection_change *c);
/* True: the endpoint is out again. False: another probe has decided before. May follow
 * ejection_probe_good(), when a response breaks off. */
bool ejection_probe_bad(struct ejection *e, const struct ejection_rules *r, unsigned round,
                        const struct ejection_order *o, struct ejection_change *c);

#endif
