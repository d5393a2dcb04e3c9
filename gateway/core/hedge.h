/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_HEDGE_H
#define WEIR_CORE_HEDGE_H

/* Hedging (Dean and Barroso, The Tail at Scale, 2013): when the first attempt has given no head for
 * a while, a second one starts beside it on another endpoint. The first good answer wins, the other
 * attempt is given up.
 *
 *   x->attempt   the one that the steps look at; whichever comes to its head or its end first
 *   rival        the other one
 *
 * A second attempt needs the whole request, which must be such that it does no harm twice; another
 * endpoint; and a share of the cluster's hedge_budget. Where one of these is lacking there is none. */

#include "base/bytes.h"
#include "io/timer.h"

struct attempt;
struct exchange;

/* In the exchange's arena. */
struct hedge {
    struct timer timer; /* runs: a second attempt is due when it ends */
    struct exchange *x;
    uint64_t delay_ms;
    bool due;
    struct attempt *rival; /* under way beside x->attempt; NULL: none */
    struct attempt *second; /* the one that was started beside the first; NULL: none was */
    struct bytes content; /* of the request, for the second */
};

/* A second attempt, `delay_ms` after the first one starts, or a retry of it. Before it starts. */
void hedge_ask(struct exchange *x, uint64_t delay_ms);
/* An attempt has started: as long as there was no second one, it has so much time. */
void hedge_begin(struct exchange *x);
/* In STEP_TRY: begins what is due, and puts the attempt into x->attempt that has come to something. */
void hedge_turn(struct exchange *x);
/* The other attempt takes the place of x->attempt, which was not good. False: there is none. */
bool hedge_fall_back(struct exchange *x) nodiscard;
/* x->attempt is the answer: it has won, and the rival is given up. */
void hedge_win(struct exchange *x);
/* There is no more to hope for: the rival, if there is one, is given up. */
void hedge_settle(struct exchange *x);
void hedge_free(struct exchange *x);

#endif
