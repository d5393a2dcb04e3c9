/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_WINDOW_H
#define WEIR_FLEET_WINDOW_H

/* Private to fleet_window*.c: a window, and the trouble it is in.
 *
 * Good news waits in the ring of the instance that counted it, and most of it is never sent: it
 * falls out of the span there. Bad news of one instance is trouble for all:
 *
 *     quiet ──bad news here: PUBLISH, all is sent with this tick─────┐
 *       ▲ ╲──bad news elsewhere: heard, all is sent with the next────┤
 *       │                                                            ▼
 *       └───a span and a bucket after the last that was───────── in trouble: what a bucket has is
 *           heard or told of                                     sent when it ends
 *
 * Invariant: what lies within the span is in this ring or has been sent, never both. So trouble can
 * end and come again at any time, and sums are complete once all have heard of it and sent. */

#include "fleet/fleet_bucket.h"
#include "fleet/fleet_parts.h"

/* The last trouble that was heard or told of. All times are of this machine's clock. */
struct fleet_trouble {
    uint64_t epoch;
    uint64_t last_ms;     /* 0: there was none */
    uint64_t complete_ms; /* by then all others have sent what they had */
    uint64_t told;        /* the bucket (by Redis's clock) in which all were told last */
    bool heard;           /* it was somebody else's, and this one hasn't sent what it had */
    bool row;             /* a row may be under way that nothing has broken yet */
};

struct weir_fleet_window {
    struct fleet_thing thing;
    const struct weir_fleet_window_ops *ops;
    void *ctx;
    uint64_t span_ms;
    struct fleet_trouble trouble;
    /* not sent yet, of this epoch */
    uint64_t epoch;
    struct fleet_ring ring;
    struct weir_fleet_counts row; /* its run, and whether it is broken */
    bool urgent;
    uint64_t sent; /* the bucket in which those before it were sent */
    /* being read */
    bool wanted; /* sums, as soon as they are complete */
    struct weir_fleet_counts all;
    uint64_t all_epoch;
    bool failed;
};

static inline struct weir_fleet_window *fleet_window_of(struct fleet_thing *t)
{
    return container_of(t, struct weir_fleet_window, thing);
}

/* -- trouble (fleet_window_trouble.c) ---------------------------------------------------------- */

bool fleet_window_troubled(const struct weir_fleet_window *w);
/* There is something to say of the row of failures: in trouble, and after it until it is known that
 * a good call has broken the row. */
bool fleet_window_has_row(const struct weir_fleet_window *w);
/* Bad news of this instance: the others are told, unless they were in this bucket. */
void fleet_window_announce(struct weir_fleet_window *w, uint64_t bucket);

/* -- what Redis is told and asked (fleet_window_send.c) ---------------------------------------- */

void fleet_window_send_bucket(struct weir_fleet_window *w, uint64_t bucket);
void fleet_window_send_row(struct weir_fleet_window *w);
/* Then summed(). */
void fleet_window_read(struct weir_fleet_window *w, uint64_t bucket);

#endif
