/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_RETRY_H
#define WEIR_CORE_RETRY_H

/* Retries that modules ask for in on_result: another attempt, perhaps on another cluster, perhaps
 * later. What the gateway repeats by itself (a kept connection that was stale, a stream that was
 * refused) has nothing to do with it, and costs no budget. */

#include "core/budget.h"
#include "core/cluster/cluster.h"
#include "io/timer.h"

struct chain;
struct exchange;
struct module;

/* A response that a hook wants to better with another attempt is held until that one has given one,
 * too: when attempts are used up, the last real answer of an origin is what the client gets.
 *
 * In the exchange's arena from the first request on. */
struct retry {
    struct timer timer; /* runs: the next attempt has to wait */
    struct exchange *x;
    bool wanted; /* on_result has arranged it; the steps have not begun it yet */
    struct cluster *cluster;
    const struct module *by; /* whose hook it was */
    const struct chain *chain; /* for CHAIN_CHOICE, when the cluster changes; NULL: none */
    uint64_t delay_ms;
    uint8_t rescues; /* how often another cluster took over as none of the first could be tried */
    struct attempt *held; /* has a head, and is paused by its queue; NULL: none */
    const struct chain *held_choice; /* CHAIN_CHOICE at that time */
    bool moved; /* the cluster has changed: its hooks are to be asked about the head */
};

struct retry_request {
    struct cluster *cluster;
    const struct chain *chain;
    uint64_t delay_ms;
    bool unsafe; /* whatever the method */
};

/* From on_result: arranges it. False, and nothing is arranged: the exchange is at its end, a retry
 * is arranged already, the request may not or can't be sent twice, its time would be up, the cluster
 * isn't ready, or has no budget left, which counts (retries_refused). x->retry_refused is the word
 * for that. */
bool retry_ask(struct exchange *x, const struct retry_request *r) nodiscard;
/* From on_unavailable, where no attempt has begun: another cluster takes over, whatever the method,
 * without a budget. False: not another one, it isn't ready, or it was done too often. */
bool retry_rescue(struct exchange *x, struct cluster *to, const struct chain *chain) nodiscard;
/* Was one arranged since retry_forget()? */
static inline bool retry_wanted(const struct retry *r)
{
    return r && r->wanted;
}
void retry_forget(struct exchange *x);
/* Has the cluster room for this in its budget? It is counted then. */
bool retry_budget_take(struct exchange *x, const struct cluster *to,
                       enum budget_kind kind) nodiscard;
/* x->attempt is not good enough: its response is held, in place of an earlier one, or it is let go
 * when it has none. */
void retry_hold(struct exchange *x);
/* No attempt has given anything better: x->attempt is the one that is held. False: none is. */
bool retry_take_held(struct exchange *x) nodiscard;
/* Another response goes to the client. */
void retry_drop_held(struct exchange *x);
/* Lets the attempt go or holds it, and brings the plan to the new cluster; the content begins anew, and the
 * delay. False: no memory for it. */
bool retry_begin(struct exchange *x) nodiscard;
/* Has the next attempt to wait? Whoever waits is woken. */
static inline bool retry_waits(const struct retry *r)
{
    return r && timer_running(&r->timer);
}
void retry_stop(struct exchange *x);

/* All the content goes out once more; it stays kept. False: no memory. */
bool retry_rewind(struct exchange *x) nodiscard;

#endif
