/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_BUDGET_H
#define WEIR_CORE_BUDGET_H

/* How many retries and hedges a cluster gets: so that a cluster that fails isn't given several times its usual
 * load by those who want to help. Retries may be `percent` of the first attempts within the last
 * `window`; and min_per_second of them are always allowed, so that a cluster with few requests can
 * be retried at all. Hedges, attempts beside others, have a budget of their own.
 *
 * All workers of an instance share one budget, in the cell "cluster/NAME/budgets": buckets of one
 * second, on the monotonic clock, which is the same for all processes of a machine. Each word of a
 * bucket carries the second that it counts, so whoever comes first in a new second begins it anew
 * with one compare-and-swap, and nobody has to clean up. First attempts, which every request makes,
 * are counted in the process and brought there a few at a time: those that are not there yet are
 * missing to the others, who then allow less.
 *
 * A budget that the instances of a fleet share is the same sum over more of them: what the others
 * have had in the window is put beside it by the control process, in the cell
 * "cluster/NAME/elsewhere" (fleet/fleet_budget.c). That is some time old, and what this instance has
 * taken since counts as if each of the others had taken as much; so many that begin at the same
 * moment don't take the same room each, and one that has need of it alone gets a share of what is
 * left with each news. */

#include <stdatomic.h>
#include <stdint.h>

#include "config/config.h"

enum budget_kind { BUDGET_RETRY, BUDGET_HEDGE, BUDGET_KIND_N };
enum { BUDGET_BUCKETS = 64 }; /* more than the longest window has seconds */

struct budget {
    struct budget_bucket {
        /* second in the upper half, count in the lower */
        _Atomic uint64_t firsts, extra[BUDGET_KIND_N];
    } buckets[BUDGET_BUCKETS];
};

/* Of the other instances; all zeros: nothing is known of them. */
struct budget_elsewhere {
    _Atomic uint64_t counts; /* first attempts in the upper half, retries in the lower */
    _Atomic uint64_t others; /* until which second that holds in the upper half, how many instances
                                they are in the lower */
    _Atomic uint32_t spent;  /* retries of this instance, ever; it wraps */
    _Atomic uint32_t spent_then; /* ... when the counts were taken */
};

/* First attempts of one process that are not in the budget yet. Zeroed to begin with. */
struct budget_tally {
    uint32_t second, n;
};

/* A first attempt begins. */
void budget_first(struct budget *b, struct budget_tally *t, uint64_t now_us);
/* Brings what one process has counted to all. */
void budget_flush(struct budget *b, struct budget_tally *t);
/* May a retry (a hedge) begin? It is counted then. `e`: NULL where nothing is shared. Two that ask
 * at the same time may both be refused where one had its place, never the other way round. */
bool budget_take(struct budget *b, enum budget_kind kind, const struct budget_conf *conf,
                 struct budget_elsewhere *e, uint64_t now_us) nodiscard;

/* One that was allowed at this time doesn't begin after all. Where nothing is shared. */
void budget_give_back(struct budget *b, enum budget_kind kind, uint64_t now_us);

/* What was counted in a second; 0 when it isn't kept any more. [control] */
struct budget_counts {
    uint64_t firsts, extra;
};
struct budget_counts budget_counted(const struct budget *b, enum budget_kind kind, uint32_t second);
/* What the other instances, so many, have had, as of when this one had spent `spent_then`; it holds
 * for a second or two. [control] */
void budget_hear(struct budget_elsewhere *e, const struct budget_counts *all, uint32_t others,
                 uint32_t spent_then, uint64_t now_us);
/* Nothing is known any more. [control] */
void budget_forget(struct budget_elsewhere *e);

#endif
