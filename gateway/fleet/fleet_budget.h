/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_BUDGET_H
#define WEIR_FLEET_BUDGET_H

/* Retry budgets that instances share (retry_budget.shared; core/budget.h has the rule): first
 * attempts and retries of all go into the window "budget/CLUSTER", and what isn't of this instance
 * is put beside its own budget. */

struct fleet;
struct fleet_budgets;

/* Borrowed. NULL: there is no fleet, or no cluster that wants it. */
struct fleet_budgets *fleet_budgets_start(struct fleet *f);
/* With each tick, before the fleet's. NULL is harmless, here and below. */
void fleet_budgets_tick(struct fleet_budgets *fb);
/* Before the fleet goes. */
void fleet_budgets_free(struct fleet_budgets *fb);

#endif
