/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_STEPS_H
#define WEIR_CORE_STEPS_H

/* The life of an exchange, read downwards: the only definition of the steps and of which may
 * follow which. core/exchange_steps.c has one function a step; the drawing in docs/request-life.dot
 * is made from this list.
 *
 * STEP(NAME, "what it does", "steps that may follow") */

#define STEP_LIST(STEP)                                                                            \
    STEP(ADMIT, "the head is complete: target, host, client address, request id", "ROUTE ANSWER")  \
    STEP(ROUTE, "find the route by listener, host, path and conditions", "PLAN ANSWER")            \
    STEP(PLAN, "cluster, deadline, limits and the head that goes inward", "PICK ANSWER")           \
    STEP(PICK, "choose an endpoint of the cluster", "TRY ANSWER")                                  \
    STEP(TRY, "attempt under way: content flows inward, wait for a head or a failure",             \
         "JUDGE ANSWER")                                                                    \
    STEP(JUDGE, "how did the attempt begin or end: accept it, try again, or give up",              \
         "PICK REPLY ANSWER")                                                                      \
    STEP(REPLY, "the response's head goes to the client", "RELAY")                          \
    STEP(RELAY, "content both ways until both ends are done; tunnels too", "FINISH ANSWER")        \
    STEP(ANSWER, "what the gateway says itself: a redirect, a fixed response, or why not",         \
         "FINISH")                                                                                 \
    STEP(FINISH, "counters, access log, memory", "")

enum step {
#define STEP(name, what, next) STEP_##name,
    STEP_LIST(STEP)
#undef STEP
    STEP_N
};

const char *step_name(enum step s);

#endif
