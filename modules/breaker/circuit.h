/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_CIRCUIT_H
#define WEIR_BREAKER_CIRCUIT_H

/* One circuit as a whole: a machine, and the window that it is judged by. It is judged whenever a
 * call has failed or was slow; a good call costs one compare-and-swap. A call is told of when its
 * response has begun, and when it has ended. Pure; any process. */

#include "breaker/machine.h"
#include "breaker/outcomes.h"
#include "breaker/window.h"

struct circuit_conf {
    struct machine_conf machine;
    struct window_conf window;
    uint32_t error_rate, slow_rate; /* millionths of the calls; 0: not judged by that */
    uint64_t slow_us;               /* a call that takes so long is slow */
    uint32_t consecutive;           /* failures in a row; 0: not judged by that */
    uint32_t min_requests;          /* rates need so many calls in the window */
    struct outcomes outcomes;
};

/* Borrowed; window and machine lie in shared memory. */
struct circuit {
    struct machine *machine;
    struct window *window;
    const struct circuit_conf *conf;
};

enum circuit_reason { CIRCUIT_FINE, CIRCUIT_ERRORS, CIRCUIT_SLOW, CIRCUIT_CONSECUTIVE };

/* What to say about a transition. */
struct circuit_event {
    struct machine_change change; /* .changed: this call has made it */
    enum circuit_reason reason;   /* of MACHINE_TRIPPED */
    struct window_sums sums;      /* likewise */
};

struct circuit_call {
    bool failed;
    bool open;        /* its response has begun well: circuit_end() will follow */
    uint64_t took_us; /* until it began, or failed */
};

enum machine_says circuit_ask(struct circuit c, struct machine_clock clock,
                              struct machine_ticket *ticket, struct circuit_event *event);
/* What is due by the time alone. */
void circuit_tick(struct circuit c, struct machine_clock clock, struct circuit_event *event);
/* What has come of a call that circuit_ask() let go out with this ticket. Gives where it was counted,
 * for circuit_end(). */
uint64_t circuit_result(struct circuit c, struct machine_clock clock, struct machine_ticket ticket,
                        struct circuit_call call, struct circuit_event *event);
/* How a call has ended that was open. A probe that breaks off is a bad one as long as the circuit is
 * half-open, and a failure like others when probes have closed it. */
struct circuit_ended {
    bool failed;
    uint64_t where;
};
void circuit_end(struct circuit c, struct machine_clock clock, struct machine_ticket ticket,
                 struct circuit_ended how, struct circuit_event *event);

/* The verdict about figures; those of a ramp are judged from fewer calls on. */
enum circuit_reason circuit_judge(const struct circuit_conf *conf, enum machine_state state,
                                  const struct window_sums *sums);
/* "12 of 20 calls failed"; gives its length, below `capacity`. */
size_t circuit_figures(char *to, size_t capacity, const struct circuit_conf *conf,
                       const struct circuit_event *event);

#endif
