/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_CELL_H
#define WEIR_CANARY_CELL_H

/* The shared record of one split: which ticket comes next, which weights are in force, and what has
 * come of it. The master makes it, workers take tickets from it and count, the control process
 * changes weights. Workers know no locks: a process that dies or stands still holds up none of
 * them.
 *
 *     split_cell_init()     [load], master      once; an existing cell stays as it is
 *     split_cell_take()     [hook], worker      the next request's variant
 *     split_cell_place()    [hook], worker      a user's variant, by bucket: needs no ticket
 *     split_cell_count()    [hook], worker      what became of it
 *     split_cell_hide()     [hook], worker      may a failure be hidden?
 *     split_cell_user()     [hook], worker      a user who was placed
 *     split_cell_change()   [control]           other weights, for all workers at once
 *     split_cell_edit()     [control]           other weights of some variants
 *     split_cell_view()     [control]           all of it, for an operator
 *
 * Weights are in force for an epoch, from one change to the next. All tickets and counts belong to
 * one epoch, and positions begin at 0 in each.
 *
 * The cell is as good for another generation, and another binary, as long as the list of variants
 * is the same one: so what the cell's name is made of contains their names and their order. */

#include "canary/buckets.h"
#include "canary/schedule.h"
#include "canary/weights.h"

struct split_cell;

/* The variants, in the order of the configuration, and a weight for each. Borrowed for the call. */
struct split_weights {
    const struct weir_slice *names;
    const uint32_t *weights;
    size_t n;
};

/* Bytes of a cell for so many variants: about 105 kB, and 8 kB for each. It wants the alignment of
 * a cache line, 64.
 */
size_t split_cell_size(size_t variants_n);

/* Makes a cell out of zeros; one that was made before is left alone, whatever the weights are now.
 * Before any other process uses it. False: the weights can't be kept, for this reason; that is said
 * about an existing cell as well. [load], master */
bool split_cell_init(struct split_cell *c, const struct split_weights *to, uint64_t wall_us,
                     char reason[SCHEDULE_REASON]) __attribute__((warn_unused_result));

/* A new epoch with these weights, in force for every ticket that is taken, and every user that is
 * placed, once this has returned: a variant of weight 0 gets nothing more. *former (may be NULL)
 * gets how many tickets the epoch before had in all. False: nothing has changed, for this reason.
 * It takes a few milliseconds; of processes that change weights at the same time (there are two
 * control processes during a reload) one waits for the other, for a second at most, and one that
 * dies in the middle is no hindrance. [load], [control] */
bool split_cell_change(struct split_cell *c, const struct split_weights *to, uint64_t wall_us,
                       uint64_t *former, char reason[SCHEDULE_REASON])
    __attribute__((warn_unused_result));

/* New weights of some variants: the others keep what they have, also what another process gives
 * them at the same time. */
struct split_edit {
    const struct weir_slice *names;
    const struct weight *weights; /* of n variants; SPLIT_KEEP units: keeps its own */
    size_t n;
    uint64_t wall_us;
};
#define SPLIT_KEEP UINT64_MAX
/* What was, and what is now, in units of one weight's last place (weight_number()). */
struct split_edited {
    uint32_t from[SCHEDULE_VARIANTS], to[SCHEDULE_VARIANTS];
    unsigned from_decimals, to_decimals;
    uint16_t epoch;   /* that has ended: its lower bits */
    uint64_t tickets; /* that it had */
};
/* As split_cell_change(). [control] */
bool split_cell_edit(struct split_cell *c, const struct split_edit *edit, struct split_edited *out,
                     char reason[SCHEDULE_REASON]) __attribute__((warn_unused_result));

/* What a request was given: the exchange keeps it for split_cell_count(). */
struct split_ref {
    uint16_t epoch; /* its lower bits */
    uint8_t variant;
};

/* The next ticket. False: the cell was never made, or its positions have run out (2^48 tickets
 * without a change: nine years at a million a second), or weights changed over and over while this
 * looked; the caller then has to choose by itself. [hook] */
bool split_cell_take(struct split_cell *c, struct split_ref *out)
    __attribute__((warn_unused_result));

/* Whose this bucket (below BUCKETS) is; likewise. [hook] */
bool split_cell_place(const struct split_cell *c, unsigned bucket, struct split_ref *out)
    __attribute__((warn_unused_result));

/* What an exchange that was given to a variant came to. All but HIDDEN are counted when it
 * finishes, so they lag behind the tickets by those that are under way. */
enum split_count {
    SPLIT_SENT,      /* the variant gave the response, or failed to */
    SPLIT_PLACED,    /* of those, the ones that a bucket decided on: they took no ticket */
    SPLIT_ERRORS,    /* of those that were sent, the failures */
    SPLIT_FELL_BACK, /* the variant wasn't ready, and the request went to another at once */
    SPLIT_HIDDEN,    /* the variant failed, and the request went to another then */
    SPLIT_COUNTS
};

/* Adds one; to nothing, when weights have changed since the reference was given. [hook] */
void split_cell_count(struct split_cell *c, struct split_ref ref, enum split_count what);

/* May this failure be hidden, so that no more than a share (in millionths) of what was sent is,
 * rounded up? True: it is counted as SPLIT_HIDDEN. Exact for all workers together: at no time are
 * more hidden than the share of the requests that have finished, and this one; so the first may be
 * at once. False also when weights have changed since, four times or more. [hook] */
bool split_cell_hide(struct split_cell *c, struct split_ref ref, uint32_t millionths)
    __attribute__((warn_unused_result));
/* It was not hidden after all. */
void split_cell_unhide(struct split_cell *c, struct split_ref ref);

/* A user who was placed (bucket_of() gives the mark). One that is added in the very moment in which
 * weights change for the fourth time since may be counted too late, in the newest epoch. [hook] */
void split_cell_user(struct split_cell *c, struct split_ref ref, uint64_t mark);

struct split_view {
    uint64_t epoch;      /* 1: the weights the cell was made with; grows by one with each change */
    uint64_t changed_us; /* wall clock */
    uint64_t age_us;     /* since then */
    uint64_t position;   /* tickets since then */
    unsigned decimals;   /* of the weights */
    size_t n;
    struct split_variant {
        uint32_t weight;
        uint32_t buckets;  /* of BUCKETS */
        uint64_t users;    /* different ones who were placed, about (users.h) */
        uint64_t assigned; /* of the tickets, exactly */
        double target;     /* position * weight / sum: less than 1 from `assigned` */
        uint64_t counts[SPLIT_COUNTS];
    } variants[SCHEDULE_VARIANTS];
};

/* All of one moment of one epoch: no count of tickets exceeds what was assigned. False as for
 * split_cell_take(). [any] */
bool split_cell_view(const struct split_cell *c, uint64_t wall_us, struct split_view *out)
    __attribute__((warn_unused_result));

#endif
