/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_H
#define WEIR_FLEET_H

/* What instances of Weir share, through Redis: for modules whose state is to be the fleet's and not
 * only one machine's. docs/fleet.md says what operators see of it.
 *
 *     cell      a record that is the same on all instances; each version of it is made by one of
 *               them, and has numbers that are given out once
 *     window    sums of what all of them count, over a time that slides
 *     counter   numbers that are given out, each once, over all of them
 *     board     a note of each instance, which all others read
 *
 * Everything here is [control]: opened in start() or tick(), closed at the latest in stop(). What
 * workers need to know of it a module writes into its own cells in shared memory (weir_cell).
 *
 * Nothing waits. What is asked for leaves with the next tick (fleet.tick), all of it in one write,
 * and the answer comes as a call. While Redis can't be reached, or is too slow, or says something
 * that makes no sense, the instance is apart: what is asked for then is dropped, and the module
 * decides by itself; weir_fleet_until_ms() tells. Redis carries news, it never gives permission.
 *
 * Names are the module's own, up to 200 bytes; two modules may use the same ones. Two instances that
 * use the same name share what is behind it; in one instance a module opens each once, until it has
 * closed it. Texts are UTF-8. No function here may be called from within the call
 * that opened the same thing, but all may be called in answers, closing included. */

#include <weir/module.h>

#pragma GCC visibility push(default)

struct weir_fleet_cell;
struct weir_fleet_window;
struct weir_fleet_counter;
struct weir_fleet_board;

/* Is a fleet configured? So a module warns of settings that do nothing without it. [load] */
bool weir_load_fleet(const struct weir_load *l);
/* The same, in a process; false in workers. [process] */
bool weir_fleet(const struct weir_process *p);
/* Whose name stands in records and on boards: this instance's. */
struct weir_slice weir_fleet_instance(const struct weir_process *p);
/* How many instances are alive, this one included; 0: not known, as long as this one is apart. */
unsigned weir_fleet_members(const struct weir_process *p);

/* -- cells ----------------------------------------------------------------------------------------- */

enum { WEIR_FLEET_FIELDS = 16, WEIR_FLEET_FIELD_MAX = 256 /* bytes of a value */ };

struct weir_fleet_record {
    uint64_t version; /* each change has a greater one; 0: there is none yet */
    /* The first version since Redis has last lost, or may have lost, what it had: of another
     * lineage nothing that was heard before is known to have come before it. */
    uint64_t lineage;
    struct weir_slice by; /* the instance that made it, also when another one has put it back */
    uint64_t age_ms;      /* since it was made, by Redis's clock */
    /* Those that this version of Weir doesn't know stand here, too, and outlive offers without them. */
    const struct weir_claim *fields;
    size_t fields_n;
};

struct weir_fleet_cell_ops {
    /* What the fleet has: once after opening and after each time apart, whenever another instance
     * has made a new version, and when a record that Redis had lost is there again, as a new one. */
    void (*record)(void *ctx, const struct weir_fleet_record *r);
    /* What became of the offer: `taken`, then *r is what was offered, or another instance was first,
     * then *r is its; r NULL: it went apart in the meantime, or Redis has lost what the offer was to
     * come after, and what became of it record() will show. */
    void (*offered)(void *ctx, bool taken, const struct weir_fleet_record *r);
    /* Numbers from `first` on are this instance's, in this version; n 0: none, or nobody can say.
     * NULL: it takes none. */
    void (*took)(void *ctx, uint64_t version, uint64_t first, uint64_t n);
};
/* NULL: there is no fleet, no memory, or the name is open already (the log says that). */
struct weir_fleet_cell *weir_fleet_cell_open(struct weir_process *p, struct weir_slice name,
                                             const struct weir_fleet_cell_ops *ops, void *ctx);
void weir_fleet_cell_close(struct weir_fleet_cell *c); /* NULL is harmless */
/* Until when (milliseconds of the clock of weir_now_us) what record() gave may be taken for what the
 * fleet has; moves on with each tick that Redis answers in time. 0: apart. */
uint64_t weir_fleet_until_ms(const struct weir_fleet_cell *c);
/* What comes after the record that was last heard: taken if that is still what the fleet has. The
 * version is the next one, or begins a lineage. False: apart, or an offer is under way already,
 * this module's or the one by which a lost record is put back; nothing will be called then. Fields
 * are copied. */
bool weir_fleet_offer(struct weir_fleet_cell *c, const struct weir_claim *fields, size_t n)
    __attribute__((warn_unused_result));
/* The next n numbers of this version, from 0; each is given out once over all instances, and none
 * once another version has come: so what they permit never happens more often than that in one
 * version, whatever Redis loses. False: apart, another version, or one take is under way. */
bool weir_fleet_cell_take(struct weir_fleet_cell *c, uint64_t version, uint64_t n)
    __attribute__((warn_unused_result));

/* -- windows --------------------------------------------------------------------------------------- */

enum { WEIR_FLEET_SUMS = 4 };

struct weir_fleet_counts {
    uint64_t sums[WEIR_FLEET_SUMS];
    uint64_t run; /* how many of a kind in a row, at the end */
    bool broken;  /* the row began within these counts: what was before doesn't go with it */
};
struct weir_fleet_window_ops {
    /* What all instances have counted within the span, in this epoch, this one included. */
    void (*summed)(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all);
};
/* `span_ms` from 100; sums are of 90 to 100 % of it. Below ten ticks it is hardly longer than what it
 * takes to collect them. */
struct weir_fleet_window *weir_fleet_window_open(struct weir_process *p, struct weir_slice name,
                                                 uint64_t span_ms,
                                                 const struct weir_fleet_window_ops *ops, void *ctx);
void weir_fleet_window_close(struct weir_fleet_window *w);
/* Counts of this instance since the last call. What was counted in another epoch is not summed with
 * it: each version of a cell has its own. Epochs grow, and are less than 2^63. `urgent`: it is bad
 * news, as all that continues a row is; it goes with the next tick, and summed() is called. What isn't
 * urgent stays here until some instance has bad news of this window and epoch; then all send what
 * they have, and what comes for a span and a tenth after the last bad news, at most ten times a
 * span. So what goes well costs Redis nothing. The first sums are read two and a half ticks after
 * bad news has begun, when nobody's counts are missing (one instance has nobody to wait for); later
 * ones at once, then counts of others that aren't urgent may be missing for a tenth of the span.
 *
 * A row is broken by what an instance has counted since it knows of bad news, within a tenth of the
 * span; what it counted before that doesn't break it, as nobody knows what came first. */
void weir_fleet_window_add(struct weir_fleet_window *w, uint64_t epoch,
                           const struct weir_fleet_counts *counts, bool urgent);

/* -- counters -------------------------------------------------------------------------------------- */

/* For numbers that belong to no cell. When Redis loses what it has they begin anew: what may not
 * happen twice then takes its numbers from a cell's version. */

struct weir_fleet_counter_ops {
    /* Numbers from `first` on are this instance's; `first` counts from 0 in each epoch. */
    void (*took)(void *ctx, uint64_t epoch, uint64_t first, uint64_t n);
    /* Nobody can say: apart. Some may have been given out to nobody. */
    void (*lost)(void *ctx, uint64_t epoch);
};
struct weir_fleet_counter *weir_fleet_counter_open(struct weir_process *p, struct weir_slice name,
                                                   const struct weir_fleet_counter_ops *ops,
                                                   void *ctx);
void weir_fleet_counter_close(struct weir_fleet_counter *c);
/* The next n of this epoch. Epochs may be forgotten when nobody has taken from them for an hour.
 * False: apart, or one take is under way. */
bool weir_fleet_counter_take(struct weir_fleet_counter *c, uint64_t epoch, uint64_t n)
    __attribute__((warn_unused_result));

/* -- boards ---------------------------------------------------------------------------------------- */

enum { WEIR_FLEET_NOTE_MAX = 4096 };

struct weir_fleet_board_ops {
    /* Another instance's note; absent: it has gone, or has taken its note down. Once for each after
     * opening and after each time apart, and whenever it changes. */
    void (*note)(void *ctx, struct weir_slice instance, struct weir_slice text);
    /* What others have said isn't known any more: apart. */
    void (*blank)(void *ctx);
};
struct weir_fleet_board *weir_fleet_board_open(struct weir_process *p, struct weir_slice name,
                                               const struct weir_fleet_board_ops *ops, void *ctx);
void weir_fleet_board_close(struct weir_fleet_board *b);
/* This instance's note, from now on; copied; empty: none. It stays while the instance lives, and is
 * put up again after a time apart. */
void weir_fleet_post(struct weir_fleet_board *b, struct weir_slice text);

#pragma GCC visibility pop

#endif
