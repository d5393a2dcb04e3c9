/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_INJECT_H
#define WEIR_FAULT_INJECT_H

/* Injecting, once it is decided: the place among those that may have the fault at a time, the
 * figures, and the marks. Nothing is injected without its marks. [hook], in a worker. */

#include "fault/process.h"

/* Of one exchange and fault. */
struct injection {
    bool matches;  /* it is for this request */
    bool drawn;    /* EACH_REQUEST: and for all its attempts */
    bool placed;   /* has a place, which is given back at the end */
    bool delaying; /* at the edge: the time is running */
    unsigned times;
    struct weir_timer timer;
    struct weir_exchange *x;        /* that it wakes */
    struct weir_attempt_fault what; /* what is injected, with the delay; of testers: their wish */
};

enum { LOG_DELAY, LOG_ABORT, LOG_RATE, LOG_ATTEMPTS, LOG_BAD_WISH };

/* Takes a place, draws the delay and marks the exchange: s->what is to be done now. False: there is
 * no place, which is counted. */
bool injection_begin(struct weir_exchange *x, const struct weir_use *u);
void injection_end(const struct weir_use *u);

#endif
