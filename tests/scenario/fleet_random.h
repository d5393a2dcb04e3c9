/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_FLEET_RANDOM_H
#define WEIR_TESTS_FLEET_RANDOM_H

/* Instances that share a circuit, driven at random; and everything that is seen of them meanwhile,
 * each with its time, so that it can be held against what the protocol promises:
 *
 *     fleet_random.c         what is done, and quiet
 *     fleet_random_edge.c    one instance ("edge"): requests to it, looks at it, what its log says
 *     fleet_random_redis.c   Redis: each version of the circuit's cell as it was made (MONITOR)
 *     fleet_random_rules.c   the invariants, a function and a sentence each
 *     fleet_random_stall.c   when the machine stood still, and nothing can be said
 *     fleet_random_tale.c    all of that as one story in the order of time, told when a rule is
 * broken
 *
 * Times are microseconds since 1970, which Redis, the logs and the test have in common. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/redis_server.h"
#include "tests/lib/rig.h"

enum { EDGES = 3, PROBES = 3, SUCCESSES = 2 };

enum state { STATE_CLOSED, STATE_OPEN, STATE_HALF_OPEN, STATES };
enum mode { MODE_AUTO, MODE_OPEN, MODE_CLOSED, MODES };

const char *state_word(enum state s);
/* Asserts that it is one. */
enum state state_of(const char *word);
uint64_t wall_us(void);

/* -- the tale ---------------------------------------------------------------------------------- */

void tale_begin(uint64_t seed);
void tale_end(void);
void tale_add(uint64_t us, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Tells the seed, what was broken and all that has happened, and ends the test. */
void tale_broken(const char *rule, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* -- stalls ------------------------------------------------------------------------------------ */

void stalls_begin(void);
void stalls_end(void);
/* Something that has begun then has ended now, and should have taken no longer than that. */
void stall_note(uint64_t began_us, uint64_t most_us);
/* Has the machine stood still at any time since? */
bool stalled_since(uint64_t us);

/* -- Redis ------------------------------------------------------------------------------------- */

/* A version of the cell. */
struct made {
    uint64_t us, version, lineage, at_ms, lasts_ms;
    enum state state;
    char by[16], cause[16];
    bool back;            /* an older record, put back; else a transition */
    uint64_t original_us; /* when it was made first; 0: that was not seen */
    uint64_t after;       /* the version that was there before; 0: none */
    bool after_known;     /* it is known what was there */
    uint64_t taken;       /* numbers given out in it */
    bool claimed;         /* an instance's log has said that it has made it */
    bool judged;
};

void redis_watch_begin(struct redis_server *s);
void redis_watch_end(void);
/* All that Redis has done until now. */
void redis_watch_read(void);
/* It has been started again. */
void redis_watch_again(void);
/* Has it ever been killed? What it had done last may not have been seen then. */
bool redis_watch_has_gap(void);
size_t made_n(void);
struct made *made_at(size_t i);
/* NULL: none was seen. */
struct made *made_version(uint64_t version);
/* The version that is stored; 0: none. */
uint64_t stored_version(void);

/* -- edges ------------------------------------------------------------------------------------- */

struct look {
    uint64_t asked_us, us;
    enum state state;
    enum mode mode;
    bool led, holding, joined;
    uint64_t joined_ms; /* for so long */
    uint64_t version;
    char by[16];
};

struct call {
    unsigned edge, round;
    uint64_t begin_us, end_us;
    uint64_t done_us; /* by the gateway; labelled */
    int status;       /* 0: no answer */
    bool probe;       /* the access log says so */
    bool labelled;
    char state[16];   /* the circuit's, by the access log */
    uint64_t version; /* of a probe that was surely sent under the fleet's lead; 0: not sure */
};

/* A change of the circuit's state, by the log. */
struct turn {
    uint64_t us;
    unsigned edge;
    enum state from, to;
    bool adopted, operator_;
    char by[16]; /* who has made it; adopted: "" is nobody */
    bool judged;
};

void edges_begin(void);
void edge_start(unsigned i, struct rig_conf conf);
void edge_reload(unsigned i, struct rig_conf conf);
/* One of its processes, by the beginning of the title. */
void edge_kill(unsigned i, const char *title);
struct look edge_look(unsigned i);
/* By an operator, with --fleet or without. */
void edge_force(unsigned i, enum mode mode, bool fleet);
enum { CALLS_AT_ONCE = 16 };
/* So many requests at once to each edge of the mask, with a look at it before and after; while they
 * are under way a process of the last of these edges is killed, if a title is given. */
void edges_call(unsigned mask, unsigned n, const char *kill_title);
/* Reads the logs. */
void edges_read(void);

size_t calls_n(void);
struct call *call_at(size_t i);
size_t turns_n(void);
struct turn *turn_at(size_t i);
/* Around the last requests to it. */
const struct look *look_before(unsigned i);
const struct look *look_after(unsigned i);
/* The round of the last calls. */
unsigned last_round(void);
/* When one of its processes was killed, or it was reloaded, for the last time. */
uint64_t edge_touched_us(unsigned i);

/* -- rules ------------------------------------------------------------------------------------- */

void rules_begin(void);
/* What the backend does from now on: the only status that comes from it. */
void rules_backend(int status);
/* An operator is about to say this. */
void rules_operator(unsigned edge, enum mode mode, bool fleet);
/* Redis has lost what it had, or may have. */
void rules_redis_lost(void);
/* After a round of calls to these edges: what they have come to, and what has been seen meanwhile.
 */
void rules_of_calls(unsigned mask);
/* After each step. */
void rules_of_step(void);
/* All are joined and nothing fails any more: does each instance do what was decided last? */
bool rules_last_decision_stands(void);
/* All of them do the same from now on. */
void rules_agreed(enum mode mode);

#endif
