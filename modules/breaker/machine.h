/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_MACHINE_H
#define WEIR_BREAKER_MACHINE_H

/* The states of one circuit, in shared memory: whether a request may go out, and what changes that.
 * Any worker may make any transition; each is one compare-and-swap of one word, so exactly one
 * process makes it and is told (struct machine_change), which is the one that logs and counts it.
 *
 *     machine_admit()    may this request go out? hands out a ticket
 *     machine_tick()     does what is due by the time, if nobody has asked
 *     machine_trip()     the window says that it is to open
 *     machine_good()     a probe went well
 *     machine_bad()      a probe failed
 *     machine_back()     a probe said nothing: another request may take its place
 *     machine_follow()   a probe was good, but not to its end: what is it a call of now?
 *     machine_force()    an operator says what it is
 *
 *                      trip                    time
 *            CLOSED ---------> OPEN -----------------> HALF_OPEN
 *              ^  ^              ^  <----------------   |   |
 *              |  |              |    a probe failed,   |   |
 *              |  |    trip      |    or all are lost   |   | all went well
 *              |  +--- RAMP 10, 25, 50 % <--------------+   |
 *              +--------------------------------------------+
 *
 * A version counts the transitions. A ticket carries the version it belongs to, and what comes of
 * it counts only while that is still the circuit's: nothing that began before a transition has a
 * part in what follows, but probes in what they themselves have brought about. Of versions there
 * are 16 bits: somebody who stands still while exactly 65,536 transitions pass would not notice.
 *
 * A circuit that instances share is led by the fleet, most of the time: then none of these makes a
 * transition (machine_lead.h).
 *
 * A cell of zeros is a closed circuit. Time is in milliseconds of the monotonic clock, the same in
 * all processes; a clock that is a little behind another's does no harm. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum machine_state {
    MACHINE_CLOSED,
    MACHINE_OPEN,
    MACHINE_HALF_OPEN,
    MACHINE_RAMP_10,
    MACHINE_RAMP_25,
    MACHINE_RAMP_50,
    MACHINE_STATES
};
enum machine_mode { MACHINE_AUTO, MACHINE_FORCED_OPEN, MACHINE_FORCED_CLOSED };

/* Borrowed for each call; may differ between generations that use the same cell. */
struct machine_conf {
    uint64_t open_for_ms, max_open_ms; /* the first time, and the longest */
    unsigned factor;                   /* each further time lasts so many times longer; 1 or more */
    uint32_t jitter;                   /* millionths of the time that may be taken off it */
    unsigned probes;                   /* requests that half-open lets through; 1 or more */
    unsigned successes;                /* of which so many must be good; 1 to probes */
    bool slow_close;                   /* the ramp */
    uint64_t step_ms;                  /* of the ramp */
    uint64_t probe_ms;                 /* probes of which nothing is heard for so long are lost */
    uint64_t calm_ms;                  /* closed for so long: the next opening is a first one */
    bool shared;                       /* the fleet may lead it: machine_lead.h */
};

struct machine {
    _Atomic uint64_t word;    /* version 16 | state 3 | mode 2 | openings 5 | time 38 */
    _Atomic uint64_t permits; /* version 16 | used 24 | good 24 */
    /* Of the fleet's lead: machine_lead.h. */
    _Atomic uint64_t led_until_ms;
    _Atomic uint64_t grants; /* version 16 | granted 16 | wanted 16 | bad 16 */
    _Atomic uint64_t told;   /* version 16 | good probes that the fleet knows of 24 */
    _Atomic uint64_t bound;  /* set 1 | version 16 */
    _Atomic uint64_t fleet_version, fleet_lineage;
};

/* Now, and a random number, which jitter is made of. */
struct machine_clock {
    uint64_t now_ms, random;
};

enum machine_says {
    MACHINE_YES,      /* counted in the window */
    MACHINE_PROBE,    /* machine_good(), machine_bad() or machine_back() has to follow */
    MACHINE_IGNORED,  /* forced closed: goes out, and isn't counted */
    MACHINE_NO,       /* open */
    MACHINE_NO_PROBE, /* half-open, and all probes are out, or the fleet has granted no more yet */
    MACHINE_NO_RAMP,  /* not yet: the ramp lets a part through */
};
static inline bool machine_lets(enum machine_says s)
{
    return s <= MACHINE_IGNORED;
}

struct machine_ticket {
    uint16_t version;
    uint8_t state; /* enum machine_state */
    uint8_t says;  /* enum machine_says */
};

enum machine_cause {
    MACHINE_TRIPPED,
    MACHINE_TIME, /* open: it is over; a step of the ramp: so is that */
    MACHINE_PROBES_GOOD,
    MACHINE_PROBE_BAD,
    MACHINE_PROBES_LOST, /* no verdict in time */
    MACHINE_OPERATOR,
};
struct machine_change {
    bool changed; /* the rest is valid: this call has made the transition */
    enum machine_state from, to;
    enum machine_mode mode;
    enum machine_cause cause;
    unsigned openings; /* in a row, this one included */
    uint64_t lasts_ms; /* open: for so long; 0: until an operator says otherwise */
};

/* All may be called by any process. What `change` points to is written in any case; a call makes at
 * most one transition. */
enum machine_says machine_admit(struct machine *m, const struct machine_conf *conf,
                                struct machine_clock clock, struct machine_ticket *ticket,
                                struct machine_change *change);
/* The transition that is due by the time alone, if one is: for a process that looks at it now and
 * then, so that the state is right where nobody asks. Half-open without probes stays as it is. */
void machine_tick(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                  struct machine_change *change);
/* Of the version that the ticket is from, if the circuit is closed, or closing slowly. */
void machine_trip(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                  struct machine_ticket ticket, struct machine_change *change);
void machine_good(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                  struct machine_ticket ticket, struct machine_change *change);
void machine_bad(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                 struct machine_ticket ticket, struct machine_change *change);
void machine_back(struct machine *m, struct machine_ticket ticket);
/* Is the circuit closed, or closing slowly, since the probes of this ticket? Then it becomes that
 * of any call. */
bool machine_follow(const struct machine *m, const struct machine_conf *conf,
                    struct machine_ticket *ticket);
/* Back to MACHINE_AUTO is closed, as if nothing had ever been. Nothing changes when the mode is
 * that already. */
void machine_force(struct machine *m, enum machine_mode mode, uint64_t now_ms,
                   struct machine_change *change);

struct machine_view {
    enum machine_state state;
    enum machine_mode mode;
    uint16_t version;
    unsigned openings;
    uint64_t since_ms;     /* closed: since; 0: ever */
    uint64_t until_ms;     /* open, ramp: until; 0: until an operator says otherwise; half-open:
                              when the probes that are out will be lost; 0: none is */
    unsigned probes, good; /* half-open: gone out, and good so far */
};
struct machine_view machine_look(const struct machine *m);
/* Would a request be refused now? Changes nothing, and takes no permit. */
bool machine_is_open(const struct machine *m, uint64_t now_ms);

const char *machine_state_name(enum machine_state s); /* "half_open" */
const char *machine_mode_name(enum machine_mode m);   /* "forced_open" */
const char *machine_cause_text(enum machine_cause c);
/* What part of requests the state lets through, in percent; HALF_OPEN and OPEN: 0. */
unsigned machine_share(enum machine_state s);

#endif
