/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_HEALTH_H
#define WEIR_FLEET_HEALTH_H

/* Health checks by some instances for all, for clusters with health.fleet_checkers: carries what
 * control/health/health_share.h has to say and to hear, over the board "health/CLUSTER". */

struct fleet;
struct fleet_health;
struct health;

/* Both are borrowed. NULL: there is no fleet, or no cluster that wants it. */
struct fleet_health *fleet_health_start(struct fleet *f, struct health *h);
/* With each tick, before the fleet's. NULL is harmless, here and below. */
void fleet_health_tick(struct fleet_health *fh);
/* Before the fleet goes. */
void fleet_health_free(struct fleet_health *fh);

#endif
