/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_PASSES_H
#define WEIR_OUTLIER_PASSES_H

/* What passed health checks say of an endpoint that is ejected: the nth ejection in a row is over,
 * before its time, when n checks in a row have passed since it began. So who fails requests while
 * its checks pass is believed less each time, as it would stay out longer each time.
 *
 * The control process alone writes it, and sees an ejection with its next tick: a check that has
 * passed before that doesn't count. All zeros: nothing was seen yet. */

#include "outlier/ejection.h"

struct passes {
    _Atomic uint32_t round; /* of the ejection that `base` belongs to */
    _Atomic uint32_t base;  /* checks that had passed in a row when it was first seen */
};

/* To be asked with each tick. `run`: checks that the endpoint has passed in a row by now. */
bool passes_enough(struct passes *p, const struct ejection_state *s, uint32_t run);

#endif
