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
    STEP(ROUTE, "find the route by listener, host, path and conditions",                           \
         "IDENTIFY ALLOW PLAN ANSWER")                                                             \
    STEP(IDENTIFY, "who asks, when a route's conditions or modules want to know; on_identify",     \
         "ROUTE ALLOW ANSWER")                                                                     \
    STEP(ALLOW, "may this go on? on_request of the route's modules", "PLAN ANSWER")                \
    STEP(PLAN, "cluster, deadline, limits and the head that goes inward; on_plan, on_forward",     \
         "ENTER PICK ANSWER")                                                                      \
    STEP(ENTER, "may this go to that cluster now? on_enter of its modules; then as PLAN",          \
         "PICK ANSWER")                                                                            \
    STEP(PICK,                                                                                     \
         "choose an endpoint, after a retry's delay; on_pick, on_attempt, on_unavailable",         \
         "PICK TRY REPLY ANSWER")                                                                  \
    STEP(TRY, "attempt under way: content flows inward, wait for a head or a failure",             \
         "JUDGE ANSWER")                                                                           \
    STEP(JUDGE, "how did the attempt begin or end: accept it, try again, or give up; on_result",   \
         "PICK TRY REPLY ANSWER")                                                                  \
    STEP(REPLY, "the response's head goes to the client; on_response", "RELAY")                    \
    STEP(RELAY, "content both ways until both ends are done; tunnels too", "FINISH ANSWER")        \
    STEP(ANSWER,                                                                                   \
         "what the gateway says itself: a redirect, a response, or why not; on_response",          \
         "FINISH")                                                                                 \
    STEP(FINISH, "on_end of attempts, on_done, counters, access log, memory", "")

enum step {
#define STEP(name, what, next) STEP_##name,
    STEP_LIST(STEP)
#undef STEP
    STEP_N
};

const char *step_name(enum step s);

#endif
