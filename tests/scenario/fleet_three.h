/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_FLEET_THREE_H
#define WEIR_TESTS_FLEET_THREE_H

/* Three instances of two workers each beside one Redis, each behind a proxy of its own. They share
 * the circuit of "app", which has opened by what all of them have seen and stays open for long,
 * that of "spare", which is closed (and stays open for $lasts, an hour), and decisions about the
 * split "/split" between v1 and v2.
 *
 *     three_begin();
 *     three_start(RIG_FLEET);
 *     ... Redis fails ...
 *     three_serve();
 *     ... Redis is back ...
 *     three_agree(three_v2);
 *     three_work();
 *     three_end();
 */

#include "tests/lib/fault_proxy.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig_fleet.h"

enum { THREE = 3 };

/* For each instance, which is the one that everything is about within. */
#define THREE_EACH(i) for (unsigned i = 0; i < THREE && (rig_instance(i), true); i++)

extern struct origin *three_v1, *three_v2;
extern struct fault_proxy *three_proxy[THREE]; /* "$redis" of each */

void three_begin(void);
void three_end(void);
/* Until the circuit is open, and the split is v2's by an operator's decision, on all. */
void three_start(const char *top);
/* Only starts them. */
void three_launch(const char *top);

/* Three requests on each, which are answered with 500. */
void three_fail(const char *target);
/* On each instance requests are answered: by v1 or v2, by spare, and by an open circuit. */
void three_serve(void);
/* weir_fleet_NAME of this instance. */
double three_fleet(const char *name);
/* Does this instance follow the fleet in everything? */
bool three_follows(void);
/* Is this cluster's circuit so on all? As in weir_breaker_state. */
enum three_state { THREE_CLOSED = 0, THREE_HALF_OPEN = 2, THREE_OPEN = 3 };
bool three_are(enum three_state state, const char *cluster);
/* weir_breaker_transitions_total or adopted_total of it, over all instances and all states. */
unsigned three_changes(const char *counter, const char *cluster);
/* Do all send the split there? */
bool three_go_to(struct origin *to);
/* With --fleet, on this instance: the split is v1's, or v2's. What weirctl says to it. */
const char *three_decide(const struct origin *v);
/* Awaits that all follow the fleet and split alike; then the circuit of "app" is still open, and
 * that once: no other transition has been made since it was. */
void three_agree(struct origin *v);
/* What fails on each a little opens the circuit of "spare" on all, and what one decides is done by
 * all: they are a fleet. */
void three_work(void);
/* Lines about the fleet in the log of this instance. */
unsigned three_logged(void);

#endif
